//! The audit log: one JSON line for each request that a connector made or tried, and one for each event that
//! matters to whoever answers for the run.
//!
//! No secret is in it, and no value of a query parameter unless the manifest names the parameter as safe.

use crate::collect::printable;
use crate::json_line::one_line;
use crate::vault::Redactor;
use serde::Serialize;
use std::fs::File;
use std::io::{LineWriter, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::form_urlencoded;

/// The most bytes of a URL that a line repeats: a hostile connector chooses it.
const MOST_URL: usize = 1024;

/// Where the lines go.
pub struct Audit {
    redactor: Redactor,
    safe_parameters: Vec<String>,
    out: Mutex<Out>,
}

struct Out {
    files: Vec<LineWriter<File>>,
    /// How many bytes of lines about requests may still be written to each.
    left: u64,
    /// How many of those lines were dropped.
    dropped: u64,
    failed: Option<std::io::Error>,
}

/// A request as it is noted. One line for each attempt.
#[derive(Debug, Serialize)]
pub struct RequestLine<'a> {
    /// Its method.
    pub method: &'a str,
    /// Scheme, host and port, where they are not those of the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<&'a str>,
    /// Path and query.
    pub path: &'a str,
    /// The family of the rule that allowed it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub family: &'a str,
    /// The path pattern of that rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'a str>,
    /// The credential that was sent, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<&'a str>,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: LineVerdict,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// Bytes of the request line and of the connector's headers; a connector's request has no body.
    pub bytes_out: u64,
    /// Bytes of the answer's body after decompression, as far as they were read.
    pub bytes_in: u64,
    /// From the request to the end of what was read of its answer, in milliseconds.
    pub duration_ms: u64,
}

/// What became of a request.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum LineVerdict {
    /// The API answered.
    Answered {
        /// The status.
        status: u16,
    },
    /// The journal answered; nothing was sent.
    Journal {
        /// The status; 0 where there was no answer then.
        status: u16,
        /// When the answer came, in milliseconds since 1970.
        answered_at: u64,
    },
    /// No answer, or a broken one.
    Failed {
        /// Why.
        reason: String,
    },
    /// There was no token to send it with; nothing was sent.
    NoToken {
        /// Why.
        reason: String,
    },
    /// The policy refused it; nothing was sent.
    Refused {
        /// By which of its rules.
        by: &'static str,
        /// In words.
        reason: String,
    },
}

