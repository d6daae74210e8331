//! Notices and warnings of a database: what is kept of them.

use crate::Record;
use crate::message::Scrub;

/// The most notices of a run that are kept.
const MAX_NOTICES: u64 = 200;
/// The most bytes of them.
const MAX_BYTES: usize = 64 * 1024;

/// Counts the notices of a run.
#[derive(Default)]
pub(crate) struct NoticeMeter {
    kept: u64,
    bytes: usize,
    left_out: u64,
}

impl NoticeMeter {
    /// The record of a notice, without secrets and cut to about 2 KiB, unless enough of them were kept.
    pub(crate) fn keep(&mut self, notice: Notice, scrub: &Scrub) -> Option<Record> {
        let message = scrub.clean(&notice.message);
        if self.kept >= MAX_NOTICES || self.bytes + message.len() > MAX_BYTES {
            self.left_out += 1;
            return None;
        }
        self.kept += 1;
        self.bytes += message.len();
        let Notice { severity, code, .. } = notice;
        Some(Record::Notice { severity, code, message })
    }

    /// Counts notices that never got here.
    pub(crate) fn lose(&mut self, count: u64) {
        self.left_out += count;
    }

    /// What says that notices are missing, if any are.
    pub(crate) fn rest(&mut self) -> Option<Record> {
        let left_out = std::mem::take(&mut self.left_out);
        (left_out > 0).then(|| Record::Notice {
            severity: "NOTE".to_owned(),
            code: None,
            message: format!("{left_out} more notices were not kept"),
        })
    }
}

/// What a database says beside its results.
pub(crate) struct Notice {
    /// `NOTICE`, `WARNING`, `INFO`, `Note`, as the database writes it.
    pub(crate) severity: String,
    pub(crate) code: Option<String>,
    pub(crate) message: String,
}
