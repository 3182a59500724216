//! How fast secrets are searched for, and that it does not depend on how much of a secret a text holds.

use crate::{RUNS, Table};
use indexmap::IndexMap;
use portcullis::slot::SlotName;
use portcullis::vault::{Credential, Redactor, Secret, Vault};
use std::hint::black_box;
use std::time::Instant;

/// The size of each text, in bytes.
const SIZE: usize = 4 << 20;

const TOKEN: &str = "ATCTT3xFfGF0vhyYsLrJCGWWRuNiUx9lSg_-tXttA85O4BXWyLUnfeQJGB2jCsYM5yMu5YvA";
const PASSWORD: &str = "ATATT3xFfGF0T4JVjdmAcx0mpXHkJnBGKzbhqDGFyvZhYSxcW1ym_Vw1pHd";

pub(crate) fn measure(table: &mut Table) {
    let redactor = redactor();
    let texts = [
        (
            "nothing of a secret",
            "The quick brown fox jumps over the lazy dog. ".to_owned(),
        ),
        ("a quarter of a secret", TOKEN[..18].to_owned() + "\n"),
        ("half of a secret", TOKEN[..36].to_owned() + "\n"),
        ("all but its last character", TOKEN[..71].to_owned() + "\n"),
        ("all but its first character", TOKEN[1..].to_owned() + "\n"),
    ];
    let texts = texts.map(|(what, text)| (what, text.repeat(SIZE / text.len())));
    // In turn, so that a machine that gets slower is no difference between texts.
    let mut times = vec![Vec::new(); texts.len()];
    for _ in 0..RUNS * 4 {
        for ((_, text), times) in texts.iter().zip(&mut times) {
            let began = Instant::now();
            black_box(redactor.text(black_box(text)));
            times.push(began.elapsed().as_nanos() as f64 / text.len() as f64);
        }
    }
    let medians: Vec<f64> = times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect();
    let first = medians[0];
    for ((what, _), median) in texts.iter().zip(medians) {
        let what = format!("a text that holds {what}, over one that holds nothing");
        table.add("redaction", what, median / first, "times", "1.00");
    }
    let what = "two secrets searched for, plain text";
    table.add("redaction", what, first, "ns/byte", "");
}

fn redactor() -> Redactor {
    let slot = |name: &str| SlotName::try_from(name.to_owned()).unwrap();
    let secret = |text: &str| Secret::new(text.as_bytes().to_vec().into()).unwrap();
    let vault = Vault::new(IndexMap::from([
        (
            slot("token"),
            Credential::Bearer {
                token: secret(TOKEN),
            },
        ),
        (
            slot("account"),
            Credential::Basic {
                username: "me@example.com".to_owned(),
                password: secret(PASSWORD),
            },
        ),
    ]));
    vault.redactor().clone()
}
