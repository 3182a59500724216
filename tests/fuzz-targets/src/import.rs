use portcullis::collect::Format;
use portcullis::import::{Import, Source, Watch};
use portcullis::limits::Limits;
use portcullis::outcome::Outcome;
use std::io::Cursor;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Watch for Told {
    fn read(&self, _: &str, done: u64, total: Option<u64>) {
        assert!(total.is_none_or(|total| done <= total));
    }

    fn settling(&self) {}

    fn problem(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.to_owned());
    }
}

/// Imports two files into a directory, and gives what was exported; none where they were refused.
fn imported(files: [Vec<u8>; 2], out: &Path, keep_going: bool) -> Option<[Vec<u8>; 2]> {
    let told = Arc::new(Told::default());
    let import = Import {
        connector: "example".to_owned(),
        app: "app".parse().expect("an app"),
        limits: Limits::default(),
        keep_going,
        formats: vec![Format::Csv],
        problems: None,
    };
    let mut names = ["e", "r"].into_iter();
    let sources = files.map(|bytes| {
        let length = bytes.len() as u64;
        let name = names.next().unwrap_or_default();
        Source::new(name, Box::new(Cursor::new(bytes)), Some(length))
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let watch: Arc<dyn Watch> = Arc::clone(&told) as _;
    let report = runtime
        .block_on(import.import(sources, out, watch, std::future::pending()))
        .expect("a disk that is not full");
    let lines = told.0.lock().unwrap_or_else(PoisonError::into_inner);
    for line in lines.iter() {
        assert!(line.starts_with("e:") || line.starts_with("r:"), "{line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
    match report.outcome {
        Outcome::Complete => assert!(lines.is_empty(), "{lines:?}"),
        Outcome::Partial { .. } => assert!(keep_going && !lines.is_empty()),
        Outcome::BadFiles { problems, .. } => {
            assert_eq!(lines.len() as u64, problems.min(100));
            assert!(problems > 0 && !out.exists());
            return None;
        }
        other => panic!("{other:?}"),
    }
    Some(
        Format::Csv
            .files()
            .map(|name| std::fs::read(out.join(name)).expect("an export")),
    )
}

/// Whatever is uploaded is refused in words, or kept; what was kept can be imported again, and comes out byte for byte. The
/// input: both files, separated by 0xff 0x00 0xff.
///
/// # Panics
/// Where that does not hold.
pub fn import(data: &[u8]) {
    let at = data.windows(3).position(|three| three == [0xff, 0, 0xff]);
    let (entities, relations) = at.map_or((data, data), |at| (&data[..at], &data[at + 3..]));
    let files = [entities.to_vec(), relations.to_vec()];
    let directory = tempfile::tempdir().expect("a directory");
    let out = |name: &str| directory.path().join(name);
    let strictly = imported(files.clone(), &out("strict"), false);
    let Some(kept) = strictly.or_else(|| imported(files, &out("lenient"), true)) else {
        return;
    };
    if kept[0].iter().filter(|byte| **byte == b'\n').count() > 1 {
        let again = imported(kept.clone(), &out("again"), false);
        assert!(again.is_some_and(|again| again == kept));
    }
}
