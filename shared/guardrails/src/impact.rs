//! What a command does besides what it says: cascades, triggers, sizes of what is rewritten, engines without rollback.
//! In plain words, from a catalogue.

use crate::analysis::{Analysis, Statement};
use crate::change::{Change, ChangeKind, Definition, Work};
use crate::names::{cut, quoted};
use countersign_catalogue::{Action, Catalogue, Name, Table, TriggerEvent};
use std::collections::BTreeSet;

/// At most so many notes; the last one says how many more there are.
const MAX_NOTES: usize = 20;
/// At most so many characters a note.
const MAX_CHARACTERS: usize = 200;
/// Cascades are followed over at most so many tables.
const MAX_CASCADES: usize = 100;

/// Side effects of a command, by a catalogue. Sorted by statement, each once.
#[must_use]
pub fn impact(analysis: &Analysis, catalogue: &Catalogue) -> Vec<String> {
    let mut notes = Notes::default();
    if analysis.understood {
        for statement in &analysis.statements {
            for change in &statement.changes {
                describe(change, catalogue, &mut notes);
            }
        }
    }
    notes.finish()
}

#[derive(Default)]
struct Notes {
    kept: Vec<String>,
    more: usize,
}

impl Notes {
    fn add(&mut self, note: impl AsRef<str>) {
        let note = cut(note.as_ref(), MAX_CHARACTERS);
        if self.kept.contains(&note) {
            return;
        }
        if self.kept.len() < MAX_NOTES - 1 { self.kept.push(note) } else { self.more += 1 }
    }

    fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.kept.push(format!("and {} more side effects", self.more));
        }
        self.kept
    }
}

fn describe(change: &Change, catalogue: &Catalogue, notes: &mut Notes) {
    let Some(table) = catalogue.table(change.schema.as_deref(), &change.table) else {
        if !is_of_server(change) {
            notes.add(format!(
                "{} is not in the catalogue: its size and triggers are not known",
                quoted(&change.table)
            ));
        }
        return;
    };
    match &change.kind {
        ChangeKind::Insert => fires(table, TriggerEvent::Insert, None, catalogue, notes),
        ChangeKind::Update { columns } => {
            fires(table, TriggerEvent::Update, columns.as_deref(), catalogue, notes);
            cascades_of_update(table, columns.as_deref(), catalogue, notes);
        }
        ChangeKind::Delete => {
            fires(table, TriggerEvent::Delete, None, catalogue, notes);
            cascades_of_delete(table, catalogue, notes);
        }
        ChangeKind::Truncate { cascade } => {
            notes.add(format!("empties {}", sized(table, catalogue)));
            fires(table, TriggerEvent::Truncate, None, catalogue, notes);
            if *cascade {
                cascades_of_truncate(table, catalogue, notes);
            }
        }
        ChangeKind::Drop => notes.add(format!("drops {}", measured(table, catalogue))),
        ChangeKind::Define(definition) => defines(definition, table, catalogue, notes),
    }
    let changes_rows = !matches!(change.kind, ChangeKind::Define(_) | ChangeKind::Drop);
    if changes_rows && table.ignores_rollback {
        let engine = table.engine.as_deref().unwrap_or("an engine without transactions");
        notes.add(format!(
            "{} is stored in {engine}: a rollback does not undo changes of it",
            quoted(&catalogue.shown(&table.name))
        ));
    }
}

/// The server's own tables are not listed.
fn is_of_server(change: &Change) -> bool {
    change.table.starts_with("pg_")
        || matches!(change.schema.as_deref(), Some("pg_catalog" | "information_schema" | "mysql" | "sys"))
}

fn fires(
    table: &Table,
    event: TriggerEvent,
    columns: Option<&[String]>,
    catalogue: &Catalogue,
    notes: &mut Notes,
) {
    for trigger in table.triggers.iter().filter(|trigger| trigger.events.contains(&event)) {
        let concerned = trigger.columns.is_empty()
            || columns.is_none_or(|columns| {
                columns
                    .iter()
                    .any(|column| trigger.columns.iter().any(|of| catalogue.folding.same(of, column)))
            });
        if !concerned {
            continue;
        }
        let on = quoted(&catalogue.shown(&table.name));
        let name = quoted(&trigger.name);
        match &trigger.function {
            Some(function) => {
                notes.add(format!("fires the trigger {name} of {on}, which calls {}", quoted(function)))
            }
            None => notes.add(format!("fires the trigger {name} of {on}")),
        }
    }
}

