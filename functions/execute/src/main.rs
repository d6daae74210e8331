//! Wiring of the `execute` function.

#![recursion_limit = "256"]

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, telemetry};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let handler =
        countersign_execute::Execute::from_environment(App::new(config, &aws)).with_secrets_of(&aws);
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| async {
        handler.handle(event.payload).await.map_err(lambda_runtime::Error::from)
    }))
    .await
    .map_err(anyhow::Error::from_boxed)
}
