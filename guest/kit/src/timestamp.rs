//! Instants, however an API writes them.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// An instant as RFC 3339 in UTC; one without an offset is taken as UTC. None where it is no instant.
///
/// ```
/// # use portcullis_kit::timestamp::utc;
/// assert_eq!(utc("2021-04-02T14:20:48.179").as_deref(), Some("2021-04-02T14:20:48.179Z"));
/// assert_eq!(utc("2022-03-17T13:18:32+02:00").as_deref(), Some("2022-03-17T11:18:32Z"));
/// ```
#[must_use]
pub fn utc(text: &str) -> Option<String> {
    let text = text.trim().replacen(' ', "T", 1);
    let instant = OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .ok()?;
    instant
        .checked_to_offset(UtcOffset::UTC)?
        .format(&Rfc3339)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_that_was_seen_becomes_rfc_3339_in_utc() {
        for (text, expected) in [
            (
                "2022-03-17T11:18:32.035547+00:00",
                "2022-03-17T11:18:32.035547Z",
            ),
            ("2019-10-03T09:58:16+00:00", "2019-10-03T09:58:16Z"),
            ("2019-09-27T08:23:28.347759Z", "2019-09-27T08:23:28.347759Z"),
            ("2020-10-28T12:00:00.0+00:00", "2020-10-28T12:00:00Z"),
            ("2020-10-28T23:00:00-02:30", "2020-10-29T01:30:00Z"),
        ] {
            assert_eq!(utc(text).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_timestamp_without_offset_is_taken_as_utc() {
        assert_eq!(
            utc("2021-04-02T14:20:48.179").as_deref(),
            Some("2021-04-02T14:20:48.179Z")
        );
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for text in [
            "",
            "yesterday",
            "2021-13-02T00:00:00Z",
            "0000-01-01T00:00:00+23:59",
            "9999-12-31T23:59:59-23:59",
        ] {
            assert_eq!(
                utc(text).filter(|utc| !utc.starts_with('0')),
                None,
                "{text}"
            );
        }
    }
}
