//! Services that take one JSON document per call (AWS JSON 1.1): Secrets Manager, Systems Manager, KMS.

use http::{HeaderMap, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Aws;
use crate::call::{Attempts, Call, CallError, Style, endpoint};

/// A service that speaks AWS JSON 1.1.
#[derive(Debug, Clone)]
pub struct JsonService {
    aws: Aws,
    /// Its name in signatures and host names.
    name: &'static str,
    /// What stands before the operation in `X-Amz-Target`.
    target: &'static str,
    url: String,
}

impl Aws {
    /// Secrets Manager, for the executor.
    #[must_use]
    pub fn secrets_manager(&self) -> JsonService {
        self.json("secretsmanager", "secretsmanager", self.settings.secrets_manager_url.as_deref())
    }

    /// Systems Manager, for the executor.
    #[must_use]
    pub fn ssm(&self) -> JsonService {
        self.json("ssm", "AmazonSSM", self.settings.ssm_url.as_deref())
    }

    /// Key Management Service, for the key that signs checkpoints.
    #[must_use]
    pub fn kms(&self) -> JsonService {
        self.json("kms", "TrentService", self.settings.kms_url.as_deref())
    }

    fn json(&self, name: &'static str, target: &'static str, url: Option<&str>) -> JsonService {
        let url = url.map_or_else(|| endpoint(name, &self.settings.region), str::to_owned);
        JsonService { aws: self.clone(), name, target, url: format!("{}/", url.trim_end_matches('/')) }
    }
}

impl JsonService {
    /// Calls an operation.
    ///
    /// # Errors
    /// [`CallError`] after the attempts of the standard retry mode.
    pub async fn call<O: DeserializeOwned>(
        &self,
        operation: &str,
        input: &impl Serialize,
    ) -> Result<O, CallError> {
        let unusable = |error: serde_json::Error| CallError::Unusable(error.to_string());
        let mut call = Call {
            service: self.name,
            style: Style::Standard,
            method: Method::POST,
            url: self.url.clone(),
            headers: HeaderMap::new(),
            body: serde_json::to_vec(input).map_err(unusable)?.into(),
            attempts: Attempts::Standard,
            timeout: self.aws.settings.attempt_timeout,
        };
        call.header("content-type", "application/x-amz-json-1.1")?;
        call.header("x-amz-target", &format!("{}.{operation}", self.target))?;
        let answer = self.aws.send(call).await?;
        // Not serde's message: it may quote the answer, which may be a secret.
        serde_json::from_slice(answer.body()).map_err(|_| {
            CallError::Unusable(format!("the answer to {operation} is not of the documented form"))
        })
    }
}
