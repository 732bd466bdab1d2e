//! Ports of the host, how services publish them, and who holds them.

use std::fmt;
use std::ops::RangeInclusive;

pub use crate::bindings::repair::tool::types::{
    Origin, PortKey, PortOwner, ProcessRef, Protocol, Published, PublishedPort, ValueSource,
};

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        })
    }
}

impl PortKey {
    /// A port on all addresses of the host.
    pub fn new(port: u16, protocol: Protocol) -> Self {
        Self { port, protocol, host_ip: None }
    }

    /// A TCP port on all addresses of the host.
    pub fn tcp(port: u16) -> Self {
        Self::new(port, Protocol::Tcp)
    }

    /// A UDP port on all addresses of the host.
    pub fn udp(port: u16) -> Self {
        Self::new(port, Protocol::Udp)
    }

    /// The same port on one address.
    pub fn on(self, host_ip: impl Into<String>) -> Self {
        Self { host_ip: Some(host_ip.into()), ..self }
    }

    /// Whether one may stand in the way of the other, whoever holds it: same port, same protocol, and one address
    /// [overlaps](addresses_overlap) the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && addresses_overlap(self.host_ip.as_deref(), other.host_ip.as_deref())
    }
}

/// Whether two host addresses can stand in each other's way, whoever holds one of them. An absent address means all of
/// them, and so do the two wildcards; whether a process on `::` leaves IPv4 alone cannot be seen, so it counts as all.
pub fn addresses_overlap(one: Option<&str>, other: Option<&str>) -> bool {
    let covers_all = |address: Option<&str>| matches!(address, None | Some("" | "0.0.0.0" | "::"));
    covers_all(one) || covers_all(other) || one == other
}

/// Whether two host addresses of published ports can stand in each other's way. Engines bind IPv6 addresses for IPv6 only,
/// so each wildcard covers its own family, and only an absent address covers both.
pub fn published_addresses_overlap(one: Option<&str>, other: Option<&str>) -> bool {
    let is_wildcard = |address: &str| matches!(address, "0.0.0.0" | "::");
    match (one, other) {
        (None | Some(""), _) | (_, None | Some("")) => true,
        (Some(one), Some(other)) if one.contains(':') == other.contains(':') => {
            one == other || is_wildcard(one) || is_wildcard(other)
        }
        _ => false,
    }
}

impl fmt::Display for PortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host_ip {
            Some(address) if address.contains(':') => write!(f, "[{address}]:{}/{}", self.port, self.protocol),
            Some(address) => write!(f, "{address}:{}/{}", self.port, self.protocol),
            None => write!(f, "{}/{}", self.port, self.protocol),
        }
    }
}

impl Published {
    /// All ports that it may take, ascending; none if the engine picks.
    pub fn ports(&self) -> RangeInclusive<u16> {
        match *self {
            Self::Fixed(port) => port..=port,
            Self::Range((first, last)) => first..=last,
            #[expect(clippy::reversed_empty_ranges, reason = "the empty range is what is meant: it claims no port")]
            Self::EnginePicks => 1..=0,
        }
    }
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(port) => write!(f, "{port}"),
            Self::Range((first, last)) => write!(f, "{first}-{last}"),
            Self::EnginePicks => f.write_str("any"),
        }
    }
}

impl PublishedPort {
    /// Every port of the host that the entry claims, ascending.
    pub fn keys(&self) -> impl Iterator<Item = PortKey> + '_ {
        self.published.ports().map(|port| PortKey { port, protocol: self.protocol, host_ip: self.host_ip.clone() })
    }

    /// Whether the entry claims `port`, or an address of it, so that no other entry can be published there.
    pub fn claims(&self, port: &PortKey) -> bool {
        self.protocol == port.protocol
            && self.published.ports().contains(&port.port)
            && published_addresses_overlap(self.host_ip.as_deref(), port.host_ip.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_overlap_when_one_covers_the_other() {
        for wildcard in [None, Some(""), Some("0.0.0.0"), Some("::")] {
            assert!(addresses_overlap(wildcard, Some("127.0.0.1")), "{wildcard:?}");
            assert!(addresses_overlap(Some("::1"), wildcard), "{wildcard:?}");
        }
        assert!(addresses_overlap(Some("127.0.0.1"), Some("127.0.0.1")));
        assert!(!addresses_overlap(Some("127.0.0.1"), Some("::1")));
        assert!(!PortKey::tcp(53).overlaps(&PortKey::udp(53)));
        assert!(PortKey::tcp(53).overlaps(&PortKey::tcp(53).on("10.0.0.1")));
    }

    #[test]
    fn published_addresses_meet_within_their_family() {
        for (one, other, overlap) in [
            (None, Some("::"), true),
            (Some(""), Some("127.0.0.1"), true),
            (Some("0.0.0.0"), Some("127.0.0.1"), true),
            (Some("::"), Some("::1"), true),
            (Some("::1"), Some("::1"), true),
            (Some("0.0.0.0"), Some("::"), false),
            (Some("127.0.0.1"), Some("::"), false),
            (Some("::1"), Some("0.0.0.0"), false),
            (Some("127.0.0.1"), Some("127.0.0.2"), false),
        ] {
            assert_eq!(published_addresses_overlap(one, other), overlap, "{one:?} {other:?}");
            assert_eq!(published_addresses_overlap(other, one), overlap, "{other:?} {one:?}");
        }
        let entry = crate::testing::publish(8080, 80).on("0.0.0.0");
        assert!(entry.claims(&PortKey::tcp(8080)) && !entry.claims(&PortKey::tcp(8080).on("::")));
    }

    #[test]
    fn ports_are_written_as_people_write_them() {
        assert_eq!(PortKey::tcp(8080).to_string(), "8080/tcp");
        assert_eq!(PortKey::udp(53).on("127.0.0.1").to_string(), "127.0.0.1:53/udp");
        assert_eq!(PortKey::tcp(80).on("::1").to_string(), "[::1]:80/tcp");
        assert_eq!(Published::Range((5000, 5002)).to_string(), "5000-5002");
    }

    #[test]
    fn what_the_engine_picks_claims_nothing() {
        assert_eq!(Published::EnginePicks.ports().count(), 0);
        assert_eq!(Published::Range((65534, 65535)).ports().count(), 2);
    }
}
