//! docs/settings.md names every variable that is read, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The names of our variables that stand in a text between two of these characters, and are not only the
/// beginning of one, such as `COUNTERSIGN_OIDC_…`.
fn names(text: &str, quote: char) -> BTreeSet<String> {
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let is_ours = |name: &&str| {
        name.starts_with("COUNTERSIGN_") && !name.ends_with('_') || *name == "REVIEW_TIMEOUT_SEC"
    };
    text.split(quote).filter(is_name).filter(is_ours).map(str::to_owned).collect()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "tests") {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_variable_is_described_and_what_is_described_is_read() {
    let mut files = Vec::new();
    for folder in ["shared", "functions", "cli/src"] {
        sources(&root().join(folder), &mut files);
    }
    let mut read = BTreeSet::new();
    for file in files {
        read.extend(names(&fs::read_to_string(file).unwrap(), '"'));
    }
    read.retain(|name| !name.starts_with("COUNTERSIGN_TEST_"));
    assert!(read.len() > 30, "the sources were not found: {read:?}");
    let described = names(&fs::read_to_string(root().join("docs/settings.md")).unwrap(), '`');
    let undescribed: Vec<&String> = read.difference(&described).collect();
    assert!(undescribed.is_empty(), "docs/settings.md does not name {undescribed:?}");
    let unread: Vec<&String> = described.difference(&read).collect();
    assert!(unread.is_empty(), "nothing reads {unread:?}, which docs/settings.md describes");
}
