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
            p.notice.(tone(transaction.outcome)) { (transaction.summary) }
            @if transaction.total > 1 {
                div.wide tabindex="0" role="group" aria-label="The statements of the command" {
                    table.output.statements {
                        // On a phone the first three columns are seen without scrolling.
                        thead { tr { th.num scope="col" { "No." } th scope="col" { "Statement" } th scope="col" { "Result" } th.num scope="col" { "Rows" } th.num scope="col" { "Time" } th.num scope="col" { "Line" } } }
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
            td { code { (statement.verb) } }
            td { (badge(statement.status)) }
            td.num { @if let Some(rows) = statement.rows { (rows) } }
            td.num { @if let Some(millis) = statement.duration_ms { (millis) " ms" } }
            td.num { (statement.line) }
        }
    }
}

fn tone(outcome: TransactionOutcome) -> &'static str {
    match outcome {
        TransactionOutcome::Committed => "good",
        TransactionOutcome::RolledBack | TransactionOutcome::Partial | TransactionOutcome::Unknown => "bad",
    }
}

fn badge(status: StatementStatus) -> Markup {
    match status {
        StatementStatus::Committed => html! { span.badge.succeeded { "committed" } },
        StatementStatus::RolledBack => html! { span.badge.pending { "rolled back" } },
        StatementStatus::Failed => html! { span.badge.failed { "failed" } },
        StatementStatus::NotRun => html! { span.badge { "not run" } },
        StatementStatus::Unknown => html! { span.badge.unknown { "unknown" } },
    }
}
