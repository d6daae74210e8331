//! Finding personal data in text: one pass each for private keys, literals, keys of JSON, `@` and digits;
//! whatever they stop at is then validated by hand-written recognisers.
//!
//! **Invariant:** what is found in a line depends on that line and on at most [`CONTEXT_BEFORE`]
//! bytes before it, and no find but a private key crosses the end of a line. Streaming rests on it.

mod card;
mod checks;
mod context;
mod crypto;
mod email;
mod iban;
mod ids;
mod ip;
mod literal;
mod number;
mod pairs;
mod pem;
mod phone;
mod phone_codes;
mod word;

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError};

pub(crate) use context::{CONTEXT_BEFORE, Context};
pub(crate) use pem::{PEM_MOST, pem_end};

use crate::Entity;
use crate::columns::Names;
use crate::entity::EntitySet;
use crate::style::behind_replacements;

/// A find: these bytes are that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) entity: Entity,
}

/// The automata, built once for a policy.
#[derive(Debug)]
pub(crate) struct Recognisers {
    entities: EntitySet,
    names: Arc<Names>,
    literals: AhoCorasick,
    context: AhoCorasick,
}

/// One text while it is searched.
pub(crate) struct Scan<'a> {
    recognisers: &'a Recognisers,
    text: &'a [u8],
    /// What lies before was searched already and is context now.
    from: usize,
    /// What is known without looking: the words of the column's name.
    known: Context,
    /// The private keys. Nothing is looked for inside of them.
    keys: Vec<Range<usize>>,
    found: Vec<Span>,
    /// The words around the last place that asked for them.
    around: Cell<Option<(usize, usize, Context)>>,
    /// Memory for the groups of a number.
    groups: Vec<number::Group>,
}

impl Recognisers {
    pub(crate) fn new(entities: EntitySet, names: Arc<Names>) -> Result<Recognisers, BuildError> {
        Ok(Recognisers { entities, names, literals: literal::automaton()?, context: context::automaton()? })
    }

    /// What a column's name says about its values.
    pub(crate) fn context_of_name(&self, name: &str) -> Context {
        context::words_in(&self.context, name.as_bytes(), 0, name.len())
    }

    /// Everything in `text` from `from` on, in order and without overlaps.
    pub(crate) fn scan(&self, text: &[u8], from: usize, known: Context) -> Vec<Span> {
        let mut scan = Scan {
            recognisers: self,
            text,
            from,
            known,
            keys: pem::keys(text),
            found: Vec::new(),
            around: Cell::new(None),
            groups: Vec::new(),
        };
        literal::find(&mut scan);
        pairs::find(&mut scan);
        email::find(&mut scan);
        number::find(&mut scan);
        scan.resolved()
    }
}

impl Scan<'_> {
    /// The private key that the place lies in.
    fn key_around(&self, place: usize) -> Option<&Range<usize>> {
        let key = self.keys.get(self.keys.partition_point(|key| key.end <= place))?;
        key.contains(&place).then_some(key)
    }

    fn add(&mut self, start: usize, end: usize, entity: Entity) {
        let start = behind_replacements(self.text, start, end);
        // What begins within a key belongs to it, and what begins before `from` was decided when that part
        // was searched.
        if self.key_around(start).is_some_and(|key| key.start < start) {
            return;
        }
        if self.recognisers.entities.has(entity) && start >= self.from && start < end {
            self.found.push(Span { start, end, entity });
        }
    }

    /// The words around a find.
    fn context(&self, start: usize, end: usize) -> Context {
        match self.around.get() {
            Some((first, last, context)) if (first, last) == (start, end) => context,
            _ => {
                let context = self.known | context::around(&self.recognisers.context, self.text, start, end);
                self.around.set(Some((start, end, context)));
                context
            }
        }
    }

    /// Overlapping finds become one, so that no half of a value stays; the weightier gives the name.
    fn resolved(mut self) -> Vec<Span> {
        for key in std::mem::take(&mut self.keys) {
            self.add(key.start, key.end, Entity::PrivateKey);
        }
        self.found.sort_unstable_by_key(|span| (span.start, span.end));
        let mut resolved: Vec<Span> = Vec::with_capacity(self.found.len());
        for span in self.found {
            match resolved.last_mut() {
                Some(last) if span.start < last.end => {
                    last.end = last.end.max(span.end);
                    last.entity = last.entity.min(span.entity);
                }
                _ => resolved.push(span),
            }
        }
        resolved
    }
}
