//! Which sort of thing a statement of PostgreSQL is, told by the kind of its node.

use crate::analysis::Kind;
use squawk_syntax::SyntaxKind::{self, *};
use squawk_syntax::ast::{self, AstNode as _};

/// Kind and verb of a node that is a statement; `None` for all others.
pub(super) fn classify(node: SyntaxKind) -> Option<(Kind, String)> {
    if !ast::Stmt::can_cast(node) || node == EMPTY_STMT {
        return None;
    }
    let (kind, verb) = match node {
        SELECT | COMPOUND_SELECT | PAREN_SELECT => (Kind::Read, "SELECT"),
        VALUES => (Kind::Read, "VALUES"),
        TABLE => (Kind::Read, "TABLE"),
        SHOW => (Kind::Read, "SHOW"),
        EXPLAIN => (Kind::Read, "EXPLAIN"),
        SELECT_INTO => (Kind::Definition, "SELECT INTO"),
        INSERT => (Kind::Write, "INSERT"),
        UPDATE => (Kind::Write, "UPDATE"),
        DELETE => (Kind::Write, "DELETE"),
        MERGE => (Kind::Write, "MERGE"),
        TRUNCATE => (Kind::Write, "TRUNCATE"),
        COPY => (Kind::Copy, "COPY"),
        COMMIT_TRANSACTION => (Kind::Transaction, "COMMIT"),
        COMMIT_PREPARED => (Kind::Transaction, "COMMIT PREPARED"),
        ROLLBACK_TRANSACTION => (Kind::Transaction, "ROLLBACK"),
        ROLLBACK_PREPARED => (Kind::Transaction, "ROLLBACK PREPARED"),
        ROLLBACK_TO_SAVEPOINT => (Kind::Transaction, "ROLLBACK TO SAVEPOINT"),
        SAVEPOINT_CREATE => (Kind::Transaction, "SAVEPOINT"),
        BEGIN | RELEASE_SAVEPOINT | PREPARE_TRANSACTION | SET_TRANSACTION | SET_CONSTRAINTS => {
            return Some((Kind::Transaction, spelt(node)));
        }
        SET | RESET | DISCARD | LISTEN | UNLISTEN | NOTIFY | DECLARE | FETCH | MOVE | CLOSE | PREPARE
        | DEALLOCATE => return Some((Kind::Session, spelt(node))),
        SET_SESSION_AUTH => (Kind::Privilege, "SET SESSION AUTHORIZATION"),
        RESET_SESSION_AUTH => (Kind::Privilege, "RESET SESSION AUTHORIZATION"),
        REASSIGN => (Kind::Privilege, "REASSIGN OWNED"),
        SET_ROLE
        | RESET_ROLE
        | GRANT
        | REVOKE
        | ALTER_DEFAULT_PRIVILEGES
        | CREATE_ROLE
        | ALTER_ROLE
        | DROP_ROLE
        | CREATE_USER
        | ALTER_USER
        | DROP_USER
        | CREATE_GROUP
        | ALTER_GROUP
        | DROP_GROUP
        | CREATE_POLICY
        | ALTER_POLICY
        | DROP_POLICY
        | CREATE_USER_MAPPING
        | ALTER_USER_MAPPING
        | DROP_USER_MAPPING
        | DROP_OWNED
        | SECURITY_LABEL => return Some((Kind::Privilege, spelt(node))),
        REFRESH => (Kind::Maintenance, "REFRESH MATERIALIZED VIEW"),
        VACUUM | ANALYZE | CLUSTER | REINDEX | REPACK | CHECKPOINT | LOCK | ALTER_SYSTEM => {
            return Some((Kind::Maintenance, spelt(node)));
        }
        CALL | DO | EXECUTE | LOAD => return Some((Kind::Procedural, spelt(node))),
        _ => {
            let verb = spelt(node);
            let defines = ["CREATE ", "ALTER ", "DROP ", "COMMENT ", "IMPORT "];
            let kind = if defines.iter().any(|word| verb.starts_with(word)) {
                Kind::Definition
            } else {
                Kind::Other
            };
            return Some((kind, verb));
        }
    };
    Some((kind, verb.to_owned()))
}

