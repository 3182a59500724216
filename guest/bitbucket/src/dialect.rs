//! What Bitbucket means by its answers.
//!
//! Decided on status and structure; messages may be localised, so their text is a hint at most.

use portcullis_kit::api::Response;
use portcullis_kit::client::{Dialect, Miss};
use portcullis_kit::told::told;
use serde::Deserialize;

/// So much of a message is repeated.
const MESSAGE_CHARACTERS: usize = 300;

/// Bitbucket Cloud, 1.0 and 2.0.
pub(crate) struct Bitbucket;

/// `{"type": "error", "error": {"message", "detail"}}`. Atlassian's schema calls `detail` a text, but where
/// a scope is missing it is an object.
#[derive(Deserialize, Default)]
struct ErrorBody {
    #[serde(default, deserialize_with = "told")]
    error: Option<ErrorFacts>,
}

#[derive(Deserialize, Default)]
struct ErrorFacts {
    #[serde(default, deserialize_with = "told")]
    message: Option<String>,
    #[serde(default, deserialize_with = "told")]
    detail: Option<Scopes>,
}

#[derive(Deserialize)]
struct Scopes {
    required: Vec<String>,
    #[serde(default)]
    granted: Vec<String>,
}

/// 403 by these concerns the kind of credential, not the object (support.atlassian.com, "This API is not
/// accessible by this authentication mechanism").
const WRONG_KIND: [&str; 3] = [
    "not accessible by this authentication mechanism",
    "only accessible with the following authentication types",
    "does not support authentication using the provided token",
];

impl Dialect for Bitbucket {
    fn judge(&self, response: &Response) -> Result<(), Miss> {
        let status = response.status;
        if (200..300).contains(&status) {
            return match response.header("content-type") {
                Some(kind) if !kind.to_ascii_lowercase().contains("json") => {
                    Err(Miss::Failed(format!(
                        "Bitbucket answered {status} with {}, where JSON was due; api_url must be the address of its API, https://api.bitbucket.org",
                        short(kind)
                    )))
                }
                _ => Ok(()),
            };
        }
        let facts = serde_json::from_slice::<ErrorBody>(&response.body)
            .unwrap_or_default()
            .error
            .unwrap_or_default();
        let message = facts
            .message
            .map_or_else(|| plain_text(response), |message| short(&message));
        let said = if message.is_empty() {
            format!("{status}")
        } else {
            format!("{status}, \"{message}\"")
        };
        Err(match status {
            400 => {
                Miss::NotUnderstood(format!("Bitbucket did not understand the request ({said})"))
            }
            401 => Miss::SlotRefused(format!("Bitbucket does not accept the credential ({said})")),
            403 => match facts.detail.filter(|scopes| !scopes.required.is_empty()) {
                Some(scopes) => Miss::SlotRefused(format!(
                    "the credential lacks the scope {}; it has {}",
                    short(&scopes.required.join(" and ")),
                    if scopes.granted.is_empty() {
                        "none".to_owned()
                    } else {
                        short(&scopes.granted.join(", "))
                    },
                )),
                None if WRONG_KIND.iter().any(|text| message.contains(text)) => Miss::SlotRefused(
                    format!("Bitbucket does not accept this kind of credential here ({said})"),
                ),
                None => Miss::ObjectRefused(format!("Bitbucket refused access ({said})")),
            },
            404 => Miss::NotFound(format!(
                "Bitbucket says that it does not exist or is not visible ({said})"
            )),
            // During a brownout even a living endpoint answers so; it is off for this run alone.
            410 if message.starts_with("CHANGE-") => {
                Miss::Withdrawn(format!("Atlassian has withdrawn this endpoint ({said})"))
            }
            410 => Miss::Failed(format!(
                "Bitbucket says that it is gone, as it is of an account marked as spam ({said})"
            )),
            429 => Miss::Failed(format!(
                "Bitbucket's rate limit was exceeded even after waiting ({said})"
            )),
            _ => Miss::Failed(format!("Bitbucket answered {said}")),
        })
    }

