//! The digest binds an approval to exactly what will run, against what and for whom.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::schema::text;
use crate::{ConnectionName, RequestId, UserId};

/// SHA-256 over everything that an approval covers. As text `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

/// What an approval covers. Any change of any member gives another digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Covered<'a> {
    /// The request; so no approval fits two requests.
    pub request: RequestId,
    /// The name of the connection.
    pub connection: &'a ConnectionName,
    /// Its kind, such as `postgres`.
    pub kind: &'a str,
    /// Its target as canonical JSON, caps included.
    pub target: &'a str,
    /// The reference to its secret; never the secret.
    pub secret: &'a str,
    /// The command, byte for byte.
    pub command: &'a [u8],
    /// How it will be run, as text.
    pub options: &'a str,
    /// The version of the masking rules.
    pub masking_version: u32,
    /// Who asked.
    pub requester: UserId,
    /// The version of the connection that the policy came from.
    pub policy_version: u64,
}

impl Digest {
    /// Computes the digest: SHA-256 over `countersign/digest/v1` and the members in the order of
    /// their declaration, each preceded by its length in bytes as a 64-bit big-endian number.
    /// Numbers are written in decimal.
    #[must_use]
    pub fn of(covered: &Covered<'_>) -> Self {
        let mut hasher = Sha256::new();
        let mut member = |bytes: &[u8]| {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            hasher.update(length.to_be_bytes());
            hasher.update(bytes);
        };
        member(b"countersign/digest/v1");
        member(covered.request.to_string().as_bytes());
        member(covered.connection.as_str().as_bytes());
        member(covered.kind.as_bytes());
        member(covered.target.as_bytes());
        member(covered.secret.as_bytes());
        member(covered.command);
        member(covered.options.as_bytes());
        member(covered.masking_version.to_string().as_bytes());
        member(covered.requester.to_string().as_bytes());
        member(covered.policy_version.to_string().as_bytes());
        Self(hasher.finalize().into())
    }

    /// The short form for people, `7F3K-Q2ZD`: the first 40 bits in Crockford's base32. It helps
    /// two people to see that they mean the same request; it authorises nothing.
    #[must_use]
    pub fn code(&self) -> String {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = self.0.iter().take(5).fold(0u64, |bits, byte| (bits << 8) | u64::from(*byte));
        let mut code = String::with_capacity(9);
        for position in (0..8u32).rev() {
            let index = usize::try_from((bits >> (position * 5)) & 31).unwrap_or(0);
            code.push(ALPHABET.get(index).copied().map_or('0', char::from));
            if position == 4 {
                code.push('-');
            }
        }
        code
    }
}

/// A text that is no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `sha256:` followed by 64 lower-case hexadecimal digits")]
pub struct InvalidDigest;

impl FromStr for Digest {
    type Err = InvalidDigest;
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let digits = text.strip_prefix("sha256:").ok_or(InvalidDigest)?;
        unhex(digits).map(Self).ok_or(InvalidDigest)
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;
    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

text! {
    Digest: "^sha256:[0-9a-f]{64}$",
    "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// SHA-256 as 64 lower-case hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes).into())
}

fn hex(bytes: &[u8; 32]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0u8; 32];
    let pairs = digits.as_bytes().chunks(2);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    fn covered<'a>(connection: &'a ConnectionName, command: &'a [u8]) -> Covered<'a> {
        Covered {
            request: RequestId::from_parts(Timestamp::from_unix_millis(0), 1),
            connection,
            kind: "sqlite",
            target: "{\"path\":\"demo.db\"}",
            secret: "",
            command,
            options: "manual",
            masking_version: 0,
            requester: UserId::from_parts(Timestamp::from_unix_millis(0), 2),
            policy_version: 1,
        }
    }

    #[test]
    fn the_digest_is_that_of_the_documented_bytes() {
        let connection: ConnectionName = "demo-db".parse().unwrap();
        let digest = Digest::of(&covered(&connection, b"SELECT 1"));
        // Recomputed independently in Python with hashlib over the documented layout.
        let mut bytes = Vec::new();
        for member in [
            "countersign/digest/v1",
            "req_00000000000000000000000001",
            "demo-db",
            "sqlite",
            "{\"path\":\"demo.db\"}",
            "",
            "SELECT 1",
            "manual",
            "0",
            "usr_00000000000000000000000002",
            "1",
        ] {
            bytes.extend((member.len() as u64).to_be_bytes());
            bytes.extend(member.as_bytes());
        }
        assert_eq!(digest.to_string(), format!("sha256:{}", sha256_hex(&bytes)));
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        assert_eq!(digest.code().len(), 9);
    }

    #[test]
    fn moving_a_byte_between_members_changes_the_digest() {
        let connection: ConnectionName = "demo-db".parse().unwrap();
        let mut one = covered(&connection, b"SELECT 1");
        one.secret = "env:AB";
        one.target = "{}";
        let mut other = one;
        other.secret = "nv:AB";
        other.target = "{}e";
        assert_ne!(Digest::of(&one), Digest::of(&other));
    }

    #[test]
    fn a_digest_has_one_spelling() {
        for bad in ["", "sha256:", "sha256:AB", &format!("sha256:{}", "A".repeat(64))] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
