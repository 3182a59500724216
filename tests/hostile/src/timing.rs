//! Attacks on a secret by time: a call takes longer, or less long, where a text holds more of the secret.

use portcullis_kit::bindings::portcullis::connector::output::{self, Item, Stage};
use wasip2::clocks::monotonic_clock;

/// What a token consists of.
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// How often a long text is timed; the fastest counts.
const ROUNDS: u32 = 6;

/// Each line is the beginning of a secret. For each it tells three guesses at the character that comes next. A search that is
/// built while it goes on takes longer where it comes to a place for the first time: behind the right character, with each
/// character that may follow. One that compares takes longer, or less long, for each partial match.
pub(crate) fn guess(lines: &[String]) {
    for (number, known) in lines.iter().enumerate() {
        // What is done once for any text is done before.
        for _ in 0..50 {
            staged("something else");
        }
        // And what is done once for what is known already.
        staged(&with_all_behind(known, b'.'));
        let stage = ALPHABET
            .iter()
            .max_by_key(|next| staged(&with_all_behind(known, **next)));
        let mut times: Vec<(u64, u8)> = ALPHABET.iter().map(|next| (u64::MAX, *next)).collect();
        for round in 0..ROUNDS {
            for (time, next) in &mut times {
                let text = format!("{round} {}", with(known, *next));
                let long = format!("{text} ").repeat((16 << 10) / text.len());
                *time = (*time).min(emitted(long));
            }
        }
        let longest = times.iter().max().map(|(_, next)| next);
        let shortest = times.iter().min().map(|(_, next)| next);
        for (how, next) in [
            ("stage", stage),
            ("longest", longest),
            ("shortest", shortest),
        ] {
            let next = next.map_or(' ', |next| char::from(*next));
            output::emit(&[Item::Warning(format!("guess {number} {how} {next}"))]);
        }
    }
}

fn with(known: &str, next: u8) -> String {
    format!("{known}{}", char::from(next))
}

/// The same with each character behind it.
fn with_all_behind(known: &str, next: u8) -> String {
    let behind = ALPHABET.iter().map(|behind| char::from(*behind));
    behind
        .map(|behind| format!("{}{behind} ", with(known, next)))
        .collect()
}

/// How long the host takes for a name of a stage: it writes nothing down for it.
fn staged(name: &str) -> u64 {
    let stage = Stage {
        name: name.to_owned(),
        done: 0,
        total: None,
    };
    let began = monotonic_clock::now();
    output::progress(&stage);
    monotonic_clock::now() - began
}

/// How long it takes for an item.
fn emitted(text: String) -> u64 {
    let items = [Item::Warning(text)];
    let began = monotonic_clock::now();
    output::emit(&items);
    monotonic_clock::now() - began
}

/// A text of a MiB, repeated from the first line.
pub(crate) fn near_matches(lines: &[String]) {
    for line in lines {
        let text = line.repeat((1 << 20) / line.len().max(1));
        output::emit(&[Item::Warning(text)]);
    }
}

/// One call that carries a thousand items of 64 KiB, with one buffer for all their texts. After each item it would be time to
/// stop.
pub(crate) fn one_long_call() {
    let text = "x".repeat(64 << 10);
    let warning = |number: u32| Item::Warning(format!("{number} {text}"));
    let items: Vec<Item> = (0..500).map(warning).collect();
    output::emit(&items);
}
