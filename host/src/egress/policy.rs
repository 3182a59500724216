//! Step 1: may this request be made at all?
//!
//! The URL that is judged is the parsed URL that will be sent, not the text that came. A path whose parsed
//! form differs from its text, or that could mean something else to another parser, is refused.

use crate::collect::is_invisible;
use crate::slot::SlotName;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use icu_normalizer::ComposingNormalizerBorrowed;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::sync::Arc;
use url::{Host, Url};

/// The longest URL that is sent, in bytes. Common servers take 8 KiB in a request line.
const LONGEST_URL: usize = 8 * 1024;
/// The most headers that a guest may set on one request.
const MOST_HEADERS: usize = 64;
/// Their names and values together, in bytes: what common servers take.
const MOST_HEADER_BYTES: usize = 16 * 1024;

/// The header by which a guest names the credential to use, or several of which any will do. Stripped before anything is
/// sent. In an answer it is the host's word for the credential that was sent.
pub const SLOT_HEADER: HeaderName = HeaderName::from_static("portcullis-slot");

/// Scheme, host and port: the only place where a connection's requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiOrigin {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl ApiOrigin {
    /// The origin of a URL; its path does not matter. None where it is not `http` or `https`.
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        Some(Self {
            scheme,
            host: url.host()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// The origin that an operator wrote: scheme and host, perhaps a port, and nothing behind them.
    ///
    /// # Errors
    /// A sentence, where it is something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bare = |url: &Url| {
            matches!(url.path(), "" | "/")
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        Url::parse(text)
            .ok()
            .filter(bare)
            .as_ref()
            .and_then(Self::of)
            .ok_or_else(|| {
                format!("{text:?} is no origin: write scheme, host and perhaps a port, such as https://api.example.com")
            })
    }

    /// Whether requests travel unencrypted.
    pub fn is_plain(&self) -> bool {
        self.scheme == Scheme::Http
    }

    /// The host.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }
}

impl fmt::Display for ApiOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_plain() { "http" } else { "https" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// The path that a connection's requests lie below: whole segments, decoded; none: anywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(Vec<String>);

impl BasePath {
    /// The path of a URL that says where an API is. A slash at its end makes no difference.
    ///
    /// # Errors
    /// What is wrong with it, where it holds more than a place, or a path that not every server reads alike.
    pub fn of(url: &Url) -> Result<Self, &'static str> {
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must end with its path: leave out what follows ? and #");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not hold a user name or password: give them as a credential");
        }
        let path = url.path();
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Ok(Self::default());
        }
        let problem = "has a path that not every server reads alike (empty segments, encoded slashes and the like)";
        segments(path).map(Self).map_err(|_| problem)
    }

    /// What of a path lies below this one.
    fn rest<'a>(&self, path: &'a [String]) -> Option<&'a [String]> {
        path.strip_prefix(&self.0[..])
    }
}

/// What may be asked, and with which credentials.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The word by which its requests are counted.
    pub family: String,
    /// The methods that it allows.
    pub methods: Vec<Method>,
    /// The paths that it allows.
    pub path: PathPattern,
    /// The credentials that may be sent; empty: none ever.
    pub slots: Vec<SlotName>,
}

/// A pattern of paths: `*` is one segment, `**` at the end is one or more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    segments: Vec<Segment>,
    open_end: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any,
}

impl PathPattern {
    /// Reads a pattern such as `/2.0/workspaces/*/members`.
    ///
    /// # Errors
    /// Where it doesn't begin with a slash, has an empty segment, or `*` within a segment.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fail = |problem: &str| Err(format!("the path {text:?} {problem}"));
        let Some(rest) = text.strip_prefix('/') else {
            return fail("must begin with a slash");
        };
        let mut segments = Vec::new();
        let mut open_end = false;
        for segment in rest.split('/') {
            if open_end {
                return fail("may hold ** at its end only");
            }
            match segment {
                "" => return fail("has an empty segment"),
                "**" => open_end = true,
                "*" => segments.push(Segment::Any),
                literal if literal.contains('*') => return fail("holds * within a segment"),
                literal => segments.push(Segment::Literal(literal.to_owned())),
            }
        }
        Ok(Self { segments, open_end })
    }

    fn matches(&self, path: &[String]) -> bool {
        let long_enough = if self.open_end {
            path.len() > self.segments.len()
        } else {
            path.len() == self.segments.len()
        };
        long_enough
            && self
                .segments
                .iter()
                .zip(path)
                .all(|(pattern, segment)| match pattern {
                    Segment::Literal(literal) => literal == segment,
                    Segment::Any => true,
                })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.segments {
            match segment {
                Segment::Literal(literal) => write!(f, "/{literal}")?,
                Segment::Any => f.write_str("/*")?,
            }
        }
        f.write_str(if self.open_end { "/**" } else { "" })
    }
}

