//! What is refused for good.

use crate::answer::{Answer, Problem, SCIM};
use crate::family::Family;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refuse {
    /// What is refused.
    pub what: What,
    /// With which answer.
    pub how: Refusal,
}

/// What can be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A family, lists and single resources.
    Family(Family),
    /// A family's single resources.
    Single(Family),
    /// One resource, by family and id; lists have it all the same.
    One(Family, String),
    /// Lists of a family behind the first page.
    LaterPages(Family),
    /// Everything.
    All,
}

/// How something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401.
    Unauthorised,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 429, for ever.
    TooMany,
    /// 500.
    Broken,
    /// 501.
    NotImplemented,
    /// 200 with a page of HTML.
    Page,
    /// 200 with a page of HTML under the header of SCIM.
    PageAsScim,
    /// 302 to another server.
    Redirect,
    /// 200 with an error of SCIM as its body.
    ErrorAs200,
}

impl Refuse {
    /// A family for good.
    pub fn family(family: Family, how: Refusal) -> Self {
        let what = What::Family(family);
        Self { what, how }
    }

    /// Whether it is about this request.
    pub(crate) fn fits(&self, family: Family, id: Option<&str>, later: bool) -> bool {
        match &self.what {
            What::Family(what) => *what == family,
            What::Single(what) => *what == family && id.is_some(),
            What::One(what, which) => *what == family && id == Some(which),
            What::LaterPages(what) => *what == family && id.is_none() && later,
            What::All => true,
        }
    }
}

impl Refusal {
    pub(crate) fn answer(self) -> Result<Answer, Problem> {
        Err(match self {
            Self::Unauthorised => {
                Problem::new(401, "Authorization failure").with("www-authenticate", "Bearer")
            }
            Self::Forbidden => Problem::new(403, "Operation is not permitted"),
            Self::NotFound => Problem::new(404, "Specified resource or endpoint does not exist"),
            Self::TooMany => Problem::new(429, "Too many requests"),
            Self::Broken => Problem::new(500, "Internal server error"),
            Self::NotImplemented => Problem::new(501, "This operation is not supported"),
            Self::Page => return Ok(Answer::page(200, "text/html; charset=utf-8")),
            Self::PageAsScim => return Ok(Answer::page(200, SCIM)),
            Self::Redirect => {
                let elsewhere = "https://elsewhere.example/sign-in";
                Problem::new(302, "Sign in first").with("location", elsewhere)
            }
            Self::ErrorAs200 => {
                let error =
                    Problem::new(403, "Operation is not permitted").dressed(Default::default());
                return Ok(Answer {
                    status: 200,
                    ..error
                });
            }
        })
    }
}
