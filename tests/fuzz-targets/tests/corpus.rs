//! Runs every target over its corpus, and over mutations of it that are the same each time.
#![allow(clippy::unwrap_used)]

use fuzz_targets::TARGETS;
use std::path::Path;

/// Mutations of each input.
const MUTATIONS: u64 = 150;

fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % 1_000_003).unwrap()
}

/// Changes a few places: flips, doubles, cuts, or takes a piece of another input.
fn mutated(input: &[u8], other: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = input.to_vec();
    for _ in 0..=next(&mut state) % 4 {
        let place = next(&mut state) % (bytes.len() + 1);
        match next(&mut state) % 5 {
            0 if place < bytes.len() => bytes[place] ^= 1 << (next(&mut state) % 8),
            1 => bytes.insert(place, u8::try_from(next(&mut state) % 256).unwrap()),
            2 => bytes.truncate(place),
            3 if !other.is_empty() => {
                let from = next(&mut state) % other.len();
                let to = (from + next(&mut state) % 64).min(other.len());
                bytes.splice(place..place, other[from..to].iter().copied());
            }
            _ => {
                let end = (place + next(&mut state) % 64).min(bytes.len());
                let piece = bytes[place..end].to_vec();
                bytes.splice(place..place, piece);
            }
        }
    }
    bytes
}

#[test]
fn every_target_holds_over_its_corpus() {
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../fuzz/corpus")
            .join(name);
        let mut paths: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        assert!(paths.len() >= 4, "the corpus of {name} is here");
        let inputs: Vec<Vec<u8>> = paths
            .iter()
            .map(|path| std::fs::read(path).unwrap())
            .collect();
        for (number, input) in inputs.iter().enumerate() {
            target(input);
            let other = &inputs[(number + 1) % inputs.len()];
            for seed in 0..MUTATIONS {
                target(&mutated(input, other, seed + 1));
            }
        }
    }
}
