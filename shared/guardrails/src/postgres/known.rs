//! What a catalogue proves of names that are not the server's own. Without a catalogue nothing is proved.
//!
//! A call, a sign or a type without a schema may mean one of several; the worst one counts. So the answer depends neither
//! on the search path nor on the types of arguments.

use super::names::{Segment, dotted};
use super::{builtin, statements_with};
use crate::bounds;
use crate::names::quoted;
use countersign_catalogue::{Catalogue, TableKind, TypeKind, Volatility};
use std::cell::RefCell;
use std::collections::HashMap;

/// All definitions of views and conditions that one analysis reads take at most so many bytes.
const MAX_BYTES: usize = 200_000;

/// A catalogue during one analysis.
pub(super) struct Known<'a> {
    catalogue: Option<&'a Catalogue>,
    /// Texts that were analysed: why they are no reads.
    texts: RefCell<HashMap<String, Option<String>>>,
    bytes: RefCell<usize>,
}

impl<'a> Known<'a> {
    pub(super) fn new(catalogue: Option<&'a Catalogue>) -> Self {
        Self { catalogue, texts: RefCell::default(), bytes: RefCell::new(0) }
    }

    /// The worst function that a call may mean, apart from the server's own.
    pub(super) fn function(&self, parts: &[Segment]) -> Option<Volatility> {
        let (schema, name) = split(parts)?;
        self.catalogue?.function(schema.as_deref(), &name.text)
    }

    /// The worst operator that a sign may mean, apart from the server's own.
    pub(super) fn operator(&self, schema: Option<&str>, name: &str) -> Option<Volatility> {
        let name = if name == "!=" { "<>" } else { name };
        self.catalogue?.operator(schema, name)
    }

    /// Whether values of a type are read, cast and checked by code that only reads.
    pub(super) fn type_only_reads(&self, parts: &[Segment]) -> bool {
        let (Some(catalogue), Some((schema, name))) = (self.catalogue, split(parts)) else { return false };
        let mut found = false;
        for known in catalogue.types_named(schema.as_deref(), &name.text) {
            found = true;
            let reads = known.volatility.only_reads()
                && match &known.kind {
                    TypeKind::Enum | TypeKind::Base => true,
                    TypeKind::Domain { base, checks } => {
                        self.text(&format!("SELECT NULL::{base}")).is_none()
                            && checks.iter().all(|check| self.text(&format!("SELECT {check}")).is_none())
                    }
                    TypeKind::Other => false,
                };
            if !reads {
                return false;
            }
        }
        found
    }

    /// Why reading a table may do more than read.
    pub(super) fn why_not_table(&self, schema: Option<&str>, name: &str) -> Option<String> {
        let catalogue = self.catalogue?;
        if is_of_server(schema, name) {
            return None;
        }
        let mut found = false;
        for table in catalogue.tables_named(schema, name) {
            found = true;
            let shown = quoted(&catalogue.shown(&table.name));
            let texts = table.policies.iter().map(|condition| format!("SELECT {condition}"));
            let definition = match (table.kind, &table.definition) {
                (TableKind::View, None) => {
                    return Some(format!("the catalogue has no definition of the view {shown}"));
                }
                (TableKind::View, Some(definition)) => Some(definition.clone()),
                (TableKind::Table | TableKind::MaterializedView | TableKind::Foreign, _) => None,
            };
            if let Some(why) = definition.into_iter().chain(texts).find_map(|text| self.text(&text)) {
                return Some(format!("reading {shown} is not provably a read: {why}"));
            }
        }
        (!found).then(|| format!("{} is not in the catalogue of the connection", quoted(name)))
    }

    /// Why a text of the catalogue is no read.
    fn text(&self, text: &str) -> Option<String> {
        if let Some(known) = self.texts.borrow().get(text) {
            return known.clone();
        }
        // A text that refers to itself is not proved by itself.
        let circular = Some("it refers to itself".to_owned());
        self.texts.borrow_mut().insert(text.to_owned(), circular);
        let why = self.examine(text).err();
        self.texts.borrow_mut().insert(text.to_owned(), why.clone());
        why
    }

    fn examine(&self, text: &str) -> Result<(), String> {
        let total = *self.bytes.borrow() + text.len();
        *self.bytes.borrow_mut() = total;
        if total > MAX_BYTES {
            return Err(format!("the definitions behind it are longer than {MAX_BYTES} bytes"));
        }
        bounds::length(text).and_then(|()| bounds::depth(&super::depth(text)))?;
        let statements = statements_with(text, self).map_err(|error| error.why)?;
        let analysis = crate::Analysis::understood(crate::Dialect::Postgres, statements);
        analysis.is_provable_read()
    }
}

/// Objects that a catalogue does not list because they are the server's own.
fn is_of_server(schema: Option<&str>, name: &str) -> bool {
    match schema {
        None => name.starts_with("pg_") && builtin::is_calm_table(None, name),
        Some(schema) => matches!(schema, "pg_catalog" | "information_schema"),
    }
}

/// A name with its schema; `None` for a part of more than that, such as a database.
fn split(parts: &[Segment]) -> Option<(Option<String>, &Segment)> {
    let (name, schema) = parts.split_last()?;
    Some(((!schema.is_empty()).then(|| dotted(schema)), name))
}
