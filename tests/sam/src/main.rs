//! Fills an empty table for the life of a request through `sam local invoke`.
//!
//! The table is that of `COUNTERSIGN_TABLE`, the database that of the SDK's own variables. Prints
//! `{"alice": {"id", "token"}, …}`.

use countersign_app::App;
use countersign_app::aws::{Aws, AwsSettings};
use countersign_app::config::Config;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let aws = Aws::new(AwsSettings::from_environment()?);
    let app = App::new(Config::from_environment()?, &aws);
    println!("{}", Value::Object(countersign_sam::seed(&app).await?));
    Ok(())
}
