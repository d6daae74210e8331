//! Wiring of the `deliver` function.

#![recursion_limit = "256"]

use std::sync::Arc;

use anyhow::Context as _;
use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::{App, Config, telemetry};
use countersign_deliver::{ChatSecrets, Deliver, Senders};
use countersign_targets::FileSecrets;
use countersign_timer::Timer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::start_json();
    let config = Config::from_environment()?;
    let aws = Aws::new(AwsSettings::from_environment()?);
    let timer_config =
        config.timer.clone().context("the environment variable `COUNTERSIGN_SCHEDULE_GROUP` is missing")?;
    let app = App::new(config, &aws);
    let secrets = ChatSecrets::new(Arc::new(|name| std::env::var(name).ok()), FileSecrets::Refused);
    let senders = Senders::of(&app).with_chats(&app, &secrets);
    let handler = Deliver::new(app, Timer::new(aws.scheduler(), timer_config), senders);
    countersign_http::lambda::run(handler, Deliver::handle).await.map_err(anyhow::Error::from_boxed)
}
