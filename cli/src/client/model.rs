//! A request as the service tells it. Lenient: a newer service may add members and states.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::render::safe;

/// The state of a request.
#[derive(Clone, PartialEq, Eq, Deserialize, Debug)]
#[serde(from = "String")]
pub(crate) enum Status {
    /// Waits for votes.
    Pending,
    /// May be run.
    Approved,
    /// Is being run.
    Running,
    /// Ran well.
    Succeeded,
    /// Ran, or was started, and failed.
    Failed,
    /// Stopped by a guardrail.
    Blocked,
    /// Stopped by a reviewer.
    Rejected,
    /// Too late.
    Expired,
    /// Called off.
    Cancelled,
    /// The outcome is not known.
    Unknown,
    /// A state that this client does not know.
    Other(String),
}

impl From<String> for Status {
    fn from(name: String) -> Self {
        match name.as_str() {
            "PENDING" => Self::Pending,
            "APPROVED" => Self::Approved,
            "RUNNING" => Self::Running,
            "SUCCEEDED" => Self::Succeeded,
            "FAILED" => Self::Failed,
            "BLOCKED" => Self::Blocked,
            "REJECTED" => Self::Rejected,
            "EXPIRED" => Self::Expired,
            "CANCELLED" => Self::Cancelled,
            "UNKNOWN" => Self::Unknown,
            _ => Self::Other(safe::line(&name)),
        }
    }
}

impl Default for Status {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl Status {
    /// The name in the contract.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Blocked => "BLOCKED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::Other(name) => name,
        }
    }
}

/// Somebody, for display.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Person {
    id: String,
    email: Option<String>,
}

impl Person {
    /// The e-mail address, or the id where there is none.
    pub(crate) fn name(&self) -> String {
        safe::line(self.email.as_deref().unwrap_or(&self.id))
    }
}

/// One person's vote.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Decision {
    /// Who.
    pub(crate) user: Person,
    /// `approve` or `reject`.
    pub(crate) decision: String,
    /// Through what.
    pub(crate) via: String,
    /// When, RFC 3339.
    pub(crate) at: String,
    /// The comment, or the reason of a rejection.
    pub(crate) comment: Option<String>,
    /// Whether an admin cast it by submitting.
    pub(crate) automatic: bool,
    /// What an approval is limited to.
    pub(crate) bounds: Option<Bounds>,
}

/// What an approval is limited to.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Bounds {
    max_rows: Option<u64>,
    not_after: Option<String>,
}

impl Bounds {
    /// In words: `at most 50 rows, before 2026-11-23T18:00:00Z`.
    pub(crate) fn in_words(&self) -> String {
        let rows = self.max_rows.map(|rows| format!("at most {rows} rows"));
        let end = self.not_after.as_deref().map(|end| format!("before {}", safe::line(end)));
        rows.into_iter().chain(end).collect::<Vec<_>>().join(", ")
    }
}

/// A reviewer group and where it stands.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Group {
    group: String,
    /// How many approvals it has to give.
    pub(crate) required: usize,
    /// `PENDING`, `APPROVED`, `REJECTED`, or `NOT_REQUIRED`.
    pub(crate) status: String,
    /// The votes that count for it.
    pub(crate) decisions: Vec<Decision>,
    /// Who could approve; only a submission's answer says so.
    pub(crate) can_approve: Option<Approvers>,
}

/// Who could approve for a group.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Approvers {
    count: usize,
    emails: Vec<String>,
}

impl Approvers {
    /// In words, with as many names as somebody reads: `dana@…, rita@… or 3 more`.
    pub(crate) fn in_words(&self) -> String {
        const NAMES: usize = 4;
        let names: Vec<String> = self.emails.iter().take(NAMES).map(|email| safe::line(email)).collect();
        let more = self.count.saturating_sub(names.len());
        match (names.split_last(), more) {
            (None, 0) => "nobody can give it now".to_owned(),
            (None, more) => format!("{more} people"),
            (Some((only, [])), 0) => only.clone(),
            (Some((last, others)), 0) => format!("{} or {last}", others.join(", ")),
            (Some(_), more) => format!("{} or {more} more", names.join(", ")),
        }
    }
}

