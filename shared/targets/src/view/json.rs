//! The JSON view.

use super::Page;
use super::page::Set;
use crate::Column;
use serde_json::{Value, json};
use std::collections::HashSet;

/// An array with one object a statement:
///
/// ```json
/// [{"columns": [{"name": "id", "type": "int4", "key": "id"}],
///   "rows": [{"id": "7"}], "tag": "SELECT 1", "row_count": 1,
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
    let sets: Vec<Value> = page.sets().iter().map(set).collect();
    format!("{}\n", Value::Array(sets))
}

fn set(set: &Set<'_>) -> Value {
    let keys = set.columns.map(keys);
    let columns = set.columns.zip(keys.as_ref()).map(|(columns, keys)| {
        let described = columns.iter().zip(keys);
        described.map(|(c, key)| json!({"name": c.name, "type": c.type_name, "key": key})).collect::<Vec<_>>()
    });
    let rows = keys.as_ref().map(|keys| {
        let objects =
            set.rows.iter().map(|row| keys.iter().cloned().zip(row.iter().map(|cell| json!(cell))).collect());
        objects.map(Value::Object).collect::<Vec<_>>()
    });
    json!({
        "columns": columns,
        "rows": rows,
        "tag": set.done.map(|(tag, _)| tag),
        "row_count": set.done.and_then(|(_, rows)| rows),
        "truncated": set.cut.map(|cut| json!({"kept_rows": cut.kept_rows, "missing_rows": cut.missing_rows})),
        "continued": set.continued,
        "complete": set.done.is_some(),
    })
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
            .map(|name| Column { name: name.into(), type_name: String::new() })
            .collect();
        assert_eq!(keys(&columns), ["a", "a_3", "a_2", "a_4"]);
    }
}
