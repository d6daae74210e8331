//! Wiring of the `execute` function.

#![recursion_limit = "256"]

use std::sync::Arc;

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let handler =
        countersign_execute::Execute::from_environment(App::new(config, &aws)).with_secrets_of(&aws);
    let handler = Arc::new(handler);
    countersign_http::lambda::run(Arc::new(move |payload| {
        let handler = Arc::clone(&handler);
        Box::pin(async move { Ok(handler.handle(payload).await?) })
    }))
    .await
    .map_err(anyhow::Error::from_boxed)
}
