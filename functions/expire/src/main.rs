//! Wiring of the `expire` function.

#![recursion_limit = "256"]

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, Invoker, telemetry};
use countersign_expire::Expire;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let invoker = Invoker::new(&config, &aws)?;
    let handler = Expire::new(App::new(config, &aws), invoker);
    countersign_http::lambda::run(handler, Expire::handle).await.map_err(anyhow::Error::from_boxed)
}
