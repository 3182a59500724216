//! What goes back, errors too.

use serde_json::{Value, json};

pub(crate) const SCIM: &str = "application/scim+json";

const HTML: &str = "text/html; charset=utf-8";

/// How errors look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Their bodies.
    pub body: ErrorBody,
    /// `status` is a number.
    pub number: bool,
}

/// What an error's body is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorBody {
    /// As RFC 7644 has it.
    #[default]
    Scim,
    /// A page of HTML.
    Html,
    /// A page of HTML under the header of SCIM.
    HtmlAsScim,
}

/// What goes back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn ok(value: &Value) -> Self {
        Self {
            status: 200,
            content_type: SCIM,
            headers: Vec::new(),
            body: value.to_string().into_bytes(),
        }
    }

    pub(crate) fn page(status: u16, content_type: &'static str) -> Self {
        let body = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>You were logged out.</body></html>";
        Self {
            status,
            content_type,
            headers: Vec::new(),
            body: body.into(),
        }
    }
}

/// An error that is not dressed yet.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) scim_type: Option<&'static str>,
    pub(crate) detail: String,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Problem {
    pub(crate) fn new(status: u16, detail: &str) -> Self {
        Self {
            status,
            scim_type: None,
            detail: detail.to_owned(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn bad(scim_type: &'static str, detail: &str) -> Self {
        Self {
            scim_type: Some(scim_type),
            ..Self::new(400, detail)
        }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn dressed(self, errors: Errors) -> Answer {
        let mut answer = match errors.body {
            ErrorBody::Html => Answer::page(self.status, HTML),
            ErrorBody::HtmlAsScim => Answer::page(self.status, SCIM),
            ErrorBody::Scim => {
                let mut body = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                    "status": self.status.to_string(),
                    "detail": self.detail,
                });
                if errors.number {
                    body["status"] = self.status.into();
                }
                if let Some(scim_type) = self.scim_type {
                    body["scimType"] = scim_type.into();
                }
                Answer {
                    status: self.status,
                    ..Answer::ok(&body)
                }
            }
        };
        answer.headers = self.headers;
        answer
    }
}
