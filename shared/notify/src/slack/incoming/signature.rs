//! Whether a call is from Slack, and fresh.

use countersign_rules::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// The header with the second at which Slack signed.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";
/// How far Slack's clock and ours may be apart, in either direction. A call can be replayed for that
/// long, so that what it asks for must be harmless a second time.
pub const WINDOW_SECONDS: i64 = 300;

/// Why a call is not taken for Slack's. The caller is told no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// A header is missing.
    #[error("the headers `x-slack-request-timestamp` and `x-slack-signature` are expected")]
    Missing,
    /// The timestamp is no number, or too far from now.
    #[error("the timestamp is not within {WINDOW_SECONDS} seconds of now")]
    Stale,
    /// The signature is not one by our secret.
    #[error("the signature is not that of this body")]
    Wrong,
}

/// The signature of a body at a second, as Slack writes it.
#[must_use]
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    use std::fmt::Write as _;
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    for part in [b"v0:".as_slice(), timestamp.as_bytes(), b":", body] {
        mac.update(part);
    }
    let mut text = "v0=".to_owned();
    for byte in mac.finalize().into_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Checks the headers of a call against its body.
///
/// # Errors
/// [`Unsigned`].
pub fn verify(
    secret: &str,
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Unsigned> {
    let (Some(timestamp), Some(signature)) = (timestamp, signature) else {
        return Err(Unsigned::Missing);
    };
    // Digits alone: a sign or a space would be another text under the same signature.
    if timestamp.is_empty() || timestamp.len() > 12 || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unsigned::Stale);
    }
    let second: i64 = timestamp.parse().map_err(|_| Unsigned::Stale)?;
    if (now.unix_millis().div_euclid(1000) - second).abs() > WINDOW_SECONDS {
        return Err(Unsigned::Stale);
    }
    let expected = sign(secret, timestamp, body);
    // With an empty secret everybody could sign.
    let equal = !secret.is_empty() && bool::from(expected.as_bytes().ct_eq(signature.as_bytes()));
    if equal { Ok(()) } else { Err(Unsigned::Wrong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1000)
    }

    fn check(timestamp: &str, signature: &str, body: &str, now: i64) -> Result<(), Unsigned> {
        verify(SECRET, Some(timestamp), Some(signature), body.as_bytes(), at(now))
    }

    #[test]
    fn the_documented_example_is_taken_within_five_minutes_of_its_time() {
        let signed_at = 1_531_420_618;
        for now in [signed_at, signed_at + 300, signed_at - 300] {
            assert_eq!(check("1531420618", SIGNATURE, BODY, now), Ok(()));
        }
        for now in [signed_at + 301, signed_at - 301, 0] {
            assert_eq!(check("1531420618", SIGNATURE, BODY, now), Err(Unsigned::Stale));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let now = 1_531_420_618;
        for timestamp in
            ["", "+1531420618", " 1531420618", "1531420618.0", "now", "-1", "99999999999999999999"]
        {
            assert_eq!(check(timestamp, SIGNATURE, BODY, now), Err(Unsigned::Stale), "{timestamp}");
        }
        for signature in
            ["", "v0=", &SIGNATURE.to_uppercase(), &SIGNATURE.replace("v0", "v1"), &format!("{SIGNATURE}0")]
        {
            assert_eq!(check("1531420618", signature, BODY, now), Err(Unsigned::Wrong), "{signature}");
        }
        assert_eq!(check("1531420617", SIGNATURE, BODY, now), Err(Unsigned::Wrong));
        assert_eq!(check("1531420618", SIGNATURE, &format!("{BODY}&"), now), Err(Unsigned::Wrong));
        let missing = verify(SECRET, None, Some(SIGNATURE), BODY.as_bytes(), at(now));
        assert_eq!(missing, Err(Unsigned::Missing));
        let unset = sign("", "1531420618", BODY.as_bytes());
        assert_eq!(
            verify("", Some("1531420618"), Some(&unset), BODY.as_bytes(), at(now)),
            Err(Unsigned::Wrong)
        );
    }

    proptest! {
        #[test]
        fn only_the_very_body_fits_a_signature(body in any::<Vec<u8>>(), other in any::<Vec<u8>>()) {
            let signature = sign(SECRET, "1000", &body);
            prop_assert_eq!(verify(SECRET, Some("1000"), Some(&signature), &body, at(1000)), Ok(()));
            if other != body {
                prop_assert!(verify(SECRET, Some("1000"), Some(&signature), &other, at(1000)).is_err());
            }
        }
    }
}
