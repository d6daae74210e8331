//! What a message about a request says, whatever channel shows it.

use countersign_rules::event::{CancelCause, Created, Decision, ExpiryCause, Outcome};
use countersign_rules::request::{AutoCause, Phase, RunMode, Vote};
use countersign_rules::risk::{Estimate, Risk, RiskLevel};
use countersign_rules::transaction::TransactionOutcome;
use countersign_rules::{
    Digest, GroupName, Request, RequestId, StatementMode, Status, Timestamp, Transaction,
};

use crate::legible::{Obstacle, legible};
use crate::words::{duration, line, moment, seconds_between};

/// The longest e-mail address in a message.
const MOST_EMAIL: usize = 80;
/// How much of a reason a message shows; the page shows all.
const MOST_REASON: usize = 500;
/// How much of what is known of a command's effect a message shows.
const MOST_RISK: usize = 300;

/// A request as a message shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its id.
    pub id: RequestId,
    /// What an approval must send back.
    pub digest: Digest,
    /// How many commits it has seen.
    pub version: u64,
    /// Where it stands at [`Notice::now`].
    pub status: Status,
    /// On which connection.
    pub connection: String,
    /// The connection's kind.
    pub kind: String,
    /// Who asked, on one line.
    pub requester: String,
    /// Exactly what would run.
    pub command: String,
    /// Why it may not be judged in a chat, if it may not.
    pub obstacle: Option<Obstacle>,
    /// Why the requester wants it, shortened.
    pub reason: Option<String>,
    /// What is known of what it does, on one line.
    pub risk: Option<String>,
    /// How its statements take effect, where that is not all or none.
    pub run_mode: Option<&'static str>,
    /// The connection's bound on changed rows, on one line.
    pub limit: Option<String>,
    /// Each reviewer group.
    pub groups: Vec<GroupNotice>,
    /// What became of it, in a sentence; nothing while votes are awaited.
    pub outcome: Option<String>,
    /// The next instant at which time alone changes something for people.
    pub until: Option<Until>,
    /// When this was made.
    pub now: Timestamp,
    /// The page that shows everything.
    pub page: String,
}

/// A reviewer group as a message shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupNotice {
    /// Its name.
    pub name: GroupName,
    /// How many approvals it must give.
    pub required: usize,
    /// Who has approved for it.
    pub approved_by: Vec<String>,
    /// Who has rejected for it.
    pub rejected_by: Vec<String>,
}

/// A time limit that still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Votes count before that instant.
    Votes(Timestamp),
    /// It can be run before that instant.
    Run(Timestamp),
}

impl Until {
    /// The instant.
    #[must_use]
    pub fn at(self) -> Timestamp {
        match self {
            Self::Votes(at) | Self::Run(at) => at,
        }
    }
}

impl Notice {
    /// The request as it stands at `now`; `public_url` is where the service is reached.
    #[must_use]
    pub fn new(request: &Request, created: &Created, now: Timestamp, public_url: &str) -> Self {
        let status = request.status_at(now);
        let reason = created.reason.as_deref().map(|reason| crate::words::lines(reason, MOST_REASON));
        Self {
            id: request.id,
            digest: request.digest,
            version: request.version,
            status,
            connection: request.connection.to_string(),
            kind: request.kind.clone(),
            requester: line(&request.requester.email, MOST_EMAIL),
            command: created.command.clone(),
            obstacle: legible(&created.command).err(),
            reason: reason.filter(|reason| !reason.is_empty()),
            risk: created.risk.as_ref().map(|known| risk(known, request)),
            run_mode: run_mode(request.run_mode),
            limit: request
                .policy
                .max_rows
                .map(|rows| format!("at most {rows} changed rows; more are rolled back")),
            groups: groups(request),
            outcome: outcome(request, now),
            until: until(request, status),
            now,
            page: format!("{public_url}/requests/{}", request.id),
        }
    }

    /// The short form of the digest.
    #[must_use]
    pub fn code(&self) -> String {
        self.digest.code()
    }

    /// Whether a button may approve it where this is shown.
    #[must_use]
    pub fn may_be_approved_here(&self) -> bool {
        self.status == Status::Pending && self.obstacle.is_none()
    }

