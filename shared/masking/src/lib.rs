//! Masking: personal and secret data in output is hidden before it is stored, returned or logged.
//!
//! Pure: no I/O, no clock, no randomness. A [`Masker`] is made from a connection's [`MaskingPolicy`]
//! and masks rows ([`Masker::row_masker`]), text ([`Masker::text`]), messages of a database
//! ([`Masker::message`]) and streams of bytes ([`Masker::stream`]).
//!
//! **Invariants:** what comes out does not depend on how the input was cut. Whoever gets an error
//! shows nothing: there is no partial result.
//!
//! | module | what it holds |
//! |---|---|
//! | `entity`, `policy`, `counts` | what is masked, what a policy says, what was masked |
//! | `masker`, `row`, `stream` | the masks for text, rows and streams |
//! | `columns` | names of columns and keys that tell what is in them |
//! | `json` | JSON inside a cell, by key and by value |
//! | `message` | values in the error messages of databases |
//! | `style` | what takes the place of a value |
//! | `scan` | the recognisers |

mod bytes;
mod columns;
mod counts;
mod entity;
mod json;
mod masker;
mod message;
mod policy;
mod row;
mod scan;
mod stream;
mod style;

pub use counts::Counts;
pub use entity::{Entity, UnknownEntity};
pub use masker::{Find, MaskError, Masker};
pub use policy::{MaskingPolicy, PolicyError, Style};
pub use row::{ColumnInfo, RowMasker};
pub use stream::StreamMasker;

/// The version of the recognisers. It is part of a request's digest: another version masks
/// something else, so what was approved is then not what would be shown.
pub const VERSION: u32 = 1;
