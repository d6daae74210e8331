//! AWS's stores of secrets, which most runs do not need: their clients are made at the first use.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use countersign_app::aws::Aws;
use countersign_secrets::AwsSecrets;
use countersign_targets::{Secret, SecretRef, SecretStore, TargetError};

struct OnFirstUse {
    aws: Aws,
    prefix: String,
    store: OnceLock<AwsSecrets>,
}

#[async_trait]
impl SecretStore for OnFirstUse {
    async fn fetch(&self, reference: &SecretRef) -> Result<Secret, TargetError> {
        let make = || AwsSecrets::new(&self.aws, self.prefix.clone());
        self.store.get_or_init(make).fetch(reference).await
    }
}

/// What AWS keeps below the prefix of the deployment.
#[must_use]
pub fn secrets_of(aws: &Aws, prefix: &str) -> Arc<dyn SecretStore> {
    Arc::new(OnFirstUse { aws: aws.clone(), prefix: prefix.to_owned(), store: OnceLock::new() })
}
