//! The data directory: made, probed and held by one process at a time.

use crate::error::LocalError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

const LOCK_FILE: &str = "lock";

/// A directory that this process holds alone, until the value is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// The advisory lock ends with the file handle, also when the process is killed.
    _lock: File,
    /// Removes the directory on drop; only where none was given.
    temporary: Option<tempfile::TempDir>,
}

impl DataDir {
    /// Takes `dir`, made where it is missing; without one, a temporary directory that ends
    /// with the value.
    ///
    /// # Errors
    /// [`LocalError::DataDirInUse`], [`LocalError::DataDirNotWritable`], [`LocalError::DiskFull`].
    pub(crate) fn take(dir: Option<&Path>) -> Result<Self, LocalError> {
        match dir {
            Some(path) => {
                make_private_dir(path).map_err(|e| LocalError::from_io(path, e))?;
                let lock = lock(path)?;
                Ok(Self { path: path.to_path_buf(), _lock: lock, temporary: None })
            }
            None => {
                let temporary = tempfile::Builder::new()
                    .prefix("countersign-")
                    .tempdir()
                    .map_err(|e| LocalError::from_io(&std::env::temp_dir(), e))?;
                let lock = lock(temporary.path())?;
                Ok(Self { path: temporary.path().to_path_buf(), _lock: lock, temporary: Some(temporary) })
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

/// A new directory is closed to other users: the store holds commands and outputs.
fn make_private_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Locks the directory's lock file and writes this process's id into it. The write also says early
/// whether the directory is writable.
fn lock(dir: &Path) -> Result<File, LocalError> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join(LOCK_FILE))
        .map_err(|e| LocalError::from_io(dir, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(LocalError::DataDirInUse { path: dir.to_path_buf(), holder: holder(&mut file) });
        }
        Err(TryLockError::Error(e)) => return Err(LocalError::from_io(dir, e)),
    }
    let written = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .and_then(|()| file.flush());
    written.and_then(|()| probe_room(dir)).map_err(|e| LocalError::from_io(dir, e))?;
    Ok(file)
}

/// What a start needs: SQLite's shared memory, which tells of a full disk as of an I/O error, and
/// the first entries of three logs.
const ROOM_BYTES: usize = 256 * 1024;

/// Finds out whether there is room, by taking it for a moment.
fn probe_room(dir: &Path) -> std::io::Result<()> {
    let path = dir.join("room");
    let written = std::fs::write(&path, vec![0; ROOM_BYTES]);
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

/// Who holds the lock, as far as the file says.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(32).read_to_string(&mut text) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => format!("process {}", text.trim()),
        _ => "its process id is unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_has_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::take(Some(dir.path())).unwrap();
        let error = DataDir::take(Some(dir.path())).unwrap_err();
        assert!(matches!(error, LocalError::DataDirInUse { .. }), "{error}");
        let pid = std::process::id().to_string();
        assert!(error.to_string().contains(&pid), "{error}");
        drop(first);
        DataDir::take(Some(dir.path())).unwrap();
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_a_clear_error() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("occupied");
        std::fs::write(&file, "x").unwrap();
        let error = DataDir::take(Some(&file)).unwrap_err();
        assert!(matches!(error, LocalError::DataDirNotWritable { .. }), "{error}");
    }

    #[test]
    fn a_temporary_directory_ends_with_its_holder() {
        let held = DataDir::take(None).unwrap();
        let path = held.path().to_path_buf();
        assert!(path.is_dir());
        drop(held);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_new_directory_is_closed_to_other_users() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let _held = DataDir::take(Some(&path)).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
