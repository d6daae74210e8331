//! The time of an analysis with rules and risk, by dialect and sort of command, and the slowest of a list of hostile ones.
//!
//! ```text
//! cargo run --release -p countersign-guardrails --example analyse_bench [DIALECT [N]]
//! ```
//!
//! Times are CPU times of the thread, so that other work on the machine is left out. With a dialect (`PostgreSQL`, `MySQL`,
//! `SQLite`, `shell`, `HTTP`), only its hostile commands are measured; with a number N, each
//! Nth of them.

mod hostile;

use countersign_guardrails::{Dialect, RuleSet, analyse};
use serde_json::json;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The CPU time of one analysis, with rules and risk, and whether the command was understood.
fn analysis(dialect: Dialect, command: &str, rules: &RuleSet) -> (Duration, bool) {
    let start = cpu_time();
    let analysis = analyse(dialect, black_box(command));
    black_box(rules.check(command, &analysis));
    black_box(analysis.risk());
    (cpu_time().saturating_sub(start), analysis.understood)
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}

/// The median of some runs.
fn measure(dialect: Dialect, command: &str, rules: &RuleSet) -> Duration {
    let mut runs: Vec<Duration> = Vec::new();
    let began = Instant::now();
    while runs.len() < 3 || (began.elapsed() < Duration::from_millis(300) && runs.len() < 1000) {
        runs.push(analysis(dialect, command, rules).0);
    }
    runs.sort();
    runs.get(runs.len() / 2).copied().unwrap_or_default()
}

fn fill(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

fn main() {
    let wanted = std::env::args().nth(1);
    let every = std::env::args().nth(2).and_then(|every| every.parse().ok()).unwrap_or(1);
    let rules = RuleSet::parse(&[
        json!("no-drop"),
        json!("no-unbounded-write"),
        json!("no-privilege-change"),
        json!({"name": "t", "deny": {"table": ["payments", "audit.*"], "words": ["password"], "pattern": "(?i)secret"}}),
    ])
    .unwrap_or_default();
    if wanted.is_none() {
        ordinary(&rules);
    }
    let dialects = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite, Dialect::Shell, Dialect::Http];
    for dialect in dialects {
        if wanted.as_ref().is_none_or(|one| one == dialect.label()) {
            slowest(dialect, &rules, every);
        }
    }
}

