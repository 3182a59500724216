//! The keys of a connection file, and what a tenant may say with each of them.
//!
//! A connection is read by these keys only, so a new key can't be added without a decision in [`Key::tenant`].

use crate::limits::Limit;

/// A key of a connection file. The names under `[settings]` and `[credentials]` are the manifest's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is described where it is read")]
pub enum Key {
    Connector,
    App,
    RequirePinned,
    AllowPrivateNetworks,
    AllowPlainHttp,
    CaFile,
    Proxy,
    InFlight,
    RequestsPerHour,
    SpreadSlots,
    Limit(Limit),
}

/// What a tenant's connection may say with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TenantMay {
    /// One of the values that the operator gives.
    Choose,
    /// Only what allows less than the manifest and the operator do.
    Narrow,
    /// Nothing: it is the operator's.
    SayNothing,
}

impl Key {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let fixed = [
            Self::Connector,
            Self::App,
            Self::RequirePinned,
            Self::AllowPrivateNetworks,
            Self::AllowPlainHttp,
            Self::CaFile,
            Self::Proxy,
            Self::InFlight,
            Self::RequestsPerHour,
            Self::SpreadSlots,
        ];
        fixed
            .into_iter()
            .chain(Limit::ALL.into_iter().map(Self::Limit))
    }

    /// The table that it stands in; empty for the top of the file.
    pub fn table(self) -> &'static str {
        match self {
            Self::Connector | Self::App | Self::RequirePinned => "",
            Self::AllowPrivateNetworks | Self::AllowPlainHttp | Self::CaFile | Self::Proxy => {
                "network"
            }
            Self::InFlight | Self::RequestsPerHour | Self::SpreadSlots => "pace",
            Self::Limit(_) => "limits",
        }
    }

    /// Its name in that table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connector => "connector",
            Self::App => "app",
            Self::RequirePinned => "require_pinned",
            Self::AllowPrivateNetworks => "allow_private_networks",
            Self::AllowPlainHttp => "allow_plain_http",
            Self::CaFile => "ca_file",
            Self::Proxy => "proxy",
            Self::InFlight => "in_flight",
            Self::RequestsPerHour => "requests_per_hour",
            Self::SpreadSlots => "spread_slots",
            Self::Limit(limit) => limit.name(),
        }
    }

    /// What a tenant's connection may say with it.
    pub fn tenant(self) -> TenantMay {
        match self {
            // It must be the name of the manifest that the operator gives.
            Self::Connector => TenantMay::Choose,
            // A run that calls itself another application would overwrite that one's data where its output is loaded.
            Self::App => TenantMay::SayNothing,
            // Requiring it refuses components, and `false` does not lift what the operator requires.
            Self::RequirePinned => TenantMay::Narrow,
            Self::AllowPrivateNetworks | Self::AllowPlainHttp | Self::CaFile | Self::Proxy => {
                TenantMay::SayNothing
            }
            // Spreading uses the hours of several credentials, so `false` is less.
            Self::InFlight | Self::RequestsPerHour | Self::SpreadSlots => TenantMay::Narrow,
            Self::Limit(_) => TenantMay::Narrow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_has_a_place_of_its_own() {
        let places: BTreeSet<_> = Key::all().map(|key| (key.table(), key.name())).collect();
        assert_eq!(places.len(), Key::all().count());
    }
}
