//! Why a request got no answer, as far as a guest may know it.

use super::address::AddressError;
use crate::vault::Redactor;
use std::error::Error as StdError;
use wasmtime_wasi_http::Error;

/// The kinds of failure that a guest can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The name leads to an address that the connection doesn't allow.
    AddressProhibited,
    /// The name leads nowhere.
    NameNotFound,
    /// The API's certificate is not trusted.
    Certificate,
    /// Nobody listens there.
    ConnectionRefused,
    /// Nothing came for too long.
    TimedOut,
    /// The response is compressed in a way that the host does not undo, so that secrets can't be found in it.
    Encoded,
    /// The connection broke.
    Broken,
}

impl Failure {
    pub(super) fn of(error: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(failure) = Self::of_one(error) {
                return failure;
            }
            cause = error.source();
        }
        if error.is_timeout() {
            Self::TimedOut
        } else {
            Self::Broken
        }
    }

    fn of_one(error: &(dyn StdError + 'static)) -> Option<Self> {
        if let Some(address) = error.downcast_ref() {
            return Some(match address {
                AddressError::NotPublic(_) => Self::AddressProhibited,
                AddressError::NotFound(_) => Self::NameNotFound,
            });
        }
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return Some(Self::Certificate);
        }
        // An error inside an io::Error is not among its sources.
        let io = error.downcast_ref::<std::io::Error>()?;
        match io.kind() {
            std::io::ErrorKind::ConnectionRefused => Some(Self::ConnectionRefused),
            _ => Self::of_one(io.get_ref()?),
        }
    }

    const ALL: [Self; 7] = [
        Self::AddressProhibited,
        Self::NameNotFound,
        Self::Certificate,
        Self::ConnectionRefused,
        Self::TimedOut,
        Self::Encoded,
        Self::Broken,
    ];

    /// One word, for the journal.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::AddressProhibited => "address-prohibited",
            Self::NameNotFound => "name-not-found",
            Self::Certificate => "certificate",
            Self::ConnectionRefused => "connection-refused",
            Self::TimedOut => "timed-out",
            Self::Encoded => "encoded",
            Self::Broken => "broken",
        }
    }

    /// What a word of the journal stands for.
    pub(super) fn by_word(word: &str) -> Self {
        let known = Self::ALL.into_iter().find(|failure| failure.word() == word);
        known.unwrap_or(Self::Broken)
    }

    /// Whether the other side chose a part of what the error says: names in a certificate, or what it sent in place of HTTP.
    fn repeats_the_other_side(self) -> bool {
        matches!(self, Self::Certificate | Self::Broken)
    }

    /// Whether asking again would meet the same.
    pub(super) fn is_final(self) -> bool {
        matches!(
            self,
            Self::AddressProhibited | Self::Certificate | Self::Encoded
        )
    }
}

/// An error in words, without what could be a secret.
pub(super) fn told(error: reqwest::Error, redactor: &Redactor) -> String {
    let failure = Failure::of(&error);
    let told = super::client::chain(&error.without_url());
    if failure.repeats_the_other_side() {
        redactor.text(&told).into_owned()
    } else {
        told
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::AddressProhibited => Self::DestinationIpProhibited,
            Failure::NameNotFound => Self::DnsError {
                rcode: None,
                info_code: None,
            },
            Failure::Certificate => Self::TlsCertificateError,
            Failure::ConnectionRefused => Self::ConnectionRefused,
            Failure::TimedOut => Self::ConnectionTimeout,
            Failure::Encoded => Self::HttpResponseContentCoding(None),
            Failure::Broken => Self::ConnectionTerminated,
        }
    }
}
