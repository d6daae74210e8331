//! Who is calling.
//!
//! A credential is looked at in two steps, because the reads of a call are one round trip: first
//! [`Scheme::subject`] says, from the credential alone, which user it claims to be; that user is
//! then read together with everything else that the call needs; then [`Scheme::verify`] says
//! whether the claim holds. The implementations of [`Scheme`]:
//!
//! - [`token`]: API tokens
//! - [`session`]: sessions of browsers, from a cookie
//! - [`assertion`]: what the edge says of a call whose OIDC token it has checked; [`oidc`] checks it
//!
//! **Invariant:** nobody is found by their e-mail address; an issuer's identity is issuer and subject.

pub mod assertion;
pub mod grant;
pub mod oidc;
pub mod session;
pub mod token;

use countersign_rules::{Timestamp, UserId, Via};
use countersign_storage::{Found, Key, User};

/// Why a caller is not who they say. Deliberately terse: it goes to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// No credential.
    #[error("send `Authorization: Bearer` with a token")]
    Missing,
    /// Not a credential, or of nobody, or not theirs. Which of these is not told.
    #[error("the token is not valid")]
    Invalid,
    /// It was one.
    #[error("the token has expired")]
    Expired,
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled,
}

/// A way to prove who is calling.
pub trait Scheme: Send + Sync {
    /// Which user a credential claims to be of; `None` if it is none of this scheme's.
    fn subject(&self, credential: &str) -> Option<UserId>;

    /// What else has to be read to verify it, beside the user.
    fn evidence(&self, _credential: &str) -> Option<Key> {
        None
    }

    /// Through what somebody calls who proves themselves so.
    fn via(&self) -> Via {
        Via::Api
    }

    /// Whether the credential is indeed one of `user`'s at `now`, by what was `found`. `None` is a user
    /// that does not exist; it must take as long as a wrong secret.
    ///
    /// # Errors
    /// Why not.
    fn verify(
        &self,
        credential: &str,
        user: Option<&User>,
        found: &Found,
        now: Timestamp,
    ) -> Result<(), Unauthenticated>;
}

/// The credential of an `Authorization` header.
///
/// # Errors
/// [`Unauthenticated::Missing`] if there is none, [`Unauthenticated::Invalid`] if it is no bearer.
pub fn bearer(authorization: Option<&str>) -> Result<&str, Unauthenticated> {
    let header = authorization.ok_or(Unauthenticated::Missing)?;
    let (scheme, credential) = header.split_once(' ').ok_or(Unauthenticated::Invalid)?;
    let credential = credential.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty() && credential.len() <= 8192 {
        Ok(credential)
    } else {
        Err(Unauthenticated::Invalid)
    }
}