/// Why a request was refused. Nothing was sent and no name was looked up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// Scheme, host or port differ from the connection's API URL, or the URL holds a user name.
    #[error("its scheme, host and port must be those of the connection's API URL")]
    Origin,
    /// No rule allows the path.
    #[error("no rule of the manifest allows its path")]
    Path,
    /// The path is not in the one form that every server reads alike.
    #[error(
        "its path is not in normal form (dot segments, empty segments, encoded slashes, segments that end in a dot or a blank, and the like)"
    )]
    PathForm,
    /// A rule allows the path, but not with this method.
    #[error("no rule of the manifest allows its method on this path")]
    Method,
    /// The URL is too long.
    #[error("its URL is longer than {LONGEST_URL} bytes")]
    UrlTooLong,
    /// There are too many headers, or they are too long.
    #[error("it has more than {MOST_HEADERS} headers or {MOST_HEADER_BYTES} bytes of them")]
    HeadersTooLarge,
    /// It has a header that neither the host nor the manifest allows.
    #[error(
        "its header {0} is not allowed; if the connector needs it, add the name to egress.headers in the manifest"
    )]
    Header(String),
    /// It has a header that no manifest can allow, or one whose value is not allowed.
    #[error("its header {0} is not allowed: {1}; change the connector so that it does not send it")]
    HostsHeader(String, &'static str),
    /// It has a body.
    #[error("it has a body, which no rule allows")]
    Body,
    /// It names a credential that the rule doesn't allow or the connection doesn't fill.
    #[error(
        "it names a credential that is not allowed for this path or not filled by this connection"
    )]
    Slot,
    /// The run is a replay, and its journal has no answer to this.
    #[error("the journal has no answer to it")]
    Journal,
    /// The run has used up its requests.
    #[error("the run's budget of requests is used up")]
    Budget,
}

impl Refusal {
    /// One word for counting.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Path => "path",
            Self::PathForm => "path-form",
            Self::Method => "method",
            Self::UrlTooLong => "url-length",
            Self::HeadersTooLarge => "headers-size",
            Self::Header(_) | Self::HostsHeader(..) => "header",
            Self::Body => "body",
            Self::Slot => "slot",
            Self::Journal => "journal",
            Self::Budget => "budget",
        }
    }
}

/// A request that may be made.
#[derive(Debug)]
pub struct Permit {
    /// Where it goes.
    pub url: Url,
    /// The rule that allows it.
    pub rule: Arc<Rule>,
    /// The credentials of which one is sent, in the order in which the guest or the manifest names them; empty where the
    /// rule allows none.
    pub slots: Vec<SlotName>,
}

/// The policy of one run.
#[derive(Debug)]
pub struct Policy {
    origin: ApiOrigin,
    base: BasePath,
    rules: Vec<Arc<Rule>>,
    filled: Vec<SlotName>,
    /// Headers that a guest may set beside [`ALWAYS_ALLOWED`].
    headers: Vec<HeaderName>,
    /// Paths that are the host's alone.
    closed: Vec<Vec<String>>,
}

