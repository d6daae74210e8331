//! Wiring of the `seal` function.

#![recursion_limit = "256"]

use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, telemetry};
use countersign_seal::{Seal, signing_key};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let key = signing_key(&config, &aws, &|name| std::env::var(name).ok()).await?;
    let handler = Seal::new(App::new(config, &aws), key).with_copies_by(&aws);
    countersign_http::lambda::run(handler, Seal::handle).await.map_err(anyhow::Error::from_boxed)
}