    /// What the message is about, in a few words.
    #[must_use]
    pub fn title(&self) -> &'static str {
        match self.status {
            Status::Pending => "⏳ Approval needed",
            Status::Approved => "✅ Approved",
            Status::Running => "▶️ Running",
            Status::Succeeded => "🏁 Succeeded",
            Status::Failed => "💥 Failed",
            Status::Blocked => "🛑 Blocked",
            Status::Rejected => "❌ Rejected",
            Status::Expired => "⌛ Expired",
            Status::Cancelled => "🚫 Cancelled",
            Status::Unknown => "❓ Outcome unknown",
        }
    }

    /// The time limit, in a sentence with the instant in UTC.
    #[must_use]
    pub fn time_left(&self) -> Option<String> {
        let until = self.until?;
        let left = duration(seconds_between(self.now, until.at()));
        Some(match until {
            Until::Votes(at) => format!("{left} left to decide, until {}", moment(at)),
            Until::Run(at) => format!("{left} left to run it, until {}", moment(at)),
        })
    }
}

impl GroupNotice {
    /// Where the group stands, with at most `most` people by name.
    #[must_use]
    pub fn line(&self, most: usize) -> String {
        let Self { name, required, approved_by, rejected_by } = self;
        let people = |people: &[String]| crate::words::some_of(people, most);
        if !rejected_by.is_empty() {
            return format!("❌ {name}: rejected by {}", people(rejected_by));
        }
        let count = approved_by.len();
        let mark = if count >= *required { "✅" } else { "⏳" };
        match (count, *required) {
            (0, 1) => format!("{mark} {name}: waiting"),
            (0, required) => format!("{mark} {name}: 0 of {required}"),
            (_, 1) => format!("{mark} {name}: approved by {}", people(approved_by)),
            (count, required) => format!("{mark} {name}: {count} of {required}, {}", people(approved_by)),
        }
    }
}

fn groups(request: &Request) -> Vec<GroupNotice> {
    let approvals: Vec<&Vote> = request.approvals().collect();
    let email = |vote: &Vote| line(&vote.email, MOST_EMAIL);
    let coverage = request.coverage().by_group;
    let group = |(name, covering): (&GroupName, Vec<usize>)| {
        let approved = covering.iter().filter_map(|position| approvals.get(*position));
        let against = |vote: &&Vote| vote.decision == Decision::Reject && vote.groups.contains(name);
        GroupNotice {
            name: name.clone(),
            required: usize::from(request.policy.approvals_per_group),
            approved_by: approved.map(|vote| email(vote)).collect(),
            rejected_by: request.votes.iter().filter(against).map(email).collect(),
        }
    };
    request.policy.groups.iter().zip(coverage).map(group).collect()
}

/// At most so many side effects stand in a chat; the page has all.
const MAX_SIDE_EFFECTS: usize = 3;

fn risk(risk: &Risk, request: &Request) -> String {
    let level = match risk.level {
        RiskLevel::Low => "low",
        RiskLevel::Medium => "medium",
        RiskLevel::High => "high",
    };
    let mut text = level.to_owned();
    if !risk.statements.is_empty() {
        text = format!("{text}: {}", risk.statements.join(", "));
    }
    if !risk.tables.is_empty() {
        text = format!("{text} on {}", risk.tables.join(", "));
    }
    if let Some(estimate) = request.estimate.as_ref().and_then(Estimate::in_words) {
        text = format!("{text}, {estimate}");
    }
    let notes: Vec<&str> = risk
        .notes
        .iter()
        .chain(request.side_effects.iter().take(MAX_SIDE_EFFECTS))
        .map(String::as_str)
        .collect();
    if !notes.is_empty() {
        text = format!("{text}. {}", notes.join(". "));
    }
    line(&text, MOST_RISK)
}

fn run_mode(mode: StatementMode) -> Option<&'static str> {
    match mode {
        StatementMode::Transaction => None,
        StatementMode::StatementByStatement => {
            Some("statement by statement: each commits on its own, and the run stops at the first failure")
        }
    }
}

fn until(request: &Request, status: Status) -> Option<Until> {
    match (status, &request.phase) {
        (Status::Pending, _) => Some(Until::Votes(request.expires_at)),
        (Status::Approved, Phase::Approved(approval)) => Some(Until::Run(approval.run_by)),
        _ => None,
    }
}

