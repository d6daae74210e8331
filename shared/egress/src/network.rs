//! Private networks that an allow-list admits.

use crate::address::{Range, range_of};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A network of private addresses, such as `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u8,
}

/// Why a text is no network that may be admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not of the form.
    #[error("expected a network such as `10.1.0.0/16` or `fd12:3456::/48`")]
    Form,
    /// Bits are set behind the prefix.
    #[error("expected the network's first address: bits are set behind the prefix")]
    NotFirst,
    /// It is not inside of a private range.
    #[error(
        "only private networks may be admitted: inside of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 or fc00::/7 (never loopback, link-local or a metadata service)"
    )]
    NotPrivate,
}

impl Network {
    /// True if the address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                shifted(first.to_bits().into(), 32, self.bits)
                    == shifted(address.to_bits().into(), 32, self.bits)
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                shifted(first.to_bits(), 128, self.bits) == shifted(address.to_bits(), 128, self.bits)
            }
            _ => false,
        }
    }
}

/// The prefix alone.
fn shifted(number: u128, width: u8, bits: u8) -> u128 {
    number.checked_shr(u32::from(width.saturating_sub(bits))).unwrap_or(0)
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (first, bits) = text.split_once('/').ok_or(NetworkError::Form)?;
        let first: IpAddr = first.parse().map_err(|_| NetworkError::Form)?;
        let plain = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits: u8 = bits.parse().ok().filter(|_| plain).ok_or(NetworkError::Form)?;
        let (number, width): (u128, u8) = match first {
            IpAddr::V4(first) => (first.to_bits().into(), 32),
            IpAddr::V6(first) => (first.to_bits(), 128),
        };
        if bits > width {
            return Err(NetworkError::Form);
        }
        let behind = u32::from(width - bits);
        if shifted(number, width, bits).checked_shl(behind).unwrap_or(0) != number {
            return Err(NetworkError::NotFirst);
        }
        // The narrowest private range has its own length: what is shorter reaches out of it.
        let shortest = match first {
            IpAddr::V4(first) => match first.octets() {
                [10, ..] => 8,
                [172, ..] => 12,
                [100, ..] => 10,
                _ => 16,
            },
            IpAddr::V6(_) => 7,
        };
        if range_of(first) != Range::Private || bits < shortest {
            return Err(NetworkError::NotPrivate);
        }
        Ok(Self { first, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_network_holds_its_own_addresses() {
        for (network, inside, outside) in [
            ("10.1.0.0/16", ["10.1.0.0", "10.1.255.255"], ["10.0.255.255", "10.2.0.0"]),
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "::a00:1"]),
            ("192.168.1.7/32", ["192.168.1.7", "192.168.1.7"], ["192.168.1.6", "192.168.1.8"]),
            ("fc00::/7", ["fc00::", "fdff::1"], ["fe00::", "10.0.0.1"]),
            ("fd12:3456::/48", ["fd12:3456::1", "fd12:3456:0:ffff::"], ["fd12:3456:1::", "fd12:3455::"]),
        ] {
            let network: Network = network.parse().unwrap();
            for address in inside {
                assert!(network.contains(address.parse().unwrap()), "{network} {address}");
            }
            for address in outside {
                assert!(!network.contains(address.parse().unwrap()), "{network} {address}");
            }
        }
    }

    #[test]
    fn what_is_not_private_is_never_admitted() {
        for (text, error) in [
            ("", NetworkError::Form),
            ("10.0.0.0", NetworkError::Form),
            ("10.0.0.0/33", NetworkError::Form),
            ("10.0.0.0/+8", NetworkError::Form),
            ("10.0.0.0/", NetworkError::Form),
            ("internal/8", NetworkError::Form),
            ("10.1.0.0/8", NetworkError::NotFirst),
            ("0.0.0.0/0", NetworkError::NotPrivate),
            ("10.0.0.0/7", NetworkError::NotPrivate),
            ("172.16.0.0/11", NetworkError::NotPrivate),
            ("192.168.0.0/15", NetworkError::NotPrivate),
            ("127.0.0.0/8", NetworkError::NotPrivate),
            ("127.0.0.1/32", NetworkError::NotPrivate),
            ("169.254.0.0/16", NetworkError::NotPrivate),
            ("169.254.169.254/32", NetworkError::NotPrivate),
            ("8.8.8.0/24", NetworkError::NotPrivate),
            ("::1/128", NetworkError::NotPrivate),
            ("::/0", NetworkError::NotPrivate),
            ("fe80::/10", NetworkError::NotPrivate),
            ("fd00:ec2::254/128", NetworkError::NotPrivate),
            ("::ffff:10.0.0.0/104", NetworkError::NotPrivate),
        ] {
            let parsed = text.parse::<Network>();
            assert!(
                parsed == Err(error.clone())
                    || (error == NetworkError::NotPrivate && parsed == Err(NetworkError::NotFirst)),
                "{text}: {parsed:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_a_network_holds_was_private_or_is_of_the_metadata_service(a in any::<u32>(), bits in 0_u8..=32, b in any::<u32>()) {
            let text = format!("{}/{bits}", std::net::Ipv4Addr::from_bits(a.checked_shr(32 - u32::from(bits)).unwrap_or(0).checked_shl(32 - u32::from(bits)).unwrap_or(0)));
            let address = IpAddr::V4(b.into());
            if let Ok(network) = text.parse::<Network>() {
                prop_assert!(!network.contains(address) || range_of(address) == Range::Private);
            }
        }
    }
}
