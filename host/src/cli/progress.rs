//! What a person sees while a run goes on: a bar on a terminal, plain log lines elsewhere.

use crate::import::Watch;
use crate::sandbox::Observer;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing_subscriber::fmt::MakeWriter;

/// Standard error, with a bar at its foot where it is a terminal.
#[derive(Clone)]
pub(super) struct Screen {
    /// None where standard error is no terminal.
    bar: Option<(MultiProgress, ProgressBar)>,
    /// The stage that was last logged where there is no bar.
    logged: Arc<Mutex<String>>,
    /// When somebody was last told that requests wait.
    told: Arc<Mutex<Option<Instant>>>,
}

impl Screen {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let screen = MultiProgress::new();
            let bar = screen.add(ProgressBar::new_spinner());
            bar.enable_steady_tick(Duration::from_millis(120));
            (screen, bar)
        });
        Self {
            bar,
            logged: Arc::default(),
            told: Arc::default(),
        }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.bar.is_some()
    }

    pub(super) fn clear(&self) {
        if let Some((_, bar)) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Where log lines go: above the bar.
    pub(super) fn log(&self) -> LogWriter {
        LogWriter(self.bar.as_ref().map(|(screen, _)| screen.clone()))
    }
}

impl Observer for Screen {
    fn progress(&self, stage: &str, done: u64, total: Option<u64>) {
        // The words are the connector's.
        self.stage(
            &format!("connector: {stage}"),
            done,
            total,
            ["{pos}", "{len}"],
        );
    }

    fn waiting(&self, slot: &str, wait: Duration) {
        // What is over before it can be read is not worth a line.
        if wait < Duration::from_secs(5) {
            return;
        }
        // An API chooses how often this comes.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| told.elapsed() < Duration::from_secs(60)) {
            return;
        }
        *told = Some(Instant::now());
        let whose = if slot.is_empty() {
            "requests without a credential".to_owned()
        } else {
            format!("the credential {slot}")
        };
        let wait = indicatif::HumanDuration(wait);
        tracing::info!(target: "connector", "the API allows no more for now: {whose} waits {wait:#}");
    }
}

impl Screen {
    /// Shows a stage; `what` are the places of the bar for what is done and for all of it.
    fn stage(&self, stage: &str, done: u64, total: Option<u64>, [pos, len]: [&str; 2]) {
        let Some((_, bar)) = &self.bar else {
            let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
            if *logged != stage {
                stage.clone_into(&mut logged);
                tracing::info!(target: "connector", "{stage}");
            }
            return;
        };
        let template = match total {
            Some(total) => {
                bar.set_length(total);
                format!(
                    "{{spinner}} {{msg:<28}} {{bar:30}} {pos}/{len}  {{elapsed}}, some {{eta}} left"
                )
            }
            None => format!("{{spinner}} {{msg:<28}} {pos}  {{elapsed}}"),
        };
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_message(stage.to_owned());
        bar.set_position(done);
    }
}

impl Watch for Screen {
    fn read(&self, file: &str, done: u64, total: Option<u64>) {
        self.stage(
            &format!("reading {file}"),
            done,
            total,
            ["{bytes}", "{total_bytes}"],
        );
    }

    fn settling(&self) {
        if let Some((_, bar)) = &self.bar {
            bar.set_message("checking, exporting");
        }
    }

    fn problem(&self, line: &str) {
        // Nobody listens any more where this fails.
        let _ = writeln!(self.log().make_writer(), "{line}");
    }
}

/// Writes log lines without tearing the bar.
pub(super) struct LogWriter(Option<MultiProgress>);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.0.clone())
    }
}

/// One log line.
pub(super) struct Line(Option<MultiProgress>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match &self.0 {
            Some(screen) => screen.suspend(|| std::io::stderr().write(bytes)),
            None => std::io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}
