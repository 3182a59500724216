//! What an API says of its rate limits: `X-RateLimit-*` and `Retry-After`.

use http::{HeaderMap, StatusCode, header};
use std::time::{Duration, SystemTime};

/// A number below this is seconds from now; above, seconds since 1970.
const FIRST_EPOCH: u64 = 1_000_000_000;

/// More than this in an hour is as good as any number.
const MOST: u64 = 10_000_000;

/// Longer than this nothing that an API says makes a request wait: a window and a little more.
pub(super) const LONGEST: Duration = Duration::from_secs(2 * 3600);

/// What one answer says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// It was refused since there were too many.
    pub too_many: bool,
    /// So many are allowed.
    pub limit: Option<u64>,
    /// In a window of this length.
    pub span: Option<Duration>,
    /// So many are left.
    pub remaining: Option<u64>,
    /// The next may come after so long.
    pub wait: Option<Duration>,
    /// There are few left.
    pub near: bool,
}

impl Told {
    /// Reads an answer that came at `now`, the time since 1970.
    pub fn by(status: StatusCode, headers: &HeaderMap, now: Duration) -> Self {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        let number = |name: &str| leading(text(name)?);
        let too_many = status == StatusCode::TOO_MANY_REQUESTS;
        let (limit, span) = text("x-ratelimit-limit").map_or((None, None), policies);
        let remaining = number("x-ratelimit-remaining");
        let reset = number("x-ratelimit-reset").map(|reset| {
            if reset < FIRST_EPOCH {
                Duration::from_secs(reset)
            } else {
                Duration::from_secs(reset).saturating_sub(now)
            }
        });
        let retry_after = headers
            .get(header::RETRY_AFTER)
            .and_then(|value| retry_after(value.to_str().ok()?.trim(), now));
        // A reset is when the window is over, which matters where nothing is left of it.
        let reset = reset.filter(|_| too_many || remaining == Some(0));
        Self {
            too_many,
            limit: limit.map(|limit| limit.min(MOST)),
            span,
            remaining: remaining.map(|remaining| remaining.min(MOST)),
            wait: retry_after
                .filter(|_| too_many)
                .or(reset)
                .map(|wait| wait.min(LONGEST)),
            near: text("x-ratelimit-nearlimit")
                .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1"),
        }
    }
}

/// How long a request shall wait, in seconds or as a date.
pub fn retry_after(value: &str, now: Duration) -> Option<Duration> {
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let date = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(date.saturating_sub(now))
}

/// `60, 60;w=3600`: the limit, and how long the window of a policy with that limit is.
fn policies(value: &str) -> (Option<u64>, Option<Duration>) {
    let limit = leading(value);
    let span = value.split(',').find_map(|policy| {
        let (allowed, window) = policy.split_once(';')?;
        let window = window.split(';').find_map(|part| {
            let (name, seconds) = part.split_once('=')?;
            (name.trim() == "w").then(|| seconds.trim().parse().ok())?
        })?;
        (leading(allowed) == limit && window > 0).then(|| Duration::from_secs(window))
    });
    (limit, span)
}

/// The number at the beginning of a text.
fn leading(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_800_000_000);

    fn told(status: u16, headers: &[(&'static str, &str)]) -> Told {
        let map = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        Told::by(StatusCode::from_u16(status).unwrap(), &map, NOW)
    }

    #[test]
    fn a_limit_may_be_a_list_of_policies() {
        for (value, limit, span) in [
            ("1000", Some(1000), None),
            ("60, 60;w=3600", Some(60), Some(3600)),
            ("60, 10;w=1, 60;w=3600;comment=x", Some(60), Some(3600)),
            ("10000;w=3600", Some(10000), Some(3600)),
            ("18446744073709551615", Some(MOST), None),
            ("many", None, None),
            ("99999999999999999999999", None, None),
            ("60;w=0", Some(60), None),
        ] {
            let told = told(200, &[("x-ratelimit-limit", value)]);
            assert_eq!(
                (told.limit, told.span),
                (limit, span.map(Duration::from_secs)),
                "{value}"
            );
        }
    }

    #[test]
    fn a_reset_is_seconds_or_an_epoch_and_counts_where_nothing_is_left() {
        let reset = |status, remaining: &str, reset: &str| {
            told(
                status,
                &[
                    ("x-ratelimit-remaining", remaining),
                    ("x-ratelimit-reset", reset),
                ],
            )
            .wait
            .map(|wait| wait.as_secs())
        };
        assert_eq!(reset(200, "0", "120"), Some(120));
        assert_eq!(reset(200, "0", "1800000120"), Some(120));
        assert_eq!(reset(200, "0", "1700000000"), Some(0));
        assert_eq!(reset(200, "5", "120"), None);
        assert_eq!(reset(429, "5", "120"), Some(120));
        assert_eq!(reset(429, "0", "999999999"), Some(7200));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wait = |value: &str| told(429, &[("retry-after", value)]).wait;
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        // 1,800,000,060 seconds after 1970.
        assert_eq!(
            wait("Fri, 15 Jan 2027 08:01:00 GMT"),
            Some(Duration::from_secs(60))
        );
        assert_eq!(wait("Fri, 15 Jan 2021 08:01:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
        assert_eq!(
            told(503, &[("retry-after", "7")]).wait,
            None,
            "one request's own affair"
        );
    }

    #[test]
    fn nearing_the_limit_is_a_flag() {
        assert!(told(200, &[("x-ratelimit-nearlimit", "True")]).near);
        assert!(!told(200, &[("x-ratelimit-nearlimit", "false")]).near);
    }
}