/// All verbs of statements and of their parts.
pub(crate) fn verbs() -> Vec<String> {
    let nodes = (0..SyntaxKind::__LAST as u16).map(SyntaxKind::from);
    let verbs = nodes.flat_map(|node| {
        let part = part(node).map(|(_, verb)| verb.to_owned());
        classify(node).map(|(_, verb)| verb).into_iter().chain(part)
    });
    verbs.chain(OTHER_VERBS.map(str::to_owned)).collect()
}

/// What a statement does by a part that has no node of its own.
const OTHER_VERBS: [&str; 5] =
    ["EXPLAIN ANALYZE", "COPY PROGRAM", "COPY FILE", "WRITE CATALOG", "SET ROW SECURITY"];

/// The node's name as words.
pub(super) fn spelt(node: SyntaxKind) -> String {
    format!("{node:?}").replace('_', " ")
}

/// What else a statement does that rules speak of: parts that are no statements themselves.
pub(super) fn part(node: SyntaxKind) -> Option<(Kind, &'static str)> {
    Some(match node {
        DROP_COLUMN => (Kind::Definition, "DROP COLUMN"),
        DROP_ATTRIBUTE => (Kind::Definition, "DROP ATTRIBUTE"),
        DROP_CONSTRAINT => (Kind::Definition, "DROP CONSTRAINT"),
        DROP_DEFAULT => (Kind::Definition, "DROP DEFAULT"),
        DROP_EXPRESSION => (Kind::Definition, "DROP EXPRESSION"),
        DROP_IDENTITY => (Kind::Definition, "DROP IDENTITY"),
        DROP_NOT_NULL => (Kind::Definition, "DROP NOT NULL"),
        DROP_MAPPING => (Kind::Definition, "DROP MAPPING"),
        DROP_OP_CLASS_OPTIONS => (Kind::Definition, "DROP OPERATOR CLASS OPTIONS"),
        DROP_VERTEX_TABLES | DROP_EDGE_TABLES => (Kind::Definition, "DROP TABLES OF A GRAPH"),
        DROP_PUBLICATION_OBJECTS | DROP_SUBSCRIPTION_PUBLICATION => (Kind::Definition, "DROP PUBLICATION"),
        DROP_FOREIGN_OPTION => (Kind::Definition, "DROP OPTION"),
        ALTER_EXTENSION_DROP => (Kind::Definition, "DROP FROM EXTENSION"),
        DETACH_PARTITION => (Kind::Definition, "DETACH PARTITION"),
        // Values that the new type cannot hold are cut or lost.
        SET_TYPE => (Kind::Definition, "ALTER COLUMN TYPE"),
        DISABLE_TRIGGER | ENABLE_REPLICA_TRIGGER => (Kind::Privilege, "DISABLE TRIGGER"),
        DROP_USERS => (Kind::Privilege, "DROP USER FROM GROUP"),
        OWNER_TO => (Kind::Privilege, "OWNER TO"),
        SECURITY_DEFINER_FUNC_OPTION => (Kind::Privilege, "SECURITY DEFINER"),
        ENABLE_RLS | DISABLE_RLS | FORCE_RLS | NO_FORCE_RLS => (Kind::Privilege, "ROW LEVEL SECURITY"),
        AUTHORIZATION_SCHEMA => (Kind::Privilege, "AUTHORIZATION"),
        MERGE_DELETE => (Kind::Write, "DELETE"),
        MERGE_UPDATE | CONFLICT_DO_UPDATE_SET => (Kind::Write, "UPDATE"),
        MERGE_INSERT => (Kind::Write, "INSERT"),
        COPY_FROM => (Kind::Copy, "COPY FROM"),
        COPY_TO => (Kind::Copy, "COPY TO"),
        INTO_CLAUSE => (Kind::Definition, "SELECT INTO"),
        _ => return None,
    })
}
