//! The JSON view.

use super::Page;
use super::page::{Cut, Fate, NoticeView, Set};
use crate::Column;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use utoipa::ToSchema;

/// What one statement gave, as far as it is on this page.
#[derive(Serialize, ToSchema)]
#[schema(as = StatementOutput)]
pub struct SetView<'a> {
    /// The columns; null for a statement without rows.
    #[schema(required = true)]
    columns: Option<Vec<ColumnView<'a>>>,
    /// The rows, by the columns' keys; null for a statement without rows. A value is exactly the text
    /// that the database gave, null for NULL.
    #[schema(required = true)]
    rows: Option<Vec<BTreeMap<String, Option<&'a str>>>>,
    /// What was done, such as `DELETE 1`; null if that is on a later page, the statement failed, or it was undone.
    #[schema(required = true)]
    tag: Option<&'a str>,
    /// Rows returned or affected.
    #[schema(required = true)]
    row_count: Option<u64>,
    /// What became of the statement; null if its end is on a later page, or it failed.
    #[schema(required = true)]
    status: Option<StatementFate>,
    /// Notices and warnings of the database.
    notices: Vec<NoticeView<'a>>,
    /// Set if rows were cut at the caps.
    #[schema(required = true)]
    truncated: Option<Cut>,
    /// Whether it begins on an earlier page.
    continued: bool,
    /// Whether its end is on this page, and it took effect.
    complete: bool,
}

/// What became of a statement that ran to its end.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatementFate {
    /// Its effects are permanent.
    Committed,
    /// Its effects were undone.
    RolledBack,
    /// It is not known, or they stay in part.
    Unknown,
}

/// A column of a result.
#[derive(Serialize, ToSchema)]
#[schema(as = OutputColumn)]
struct ColumnView<'a> {
    /// Its name; names may repeat.
    name: &'a str,
    /// The database's name of its type.
    #[serde(rename = "type")]
    type_name: &'a str,
    /// Its key in the rows: the name, with `_2`, `_3`, … where names repeat.
    key: String,
}

/// An array with one object a statement:
///
/// ```json
/// [{"columns": [{"name": "id", "type": "int4", "key": "id"}],
///   "rows": [{"id": "7"}], "tag": "SELECT 1", "row_count": 1, "status": "committed", "notices": [],
///   "truncated": null, "continued": false, "complete": true}]
/// ```
///
/// Every value is a string, exactly the text that the database gave, or `null` for NULL; no number
/// loses digits on its way. Rows are objects by `key`, which is the column's name, with `_2`, `_3`, …
/// where names repeat. `columns` and `rows` are `null` for a statement without rows. `truncated` is
/// `null` or `{"kept_rows", "missing_rows"}`, the latter `null` where only "more" is known. A result
/// that spans pages has `continued` on the later ones and `complete: false` on the earlier ones. The
/// answer is one valid document for each page, and ends with a line end.
#[must_use]
pub fn json(page: &Page) -> String {
    let sets = page.sets();
    let sets: Vec<SetView<'_>> = sets.iter().map(|one| set(one, page.fate)).collect();
    // Texts and numbers alone: writing them cannot fail.
    serde_json::to_string(&sets).unwrap_or_default() + "\n"
}

fn set<'a>(set: &'a Set<'a>, fate: Fate) -> SetView<'a> {
    let kept = set.done.filter(|_| fate == Fate::Stays);
    let status = set.done.map(|_| match fate {
        Fate::Stays => StatementFate::Committed,
        Fate::RolledBack => StatementFate::RolledBack,
        Fate::Unknown => StatementFate::Unknown,
    });
    let keys = set.columns.map(keys);
    let rows = keys.as_ref().map(|keys| {
        let cells =
            |row: &&'a [Option<String>]| keys.iter().cloned().zip(row.iter().map(Option::as_deref)).collect();
        set.rows.iter().map(cells).collect()
    });
    let columns = set.columns.zip(keys).map(|(columns, keys)| {
        let described = columns.iter().zip(keys);
        described
            .map(|(column, key)| ColumnView { name: &column.name, type_name: &column.type_name, key })
            .collect()
    });
    SetView {
        columns,
        rows,
        tag: kept.map(|(tag, _)| tag),
        row_count: kept.and_then(|(_, rows)| rows),
        status,
        notices: set.notices.clone(),
        truncated: set.cut,
        continued: set.continued,
        complete: kept.is_some(),
    }
}

/// A key for each column, all different.
fn keys(columns: &[Column]) -> Vec<String> {
    // Real names come first: a generated `a_2` gives way to a column that is called `a_2`.
    let real: HashSet<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut used: HashSet<String> = HashSet::new();
    columns
        .iter()
        .map(|column| {
            let mut key = column.name.clone();
            let mut number = 2_u32;
            while used.contains(&key) || (number > 2 && real.contains(key.as_str())) {
                key = format!("{}_{number}", column.name);
                number += 1;
            }
            used.insert(key.clone());
            key
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_get_keys_of_their_own() {
        let columns: Vec<Column> = ["a", "a", "a_2", "a"]
            .into_iter()
            .map(|name| Column { name: name.into(), type_name: String::new(), source: None })
            .collect();
        assert_eq!(keys(&columns), ["a", "a_3", "a_2", "a_4"]);
    }
}
