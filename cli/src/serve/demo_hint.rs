//! The one line that `serve --demo` prints.

use std::path::Path;

/// Where it listens, and how to become one of the demo's people.
pub(crate) fn line(url: &str, data_dir: &Path) -> String {
    let file = data_dir.join(countersign_service::demo::DEMO_FILE);
    format!(
        "Countersign's demo is at {url}: open it in a browser, or use its people's tokens in {}",
        file.display()
    )
}
