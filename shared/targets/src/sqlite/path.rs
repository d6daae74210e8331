//! Which file a target is: below the root, a plain file, no link on the way, not the store.

use crate::RunError;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Finds the database file of a target.
///
/// `relative` has plain components only (checked when it was parsed). The result is canonical; it
/// is opened with SQLite's `NOFOLLOW`, so that a link put in place after this check is refused too.
pub(super) fn locate(root: &Path, relative: &Path, forbidden: &[PathBuf]) -> Result<PathBuf, RunError> {
    let refuse =
        |reason: &str| Err(RunError::not_started(format!("target `{}`: {reason}", relative.display())));
    let Ok(root) = root.canonicalize() else {
        return refuse(
            "the configured root of SQLite targets does not exist; create it or correct the setting",
        );
    };
    let mut path = root.clone();
    let mut found: Option<Metadata> = None;
    for part in relative.components() {
        path.push(part);
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_symlink() => {
                return refuse("a symbolic link is on the way, which is refused");
            }
            Ok(metadata) => found = Some(metadata),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return refuse("no such file below the configured root; a missing database is never created");
            }
            Err(error) => return refuse(&format!("cannot be reached: {}", error.kind())),
        }
    }
    let Some(file) = found.filter(Metadata::is_file) else { return refuse("is not a file") };
    match path.canonicalize() {
        Ok(canonical) if canonical == path && canonical.starts_with(&root) => {}
        Ok(_) | Err(_) => return refuse("leads out of the configured root"),
    }
    if forbidden.iter().any(|store| is_part_of(store, &path, &file)) {
        return refuse("is the product's own store, which is never a target");
    }
    Ok(path)
}

/// True if `path` is `store` by any name, or one of the files that SQLite keeps beside it.
fn is_part_of(store: &Path, path: &Path, file: &Metadata) -> bool {
    ["", "-wal", "-shm", "-journal"].iter().any(|ending| {
        let mut name = store.as_os_str().to_owned();
        name.push(ending);
        let name = Path::new(&name);
        name.canonicalize().is_ok_and(|canonical| canonical == path)
            || name.metadata().is_ok_and(|metadata| same_file(&metadata, file))
    })
}

/// A hard link has another path, but the same device and inode.
#[cfg(unix)]
fn same_file(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.dev() == other.dev() && one.ino() == other.ino()
}

#[cfg(not(unix))]
fn same_file(_: &Metadata, _: &Metadata) -> bool {
    false
}