/// Something else that matters.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// A call into a connector began.
    Started {
        /// The connector's name.
        connector: &'a str,
        /// The component's SHA-256.
        component_sha256: &'a str,
        /// `check` or `extract`.
        export: &'static str,
    },
    /// A request.
    Request(RequestLine<'a>),
    /// A secret of this connection was found where it must not be, and redacted.
    Redacted {
        /// How often, in all.
        times: u64,
    },
    /// The log has reached its bound, and lines about requests were dropped.
    Dropped {
        /// How many.
        lines: u64,
    },
    /// It ended.
    Ended {
        /// How.
        outcome: &'a crate::outcome::Outcome,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl Audit {
    /// A log that goes nowhere yet. Values of `safe_parameters` may be shown.
    pub fn new(redactor: Redactor, safe_parameters: Vec<String>) -> Self {
        Self {
            redactor,
            safe_parameters,
            out: Mutex::new(Out {
                files: Vec::new(),
                left: u64::MAX,
                dropped: 0,
                failed: None,
            }),
        }
    }

    /// Bounds what the lines about requests take, in bytes: a connector may make any number of requests that a journal
    /// answers. Lines beyond are counted and dropped.
    #[must_use]
    pub fn bounded(mut self, bytes: u64) -> Self {
        let out = self.out.get_mut();
        out.unwrap_or_else(PoisonError::into_inner).left = bytes;
        self
    }

    /// How many lines were dropped so far.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Writes all further lines to this file too.
    pub fn write_to(&self, file: File) {
        self.lock().files.push(LineWriter::new(file));
    }

    /// Writes a line.
    pub fn note(&self, event: &Event<'_>) {
        let mut out = self.lock();
        if out.files.is_empty() {
            return;
        }
        if let Event::Ended { .. } = event
            && out.dropped > 0
        {
            let lines = out.dropped;
            self.write(&mut out, &Event::Dropped { lines });
        }
        self.write(&mut out, event);
    }

    fn write(&self, out: &mut Out, event: &Event<'_>) {
        let time = rfc3339(OffsetDateTime::now_utc());
        // What connector and API chose was redacted before: a secret may be a word that the host itself uses here.
        let line = serde_json::to_string(&Line { time, event }).unwrap_or_default();
        let line = one_line(line) + "\n";
        if let Event::Request(_) = event {
            match out.left.checked_sub(line.len() as u64) {
                // Once a line is dropped all are, so that the log is whole as far as it goes.
                Some(left) if out.dropped == 0 => out.left = left,
                _ => {
                    out.dropped += 1;
                    return;
                }
            }
        }
        let written = out
            .files
            .iter_mut()
            .try_for_each(|file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            out.failed.get_or_insert(error);
        }
    }

    /// Whether all lines could be written so far. Lines may still come: of requests that nobody waits for any more.
    ///
    /// # Errors
    /// The first error of a file.
    pub fn check(&self) -> std::io::Result<()> {
        match self.lock().failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Path and query as they may be noted: values of parameters that are not known to be safe are left out.
    pub fn shown_path(&self, uri: &http::Uri) -> String {
        // Before it is taken apart: a secret may hold what separates the parts of a query.
        let whole = uri.path_and_query().map_or("", |whole| whole.as_str());
        let whole = self.redactor.beginning(whole, 4 * MOST_URL);
        let (path, query) = match whole.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*whole, None),
        };
        let mut shown = path.to_owned();
        if let Some(query) = query {
            let safe = |name: &str| self.safe_parameters.iter().any(|safe| safe == name);
            for (number, (name, value)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
                let value = if safe(&name) { &value } else { "*" };
                shown.push(if number == 0 { '?' } else { '&' });
                shown.push_str(&format!("{name}={value}"));
            }
        }
        self.shown(&shown, MOST_URL)
    }

    /// What a connector chose, as it may be noted: without secrets, and in at most so many bytes.
    pub fn shown(&self, text: &str, most: usize) -> String {
        printable(&self.redactor.beginning(text, most), most)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time as programs read it.
pub fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// Whole milliseconds.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Opens a file to which an operator's audit lines are added. Its owner alone can read it.
///
/// # Errors
/// Where it can't be written.
pub fn append_to(path: &std::path::Path) -> std::io::Result<File> {
    let (directory, name) = crate::directory::Directory::of(path)?;
    directory.append(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit() -> Audit {
        Audit::new(
            crate::vault::redactor_of("a-secret-token"),
            vec!["page".into()],
        )
    }

    #[test]
    fn only_values_of_safe_parameters_are_shown() {
        let uri = "/a/b?page=2&q=private&flag".parse().unwrap();
        assert_eq!(audit().shown_path(&uri), "/a/b?page=2&q=*&flag=*");
        let long: http::Uri = format!("/{}", "x".repeat(5000)).parse().unwrap();
        assert!(audit().shown_path(&long).len() < 1100);
    }

    #[test]
    fn a_log_that_is_full_counts_what_it_drops_and_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let audit = audit().bounded(1000);
        audit.write_to(append_to(&path).unwrap());
        let request = || {
            Event::Request(RequestLine {
                method: "GET",
                origin: None,
                path: "/",
                family: "",
                rule: None,
                slot: None,
                verdict: LineVerdict::Answered { status: 200 },
                attempt: 1,
                bytes_out: 0,
                bytes_in: 0,
                duration_ms: 0,
            })
        };
        for _ in 0..100 {
            audit.note(&request());
        }
        audit.note(&Event::Ended {
            outcome: &crate::outcome::Outcome::Complete,
        });
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let kept = lines.len() - 2;
        assert!((1..10).contains(&kept), "{kept}");
        assert_eq!(lines[kept]["event"], "dropped");
        assert_eq!(lines[kept]["lines"], 100 - kept);
        assert_eq!(audit.dropped(), 100 - kept as u64);
        assert_eq!(lines[kept + 1]["event"], "ended");
    }

    #[test]
    fn a_secret_in_what_the_connector_chose_is_not_shown() {
        let uri = "/a-secret-token/b?a-secret-token=1&page=a%2Dsecret-token".parse();
        let shown = audit().shown_path(&uri.unwrap());
        assert_eq!(shown, "/[redacted]/b?[redacted]=*&page=[redacted]");
        let redactor = crate::vault::redactor_of("ab+cd=efgh&ij==");
        let audit = Audit::new(redactor, vec!["page".into()]);
        let shown = audit.shown_path(&"/p?ab+cd=efgh&ij==&page=ab+cd=efgh&ij==".parse().unwrap());
        assert!(
            !shown.contains("ab cd") && !shown.contains("efgh") && !shown.contains("ij"),
            "{shown}"
        );
    }

    #[test]
    fn a_secret_that_is_a_word_of_the_log_blanks_nothing_of_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.jsonl");
        let redactor = crate::vault::redactor_of("\"event\":\"started\"");
        let audit = Audit::new(redactor, Vec::new());
        audit.write_to(append_to(&path).unwrap());
        audit.note(&Event::Started {
            connector: "example",
            component_sha256: "",
            export: "check",
        });
        audit.check().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["connector"], "example");
        assert_eq!(line["event"], "started");
    }
}