impl Policy {
    /// The policy of requests to `origin` under the manifest's `rules`, with the credentials that the
    /// connection fills.
    pub fn new(origin: ApiOrigin, rules: Vec<Rule>, filled: Vec<SlotName>) -> Self {
        Self {
            origin,
            base: BasePath::default(),
            rules: rules.into_iter().map(Arc::new).collect(),
            filled,
            headers: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// Requests may carry these headers too. They are the manifest's `egress.headers`.
    #[must_use]
    pub fn with_headers(mut self, names: Vec<HeaderName>) -> Self {
        self.headers = names;
        self
    }

    /// Of requests below this path alone, where the paths of the rules begin.
    #[must_use]
    pub fn below(mut self, base: BasePath) -> Self {
        self.base = base;
        self
    }

    /// With places that no rule opens: with a credential in the right form, a token endpoint would hand the guest a token.
    #[must_use]
    pub fn closed_to<'a>(mut self, places: impl Iterator<Item = &'a Url>) -> Self {
        // Whatever its scheme and port: the same host may well serve the same paths there.
        let name = |host: &Host<String>| host.to_string().trim_end_matches('.').to_owned();
        let own = name(&self.origin.host);
        let here =
            places.filter(|url| ApiOrigin::of(url).is_some_and(|origin| name(&origin.host) == own));
        let paths = here.map(|url| loosely(url.path()));
        self.closed = paths.filter(|path| !path.is_empty()).collect();
        self
    }

    /// Judges a request, its body aside.
    ///
    /// # Errors
    /// The first reason against it.
    pub fn judge(
        &self,
        method: &Method,
        uri: &http::Uri,
        headers: &HeaderMap,
    ) -> Result<Permit, Refusal> {
        let url = self.judge_url(uri)?;
        let path = normal_path(uri, &url)?;
        if !self.closed.is_empty() {
            let asked = loosely(url.path());
            if self.closed.iter().any(|place| is_at(place, &asked)) {
                return Err(Refusal::Path);
            }
        }
        let path = self.base.rest(&path).ok_or(Refusal::Path)?;
        let mut fitting = self
            .rules
            .iter()
            .filter(|rule| rule.path.matches(path))
            .peekable();
        if fitting.peek().is_none() {
            return Err(Refusal::Path);
        }
        let rule = fitting
            .find(|rule| rule.methods.contains(method))
            .ok_or(Refusal::Method)?;
        self.judge_headers(headers)?;
        let slots = self.judge_slots(rule, headers)?;
        let rule = Arc::clone(rule);
        Ok(Permit { url, rule, slots })
    }

    fn judge_url(&self, uri: &http::Uri) -> Result<Url, Refusal> {
        let text = uri.to_string();
        if text.len() > LONGEST_URL {
            return Err(Refusal::UrlTooLong);
        }
        let url = Url::parse(&text).map_err(|_| Refusal::Origin)?;
        let plain = url.username().is_empty() && url.password().is_none();
        if plain && ApiOrigin::of(&url).as_ref() == Some(&self.origin) {
            Ok(url)
        } else {
            Err(Refusal::Origin)
        }
    }

    fn judge_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let bytes: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        if headers.len() > MOST_HEADERS || bytes > MOST_HEADER_BYTES {
            return Err(Refusal::HeadersTooLarge);
        }
        headers
            .keys()
            .try_for_each(|name| self.judge_header(name, headers))
    }

    fn judge_header(&self, name: &HeaderName, headers: &HeaderMap) -> Result<(), Refusal> {
        let shown = || name.to_string();
        let mut values = headers.get_all(name).iter();
        if *name == header::CONTENT_LENGTH {
            // Language runtimes say so of a request without a body. Any other length frames the request.
            let empty = values.next().is_some_and(|value| value == "0") && values.next().is_none();
            let why = "the host sets the length itself, and a request has no body";
            return match empty {
                true => Ok(()),
                false => Err(Refusal::HostsHeader(shown(), why)),
            };
        }
        if *name == header::ACCEPT && !values.all(is_for_utf_8) {
            let why = "a charset other than utf-8 would hide an echoed credential";
            return Err(Refusal::HostsHeader(shown(), why));
        }
        if STRIPPED.contains(name) || ALWAYS_ALLOWED.contains(name) || self.headers.contains(name) {
            return Ok(());
        }
        Err(match why_never(name) {
            Some(why) => Refusal::HostsHeader(shown(), why),
            None => Refusal::Header(shown()),
        })
    }

    fn judge_slots(&self, rule: &Rule, headers: &HeaderMap) -> Result<Vec<SlotName>, Refusal> {
        let may_be_sent = |slot: &&SlotName| self.filled.contains(slot);
        let mut named = headers.get_all(SLOT_HEADER).iter();
        let Some(names) = named.next() else {
            let first = rule.slots.iter().find(may_be_sent).cloned();
            return match first {
                None if !rule.slots.is_empty() => Err(Refusal::Slot),
                first => Ok(first.into_iter().collect()),
            };
        };
        if named.next().is_some() {
            return Err(Refusal::Slot);
        }
        let names = names.to_str().map_err(|_| Refusal::Slot)?;
        let mut slots: Vec<SlotName> = Vec::new();
        for name in names.split(',').map(|name| name.trim_matches(' ')) {
            let slot = rule
                .slots
                .iter()
                .filter(may_be_sent)
                .find(|slot| name == slot.as_str() && !slots.contains(slot))
                .ok_or(Refusal::Slot)?;
            slots.push(slot.clone());
        }
        Ok(slots)
    }
}

