//! Wiring of the `dispatch` function.

#![recursion_limit = "256"]

use anyhow::Context as _;
use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, Invoker, telemetry};
use countersign_dispatch::Dispatch;
use countersign_timer::Timer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let invoker = Invoker::new(&config, &aws)?;
    let timer_config =
        config.timer.clone().context("the environment variable `COUNTERSIGN_SCHEDULE_GROUP` is missing")?;
    let timer = Timer::new(aws.scheduler(), timer_config);
    let handler = Dispatch::new(App::new(config, &aws), timer, invoker);
    countersign_http::lambda::run(handler, Dispatch::handle).await.map_err(anyhow::Error::from_boxed)
}
