//! What kind of thing a path names.

use percent_encoding::percent_decode_str;

/// A family of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `/Users`.
    Users,
    /// `/Groups`.
    Groups,
    /// `/Roles`.
    Roles,
    /// `/Entitlements`.
    Entitlements,
    /// `/ServiceProviderConfig`.
    ServiceProviderConfig,
    /// `/ResourceTypes`.
    ResourceTypes,
    /// `/Schemas`.
    Schemas,
    /// What this server does not have.
    Other,
}

impl Family {
    const WORDS: [(&'static str, Self); 7] = [
        ("Users", Self::Users),
        ("Groups", Self::Groups),
        ("Roles", Self::Roles),
        ("Entitlements", Self::Entitlements),
        ("ServiceProviderConfig", Self::ServiceProviderConfig),
        ("ResourceTypes", Self::ResourceTypes),
        ("Schemas", Self::Schemas),
    ];

    /// The word of a resource's type.
    pub(crate) fn resource_type(self) -> &'static str {
        match self {
            Self::Users => "User",
            Self::Groups => "Group",
            Self::Roles => "Role",
            Self::Entitlements => "Entitlement",
            Self::ServiceProviderConfig => "ServiceProviderConfig",
            Self::ResourceTypes => "ResourceType",
            Self::Schemas => "Schema",
            Self::Other => "",
        }
    }

    /// The word in its path.
    pub(crate) fn word(self) -> &'static str {
        let word = Self::WORDS.into_iter().find(|(_, family)| *family == self);
        word.map_or("", |(word, _)| word)
    }

    /// Family and id of a path below the prefix. A path's words are spelled one way only.
    pub(crate) fn at(path: &str) -> (Self, Option<String>) {
        let (word, id) = match path.trim_matches('/').split_once('/') {
            Some((word, id)) => (word, Some(id)),
            None => (path.trim_matches('/'), None),
        };
        let family = Self::WORDS.into_iter().find(|(known, _)| *known == word);
        let id = id.map(|id| percent_decode_str(id).decode_utf8_lossy().into_owned());
        (family.map_or(Self::Other, |(_, family)| family), id)
    }
}