/// A path as the most careless server reads it: decoded as often as it can be, whatever the form and case of its letters,
/// without parameters, without dots and blanks at the ends of segments, and with as many slashes as it likes.
fn loosely(path: &str) -> Vec<String> {
    let mut decoded = path.to_owned();
    loop {
        let next = percent_decode_str(&decoded).decode_utf8_lossy();
        if next == decoded.as_str() {
            break;
        }
        decoded = next.into_owned();
    }
    let folded = compatible(&decoded).to_uppercase().to_lowercase();
    let path = folded.split(['?', '#']).next().unwrap_or_default();
    path.split(is_slash)
        .map(|segment| segment.split(';').next().unwrap_or_default())
        .map(|segment| {
            let no_name = |c: char| is_blank(c) || c.is_control();
            segment
                .trim_matches(no_name)
                .trim_end_matches(|c: char| no_name(c) || is_dot(c) || c == '+')
        })
        .filter(|segment| !segment.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a path is a closed place, lies below it, or is another format of it: many servers take `/token/x` and
/// `/token.json` for `/token`.
fn is_at(closed: &[String], asked: &[String]) -> bool {
    let extends = |long: &str, short: &str| {
        long.strip_prefix(short)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    asked.len() >= closed.len()
        && closed
            .iter()
            .zip(asked)
            .all(|(closed, asked)| extends(asked, closed) || extends(closed, asked))
}

/// The decoded segments of a path that every server reads alike.
fn normal_path(uri: &http::Uri, url: &Url) -> Result<Vec<String>, Refusal> {
    // The parser resolves dot segments and turns backslashes around: where it changed anything, the guest
    // did not say what it meant.
    if uri.path() != url.path() {
        return Err(Refusal::PathForm);
    }
    segments(url.path())
}

/// The decoded segments of a path, where none is empty or could mean something else.
fn segments(path: &str) -> Result<Vec<String>, Refusal> {
    let rest = path.strip_prefix('/').ok_or(Refusal::PathForm)?;
    rest.split('/').map(segment).collect()
}

/// One segment of a path, decoded, where every server reads it alike.
fn segment(text: &str) -> Result<String, Refusal> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| Refusal::PathForm)?;
    if is_unambiguous(&decoded) && is_unambiguous(&compatible(&decoded)) {
        Ok(decoded.into_owned())
    } else {
        Err(Refusal::PathForm)
    }
}

/// Whether a decoded segment means the same to a server that decodes again, cuts parameters off, takes other characters for
/// slashes, or trims names as Windows does.
fn is_unambiguous(segment: &str) -> bool {
    // A "%" could be decoded again. Some servers read "+" as a blank, but "c++" is a name.
    let means_more = |c: char| {
        c.is_control()
            || is_slash(c)
            || matches!(c, ';' | '%' | '?' | '#' | '\u{2028}' | '\u{2029}')
    };
    let name = segment.trim_end_matches('+');
    !name.is_empty()
        && !name.contains(means_more)
        && !name.starts_with(is_blank)
        && !name.ends_with(|c: char| is_dot(c) || is_blank(c))
}

/// A text in the form in which characters that look or mean the same are one (NFKC): a full-width solidus is a slash.
fn compatible(text: &str) -> std::borrow::Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

/// Slashes, and what conversions to older character sets make slashes of.
fn is_slash(c: char) -> bool {
    matches!(c, '/' | '\\' | '\u{2044}' | '\u{2215}' | '\u{2216}')
}

/// Full stops. NFKC has made one of the other forms.
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}')
}

/// Blanks: white space, and characters that show nothing and are left out by whoever compares names.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// Headers that a guest may always set.
const ALWAYS_ALLOWED: [HeaderName; 4] = [
    header::ACCEPT,
    header::ACCEPT_LANGUAGE,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
];

/// Headers that a guest may set, or that its language or wasi:http sets, but that the host does not send on. It sends its own
/// host, length and user agent. `Host` is made of the authority, which was judged.
const STRIPPED: [HeaderName; 4] = [
    SLOT_HEADER,
    header::HOST,
    header::CONTENT_LENGTH,
    header::USER_AGENT,
];

/// The headers of a permitted request that are sent on.
pub fn sent_on(mut headers: HeaderMap) -> HeaderMap {
    for name in STRIPPED {
        headers.remove(name);
    }
    headers
}

