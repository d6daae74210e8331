//! Wiring of the `callback` function.

#![recursion_limit = "256"]

use std::sync::Arc;

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, Invoker, telemetry};
use countersign_callback::Slack;
use countersign_targets::FileSecrets;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let invoker = Invoker::new(&config, &aws)?;
    let slack = Slack::new(Arc::new(|name| std::env::var(name).ok()), FileSecrets::Refused);
    countersign_http::lambda::serve(countersign_callback::router(App::new(config, &aws), invoker, slack))
        .await
        .map_err(anyhow::Error::from_boxed)
}
