//! What a verification finds.

use std::ops::Range;

use crate::Checkpoint;

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// No line of an export, or not in its one form.
    #[error("line {line}: altered: {why}")]
    Line {
        /// From 1.
        line: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// An event is not what was hashed.
    #[error("line {line}: event {leaf} ({what}) was altered: its hash does not fit")]
    Altered {
        /// From 1.
        line: u64,
        /// Its place in the log.
        leaf: u64,
        /// Which it is.
        what: String,
    },
    /// Events are not there.
    #[error("events {} to {} were removed", .0.start, .0.end - 1)]
    Removed(Range<u64>),
    /// An event stands behind later ones.
    #[error("line {line}: event {leaf} is not in its place: it was reordered")]
    Reordered {
        /// From 1.
        line: u64,
        /// Its place in the log.
        leaf: u64,
    },
    /// An event is there again.
    #[error("line {line}: event {leaf} is there twice")]
    Repeated {
        /// From 1.
        line: u64,
        /// Its place in the log.
        leaf: u64,
    },
    /// The events of a request do not follow each other.
    #[error(
        "event {seq} of {request} does not carry the hash of the one before it: one of the two was replaced"
    )]
    Link {
        /// Which request.
        request: String,
        /// The event's number.
        seq: u64,
    },
    /// A checkpoint is not what was signed.
    #[error("line {line}: checkpoint {number}: {why}")]
    Checkpoint {
        /// From 1.
        line: u64,
        /// Its number.
        number: u64,
        /// What is wrong.
        why: &'static str,
    },
    /// Checkpoints are not there.
    #[error("checkpoints {} to {} were removed", .0.start, .0.end - 1)]
    CheckpointsRemoved(Range<u64>),
    /// The events are not those that the checkpoint was made over.
    #[error(
        "events {} to {} are not those that checkpoint {number} covers: something among them was replaced, moved, added or removed, with numbers and hashes made to fit",
        .events.start, .events.end - 1
    )]
    Root {
        /// The checkpoint's number.
        number: u64,
        /// Those since the last checkpoint that fits.
        events: Range<u64>,
    },
    /// The end is not there, or is not the end.
    #[error("the export was cut: {0}")]
    Cut(String),
    /// It contradicts a checkpoint from elsewhere.
    #[error("it contradicts the older checkpoint: {0}")]
    Older(String),
    /// It is signed by somebody else.
    #[error("it is not signed by the key `{expected}` that you trust")]
    Key {
        /// The id of that key.
        expected: String,
    },
}

/// What came of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What is not as it was; nothing if all is well.
    pub findings: Vec<Finding>,
    /// What a reader should know although nothing is wrong.
    pub notes: Vec<String>,
    /// How many events there are.
    pub events: u64,
    /// How many checkpoints.
    pub checkpoints: u64,
    /// The last checkpoint.
    pub latest: Option<Checkpoint>,
    /// The ids of the keys that signed.
    pub keys: Vec<String>,
}
