//! What became of the statements of a command.

use countersign_app::view::{RequestView, StatementView};
use countersign_rules::transaction::{StatementStatus, TransactionOutcome};
use maud::{Markup, html};

/// The result in words, and a row for each statement where there are several.
pub(super) fn section(view: &RequestView) -> Markup {
    let Some(transaction) = &view.transaction else { return html! {} };
    if transaction.total == 1 && transaction.outcome == TransactionOutcome::Committed {
        return html! {};
    }
    html! {
        section.card aria-labelledby="statements" {
            h2 #statements { "Result" }
            p.notice.bad[transaction.outcome != TransactionOutcome::Committed] { (transaction.summary) }
            @if transaction.total > 1 {
                div.wide tabindex="0" role="group" aria-label="The statements of the command" {
                    table.output {
                        thead { tr { th.num scope="col" { "No." } th.num scope="col" { "Line" } th scope="col" { "Statement" } th.num scope="col" { "Rows" } th.num scope="col" { "Time" } th scope="col" { "Result" } } }
                        tbody { @for statement in &transaction.statements { (row(statement)) } }
                    }
                }
                @if transaction.left_out > 0 {
                    p.hint { (transaction.left_out) " of " (transaction.total) " statements are not listed." }
                }
            }
        }
    }
}

fn row(statement: &StatementView) -> Markup {
    html! {
        tr {
            td.num { (statement.n) }
            td.num { (statement.line) }
            td { code { (statement.verb) } }
            td.num { @if let Some(rows) = statement.rows { (rows) } }
            td.num { @if let Some(millis) = statement.duration_ms { (millis) " ms" } }
            td { (words(statement.status)) }
        }
    }
}

fn words(status: StatementStatus) -> &'static str {
    match status {
        StatementStatus::Committed => "committed",
        StatementStatus::RolledBack => "rolled back",
        StatementStatus::Failed => "failed",
        StatementStatus::NotRun => "not run",
        StatementStatus::Unknown => "unknown",
    }
}
