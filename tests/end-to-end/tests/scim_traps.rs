//! What real SCIM servers do otherwise than the RFCs, one by one and several at once: the output is the truth all the
//! same, or the coverage says what is missing.
#![allow(clippy::unwrap_used)]

use end_to_end::run;
use end_to_end::scim::ScimCase;
use fake_scim::{Behaviour, DEVIATIONS, Shape, World};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::collections::BTreeSet;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// What costs a reader something, whatever it does, and the families that the coverage must then not call complete.
/// Every other deviation costs nothing.
const COSTLY: &[(&str, &[&str])] = &[
    ("total-too-many", &["users"]),
    ("total-half", &[]),
    ("first-page-only", &["users"]),
    ("rows-move-though-sorted", &["users"]),
    // The next page is none: perhaps there was another.
    ("cursor-loops", &[]),
    ("members-by-filter-only", &[]),
    ("members-by-user-only", &["nested-groups"]),
    ("members-nowhere", &["memberships", "nested-groups"]),
    ("aws", &[]),
    ("groups-not-found", &["groups"]),
    ("groups-not-implemented", &["groups"]),
    ("groups-forbidden", &["groups"]),
    ("groups-too-many", &["groups"]),
    ("groups-broken", &["groups"]),
    ("groups-are-html", &["groups"]),
    ("groups-are-html-as-scim", &["groups"]),
    ("groups-are-an-error", &["groups"]),
    ("groups-redirect", &["groups"]),
    ("later-users-broken", &["users"]),
    ("single-groups-broken", &["memberships"]),
    ("rights-not-implemented", &["roles", "entitlements"]),
    ("no-rights", &[]),
    ("no-discovery", &[]),
    ("discovery-is-html", &[]),
];

/// Without a list of users there is nothing to read.
const FATAL: [&str; 2] = ["users-not-found", "users-forbidden"];