fn outcome(request: &Request, now: Timestamp) -> Option<String> {
    if let Some(cause) = request.expired_by(now) {
        return Some(expired(cause));
    }
    match &request.phase {
        Phase::Pending => None,
        Phase::Approved(_) => Some(approved(request)),
        Phase::Running(..) => Some("It is running.".to_owned()),
        Phase::Unknown { transaction, .. } => {
            let text = "The outcome is not known, and it is never run again automatically. An admin who is not its requester settles it.";
            Some(with_result(text.to_owned(), transaction.as_deref()))
        }
        Phase::Finished { at, succeeded, outcome, .. } => {
            let mut text = if *succeeded { "It ran and succeeded" } else { "It ran and failed" }.to_owned();
            if outcome.settled_note.is_some() {
                text = format!("An admin settled it as {}", if *succeeded { "succeeded" } else { "failed" });
            } else if let Some(claim) = request.claim() {
                text = format!("{text} after {}", duration(seconds_between(claim.at, *at)));
            }
            if let Some(rows) = outcome.rows {
                text = format!("{text}: {rows} row{}", if rows == 1 { "" } else { "s" });
            }
            Some(with_result(format!("{text}."), result_worth_telling(outcome)))
        }
        Phase::Blocked { block, .. } => {
            Some(format!("A guardrail blocked it: {}.", line(&block.message, MOST_REASON)))
        }
        Phase::Rejected { .. } => Some(rejected(request)),
        Phase::Expired { cause, .. } => Some(expired(*cause)),
        Phase::Cancelled { cause, .. } => Some(cancelled(*cause)),
    }
}

/// What became of the statements, unless there was one and it is committed, which the status says already.
fn result_worth_telling(outcome: &Outcome) -> Option<&Transaction> {
    let told = |transaction: &&Transaction| {
        transaction.total > 1 || transaction.outcome != TransactionOutcome::Committed
    };
    outcome.transaction.as_deref().filter(told)
}

fn with_result(text: String, transaction: Option<&Transaction>) -> String {
    match transaction {
        Some(transaction) => format!("{text} {}", transaction.in_words()),
        None => text,
    }
}

fn approved(request: &Request) -> String {
    let who = match request.auto_approval.as_ref().map(|auto| auto.cause) {
        Some(AutoCause::Admin) => {
            "It needed no vote of somebody else: its requester is an admin in a reviewer group. "
        }
        Some(AutoCause::Exempt) => "It needed no votes: its requester is in an exempt group. ",
        Some(AutoCause::ApprovalsDisabled) => {
            "It needed no votes: approvals are switched off on the connection. "
        }
        Some(AutoCause::Rule) => "It needed no votes: a rule of the connection lets it through. ",
        None => "",
    };
    let next = match request.run {
        RunMode::Manual => "Its requester may run it now.",
        RunMode::OnApproval => "It runs now.",
    };
    format!("{who}{next}")
}

fn rejected(request: &Request) -> String {
    let against = request.votes.iter().find(|vote| vote.decision == Decision::Reject);
    match against {
        None => "It was rejected.".to_owned(),
        Some(vote) => {
            let who = line(&vote.email, MOST_EMAIL);
            let why = vote.comment.as_deref().map(|comment| line(comment, MOST_REASON));
            format!("Rejected by {who}: {}", why.unwrap_or_default())
        }
    }
}

fn expired(cause: ExpiryCause) -> String {
    match cause {
        ExpiryCause::ReviewTimeout => "Nobody decided in time. It must be submitted again.",
        ExpiryCause::RunTimeout => "It was approved and not run in time. It must be submitted again.",
        ExpiryCause::VoteVoid => {
            "A vote was void when it was to run, and the time for votes is over. It must be submitted again."
        }
    }
    .to_owned()
}

fn cancelled(cause: CancelCause) -> String {
    match cause {
        CancelCause::Requester => "Its requester called it off.",
        CancelCause::Revoked => "An admin called it off.",
        CancelCause::ConnectionChanged => {
            "The connection was changed after it was submitted. It must be submitted again."
        }
        CancelCause::RequesterNotAllowed => "Its requester may not use the connection any more.",
        CancelCause::Restored => "The deployment was restored from a backup. It must be submitted again.",
    }
    .to_owned()
}