    fn trace(&self, response: &Response) -> Option<String> {
        let facts: Vec<String> = [
            "x-b3-traceid",
            "x-request-id",
            "x-credential-type",
            "x-accepted-oauth-scopes",
        ]
        .iter()
        .filter_map(|name| Some(format!("{name}: {}", short(response.header(name)?))))
        .collect();
        (!facts.is_empty()).then(|| facts.join(", "))
    }
}

/// What a body without JSON says, unless it is a page for a browser.
fn plain_text(response: &Response) -> String {
    let text = String::from_utf8_lossy(&response.body);
    let text = text.trim();
    if text.starts_with('<') {
        String::new()
    } else {
        short(text)
    }
}

fn short(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MESSAGE_CHARACTERS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, content_type: &str, body: &str) -> Result<(), Miss> {
        Bitbucket.judge(&Response {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body: body.into(),
        })
    }

    fn error(status: u16, message: &str) -> Result<(), Miss> {
        judged(
            status,
            "application/json",
            &format!(r#"{{"type":"error","error":{{"message":"{message}"}}}}"#),
        )
    }

    #[test]
    fn a_missing_scope_is_named() {
        let body = r#"{"type":"error","error":{"message":"x","detail":{"required":["project:admin"],"granted":["account"]}}}"#;
        let Err(Miss::SlotRefused(why)) = judged(403, "application/json", body) else {
            panic!()
        };
        assert_eq!(
            why,
            "the credential lacks the scope project:admin; it has account"
        );
    }

    #[test]
    fn a_detail_that_is_a_text_does_not_disturb() {
        let body = r#"{"type":"error","error":{"message":"Resource not found","detail":"There is no API hosted at this URL"}}"#;
        let Err(Miss::NotFound(why)) = judged(404, "application/json", body) else {
            panic!()
        };
        assert!(why.contains("Resource not found"));
    }

    #[test]
    fn a_403_about_the_kind_of_credential_concerns_the_credential_and_any_other_the_object() {
        for text in [
            "This API is not accessible by this authentication mechanism",
            "This API is only accessible with the following authentication types: apppassword, session, api_token",
            "This resource does not support authentication using the provided token",
        ] {
            assert!(
                matches!(error(403, text), Err(Miss::SlotRefused(_))),
                "{text}"
            );
        }
        assert!(matches!(
            error(403, "You must be an administrator"),
            Err(Miss::ObjectRefused(_))
        ));
    }

    #[test]
    fn a_401_in_plain_text_is_repeated() {
        let Err(Miss::SlotRefused(why)) = judged(401, "text/plain", "Access token expired.") else {
            panic!()
        };
        assert!(why.contains("Access token expired."));
    }

    #[test]
    fn a_page_for_a_browser_is_no_answer_whatever_its_status() {
        assert!(matches!(
            judged(200, "text/html; charset=utf-8", "<html>"),
            Err(Miss::Failed(_))
        ));
        let Err(Miss::Failed(why)) = judged(502, "text/html", "<html>Bad gateway") else {
            panic!()
        };
        assert!(!why.contains('<'));
    }

    #[test]
    fn only_a_410_with_a_change_notice_is_a_withdrawn_endpoint() {
        assert!(matches!(
            error(410, "CHANGE-2770 - Functionality has been deprecated"),
            Err(Miss::Withdrawn(_))
        ));
        assert!(matches!(
            error(410, "This account was marked as spam"),
            Err(Miss::Failed(_))
        ));
    }

    #[test]
    fn a_rate_limit_in_plain_text_is_understood() {
        let Err(Miss::Failed(why)) = judged(
            429,
            "text/plain",
            "Rate limit for this resource has been exceeded",
        ) else {
            panic!()
        };
        assert!(why.contains("rate limit"));
    }
}
