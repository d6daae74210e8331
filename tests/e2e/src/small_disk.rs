//! A disk that can really be full: a small tmpfs in a mount namespace of its own, so that neither
//! root nor a device is needed, and nothing of it is left when the test ends.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The disk. It is gone when the value is dropped.
pub struct SmallDisk {
    /// Where it is mounted, for whoever is in the namespace.
    mount: tempfile::TempDir,
    /// A process that does nothing but keep the namespace.
    _keeper: Child,
    keeper_id: u32,
}

impl SmallDisk {
    /// A disk of that many mebibytes.
    ///
    /// # Errors
    /// If the system does not let us mount one.
    pub async fn of_mebibytes(size: u32) -> Result<Self> {
        let mount = tempfile::tempdir()?;
        let mut keeper = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-ec"])
            .arg(format!("mount -t tmpfs -o size={size}m none \"$1\"; echo ready; exec sleep 3600"))
            .arg("sh")
            .arg(mount.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("`unshare` (util-linux) makes the small disk")?;
        let out = keeper.stdout.take().context("it has a standard output")?;
        let said = BufReader::new(out).lines().next_line().await?;
        if said.as_deref() != Some("ready") {
            bail!("a tmpfs could not be mounted: user namespaces are switched off here, and we are not root");
        }
        let keeper_id = keeper.id().context("the keeper runs")?;
        Ok(Self { mount, _keeper: keeper, keeper_id })
    }

    /// What to put before a command so that it runs where the disk is.
    #[must_use]
    pub fn entrance(&self) -> Vec<OsString> {
        let target = self.keeper_id.to_string();
        ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", &target, "--"]
            .map(OsString::from)
            .to_vec()
    }

    /// Where the disk is for a command behind [`SmallDisk::entrance`].
    #[must_use]
    pub fn inside(&self) -> &Path {
        self.mount.path()
    }

    /// Where the disk is for everybody else.
    #[must_use]
    pub fn outside(&self) -> PathBuf {
        let inside = self.mount.path().strip_prefix("/").unwrap_or(self.mount.path());
        Path::new("/proc").join(self.keeper_id.to_string()).join("root").join(inside)
    }

    /// Fills it to the last byte, but for `left` bytes.
    ///
    /// # Errors
    /// If the filling cannot be made.
    pub fn fill(&self, left: usize) -> Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.filling())?;
        let block = [0_u8; 4096];
        let mut length = 0_u64;
        while file.write_all(&block).is_ok() {
            length += block.len() as u64;
        }
        file.set_len(length.saturating_sub(u64::try_from(left)?))?;
        Ok(())
    }

    /// Takes the filling away.
    ///
    /// # Errors
    /// If there is none.
    pub fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.filling())?)
    }

    fn filling(&self) -> PathBuf {
        self.outside().join("filling")
    }
}
