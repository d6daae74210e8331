//! What the edge of a function says of a call whose token it has checked with the token's issuer.
//!
//! Checking an OIDC token takes the issuer's keys, which may have to be fetched; a [`Scheme`] decides
//! at once. So the edge checks the token, finds out whose it is, and puts in its place an assertion:
//! the user and a time, under a key that this process drew at random and that never leaves it. What
//! another process or a client makes of it is worth nothing here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_rules::{Timestamp, UserId};
use countersign_storage::{Found, User};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::{Scheme, Unauthenticated};

const PREFIX: &str = "cso_";
/// A call is over by then.
const GOOD_FOR_SECONDS: u32 = 60;

/// The scheme of assertions of this process.
#[derive(Clone)]
pub struct Assertions {
    key: [u8; 32],
}

impl Assertions {
    /// With a key of the system's randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0u8; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key })
    }

    /// Says that the call that is answered now is `user`'s.
    #[must_use]
    pub fn say(&self, user: UserId, now: Timestamp) -> Option<String> {
        let until = now.plus_seconds(GOOD_FOR_SECONDS).unix_millis();
        let said = format!("{}.{until}", user.ulid());
        let tag = self.mac(&said)?.finalize().into_bytes();
        Some(format!("{PREFIX}{said}.{}", URL_SAFE_NO_PAD.encode(tag)))
    }

    fn mac(&self, said: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(said.as_bytes());
        Some(mac)
    }
}

fn split(credential: &str) -> Option<(UserId, i64, &str, Vec<u8>)> {
    let rest = credential.strip_prefix(PREFIX)?;
    let (said, tag) = rest.rsplit_once('.')?;
    let (ulid, until) = said.split_once('.')?;
    let user = format!("{}{ulid}", UserId::PREFIX).parse().ok()?;
    Some((user, until.parse().ok()?, said, URL_SAFE_NO_PAD.decode(tag).ok()?))
}

impl Scheme for Assertions {
    fn subject(&self, credential: &str) -> Option<UserId> {
        split(credential).map(|(user, ..)| user)
    }

    fn verify(
        &self,
        credential: &str,
        user: Option<&User>,
        _: &Found,
        now: Timestamp,
    ) -> Result<(), Unauthenticated> {
        let (subject, until, said, tag) = split(credential).ok_or(Unauthenticated::Invalid)?;
        let mac = self.mac(said).ok_or(Unauthenticated::Invalid)?;
        // In constant time.
        mac.verify_slice(&tag).map_err(|_| Unauthenticated::Invalid)?;
        if now.unix_millis() >= until {
            return Err(Unauthenticated::Expired);
        }
        let user = user.filter(|user| user.id == subject).ok_or(Unauthenticated::Invalid)?;
        if user.disabled { Err(Unauthenticated::Disabled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_of_another_process_or_about_somebody_else_is_worth_nothing() {
        let now = Timestamp::from_unix_millis(1_000_000);
        let ann = UserId::from_parts(now, 1);
        let eve = UserId::from_parts(now, 2);
        let (ours, theirs) = (Assertions::random().unwrap(), Assertions::random().unwrap());
        let said = ours.say(ann, now).unwrap();
        assert_eq!(ours.subject(&said), Some(ann));
        let nothing = Found::default();
        // The tag is looked at before the user.
        assert_eq!(ours.verify(&said, None, &nothing, now), Err(Unauthenticated::Invalid));
        assert_eq!(ours.verify(&said, None, &nothing, now.plus_seconds(60)), Err(Unauthenticated::Expired));
        let forged = said.replace(&ann.ulid(), &eve.ulid());
        for bad in [theirs.say(ann, now).unwrap(), forged, "cso_".to_owned(), "cso_a.b.c".to_owned()] {
            assert_eq!(
                ours.verify(&bad, None, &nothing, now.plus_seconds(60)),
                Err(Unauthenticated::Invalid),
                "{bad}"
            );
        }
    }
}
