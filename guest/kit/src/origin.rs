//! The origin of the API: the only place where requests go.

use url::Url;

/// Scheme, host and port of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiOrigin {
    root: Url,
}

impl ApiOrigin {
    /// The origin of a URL. None where it is no http or https URL with a host.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let mut root = Url::parse(url).ok()?;
        if !matches!(root.scheme(), "http" | "https") || root.host().is_none() {
            return None;
        }
        root.set_path("/");
        root.set_query(None);
        root.set_fragment(None);
        // Neither can fail for a URL with a host.
        let _ = root.set_username("");
        let _ = root.set_password(None);
        Some(Self { root })
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        self.root.host_str().unwrap_or_default()
    }

    /// The absolute URL of a path and query. None where the path leads to another origin, as
    /// `//elsewhere/` does.
    #[must_use]
    pub fn url(&self, path: &str) -> Option<Url> {
        let url = self.root.join(path).ok()?;
        self.holds(&url).then_some(url)
    }

    /// Where `link`, found in the answer to `path`, leads. None where that is another origin: a request
    /// carries a credential, so a link must never choose who gets it.
    #[must_use]
    pub fn follow(&self, path: &str, link: &str) -> Option<Url> {
        let url = self.url(path)?.join(link).ok()?;
        self.holds(&url).then_some(url)
    }

    fn holds(&self, url: &Url) -> bool {
        url.scheme() == self.root.scheme()
            && url.host() == self.root.host()
            && url.port_or_known_default() == self.root.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
    }
}

/// The path and query of a URL.
#[must_use]
pub fn path_and_query(url: &Url) -> String {
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}

/// One segment of a path, percent-encoded: all but RFC 3986's unreserved characters.
#[must_use]
pub fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> ApiOrigin {
        ApiOrigin::of("https://api.example.com/2.0/?x#y").unwrap_or_else(|| unreachable!())
    }

    #[test]
    fn a_link_to_another_scheme_host_or_port_is_not_followed() {
        for link in [
            "http://api.example.com/2.0/x",
            "https://api.example.com.evil.org/2.0/x",
            "https://api.example.com:8443/2.0/x",
            "//evil.org/2.0/x",
            "https://api.example.com@evil.org/",
            "https://user:word@api.example.com/2.0/x",
            "javascript:x",
        ] {
            assert_eq!(origin().follow("/2.0/x", link), None, "{link}");
        }
    }

    #[test]
    fn a_link_on_the_same_origin_is_followed_however_it_is_written() {
        for link in [
            "https://api.example.com/2.0/x?page=2",
            "https://API.example.com:443/2.0/x?page=2",
            "/2.0/x?page=2",
            "?page=2",
        ] {
            let url = origin().follow("/2.0/x?page=1", link);
            assert_eq!(
                url.as_ref().map(path_and_query).as_deref(),
                Some("/2.0/x?page=2"),
                "{link}"
            );
        }
    }

    #[test]
    fn a_path_can_not_lead_away() {
        assert_eq!(origin().url("//evil.org/x"), None);
    }

    #[test]
    fn a_segment_is_encoded_so_that_it_stays_one() {
        assert_eq!(segment("a/b?c#{d} é"), "a%2Fb%3Fc%23%7Bd%7D%20%C3%A9");
    }
}
