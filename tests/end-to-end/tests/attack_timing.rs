//! Connectors that measure how long the host takes, and that make it take long.
#![allow(clippy::unwrap_used)]

use end_to_end::attack::Attack;
use end_to_end::raw::{RawServer, ok};
use std::iter::repeat_with;

const BINARY: &str = env!("CARGO_BIN_EXE_portcullis-under-test");

/// What every workspace access token begins with.
const PREFIX: &str = "ATCTT3xFfGF0";

fn random_token() -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let character = || char::from(alphabet[fastrand::usize(..alphabet.len())]);
    let random: String = repeat_with(character).take(60).collect();
    format!("{PREFIX}{random}")
}

#[tokio::test]
async fn a_connector_that_times_the_host_learns_nothing_of_a_secret() {
    // Even one that knows the beginning: the constant prefix, half of the secret, all but its last three characters. Letters of
    // either case are told as one, so that each way to guess is right in at most one of 32 cases by chance.
    let known = [PREFIX.len(), 36, 69];
    let mut right = std::collections::BTreeMap::new();
    const TOKENS: usize = 16;
    for _ in 0..TOKENS {
        let token = random_token();
        let lines = known.map(|length| &token[..length]);
        let attacked = Attack::alone("guess")
            .token(&token)
            .lines(&lines)
            // Lines of the log would only be noise.
            .limits("cpu_seconds = 60\nwall_seconds = 120\nlog_lines = 0")
            .spawn(BINARY)
            .await;
        attacked.expect(0, &[]);
        for guess in attacked.column("SELECT text FROM warning WHERE text LIKE 'guess %'") {
            let words: Vec<&str> = guess.splitn(4, ' ').collect();
            let next = token.as_bytes()[known[words[1].parse::<usize>().unwrap()]];
            let count = right.entry(words[2].to_owned()).or_insert(0);
            *count += usize::from(words[3].as_bytes()[0].eq_ignore_ascii_case(&next));
        }
    }
    let ways: Vec<&str> = right.keys().map(String::as_str).collect();
    assert_eq!(ways, ["longest", "shortest", "stage"]);
    // By chance at most 1.5 of 48 are right; eleven or more are so in one of a million test runs.
    assert!(right.values().all(|count| *count < 11), "{right:?}");
}

#[tokio::test]
async fn a_connector_that_guesses_the_whole_of_a_secret_fails() {
    // It sees in the time of a call that a guess was right: a guess that is a few times right ends the run.
    let token = random_token();
    let attacked = Attack::alone("guess")
        .token(&token)
        .lines(&[&token[..71]])
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["it said a credential of this connection"]);
    let attacked = Attack::alone("nasty names")
        .token(&token)
        .lines(&vec![format!("<{token}>"); 2])
        .spawn(BINARY)
        .await;
    // The name and a note about each of two entities.
    attacked.expect(5, &["it said a credential of this connection 4 times"]);
}

#[tokio::test]
async fn near_matches_of_a_long_secret_take_no_longer_than_anything_else() {
    // Were each position compared with the secret, a MiB of this would take hours.
    let secret = format!("{}b", "a".repeat(8191));
    let near = ["a".to_owned(), format!("{}c", "a".repeat(8191))];
    let attacked = Attack::alone("near matches")
        .token(&secret)
        .lines(&near)
        .limits("cpu_seconds = 10\nwall_seconds = 60\nitem_kib = 2048")
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
    assert_eq!(attacked.json()["secrets_redacted"], 0);

    let body = near.concat().repeat(64);
    let api = RawServer::start(move |_| ok("", body.as_bytes())).await;
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
        .token(&secret)
        .lines(&[format!("GET http 127.0.0.1:{} /api/near", api.port())])
        .spawn(BINARY)
        .await;
    assert_eq!(attacked.told(), ["status 200"]);
}

