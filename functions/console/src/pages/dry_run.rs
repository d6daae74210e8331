//! A dry run for people: the same on the page of a new request and in the form of a connection.

use countersign_app::dry_run::{Check, CheckGroup, CheckOutcome, RowBound, SourceError};
use countersign_app::view::GroupStatus;
use countersign_rules::request::{AutoApproval, AutoCause};
use maud::{Markup, html};

use super::words;

/// For whom the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Someone who is about to submit the command.
    Requester,
    /// An admin who tries rules.
    Admin,
}

/// Everything that a dry run says.
pub(super) fn result(check: &Check, reader: Reader) -> Markup {
    html! {
        (outcome(check, reader))
        @if check.outcome == CheckOutcome::NeedsApproval { (groups(check)) }
        @for error in &check.errors { (error_at(error)) }
        @if let Some(risk) = &check.risk {
            p { (words::risk(risk.level)) " " (risk.statements.join(", "))
                @if !risk.tables.is_empty() { " on " (risk.tables.join(", ")) } }
            @let notes = notes(&risk.notes, &check.errors);
            @if !notes.is_empty() { ul.notes.small { @for note in notes { li { (words::ticked(note)) } } } }
        }
        dl.facts {
            dt { "Row limit" } dd { (row_bound(&check.row_bound, check.errors.is_empty())) }
            @if let Some(estimate) = &check.estimate { dt { "Estimate" } dd { (estimate) span.hint { " by the target's own guess, rounded" } } }
        }
        @if check.satisfiable || check.outcome != CheckOutcome::NeedsApproval { @for warning in &check.warnings { p.notice.wait { (words::ticked(&words::sentence(warning))) } } }
    }
}

fn outcome(check: &Check, reader: Reader) -> Markup {
    let message = check.message.as_deref().unwrap_or_default();
    let rule = check.rule.as_deref().unwrap_or_default();
    match (check.outcome, reader) {
        (CheckOutcome::Blocked, Reader::Requester) => html! {
            p.notice.bad { strong { "A guardrail blocks it" } " (" code { (rule) } "): " (words::ticked(&words::sentence(message))) " Nobody will be asked." }
        },
        (CheckOutcome::Blocked, Reader::Admin) => html! {
            p.notice.bad { strong { "Blocked" } " by " code { (rule) } ": " (words::ticked(message)) }
        },
        (CheckOutcome::AutoApproved, Reader::Requester) => html! {
            p.notice.good { strong { "It needs nobody else." } " " @if let Some(approval) = &check.auto_approval { (cause(approval)) } }
        },
        (CheckOutcome::AutoApproved, Reader::Admin) => html! {
            p.notice.good { strong { "No guardrail blocks it." } " It needs no approval. " @if let Some(approval) = &check.auto_approval { (cause(approval)) } }
        },
        (CheckOutcome::NeedsApproval, Reader::Requester) => html! {},
        (CheckOutcome::NeedsApproval, Reader::Admin) => html! {
            p.notice.good { strong { "No guardrail blocks it." } " It needs approval." }
        },
    }
}

/// Why it needs nobody else.
fn cause(approval: &AutoApproval) -> String {
    let group = approval.group.as_ref().map(ToString::to_string).unwrap_or_default();
    match approval.cause {
        AutoCause::Admin => format!("You are an admin in {group}: sending it counts as your approval."),
        AutoCause::Exempt => format!("You are in {group}, which is exempt on this connection."),
        AutoCause::ApprovalsDisabled => "Approvals are switched off on this connection.".to_owned(),
        AutoCause::Rule => {
            "It provably only reads, and this connection lets such commands through.".to_owned()
        }
    }
}

