//! Secrets that AWS keeps: `secretsmanager:ARN` and `ssm:NAME`.
//!
//! Only what lies below the prefix of the deployment is ever asked for: its role may read no more, and
//! the check here says so in words. Values are remembered for minutes, in memory alone; they are in
//! no `Debug`, log or message.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use countersign_aws::json::JsonService;
use countersign_aws::{Aws, CallError};
use countersign_targets::{Secret, SecretRef, SecretStore, TargetError};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

/// A secret that was changed is used from then on at the latest.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);
/// More than a deployment has connections; what was asked for first makes room.
const MOST_REMEMBERED: usize = 256;

/// The answer to `GetSecretValue`, as far as it is used. No `Debug`: it holds the secret.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretValue {
    secret_string: Option<String>,
}

/// The answer to `GetParameter`, as far as it is used. No `Debug`: it holds the secret.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterAnswer {
    parameter: Option<Parameter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: Option<String>,
}

/// Fetches secrets from AWS.
pub struct AwsSecrets {
    secrets: JsonService,
    parameters: JsonService,
    prefix: String,
    lifetime: Duration,
    remembered: Mutex<BTreeMap<String, (Instant, Secret)>>,
}

impl std::fmt::Debug for AwsSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsSecrets").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl AwsSecrets {
    /// A store of what lies below `prefix` (`countersign/`); an empty prefix admits nothing.
    #[must_use]
    pub fn new(aws: &Aws, prefix: impl Into<String>) -> Self {
        Self {
            secrets: aws.secrets_manager(),
            parameters: aws.ssm(),
            prefix: prefix.into(),
            lifetime: REMEMBERED_FOR,
            remembered: Mutex::default(),
        }
    }

    /// Remembers values for another time.
    #[must_use]
    pub fn remembering_for(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// The name of the secret, if it is below the prefix.
    fn below_prefix(&self, reference: &SecretRef, name: &str) -> Result<(), TargetError> {
        let name = name.strip_prefix('/').unwrap_or(name);
        // `countersign/../x` is no path to AWS, but nobody should have to know that.
        if !self.prefix.is_empty() && name.starts_with(&self.prefix) && !name.contains("..") {
            return Ok(());
        }
        Err(unavailable(
            reference,
            &format!(
                "its name must begin with `{}`, the prefix of this deployment (`COUNTERSIGN_SECRET_PREFIX`)",
                self.prefix
            ),
        ))
    }

    async fn ask(&self, reference: &SecretRef) -> Result<Secret, TargetError> {
        let value = match reference {
            SecretRef::SecretsManager(arn) => {
                self.below_prefix(reference, arn.rsplit(':').next().unwrap_or_default())?;
                let answer: Result<SecretValue, _> =
                    self.secrets.call("GetSecretValue", &json!({"SecretId": arn})).await;
                answer.map_err(|error| refused(reference, &error))?.secret_string
            }
            SecretRef::Ssm(name) => {
                self.below_prefix(reference, name)?;
                let answer: Result<ParameterAnswer, _> = self
                    .parameters
                    .call("GetParameter", &json!({"Name": name, "WithDecryption": true}))
                    .await;
                let answer = answer.map_err(|error| refused(reference, &error))?;
                answer.parameter.and_then(|parameter| parameter.value)
            }
            SecretRef::Env(_) | SecretRef::File(_) => {
                return Err(unavailable(reference, "AWS keeps no secret of this kind"));
            }
        };
        match value.filter(|value| !value.is_empty()) {
            Some(value) => Ok(Secret::new(value)),
            None => Err(unavailable(reference, "it is empty, or no text")),
        }
    }
}

#[async_trait]
impl SecretStore for AwsSecrets {
    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, TargetError> {
        let key = reference.to_string();
        // Held while AWS is asked: ten commands at once ask once.
        let mut remembered = self.remembered.lock().await;
        remembered.retain(|_, (since, _)| since.elapsed() < self.lifetime);
        if let Some((_, secret)) = remembered.get(&key) {
            return Ok(secret.clone());
        }
        let secret = self.ask(reference).await?;
        if remembered.len() >= MOST_REMEMBERED {
            let oldest = remembered.iter().min_by_key(|(_, (since, _))| *since).map(|(key, _)| key.clone());
            oldest.and_then(|key| remembered.remove(&key));
        }
        remembered.insert(key, (Instant::now(), secret.clone()));
        Ok(secret)
    }
}

fn unavailable(reference: &SecretRef, reason: &str) -> TargetError {
    TargetError::SecretUnavailable(format!("`{reference}`: {reason}"))
}

/// AWS's own code, and never its message: that is not ours to vouch for.
fn refused(reference: &SecretRef, error: &CallError) -> TargetError {
    let reason = match error {
        CallError::Refused { .. } => match error.code() {
            Some("ResourceNotFoundException" | "ParameterNotFound") => "AWS has no such secret".to_owned(),
            Some("AccessDeniedException") => {
                "AWS refuses it (AccessDeniedException): the executor's role may not read it, or not use its key".to_owned()
            }
            Some(code) => format!("AWS refuses it ({code})"),
            None => "AWS refuses it".to_owned(),
        },
        CallError::TimedOut => "AWS did not answer in time".to_owned(),
        CallError::Unreachable => "AWS could not be reached".to_owned(),
        CallError::Unusable(_) => "AWS gave no answer that can be used".to_owned(),
    };
    unavailable(reference, &reason)
}
