//! What kind of address an address is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The range that an address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Of the public internet.
    Public,
    /// Private (RFC 1918), shared (CGNAT) or unique local: an allow-list may admit it.
    Private,
    /// This machine.
    Loopback,
    /// Link-local, which is also where clouds keep their metadata services.
    LinkLocal,
    /// An IPv6 address with an IPv4 address inside: mapped, compatible, 6to4, Teredo, NAT64.
    Embedded,
    /// Multicast, broadcast, documentation, benchmarks, reserved, or of no meaning.
    Reserved,
}

impl Range {
    /// In the words of a message.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link-local (or a metadata service)",
            Self::Embedded => "an IPv4 address inside of an IPv6 one",
            Self::Reserved => "reserved",
        }
    }
}

/// The range of an address.
#[must_use]
pub fn range_of(address: IpAddr) -> Range {
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => of_v6(address),
    }
}

fn of_v4(address: Ipv4Addr) -> Range {
    match address.octets() {
        [127, ..] => Range::Loopback,
        [169, 254, ..] => Range::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Range::Private,
        // This network; IETF's own; documentation; relays of 6to4; benchmarks; multicast and what is above.
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => Range::Reserved,
        _ => Range::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Range {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Range::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => Range::Reserved,
        // Mapped, compatible, translated; NAT64 and its local prefix; 6to4; Teredo.
        [0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, _, 0, _, _]
        | [0x64, 0xff9b, ..]
        | [0x2002, ..]
        | [0x2001, 0, ..] => Range::Embedded,
        [0xfe80..=0xfebf, ..] => Range::LinkLocal,
        // AWS's metadata service has a unique local address.
        [0xfd00, 0x0ec2, ..] => Range::LinkLocal,
        [0xfc00..=0xfdff, ..] => Range::Private,
        // IETF's own, documentation.
        [0x2001, 0x0001..=0x01ff, ..] | [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Range::Reserved,
        [0x2000..=0x3fff, ..] => Range::Public,
        _ => Range::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Range {
        range_of(text.parse().unwrap())
    }

    /// Every range by its first and last address, and the addresses on either side of it.
    #[test]
    fn every_range_has_its_edges() {
        use Range::{Embedded, LinkLocal, Loopback, Private, Public, Reserved};
        for (expected, first, last) in [
            (Reserved, "0.0.0.0", "0.255.255.255"),
            (Public, "1.0.0.0", "9.255.255.255"),
            (Private, "10.0.0.0", "10.255.255.255"),
            (Public, "11.0.0.0", "100.63.255.255"),
            (Private, "100.64.0.0", "100.127.255.255"),
            (Public, "100.128.0.0", "126.255.255.255"),
            (Loopback, "127.0.0.0", "127.255.255.255"),
            (Public, "128.0.0.0", "169.253.255.255"),
            (LinkLocal, "169.254.0.0", "169.254.255.255"),
            (LinkLocal, "169.254.169.254", "169.254.170.2"),
            (Public, "169.255.0.0", "172.15.255.255"),
            (Private, "172.16.0.0", "172.31.255.255"),
            (Public, "172.32.0.0", "191.255.255.255"),
            (Reserved, "192.0.0.0", "192.0.0.255"),
            (Public, "192.0.1.0", "192.0.1.255"),
            (Reserved, "192.0.2.0", "192.0.2.255"),
            (Public, "192.0.3.0", "192.88.98.255"),
            (Reserved, "192.88.99.0", "192.88.99.255"),
            (Public, "192.88.100.0", "192.167.255.255"),
            (Private, "192.168.0.0", "192.168.255.255"),
            (Public, "192.169.0.0", "198.17.255.255"),
            (Reserved, "198.18.0.0", "198.19.255.255"),
            (Public, "198.20.0.0", "198.51.99.255"),
            (Reserved, "198.51.100.0", "198.51.100.255"),
            (Public, "198.51.101.0", "203.0.112.255"),
            (Reserved, "203.0.113.0", "203.0.113.255"),
            (Public, "203.0.114.0", "223.255.255.255"),
            (Reserved, "224.0.0.0", "255.255.255.255"),
            (Reserved, "::", "::"),
            (Loopback, "::1", "::1"),
            (Embedded, "::2", "::ffff:ffff"),
            (Embedded, "::ffff:0.0.0.0", "::ffff:255.255.255.255"),
            (Embedded, "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"),
            (Embedded, "64:ff9b::", "64:ff9b::ffff:ffff"),
            (Embedded, "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
            (Reserved, "100::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Public, "2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Embedded, "2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Reserved, "2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Public, "2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Reserved, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Public, "2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Embedded, "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Public, "2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Reserved, "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Public, "3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Reserved, "4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Private, "fc00::", "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Private, "fd00::", "fd00:ec1:ffff:ffff:ffff:ffff:ffff:ffff"),
            (LinkLocal, "fd00:ec2::", "fd00:ec2::254"),
            (Private, "fd00:ec3::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Reserved, "fe00::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (LinkLocal, "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            (Reserved, "fec0::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            assert_eq!((range(first), range(last)), (expected, expected), "{first} to {last}");
        }
    }

    /// The standard library knows some of these ranges too: where it says "not public", so do we.
    #[test]
    fn nothing_that_the_standard_library_knows_as_special_is_public() {
        for high in 0..=u16::MAX {
            let [a, b] = high.to_be_bytes();
            for (c, d) in [(0, 0), (0, 1), (2, 1), (99, 1), (100, 1), (113, 1), (255, 255)] {
                let address = Ipv4Addr::new(a, b, c, d);
                let special = address.is_private()
                    || address.is_loopback()
                    || address.is_link_local()
                    || address.is_broadcast()
                    || address.is_documentation()
                    || address.is_multicast()
                    || address.is_unspecified();
                assert!(!special || range_of(address.into()) != Range::Public, "{address}");
                for v6 in [address.to_ipv6_mapped(), address.to_ipv6_compatible()] {
                    assert_ne!(range_of(v6.into()), Range::Public, "{v6}");
                }
            }
            let address = Ipv6Addr::new(high, 0, 0, 0, 0, 0, 0, 1);
            let special = address.is_loopback()
                || address.is_multicast()
                || address.is_unicast_link_local()
                || address.is_unique_local()
                || address.is_unspecified();
            assert!(!special || range_of(address.into()) != Range::Public, "{address}");
        }
    }
}