/// Whether a value of `Accept` asks for no other character set than UTF-8.
fn is_for_utf_8(value: &HeaderValue) -> bool {
    let value = String::from_utf8_lossy(value.as_bytes()).to_lowercase();
    value
        .split([';', ','])
        .map(|part| part.replace([' ', '\t', '"'], ""))
        .all(|part| !part.contains("charset") || part == "charset=utf-8")
}

/// The header names that a manifest lists for requests.
///
/// # Errors
/// A sentence that names the first one that no connector may send.
pub fn allowed_headers(names: &[String]) -> Result<Vec<HeaderName>, String> {
    names
        .iter()
        .map(|text| {
            let name = HeaderName::from_bytes(text.as_bytes())
                .map_err(|_| format!("{text:?} is not the name of a header"))?;
            match why_never(&name) {
                Some(why) => Err(format!(
                    "no connector may send the header {name}: {why}; remove it from the list"
                )),
                None => Ok(name),
            }
        })
        .collect()
}

/// Why no connector may send a header, whatever a manifest says. Judged by the words of its name, whatever joins them:
/// servers take `x_forwarded_host` for `X-Forwarded-Host`.
fn why_never(name: &HeaderName) -> Option<&'static str> {
    const WORDS: &[(&str, &[&str])] = &[
        (
            "it carries a credential or acts for somebody else, and the host adds credentials itself",
            &[
                "apikey",
                "assertion",
                "auth",
                "authenticate",
                "authenticated",
                "authentication",
                "authorization",
                "bearer",
                "cert",
                "certificate",
                "cookie",
                "cookie2",
                "credential",
                "credentials",
                "impersonate",
                "impersonation",
                "jwt",
                "key",
                "passwd",
                "password",
                "remote",
                "secret",
                "session",
                "signature",
                "ssl",
                "sudo",
                "token",
                "webauth",
            ],
        ),
        (
            "it says where a request begins and ends, and the host sets that itself",
            &[
                "connection",
                "expect",
                "http2",
                "length",
                "te",
                "trailer",
                "trailers",
                "transfer",
                "upgrade",
            ],
        ),
        (
            "it can name another target, method or sender than the request that was judged",
            &[
                "action",
                "destination",
                "forwarded",
                "host",
                "ip",
                "method",
                "origin",
                "original",
                "override",
                "path",
                "proxy",
                "rewrite",
                "soapaction",
                "target",
                "uri",
                "url",
                "via",
            ],
        ),
        (
            "in another encoding or in pieces, an echoed credential could not be recognised",
            &["charset", "encoding", "range"],
        ),
        ("it is the host's own", &["agent", "portcullis"]),
    ];
    let is_word_of = |words: &[&str]| {
        let mut parts = name.as_str().split(|c: char| !c.is_ascii_alphanumeric());
        parts.any(|part| words.contains(&part))
    };
    let known = WORDS.iter().find(|(_, words)| is_word_of(words));
    known
        .map(|(why, _)| *why)
        .or_else(|| is_forbidden(name).then_some("it is the host's to set"))
}

/// By which the host tells a guest when an answer came: milliseconds since 1970.
pub const READ_AT_HEADER: HeaderName = HeaderName::from_static("portcullis-read-at");

/// Whether a header of an answer is what the host says of it: the API can't.
pub fn is_the_hosts_word(name: &HeaderName) -> bool {
    name.as_str().starts_with("portcullis-")
}

