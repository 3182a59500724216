//! Step 4: when is a request asked again?

use crate::manifest::Retry;
use crate::pace::retry_after;
use http::{HeaderMap, StatusCode, header};
use std::time::Duration;

/// Whether an answer may be a failure that passes.
pub fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Whether another run may be answered otherwise: what fails may be mended, and a credential renewed.
pub fn may_pass_later(status: StatusCode) -> bool {
    may_pass(status) || status.is_server_error() || status == StatusCode::UNAUTHORIZED
}

/// How long to wait before attempt `next` (the second is 2): what `Retry-After` says, else a random time up to
/// `first_wait_ms`, doubled with each attempt; `longest_wait_ms` at most.
pub fn wait(retry: &Retry, next: u32, headers: Option<&HeaderMap>, now: Duration) -> Duration {
    let longest = Duration::from_millis(retry.longest_wait_ms);
    let asked = headers
        .and_then(|headers| headers.get(header::RETRY_AFTER)?.to_str().ok())
        .and_then(|value| retry_after(value.trim(), now));
    let wait = asked.unwrap_or_else(|| {
        let doubled = retry
            .first_wait_ms
            .saturating_mul(1 << next.saturating_sub(2).min(32));
        Duration::from_millis(fastrand::u64(0..=doubled.min(retry.longest_wait_ms)))
    });
    wait.min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry {
        attempts: 5,
        first_wait_ms: 100,
        longest_wait_ms: 1000,
    };

    #[test]
    fn retry_after_is_obeyed_up_to_the_longest_wait() {
        let after = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            wait(&RETRY, 2, Some(&headers), Duration::ZERO)
        };
        assert_eq!(after("0"), Duration::ZERO);
        assert_eq!(after("1"), Duration::from_secs(1));
        assert_eq!(after("9999999999"), Duration::from_secs(1));
    }

    #[test]
    fn waits_double_and_stay_bounded() {
        let most = |next| {
            (0..200)
                .map(|_| wait(&RETRY, next, None, Duration::ZERO))
                .max()
                .unwrap()
        };
        assert!(most(2) <= Duration::from_millis(100));
        assert!(most(4) <= Duration::from_millis(400) && most(4) > Duration::from_millis(100));
        assert!(most(40) <= Duration::from_secs(1));
    }
}
