//! Standard Webhooks signatures.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_rules::{DeliveryId, Timestamp};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How many bytes a secret has that is made here; the standard allows 24 to 64.
pub const SECRET_BYTES: usize = 32;

/// The secret of an endpoint. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SigningSecret(Vec<u8>);

/// A text that is no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `whsec_` followed by the base64 of 24 to 64 bytes")]
pub struct NoSecret;

impl SigningSecret {
    /// A secret of bytes that the caller drew at random.
    #[must_use]
    pub fn from_random(bytes: [u8; SECRET_BYTES]) -> Self {
        Self(bytes.to_vec())
    }

    /// The secret as its owner configures it: shown once.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// `v1,` and the signature of a message.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // HMAC takes a key of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl TryFrom<String> for SigningSecret {
    type Error = NoSecret;
    fn try_from(text: String) -> Result<Self, NoSecret> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(&text)).map_err(|_| NoSecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(NoSecret) }
    }
}

impl From<SigningSecret> for String {
    fn from(secret: SigningSecret) -> Self {
        secret.reveal()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The headers of a signed message; while a secret is being rotated there are two signatures.
#[must_use]
pub fn headers(
    secrets: &[&SigningSecret],
    id: DeliveryId,
    now: Timestamp,
    body: &[u8],
) -> [(&'static str, String); 3] {
    let (id, timestamp) = (id.to_string(), now.unix_seconds());
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.sign(&id, timestamp, body)).collect();
    [
        ("webhook-id", id),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_signed_as_documented() {
        for text in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            let secret = SigningSecret::try_from(text.to_owned()).unwrap();
            let signature =
                secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
            assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        }
    }

    #[test]
    fn a_secret_has_24_to_64_bytes_and_reads_back_and_is_not_printed() {
        let secret = SigningSecret::from_random([7; SECRET_BYTES]);
        assert_eq!(SigningSecret::try_from(secret.reveal()), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "[secret]");
        for bytes in [0, 23, 65] {
            let text = format!("whsec_{}", STANDARD.encode(vec![1; bytes]));
            assert_eq!(SigningSecret::try_from(text), Err(NoSecret), "{bytes}");
        }
        assert_eq!(SigningSecret::try_from("whsec_?".to_owned()), Err(NoSecret));
    }

    #[test]
    fn while_a_secret_is_rotated_both_sign() {
        let (new, old) = (SigningSecret::from_random([1; 32]), SigningSecret::from_random([2; 32]));
        let now = Timestamp::from_unix_millis(1_614_265_330_999);
        let id = DeliveryId::from_parts(now, 1);
        let [(_, sent), (_, at), (_, both)] = headers(&[&new, &old], id, now, b"{}");
        assert_eq!(at, "1614265330");
        assert!(!sent.contains('.'));
        let expected = [new.sign(&sent, 1_614_265_330, b"{}"), old.sign(&sent, 1_614_265_330, b"{}")];
        assert_eq!(both, expected.join(" "));
    }
}
