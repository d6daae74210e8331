//! Attempts to get past the guardrails, each a named case in `bypass.jsonl`: none is a read, and each
//! is blocked by the rules that stand in it.

use countersign_guardrails::{Dialect, RuleSet, analyse};
use serde_json::Value;

fn cases() -> Vec<Value> {
    let lines = include_str!("../bypass.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

fn text(case: &Value, key: &str) -> String {
    case.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("{key} in {case}")).to_owned()
}

#[test]
fn no_attempt_is_a_read_and_each_is_blocked_by_its_rules() {
    let cases = cases();
    let mut failed = Vec::new();
    for case in &cases {
        let (name, command) = (text(case, "name"), text(case, "command"));
        let dialect: Dialect = text(case, "kind").parse().expect("a kind");
        let analysis = analyse(dialect, &command);
        // A rule about a table may block what is rightly a read.
        let blocked_by = case.get("blocked_by").and_then(Value::as_array).expect("rules");
        let only_rules = case.get("read").is_some();
        if analysis.is_provable_read().is_ok() != only_rules {
            failed.push(format!("{name}: read {} ({analysis:?})", !only_rules));
        }
        for rule in blocked_by {
            let rules = RuleSet::parse(std::slice::from_ref(rule)).expect("a rule");
            if rules.check(&command, &analysis).is_none() {
                failed.push(format!("{name}: not blocked by {rule} ({analysis:?})"));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
fn there_are_at_least_two_hundred_attempts_with_names_of_their_own() {
    let mut names: Vec<String> = cases().iter().map(|case| text(case, "name")).collect();
    assert!(names.len() >= 200, "{}", names.len());
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}
