//! What the guardrails say of a command on a connection.

use countersign_catalogue::Catalogue;
use countersign_guardrails::{self as guardrails, Analysis, Dialect, RuleSet, analyse_with};
use countersign_http::Problem;
use countersign_rules::risk::{Block, Guard, Risk, RiskLevel, Verdict};
use countersign_rules::submit::{ROW_BOUND_RULE, needs_votes};
use countersign_rules::{Bounds, Person};
use countersign_storage::Connection;
use countersign_storage::items::AutoApprove;

use crate::catalogue;

/// What they say at the submission, with the catalogue of the connection's database where there is one.
///
/// # Errors
/// 500 if the rules of a stored connection cannot be read: then nothing is let in.
pub fn verdict(
    connection: &Connection,
    requester: &Person,
    command: &str,
    catalogue: Option<&Catalogue>,
) -> Result<Verdict, Problem> {
    let rules = rules(connection).map_err(|error| {
        tracing::error!(%error, connection = %connection.name, "guardrails");
        Problem::internal()
    })?;
    let needs_votes = needs_votes(&connection.policy(), requester);
    Ok(judged_with(connection, &rules, needs_votes, command, catalogue))
}

/// What these rules and the connection say of a command, with the catalogue of its database where there is one;
/// `needs_votes` if its requester's commands do.
#[must_use]
pub fn judged_with(
    connection: &Connection,
    rules: &RuleSet,
    needs_votes: bool,
    command: &str,
    catalogue: Option<&Catalogue>,
) -> Verdict {
    let analysis = analyse_with(dialect(&connection.kind), command, catalogue);
    let mut risk = risk(&connection.kind, &analysis, catalogue);
    let hit = rules.check(command, &analysis).map(|hit| Block { rule: hit.rule, message: hit.message });
    let block = hit.or_else(|| unbounded(connection.max_rows, risk.no_row_bound.as_deref()));
    let ease = connection.auto_approve.filter(|ease| needs_votes && eases(*ease, &analysis));
    let decided = block.is_none() && ease.is_none();
    if decided && lacks_catalogue(connection) && has_changes(&analysis) {
        risk.notes.push(
            "sizes, triggers and cascades are not known: the connection has no secret to read the catalogue with".to_owned(),
        );
    }
    Verdict {
        risk: Some(risk),
        estimate: decided && asks_target(connection, &analysis),
        block,
        ease: ease.map(|ease| ease.rule().to_owned()),
    }
}

/// Whether the target is asked about the command before the vote: for an estimate, or for side effects by the catalogue.
fn asks_target(connection: &Connection, analysis: &Analysis) -> bool {
    (connection.estimate_secret.is_some() && analysis.explainable())
        || (catalogue::source(connection).is_some()
            && has_changes(analysis)
            && !is_plain_insert(connection, analysis))
}

/// Whether a command does nothing but insert into an SQLite file. Of those the target is not asked: the catalogue of a file
/// is always on, there is nothing to count, and whoever inserts thousands of times would wait behind the reading.
fn is_plain_insert(connection: &Connection, analysis: &Analysis) -> bool {
    let inserts =
        |statement: &guardrails::Statement| statement.verb == "INSERT" || statement.changes.is_empty();
    connection.kind == "sqlite" && analysis.statements.iter().all(inserts)
}

fn has_changes(analysis: &Analysis) -> bool {
    analysis.understood && analysis.statements.iter().any(|statement| !statement.changes.is_empty())
}

/// Whether databases of this kind have a catalogue, and nothing reads that of this one.
fn lacks_catalogue(connection: &Connection) -> bool {
    matches!(connection.kind.as_str(), "postgres" | "mysql") && catalogue::source(connection).is_none()
}

/// Whether a catalogue can change the verdict on a command at its submission. The catalogue is not read for others.
#[must_use]
pub fn uses_catalogue(connection: &Connection) -> bool {
    catalogue::source(connection).is_some() && (proves_reads(connection) || may_lack_transactions(connection))
}

/// The same at the claim, where it is known whether the request has a bound on rows.
#[must_use]
pub fn claim_uses_catalogue(connection: &Connection, bounds: Bounds) -> bool {
    let bounded = connection.max_rows.or(bounds.max_rows).is_some();
    catalogue::source(connection).is_some()
        && (proves_reads(connection) || (bounded && may_lack_transactions(connection)))
}