/// Usual and unusual commands, in all dialects.
fn ordinary(rules: &RuleSet) {
    let kib = 1024;
    let insert = format!(
        "INSERT INTO t (a, b) VALUES {} (0, '')",
        fill("(1234567, 'some words of text'), ", 95 * kib)
    );
    let list = format!("SELECT * FROM t WHERE id IN ({} 0)", fill("1234567, ", 95 * kib));
    let many = fill("UPDATE customers SET a = 1 WHERE id = 1234;\n", 95 * kib);
    let chain = format!("SELECT * FROM t WHERE {} a = 1", fill("a = 1 OR ", 6 * kib));
    let sql = [
        ("a short SELECT", "SELECT * FROM customers WHERE id = 5".to_owned()),
        ("a SELECT with a join", "SELECT c.id, c.name, count(o.id), sum(o.total) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE c.created_at > '2020-01-01' AND lower(c.email) LIKE '%@example.com' GROUP BY c.id, c.name HAVING count(o.id) > 3 ORDER BY sum(o.total) DESC LIMIT 50".to_owned()),
        ("an INSERT of 95 KiB", insert),
        ("a list of 95 KiB", list),
        ("2,210 statements, 95 KiB", many),
        ("a chain of ORs, 6 KiB", chain),
        ("brackets, 39 deep", format!("SELECT {}1{}", "(".repeat(39), ")".repeat(39))),
        ("brackets, 99 deep", format!("SELECT {}1{}", "(".repeat(99), ")".repeat(99))),
        ("calls, 99 deep", format!("SELECT {}1{}", "abs(".repeat(99), ")".repeat(99))),
        ("selects, 99 deep", format!("{}SELECT 1{}", "SELECT (".repeat(99), ")".repeat(99))),
        ("selects, 39 deep", format!("{}SELECT 1{}", "SELECT (".repeat(39), ")".repeat(39))),
        ("subqueries, 39 deep", format!("{}t{}", "SELECT * FROM (".repeat(39), ") x".repeat(39))),
        ("open brackets, 39", format!("SELECT * FROM {}t", "(".repeat(39))),
        ("open brackets, 99", format!("SELECT * FROM {}t", "(".repeat(99))),
        ("a chain of +, 2,980 signs", format!("SELECT {}1", "1+".repeat(1490))),
        ("a chain of NOT, 2,900", format!("SELECT {}true", "NOT ".repeat(2900))),
        ("a chain of minus, 2,900", format!("SELECT {}1", "- ".repeat(2900))),
        ("a chain of casts", format!("SELECT 1{}", "::int".repeat(950))),
        ("a chain of fields", format!("SELECT a{}", ".a".repeat(1450))),
        ("a chain of UNIONs", format!("SELECT 1{}", " UNION SELECT 1".repeat(950))),
        ("a chain of joins", format!("SELECT 1 FROM a{}", " JOIN b ON true".repeat(700))),
        ("chains of fields, 95 KiB", format!("SELECT {} 1", fill(&format!("a{},", ".a".repeat(1450)), 95 * kib))),
        ("open brackets in 99s, 95 KiB", fill(&format!("SELECT * FROM {}t;{}", "(".repeat(99), ")".repeat(99)), 95 * kib)),
        ("500 WITHs", format!("WITH {} z AS (SELECT 1) SELECT * FROM z", (0..500).map(|n| format!("w{n} AS (SELECT * FROM w{}), ", n + 1)).collect::<String>())),
    ];
    println!("| command | bytes | PostgreSQL | MySQL | SQLite |\n|---|---|---|---|---|");
    for (name, command) in &sql {
        let cells: Vec<String> = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite]
            .iter()
            .map(|&dialect| {
                let took = measure(dialect, command, rules);
                let mark = if analyse(dialect, command).understood { "" } else { " (not understood)" };
                format!("{took:.1?}{mark}")
            })
            .collect();
        println!("| {name} | {} | {} |", command.len(), cells.join(" | "));
    }
    for (name, dialect, command) in [
        ("a shell's pipeline", Dialect::Shell, "kubectl get pods -n prod | grep web | wc -l".to_owned()),
        ("a shell's script of 95 KiB", Dialect::Shell, fill("kubectl get pod web-1234 | grep x\n", 95 * kib)),
        ("a request", Dialect::Http, "GET /users/1".to_owned()),
    ] {
        println!("{name}: {:.1?}", measure(dialect, &command, &RuleSet::default()));
    }
}

/// The slowest of the hostile commands.
fn slowest(dialect: Dialect, rules: &RuleSet, every: usize) {
    let mut number = 0_usize;
    let mut all: Vec<(Duration, String)> = Vec::new();
    hostile::each(dialect, &mut |name, command| {
        number += 1;
        if !number.is_multiple_of(every) {
            return;
        }
        let (took, understood) = fastest(dialect, command, rules);
        if took > 4 * LIMIT {
            eprintln!("{name}: {took:.1?}");
        }
        let mark = if understood { "" } else { " (not understood)" };
        all.push((took, format!("{}: {took:.1?}{mark}", name.replace('|', "\\|"))));
    });
    all.sort_by_key(|(took, _)| std::cmp::Reverse(*took));
    let slow = all.iter().filter(|(took, _)| *took > LIMIT).count();
    println!(
        "\n{}: {} commands, {slow} of them take more than {LIMIT:?}. The slowest:",
        dialect.label(),
        all.len()
    );
    for (_, line) in all.iter().take(SHOWN) {
        println!("- {line}");
    }
}

/// What no command should take.
const LIMIT: Duration = Duration::from_millis(25);
/// How many of the slowest are shown.
const SHOWN: usize = 40;
/// A command that takes less is measured once.
const QUICK: Duration = Duration::from_millis(20);

/// The fastest of some analyses, with rules and risk: what other work on the machine adds is left out.
fn fastest(dialect: Dialect, command: &str, rules: &RuleSet) -> (Duration, bool) {
    let (first, understood) = analysis(dialect, command, rules);
    let again = || analysis(dialect, command, rules).0;
    let took = if first < QUICK { first } else { (0..3).map(|_| again()).min().unwrap_or(first).min(first) };
    (took, understood)
}
