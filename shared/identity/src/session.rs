//! Sessions of browsers: `css_` + the user's ULID + the session's id + a secret, both random, in
//! unpadded base64url. It stands in a cookie that no script can read.
//!
//! As with tokens, the user's id stands in it so that user and session are one read, and only hashes
//! are stored. The secret changes as the session goes on; the id does not, and the CSRF token of every
//! form is made from the id, so that a form that is open in another tab stays good.
//!
//! When a session was last used is known from its secret, which changes when a page is looked at and the secret is
//! a quarter of an hour old: so nothing is written only to know it, and what ends for want of use ends up to a
//! quarter of an hour early, never late.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_rules::digest::sha256_hex;
use countersign_rules::{Timestamp, UserId, Via};
use countersign_storage::sign_in::{Previous, Session};
use countersign_storage::{Found, Key, User};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{Scheme, Unauthenticated};

const PREFIX: &str = "css_";
const ULID_CHARACTERS: usize = 26;
/// 16 bytes.
const ID_CHARACTERS: usize = 22;
/// A session lasts that long, whatever happens.
pub const LIFETIME_SECONDS: u32 = 12 * 3600;
/// A secret that is older than that is changed.
pub const ROTATE_AFTER_SECONDS: u32 = 15 * 60;
/// The secret before is taken for that long: pages load side by side.
const GRACE_SECONDS: u32 = 60;

/// A session as its browser has it. Never stored, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionCookie(String);

impl SessionCookie {
    /// A new session of `user` from the system's randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn random(user: UserId) -> Result<Self, getrandom::Error> {
        let mut id = [0u8; 16];
        getrandom::fill(&mut id)?;
        Self::with_secret(user, &URL_SAFE_NO_PAD.encode(id))
    }

    fn with_secret(user: UserId, id: &str) -> Result<Self, getrandom::Error> {
        let mut secret = [0u8; 32];
        getrandom::fill(&mut secret)?;
        Ok(Self(format!("{PREFIX}{}{id}{}", user.ulid(), URL_SAFE_NO_PAD.encode(secret))))
    }

    /// The text of the cookie.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of a session that begins `now`, and ends after `idle_seconds` without use.
    #[must_use]
    pub fn begin(&self, how: &str, browser: &str, now: Timestamp, idle_seconds: u32) -> Session {
        Session {
            how: how.to_owned(),
            browser: browser.chars().filter(|c| !c.is_control()).take(200).collect(),
            created_at: now,
            rotated_at: now,
            expires_at: end_of(now, now, idle_seconds),
            secret_sha256: split(&self.0)
                .map(|parts| sha256_hex(parts.secret.as_bytes()))
                .unwrap_or_default(),
            previous: None,
        }
    }

    /// The same session with a new secret, and what is stored of it; `None` if it is not time yet.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn rotated(
        cookie: &str,
        before: &Session,
        now: Timestamp,
        idle_seconds: u32,
    ) -> Result<Option<(Self, Session)>, getrandom::Error> {
        let Some(parts) = split(cookie) else { return Ok(None) };
        let current = before.secret_sha256 == sha256_hex(parts.secret.as_bytes());
        if !current || now < before.rotated_at.plus_seconds(ROTATE_AFTER_SECONDS) {
            return Ok(None);
        }
        let next = Self::with_secret(parts.user, parts.id)?;
        let mut session = next.begin(&before.how, &before.browser, now, idle_seconds);
        session.created_at = before.created_at;
        session.expires_at = end_of(before.created_at, now, idle_seconds);
        session.previous = Some(Previous {
            secret_sha256: before.secret_sha256.clone(),
            until: now.plus_seconds(GRACE_SECONDS),
        });
        Ok(Some((next, session)))
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionCookie([secret])")
    }
}

/// When a session ends that began then and was used now.
fn end_of(began: Timestamp, used: Timestamp, idle_seconds: u32) -> Timestamp {
    began.plus_seconds(LIFETIME_SECONDS).min(used.plus_seconds(idle_seconds))
}

struct Parts<'a> {
    user: UserId,
    id: &'a str,
    secret: &'a str,
}

