//! Whether a token is good.

use futures::future::BoxFuture;
use jsonwebtoken::jwk::KeyAlgorithm;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::{Identity, OidcError, Provider};

/// The algorithms that are taken: signatures with a key that is not ours. `none` is no algorithm of the
/// library; one with a shared secret is not among these, so that a public key never counts as one.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// How far clocks may be apart.
const SKEW_SECONDS: u64 = 60;
/// Whoever sends more than that sends no token.
const MOST_BYTES: usize = 8192;

/// Whether a credential has the form of a signed token of an issuer.
#[must_use]
pub fn looks_signed(credential: &str) -> bool {
    credential.starts_with("ey") && credential.split('.').count() == 3
}

impl Provider {
    /// What the issuer says in an access token that somebody calls the API with.
    ///
    /// # Errors
    /// [`OidcError`].
    pub fn access_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Identity, OidcError>> {
        Box::pin(async move {
            let audience = self.settings.audience.as_deref();
            let audience = audience.ok_or(OidcError::Token("the API takes no tokens of the issuer"))?;
            let claims = self.claims(token, audience, &["at+jwt", "application/at+jwt", "jwt"]).await?;
            self.identity(&claims)
        })
    }

    /// The claims of an ID token that came at the end of the sign-in that `nonce` names.
    pub(super) async fn id_token(&self, token: &str, nonce: &str) -> Result<Map<String, Value>, OidcError> {
        let claims = self.claims(token, &self.settings.client_id, &["jwt"]).await?;
        if claims.get("nonce").and_then(Value::as_str) != Some(nonce) {
            return Err(OidcError::Token("it belongs to another sign-in"));
        }
        let azp = claims.get("azp").and_then(Value::as_str);
        if azp.is_some_and(|azp| azp != self.settings.client_id) {
            return Err(OidcError::Token("it was made for somebody else"));
        }
        Ok(claims)
    }

    async fn claims(
        &self,
        token: &str,
        audience: &str,
        types: &[&str],
    ) -> Result<Map<String, Value>, OidcError> {
        if token.len() > MOST_BYTES {
            return Err(OidcError::Token("it is too long"));
        }
        let header = decode_header(token).map_err(|_| OidcError::Token("its header cannot be read"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(OidcError::Token("it is signed in a way that is not taken"));
        }
        if !header.typ.as_deref().is_none_or(|typ| types.iter().any(|known| typ.eq_ignore_ascii_case(known)))
        {
            return Err(OidcError::Token("it is a token of another type"));
        }
        let key = self.key(header.kid.as_deref()).await?;
        if !fits(key.common.key_algorithm, header.alg) {
            return Err(OidcError::Token("its key is not for that algorithm"));
        }
        let decoding = DecodingKey::from_jwk(&key).map_err(|_| OidcError::Token("its key is of no use"))?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = SKEW_SECONDS;
        validation.validate_exp = true;
        validation.validate_nbf = true;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let decoded = decode::<Map<String, Value>>(token, &decoding, &validation);
        let claims = decoded.map_err(|error| refused(&error))?.claims;
        let issued_at = claims.get("iat").and_then(Value::as_u64).unwrap_or(0);
        if issued_at > jsonwebtoken::get_current_timestamp().saturating_add(SKEW_SECONDS) {
            return Err(OidcError::Token("it is from the future"));
        }
        Ok(claims)
    }

    /// What the claims say.
    pub(super) fn identity(&self, claims: &Map<String, Value>) -> Result<Identity, OidcError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::trim);
        let of = |name: &str| text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let subject = of("sub").filter(|sub| sub.len() <= 255);
        let subject = subject.ok_or(OidcError::Token("it says of nobody anything"))?;
        Ok(Identity {
            issuer: self.settings.issuer.clone(),
            subject,
            email: of("email"),
            name: of("name").or_else(|| of("preferred_username")),
            groups: claims.get(&self.settings.groups_claim).map(groups),
        })
    }
}

/// A list of texts, or one text.
fn groups(claim: &Value) -> Vec<String> {
    match claim {
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(name) => vec![name.clone()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// Whether a key that names an algorithm is for that one.
fn fits(named: Option<KeyAlgorithm>, alg: Algorithm) -> bool {
    named.is_none_or(|named| format!("{named:?}").eq_ignore_ascii_case(&format!("{alg:?}")))
}

fn refused(error: &jsonwebtoken::errors::Error) -> OidcError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::ExpiredSignature => OidcError::Expired,
        ErrorKind::ImmatureSignature => OidcError::Token("it is not valid yet"),
        ErrorKind::InvalidAudience => OidcError::Token("it was made for another audience"),
        ErrorKind::InvalidIssuer => OidcError::Token("it is another issuer's"),
        ErrorKind::InvalidSignature => OidcError::Token("its signature is wrong"),
        ErrorKind::MissingRequiredClaim(_) => OidcError::Token("it lacks a claim"),
        _ => OidcError::Token("it cannot be verified"),
    }
}