fn cascades_of_delete(table: &Table, catalogue: &Catalogue, notes: &mut Notes) {
    let mut seen = BTreeSet::from([table.name.clone()]);
    let mut open = vec![table.name.clone()];
    while let Some(parent) = open.pop() {
        for key in catalogue.foreign_keys.iter().filter(|key| key.references == parent) {
            let from = quoted(&catalogue.shown(&parent));
            let child = sized_named(&key.table, catalogue);
            match key.on_delete {
                Action::Refuse => {}
                Action::Cascade => {
                    notes.add(format!("a DELETE from {from} cascades to {child}"));
                    if seen.len() < MAX_CASCADES && seen.insert(key.table.clone()) {
                        open.push(key.table.clone());
                        child_fires(&key.table, TriggerEvent::Delete, catalogue, notes);
                    }
                }
                Action::SetNull => {
                    notes.add(format!("a DELETE from {from} sets columns to NULL in {child}"));
                    child_fires(&key.table, TriggerEvent::Update, catalogue, notes);
                }
                Action::SetDefault => {
                    notes.add(format!("a DELETE from {from} sets columns to their default in {child}"));
                    child_fires(&key.table, TriggerEvent::Update, catalogue, notes);
                }
            }
        }
    }
}

fn cascades_of_update(table: &Table, columns: Option<&[String]>, catalogue: &Catalogue, notes: &mut Notes) {
    let mut seen = BTreeSet::from([table.name.clone()]);
    let mut open = vec![(table.name.clone(), columns.map(<[String]>::to_vec))];
    while let Some((parent, columns)) = open.pop() {
        for key in catalogue.foreign_keys.iter().filter(|key| key.references == parent) {
            let touched = match &columns {
                None => true,
                Some(columns) => columns
                    .iter()
                    .any(|column| key.referenced_columns.iter().any(|of| catalogue.folding.same(of, column))),
            };
            if !touched {
                continue;
            }
            let what = match key.on_update {
                Action::Refuse => continue,
                Action::Cascade => "cascades to",
                Action::SetNull => "sets columns to NULL in",
                Action::SetDefault => "sets columns to their default in",
            };
            let from = quoted(&catalogue.shown(&parent));
            notes
                .add(format!("an UPDATE of the key of {from} {what} {}", sized_named(&key.table, catalogue)));
            child_fires(&key.table, TriggerEvent::Update, catalogue, notes);
            if seen.len() < MAX_CASCADES && seen.insert(key.table.clone()) {
                open.push((key.table.clone(), None));
            }
        }
    }
}

fn cascades_of_truncate(table: &Table, catalogue: &Catalogue, notes: &mut Notes) {
    let mut seen = BTreeSet::from([table.name.clone()]);
    let mut open = vec![table.name.clone()];
    while let Some(parent) = open.pop() {
        for key in catalogue.foreign_keys.iter().filter(|key| key.references == parent) {
            if seen.len() < MAX_CASCADES && seen.insert(key.table.clone()) {
                notes.add(format!("TRUNCATE … CASCADE also empties {}", sized_named(&key.table, catalogue)));
                child_fires(&key.table, TriggerEvent::Truncate, catalogue, notes);
                open.push(key.table.clone());
            }
        }
    }
}

fn child_fires(name: &Name, event: TriggerEvent, catalogue: &Catalogue, notes: &mut Notes) {
    if catalogue.silent_cascades {
        return;
    }
    if let Some(table) = catalogue.tables.iter().find(|table| table.name == *name) {
        fires(table, event, None, catalogue, notes);
    }
}

fn defines(definition: &Definition, table: &Table, catalogue: &Catalogue, notes: &mut Notes) {
    let (form, lock) = (definition.form, definition.lock.name());
    match &definition.work {
        Work::Nothing => {}
        Work::Scan => notes.add(format!("{form} reads {} under {lock}", measured(table, catalogue))),
        Work::Rewrite => notes.add(format!("{form} rewrites {} under {lock}", measured(table, catalogue))),
        Work::Retype { column, to, using } => {
            let from = table.columns.iter().find(|known| catalogue.folding.same(&known.name, column));
            match from {
                Some(from) if !using && widens(&from.type_name, to) => notes.add(format!(
                    "{} is {}: the change to {} rewrites nothing",
                    quoted(column),
                    from.type_name,
                    to.to_lowercase()
                )),
                _ => notes.add(format!("{form} rewrites {} under {lock}", measured(table, catalogue))),
            }
        }
    }
}

