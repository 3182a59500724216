//! Answers, and the errors as they were seen on the wire.

use serde_json::{Value, json};

/// What goes back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether it is what the caller asked for, and not an error or a trap.
    pub(crate) served: bool,
}

impl Answer {
    fn new(status: u16, content_type: Option<&'static str>, body: Vec<u8>) -> Self {
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body,
            served: false,
        }
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(
            status,
            Some("application/json; charset=utf-8"),
            value.to_string().into_bytes(),
        )
    }

    pub(crate) fn served(value: &Value) -> Self {
        Self {
            served: true,
            ..Self::json(200, value)
        }
    }

    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self::new(status, Some("text/plain; charset=utf-8"), text.into())
    }

    pub(crate) fn html(status: u16, html: &str) -> Self {
        Self::new(status, Some("text/html; charset=utf-8"), html.into())
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, None, Vec::new())
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The usual envelope.
pub(crate) fn error(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"type": "error", "error": {"message": message}}),
    )
}

pub(crate) fn no_api() -> Answer {
    let detail = "There is no API hosted at this URL";
    Answer::json(
        404,
        &json!({"type": "error", "error": {"message": "Resource not found", "detail": detail}}),
    )
}

pub(crate) fn no_workspace(identifier: &str) -> Answer {
    error(
        404,
        &format!("No workspace with identifier '{identifier}'."),
    )
}

pub(crate) fn not_visible(what: &str) -> Answer {
    error(
        404,
        &format!("{what} either does not exist or you do not have access to it."),
    )
}

pub(crate) fn missing_scope(required: &[&str], granted: &[String]) -> Answer {
    let message = "Your credentials lack one or more required privilege scopes.";
    let detail = json!({"required": required, "granted": granted});
    Answer::json(
        403,
        &json!({"type": "error", "error": {"message": message, "detail": detail}}),
    )
}

pub(crate) fn not_admin() -> Answer {
    error(
        403,
        "You must be an administrator to view these permissions.",
    )
}

pub(crate) fn wrong_mechanism() -> Answer {
    error(
        403,
        "This API is not accessible by this authentication mechanism",
    )
}

pub(crate) fn authentication_types_only() -> Answer {
    error(
        403,
        "This API is only accessible with the following authentication types: apppassword, session, api_token",
    )
}

pub(crate) fn token_unsupported() -> Answer {
    error(
        403,
        "This resource does not support authentication using the provided token",
    )
}

pub(crate) fn deactivated() -> Answer {
    error(
        403,
        "Error: This workspace and its content have been deactivated due to inactivity. Contact your \
         workspace admin to reactivate it and avoid permanent deletion. Workspace admins can reactivate \
         it via the web interface.",
    )
}

const INVALID: &str = "Token is invalid, expired, or not supported for this endpoint.";

pub(crate) fn unauthorised(plain: bool) -> Answer {
    let answer = if plain {
        Answer::text(401, INVALID)
    } else {
        error(401, INVALID)
    };
    challenge(answer)
}

/// An app password, since Atlassian removed them.
pub(crate) fn app_password_removed() -> Answer {
    challenge(Answer::empty(401))
}

fn challenge(answer: Answer) -> Answer {
    answer.with("www-authenticate", "OAuth realm=\"Bitbucket.org HTTP\"")
}

pub(crate) fn withdrawn(notice: &str) -> Answer {
    let data = json!({
        "announcement_url": format!("https://developer.atlassian.com/cloud/bitbucket/changelog#{notice}"),
    });
    let error = json!({
        "message": format!("{notice} - Functionality has been deprecated"),
        "detail": "Please read the changelog entry for more details.",
        "data": data,
    });
    Answer::json(410, &json!({"type": "error", "error": error, "data": data}))
}

const TOO_MANY: &str = "Rate limit for this resource has been exceeded";

pub(crate) fn rate_limited(plain: bool) -> Answer {
    if plain {
        Answer::text(429, TOO_MANY)
    } else {
        error(429, TOO_MANY)
    }
}

/// An edge's page, not the API's.
pub(crate) fn edge(status: u16) -> Answer {
    Answer::html(
        status,
        &format!(
            "<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>Error {status}</h1>\
             <p>The service is unavailable.</p></body></html>"
        ),
    )
}

/// A page where JSON was due.
pub(crate) fn sign_in_page() -> Answer {
    Answer::html(
        200,
        "<!DOCTYPE html><html><head><title>Log in with Atlassian account</title></head><body>\
         <form action=\"/account/signin/\"></form></body></html>",
    )
}

/// 200, and the error as a string where the elements were due.
pub(crate) fn text_in_values() -> Answer {
    let text = "A workspace on a Free plan does not support this feature. Upgrade to read it.";
    Answer::json(200, &json!({"values": [text], "pagelen": 30, "page": 1}))
}
