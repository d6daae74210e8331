//! The masker of one connection: text and messages. Rows and streams are in `row` and `stream`.

use std::ops::Range;
use std::sync::Arc;

use hmac::Hmac;
use sha2::Sha256;

use crate::columns::Names;
use crate::entity::EntitySet;
use crate::policy::{MaskingPolicy, PolicyError};
use crate::row::{ColumnInfo, RowMasker};
use crate::scan::{Context, Recognisers, Span};
use crate::stream::StreamMasker;
use crate::{Counts, Entity, message, style};

/// Why something could not be masked. Whoever gets it shows no output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// A row that does not fit its columns.
    #[error("expected a row of {expected} cells, as there are columns; this one has {actual}")]
    Cells {
        /// As many columns there are.
        expected: usize,
        /// As many cells came.
        actual: usize,
    },
    /// The mask cut a character in two: a bug of a recogniser.
    #[error("masking left text that is not UTF-8; nothing of it is shown")]
    NotUtf8,
}

/// Something that a recogniser found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// Where, in bytes.
    pub range: Range<usize>,
    /// What.
    pub entity: Entity,
}

/// Masks what a connection's policy says. Cheap to clone; everything that it makes is independent of it.
#[derive(Debug, Clone)]
pub struct Masker {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) policy: MaskingPolicy,
    pub(crate) entities: EntitySet,
    pub(crate) names: Arc<Names>,
    pub(crate) recognisers: Recognisers,
    key: Option<Hmac<Sha256>>,
}

impl Masker {
    /// A masker for `policy`. `key` belongs to the connection; styles that hash need it.
    ///
    /// # Errors
    /// A style that hashes, and no key or an empty one.
    pub fn new(policy: &MaskingPolicy, key: Option<&[u8]>) -> Result<Masker, PolicyError> {
        let refused = |pointer: &str, message: String| PolicyError { pointer: pointer.to_owned(), message };
        let key = key.filter(|key| !key.is_empty()).and_then(style::key);
        policy.check(key.is_some())?;
        let entities = EntitySet::of(&policy.entities);
        let names = Arc::new(Names::new(&policy.columns, &policy.allow, entities));
        let recognisers = Recognisers::new(entities, Arc::clone(&names))
            .map_err(|error| refused("", format!("the recognisers could not be built: {error}")))?;
        let inner = Inner { policy: policy.clone(), entities, names, recognisers, key };
        Ok(Masker { inner: Arc::new(inner) })
    }

    /// Masks a whole text.
    ///
    /// # Errors
    /// See [`MaskError`]; then nothing of the text may be shown.
    pub fn text(&self, text: &str, counts: &mut Counts) -> Result<String, MaskError> {
        self.inner.text(text, Context::NONE, counts)
    }

    /// Masks an error message of a database, which may quote keys, values and whole rows.
    ///
    /// # Errors
    /// See [`MaskError`]; then nothing of the message may be shown.
    pub fn message(&self, text: &str, counts: &mut Counts) -> Result<String, MaskError> {
        if !self.inner.policy.enabled {
            return Ok(text.to_owned());
        }
        let masked = message::mask(&self.inner, text, counts);
        self.inner.text(&masked, Context::NONE, counts)
    }

    /// What the recognisers find in a text, without masking it. What the policy allows is found as well.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Find> {
        let spans = self.inner.recognisers.scan(text.as_bytes(), 0, Context::NONE);
        spans.into_iter().map(|span| Find { range: span.start..span.end, entity: span.entity }).collect()
    }

    /// A mask for the rows of one result.
    #[must_use]
    pub fn row_masker(&self, columns: &[ColumnInfo]) -> RowMasker {
        RowMasker::new(self.clone(), columns)
    }

    /// A mask for bytes that come in pieces.
    #[must_use]
    pub fn stream(&self) -> StreamMasker {
        StreamMasker::new(self.clone())
    }
}

impl Inner {
    /// Masks a text of which the words of a column's name are `known`.
    pub(crate) fn text(&self, text: &str, known: Context, counts: &mut Counts) -> Result<String, MaskError> {
        Ok(self.masked(text, known, counts)?.unwrap_or_else(|| text.to_owned()))
    }

    /// The same; `None` if the text stays as it is.
    pub(crate) fn masked(
        &self,
        text: &str,
        known: Context,
        counts: &mut Counts,
    ) -> Result<Option<String>, MaskError> {
        if !self.policy.enabled {
            return Ok(None);
        }
        let masked = StreamMasker::whole(self, text.as_bytes(), known, counts).map(String::from_utf8);
        masked.transpose().map_err(|_| MaskError::NotUtf8)
    }

    /// Appends `text` from `from` to `to` with the spans masked.
    pub(crate) fn write(
        &self,
        out: &mut Vec<u8>,
        text: &[u8],
        from: usize,
        to: usize,
        spans: &[Span],
        counts: &mut Counts,
    ) {
        let mut shown = from;
        for span in spans {
            let value = crate::bytes::part(text, span.start, span.end);
            if self.names.allows_value(value) {
                continue;
            }
            out.extend_from_slice(crate::bytes::part(text, shown, span.start));
            self.replace(out, span.entity, value, counts);
            shown = span.end;
        }
        out.extend_from_slice(crate::bytes::part(text, shown, to));
    }

    /// Appends what takes the place of `value`.
    pub(crate) fn replace(&self, out: &mut Vec<u8>, entity: Entity, value: &[u8], counts: &mut Counts) {
        counts.add(entity);
        style::write(out, entity, value, self.policy.style_of(entity), self.key.as_ref());
    }

    /// A whole value, known by its column or key to be `entity`.
    pub(crate) fn whole(&self, entity: Entity, value: &str, counts: &mut Counts) -> String {
        if value.is_empty() || self.names.allows_value(value.as_bytes()) {
            return value.to_owned();
        }
        let mut out = Vec::new();
        self.replace(&mut out, entity, value.as_bytes(), counts);
        String::from_utf8_lossy(&out).into_owned()
    }
}
