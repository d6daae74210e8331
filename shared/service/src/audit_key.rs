//! The key that signs checkpoints on this machine: made at the first start, for its owner's eyes.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::ServiceError;
use crate::service::file;

/// The file in the data directory.
pub(crate) const FILE: &str = "audit.key";

/// Makes the key if there is none. One that is there stays: another one could not go on with the log in
/// the eyes of whoever knows the first.
pub(crate) fn make(path: &Path) -> Result<(), ServiceError> {
    if path.exists() {
        return Ok(());
    }
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed)?;
    let text: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    // Whole under another name first: half a key would stand in the way of every later start.
    let unfinished = path.with_extension("unfinished");
    let write = || {
        let mut key =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        key.write_all(format!("{text}\n").as_bytes())?;
        key.sync_all()?;
        std::fs::rename(&unfinished, path)
    };
    write().map_err(|error| file(path, "made", error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        make(&path).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        assert_eq!(first.trim().len(), 64);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        make(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
