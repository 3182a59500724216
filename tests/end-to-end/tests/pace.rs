//! An API that allows so many requests in a rolling hour is asked as often as it allows, and never more often. Hours pass on
//! a clock of the test's own.
#![allow(clippy::unwrap_used)]

use end_to_end::inside::{JumpingClock, machine_at, run};
use end_to_end::{Case, Ended};
use fake_bitbucket::{
    Behaviour, Config, Credential, Family, Hour, Presented, Refusal, Refuse, Sizes, Visibility,
    What, World,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

const HOUR: Duration = Duration::from_secs(3600);

const SIZES: Sizes = Sizes {
    users: 40,
    groups: 6,
    projects: 10,
    repositories: 900,
};

const SMALL: Sizes = Sizes {
    users: 10,
    groups: 2,
    projects: 4,
    repositories: 60,
};

/// A workspace behind an API that allows `allow` requests in any hour of this clock.
async fn case(seed: u64, sizes: Sizes, allow: usize, clock: &JumpingClock) -> Case {
    let hour = Hour {
        allow,
        span: HOUR,
        clock: Arc::clone(&clock.0),
    };
    let behaviour = Behaviour {
        hour: Some(hour),
        ..Behaviour::default()
    };
    let config = Config {
        behaviour,
        ..Config::default()
    };
    Case::start(World::generate(seed, sizes), config).await
}

fn refused(case: &Case) -> usize {
    let by_status = case.server.requests().by_status();
    by_status.get(&429).copied().unwrap_or_default()
}

fn expect_truth(case: &Case, ended: &Ended) {
    ended.expect_code(0);
    case.expect_truth(ended, &Visibility::default());
}

/// How many hours have passed since then.
fn hours(clock: &JumpingClock, since: u64) -> f64 {
    let passed = clock.0.load(Ordering::SeqCst) - since;
    passed as f64 / HOUR.as_millis() as f64
}

/// How many requests each credential made.
fn sent(case: &Case) -> [usize; 2] {
    let requests = case.server.requests();
    [Credential::WorkspaceToken, Credential::Account].map(|credential| {
        let by = requests.0.iter();
        by.filter(|seen| seen.presented == Presented::Valid(credential))
            .count()
    })
}

#[tokio::test]
async fn the_allowance_of_an_hour_is_used_and_never_overdrawn() {
    let clock = JumpingClock::default();
    let began = clock.0.load(Ordering::SeqCst);
    let mut case = case(81, SIZES, 1000, &clock).await;
    case.connection.requests_per_hour = 1000;
    case.connection.spread_slots = false;
    let ended = run(&machine_at(BINARY, &clock), &case.connection).await;
    expect_truth(&case, &ended);
    assert_eq!(refused(&case), 0, "the pace itself was refused");
    let [most, other] = sent(&case);
    assert_eq!(other, 0, "one credential was enough, and was to be enough");
    let whole_hours = hours(&clock, began).floor();
    assert!(
        whole_hours >= 1.0,
        "there is too little to ask for the test to say anything"
    );
    assert!(
        most as f64 >= 0.95 * 1000.0 * whole_hours,
        "{most} in {whole_hours} hours"
    );
}

#[tokio::test]
async fn each_credential_gives_its_own_hour() {
    let clock = JumpingClock::default();
    let began = clock.0.load(Ordering::SeqCst);
    let mut case = case(84, SIZES, 500, &clock).await;
    case.connection.requests_per_hour = 500;
    let ended = run(&machine_at(BINARY, &clock), &case.connection).await;
    expect_truth(&case, &ended);
    assert_eq!(refused(&case), 0, "the pace itself was refused");
    let [by_token, by_account] = sent(&case);
    let whole_hours = hours(&clock, began).floor();
    assert!(
        whole_hours >= 1.0,
        "there is too little to ask for the test to say anything"
    );
    for sent in [by_token, by_account] {
        assert!(
            sent as f64 >= 0.95 * 500.0 * whole_hours,
            "{by_token} and {by_account} in {whole_hours} hours"
        );
    }
    // The list of an object was asked for once, with the one or the other.
    assert!(case.server.requests().asked_again().is_empty());
}

#[tokio::test]
async fn a_credential_that_may_not_read_a_family_is_not_asked_for_each_object_of_it() {
    let clock = JumpingClock::default();
    let behaviour = Behaviour {
        refuse: vec![Refuse::to(
            Credential::Account,
            What::Family(Family::RepositoryUserGrants),
            Refusal::NotAdmin,
        )],
        ..Behaviour::default()
    };
    let config = Config {
        behaviour,
        ..Config::default()
    };
    let mut case = Case::start(World::generate(85, SIZES), config).await;
    case.connection.requests_per_hour = 100_000;
    let ended = run(&machine_at(BINARY, &clock), &case.connection).await;
    expect_truth(&case, &ended);
    let by_status = case.server.requests().by_status();
    let refused = by_status.get(&403).copied().unwrap_or_default();
    // Some were under way when the first was refused.
    assert!((1..=5).contains(&refused), "{refused} were refused");
    let [_, by_account] = sent(&case);
    assert!(by_account > 400, "other families were spread: {by_account}");
}

#[tokio::test]
async fn two_runs_with_one_credential_share_its_hour() {
    let clock = JumpingClock::default();
    let began = clock.0.load(Ordering::SeqCst);
    let mut case = case(82, SMALL, 150, &clock).await;
    case.connection.requests_per_hour = 150;
    let machine = machine_at(BINARY, &clock);
    let (one, other) = tokio::join!(
        run(&machine, &case.connection),
        run(&machine, &case.connection)
    );
    for ended in [one, other] {
        expect_truth(&case, &ended);
    }
    assert_eq!(refused(&case), 0);
    assert!(hours(&clock, began) >= 1.0);
}

#[tokio::test]
async fn an_api_that_allows_less_than_the_manifest_says_is_learned_by_its_refusals() {
    let clock = JumpingClock::default();
    let mut case = case(83, SMALL, 100, &clock).await;
    case.connection.requests_per_hour = 1000;
    let ended = run(&machine_at(BINARY, &clock), &case.connection).await;
    expect_truth(&case, &ended);
    // A 429 without a word makes everyone wait, longer each time: far fewer are refused than would be if each asked for
    // itself.
    let refused = refused(&case);
    let allowed = case.server.requests().count() - refused;
    assert!(
        refused > 0 && refused < allowed / 2,
        "{refused} of {allowed}"
    );
}
