//! API tokens: `cst_` + the user's ULID + a secret of 256 random bits in unpadded base64url.
//!
//! The user's id stands in the token so that user and token are one read. Only SHA-256 of the
//! secret is stored: with 256 random bits there is nothing to guess, so a slow hash adds nothing.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_rules::digest::sha256_hex;
use countersign_rules::{Timestamp, TokenId, UserId};
use countersign_storage::{Found, StoredToken, User};
use subtle::{Choice, ConstantTimeEq as _};

use crate::{Scheme, Unauthenticated};

const PREFIX: &str = "cst_";
const ULID_CHARACTERS: usize = 26;

/// A token as its owner has it. Never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Makes a token of `user` from 32 random bytes.
    #[must_use]
    pub fn new(user: UserId, secret: &[u8; 32]) -> Self {
        Self(format!("{PREFIX}{}{}", user.ulid(), URL_SAFE_NO_PAD.encode(secret)))
    }

    /// Makes a token of `user` with a secret of the system's randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random(user: UserId) -> Result<Self, getrandom::Error> {
        let mut secret = [0u8; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self::new(user, &secret))
    }

    /// The text that its owner sends. Show it once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it; it is limited to nothing.
    #[must_use]
    pub fn stored(
        &self,
        id: TokenId,
        name: String,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
        created_by: UserId,
    ) -> StoredToken {
        let secret_sha256 =
            split(&self.0).map(|(_, secret)| sha256_hex(secret.as_bytes())).unwrap_or_default();
        StoredToken {
            id,
            name,
            secret_sha256,
            created_at,
            expires_at,
            created_by,
            runner_connections: None,
            scopes: None,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([secret])")
    }
}

fn split(token: &str) -> Option<(UserId, &str)> {
    let rest = token.strip_prefix(PREFIX)?;
    let (ulid, secret) = rest.split_at_checked(ULID_CHARACTERS)?;
    let user = format!("{}{ulid}", UserId::PREFIX).parse().ok()?;
    let bytes = URL_SAFE_NO_PAD.decode(secret).ok()?;
    (bytes.len() == 32).then_some((user, secret))
}

/// What is stored of a token, computed by its owner; none if it is no token.
#[must_use]
pub fn secret_sha256(token: &str) -> Option<String> {
    split(token).map(|(_, secret)| sha256_hex(secret.as_bytes()))
}

/// The token that a credential is, if it is one of `user`'s. It may have expired.
#[must_use]
pub fn stored<'a>(credential: &str, user: Option<&'a User>) -> Option<&'a StoredToken> {
    let (subject, secret) = split(credential)?;
    let hash = sha256_hex(secret.as_bytes());
    let tokens = user.filter(|user| user.id == subject).map_or(&[][..], |user| user.tokens.as_slice());
    // Every token is compared, in constant time, so that nothing is learned from how long it took.
    let mut found = None;
    for token in tokens {
        let same: Choice = hash.as_bytes().ct_eq(token.secret_sha256.as_bytes());
        if bool::from(same) {
            found = Some(token);
        }
    }
    found
}

/// The scheme of API tokens.
#[derive(Debug, Clone, Copy, Default)]
pub struct ApiTokens;

impl Scheme for ApiTokens {
    fn subject(&self, credential: &str) -> Option<UserId> {
        split(credential).map(|(user, _)| user)
    }

    fn verify(
        &self,
        credential: &str,
        user: Option<&User>,
        _: &Found,
        now: Timestamp,
    ) -> Result<(), Unauthenticated> {
        let token = stored(credential, user).ok_or(Unauthenticated::Invalid)?;
        if token.expires_at.is_some_and(|expires_at| now >= expires_at) {
            return Err(Unauthenticated::Expired);
        }
        if user.is_some_and(|user| user.disabled) {
            return Err(Unauthenticated::Disabled);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn user_with(token: &Token, id: UserId, expires_at: Option<Timestamp>) -> User {
        let token_id = TokenId::from_parts(at(0), 1);
        User {
            id,
            email: "ann@example.com".to_owned(),
            name: "Ann".to_owned(),
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            disabled: false,
            slack_user_id: None,
            owner: None,
            created_at: at(0),
            version: 1,
            tokens: vec![token.stored(token_id, "laptop".to_owned(), at(0), expires_at, id)],
        }
    }

    #[test]
    fn a_token_proves_its_user_and_nobody_else() {
        let ann = UserId::from_parts(at(0), 1);
        let token = Token::new(ann, &[7; 32]);
        let user = user_with(&token, ann, Some(at(100)));
        let text = token.reveal();
        assert_eq!(ApiTokens.subject(text), Some(ann));
        assert_eq!(ApiTokens.verify(text, Some(&user), &Found::default(), at(99)), Ok(()));
        assert_eq!(
            ApiTokens.verify(text, Some(&user), &Found::default(), at(100)),
            Err(Unauthenticated::Expired)
        );
        assert_eq!(ApiTokens.verify(text, None, &Found::default(), at(1)), Err(Unauthenticated::Invalid));
        let other = Token::new(ann, &[8; 32]);
        assert_eq!(
            ApiTokens.verify(other.reveal(), Some(&user), &Found::default(), at(1)),
            Err(Unauthenticated::Invalid)
        );
        let disabled = User { disabled: true, ..user.clone() };
        assert_eq!(
            ApiTokens.verify(text, Some(&disabled), &Found::default(), at(1)),
            Err(Unauthenticated::Disabled)
        );
        let somebody_else = User { id: UserId::from_parts(at(0), 2), ..user };
        assert_eq!(
            ApiTokens.verify(text, Some(&somebody_else), &Found::default(), at(1)),
            Err(Unauthenticated::Invalid)
        );
    }

    #[test]
    fn what_is_no_token_claims_nobody() {
        for bad in ["", "cst_", "cst_0000", "cst_ünïcode-ünïcode-ünïcode-ünïcode", "bearer x"] {
            assert_eq!(ApiTokens.subject(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let token = Token::new(UserId::from_parts(at(0), 1), &[7; 32]);
        assert_eq!(format!("{token:?}"), "Token([secret])");
    }
}
