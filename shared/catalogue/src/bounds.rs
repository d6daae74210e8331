//! Limits on the size of a snapshot. What is cut is named in `left_out`.

use std::cmp::Reverse;

use crate::Catalogue;

/// At most so many tables and views.
pub const MAX_TABLES: usize = 5_000;
/// At most so many columns of a table.
pub const MAX_COLUMNS: usize = 200;
/// At most so many functions, operators, types or foreign keys.
pub const MAX_ENTRIES: usize = 10_000;
/// At most so many bytes of a view's definition or a condition.
pub const MAX_TEXT_BYTES: usize = 20_000;

impl Catalogue {
    /// The same in a fixed order, cut to the limits. Of tables the largest ones stay.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.keep_largest(MAX_TABLES);
        let mut wide = 0_usize;
        let mut long = 0_usize;
        for table in &mut self.tables {
            wide += usize::from(table.columns.len() > MAX_COLUMNS);
            table.columns.truncate(MAX_COLUMNS);
            table.triggers.sort_by(|one, other| one.name.cmp(&other.name));
            // A cut query would be another query.
            if table.definition.as_ref().is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
                table.definition = None;
                long += 1;
            }
        }
        if wide > 0 {
            self.left_out.push(format!("columns of {wide} tables with more than {MAX_COLUMNS}"));
        }
        if long > 0 {
            self.left_out.push(format!("the definitions of {long} views"));
        }
        self.functions.sort_by(|one, other| one.name.cmp(&other.name));
        self.operators.sort_by(|one, other| one.name.cmp(&other.name));
        self.types.sort_by(|one, other| one.name.cmp(&other.name));
        self.foreign_keys
            .sort_by(|one, other| (&one.table, &one.references).cmp(&(&other.table, &other.references)));
        cut(&mut self.functions, "functions", &mut self.left_out);
        cut(&mut self.operators, "operators", &mut self.left_out);
        cut(&mut self.types, "types", &mut self.left_out);
        cut(&mut self.foreign_keys, "foreign keys", &mut self.left_out);
        self
    }

    /// A smaller one, for a storage that could not take it. `None` if nothing is left to drop.
    #[must_use]
    pub fn smaller(mut self) -> Option<Self> {
        if self.tables.iter().any(|table| !table.columns.is_empty()) {
            self.tables.iter_mut().for_each(|table| table.columns.clear());
            self.left_out.push("all columns".to_owned());
        } else if self.tables.iter().any(|table| table.definition.is_some()) {
            self.tables.iter_mut().for_each(|table| table.definition = None);
            self.left_out.push("all definitions of views".to_owned());
        } else if self.tables.len() > 1 {
            let half = self.tables.len() / 2;
            self.keep_largest(half);
        } else {
            return None;
        }
        Some(self)
    }

    fn keep_largest(&mut self, most: usize) {
        let before = self.tables.len();
        if before > most {
            // Views have no size, and what they call matters for each read of them.
            self.tables.sort_by_key(|table| {
                (Reverse(table.definition.is_some()), Reverse(table.bytes), table.name.clone())
            });
            self.tables.truncate(most);
            self.left_out.push(format!("{} of {before} tables", before - most));
        }
        self.tables.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Whether no table is missing.
    #[must_use]
    pub fn has_all_tables(&self) -> bool {
        !self.left_out.iter().any(|part| part.ends_with(" tables"))
    }
}

fn cut<T>(entries: &mut Vec<T>, what: &str, left_out: &mut Vec<String>) {
    let before = entries.len();
    if before > MAX_ENTRIES {
        entries.truncate(MAX_ENTRIES);
        left_out.push(format!("{} of {before} {what}", before - MAX_ENTRIES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Name, Table};

    fn enormous() -> Catalogue {
        let tables = (0..6_000_u64).rev().map(|number| Table {
            name: Name::new("public", format!("t{number:05}")),
            bytes: Some(number),
            columns: vec![Column { name: "id".to_owned(), type_name: "integer".to_owned() }; 300],
            ..Table::default()
        });
        Catalogue { tables: tables.collect(), ..Catalogue::default() }
    }

    #[test]
    fn an_enormous_catalogue_keeps_the_largest_tables_and_says_what_is_missing() {
        let bounded = enormous().bounded();
        assert_eq!(bounded.tables.len(), MAX_TABLES);
        assert_eq!(
            bounded.tables[0].name.name, "t01000",
            "the smallest 1,000 are missing, in order of names"
        );
        assert_eq!(bounded.left_out, ["1000 of 6000 tables", "columns of 5000 tables with more than 200"]);
        assert!(!bounded.has_all_tables());
        let mut other = enormous();
        other.tables.reverse();
        assert_eq!(other.bounded(), bounded, "the order of reading changes nothing");
    }

    #[test]
    fn it_becomes_smaller_until_one_table_is_left() {
        let mut catalogue = enormous().bounded();
        let mut rounds = 0;
        while let Some(smaller) = catalogue.clone().smaller() {
            assert!(
                serde_json::to_vec(&smaller).unwrap().len() < serde_json::to_vec(&catalogue).unwrap().len()
            );
            catalogue = smaller;
            rounds += 1;
        }
        assert_eq!(catalogue.tables.len(), 1);
        assert!(rounds < 20, "{rounds}");
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let bounded = enormous().bounded();
        let text = serde_json::to_string(&bounded).unwrap();
        assert_eq!(serde_json::from_str::<Catalogue>(&text).unwrap(), bounded);
    }
}
