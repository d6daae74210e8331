//! Ids and names, parsed once at the edge and never checked again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::schema::text;

/// Why a text is no id or name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is no prefixed ULID of the wanted kind.
    #[error(
        "expected an id of the form `{prefix}` followed by 26 characters of Crockford base32, got `{got}`"
    )]
    Id {
        /// The prefix that was wanted, with its underscore.
        prefix: &'static str,
        /// What came, cut to 64 characters.
        got: String,
    },
    /// The text is no name.
    #[error(
        "expected 1 to 64 characters of `a-z`, `0-9`, `-`, `_` and `.`, beginning with a letter or a digit, got `{got}`"
    )]
    Name {
        /// What came, cut to 64 characters.
        got: String,
    },
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

macro_rules! prefixed_ulid {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u128);

        impl $name {
            /// The prefix of this kind of id, with its underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id of a time and 80 bits that the caller drew at random
            /// (the upper bits of `random` are ignored).
            #[must_use]
            pub fn from_parts(at: crate::Timestamp, random: u128) -> Self {
                Self(Ulid::from_parts(at.unix_millis().unsigned_abs(), random).0)
            }

            /// When the id was made, by the clock of its maker, in whole milliseconds.
            #[must_use]
            pub fn made_at(self) -> crate::Timestamp {
                let millis = i64::try_from(Ulid(self.0).timestamp_ms()).unwrap_or(i64::MAX);
                crate::Timestamp::from_unix_millis(millis)
            }

            /// The bare ULID, without the prefix: 26 upper-case characters that sort by time.
            #[must_use]
            pub fn ulid(self) -> String {
                Ulid(self.0).to_string()
            }

            /// The greatest id that sorts before this one.
            #[must_use]
            pub fn just_before(self) -> Option<Self> {
                self.0.checked_sub(1).map(Self)
            }

            /// The id as a number; its order is that of the texts.
            #[must_use]
            pub fn as_u128(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, Ulid(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // `Ulid` also takes lower case and look-alikes; one id has one spelling here.
                text.strip_prefix($prefix)
                    .and_then(|rest| Ulid::from_string(rest).ok().filter(|ulid| ulid.to_string() == rest))
                    .map(|ulid| Self(ulid.0))
                    .ok_or_else(|| InvalidId::Id { prefix: $prefix, got: shortened(text) })
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        text! {
            $name: concat!("^", $prefix, "[0-7][0-9A-HJKMNP-TV-Z]{25}$"),
            concat!($prefix, "01K5J3V8Q4W7X9YABCDEFGHJKM")
        }
    };
}

prefixed_ulid!(
    /// The id of an access request: `req_…`.
    RequestId,
    "req_"
);
prefixed_ulid!(
    /// The id of a user, a person or a service account: `usr_…`.
    UserId,
    "usr_"
);
prefixed_ulid!(
    /// The id of an API token: `tok_…`.
    TokenId,
    "tok_"
);
prefixed_ulid!(
    /// The id of a custom webhook: `whe_…`.
    WebhookId,
    "whe_"
);
prefixed_ulid!(
    /// The id of a delivery: `dlv_…`.
    DeliveryId,
    "dlv_"
);

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $example:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_name(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId::Name { got: shortened(text) })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        text! { $name: "^[a-z0-9][a-z0-9_.-]{0,63}$", $example }
    };
}

name!(
    /// The name of a connection, such as `prod-db`.
    ConnectionName,
    "prod-db"
);
name!(
    /// The name of a group of people, such as `dba-team`.
    GroupName,
    "dba-team"
);

impl ConnectionName {
    /// The one on which changes of the configuration are proposed. Nobody makes it by hand.
    #[must_use]
    pub fn configuration() -> Self {
        Self("countersign".to_owned())
    }
}

impl GroupName {
    /// Every admin and nobody else: who is in it follows from the role, and it can be given to nobody.
    #[must_use]
    pub fn admins() -> Self {
        Self("countersign-admins".to_owned())
    }
}

/// Lower case only, so that two names never differ by something that nobody sees.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first_is_fine = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    first_is_fine
        && text.len() <= 64
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn an_id_has_exactly_one_spelling() {
        let id = RequestId::from_parts(Timestamp::from_unix_millis(1_700_000_000_000), 42);
        let text = id.to_string();
        assert_eq!(text.parse::<RequestId>(), Ok(id));
        assert_eq!(id.made_at(), Timestamp::from_unix_millis(1_700_000_000_000));
        assert!(text.to_lowercase().parse::<RequestId>().is_err());
        assert!(text.replace("req_", "usr_").parse::<RequestId>().is_err());
        assert!(format!("{text} ").parse::<RequestId>().is_err());
    }

    #[test]
    fn the_names_that_are_ours_are_names() {
        assert_eq!("countersign".parse(), Ok(ConnectionName::configuration()));
        assert_eq!("countersign-admins".parse(), Ok(GroupName::admins()));
    }

    #[test]
    fn names_refuse_what_could_be_mistaken() {
        for good in ["a", "prod-db", "dba_team.eu", "0x"] {
            assert!(good.parse::<GroupName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "Prod", "a b", "a/b", "naïve", &"a".repeat(65)] {
            assert!(bad.parse::<GroupName>().is_err(), "{bad}");
        }
    }
}
