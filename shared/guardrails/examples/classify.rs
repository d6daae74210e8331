//! Classifies commands: one JSON string a line on standard input, one JSON object a line on standard
//! output. `tests/guardrails` compares the answers with a real server's.
//!
//! `hits` has the rules that block the command: each preset, and `table` and `written_table`, which deny the table
//! `payments`. `pieces` has the statements as the executor cuts them.
//!
//! ```text
//! echo '"SELECT 1"' | cargo run -q -p countersign-guardrails --example classify -- postgres
//! ```

#![allow(clippy::expect_used, reason = "a tool for tests: stops at what it did not expect")]

use countersign_guardrails::{Analysis, Dialect, PRESETS, RuleSet, analyse, text};
use serde_json::{Value, json};
use std::io::{BufRead, Write};

fn main() {
    let dialect: Dialect =
        std::env::args().nth(1).as_deref().unwrap_or("postgres").parse().expect("a connection kind");
    let rules = rules();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let command: String =
            serde_json::from_str(&line.expect("text in UTF-8")).expect("a JSON string a line");
        let analysis = analyse(dialect, &command);
        let mut answer = answer(&analysis);
        if let Some(answer) = answer.as_object_mut() {
            let hits = rules.iter().filter(|(_, rule)| rule.check(&command, &analysis).is_some());
            answer.insert("hits".to_owned(), hits.map(|(name, _)| *name).collect());
            let pieces = dialect.is_sql().then(|| text::split(&command, dialect).ok()).flatten();
            let pieces = pieces.map(|pieces| pieces.iter().map(|piece| piece.text).collect::<Vec<_>>());
            answer.insert("pieces".to_owned(), json!(pieces));
        }
        writeln!(out, "{answer}").expect("standard output");
        out.flush().expect("standard output");
    }
}

/// Each preset alone, and rules about the table `payments`.
fn rules() -> Vec<(&'static str, RuleSet)> {
    let mut rules: Vec<(&str, Value)> = PRESETS.iter().map(|&name| (name, json!(name))).collect();
    for member in ["table", "written_table"] {
        rules.push((member, json!({"name": member, "deny": {member: ["payments"]}})));
    }
    rules.into_iter().map(|(name, rule)| (name, RuleSet::parse(&[rule]).expect("a rule"))).collect()
}

fn answer(analysis: &Analysis) -> Value {
    let risk = analysis.risk();
    let statements = analysis.statements.iter().map(|statement| {
        json!({
            "kind": statement.kind.word(),
            "verb": statement.verb,
            "actions": statement.actions.iter().map(|action| action.verb.as_str()).collect::<Vec<_>>(),
            "tables": statement.tables.iter().map(|table| format!("{:?} {table}", table.usage)).collect::<Vec<_>>(),
            "functions": statement.functions,
            "unbounded": statement.unbounded,
            "locks": statement.locks,
            "opaque": statement.opaque,
            "not_a_read": statement.not_a_read,
            "output": statement.output.iter().map(|column| json!({
                "alias": column.alias, "columns": column.columns, "star": column.star,
            })).collect::<Vec<_>>(),
        })
    });
    json!({
        "understood": analysis.understood,
        "why_not": analysis.why_not,
        "read": analysis.is_provable_read().is_ok(),
        "not_a_read": analysis.is_provable_read().err(),
        "bound": analysis.may_bound_rows().err(),
        "explainable": analysis.explainable(),
        "level": risk.level.word(),
        "notes": risk.notes,
        "statements": statements.collect::<Vec<_>>(),
    })
}
