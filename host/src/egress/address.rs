//! Which addresses a connection may reach.

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use url::Host;

/// Whether an address is on the public internet: not private, loopback, link-local (which is where cloud
/// machines keep their metadata), shared, documentation, benchmarking, multicast or reserved, by the IANA
/// special-purpose registries. IPv6 forms that carry an IPv4 address are judged by that address too.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [a, b, ..] = segments;
    let tail = Ipv4Addr::from((u32::from(segments[6]) << 16) | u32::from(segments[7]));
    match (a, b) {
        // NAT64 (RFC 6052): reaches the IPv4 address at its end.
        (0x64, 0xff9b) if segments[2..6] == [0; 4] => is_public_v4(tail),
        // 6to4 (RFC 3056): carries an IPv4 address behind its prefix.
        (0x2002, _) => is_public_v4(Ipv4Addr::from(
            (u32::from(b) << 16) | u32::from(segments[2]),
        )),
        // Teredo and other protocol assignments, benchmarking, ORCHID; documentation.
        (0x2001, 0..0x200) | (0x2001, 0xdb8) | (0x3fff, 0..0x1000) => false,
        // What is left of global unicast, 2000::/3. Everything else (mapped IPv4, loopback, unique local,
        // link-local, multicast, unassigned) is not public.
        _ => a & 0xe000 == 0x2000,
    }
}

/// Why an API can't be connected to. Said to the person, since the connection is theirs.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The name leads to an address that is not public.
    #[error(
        "{0} leads to an address that is not on the public internet; if that is meant, set allow_private_networks = true under [network] in the connection"
    )]
    NotPublic(String),
    /// The name leads nowhere.
    #[error("the name {0} can't be resolved; check its spelling and this machine's network")]
    NotFound(String),
}

/// Refuses an API URL that names a forbidden address outright: the client's resolver never sees those.
///
/// # Errors
/// [`AddressError::NotPublic`].
pub fn check_literal(host: &Host<String>, allow_private: bool) -> Result<(), AddressError> {
    let address = match host {
        Host::Domain(_) => return Ok(()),
        Host::Ipv4(v4) => IpAddr::V4(*v4),
        Host::Ipv6(v6) => IpAddr::V6(*v6),
    };
    if allow_private || is_public(address) {
        Ok(())
    } else {
        Err(AddressError::NotPublic(host.to_string()))
    }
}

/// Who knows the addresses of a name.
pub trait Names: Send + Sync {
    /// The addresses of a name; none where it has none.
    fn lookup(&self, name: String) -> BoxFuture<'static, Vec<IpAddr>>;
}

/// The system's resolver.
pub struct SystemNames;

impl Names for SystemNames {
    fn lookup(&self, name: String) -> BoxFuture<'static, Vec<IpAddr>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            found
                .map(|addresses| addresses.map(|address| address.ip()).collect())
                .unwrap_or_default()
        })
    }
}

/// Resolves a name once and gives the client the addresses that were checked: it connects to those and
/// asks nobody again, so an answer that changes in between gains nothing.
pub(super) struct CheckedResolver {
    pub(super) names: Arc<dyn Names>,
    pub(super) allow_private: bool,
    /// The connection's own proxy may be anywhere.
    pub(super) proxy_host: Option<String>,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private || self.proxy_host.as_deref() == Some(name.as_str());
        let name = name.as_str().to_owned();
        let found = self.names.lookup(name.clone());
        Box::pin(async move {
            let addresses = found.await;
            if addresses.is_empty() {
                return Err(AddressError::NotFound(name).into());
            }
            // One bad address among good ones is no accident either.
            if !allow_private && !addresses.iter().all(|address| is_public(*address)) {
                return Err(AddressError::NotPublic(name).into());
            }
            // Port 0 stands for the URL's own.
            let sockets = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_inside_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "fe80::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in [
            "8.8.8.8",
            "104.192.141.1",
            "172.32.0.1",
            "2401:1d80:1010::150",
            "2606:4700::1",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn odd_spellings_of_an_address_are_seen_through() {
        for text in [
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            let url = url::Url::parse(text).unwrap();
            let host = url.host().unwrap().to_owned();
            assert!(check_literal(&host, false).is_err(), "{text}");
            assert!(check_literal(&host, true).is_ok(), "{text}");
        }
    }
}
