//! The key that signs checkpoints, by reference as every secret; one in KMS stays there.

use countersign_app::Config;
use countersign_app::aws::Aws;
use countersign_app::config::ConfigError;
use countersign_audit::key::InvalidKey;
use countersign_audit::{Checkpoint, PublicKey, SigningKey};
use countersign_secrets::AwsSecrets;
use countersign_targets::{FileSecrets, SecretRef, TargetError, fetch_secret};

use crate::kms::{KmsError, KmsKey};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not configured.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The reference is none, or leads nowhere.
    #[error("the key that signs checkpoints (`COUNTERSIGN_AUDIT_KEY`): {0}")]
    Reference(#[from] TargetError),
    /// What it leads to is no key.
    #[error("the key that signs checkpoints (`COUNTERSIGN_AUDIT_KEY`): {0}")]
    Key(#[from] InvalidKey),
    /// KMS does not sign with it.
    #[error("the key that signs checkpoints (`COUNTERSIGN_AUDIT_KEY`): {0}")]
    Kms(#[from] KmsError),
}

/// What signs checkpoints.
#[derive(Debug)]
pub enum Signer {
    /// A key in this process.
    Here(SigningKey),
    /// A key in KMS.
    Kms(Box<KmsKey>),
}

impl From<SigningKey> for Signer {
    fn from(key: SigningKey) -> Self {
        Self::Here(key)
    }
}

impl Signer {
    /// Signs a checkpoint; gives the public half of the key too.
    ///
    /// # Errors
    /// [`KmsError`]. A key in this process always signs.
    pub async fn sign(&self, checkpoint: Checkpoint) -> Result<(Checkpoint, PublicKey), KmsError> {
        match self {
            Self::Here(key) => Ok((checkpoint.signed(key), key.public())),
            Self::Kms(key) => {
                let public = key.public().await?;
                let named = checkpoint.to_be_signed_by(&public);
                let signature = key.sign(&named.signed_bytes(), &public).await?;
                Ok((Checkpoint { signature, ..named }, public))
            }
        }
    }
}

/// Fetches the key that the configuration names: `env:NAME`, `file:PATH`, `secretsmanager:ARN`, `ssm:NAME`. Of
/// `kms:KEY` only the public half is fetched, to see that it is one.
///
/// # Errors
/// [`KeyError`], which says nothing of a value.
pub async fn signing_key(
    config: &Config,
    aws: &Aws,
    lookup: &(dyn Fn(&str) -> Option<String> + Send + Sync),
) -> Result<Signer, KeyError> {
    let reference = config.audit_key.as_deref().ok_or(ConfigError::Missing("COUNTERSIGN_AUDIT_KEY"))?;
    if let Some(name) = reference.strip_prefix("kms:") {
        let key = KmsKey::new(aws.kms(), name);
        key.public().await?;
        return Ok(Signer::Kms(Box::new(key)));
    }
    let reference = SecretRef::parse(reference, FileSecrets::Allowed)?;
    // The prefix keeps what people write into connections to what is theirs; this reference is none of
    // theirs, and must not be below it.
    let name = match &reference {
        SecretRef::SecretsManager(arn) => arn.rsplit(':').next().unwrap_or_default(),
        SecretRef::Ssm(name) => name.trim_start_matches('/'),
        SecretRef::Env(_) | SecretRef::File(_) => "",
    };
    let store = AwsSecrets::new(aws, name);
    let secret = fetch_secret(&reference, lookup, Some(&store)).await?;
    Ok(SigningKey::parse(secret.expose())?.into())
}
