//! A request's lines in the audit log.

use super::policy::{Permit, Refusal};
use crate::audit::{Audit, Event, LineVerdict, RequestLine, millis};
use crate::journal::Kept;
use crate::slot::SlotName;
use std::sync::Arc;
use std::time::Instant;
use url::Url;

/// What the audit log says of a request, but for what became of it.
pub(super) struct Trail {
    audit: Arc<Audit>,
    method: String,
    origin: Option<String>,
    path: String,
    family: String,
    rule: Option<String>,
    /// The credential that was sent, or those of which one may be.
    slot: Option<String>,
    bytes_out: u64,
}

impl Trail {
    pub(super) fn new(audit: &Arc<Audit>, parts: &http::request::Parts) -> Self {
        let headers: usize = parts
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        let line = parts.method.as_str().len() + parts.uri.path().len() + 12;
        Self {
            audit: Arc::clone(audit),
            method: audit.shown(parts.method.as_str(), 40),
            origin: None,
            path: audit.shown_path(&parts.uri),
            family: String::new(),
            rule: None,
            slot: None,
            bytes_out: (line + headers) as u64,
        }
    }

    /// Of the host's own request for a token. The query is not said.
    pub(super) fn of_token(audit: &Arc<Audit>, url: &Url, family: &str) -> Arc<Self> {
        Arc::new(Self {
            audit: Arc::clone(audit),
            method: "POST".to_owned(),
            origin: Some(url.origin().ascii_serialization()),
            path: crate::collect::printable(url.path(), 300),
            family: family.to_owned(),
            rule: None,
            slot: None,
            // Of what it says nothing comes from the connector.
            bytes_out: 0,
        })
    }

    /// The request may go on.
    pub(super) fn permitted(mut self, permit: &Permit) -> Arc<Self> {
        self.family.clone_from(&permit.rule.family);
        self.rule = Some(permit.rule.path.to_string());
        let slots: Vec<&str> = permit.slots.iter().map(SlotName::as_str).collect();
        self.slot = (!slots.is_empty()).then(|| slots.join(", "));
        Arc::new(self)
    }

    /// The family of the rule that permits it; empty before it was judged.
    pub(super) fn family(&self) -> &str {
        &self.family
    }

    /// It goes elsewhere: the line says where to.
    pub(super) fn to(mut self, uri: &http::Uri) -> Self {
        let scheme = uri.scheme_str().unwrap_or_default();
        let authority = uri.authority().map_or("", http::uri::Authority::as_str);
        let origin = format!("{scheme}://{authority}");
        self.origin = Some(self.audit.shown(&origin, 300));
        self
    }

    /// It was refused.
    pub(super) fn refused(&self, refusal: &Refusal) {
        let verdict = LineVerdict::Refused {
            by: refusal.word(),
            reason: refusal.to_string(),
        };
        self.line(verdict, self.slot.as_deref(), 0, 0, 0);
    }

    /// There was no token of this credential for it.
    pub(super) fn without_token(&self, reason: &str, slot: Option<&str>) {
        let reason = reason.to_owned();
        self.line(LineVerdict::NoToken { reason }, slot, 0, 0, 0);
    }

    /// The journal answered it, with what this credential had been sent for.
    pub(super) fn kept(&self, kept: &Kept, slot: Option<&str>) {
        let verdict = LineVerdict::Journal {
            status: kept.status.map_or(0, |status| status.as_u16()),
            answered_at: millis(kept.at),
        };
        self.line(verdict, slot, 0, kept.length, 0);
    }

    fn line(
        &self,
        verdict: LineVerdict,
        slot: Option<&str>,
        attempt: u32,
        bytes_in: u64,
        duration_ms: u64,
    ) {
        self.audit.note(&Event::Request(RequestLine {
            method: &self.method,
            origin: self.origin.as_deref(),
            path: &self.path,
            family: &self.family,
            rule: self.rule.as_deref(),
            slot,
            verdict,
            attempt,
            bytes_out: self.bytes_out,
            bytes_in,
            duration_ms,
        }));
    }
}

/// One attempt. Its line is written when it is over: when the answer was read or dropped.
pub(super) struct Attempt {
    trail: Arc<Trail>,
    slot: Option<SlotName>,
    number: u32,
    began: Instant,
    verdict: Option<LineVerdict>,
    bytes_in: u64,
}

impl Attempt {
    pub(super) fn begin(trail: &Arc<Trail>, slot: Option<&SlotName>, number: u32) -> Self {
        Self {
            trail: Arc::clone(trail),
            slot: slot.cloned(),
            number,
            began: Instant::now(),
            verdict: None,
            bytes_in: 0,
        }
    }

    pub(super) fn answered(&mut self, status: http::StatusCode) {
        self.verdict = Some(LineVerdict::Answered {
            status: status.as_u16(),
        });
    }

    pub(super) fn failed(&mut self, reason: &str) {
        self.verdict = Some(LineVerdict::Failed {
            reason: reason.to_owned(),
        });
    }

    /// Its body is larger than the run's limit allows.
    pub(super) fn too_large(&mut self) {
        self.failed("its body is larger than the limit response_mib");
    }

    /// So many bytes of the body came.
    pub(super) fn read(&mut self, bytes: usize) {
        self.bytes_in = self.bytes_in.saturating_add(bytes as u64);
    }

    pub(super) fn bytes_in(&self) -> u64 {
        self.bytes_in
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let verdict = self.verdict.take().unwrap_or_else(|| LineVerdict::Failed {
            reason: "the connector did not wait for the answer".to_owned(),
        });
        let duration = millis(self.began.elapsed());
        let slot = self.slot.as_ref().map(SlotName::as_str);
        self.trail
            .line(verdict, slot, self.number, self.bytes_in, duration);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An attempt whose line goes nowhere.
    pub(in super::super) fn attempt() -> Attempt {
        let redactor = crate::vault::redactor_of("a-secret-token");
        let audit = Arc::new(Audit::new(redactor, Vec::new()));
        let (parts, ()) = http::Request::get("/").body(()).unwrap().into_parts();
        Attempt::begin(&Arc::new(Trail::new(&audit, &parts)), None, 1)
    }
}
