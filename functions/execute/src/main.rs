//! Wiring of the `execute` function.

#![recursion_limit = "256"]

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, telemetry};
use countersign_execute::Execute;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let handler = Execute::from_environment(App::new(config, &aws)).with_secrets_of(&aws);
    countersign_http::lambda::run(handler, Execute::handle).await.map_err(anyhow::Error::from_boxed)
}
