//! The size of each function as it is uploaded: its binary in a ZIP archive.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::figures::verdict;
use crate::lambda::sandbox::binary;
use crate::lambda::scene::FUNCTIONS;

/// What is measured.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Where the built functions are
    #[arg(long, default_value = "target/lambda-fat/lambda")]
    artifacts: PathBuf,
}

const MEGABYTE: usize = 1_000_000;
/// What an archive of one file named `bootstrap` has besides its deflated bytes: a local header, an
/// entry of the directory and the directory's end (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16).
const ARCHIVE_BYTES: usize = 30 + 46 + 22 + 2 * "bootstrap".len();

/// Measures and prints.
///
/// # Errors
/// If a function is not built.
pub fn measure(options: &Options) -> Result<()> {
    println!("{:<10} {:>14} {:>14}", "", "bytes", "bytes zipped");
    for name in ["hello"].into_iter().chain(FUNCTIONS) {
        let bytes = std::fs::read(binary(&options.artifacts, name)?)?;
        // Level 6, which is the default of the tools that make such archives.
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(&bytes)?;
        let zipped = encoder.finish()?.len() + ARCHIVE_BYTES;
        let most = if name == "execute" { 8 } else { 5 };
        let verdict = verdict(zipped <= most * MEGABYTE);
        println!("{name:<10} {:>14} {zipped:>14}  budget {most} MB: {verdict}", bytes.len());
    }
    Ok(())
}
