//! The changes in a statement of PostgreSQL, read from its tree. Locks: the manual of PostgreSQL 18, "Explicit Locking"
//! and "ALTER TABLE".

use super::names::{dotted, path, segment};
use crate::change::{Change, ChangeKind, Definition, Lock, Work};
use squawk_syntax::SyntaxKind::{self, *};
use squawk_syntax::{SyntaxElement, SyntaxNode};

/// Functions whose value differs from row to row: a column with such a default is written to each row.
const PER_ROW_DEFAULTS: [&str; 6] =
    ["nextval", "random", "gen_random_uuid", "clock_timestamp", "uuid_generate_v4", "timeofday"];

/// The changes that a node makes, without those of the nodes in it. Statements inside of a statement have nodes of
/// their own.
pub(super) fn of(node: &SyntaxNode) -> Vec<Change> {
    match node.kind() {
        INSERT => single(node, RELATION_NAME_REF, ChangeKind::Insert),
        UPDATE => single(node, RELATION_NAME, ChangeKind::Update { columns: Some(columns_set(node)) }),
        DELETE => single(node, RELATION_NAME, ChangeKind::Delete),
        MERGE => merge(node),
        TRUNCATE => {
            let cascade = node.children().any(|child| child.kind() == CASCADE);
            each(node, &[RELATION_NAME_REF, TABLE_NAME_REF], &ChangeKind::Truncate { cascade })
        }
        DROP_TABLE => each(node, &[TABLE_NAME_REF], &ChangeKind::Drop),
        ALTER_TABLE => alter_table(node),
        CREATE_INDEX => {
            if has_token(node, CONCURRENTLY_KW) {
                return Vec::new();
            }
            let index = define("CREATE INDEX", Lock::Share, Work::Scan, Some("CREATE INDEX CONCURRENTLY"));
            single(node, TABLE_RELATION_NAME, index)
        }
        REINDEX if !has_word(node, CONCURRENTLY_KW) => {
            let index = define("REINDEX", Lock::Share, Work::Scan, Some("REINDEX … CONCURRENTLY"));
            each(node, &[TABLE_NAME_REF, RELATION_NAME_REF], &index)
        }
        CLUSTER => {
            let form = define("CLUSTER", Lock::AccessExclusive, Work::Rewrite, None);
            each(node, &[TABLE_NAME_REF, RELATION_NAME_REF], &form)
        }
        VACUUM if has_word(node, FULL_KW) => {
            let form = define("VACUUM FULL", Lock::AccessExclusive, Work::Rewrite, None);
            each(node, &[TABLE_NAME_REF, RELATION_NAME_REF], &form)
        }
        REFRESH if !has_token(node, CONCURRENTLY_KW) => {
            let form = define(
                "REFRESH MATERIALIZED VIEW",
                Lock::AccessExclusive,
                Work::Rewrite,
                Some("REFRESH MATERIALIZED VIEW CONCURRENTLY"),
            );
            each(node, &[VIEW_REF], &form)
        }
        CREATE_TRIGGER => {
            let form = define("CREATE TRIGGER", Lock::ShareRowExclusive, Work::Nothing, None);
            let on = node.children().find(|child| child.kind() == ON_RELATION);
            on.map(|on| each(&on, &[RELATION_NAME_REF, TABLE_NAME_REF, RELATION_NAME], &form))
                .unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn define(form: &'static str, lock: Lock, work: Work, instead: Option<&'static str>) -> ChangeKind {
    ChangeKind::Define(Definition { form, lock, work, instead })
}

fn alter_table(node: &SyntaxNode) -> Vec<Change> {
    let mut changes = Vec::new();
    for action in node.children().filter(|child| child.kind() != TABLE_RELATION_NAME) {
        let Some((form, lock, work, instead)) = action_of(&action) else { continue };
        changes.extend(single(node, TABLE_RELATION_NAME, define(form, lock, work.clone(), instead)));
        // A foreign key locks the table that it refers to as well.
        if action.kind() == ADD_CONSTRAINT || action.kind() == ADD_COLUMN {
            let keys = action
                .children()
                .filter(|part| matches!(part.kind(), FOREIGN_KEY_CONSTRAINT | REFERENCES_CONSTRAINT));
            for key in keys {
                let locked = define("ADD FOREIGN KEY", Lock::ShareRowExclusive, Work::Nothing, None);
                changes.extend(each(&key, &[TABLE_NAME_REF], &locked));
            }
        }
    }
    changes
}

type Form = (&'static str, Lock, Work, Option<&'static str>);

/// An action of ALTER TABLE; `None` for those that neither lock nor work long.
fn action_of(action: &SyntaxNode) -> Option<Form> {
    use Lock::{AccessExclusive, ShareRowExclusive};
    Some(match action.kind() {
        ADD_COLUMN => add_column(action),
        ALTER_COLUMN => alter_column(action)?,
        ADD_CONSTRAINT => add_constraint(action)?,
        SET_LOGGED => ("SET LOGGED", AccessExclusive, Work::Rewrite, None),
        SET_UNLOGGED => ("SET UNLOGGED", AccessExclusive, Work::Rewrite, None),
        SET_TABLESPACE => ("SET TABLESPACE", AccessExclusive, Work::Rewrite, None),
        SET_ACCESS_METHOD => ("SET ACCESS METHOD", AccessExclusive, Work::Rewrite, None),
        ENABLE_TRIGGER => ("ENABLE TRIGGER", ShareRowExclusive, Work::Nothing, None),
        DISABLE_TRIGGER => ("DISABLE TRIGGER", ShareRowExclusive, Work::Nothing, None),
        DROP_COLUMN => ("DROP COLUMN", AccessExclusive, Work::Nothing, None),
        DROP_CONSTRAINT => ("DROP CONSTRAINT", AccessExclusive, Work::Nothing, None),
        RENAME_COLUMN => ("RENAME COLUMN", AccessExclusive, Work::Nothing, None),
        TABLE_RENAME_TO => ("RENAME", AccessExclusive, Work::Nothing, None),
        SET_SCHEMA => ("SET SCHEMA", AccessExclusive, Work::Nothing, None),
        ATTACH_PARTITION => {
            ("ATTACH PARTITION", AccessExclusive, Work::Nothing, Some("a matching CHECK constraint"))
        }
        DETACH_PARTITION if !has_token(action, CONCURRENTLY_KW) => {
            ("DETACH PARTITION", AccessExclusive, Work::Nothing, Some("DETACH PARTITION … CONCURRENTLY"))
        }
        _ => return None,
    })
}

fn add_column(action: &SyntaxNode) -> Form {
    let type_name = action.children().find(is_type).map(|node| node.text().to_string());
    let serial = type_name.is_some_and(|name| {
        matches!(
            name.to_ascii_lowercase().as_str(),
            "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"
        )
    });
    let constraint = |kind: SyntaxKind| action.children().find(|child| child.kind() == kind);
    let varies = constraint(DEFAULT_CONSTRAINT).is_some_and(|default| {
        let calls = default.descendants().filter(|part| part.kind() == CALL_EXPR);
        calls
            .filter_map(|call| super::names::callee(&call))
            .any(|name| name.last().is_some_and(|last| PER_ROW_DEFAULTS.contains(&last.text.as_str())))
    });
    // Virtual columns (PostgreSQL 18) are computed when they are read.
    let stored = constraint(GENERATED_CONSTRAINT).is_some_and(|made| !has_token(&made, VIRTUAL_KW));
    let work = if serial || varies || stored { Work::Rewrite } else { Work::Nothing };
    ("ADD COLUMN", Lock::AccessExclusive, work, None)
}

fn alter_column(action: &SyntaxNode) -> Option<Form> {
    let option = action.children().find(|child| child.kind() != COLUMN_NAME_REF)?;
    let lock = Lock::AccessExclusive;
    match option.kind() {
        SET_TYPE => {
            let column = action.children().find(|child| child.kind() == COLUMN_NAME_REF);
            let to = option.children().find(is_type).map(|node| node.text().to_string());
            let work = Work::Retype {
                column: column.map(|column| segment(&column).text).unwrap_or_default(),
                to: to.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
                using: option.children().any(|child| child.kind() == USING_EXPR),
            };
            Some(("ALTER COLUMN TYPE", lock, work, None))
        }
        SET_NOT_NULL => {
            Some(("SET NOT NULL", lock, Work::Scan, Some("a CHECK constraint that is validated before")))
        }
        SET_EXPRESSION => Some(("SET EXPRESSION", lock, Work::Rewrite, None)),
        _ => None,
    }
}

fn add_constraint(action: &SyntaxNode) -> Option<Form> {
    let constraint = action.children().find(|child| child.kind() != CONSTRAINT_NAME_CLAUSE)?;
    let not_valid = has_word(action, NOT_VALID);
    let work = if not_valid { Work::Nothing } else { Work::Scan };
    let instead = (!not_valid).then_some("NOT VALID with a later VALIDATE CONSTRAINT");
    let by_index = constraint.descendants().any(|part| part.kind() == USING_INDEX);
    let index_work = if by_index { Work::Nothing } else { Work::Scan };
    let index_instead = (!by_index).then_some("USING INDEX with an index made by CREATE INDEX CONCURRENTLY");
    let lock = Lock::AccessExclusive;
    match constraint.kind() {
        FOREIGN_KEY_CONSTRAINT => Some(("ADD FOREIGN KEY", Lock::ShareRowExclusive, work, instead)),
        CHECK_CONSTRAINT => Some(("ADD CHECK", lock, work, instead)),
        NOT_NULL_CONSTRAINT => Some(("ADD NOT NULL", lock, work, instead)),
        PRIMARY_KEY_CONSTRAINT => Some(("ADD PRIMARY KEY", lock, index_work, index_instead)),
        UNIQUE_CONSTRAINT => Some(("ADD UNIQUE", lock, index_work, index_instead)),
        EXCLUDE_CONSTRAINT => Some(("ADD EXCLUDE", lock, Work::Scan, None)),
        _ => None,
    }
}

/// MERGE: the table behind INTO, with what its branches do.
fn merge(node: &SyntaxNode) -> Vec<Change> {
    let mut changes = Vec::new();
    for part in node.descendants() {
        let kind = match part.kind() {
            MERGE_DELETE => ChangeKind::Delete,
            MERGE_INSERT => ChangeKind::Insert,
            MERGE_UPDATE => ChangeKind::Update { columns: Some(columns_set(&part)) },
            _ => continue,
        };
        changes.extend(single(node, TABLE_RELATION_NAME, kind));
    }
    changes
}

fn columns_set(node: &SyntaxNode) -> Vec<String> {
    let clause = node.children().find(|child| child.kind() == SET_CLAUSE);
    let targets = clause.into_iter().flat_map(|clause| {
        clause.descendants().filter(|part| part.kind() == COLUMN_TARGET).collect::<Vec<_>>()
    });
    // `SET (a, b) = …` and `SET a[1] = …` name their columns first.
    targets
        .filter_map(|target| {
            target.descendants().find(|part| matches!(part.kind(), COLUMN_NAME_REF | NAME_REF))
        })
        .map(|name| segment(&name).text)
        .collect()
}

/// The change of the first direct child of that kind.
fn single(node: &SyntaxNode, kind: SyntaxKind, change: ChangeKind) -> Vec<Change> {
    let name = node.children().find(|child| child.kind() == kind);
    name.and_then(|name| named(&name, change)).into_iter().collect()
}

/// The same change of each name of these kinds below a node.
fn each(node: &SyntaxNode, kinds: &[SyntaxKind], change: &ChangeKind) -> Vec<Change> {
    let names = node.descendants().filter(|part| kinds.contains(&part.kind()));
    names.filter_map(|name| named(&name, change.clone())).collect()
}

fn named(node: &SyntaxNode, kind: ChangeKind) -> Option<Change> {
    let mut parts = path(node);
    let table = parts.pop()?;
    let schema = (!parts.is_empty()).then(|| dotted(&parts));
    Some(Change { schema, table: table.text, kind })
}

fn is_type(node: &SyntaxNode) -> bool {
    format!("{:?}", node.kind()).ends_with("_TYPE") && node.kind() != SET_TYPE
}

fn has_token(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|element| element.kind() == kind)
}

/// A token (or a node) anywhere below.
fn has_word(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.descendants_with_tokens().any(|element| match element {
        SyntaxElement::Token(token) => token.kind() == kind,
        SyntaxElement::Node(node) => node.kind() == kind,
    })
}