fn split(cookie: &str) -> Option<Parts<'_>> {
    let rest = cookie.strip_prefix(PREFIX)?;
    let (ulid, rest) = rest.split_at_checked(ULID_CHARACTERS)?;
    let (id, secret) = rest.split_at_checked(ID_CHARACTERS)?;
    let user = format!("{}{ulid}", UserId::PREFIX).parse().ok()?;
    let long_enough = |text: &str, bytes| URL_SAFE_NO_PAD.decode(text).is_ok_and(|read| read.len() == bytes);
    (long_enough(id, 16) && long_enough(secret, 32)).then_some(Parts { user, id, secret })
}

/// Whether a credential looks like a session's, which is taken from a cookie alone.
#[must_use]
pub fn is_session(credential: &str) -> bool {
    credential.starts_with(PREFIX)
}

/// The user of a session and the hash that names it.
#[must_use]
pub fn name_of(cookie: &str) -> Option<(UserId, String)> {
    split(cookie).map(|parts| (parts.user, sha256_hex(format!("id:{}", parts.id).as_bytes())))
}

/// What the CSRF tokens of a session hide.
fn csrf_secret(cookie: &str) -> Option<[u8; 16]> {
    let parts = split(cookie)?;
    let hash = Sha256::digest(format!("csrf:{}:{}", parts.user, parts.id).as_bytes());
    hash.first_chunk().copied()
}

/// A CSRF token of a session, for the forms of one page. It looks different each time: a mask, and what
/// it masks, so that nothing can be told from how well a page compresses.
#[must_use]
pub fn csrf_token(cookie: &str) -> Option<String> {
    let secret = csrf_secret(cookie)?;
    let mut mask = [0u8; 16];
    getrandom::fill(&mut mask).ok()?;
    let hidden: Vec<u8> = mask.iter().zip(secret).map(|(mask, byte)| mask ^ byte).collect();
    Some(URL_SAFE_NO_PAD.encode([mask.as_slice(), &hidden].concat()))
}

/// Whether a form's token is one of the session's.
#[must_use]
pub fn is_csrf_token(cookie: &str, token: &str) -> bool {
    let Some(secret) = csrf_secret(cookie) else { return false };
    let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return false };
    let Some((mask, hidden)) = bytes.split_at_checked(16).filter(|_| bytes.len() == 32) else { return false };
    let shown: Vec<u8> = mask.iter().zip(hidden).map(|(mask, byte)| mask ^ byte).collect();
    bool::from(shown.as_slice().ct_eq(secret.as_slice()))
}

/// Whether a session goes on for whoever has that secret.
fn holds(session: &Session, secret: &str, now: Timestamp) -> Result<(), Unauthenticated> {
    let hash = sha256_hex(secret.as_bytes());
    let is = |other: &str| bool::from(hash.as_bytes().ct_eq(other.as_bytes()));
    let current = is(&session.secret_sha256);
    let previous = session.previous.as_ref();
    let just_before = previous.is_some_and(|previous| is(&previous.secret_sha256) && now < previous.until);
    if !current && !just_before {
        return Err(Unauthenticated::Invalid);
    }
    if now >= session.expires_at { Err(Unauthenticated::Expired) } else { Ok(()) }
}

/// The scheme of sessions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sessions;

impl Scheme for Sessions {
    fn subject(&self, credential: &str) -> Option<UserId> {
        split(credential).map(|parts| parts.user)
    }

    fn evidence(&self, credential: &str) -> Option<Key> {
        name_of(credential).map(|(user, id)| Key::Session(user, id))
    }

    fn via(&self) -> Via {
        Via::Console
    }

