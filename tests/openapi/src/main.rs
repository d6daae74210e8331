//! Writes the OpenAPI document to where `console` serves it from.

use std::path::Path;

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(countersign_openapi::FILE);
    std::fs::write(&file, countersign_openapi::document()?)
        .with_context(|| format!("`{}` cannot be written", file.display()))
}