#[tokio::test]
async fn each_deviation_alone() {
    let mut complaints = Vec::new();
    for deviation in DEVIATIONS.iter().filter(|one| !FATAL.contains(&one.name)) {
        let name = deviation.name;
        let case = ScimCase::deviating(31, &[name]).await;
        let ended = case.run(BINARY).await;
        let mut found = case.complaints(&ended);
        match COSTLY.iter().find(|(costly, _)| *costly == name) {
            None if found.is_empty() => {
                let truth = case.truth();
                if ended.code != 0 || ended.relations() != truth.relations {
                    found.push(format!("exit code {}, {:?}", ended.code, ended.coverage()));
                }
            }
            None => {}
            Some((_, families)) => {
                for family in *families {
                    if ended.family(family) == "complete" {
                        found.push(format!("{family} is called complete"));
                    }
                }
            }
        }
        found.truncate(3);
        complaints.extend(found.into_iter().map(|found| format!("{name}: {found}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[tokio::test]
async fn no_users_no_result() {
    for name in FATAL {
        let case = ScimCase::deviating(32, &[name]).await;
        let ended = case.run(BINARY).await;
        assert!(ended.code != 0, "{name}: {}", ended.printed());
        assert!(
            !ended.out.join("run.json").exists() || ended.family("users") == "unreadable",
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_group_of_100_mb_is_read_as_it_comes() {
    let shape = Shape {
        users: 300,
        groups: 3,
        ..Shape::default()
    };
    let mut behaviour = Behaviour::default();
    behaviour.members.times = 1_950;
    let config = fake_scim::Config {
        behaviour,
        ..fake_scim::Config::default()
    };
    let case = ScimCase::start(World::generate(33, &shape), config).await;
    let ended = run(BINARY, &case.connection).await;
    ended.expect_code(0);
    ended.expect_truth(case.truth());
    let largest = case.server.requests().0.iter().map(|seen| seen.bytes).max();
    assert!(largest > Some(100_000_000), "{largest:?}");
    let limits = ended.report()["limits"].clone();
    let memory = limits
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["limit"] == "memory_mib");
    let used = memory.unwrap()["used"].as_f64().unwrap();
    assert!(
        used < 32.0,
        "{used} MiB for a body that is three times as large"
    );
}

/// What can't go together, or leaves nothing by which a reader could tell.
const SENSELESS: &[&[&str]] = &[
    // One id, two things, and nothing says which is meant.
    &["shared-ids", "members-bare"],
    &["shared-ids", "members-without-type"],
    // Nothing that is accepted pleases both.
    &["scim-or-nothing", "json-or-nothing"],
    // Cut at 100, but repeated.
    &["members-cut", "members-repeated"],
    // Nothing but the count tells the first page of a list from a list that comes whole.
    &["first-page-only", "total-is-page-size"],
    &["first-page-only", "total-absent"],
    &["first-page-only", "total-zero"],
    &["first-page-only", "total-half"],
    &["first-page-only", "aws"],
    // An empty list, with count and without, and no number that says otherwise.
    &["none-without-count", "count-fails"],
];

fn sensible(names: &BTreeSet<&str>) -> bool {
    let fatal = FATAL.iter().any(|name| names.contains(name));
    let senseless = |pair: &&[&str]| pair.iter().all(|name| names.contains(name));
    !fatal && !SENSELESS.iter().any(senseless)
}

/// What once went wrong together.
const KNOWN: &[&[&str]] = &[
    // A part of the rows of a page came twice, and the count is the page's own.
    &["rows-move", "total-is-page-size"],
    &["rows-move-though-sorted", "total-half"],
    // The second page fails, and the first says that it is all.
    &["later-users-broken", "total-is-page-size"],
    &["later-users-broken", "aws"],
    // Groups cut off, and what users show can't be counted.
    &["members-cut", "user-groups-display-only"],
    &["members-cut", "user-groups-absent", "filters-refused"],
    // Who is in a group by way of another is shown as if directly.
    &["members-by-user-only", "user-groups-untyped"],
    // A filter by an id that stands for a user and a group.
    &["shared-ids", "user-groups-untyped"],
    &["shared-ids", "members-by-filter-only"],
    // A filter that is ignored finds every group for everybody.
    &["members-by-filter-only", "filters-ignored"],
    &["members-by-filter-only", "filters-find-nothing"],
];

#[tokio::test]
async fn what_once_went_wrong_together() {
    let mut complaints = Vec::new();
    for names in KNOWN {
        let case = ScimCase::deviating(0, names).await;
        let ended = case.run(BINARY).await;
        let found = case.complaints(&ended).into_iter().take(3);
        complaints.extend(found.map(|found| format!("{names:?}: {found}")));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn deviations_together() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let names: Vec<&str> = DEVIATIONS.iter().map(|one| one.name).collect();
    let some = proptest::sample::subsequence(names, 2..6)
        .prop_map(|names| names.into_iter().collect::<BTreeSet<_>>())
        .prop_filter("they go together", sensible);
    // The same combinations each time, unless PROPTEST_RNG_SEED asks for others.
    let usual = Config::default();
    let mut runner = TestRunner::new(Config {
        cases: 120,
        failure_persistence: None,
        rng_seed: match usual.rng_seed {
            RngSeed::Random => RngSeed::Fixed(1),
            told => told,
        },
        ..usual
    });
    let outcome = runner.run(&(some, 0..1000u64), |(names, seed)| {
        let names: Vec<&str> = names.into_iter().collect();
        let complaints = runtime.block_on(async {
            let case = ScimCase::deviating(seed, &names).await;
            let ended = case.run(BINARY).await;
            case.complaints(&ended)
        });
        let first: Vec<_> = complaints.iter().take(3).collect();
        prop_assert!(complaints.is_empty(), "{names:?}, seed {seed}: {first:#?}");
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn every_deviation_that_is_named_here_is_one() {
    let known: BTreeSet<&str> = DEVIATIONS.iter().map(|one| one.name).collect();
    let named = COSTLY.iter().map(|(name, _)| name).chain(&FATAL);
    for name in named.chain(SENSELESS.iter().chain(KNOWN).flat_map(|names| names.iter())) {
        assert!(known.contains(name), "{name}");
    }
}