    fn verify(
        &self,
        credential: &str,
        user: Option<&User>,
        found: &Found,
        now: Timestamp,
    ) -> Result<(), Unauthenticated> {
        let parts = split(credential).ok_or(Unauthenticated::Invalid)?;
        let (_, id) = name_of(credential).ok_or(Unauthenticated::Invalid)?;
        let stored = found.session(parts.user, &id).map_err(|_| Unauthenticated::Invalid)?;
        let session = stored.ok_or(Unauthenticated::Expired)?.session;
        holds(&session, parts.secret, now)?;
        let user = user.filter(|user| user.id == parts.user).ok_or(Unauthenticated::Invalid)?;
        if user.disabled { Err(Unauthenticated::Disabled) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ann() -> UserId {
        UserId::from_parts(Timestamp::from_unix_millis(0), 1)
    }

    #[test]
    fn a_cookie_names_its_user_and_its_session_and_is_not_printed() {
        let cookie = SessionCookie::random(ann()).unwrap();
        let (user, id) = name_of(cookie.reveal()).unwrap();
        assert_eq!(user, ann());
        assert!(!cookie.reveal().contains(&id));
        assert_eq!(Sessions.subject(cookie.reveal()), Some(ann()));
        assert_eq!(format!("{cookie:?}"), "SessionCookie([secret])");
        for bad in ["", "css_", "cst_x", "css_0000", "css_ünïcode-ünïcode-ünïcode-ünïcode-ünïcode"]
        {
            assert!(name_of(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_secret_changes_every_quarter_of_an_hour_and_the_session_ends_all_the_same() {
        let at = |seconds: u32| Timestamp::from_unix_millis(0).plus_seconds(seconds);
        let secret_of = |cookie: &SessionCookie| split(cookie.reveal()).unwrap().secret.to_owned();
        let first = SessionCookie::random(ann()).unwrap();
        // Used all the time.
        let idle = LIFETIME_SECONDS;
        let begun = first.begin("demo", "a\nbrowser", at(0), idle);
        assert_eq!(begun.browser, "abrowser");
        assert_eq!(SessionCookie::rotated(first.reveal(), &begun, at(899), idle).unwrap(), None);
        let (second, session) =
            SessionCookie::rotated(first.reveal(), &begun, at(900), idle).unwrap().unwrap();
        assert_eq!(name_of(second.reveal()), name_of(first.reveal()), "the same session");
        assert!(is_csrf_token(second.reveal(), &csrf_token(first.reveal()).unwrap()), "open forms stay good");
        assert_eq!((session.created_at, session.expires_at), (begun.created_at, begun.expires_at));
        assert_eq!(holds(&session, &secret_of(&second), at(900)), Ok(()));
        assert_eq!(holds(&session, &secret_of(&first), at(959)), Ok(()), "pages load side by side");
        assert_eq!(holds(&session, &secret_of(&first), at(960)), Err(Unauthenticated::Invalid));
        // Whoever has the old secret alone does not get a new one.
        assert_eq!(SessionCookie::rotated(first.reveal(), &session, at(5000), idle).unwrap(), None);
        let last = at(LIFETIME_SECONDS);
        assert_eq!(holds(&session, &secret_of(&second), last), Err(Unauthenticated::Expired));
        let stranger = SessionCookie::random(ann()).unwrap();
        assert_eq!(holds(&session, &secret_of(&stranger), at(1)), Err(Unauthenticated::Invalid));
    }

    #[test]
    fn a_session_that_nobody_uses_ends_and_one_that_is_used_does_not() {
        let at = |seconds: u32| Timestamp::from_unix_millis(0).plus_seconds(seconds);
        let secret_of = |cookie: &SessionCookie| split(cookie.reveal()).unwrap().secret.to_owned();
        let first = SessionCookie::random(ann()).unwrap();
        let begun = first.begin("demo", "", at(0), 3600);
        assert_eq!(holds(&begun, &secret_of(&first), at(3599)), Ok(()));
        assert_eq!(holds(&begun, &secret_of(&first), at(3600)), Err(Unauthenticated::Expired));
        let (mut cookie, mut session) = (first, begun);
        // A page every half an hour, for as long as a session lasts.
        for now in (1800..LIFETIME_SECONDS).step_by(1800).map(at) {
            assert_eq!(holds(&session, &secret_of(&cookie), now), Ok(()));
            (cookie, session) =
                SessionCookie::rotated(cookie.reveal(), &session, now, 3600).unwrap().unwrap();
        }
        let last = at(LIFETIME_SECONDS);
        assert_eq!((session.expires_at, session.created_at), (last, at(0)), "it ends all the same");
    }

    #[test]
    fn a_csrf_token_is_that_of_its_session_alone() {
        let (one, other) = (SessionCookie::random(ann()).unwrap(), SessionCookie::random(ann()).unwrap());
        let token = csrf_token(one.reveal()).unwrap();
        assert!(is_csrf_token(one.reveal(), &token));
        assert_ne!(csrf_token(one.reveal()).unwrap(), token, "masked anew");
        assert!(!is_csrf_token(other.reveal(), &token));
        assert!(!is_csrf_token(one.reveal(), ""));
        assert!(!is_csrf_token("", ""));
    }
}
