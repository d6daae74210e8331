//! Statements as people type them: most reads are recognised as reads, so that they need no approval.

use countersign_guardrails::{Dialect, analyse};

/// At least this share, in percent.
const RECOGNISED: usize = 92;

fn check(dialect: Dialect, list: &str) {
    let all: Vec<&str> = list.lines().filter(|line| !line.is_empty()).collect();
    assert!(all.len() >= 60, "{}", all.len());
    let missed: Vec<String> = all
        .iter()
        .filter_map(|command| {
            let why = analyse(dialect, command).is_provable_read().err()?;
            Some(format!("{command}: {why}"))
        })
        .collect();
    let recognised = (all.len() - missed.len()) * 100 / all.len();
    assert!(recognised >= RECOGNISED, "{recognised} % of {}:\n{}", all.len(), missed.join("\n"));
}

#[test]
fn most_reads_of_postgres_are_recognised() {
    check(Dialect::Postgres, include_str!("../everyday/postgres-reads.sql"));
}

#[test]
fn most_reads_of_mysql_are_recognised() {
    check(Dialect::Mysql, include_str!("../everyday/mysql-reads.sql"));
}

#[test]
fn most_reads_of_sqlite_are_recognised() {
    check(Dialect::Sqlite, include_str!("../everyday/sqlite-reads.sql"));
}

#[test]
fn most_commands_of_operators_are_understood() {
    let all: Vec<&str> = include_str!("../everyday/shell.txt").split("\n%%\n").collect();
    let missed: Vec<String> = all
        .iter()
        .filter_map(|command| {
            let analysis = analyse(Dialect::Shell, command.trim_end());
            (!analysis.understood)
                .then(|| format!("{command}: {:?} {:?}", analysis.position, analysis.why_not))
        })
        .collect();
    assert!(missed.len() * 60 <= all.len() * 5, "{} of {}:\n{}", missed.len(), all.len(), missed.join("\n"));
}
