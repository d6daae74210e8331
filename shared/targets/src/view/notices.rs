//! The notices of a page.

use super::{Page, visible};
use crate::Record;

/// The notices and warnings of a page, a line each: `NOTICE: table "t" does not exist, skipping`.
#[must_use]
pub fn notices(page: &Page) -> String {
    let line = |record: &Record| match record {
        Record::Notice { severity, message, .. } => {
            Some(format!("{}: {}\n", visible(severity), visible(message)))
        }
        Record::Columns(_) | Record::Row(_) | Record::Done { .. } | Record::Truncated { .. } => None,
    };
    page.records.iter().filter_map(line).collect()
}
