//! How long an analysis takes, by dialect and sort of command, and the worst that was found.
//!
//! ```text
//! cargo run --release -p countersign-guardrails --example analyse_bench
//! ```

use countersign_guardrails::{Dialect, RuleSet, analyse};
use serde_json::json;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The median of some runs.
fn measure(dialect: Dialect, command: &str, rules: &RuleSet) -> Duration {
    let mut runs: Vec<Duration> = Vec::new();
    let began = Instant::now();
    while runs.len() < 3 || (began.elapsed() < Duration::from_millis(300) && runs.len() < 1000) {
        let start = Instant::now();
        let analysis = analyse(dialect, black_box(command));
        black_box(rules.check(command, &analysis));
        black_box(analysis.risk());
        runs.push(start.elapsed());
    }
    runs.sort();
    runs.get(runs.len() / 2).copied().unwrap_or_default()
}

fn fill(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

fn main() {
    let rules = RuleSet::parse(&[
        json!("no-drop"),
        json!("no-unbounded-write"),
        json!("no-privilege-change"),
        json!({"name": "t", "deny": {"table": ["payments", "audit.*"], "words": ["password"], "pattern": "(?i)secret"}}),
    ])
    .unwrap_or_default();
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
                let took = measure(dialect, command, &rules);
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
    println!("\n| the slowest analyses of 100 KiB | PostgreSQL | MySQL | SQLite |\n|---|---|---|---|");
    for (name, command) in worst() {
        let cells = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite].map(|dialect| {
            let mark = if analyse(dialect, &command).understood { "" } else { " (not understood)" };
            format!("{:.1?}{mark}", fastest(dialect, &command))
        });
        println!("| {name} | {} |", cells.join(" | "));
    }
}

/// Commands of 100 KiB that are full of what costs most: deep and long expressions, again and again.
fn worst() -> Vec<(String, String)> {
    let size = 100 * 1024 - 100;
    let mut commands = Vec::new();
    for (piece, longest) in [
        ("1+", 1400),
        ("a.", 1400),
        ("- ", 2800),
        ("NOT ", 2800),
        ("1 OR ", 1400),
        ("1 UNION SELECT ", 900),
        ("x JOIN y ON 1 JOIN ", 500),
        ("CASE WHEN 1 THEN ", 39),
        ("(", 39),
        ("(", 99),
        ("f(", 39),
        ("(SELECT ", 39),
        ("(SELECT ", 99),
    ] {
        for count in [longest, longest / 4, longest / 16] {
            let one = piece.repeat(count.max(1));
            let close = ")".repeat(one.matches('(').count());
            let end = if piece.starts_with("CASE") { " END".repeat(count) } else { String::new() };
            let items = fill(&format!("{one}1{end}{close}, "), size);
            let statements = fill(&format!("SELECT {one}1{end}{close}; "), size);
            commands.push((format!("`{}` × {count}, as items", piece.trim()), format!("SELECT {items}1")));
            commands.push((format!("`{}` × {count}, as statements", piece.trim()), statements));
        }
    }
    for piece in [
        "UPDATE t SET a = 1 WHERE id = 2; ",
        "SELECT 'it''s' /* x */ -- y\n, \"q\"; ",
        "DELETE FROM t WHERE a = '\\\\'; ",
    ] {
        commands.push((format!("`{}`, again and again", piece.trim().replace('\n', " ")), fill(piece, size)));
    }
    commands.push((
        "a list of numbers".to_owned(),
        format!("SELECT * FROM t WHERE id IN ({}1)", fill("1, ", size)),
    ));
    commands
}

/// The fastest of three analyses: what other work on the machine adds is left out.
fn fastest(dialect: Dialect, command: &str) -> Duration {
    let one = || {
        let start = Instant::now();
        black_box(analyse(dialect, black_box(command)));
        start.elapsed()
    };
    (0..3).map(|_| one()).min().unwrap_or_default()
}