#[tokio::test]
async fn one_call_that_carries_much_can_be_stopped_in_its_middle() {
    // The file grows while the call goes on: the guest's own code runs before it and after it only.
    let attacked = Attack::alone("one long call")
        .limits("cpu_seconds = 60\nmemory_mib = 256\ncall_mib = 256")
        .cancelled_inside(BINARY, |out| {
            let folders = std::fs::read_dir(out).into_iter().flatten().flatten();
            let file = folders.map(|folder| folder.path().join("run.db"));
            file.filter_map(|file| file.metadata().ok())
                .any(|file| file.len() > 4 << 20)
        })
        .await;
    let report = attacked.report.as_ref().unwrap();
    assert_eq!(report.exit_code, 130, "{}", report.message);
    let taken =
        attacked.column("SELECT CAST(count(*) AS TEXT) FROM warning WHERE text LIKE '% xxx%'");
    let taken: u32 = taken[0].parse().unwrap();
    assert!((1..500).contains(&taken), "{taken}");
}

#[tokio::test]
async fn what_the_host_does_for_a_connector_counts_as_its_processor_time() {
    // The guest itself waits nearly all of the time: it is the host that unpacks and searches.
    let body = "\\u0061%61&#97;".repeat(32 << 10);
    let api = RawServer::start(move |_| ok("", body.as_bytes())).await;
    let line = format!("GET http 127.0.0.1:{} /api/escapes", api.port());
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
        .lines(&vec![line; 1000])
        .limits("cpu_seconds = 1\nwall_seconds = 60")
        .spawn(BINARY)
        .await;
    attacked.expect(5, &["it exhausted the limit cpu_seconds = 1"]);
}

#[tokio::test]
async fn the_memory_for_a_secret_is_no_more_than_some_times_its_size() {
    // Two secrets as long as they may be. The search automaton of two such took 250 MiB.
    let secret: String = repeat_with(fastrand::alphanumeric).take(8192).collect();
    let attacked = Attack::alone("near matches")
        .token(&secret)
        .lines(&[&secret[1..]])
        .limits("cpu_seconds = 10\nwall_seconds = 60\nitem_kib = 2048\nmemory_mib = 16")
        .data_mib(128)
        .spawn(BINARY)
        .await;
    attacked.expect(0, &[]);
}

#[tokio::test]
async fn a_connector_that_sends_guesses_and_gets_them_back_fails() {
    let api = RawServer::start(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        ok("", path.as_bytes())
    })
    .await;
    let secret = "correct-horse-battery";
    let line = |guess: &str| format!("GET http 127.0.0.1:{} /api/echo?guess={guess}", api.port());
    let attack = |lines: &[String]| {
        Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
            .token(secret)
            .lines(lines)
            .spawn(BINARY)
    };
    let wrong: Vec<String> = (0..20).map(|n| line(&format!("wrong-guess-{n}"))).collect();
    attack(&wrong).await.expect(0, &[]);
    // A name that is a common word may be sent and come back by chance.
    let three = attack(&vec![line(secret); 3]).await;
    three.expect(0, &["a secret of this connection was found"]);
    let encoded = line("%63orrect-horse-battery");
    let guessed = attack(&[
        line(secret),
        encoded.clone(),
        line(secret),
        encoded,
        line("x"),
    ])
    .await;
    guessed.expect(5, &["it said a credential of this connection"]);
    let audit = guessed.requests();
    assert!(audit.iter().all(|line| line["path"] == "/api/echo?guess=*"));
}

#[tokio::test]
async fn a_response_in_an_unknown_compression_does_not_reach_the_connector() {
    let api = RawServer::start(|head| match head.contains("/plain") {
        true => ok("content-encoding: identity\r\n", b"fine"),
        false => ok("content-encoding: br\r\n", b"\x0b\x02\x80hello\x03"),
    })
    .await;
    let lines =
        ["plain", "packed"].map(|name| format!("GET http 127.0.0.1:{} /api/{name}", api.port()));
    let attacked = Attack::new(&format!("http://127.0.0.1:{}", api.port()), "requests")
        .lines(&lines)
        .spawn(BINARY)
        .await;
    let told = attacked.told();
    assert_eq!(told[0], "status 200");
    assert!(told[1].contains("HttpResponseContentCoding"), "{told:?}");
}