impl Group {
    /// The group's name, safe to print.
    pub(crate) fn name(&self) -> String {
        safe::line(&self.group)
    }

    /// How many approvals stand.
    pub(crate) fn approvals(&self) -> usize {
        self.decisions.iter().filter(|vote| vote.decision == "approve").count()
    }

    /// How many are missing.
    pub(crate) fn missing(&self) -> usize {
        if self.is_required() { self.required.saturating_sub(self.approvals()) } else { 0 }
    }

    /// Whether anybody needs its approval.
    pub(crate) fn is_required(&self) -> bool {
        self.status != "NOT_REQUIRED"
    }
}

/// Why no vote was needed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AutoApproval {
    /// `admin`, `exempt`, `approvals_disabled` or `rule`.
    pub(crate) cause: String,
    /// The group that it came through.
    pub(crate) group: Option<String>,
    /// The rule that it came through.
    pub(crate) rule: Option<String>,
}

/// What the guardrails think of the command.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Risk {
    /// `low`, `medium`, `high`, …
    pub(crate) level: Option<String>,
    /// Statement kinds.
    pub(crate) statements: Vec<String>,
    /// Tables that are touched.
    pub(crate) tables: Vec<String>,
    /// What a reviewer should know.
    pub(crate) notes: Vec<String>,
    /// How many rows it touches, by the target's own guess.
    pub(crate) estimate: Option<String>,
}

/// How many rows a request would change, counted before the vote.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ExactRows {
    /// How many.
    pub(crate) rows: u64,
    /// The table.
    pub(crate) table: String,
    /// When they were counted, RFC 3339.
    pub(crate) at: String,
}

/// How the execution went.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Execution {
    /// When it started, RFC 3339.
    pub(crate) started_at: Option<String>,
    /// When it ended, RFC 3339.
    pub(crate) finished_at: Option<String>,
    /// The exit code, for kinds that have one.
    pub(crate) exit_code: Option<i64>,
    /// Rows returned or affected.
    pub(crate) rows: Option<u64>,
    /// Bytes of output.
    pub(crate) bytes: Option<u64>,
    /// How many values were masked, by entity.
    pub(crate) masked: Option<BTreeMap<String, u64>>,
    /// What the target said.
    pub(crate) error: Option<String>,
    /// Whether the output was cut at its limits.
    pub(crate) output_cut: bool,
    /// How many notices of the target stand in the output.
    pub(crate) notices: u64,
}

/// What became of the statements of a command.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Transaction {
    /// `committed`, `rolled_back`, `partial`, `unknown`.
    pub(crate) outcome: String,
    /// The same in words.
    pub(crate) summary: String,
    /// How many statements there are.
    pub(crate) total: u64,
    /// How many of them are not in the list.
    pub(crate) left_out: u64,
    /// The statements.
    pub(crate) statements: Vec<Statement>,
}

/// What became of one statement.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Statement {
    /// Its number, from 1.
    pub(crate) n: u64,
    /// The line on which it begins.
    pub(crate) line: u64,
    /// Its verb.
    pub(crate) verb: String,
    /// Rows returned or affected.
    pub(crate) rows: Option<u64>,
    /// How long it ran.
    pub(crate) duration_ms: Option<u64>,
    /// `committed`, `rolled_back`, `failed`, `not_run`, `unknown`.
    pub(crate) status: String,
}