/// Whether a header is the host's alone. wasi:http asks this in both directions: a guest can't set such a header, and it is
/// dropped from an answer, which could hand the guest a credential in it. What else a request may carry is an allow list that
/// [`Policy::judge`] holds: an answer may carry more than a request.
pub fn is_forbidden(name: &HeaderName) -> bool {
    const EXACT: &[&str] = &[
        // In another encoding, or in ranges, an echo of a credential could not be recognised.
        "accept-charset",
        "accept-encoding",
        "authentication-info",
        "authorization",
        "connection",
        "cookie",
        "cookie2",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "if-range",
        "keep-alive",
        "range",
        "set-cookie",
        "set-cookie2",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "www-authenticate",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
    ];
    let name = name.as_str();
    EXACT.binary_search(&name).is_ok()
        || name.starts_with("proxy-")
        || name.starts_with("x-forwarded-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn slot(name: &str) -> SlotName {
        SlotName::try_from(name.to_owned()).unwrap()
    }

    fn rule(family: &str, path: &str, slots: &[&str]) -> Rule {
        Rule {
            family: family.into(),
            methods: vec![Method::GET],
            path: PathPattern::parse(path).unwrap(),
            slots: slots.iter().map(|name| slot(name)).collect(),
        }
    }

    fn policy() -> Policy {
        let origin = ApiOrigin::of(&Url::parse("https://api.example/ignored").unwrap()).unwrap();
        let rules = vec![
            rule("users", "/v1/users/*", &["first", "second"]),
            rule("open", "/open", &[]),
            rule("rest", "/v1/**", &["second"]),
        ];
        Policy::new(origin, rules, vec![slot("second")])
    }

    fn judge(uri: &str) -> Result<String, Refusal> {
        let uri = uri.parse().map_err(|_| Refusal::PathForm)?;
        let policy = policy();
        let permit = policy.judge(&Method::GET, &uri, &HeaderMap::new())?;
        Ok(permit.rule.family.clone())
    }

    fn judge_headers(headers: &[(&'static str, &'static str)]) -> Result<Option<String>, Refusal> {
        let map = headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let policy = policy();
        let permit = policy.judge(
            &Method::GET,
            &"https://api.example/v1/users/7".parse().unwrap(),
            &map,
        )?;
        Ok(permit.slots.first().map(ToString::to_string))
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        assert_eq!(judge("https://api.example/v1/users/7").unwrap(), "users");
        assert_eq!(
            judge("https://api.example:443/v1/users/7?page=2").unwrap(),
            "users"
        );
        assert_eq!(
            judge("https://API.example/v1/users/7/keys").unwrap(),
            "rest"
        );
    }

    #[test]
    fn another_origin_is_refused() {
        for uri in [
            "http://api.example/v1/users/7",
            "https://api.example:8443/v1/users/7",
            "https://api.example.evil/v1/users/7",
            "https://evil/v1/users/7",
            "https://api.example@evil/v1/users/7",
            "https://me:secret@api.example/v1/users/7",
            "https://api.example./v1/users/7",
            "https://169.254.169.254/v1/users/7",
        ] {
            assert_eq!(judge(uri), Err(Refusal::Origin), "{uri}");
        }
    }

    #[test]
    fn a_path_that_could_mean_something_else_is_refused() {
        for path in [
            "/v1/../secret",
            "/v1/%2e%2e/secret",
            "/v1/%2E%2E/secret",
            "/v1/x/./y",
            "/v1//users/7",
            "/v1/users/",
            "/v1/users%2f7",
            "/v1/users%5c7",
            "/v1/users/7;admin=1",
            "/v1/users/7%3badmin",
            "/v1/users/%00",
            "/v1/users/%0d%0aHost:%20evil",
            "/v1/users/%252e%252e",
            "/v1/users/%c0%ae%c0%ae",
            "/v1/users/%ff",
            "/v1/users/x.",
            "/v1/users/..%20",
            "/v1/users/%ef%bc%8e%ef%bc%8e",
            "/v1/users/a%ef%bc%8fb",
            "/v1/users/a%ef%bc%bcb",
            "/v1/users/..%e2%80%8b",
            "/v1/users/..+",
        ] {
            assert_eq!(
                judge(&format!("https://api.example{path}")),
                Err(Refusal::PathForm),
                "{path}"
            );
        }
    }

    #[test]
    fn below_a_path_nothing_beside_it_is_reached() {
        let base = |text: &str| BasePath::of(&Url::parse(text).unwrap());
        let policy = |of: &str| policy().below(base(of).unwrap());
        let judge = |policy: &Policy, path: &str| {
            let uri = format!("https://api.example{path}").parse().unwrap();
            let permit = policy.judge(&Method::GET, &uri, &HeaderMap::new());
            permit.map(|permit| permit.rule.family.clone())
        };
        for of in ["https://api.example/a/t1", "https://api.example/a/t1/"] {
            let policy = policy(of);
            assert_eq!(judge(&policy, "/a/t1/v1/users/7").unwrap(), "users");
            assert_eq!(judge(&policy, "/a/%741/v1/users/7").unwrap(), "users");
            for path in [
                "/v1/users/7",
                "/a/v1/users/7",
                "/a/t1x/v1/users/7",
                "/a/t2/v1/users/7",
                "/A/t1/v1/users/7",
                "/b/a/t1/v1/users/7",
                "/a/t1",
            ] {
                assert_eq!(judge(&policy, path), Err(Refusal::Path), "{path}");
            }
            for path in [
                "/a/t1/../t2/v1/users/7",
                "/a/t1/%2e%2e/t2/v1/users/7",
                "/a/t1//v1/users/7",
                "/a%2ft1/v1/users/7",
                "/a/t1/..%2ft2/v1/users/7",
                "/a/t1%5c../v1/users/7",
            ] {
                assert_eq!(judge(&policy, path), Err(Refusal::PathForm), "{path}");
            }
        }
        assert_eq!(
            judge(&policy("https://api.example"), "/v1/users/7").unwrap(),
            "users"
        );
        for of in [
            "https://api.example/a?b",
            "https://api.example/a#b",
            "https://me@api.example/a",
            "https://api.example/a//b",
            "https://api.example/a%2fb",
            "https://api.example/a;b",
            "https://api.example//",
        ] {
            assert!(base(of).is_err(), "{of}");
        }
    }

    #[test]
    fn an_encoded_letter_gains_nothing() {
        assert_eq!(judge("https://api.example/v1/%75sers/7").unwrap(), "users");
        assert_eq!(judge("https://api.example/v2/users"), Err(Refusal::Path));
        assert_eq!(judge("https://api.example/v1"), Err(Refusal::Path));
    }

    #[test]
    fn another_method_is_refused() {
        let policy = policy();
        for method in [
            "POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "HEAD", "INVENTED", "get",
        ] {
            let judged = policy.judge(
                &Method::from_bytes(method.as_bytes()).unwrap(),
                &"https://api.example/v1/users/7".parse().unwrap(),
                &HeaderMap::new(),
            );
            assert_eq!(judged.unwrap_err(), Refusal::Method, "{method}");
        }
    }

    #[test]
    fn the_hosts_own_headers_are_refused() {
        for name in [
            "authorization",
            "cookie",
            "proxy-authorization",
            "forwarded",
            "x-forwarded-host",
            "transfer-encoding",
            "accept-charset",
            "accept-encoding",
            "if-range",
            "range",
            "x-http-method-override",
            "expect",
        ] {
            let refused = judge_headers(&[(name, "x")]).unwrap_err();
            assert!(
                matches!(&refused, Refusal::HostsHeader(named, _) if named == name),
                "{refused}"
            );
        }
        assert_eq!(
            judge_headers(&[("accept", "application/json")])
                .unwrap()
                .as_deref(),
            Some("second")
        );
    }

    #[test]
    fn a_header_is_allowed_by_name_alone() {
        let new = HeaderName::from_static("x-new");
        assert_eq!(
            judge_headers(&[("x-new", "1")]),
            Err(Refusal::Header("x-new".into()))
        );
        for (first, second) in [("5", None), ("00", None), ("0", Some("0")), ("", None)] {
            let mut headers = HeaderMap::new();
            headers.append("content-length", HeaderValue::from_static(first));
            if let Some(second) = second {
                headers.append("content-length", HeaderValue::from_static(second));
            }
            let uri = "https://api.example/v1/users/7".parse().unwrap();
            let refused = policy().judge(&Method::GET, &uri, &headers).unwrap_err();
            assert_eq!(refused.word(), "header", "{first} {second:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(new.clone(), HeaderValue::from_static("1"));
        headers.insert("user-agent", HeaderValue::from_static("a-runtime/1"));
        headers.insert("content-length", HeaderValue::from_static("0"));
        headers.insert("host", HeaderValue::from_static("api.example"));
        headers.insert(SLOT_HEADER, HeaderValue::from_static("second"));
        let uri = "https://api.example/v1/users/7".parse().unwrap();
        let allowing = policy().with_headers(vec![new.clone()]);
        allowing.judge(&Method::GET, &uri, &headers).unwrap();
        let sent = sent_on(headers);
        assert_eq!(sent.keys().collect::<Vec<_>>(), [&new]);
    }

    #[test]
    fn no_manifest_allows_what_carries_credentials_framing_target_method_or_sender() {
        let allowed = |name: &str| allowed_headers(&[name.to_owned()]);
        for name in [
            "prefer",
            "x-github-api-version",
            "consistencylevel",
            "content-type",
            "if-match",
        ] {
            assert_eq!(allowed(name), Ok(vec![HeaderName::from_static(name)]));
        }
        for name in [
            "authorization",
            "x_authorization",
            "cookie",
            "private-token",
            "x-api-key",
            "sudo",
            "host",
            "x-host",
            "content-length",
            "transfer-encoding",
            "connection",
            "keep-alive",
            "range",
            "request-range",
            "if-range",
            "accept-encoding",
            "accept_charset",
            "x_http_method_override",
            "x-original-url",
            "x-rewrite-url",
            "true-client-ip",
            "proxy-anything",
            "proxy_authorization",
            "forwarded",
            "x-forwarded-for",
            "x.forwarded.for",
            "via",
            "user-agent",
            "portcullis-slot",
            "portcullis-anything",
            "X-Forwarded-Host",
        ] {
            let problem = allowed(name).unwrap_err();
            assert!(problem.contains(&name.to_lowercase()), "{problem}");
        }
        assert!(allowed("x y").unwrap_err().contains("not the name"));
    }

    #[test]
    fn only_a_filled_slot_of_the_rule_is_sent() {
        assert_eq!(
            judge_headers(&[("portcullis-slot", "second")])
                .unwrap()
                .as_deref(),
            Some("second")
        );
        for name in ["first", "third", "SECOND", ""] {
            assert_eq!(
                judge_headers(&[("portcullis-slot", name)]),
                Err(Refusal::Slot),
                "{name:?}"
            );
        }
        let policy = policy();
        let open = "https://api.example/open".parse().unwrap();
        assert_eq!(
            policy
                .judge(&Method::GET, &open, &HeaderMap::new())
                .unwrap()
                .slots,
            []
        );
        let mut named = HeaderMap::new();
        named.insert(SLOT_HEADER, HeaderValue::from_static("second"));
        assert_eq!(
            policy.judge(&Method::GET, &open, &named).unwrap_err(),
            Refusal::Slot
        );
    }

    #[test]
    fn several_slots_may_be_named_of_which_any_will_do() {
        let origin = ApiOrigin::of(&Url::parse("https://api.example").unwrap()).unwrap();
        let rules = vec![rule("users", "/users", &["first", "second"])];
        let policy = Policy::new(origin, rules, vec![slot("first"), slot("second")]);
        let judge = |named: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(SLOT_HEADER, HeaderValue::from_static(named));
            let uri = "https://api.example/users".parse().unwrap();
            let permit = policy.judge(&Method::GET, &uri, &headers);
            permit.map(|permit| permit.slots)
        };
        assert_eq!(
            judge("second, first"),
            Ok(vec![slot("second"), slot("first")])
        );
        // One that may not be sent spoils the rest: a guest that names it does not mean what it says.
        for named in [
            "first, third",
            "first,",
            ",first",
            "first, first",
            "first;second",
            "first\tsecond",
        ] {
            assert_eq!(judge(named), Err(Refusal::Slot), "{named:?}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let long = format!("https://api.example/v1/users/{}", "a".repeat(LONGEST_URL));
        assert_eq!(judge(&long), Err(Refusal::UrlTooLong));
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-big",
            HeaderValue::from_str(&"a".repeat(MOST_HEADER_BYTES)).unwrap(),
        );
        let policy = policy();
        let uri = "https://api.example/v1/users/7".parse().unwrap();
        let judged = policy.judge(&Method::GET, &uri, &headers);
        assert_eq!(judged.unwrap_err(), Refusal::HeadersTooLarge);
    }

    #[test]
    fn the_list_of_forbidden_headers_is_sorted() {
        // `is_forbidden` searches it by halves.
        for name in [
            "accept-encoding",
            "authorization",
            "host",
            "te",
            "via",
            "x-rewrite-url",
        ] {
            assert!(is_forbidden(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn a_place_that_is_the_hosts_is_closed_whatever_a_rule_says() {
        let places = [
            "https://api.example/v1/Users/to%6ben/",
            "https://other.example/v1/users/8",
        ];
        let places = places.map(|url| Url::parse(url).unwrap());
        let policy = policy().closed_to(places.iter());
        let judge = |url: &str| {
            let judged = policy.judge(&Method::GET, &url.parse().unwrap(), &HeaderMap::new());
            judged.map(drop)
        };
        for path in [
            "token",
            "TOKEN",
            "%74oken",
            "token?grant_type=client_credentials",
            "token.json",
            "token/x",
            "to%E2%84%AAen",
        ] {
            let url = format!("https://api.example/v1/users/{path}");
            assert_eq!(judge(&url), Err(Refusal::Path), "{path}");
        }
        assert_eq!(judge("https://api.example/v1/users/tokens"), Ok(()));
        assert_eq!(judge("https://api.example/v1/users/8"), Ok(()));
    }
}
