//! The clients, built eagerly on one connection pool.

use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::connector::{CONNECT_TIMEOUT, Pool};
use crate::settings::AwsSettings;

/// Attempts of a call, the first included.
pub(crate) const MAX_ATTEMPTS: u32 = 3;

/// Creates clients that share one connection pool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Aws {
    pub(crate) settings: AwsSettings,
    pub(crate) pool: Pool,
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
    /// Builds the connection pool of these settings, once for all clients.
    #[must_use]
    pub fn new(settings: AwsSettings) -> Self {
        let pool = Pool::new(&settings.trust, settings.inside.clone());
        let connector = SharedHttpConnector::new(pool.clone());
        Self { settings, pool, http: http_client_fn(move |_, _| connector.clone()) }
    }

    /// DynamoDB, without retries: the storage retries in its one place.
    #[must_use]
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        client!(self, aws_sdk_dynamodb, dynamodb_url, RetryConfig::disabled())
    }

    /// EventBridge Scheduler.
    #[must_use]
    pub fn scheduler(&self) -> aws_sdk_scheduler::Client {
        client!(
            self,
            aws_sdk_scheduler,
            scheduler_url,
            RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS)
        )
    }

    /// The pool as the HTTP client of another SDK client.
    #[must_use]
    pub fn http_client(&self) -> SharedHttpClient {
        self.http.clone()
    }

    fn timeouts(&self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(self.settings.attempt_timeout)
            .build()
    }
}
