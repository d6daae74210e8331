//! Usual conditions are conditions: the rules about unbounded writes leave them alone.

use countersign_guardrails::{Dialect, RuleSet, analyse};
use proptest::prelude::*;
use serde_json::json;

const USUAL: [&str; 30] = [
    "id = 1",
    "id = -1",
    "id <> 1",
    "id IN (1, 2, 3)",
    "id NOT IN (1, 2)",
    "id BETWEEN 1 AND 10",
    "id NOT BETWEEN 1 AND 10",
    "id > 100 AND id < 200",
    "name LIKE 'a%'",
    "name LIKE '%x%'",
    "name NOT LIKE 'a%'",
    "name = 'a' OR name = 'b'",
    "deleted_at IS NULL",
    "deleted_at IS NOT NULL",
    "lower(name) = 'x'",
    "length(name) > 10",
    "abs(id) < 5",
    "created_at < '2024-01-01'",
    "created_at < now()",
    "age > 90 AND state = 'open'",
    "NOT (id = 1)",
    "user_id IN (SELECT id FROM banned)",
    "user_id NOT IN (SELECT id FROM users)",
    "EXISTS (SELECT 1 FROM banned WHERE banned.id = t.user_id)",
    "id = (SELECT max(id) FROM t)",
    "id IN (SELECT id FROM t WHERE age > 90)",
    "a <> b",
    "price * 2 > 100",
    "id + 1 = 5",
    "(id, name) = (1, 'a')",
];

fn is_blocked(dialect: Dialect, command: &str) -> Option<String> {
    let rules = RuleSet::parse(&[json!("no-unbounded-write")]).expect("a preset");
    rules.check(command, &analyse(dialect, command)).map(|hit| hit.message)
}

#[test]
fn usual_conditions_bound_a_delete_and_an_update() {
    let mut failed = Vec::new();
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        for condition in USUAL {
            for command in
                [format!("DELETE FROM t WHERE {condition}"), format!("UPDATE t SET a = 1 WHERE {condition}")]
            {
                if let Some(message) = is_blocked(dialect, &command) {
                    failed.push(format!("{dialect:?}: {command}: {message}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Changes of the rows of `t` beside another table `o`, where `{}` is the condition.
const BESIDE: [(Dialect, &str); 9] = [
    (Dialect::Postgres, "UPDATE t SET a = 1 FROM o WHERE {}"),
    (Dialect::Postgres, "DELETE FROM t USING o WHERE {}"),
    (Dialect::Postgres, "MERGE INTO t USING o ON {} WHEN MATCHED THEN DELETE"),
    (Dialect::Sqlite, "UPDATE t SET a = 1 FROM o WHERE {}"),
    (Dialect::Mysql, "UPDATE t JOIN o SET t.a = 1 WHERE {}"),
    (Dialect::Mysql, "UPDATE t, o SET t.a = 1 WHERE {}"),
    (Dialect::Mysql, "DELETE t FROM t JOIN o WHERE {}"),
    (Dialect::Mysql, "DELETE FROM t USING t JOIN o WHERE {}"),
    (Dialect::Mysql, "UPDATE x AS o JOIN t SET t.a = 1 WHERE {}"),
];

#[test]
fn usual_changes_beside_another_table_are_bounded() {
    for (dialect, statement) in BESIDE {
        for condition in
            ["t.id = o.id", "t.id = o.id AND o.state = 'x'", "t.id = 1", "o.id = 1 AND t.id < o.age"]
        {
            let command = statement.replace("{}", condition);
            assert_eq!(is_blocked(dialect, &command), None, "{command}");
        }
    }
    for (dialect, command) in [
        (Dialect::Mysql, "UPDATE t JOIN o ON o.id = t.id SET t.a = 1 WHERE o.state = 'x'"),
        (Dialect::Mysql, "DELETE t FROM t LEFT JOIN o USING (id) WHERE o.id IS NULL"),
        (Dialect::Postgres, "UPDATE t AS x SET a = 1 FROM o WHERE x.id = o.id AND o.active"),
        (Dialect::Sqlite, "UPDATE t SET a = o.a FROM o WHERE o.id = t.id"),
    ] {
        assert_eq!(is_blocked(dialect, command), None, "{command}");
    }
}

/// Conditions in which no column of `t` stands, or none that tells its rows apart.
fn about_others() -> impl Strategy<Value = String> {
    let simple = ("id|name|age", -9..9_i32, 0..7_u8).prop_map(|(column, number, shape)| match shape {
        0 => format!("o.{column} = {number}"),
        1 => format!("o.{column} IN ({number}, 7)"),
        2 => format!("NOT (o.{column} > {number})"),
        3 => format!("o.{column} IS NOT NULL"),
        4 => format!("lower(o.{column}) LIKE 'x%'"),
        5 => format!("o.{column} BETWEEN {number} AND 10"),
        _ => format!("t.{column} = t.{column}"),
    });
    simple.prop_recursive(3, 8, 2, |inner| {
        (inner.clone(), inner, 0..2_u8).prop_map(|(left, right, shape)| match shape {
            0 => format!("({left}) AND ({right})"),
            _ => format!("({left}) OR ({right})"),
        })
    })
}

/// Conditions that hold for every row, made of one another.
fn tautologies() -> impl Strategy<Value = String> {
    let column = prop_oneof![Just("id"), Just("name"), Just("age")];
    let simple = (column, -9..9_i32, 0..8_u8).prop_map(|(column, number, shape)| match shape {
        0 => format!("{column} = {column}"),
        1 => format!("{column} <= {column}"),
        2 => format!("{column} = {number} OR {column} <> {number}"),
        3 => format!("NOT ({column} < {column})"),
        4 => format!("{column} > {number} OR NOT ({column} > {number})"),
        5 => format!("{column} BETWEEN {column} AND {column}"),
        6 => format!("{column} IN ({number}, {column})"),
        _ => format!("{column} < {number} OR {column} >= {number}"),
    });
    simple.prop_recursive(3, 16, 2, |inner| {
        (inner.clone(), inner, "[a-z]{3}", 0..4_u8).prop_map(|(left, right, text, shape)| match shape {
            0 => format!("({left}) AND ({right})"),
            1 => format!("({left}) OR name = '{text}'"),
            2 => format!("NOT (NOT ({left}))"),
            _ => format!("name = '{text}' OR ({right})"),
        })
    })
}

proptest! {
    #[test]
    fn what_holds_for_every_row_is_no_condition(condition in tautologies()) {
        for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
            prop_assert!(is_blocked(dialect, &format!("DELETE FROM t WHERE {condition}")).is_some(), "{dialect:?}: {condition}");
        }
    }

    #[test]
    fn what_is_about_other_tables_is_no_condition(condition in about_others()) {
        for (dialect, statement) in BESIDE {
            let command = statement.replace("{}", &condition);
            prop_assert!(is_blocked(dialect, &command).is_some(), "{dialect:?}: {command}");
        }
    }

    #[test]
    fn a_tautology_beside_a_condition_does_not_weaken_it(condition in tautologies(), id in 0..1000_u32) {
        for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
            let command = format!("DELETE FROM t WHERE other = {id} AND ({condition})");
            prop_assert!(is_blocked(dialect, &command).is_none(), "{dialect:?}: {command}");
        }
    }
}
