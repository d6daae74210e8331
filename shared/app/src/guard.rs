//! What the guardrails say of a command on a connection.

use countersign_guardrails::{self as guardrails, Analysis, Dialect, RuleSet, analyse};
use countersign_http::Problem;
use countersign_rules::Person;
use countersign_rules::risk::{Block, Guard, Risk, RiskLevel, Verdict};
use countersign_rules::submit::needs_votes;
use countersign_storage::Connection;
use countersign_storage::items::AutoApprove;

/// What they say at the submission.
///
/// # Errors
/// 500 if the rules of a stored connection cannot be read: then nothing is let in.
pub fn verdict(connection: &Connection, requester: &Person, command: &str) -> Result<Verdict, Problem> {
    let analysis = analyse(dialect(&connection.kind), command);
    let rules = rules(connection).map_err(|error| {
        tracing::error!(%error, connection = %connection.name, "guardrails");
        Problem::internal()
    })?;
    let hit = rules.check(command, &analysis);
    let ease = connection.auto_approve.filter(|ease| eases(*ease, &analysis));
    let ease = ease.filter(|_| needs_votes(&connection.policy(), requester));
    let decided = hit.is_none() && ease.is_none();
    Ok(Verdict {
        risk: Some(risk(&connection.kind, &analysis)),
        estimate: decided && connection.estimate_secret.is_some() && analysis.explainable(),
        block: hit.map(|hit| Block { rule: hit.rule, message: hit.message }),
        ease: ease.map(|ease| ease.rule().to_owned()),
    })
}

/// What they say at the claim. What cannot be read blocks.
#[must_use]
pub fn guard(connection: &Connection, command: &str) -> Guard {
    if connection.is_configuration() {
        // It is ours, and no language.
        return Guard::default();
    }
    let analysis = analyse(dialect(&connection.kind), command);
    let blocked_by = match rules(connection) {
        Ok(rules) => rules.check(command, &analysis).map(|hit| hit.rule),
        Err(error) => Some(error),
    };
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

/// Whether the rows that a command changes can be counted and taken back.
fn may_bound_rows(kind: &str, analysis: &Analysis) -> Result<(), String> {
    match analysis.dialect {
        Dialect::Postgres | Dialect::Mysql | Dialect::Sqlite => analysis.may_bound_rows(),
        Dialect::Shell | Dialect::Http => {
            Err(format!("a `{kind}` command changes no rows that can be counted"))
        }
    }
}

fn risk(kind: &str, analysis: &Analysis) -> Risk {
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
        no_row_bound: may_bound_rows(kind, analysis).err(),
        estimate: None,
    }
}
