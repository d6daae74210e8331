//! Wiring of the `console` function.

#![recursion_limit = "256"]

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, Invoker, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let invoker = Invoker::new(&config, &aws)?;
    countersign_http::lambda::serve(countersign_console::router(App::new(config, &aws), invoker))
        .await
        .map_err(anyhow::Error::from_boxed)
}
