//! Rules as data: what is taken, what is refused and how, what the requester is told.

use countersign_guardrails::{Dialect, RuleError, RuleSet, analyse};
use serde_json::{Value, json};

fn rules(list: &Value) -> RuleSet {
    RuleSet::parse(list.as_array().expect("a list")).expect("rules")
}

fn refused(list: &Value) -> RuleError {
    RuleSet::parse(list.as_array().expect("a list")).expect_err("should be refused")
}

fn hit(rules: &RuleSet, command: &str) -> Option<(String, String)> {
    rules.check(command, &analyse(Dialect::Postgres, command)).map(|hit| (hit.rule, hit.message))
}

#[test]
fn a_drop_is_blocked_and_a_bounded_delete_is_not() {
    let rules = rules(&json!(["no-drop"]));
    let (rule, message) = hit(&rules, "DROP TABLE customers").expect("blocked");
    assert_eq!(rule, "no-drop");
    assert_eq!(
        message,
        "dropping tables, columns and other objects, or their rows, is not allowed on this connection"
    );
    assert_eq!(hit(&rules, "DELETE FROM sessions WHERE age > 90"), None);
}

#[test]
fn the_message_says_that_a_command_was_not_understood() {
    let (_, message) = hit(&rules(&json!(["no-drop"])), "FROB TABLE customers").expect("blocked");
    assert!(message.contains("could not understand the command"), "{message}");
    let (_, message) = hit(&rules(&json!(["no-drop"])), "DO $$ BEGIN END $$").expect("blocked");
    assert!(message.contains("cannot see what the command does: it runs a block of code"), "{message}");
}

#[test]
fn messages_quote_nothing_of_a_command_that_was_not_understood() {
    for command in ["FROB 'secret-4711'", "SELECT 'secret-4711", "DO 'secret-4711'"] {
        let (_, message) = hit(&rules(&json!(["no-drop"])), command).expect("blocked");
        assert!(!message.contains("4711"), "{message}");
        assert!(!format!("{:?}", analyse(Dialect::Postgres, command)).contains("4711"));
    }
}

#[test]
fn the_first_rule_that_hits_is_named() {
    let rules = rules(
        &json!([{"name": "a", "message": "no a", "deny": {"table": ["a"]}}, {"name": "b", "deny": {"table": ["*"]}}]),
    );
    assert_eq!(hit(&rules, "SELECT * FROM a"), Some(("a".to_owned(), "no a".to_owned())));
    assert_eq!(
        hit(&rules, "SELECT * FROM c"),
        Some(("b".to_owned(), "blocked by the guardrail `b`".to_owned()))
    );
    assert_eq!(hit(&rules, "SELECT 1"), None);
}

#[test]
fn words_stand_alone_and_in_a_row() {
    let rules = rules(&json!([{"name": "w", "deny": {"words": ["drop table", "täglich"]}}]));
    for command in [
        "DROP   TABLE t",
        "SELECT 'drop table'",
        "SELECT 1 -- Drop\tTable",
        "SELECT 'TÄGLICH'",
        "DROP/**/TABLE t",
    ] {
        assert!(hit(&rules, command).is_some(), "{command}");
    }
    for command in
        ["SELECT drop_table", "SELECT 'dropx table'", "SELECT 'drop tables'", "SELECT 'xdrop table'"]
    {
        assert!(hit(&rules, command).is_none(), "{command}");
    }
}

