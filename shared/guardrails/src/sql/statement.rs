//! Which sort of thing a statement is.

use crate::analysis::Kind;
use sqlparser::ast::{ObjectType, Set, Statement};

/// Kind and verb.
pub(super) fn classify(statement: &Statement) -> (Kind, String) {
    let (kind, verb) = match statement {
        Statement::Query(_) => (Kind::Read, "SELECT"),
        Statement::ShowColumns { .. } => (Kind::Read, "SHOW COLUMNS"),
        Statement::ShowCreate { .. } => (Kind::Read, "SHOW CREATE"),
        Statement::ShowDatabases { .. } => (Kind::Read, "SHOW DATABASES"),
        Statement::ShowSchemas { .. } => (Kind::Read, "SHOW SCHEMAS"),
        Statement::ShowTables { .. } => (Kind::Read, "SHOW TABLES"),
        Statement::ShowVariables { .. } => (Kind::Read, "SHOW VARIABLES"),
        Statement::ShowCharset(_) => (Kind::Read, "SHOW CHARSET"),
        Statement::ShowCollation { .. } => (Kind::Read, "SHOW COLLATION"),
        Statement::ExplainTable { .. } => (Kind::Read, "DESCRIBE"),
        Statement::Explain { analyze: false, .. } => (Kind::Read, "EXPLAIN"),
        Statement::Explain { .. } => (Kind::Read, "EXPLAIN ANALYZE"),
        Statement::Pragma { value: None, .. } => (Kind::Read, "PRAGMA"),
        Statement::Pragma { .. } => (Kind::Session, "PRAGMA"),
        Statement::Insert(insert) if insert.replace_into => (Kind::Write, "REPLACE"),
        Statement::Insert(_) => (Kind::Write, "INSERT"),
        Statement::Update(_) => (Kind::Write, "UPDATE"),
        Statement::Delete(_) => (Kind::Write, "DELETE"),
        Statement::Merge(_) => (Kind::Write, "MERGE"),
        Statement::Truncate(_) => (Kind::Write, "TRUNCATE"),
        Statement::LoadData { .. } => (Kind::Copy, "LOAD DATA"),
        Statement::Copy { .. } => (Kind::Copy, "COPY"),
        Statement::StartTransaction { .. } => (Kind::Transaction, "BEGIN"),
        Statement::Commit { .. } => (Kind::Transaction, "COMMIT"),
        Statement::Rollback { .. } => (Kind::Transaction, "ROLLBACK"),
        Statement::Savepoint { .. } => (Kind::Transaction, "SAVEPOINT"),
        Statement::ReleaseSavepoint { .. } => (Kind::Transaction, "RELEASE SAVEPOINT"),
        Statement::Set(Set::SetTransaction { .. }) => (Kind::Transaction, "SET TRANSACTION"),
        Statement::Set(Set::SetRole { .. } | Set::SetSessionAuthorization(_)) => {
            (Kind::Privilege, "SET ROLE")
        }
        Statement::Set(_) => (Kind::Session, "SET"),
        Statement::Use(_) => (Kind::Session, "USE"),
        Statement::Prepare { .. } => (Kind::Session, "PREPARE"),
        Statement::Deallocate { .. } => (Kind::Session, "DEALLOCATE"),
        Statement::Declare { .. } => (Kind::Session, "DECLARE"),
        Statement::Fetch { .. } => (Kind::Session, "FETCH"),
        Statement::Call(_) => (Kind::Procedural, "CALL"),
        Statement::Execute { .. } => (Kind::Procedural, "EXECUTE"),
        Statement::Load { .. } => (Kind::Procedural, "LOAD"),
        Statement::Install { .. } => (Kind::Procedural, "INSTALL"),
        Statement::Grant(_) | Statement::GrantRole(_) => (Kind::Privilege, "GRANT"),
        Statement::Revoke(_) | Statement::RevokeRole(_) => (Kind::Privilege, "REVOKE"),
        Statement::CreateUser(_) => (Kind::Privilege, "CREATE USER"),
        Statement::AlterUser(_) => (Kind::Privilege, "ALTER USER"),
        Statement::CreateRole(_) => (Kind::Privilege, "CREATE ROLE"),
        Statement::AlterRole { .. } => (Kind::Privilege, "ALTER ROLE"),
        Statement::Drop { object_type: ObjectType::User, .. } => (Kind::Privilege, "DROP USER"),
        Statement::Drop { object_type: ObjectType::Role, .. } => (Kind::Privilege, "DROP ROLE"),
        Statement::Drop { object_type, .. } => return (Kind::Definition, format!("DROP {object_type}")),
        Statement::DropFunction(_) => (Kind::Definition, "DROP FUNCTION"),
        Statement::DropProcedure { .. } => (Kind::Definition, "DROP PROCEDURE"),
        Statement::DropTrigger(_) => (Kind::Definition, "DROP TRIGGER"),
        Statement::CreateTable(_) => (Kind::Definition, "CREATE TABLE"),
        Statement::CreateView(_) => (Kind::Definition, "CREATE VIEW"),
        Statement::CreateIndex(_) => (Kind::Definition, "CREATE INDEX"),
        Statement::CreateVirtualTable { .. } => (Kind::Definition, "CREATE VIRTUAL TABLE"),
        Statement::CreateFunction(_) => (Kind::Definition, "CREATE FUNCTION"),
        Statement::CreateProcedure { .. } => (Kind::Definition, "CREATE PROCEDURE"),
        Statement::CreateTrigger(_) => (Kind::Definition, "CREATE TRIGGER"),
        Statement::CreateDatabase { .. } | Statement::CreateSchema { .. } => {
            (Kind::Definition, "CREATE DATABASE")
        }
        Statement::AlterTable(_) => (Kind::Definition, "ALTER TABLE"),
        Statement::AlterView(_) => (Kind::Definition, "ALTER VIEW"),
        Statement::RenameTable(_) => (Kind::Definition, "RENAME TABLE"),
        Statement::Analyze(_) => (Kind::Maintenance, "ANALYZE"),
        Statement::Vacuum(_) => (Kind::Maintenance, "VACUUM"),
        Statement::OptimizeTable { .. } => (Kind::Maintenance, "OPTIMIZE TABLE"),
        Statement::Flush { .. } => (Kind::Maintenance, "FLUSH"),
        Statement::LockTables { .. } | Statement::Lock(_) => (Kind::Maintenance, "LOCK TABLES"),
        Statement::UnlockTables => (Kind::Maintenance, "UNLOCK TABLES"),
        Statement::Kill { .. } => (Kind::Maintenance, "KILL"),
        Statement::AttachDatabase { .. } => (Kind::Maintenance, "ATTACH"),
        other => return (Kind::Other, first_words(&other.to_string())),
    };
    (kind, verb.to_owned())
}

/// The first two words, in capitals.
pub(super) fn first_words(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.take(2).collect::<Vec<_>>().join(" ").to_uppercase()
}
