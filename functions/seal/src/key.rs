//! The key that signs checkpoints, by reference as every secret.

use countersign_app::Config;
use countersign_app::aws::Aws;
use countersign_app::config::ConfigError;
use countersign_audit::SigningKey;
use countersign_audit::key::InvalidKey;
use countersign_secrets::AwsSecrets;
use countersign_targets::{FileSecrets, SecretRef, TargetError, fetch_secret};

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
}

/// Fetches the key that the configuration names: `env:NAME`, `file:PATH`, `secretsmanager:ARN`, `ssm:NAME`.
///
/// # Errors
/// [`KeyError`], which says nothing of a value.
pub async fn signing_key(
    config: &Config,
    aws: &Aws,
    lookup: &(dyn Fn(&str) -> Option<String> + Send + Sync),
) -> Result<SigningKey, KeyError> {
    let reference = config.audit_key.as_deref().ok_or(ConfigError::Missing("COUNTERSIGN_AUDIT_KEY"))?;
    let reference = SecretRef::parse(reference, FileSecrets::Allowed)?;
    // The prefix keeps what people write into connections to what is theirs; this reference is none of
    // theirs, and must not be below it.
    let name = match &reference {
        SecretRef::SecretsManager(arn) => arn.rsplit(':').next().unwrap_or_default(),
        SecretRef::Ssm(name) => name.trim_start_matches('/'),
        SecretRef::Env(_) | SecretRef::File(_) => "",
    };
    let store = AwsSecrets::new(aws.secrets_manager(), aws.ssm(), name);
    let secret = fetch_secret(&reference, lookup, Some(&store)).await?;
    Ok(SigningKey::parse(secret.expose())?)
}
