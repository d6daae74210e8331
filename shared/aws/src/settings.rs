//! Where AWS is and which credentials are used: environment variables and nothing else.
//!
//! No profile files, no metadata service, no system roots: a Lambda function has everything in its environment, and
//! looking elsewhere costs milliseconds of every cold start. The variables are the SDK's own, so the same binary
//! talks to AWS, to DynamoDB Local and to the local platform.

use std::time::Duration;

use aws_credential_types::Credentials;

use crate::connector::Trust;
use crate::inside::Inside;

/// A variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set.
    #[error("the environment variable `{0}` is missing")]
    Missing(&'static str),
    /// The value is not what was expected.
    #[error("the environment variable `{name}` must be {expected}, got `{got}`")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is expected.
        expected: &'static str,
        /// The value.
        got: String,
    },
}

/// Where AWS is and who we are there.
#[derive(Debug, Clone)]
pub struct AwsSettings {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
    pub credentials: Credentials,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`.
    pub dynamodb_url: Option<String>,
    /// `AWS_ENDPOINT_URL_SCHEDULER`, else `AWS_ENDPOINT_URL`.
    pub scheduler_url: Option<String>,
    /// `AWS_ENDPOINT_URL_LAMBDA`, else `AWS_ENDPOINT_URL`.
    pub lambda_url: Option<String>,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER`, else `AWS_ENDPOINT_URL`.
    pub secrets_manager_url: Option<String>,
    /// `AWS_ENDPOINT_URL_SSM`, else `AWS_ENDPOINT_URL`.
    pub ssm_url: Option<String>,
    /// `AWS_ENDPOINT_URL_KMS`, else `AWS_ENDPOINT_URL`.
    pub kms_url: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`.
    pub s3_url: Option<String>,
    /// `AWS_CA_BUNDLE`: PEM certificates to trust instead of Amazon's.
    pub trust: Trust,
    /// Who answers for AWS within this process.
    pub inside: Option<Inside>,
    /// Upper bound for one attempt of a call.
    pub attempt_timeout: Duration,
}

/// An endpoint of AWS that has not answered by then will not.
const AWS_ATTEMPT: Duration = Duration::from_secs(5);
/// The local platform serves one call at a time. With a thousand callers a call waits for its turn, and a call that is
/// given up is carried out anyway.
const LOCAL_ATTEMPT: Duration = Duration::from_secs(20);

impl AwsSettings {
    /// Reads the settings through `lookup`.
    ///
    /// # Errors
    /// The first variable that is missing or wrong.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let required = |name: &'static str| set(name).ok_or(ConfigError::Missing(name));
        let url = |name: &str| set(name).or_else(|| set("AWS_ENDPOINT_URL"));
        let trust = match set("AWS_CA_BUNDLE") {
            None => Trust::Amazon,
            Some(path) => {
                let pem = std::fs::read(&path).map_err(|error| error.to_string());
                pem.and_then(|pem| Trust::from_pem(&pem)).map_err(|_| ConfigError::Invalid {
                    name: "AWS_CA_BUNDLE",
                    expected: "a readable PEM file with at least one certificate",
                    got: path,
                })?
            }
        };
        Ok(Self {
            region: set("AWS_REGION")
                .or_else(|| set("AWS_DEFAULT_REGION"))
                .ok_or(ConfigError::Missing("AWS_REGION"))?,
            credentials: Credentials::new(
                required("AWS_ACCESS_KEY_ID")?,
                required("AWS_SECRET_ACCESS_KEY")?,
                set("AWS_SESSION_TOKEN"),
                None,
                "environment",
            ),
            dynamodb_url: url("AWS_ENDPOINT_URL_DYNAMODB"),
            scheduler_url: url("AWS_ENDPOINT_URL_SCHEDULER"),
            lambda_url: url("AWS_ENDPOINT_URL_LAMBDA"),
            secrets_manager_url: url("AWS_ENDPOINT_URL_SECRETS_MANAGER"),
            ssm_url: url("AWS_ENDPOINT_URL_SSM"),
            kms_url: url("AWS_ENDPOINT_URL_KMS"),
            s3_url: url("AWS_ENDPOINT_URL_S3"),
            trust,
            inside: None,
            attempt_timeout: AWS_ATTEMPT,
        })
    }

    /// Reads the settings out of the process's environment.
    ///
    /// # Errors
    /// As [`AwsSettings::read`].
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::read(&|name| std::env::var(name).ok())
    }

    /// Settings for endpoints on this machine that verify no signature.
    #[must_use]
    pub fn local(dynamodb_url: &str, scheduler_url: &str, lambda_url: &str) -> Self {
        Self {
            region: "eu-central-1".to_owned(),
            credentials: Credentials::new("local", "local", None, None, "local"),
            dynamodb_url: Some(dynamodb_url.to_owned()),
            scheduler_url: Some(scheduler_url.to_owned()),
            lambda_url: Some(lambda_url.to_owned()),
            secrets_manager_url: None,
            ssm_url: None,
            kms_url: None,
            s3_url: None,
            trust: Trust::Amazon,
            inside: None,
            attempt_timeout: LOCAL_ATTEMPT,
        }
    }

    /// The same, with calls to hosts below `countersign.internal` answered within this process.
    #[must_use]
    pub fn with_inside(self, inside: Inside) -> Self {
        Self { inside: Some(inside), ..self }
    }
}
