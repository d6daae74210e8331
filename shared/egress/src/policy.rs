//! What a connection may reach.

use crate::address::{Range, range_of};
use crate::network::Network;
use std::net::IpAddr;
use url::{Host, Url};

/// What may be reached beside the public internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Private networks that are admitted.
    pub allow: Vec<Network>,
    /// Loopback too: where a person's own machine runs everything, and in tests. **Of the executor's
    /// machine, never of what is configured**; in Lambda the runtime's own API listens there.
    pub loopback: bool,
}

/// An address or a URL that may not be reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// The address is in a range that is closed.
    #[error("the address `{address}` is {}, which may not be reached", range.words())]
    Address {
        /// The address.
        address: IpAddr,
        /// Where it is.
        range: Range,
    },
    /// The URL itself is not acceptable.
    #[error("{0}")]
    Url(&'static str),
}

impl Policy {
    /// Whether an address may be reached.
    ///
    /// # Errors
    /// [`Blocked::Address`] with its range.
    pub fn check(&self, address: IpAddr) -> Result<(), Blocked> {
        let range = range_of(address);
        let open = match range {
            Range::Public => true,
            Range::Private => self.allow.iter().any(|network| network.contains(address)),
            Range::Loopback => self.loopback,
            Range::LinkLocal | Range::Embedded | Range::Reserved => false,
        };
        if open { Ok(()) } else { Err(Blocked::Address { address, range }) }
    }

    /// Whether a URL may be used: `https` (or `http` to loopback, where that is open), without
    /// credentials, and with an address, if it has one, that may be reached. Names are checked when
    /// they are resolved.
    ///
    /// # Errors
    /// [`Blocked`].
    pub fn check_url(&self, url: &Url) -> Result<(), Blocked> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Blocked::Url("a URL with a user name or password in it is refused"));
        }
        let local = match url.host() {
            None => return Err(Blocked::Url("the URL names no host")),
            Some(Host::Domain(name)) => is_localhost(name),
            Some(Host::Ipv4(address)) => {
                self.check(address.into())?;
                address.is_loopback()
            }
            Some(Host::Ipv6(address)) => {
                self.check(address.into())?;
                address.is_loopback()
            }
        };
        match url.scheme() {
            _ if local && !self.loopback => Err(Blocked::Url("this machine itself may not be reached")),
            "https" => Ok(()),
            "http" if local => Ok(()),
            _ => Err(Blocked::Url("only `https` URLs are used")),
        }
    }
}

/// `localhost` and the names below it, with or without a dot at the end.
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &Policy, url: &str) -> Result<(), Blocked> {
        policy.check_url(&url.parse().unwrap())
    }

    #[test]
    fn public_https_is_open_and_every_trick_is_not() {
        let policy = Policy::default();
        for url in ["https://api.example.com/x", "https://8.8.8.8/", "https://[2600::1]:8443/"] {
            assert_eq!(check(&policy, url), Ok(()), "{url}");
        }
        for url in [
            "http://api.example.com/",
            "ftp://api.example.com/",
            "https://u:p@api.example.com/",
            "https://u@api.example.com/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://a.localhost/",
            "https://127.0.0.1:9001/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://0/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:8.8.8.8]/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://[64:ff9b::7f00:1]/",
        ] {
            assert!(check(&policy, url).is_err(), "{url}");
        }
    }

    #[test]
    fn an_allow_list_opens_its_networks_and_nothing_else() {
        let policy = Policy { allow: vec!["10.1.0.0/16".parse().unwrap()], loopback: false };
        assert_eq!(check(&policy, "https://10.1.2.3/"), Ok(()));
        for url in ["https://10.2.0.1/", "https://127.0.0.1/", "https://169.254.169.254/", "http://10.1.2.3/"]
        {
            assert!(check(&policy, url).is_err(), "{url}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_where_the_machine_allows_it() {
        let policy = Policy { allow: Vec::new(), loopback: true };
        for url in ["http://127.0.0.1:8080/", "http://localhost:1/", "https://[::1]/"] {
            assert_eq!(check(&policy, url), Ok(()), "{url}");
        }
        for url in ["http://example.com/", "https://10.0.0.1/", "https://169.254.170.2/"] {
            assert!(check(&policy, url).is_err(), "{url}");
        }
    }
}
