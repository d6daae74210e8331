//! Wiring of the `seal` function.

#![recursion_limit = "256"]

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, telemetry};
use countersign_seal::{Seal, signing_key};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let key = signing_key(&config, &aws, &|name| std::env::var(name).ok()).await?;
    let handler = Seal::new(App::new(config, &aws), key).with_copies_by(&aws);
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| async {
        handler.handle(event.payload).await.map_err(lambda_runtime::Error::from)
    }))
    .await
    .map_err(anyhow::Error::from_boxed)
}
