//! Classifies commands: one JSON string a line on standard input, one JSON object a line on standard
//! output. `tests/guardrails/regress.py` compares the answers with a real server's.
//!
//! ```text
//! echo '"SELECT 1"' | cargo run -q -p countersign-guardrails --example classify -- postgres
//! ```

#![allow(clippy::expect_used, reason = "a tool for tests: stops at what it did not expect")]

use countersign_guardrails::{Analysis, Dialect, analyse};
use serde_json::{Value, json};
use std::io::{BufRead, Write};

fn main() {
    let dialect: Dialect =
        std::env::args().nth(1).as_deref().unwrap_or("postgres").parse().expect("a connection kind");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let command: String =
            serde_json::from_str(&line.expect("text in UTF-8")).expect("a JSON string a line");
        writeln!(out, "{}", answer(&analyse(dialect, &command))).expect("standard output");
    }
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
