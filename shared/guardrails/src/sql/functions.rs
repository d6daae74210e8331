//! Functions of MySQL and SQLite that only compute or read.

use crate::Dialect;
use crate::analysis::Statement;
use crate::effects::Effects;
use crate::names::NameList;
use sqlparser::ast::ObjectName;
use std::sync::LazyLock;

static MYSQL: LazyLock<NameList> =
    LazyLock::new(|| NameList::new(include_str!("../../data/mysql-functions.txt")));
static SQLITE: LazyLock<NameList> =
    LazyLock::new(|| NameList::new(include_str!("../../data/sqlite-functions.txt")));
static EFFECTS: LazyLock<Effects> =
    LazyLock::new(|| Effects::new(include_str!("../../data/sql-effects.txt")));

/// Table-valued functions of SQLite that only read.
const SQLITE_TABLES: [&str; 14] = [
    "json_each",
    "json_tree",
    "jsonb_each",
    "jsonb_tree",
    "generate_series",
    "pragma_table_info",
    "pragma_table_xinfo",
    "pragma_table_list",
    "pragma_index_list",
    "pragma_index_info",
    "pragma_index_xinfo",
    "pragma_foreign_key_list",
    "pragma_function_list",
    "pragma_database_list",
];

/// Whether a word is the name of one of the server's own functions: some of them are reserved words.
pub(super) fn is_known(word: &str, dialect: Dialect) -> bool {
    let lower = word.to_lowercase();
    if dialect == Dialect::Sqlite { SQLITE.has(&lower) } else { MYSQL.has(&lower) }
}

/// Writes down a call.
pub(super) fn call(found: &mut Statement, name: &ObjectName, dialect: Dialect, as_table: bool) {
    let dotted = super::walk::dotted(name);
    // Function names are without regard to case in both.
    let lower = dotted.to_lowercase();
    let calm = match dialect {
        Dialect::Sqlite if as_table => SQLITE_TABLES.contains(&lower.as_str()),
        Dialect::Sqlite => SQLITE.has(&lower),
        _ => !as_table && MYSQL.has(&lower),
    };
    if !calm {
        EFFECTS.call(found, &lower);
    }
    found.functions.push(lower);
}
