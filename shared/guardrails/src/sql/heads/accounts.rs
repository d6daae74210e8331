//! Accounts and privileges of MySQL.

use super::cursor::{Cursor, are_options};
use crate::analysis::{Kind, Statement, TableName, Use};
use crate::text::TokenKind;

/// Words of privileges. Those of MySQL that end in `_ADMIN` are not listed.
const PRIVILEGES: [&str; 50] = [
    "ADMIN",
    "ALL",
    "ALTER",
    "BINLOG",
    "BODY",
    "CLIENT",
    "CONNECTION",
    "CREATE",
    "DATABASES",
    "DELETE",
    "DROP",
    "EVENT",
    "EXECUTE",
    "FEDERATED",
    "FILE",
    "GRANT",
    "HISTORY",
    "INDEX",
    "INSERT",
    "LOCK",
    "MASTER",
    "MONITOR",
    "OPTION",
    "PRIVILEGES",
    "PROCESS",
    "PROXY",
    "READ",
    "READ_ONLY",
    "REFERENCES",
    "RELOAD",
    "REPLAY",
    "REPLICA",
    "REPLICATION",
    "ROLE",
    "ROUTINE",
    "ROWS",
    "SELECT",
    "SET",
    "SHOW",
    "SHUTDOWN",
    "SLAVE",
    "SUPER",
    "TABLES",
    "TABLESPACE",
    "TEMPORARY",
    "TRIGGER",
    "UPDATE",
    "USAGE",
    "USER",
    "VIEW",
];

/// GRANT and REVOKE.
pub(super) fn grant(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let verb = at.any(&["GRANT", "REVOKE"])?;
    let towards = if verb == "GRANT" { "TO" } else { "FROM" };
    let mut found = Statement::new(Kind::Privilege, verb);
    let is_role = !privileges(&mut at)?;
    if at.take("ON") {
        if is_role {
            return None;
        }
        object(&mut at, &mut found)?;
    }
    at.word(towards)?;
    at.account()?;
    while at.take_sign(',') {
        at.account()?;
    }
    // IDENTIFIED BY, REQUIRE, WITH
    let options = ["IDENTIFIED", "REQUIRE", "WITH", "AS", "IGNORE"];
    (at.peek().is_none_or(|next| next.is_any(&options)) && are_options(at.rest())).then_some(found)
}

/// Privileges with their columns, or roles; true for privileges.
fn privileges(at: &mut Cursor<'_, '_>) -> Option<bool> {
    let is_word = |at: &Cursor<'_, '_>| {
        at.peek().is_some_and(|token| {
            token.is_any(&PRIVILEGES)
                || (token.kind == TokenKind::Word && token.text.to_ascii_uppercase().ends_with("_ADMIN"))
        })
    };
    let mut privileges = 0_usize;
    let mut items = 0_usize;
    loop {
        items += 1;
        if is_word(at) {
            privileges += 1;
            while is_word(at) {
                at.next()?;
            }
            if at.peek().is_some_and(|next| next.is_sign('(')) {
                at.brackets()?;
            }
        } else {
            at.account()?;
        }
        if !at.take_sign(',') {
            break;
        }
    }
    // `ALL PRIVILEGES, GRANT OPTION` needs no object.
    (privileges == 0 || privileges == items).then_some(privileges > 0)
}

/// What a privilege is on.
fn object(at: &mut Cursor<'_, '_>, found: &mut Statement) -> Option<()> {
    if at.take_any(&["FUNCTION", "PROCEDURE"]) {
        return at.table().map(|_| ());
    }
    if at.take("PACKAGE") {
        at.take("BODY");
        return at.table().map(|_| ());
    }
    at.take("TABLE");
    let mut probe = *at;
    if let Some(table) = probe.table() {
        if probe.take_sign('@') {
            // PROXY ON an account.
            return at.account();
        }
        *at = probe;
        found.tables.push(TableName { usage: Use::Written, ..table });
        return Some(());
    }
    // `*`, `*.*`, `db.*`
    let mut probe = *at;
    let all = if probe.take_sign('*') {
        !probe.take_sign('.') || probe.take_sign('*')
    } else {
        probe.identifier().is_some() && probe.take_sign('.') && probe.take_sign('*')
    };
    if all {
        *at = probe;
        found.hides("it is about all tables of a database");
        return Some(());
    }
    at.account()
}

/// Users and roles.
pub(super) fn account(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let verb = at.any(&["CREATE", "ALTER", "DROP", "RENAME"])?;
    let replaces = verb == "CREATE" && at.take("OR");
    if replaces {
        at.word("REPLACE")?;
    }
    let object = at.any(&["USER", "ROLE"])?;
    if object == "ROLE" && matches!(verb, "ALTER" | "RENAME") {
        return None;
    }
    at.if_exists()?;
    let mut found = Statement::new(Kind::Privilege, format!("{verb} {object}"));
    if replaces {
        found.act(Kind::Privilege, format!("DROP {object}"));
    }
    at.account()?;
    while verb == "DROP" && at.take_sign(',') {
        at.account()?;
    }
    if verb == "DROP" {
        at.end()?;
    }
    if verb == "RENAME" {
        at.word("TO")?;
    }
    are_options(at.rest()).then_some(found)
}