#[test]
fn output_is_blocked_by_its_own_patterns_only() {
    let rules = rules(
        &json!([{"name": "keys", "message": "no keys", "deny": {"output_pattern": "BEGIN [A-Z ]*PRIVATE KEY"}}]),
    );
    assert!(rules.checks_output());
    assert_eq!(
        rules.check_output("-----BEGIN RSA PRIVATE KEY-----").map(|hit| hit.message),
        Some("no keys".to_owned())
    );
    assert_eq!(rules.check_output("id | 5"), None);
    assert_eq!(hit(&rules, "SELECT '-----BEGIN RSA PRIVATE KEY-----'"), None);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place() {
    for (list, pointer) in [
        (json!(["no-drops"]), "/0"),
        (json!([5]), "/0"),
        (json!(["no-drop", {"name": "x"}]), "/1"),
        (json!([{"name": "x", "deny": {"tables": ["a"]}}]), "/0"),
        (json!([{"name": "x", "deny": {}, "extra": 1}]), "/0"),
        (json!([{"name": "", "deny": {"missing_where": true}}]), "/0/name"),
        (json!([{"name": "x\ny", "deny": {"missing_where": true}}]), "/0/name"),
        (json!([{"name": "x", "message": " ", "deny": {"missing_where": true}}]), "/0/message"),
        (json!([{"name": "x", "deny": {}}]), "/0/deny"),
        (json!([{"name": "x", "deny": {"missing_where": false}}]), "/0/deny"),
        (json!([{"name": "x", "deny": {"table": ["a", " "]}}]), "/0/deny/table/1"),
        (json!([{"name": "x", "deny": {"pattern": "("}}]), "/0/deny/pattern"),
        (json!([{"name": "x", "deny": {"pattern": "(a{1000}){1000}"}}]), "/0/deny/pattern"),
        (json!([{"name": "x", "deny": {"output_pattern": ""}}]), "/0/deny/output_pattern"),
        (json!(["no-drop", "no-drop"]), "/1/name"),
        (Value::Array(vec![json!("no-drop"); 51]), ""),
    ] {
        assert_eq!(refused(&list).pointer, pointer, "{list}: {}", refused(&list));
    }
}

#[test]
fn rules_that_a_kind_cannot_have_are_named_and_block() {
    let tables = rules(&json!([{"name": "t", "deny": {"table": ["a"]}}]));
    assert!(tables.fits(Dialect::Postgres).is_ok());
    let problem = tables.fits(Dialect::Shell).expect_err("no tables in a shell");
    assert_eq!(problem.pointer, "/0");
    assert!(problem.message.contains("tables"), "{problem}");
    assert!(tables.check("ls", &analyse(Dialect::Shell, "ls")).is_some());
    assert!(rules(&json!(["no-drop"])).fits(Dialect::Shell).is_err());
    assert!(rules(&json!(["read-only"])).fits(Dialect::Http).is_ok());
    assert!(rules(&json!([{"name": "w", "deny": {"words": ["x"]}}])).fits(Dialect::Shell).is_ok());
}

fn problem(dialect: Dialect, deny: &Value) -> Option<RuleError> {
    rules(&json!([{ "name": "r", "deny": deny }])).fits(dialect).err()
}

#[test]
fn an_entry_that_no_command_can_meet_is_refused_with_the_nearest_one_that_can() {
    for (dialect, deny, at, instead) in [
        (Dialect::Shell, json!({"statement": ["rm -rf"]}), "/0/deny/statement/0", "`rm`"),
        (Dialect::Shell, json!({"statement": ["ls", "find -delete"]}), "/0/deny/statement/1", "`find`"),
        (
            Dialect::Shell,
            json!({"statement": ["kubectl delete pod"]}),
            "/0/deny/statement/0",
            "`kubectl delete`",
        ),
        (Dialect::Shell, json!({"statement": ["/bin/rm"]}), "/0/deny/statement/0", "`rm`"),
        (
            Dialect::Shell,
            json!({"statement": ["/usr/bin/kubectl delete"]}),
            "/0/deny/statement/0",
            "`kubectl delete`",
        ),
        (Dialect::Http, json!({"statement": ["DELET"]}), "/0/deny/statement/0", "`DELETE`"),
        (Dialect::Http, json!({"statement": ["DELETE /users"]}), "/0/deny/statement/0", "`DELETE`"),
        (Dialect::Postgres, json!({"table": ["\"Payments\""]}), "/0/deny/table/0", "`payments`"),
        (Dialect::Mysql, json!({"written_table": ["`Pay ments`"]}), "/0/deny/written_table/0", "`pay ments`"),
        (Dialect::Postgres, json!({"function": ["pg_sleep("]}), "/0/deny/function/0", "`pg_sleep`"),
        (
            Dialect::Postgres,
            json!({"function": ["lower", "pg_sleep(10)"]}),
            "/0/deny/function/1",
            "`pg_sleep`",
        ),
    ] {
        let problem = problem(dialect, &deny).unwrap_or_else(|| panic!("{deny} is taken"));
        assert_eq!(problem.pointer, at);
        assert!(problem.message.contains(&format!("did you mean {instead}?")), "{}", problem.message);
    }
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        for (entry, instead) in [
            ("DORP TABLE", "DROP TABLE"),
            ("drop tabel", "DROP TABLE"),
            ("TRUNCAT", "TRUNCATE"),
            ("DELETE FROM", "DELETE"),
            ("UPADTE", "UPDATE"),
        ] {
            let problem = problem(dialect, &json!({"statement": [entry]}))
                .unwrap_or_else(|| panic!("{entry} is taken"));
            assert!(problem.message.contains(instead), "{}", problem.message);
        }
    }
}

#[test]
fn an_entry_that_some_command_meets_is_taken() {
    let lines = include_str!("../bypass.jsonl").lines();
    let cases = lines.map(|line| serde_json::from_str::<Value>(line).expect("a JSON object a line"));
    let mut refused = std::collections::BTreeSet::new();
    for case in cases {
        let dialect: Dialect = case["kind"].as_str().expect("a kind").parse().expect("a kind");
        let analysis = countersign_guardrails::analyse(dialect, case["command"].as_str().expect("a command"));
        for action in analysis.statements.iter().flat_map(|statement| &statement.actions) {
            // Arguments of programs may be anything.
            if dialect == Dialect::Shell && action.verb.contains(['/', ' ', '-'])
                || matches!(action.verb.as_str(), "" | "DROP")
            {
                continue;
            }
            if let Some(problem) = problem(dialect, &json!({"statement": [action.verb]})) {
                refused.insert(format!("{dialect:?}: {}", problem.message));
            }
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}
