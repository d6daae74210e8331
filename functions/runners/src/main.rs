//! Wiring of the `runners` function.

#![recursion_limit = "256"]

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    countersign_http::lambda::serve(countersign_runners::router(App::new(config, &aws)))
        .await
        .map_err(anyhow::Error::from_boxed)
}
