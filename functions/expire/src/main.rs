//! Wiring of the `expire` function.

#![recursion_limit = "256"]

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, Invoker, telemetry};
use lambda_runtime::{LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let invoker = Invoker::new(&config, &aws)?;
    let handler = countersign_expire::Expire::new(App::new(config, &aws), invoker);
    lambda_runtime::run(service_fn(|event: LambdaEvent<serde_json::Value>| async {
        handler.handle(event.payload).await.map_err(lambda_runtime::Error::from)
    }))
    .await
    .map_err(anyhow::Error::from_boxed)
}