/// A request. Without `Debug`: it holds the command.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    /// `req_…`.
    pub(crate) id: String,
    /// Its state.
    pub(crate) status: Status,
    /// Grows with every change.
    pub(crate) version: u64,
    /// On which connection.
    pub(crate) connection: String,
    /// The connection's kind.
    pub(crate) kind: String,
    /// The connection's bound on changed rows.
    pub(crate) max_rows: Option<u64>,
    /// Who asks.
    pub(crate) requester: Person,
    command: Option<String>,
    command_display: Option<String>,
    command_truncated: Option<bool>,
    /// Why.
    pub(crate) reason: Option<String>,
    /// `sha256:…` over all that would run.
    pub(crate) digest: String,
    /// The digest's short human form.
    pub(crate) code: String,
    /// `manual` or `on_approval`.
    pub(crate) run: String,
    /// `transaction` or `statement_by_statement`.
    pub(crate) run_mode: String,
    /// Whose approval it needs.
    pub(crate) groups: Vec<Group>,
    /// Why no vote was needed.
    pub(crate) auto_approval: Option<AutoApproval>,
    /// What the guardrails think.
    pub(crate) risk: Option<Risk>,
    /// How many rows it would change, for reviewers.
    pub(crate) exact_rows: Option<ExactRows>,
    /// When it was made, RFC 3339.
    pub(crate) created_at: String,
    /// The end of the time for votes, RFC 3339.
    pub(crate) expires_at: Option<String>,
    /// When the votes were complete, RFC 3339.
    pub(crate) decided_at: Option<String>,
    /// The end of the time to run it, RFC 3339.
    pub(crate) run_by: Option<String>,
    /// How it went.
    pub(crate) execution: Option<Execution>,
    /// What became of its statements.
    pub(crate) transaction: Option<Transaction>,
    /// Where to see it.
    pub(crate) page: Option<String>,
    /// Why it ended without having run.
    pub(crate) cause: Option<String>,
}

impl Request {
    /// Reads a request out of an answer.
    ///
    /// # Errors
    /// What does not fit, in words.
    pub(crate) fn read(value: &Value) -> Result<Self, String> {
        let request =
            Self::deserialize(value).map_err(|error| format!("a request that does not fit: {error}"))?;
        if request.id.is_empty() {
            return Err("a request without an id".to_owned());
        }
        Ok(request)
    }

    /// The whole command, every invisible character made visible; `None` if it is not all here.
    pub(crate) fn whole_command(&self) -> Option<String> {
        if self.command_truncated == Some(true) {
            return None;
        }
        let display = self.command_display.as_deref().or(self.command.as_deref())?;
        Some(safe::text(display))
    }

    /// The instant that limits what can happen next: the claim once approved, the votes before.
    pub(crate) fn deadline(&self) -> Option<OffsetDateTime> {
        let text = match self.status {
            Status::Pending => self.expires_at.as_ref(),
            _ => self.run_by.as_ref().or(self.expires_at.as_ref()),
        };
        OffsetDateTime::parse(text?, &Rfc3339).ok()
    }

    /// How many approvals are missing in all.
    pub(crate) fn missing(&self) -> usize {
        self.groups.iter().map(Group::missing).sum()
    }

    /// Whether a vote that an admin cast by submitting is among the decisions.
    pub(crate) fn has_automatic_vote(&self) -> bool {
        self.groups.iter().any(|group| group.decisions.iter().any(|vote| vote.automatic))
    }

    /// Takes over who could approve, which later answers do not repeat, from an earlier one.
    pub(crate) fn keep_approvers_of(&mut self, earlier: &Self) {
        for group in self.groups.iter_mut().filter(|group| group.can_approve.is_none()) {
            let known = earlier.groups.iter().find(|known| known.group == group.group);
            group.can_approve = known.and_then(|known| known.can_approve.clone());
        }
    }

    /// The vote against, with its group.
    pub(crate) fn rejection(&self) -> Option<(&Group, &Decision)> {
        self.groups
            .iter()
            .flat_map(|group| group.decisions.iter().map(move |vote| (group, vote)))
            .find(|(_, vote)| vote.decision == "reject")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approvers(count: usize, emails: &[&str]) -> String {
        Approvers { count, emails: emails.iter().map(|&email| email.to_owned()).collect() }.in_words()
    }

    #[test]
    fn who_can_approve_is_told_in_words() {
        assert_eq!(approvers(0, &[]), "nobody can give it now");
        assert_eq!(approvers(1, &["dana@x"]), "dana@x");
        assert_eq!(approvers(3, &["dana@x", "rita@x", "root@x"]), "dana@x, rita@x or root@x");
        assert_eq!(approvers(9, &["a@x", "b@x", "c@x", "d@x", "e@x"]), "a@x, b@x, c@x, d@x or 5 more");
    }
}
