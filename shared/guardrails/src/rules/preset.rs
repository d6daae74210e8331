//! Rules that are known by name.

use super::{Deny, Rule};

/// The names.
pub const PRESETS: [&str; 4] = ["no-drop", "no-unbounded-write", "no-privilege-change", "read-only"];

/// What destroys objects, or the values of whole columns and tables.
const DESTROYS: [&str; 5] = ["DROP", "TRUNCATE", "ALTER COLUMN TYPE", "MODIFY COLUMN", "CHANGE COLUMN"];

/// The rule of a name.
#[must_use]
pub(crate) fn rule(name: &str) -> Option<Rule> {
    let (message, deny) = match name {
        "no-drop" => (
            "dropping tables, columns and other objects, or their rows, is not allowed on this connection",
            Deny { statement: words(&DESTROYS), ..Deny::default() },
        ),
        "no-unbounded-write" => (
            "changing every row of a table is not allowed on this connection; add a WHERE that picks rows",
            Deny { missing_where: true, ..Deny::default() },
        ),
        "no-privilege-change" => (
            "changing roles, owners, policies and privileges is not allowed on this connection",
            Deny { statement: words(&["PRIVILEGE"]), ..Deny::default() },
        ),
        "read-only" => (
            "only commands that provably read are allowed on this connection",
            Deny { not_a_read: true, ..Deny::default() },
        ),
        _ => return None,
    };
    Some(Rule { name: name.to_owned(), message: message.to_owned(), deny, is_preset: true, only: None })
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

/// What a preset says to the requester; `None` if there is no preset of that name.
#[must_use]
pub fn preset(name: &str) -> Option<String> {
    rule(name).map(|rule| rule.message)
}
