//! What a SCIM server means by its answers.
//!
//! Decided on status and structure. Whether a 200 holds what was asked for is seen by reading it: servers
//! send pages for browsers under any content type.

use crate::attributes::Attributes;
use portcullis_kit::api::Response;
use portcullis_kit::client::{Dialect, Miss};
use std::borrow::Cow;
use std::cell::Cell;

/// So much of a message is repeated.
const MESSAGE_CHARACTERS: usize = 300;

/// SCIM 2.0 over HTTP.
#[derive(Debug, Default)]
pub(crate) struct Scim {
    /// Some servers refuse SCIM's own media type with 406; others want it.
    plain_json: Cell<bool>,
}

impl Dialect for Scim {
    fn judge(&self, response: &Response) -> Result<(), Miss> {
        let status = response.status;
        if status == 200 {
            return Ok(());
        }
        let said = match message(response) {
            Some(message) => format!("{status}, \"{message}\""),
            None => format!("{status}"),
        };
        Err(match status {
            400 => Miss::NotUnderstood(format!(
                "the server did not understand the request ({said})"
            )),
            401 => Miss::SlotRefused(format!(
                "the server does not accept the credential ({said})"
            )),
            403 => Miss::ObjectRefused(format!("the server refused access ({said})")),
            404 => Miss::NotFound(format!("the server says that it does not exist ({said})")),
            405 | 501 => Miss::Withdrawn(format!("the server does not offer this ({said})")),
            406 => {
                self.plain_json.set(true);
                Miss::NotUnderstood(format!(
                    "the server does not give the media type that was asked for ({said})"
                ))
            }
            429 => Miss::Failed(format!(
                "the server's rate limit was exceeded even after waiting ({said})"
            )),
            300..=399 => Miss::Failed(format!(
                "the server redirects, which is not followed ({said}); check base_url"
            )),
            _ => Miss::Failed(format!("the server answered {said}")),
        })
    }

    fn trace(&self, response: &Response) -> Option<String> {
        ["x-request-id", "x-correlation-id", "traceparent"]
            .iter()
            .find_map(|name| Some(format!("{name}: {}", short(response.header(name)?))))
    }

    fn accept(&self) -> &'static str {
        if self.plain_json.get() {
            "application/json"
        } else {
            "application/scim+json, application/json"
        }
    }
}

/// What an error says (RFC 7644, 3.12), its keyword included.
fn message(response: &Response) -> Option<String> {
    let error = Attributes::parse(&response.body)?;
    let parts: Vec<Cow<'_, str>> = ["scimType", "detail"]
        .iter()
        .filter_map(|name| error.text(name))
        .collect();
    let said = if parts.is_empty() {
        ["message", "error_description", "error"]
            .iter()
            .find_map(|name| error.text(name))?
    } else {
        Cow::Owned(parts.join(": "))
    };
    Some(short(&said))
}

pub(crate) fn short(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_CHARACTERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, body: &str) -> Result<(), Miss> {
        Scim::default().judge(&Response {
            status,
            headers: Vec::new(),
            body: body.into(),
        })
    }

    #[test]
    fn an_error_is_told_with_its_keyword_and_detail_whatever_the_type_of_its_status() {
        for body in [
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidFilter","detail":"no such attribute"}"#,
            r#"{"status":400,"SCIMTYPE":"invalidFilter","Detail":"no such attribute"}"#,
        ] {
            let Err(Miss::NotUnderstood(why)) = judged(400, body) else {
                panic!()
            };
            assert!(why.contains("invalidFilter: no such attribute"), "{why}");
        }
    }

    #[test]
    fn a_page_for_a_browser_is_not_repeated() {
        let Err(Miss::SlotRefused(why)) = judged(401, "<html>Sign in</html>") else {
            panic!()
        };
        assert!(!why.contains('<'), "{why}");
    }

    #[test]
    fn what_nobody_can_read_is_told_from_what_another_credential_might() {
        assert!(!judged(501, "").is_err_and(|miss| miss.another_slot_may_help()));
        assert!(judged(403, "").is_err_and(|miss| miss.another_slot_may_help()));
        assert!(judged(404, "").is_err_and(|miss| miss.another_slot_may_help()));
    }

    #[test]
    fn after_a_406_plain_json_is_asked_for() {
        let dialect = Scim::default();
        assert!(dialect.accept().contains("scim+json"));
        let answer = Response {
            status: 406,
            ..Response::default()
        };
        assert!(dialect.judge(&answer).is_err());
        assert_eq!(dialect.accept(), "application/json");
    }
}