/// Whether something depends on a command being a provable read, which `analyse_with` proves by a catalogue of PostgreSQL.
fn proves_reads(connection: &Connection) -> bool {
    if connection.kind != "postgres" {
        return false;
    }
    let about_reads = |rule: &serde_json::Value| {
        rule.as_str() == Some("read-only") || rule.pointer("/deny/not_a_read").is_some()
    };
    connection.auto_approve.is_some() || connection.guardrails.iter().any(about_reads)
}

/// Whether a table can have a storage engine that no rollback reaches, so that its changes cannot be bounded.
fn may_lack_transactions(connection: &Connection) -> bool {
    connection.kind == "mysql"
}

/// Whether the command is a read by its text and the server's own functions alone.
#[must_use]
pub fn is_read_by_itself(connection: &Connection, command: &str) -> bool {
    analyse_with(dialect(&connection.kind), command, None).is_provable_read().is_ok()
}

/// What they say at the claim of a request with these bounds. What cannot be read blocks.
#[must_use]
pub fn guard(connection: &Connection, command: &str, bounds: Bounds, catalogue: Option<&Catalogue>) -> Guard {
    if connection.is_configuration() {
        // It is ours, and no language.
        return Guard::default();
    }
    let analysis = analyse_with(dialect(&connection.kind), command, catalogue);
    let blocked_by = match rules(connection) {
        Ok(rules) => rules.check(command, &analysis).map(|hit| hit.rule),
        Err(error) => Some(error),
    };
    let why = no_row_bound(&connection.kind, &analysis, catalogue);
    let rows = connection.max_rows.or(bounds.max_rows);
    let blocked_by = blocked_by.or_else(|| unbounded(rows, why.as_deref()).map(|block| block.rule));
    Guard { blocked_by, eased: connection.auto_approve.is_some_and(|ease| eases(ease, &analysis)) }
}

/// The language of a connection's commands.
#[must_use]
pub fn dialect(kind: &str) -> Dialect {
    match kind {
        "postgres" => Dialect::Postgres,
        "mysql" => Dialect::Mysql,
        "sqlite" => Dialect::Sqlite,
        "http" => Dialect::Http,
        _ => Dialect::Shell,
    }
}

/// The rules of a connection.
///
/// # Errors
/// What is wrong with them, which a connection that was saved is not.
pub fn rules(connection: &Connection) -> Result<RuleSet, String> {
    RuleSet::parse(&connection.guardrails).map_err(|error| error.to_string())
}

fn eases(ease: AutoApprove, analysis: &Analysis) -> bool {
    match ease {
        AutoApprove::Reads => analysis.is_provable_read().is_ok(),
    }
}

/// The block of a command that `max_rows` cannot limit, because of `why`.
fn unbounded(max_rows: Option<u64>, why: Option<&str>) -> Option<Block> {
    let (rows, why) = (max_rows?, why?);
    let message = format!(
        "a request on this connection may change at most {rows} rows, and that cannot be enforced for this command: {why}"
    );
    Some(Block { rule: ROW_BOUND_RULE.to_owned(), message })
}

/// Why the rows that a command changes cannot be counted and taken back; `None` if they can. A command that provably reads
/// changes none; under a bound it runs in a transaction that only reads. Without a catalogue the engines of tables are not
/// known; then `execute` asks the server for them before it runs a command under a bound.
#[must_use]
pub fn no_row_bound(kind: &str, analysis: &Analysis, catalogue: Option<&Catalogue>) -> Option<String> {
    match analysis.dialect {
        _ if analysis.is_provable_read().is_ok() => None,
        Dialect::Postgres | Dialect::Mysql | Dialect::Sqlite => {
            let why = analysis.may_bound_rows().err();
            why.or_else(|| catalogue.and_then(|catalogue| analysis.keeps_changes(catalogue)))
        }
        Dialect::Shell | Dialect::Http => {
            Some(format!("a `{kind}` command changes no rows that can be counted"))
        }
    }
}

fn risk(kind: &str, analysis: &Analysis, catalogue: Option<&Catalogue>) -> Risk {
    let found = analysis.risk();
    Risk {
        level: match found.level {
            guardrails::RiskLevel::Low => RiskLevel::Low,
            guardrails::RiskLevel::Medium => RiskLevel::Medium,
            guardrails::RiskLevel::High => RiskLevel::High,
        },
        statements: found.statements,
        tables: found.tables,
        notes: found.notes,
        no_row_bound: no_row_bound(kind, analysis, catalogue),
        estimate: None,
    }
}
