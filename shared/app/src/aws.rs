//! AWS clients, built eagerly from the environment and nothing else.
//!
//! No profile files, no metadata service, no system roots: in Lambda all that is needed stands in
//! the environment, and looking elsewhere costs milliseconds of every cold start. The variables are
//! the SDK's own, so the same binary talks to AWS, to DynamoDB Local and to the local platform.

use std::time::Duration;

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::config::ConfigError;

/// The roots that AWS's endpoints use: Amazon's own and Starfield's.
const AMAZON_ROOTS: &[u8] = include_bytes!("../roots/amazon.pem");

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
    pub ca_bundle: Option<Vec<u8>>,
    /// How long one attempt of a call may take.
    pub attempt_timeout: Duration,
}

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(2);
/// An endpoint of AWS that has not answered by then will not.
const AWS_ATTEMPT: Duration = Duration::from_secs(5);
/// The local platform does one thing at a time: with a thousand callers, a call waits for its turn,
/// and one that is given up too soon is carried out all the same, only for nobody.
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
        let ca_bundle = match set("AWS_CA_BUNDLE") {
            None => None,
            Some(path) => Some(std::fs::read(&path).map_err(|_| ConfigError::Invalid {
                name: "AWS_CA_BUNDLE",
                expected: "a readable PEM file",
                got: path,
            })?),
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
            ca_bundle,
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
            ca_bundle: None,
            attempt_timeout: LOCAL_ATTEMPT,
        }
    }
}

/// Makes clients that share one connection pool.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(crate) settings: AwsSettings,
    pub(crate) connector: SharedHttpConnector,
    http: SharedHttpClient,
}

macro_rules! client {
    ($self:ident, $sdk:ident, $url:ident, $retries:expr) => {{
        let mut config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new($self.settings.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new($self.settings.credentials.clone()))
            .http_client($self.http.clone())
            .retry_config($retries)
            .timeout_config($self.timeouts())
            .sleep_impl(TokioSleep::new());
        if let Some(url) = &$self.settings.$url {
            config = config.endpoint_url(url);
        }
        $sdk::Client::from_conf(config.build())
    }};
}

impl Aws {
    /// Builds the connection pool of these settings, once: an HTTP client of the SDK's own making would
    /// build one more for each client that uses it, only to see whether it can.
    #[must_use]
    pub fn new(settings: AwsSettings) -> Self {
        let roots = settings.ca_bundle.as_deref().unwrap_or(AMAZON_ROOTS);
        let trust = TrustStore::empty().with_pem_certificate(roots);
        let connect = HttpConnectorSettings::builder().connect_timeout(CONNECT).build();
        let connector = Connector::builder()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .connector_settings(connect)
            .sleep_impl(TokioSleep::new());
        let connector = match TlsContext::builder().with_trust_store(trust).build() {
            Ok(context) => connector.tls_context(context).build(),
            // Only a bundle that is no PEM gets here; the system's roots are the safe second choice.
            Err(_) => connector.build(),
        };
        let connector = SharedHttpConnector::new(connector);
        let shared = connector.clone();
        let http = http_client_fn(move |_, _| shared.clone());
        Self { settings, connector, http }
    }

    /// DynamoDB, without retries: the storage retries in its one place.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        client!(self, aws_sdk_dynamodb, dynamodb_url, RetryConfig::disabled())
    }

    /// EventBridge Scheduler.
    #[must_use]
    pub fn scheduler(&self) -> aws_sdk_scheduler::Client {
        client!(self, aws_sdk_scheduler, scheduler_url, RetryConfig::standard().with_max_attempts(3))
    }

    /// Lambda.
    #[must_use]
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        client!(self, aws_sdk_lambda, lambda_url, RetryConfig::standard().with_max_attempts(3))
    }

    /// Secrets Manager, for the executor.
    #[must_use]
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        client!(
            self,
            aws_sdk_secretsmanager,
            secrets_manager_url,
            RetryConfig::standard().with_max_attempts(3)
        )
    }

    /// Systems Manager, for the executor.
    #[must_use]
    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        client!(self, aws_sdk_ssm, ssm_url, RetryConfig::standard().with_max_attempts(3))
    }

    /// Key Management Service, for the key that signs checkpoints.
    #[must_use]
    pub fn kms(&self) -> aws_sdk_kms::Client {
        client!(self, aws_sdk_kms, kms_url, RetryConfig::standard().with_max_attempts(3))
    }

    fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(self.settings.attempt_timeout)
            .build()
    }
}