/// Who would be asked, how many people that is, and whether they suffice.
fn groups(check: &Check) -> Markup {
    html! {
        @if check.groups.is_empty() { p.notice.wait { "No reviewer group is set." } }
        @else {
            p { "It waits for:" }
            ul.votes { @for group in &check.groups { li { strong { (group.group) } " — " (eligible(group)) } } }
            @if check.satisfiable { p.hint { "These people can approve it now." } }
            @else {
                p.notice.bad { strong { "It cannot be approved now." } @for warning in &check.warnings { " " (words::ticked(&words::sentence(warning))) } }
            }
        }
    }
}

fn eligible(group: &CheckGroup) -> Markup {
    html! {
        @match group.status {
            GroupStatus::Approved => { "approved by you" }
            GroupStatus::Pending | GroupStatus::Rejected | GroupStatus::NotRequired => {
                "needs " (group.required) @if group.required == 1 { " approval; " } @else { " approvals; " } (words::people(group.eligible)) " can give it"
                @if !group.emails.is_empty() { ": " span.muted { (group.emails.join(", ")) @if group.eligible > group.emails.len() { " and others" } } }
            }
        }
    }
}

fn error_at(error: &SourceError) -> Markup {
    html! {
        p.notice.bad {
            strong { "Not understood" }
            @if let (Some(line), Some(column)) = (error.line, error.column) { " in line " (line) ", column " (column) }
            ": " (words::ticked(&error.message))
        }
    }
}

/// The notes that say more than the errors.
fn notes<'a>(notes: &'a [String], errors: &[SourceError]) -> Vec<&'a String> {
    notes.iter().filter(|note| !errors.iter().any(|error| note.contains(&error.message))).collect()
}

fn row_bound(bound: &RowBound, understood: bool) -> Markup {
    html! {
        @match (bound.possible, bound.max_rows) {
            (true, Some(rows)) => { (words::row_limit(rows)) }
            (true, None) => { "reviewers can limit the number of changed rows" }
            (false, _) if !understood => { "not possible" }
            (false, _) => { "not possible: " (words::ticked(bound.why.as_deref().unwrap_or("its rows are not counted"))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> Check {
        Check {
            outcome: CheckOutcome::NeedsApproval,
            rule: None,
            message: None,
            auto_approval: None,
            groups: vec![CheckGroup {
                group: "dba-team".parse().unwrap(),
                required: 2,
                eligible: 1,
                emails: vec!["dana@example.com".to_owned()],
                status: GroupStatus::Pending,
            }],
            satisfiable: false,
            risk: None,
            estimate: Some("about 3,000 rows of orders".to_owned()),
            masked_columns: None,
            row_bound: RowBound { possible: true, why: None, max_rows: Some(50) },
            errors: vec![SourceError {
                line: Some(2),
                column: Some(3),
                message: "expected <SELECT>".to_owned(),
            }],
            warnings: vec!["nobody can satisfy this rule".to_owned()],
        }
    }

    #[test]
    fn everything_that_a_dry_run_says_is_on_the_page() {
        let page = result(&check(), Reader::Requester).into_string();
        for said in [
            "needs 2 approvals; 1 person can give it",
            "dana@example.com",
            "It cannot be approved now",
            "in line 2, column 3",
            "expected &lt;SELECT&gt;",
            "at most 50 rows",
            "about 3,000 rows of orders",
            "Nobody can satisfy this rule.",
        ] {
            assert!(page.contains(said), "{said}: {page}");
        }
        let blocked = Check {
            outcome: CheckOutcome::Blocked,
            rule: Some("no-drop".to_owned()),
            message: Some("tables stay".to_owned()),
            row_bound: RowBound {
                possible: false,
                why: Some("DROP is not counted".to_owned()),
                max_rows: None,
            },
            errors: Vec::new(),
            ..check()
        };
        let page = result(&blocked, Reader::Requester).into_string();
        assert!(page.contains("A guardrail blocks it") && page.contains("Tables stay."), "{page}");
        assert!(!page.contains("It waits for"), "nobody is asked: {page}");
        assert!(page.contains("not possible: DROP is not counted"), "{page}");
    }
}
