//! The proof: a Merkle tree over all events, signed checkpoints of it, and their verification by
//! anybody, offline.
//!
//! - [`hash`], [`tree`], [`path`]: RFC 6962: leaves, nodes, inclusion and consistency
//! - [`tiles`]: how the tree is kept so that a proof needs few reads
//! - [`key`], [`checkpoint`]: who says how the log stood, and when
//! - [`record`]: what a leaf is made of, and the lines of an export
//! - [`verify`]: an export, line by line; [`finding`]: what was altered, removed, reordered or cut
//! - [`receipt`]: everything about one request in one JSON
//!
//! **Invariant:** pure: no I/O, no clock. It depends on nothing of ours, so that what it verifies is
//! not verified by the code that made it.

pub mod checkpoint;
pub mod finding;
pub mod hash;
pub mod key;
pub mod path;
pub mod receipt;
pub mod record;
pub mod tiles;
pub mod tree;
pub mod verify;

pub use checkpoint::Checkpoint;
pub use finding::{Finding, Report};
pub use hash::Hash;
pub use key::{PublicKey, SigningKey};
pub use receipt::Receipt;
pub use verify::Verifier;