/// Whether PostgreSQL changes a type without touching the rows: a longer or unlimited `varchar`, `text`, a `numeric` of
/// the same scale and more digits.
fn widens(from: &str, to: &str) -> bool {
    let (from, to) = (Type::parse(from), Type::parse(to));
    match (from.name.as_str(), to.name.as_str()) {
        ("varchar", "text") | ("text", "varchar") if to.numbers.is_empty() => true,
        ("varchar", "varchar") => match (from.numbers.as_slice(), to.numbers.as_slice()) {
            (_, []) => true,
            ([before], [after]) => after >= before,
            _ => false,
        },
        ("numeric", "numeric") => match (from.numbers.as_slice(), to.numbers.as_slice()) {
            (_, []) => true,
            ([before, scale], [after, scale_after]) => after >= before && scale == scale_after,
            _ => false,
        },
        _ => false,
    }
}

struct Type {
    name: String,
    numbers: Vec<u32>,
}

impl Type {
    fn parse(text: &str) -> Self {
        let text = text.to_lowercase();
        let (name, numbers) = match text.split_once('(') {
            Some((name, rest)) => (name.trim(), rest.trim_end_matches([')', ' '])),
            None => (text.trim(), ""),
        };
        let name = match name {
            "character varying" | "char varying" => "varchar",
            "decimal" | "dec" => "numeric",
            other => other,
        };
        let numbers = numbers.split(',').filter_map(|number| number.trim().parse().ok()).collect();
        Self { name: name.to_owned(), numbers }
    }
}

/// `items`, about 50,000 rows.
fn sized_named(name: &Name, catalogue: &Catalogue) -> String {
    match catalogue.tables.iter().find(|table| table.name == *name) {
        Some(table) => sized(table, catalogue),
        None => quoted(&catalogue.shown(name)),
    }
}

fn sized(table: &Table, catalogue: &Catalogue) -> String {
    let name = quoted(&catalogue.shown(&table.name));
    match table.rows {
        Some(rows) => format!("{name}, about {}", counted(rows)),
        None => name,
    }
}

/// `12 GB of t, about 3,000,000 rows,`.
fn measured(table: &Table, catalogue: &Catalogue) -> String {
    let name = quoted(&catalogue.shown(&table.name));
    match (table.bytes, table.rows) {
        (Some(bytes), Some(rows)) => format!("{} of {name} (about {})", bytes_in_words(bytes), counted(rows)),
        (Some(bytes), None) => format!("{} of {name}", bytes_in_words(bytes)),
        (None, Some(rows)) => format!("{name} (about {})", counted(rows)),
        (None, None) => format!("{name} (its size is not known)"),
    }
}

fn counted(rows: u64) -> String {
    let noun = if rows == 1 { "row" } else { "rows" };
    let digits = rows.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} {noun}")
}

fn bytes_in_words(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)];
    for (unit, size) in UNITS {
        if bytes >= size {
            let tenths = bytes.saturating_mul(10) / size;
            return if tenths >= 100 || tenths.is_multiple_of(10) {
                format!("{} {unit}", tenths / 10)
            } else {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            };
        }
    }
    format!("{bytes} bytes")
}

/// Whether a statement changes rows of a table that keeps changes although they are rolled back: no bound on rows holds.
#[must_use]
pub(crate) fn keeps_changes(statement: &Statement, catalogue: &Catalogue) -> Option<String> {
    let changes = statement.changes.iter().filter(|change| !matches!(change.kind, ChangeKind::Define(_)));
    let found = changes.filter_map(|change| catalogue.table(change.schema.as_deref(), &change.table));
    let engine =
        |table: &Table| table.engine.clone().unwrap_or_else(|| "an engine without transactions".to_owned());
    found.into_iter().find(|table| table.ignores_rollback).map(|table| {
        format!(
            "{} is stored in {}: changes of more rows could not be rolled back",
            quoted(&catalogue.shown(&table.name)),
            engine(table)
        )
    })
}

impl Analysis {
    /// Why a bound on rows does not hold because of how tables are stored.
    #[must_use]
    pub fn keeps_changes(&self, catalogue: &Catalogue) -> Option<String> {
        self.statements.iter().find_map(|statement| keeps_changes(statement, catalogue))
    }
}
