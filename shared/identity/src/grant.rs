//! Grants: by what the service answers a runner's claim, the runner knows that it speaks with a service
//! that knows its token.
//!
//! HMAC-SHA-256 over the request, its digest, the claim's name and the end of the lease. The key is what
//! the service stores of the runner's token, which the runner can compute and nobody else knows.

use std::fmt::Write as _;

use countersign_rules::{Digest, RequestId, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::token;

/// What is granted.
#[derive(Debug, Clone, Copy)]
pub struct Granted<'a> {
    /// The request.
    pub request: RequestId,
    /// What was approved.
    pub digest: Digest,
    /// The claim's own name, without line ends.
    pub nonce: &'a str,
    /// When the lease ends.
    pub lease_until: Timestamp,
}

impl Granted<'_> {
    /// The grant, by the hash of the runner's token; none if that is no key.
    #[must_use]
    pub fn signed(&self, secret_sha256: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret_sha256.as_bytes()).ok()?;
        let Self { request, digest, nonce, lease_until } = self;
        let lease_until = lease_until.rfc3339();
        mac.update(format!("countersign-grant-v1\n{request}\n{digest}\n{nonce}\n{lease_until}").as_bytes());
        let mut text = "v1=".to_owned();
        for byte in mac.finalize().into_bytes() {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Some(text)
    }

    /// Whether `grant` is that of whoever knows the hash of `token`.
    #[must_use]
    pub fn is_signed(&self, token: &str, grant: &str) -> bool {
        let expected = token::secret_sha256(token).and_then(|hash| self.signed(&hash));
        expected.is_some_and(|expected| bool::from(expected.as_bytes().ct_eq(grant.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Token;
    use countersign_rules::{TokenId, UserId};

    #[test]
    fn a_grant_is_for_one_token_one_request_and_one_lease() {
        let at = |seconds: i64| Timestamp::from_unix_millis(seconds * 1000);
        let user = UserId::from_parts(at(0), 1);
        let (token, other) = (Token::new(user, &[7; 32]), Token::new(user, &[8; 32]));
        let stored = token.stored(TokenId::from_parts(at(0), 1), "runner".to_owned(), at(0), None, user);
        let digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let request = RequestId::from_parts(at(0), 1);
        let granted = Granted { request, digest, nonce: "aa", lease_until: at(60) };
        let grant = granted.signed(&stored.secret_sha256).unwrap();
        assert!(granted.is_signed(token.reveal(), &grant));
        assert!(!granted.is_signed(other.reveal(), &grant));
        assert!(!Granted { lease_until: at(61), ..granted }.is_signed(token.reveal(), &grant));
        assert!(!Granted { nonce: "ab", ..granted }.is_signed(token.reveal(), &grant));
        assert!(
            !Granted { request: RequestId::from_parts(at(0), 2), ..granted }
                .is_signed(token.reveal(), &grant)
        );
        assert!(!granted.is_signed("no token", &grant));
    }
}
