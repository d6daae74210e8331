//! Which issuer, and what its claims mean here.

use std::fmt;

/// How an issuer is used.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// The issuer, exactly as it calls itself.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// What we prove it with, if the issuer gave us anything.
    pub client_secret: Option<String>,
    /// The audience of access tokens that the API takes; none takes no tokens of the issuer.
    pub audience: Option<String>,
    /// The claim that holds somebody's groups.
    pub groups_claim: String,
    /// The group whose members are admins.
    pub admin_group: Option<String>,
    /// The group whose members are auditors.
    pub auditor_group: Option<String>,
    /// What is asked for at a sign-in.
    pub scopes: String,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret.as_ref().map(|_| "[secret]"))
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// Why somebody cannot be recognised through the issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// It cannot be asked.
    #[error("the issuer cannot be asked: {0}")]
    Unreachable(String),
    /// It is not what it should be.
    #[error("the issuer is not as expected: {0}")]
    Issuer(String),
    /// It said no.
    #[error("the issuer refused: {0}")]
    Refused(String),
    /// The token is not good.
    #[error("the token is not valid: {0}")]
    Token(&'static str),
    /// It was.
    #[error("the token has expired")]
    Expired,
}
