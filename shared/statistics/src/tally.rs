//! From events to numbers.

use std::collections::BTreeMap;

use countersign_guardrails::{Dialect, shape};
use countersign_rules::event::{CancelCause, Decision, ExpiryCause};
use countersign_rules::request::AutoCause;
use countersign_rules::{Event, Fact, RequestId, Timestamp, UserId};

use crate::rollup::{Counts, Rollup};
use crate::spread::Spread;

/// What does not change about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Which.
    pub id: RequestId,
    /// On which connection.
    pub connection: String,
    /// Of which kind.
    pub kind: String,
    /// Who asked.
    pub requester: UserId,
    /// Their address.
    pub email: String,
}

/// The numbers of everything, under the empty name, and of each connection.
pub type Scopes = BTreeMap<String, Rollup>;

/// The name under which a command stands whose shape cannot be seen.
const NO_SHAPE: &str = "(not understood)";

/// Adds an event.
pub fn tally(scopes: &mut Scopes, about: &About, event: &Event) {
    for scope in ["", &about.connection] {
        add(scopes.entry(scope.to_owned()).or_default(), about, event);
    }
}

fn add(rollup: &mut Rollup, about: &About, event: &Event) {
    // The id carries the moment of the submission.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a few years")]
    let seconds = event.at.millis_since(about.id.made_at()) as f64 / 1000.0;
    // Whether people have decided with it.
    let mut decided = false;
    match &event.fact {
        Fact::Created(created) => {
            let dialect: Option<Dialect> = about.kind.parse().ok();
            let shape = dialect.and_then(|dialect| shape(dialect, &created.command));
            let shape = shape.unwrap_or_else(|| NO_SHAPE.to_owned());
            *rollup.shapes.entry(format!("{}\n{shape}", about.kind)).or_default() += 1;
        }
        Fact::Approved { auto_approval: Some(auto), .. } => {
            *rollup.automatic.entry(auto_cause(auto.cause).to_owned()).or_default() += 1;
        }
        Fact::Approved { auto_approval: None, .. } | Fact::Rejected { .. } => {
            decided = true;
            rollup.decisions.add(seconds);
        }
        Fact::Vote(vote) if !vote.automatic => {
            let reviewer = rollup.reviewers.entry(vote.user).or_default();
            reviewer.email.clone_from(&vote.email);
            let groups = vote.groups.iter();
            let (approvals, rejections) = match vote.decision {
                Decision::Approve => (1, 0),
                Decision::Reject => (0, 1),
            };
            let count = |deciding: &mut crate::rollup::Deciding| {
                deciding.approvals += approvals;
                deciding.rejections += rejections;
                deciding.times.add(seconds);
            };
            count(reviewer);
            for group in groups {
                count(rollup.groups.entry(group.to_string()).or_default());
            }
        }
        Fact::Expired { cause } => {
            *rollup.expiries.entry(expiry_cause(*cause).to_owned()).or_default() += 1;
        }
        Fact::Cancelled { cause, .. } => {
            *rollup.cancellations.entry(cancel_cause(*cause).to_owned()).or_default() += 1;
        }
        Fact::Vote(_)
        | Fact::Blocked(_)
        | Fact::Estimated { .. }
        | Fact::Reopened { .. }
        | Fact::RunAsked {}
        | Fact::Running { .. }
        | Fact::LeaseRenewed { .. }
        | Fact::Succeeded(_)
        | Fact::Failed(_)
        | Fact::Unknown { .. } => {}
    }
    let one = |counts: &mut Counts, decisions: &mut Spread| {
        counted(counts, &event.fact);
        if decided {
            decisions.add(seconds);
        }
    };
    counted(&mut rollup.counts, &event.fact);
    for part in [
        rollup.connections.entry(about.connection.clone()).or_default(),
        rollup.days.entry(day(event.at)).or_default(),
        rollup.hours.entry(hour(event.at)).or_default(),
    ] {
        one(&mut part.counts, &mut part.decisions);
    }
    let asking = rollup.requesters.entry(about.requester).or_default();
    asking.email.clone_from(&about.email);
    one(&mut asking.counts, &mut asking.decisions);
}

fn counted(counts: &mut Counts, fact: &Fact) {
    let count = match fact {
        Fact::Created(_) => &mut counts.submitted,
        Fact::Blocked(_) => &mut counts.blocked,
        Fact::Approved { auto_approval, .. } => {
            counts.automatic += u64::from(auto_approval.is_some());
            &mut counts.approved
        }
        Fact::Rejected { .. } => &mut counts.rejected,
        Fact::Expired { cause } => {
            counts.undecided += u64::from(*cause == ExpiryCause::ReviewTimeout);
            &mut counts.expired
        }
        Fact::Cancelled { .. } => &mut counts.cancelled,
        Fact::Succeeded(_) => &mut counts.succeeded,
        Fact::Failed(_) => &mut counts.failed,
        Fact::Unknown { .. } => &mut counts.unknown,
        Fact::Reopened { .. } => &mut counts.reopened,
        Fact::Vote(_)
        | Fact::Estimated { .. }
        | Fact::RunAsked {}
        | Fact::Running { .. }
        | Fact::LeaseRenewed { .. } => return,
    };
    *count += 1;
}

fn day(at: Timestamp) -> String {
    at.rfc3339().chars().take(10).collect()
}

fn hour(at: Timestamp) -> u8 {
    u8::try_from(at.unix_seconds().div_euclid(3600).rem_euclid(24)).unwrap_or(0)
}

fn auto_cause(cause: AutoCause) -> &'static str {
    match cause {
        AutoCause::Admin => "admin",
        AutoCause::Exempt => "exempt",
        AutoCause::ApprovalsDisabled => "approvals_disabled",
        AutoCause::Rule => "rule",
    }
}

fn expiry_cause(cause: ExpiryCause) -> &'static str {
    match cause {
        ExpiryCause::ReviewTimeout => "review_timeout",
        ExpiryCause::RunTimeout => "run_timeout",
        ExpiryCause::VoteVoid => "vote_void",
    }
}

fn cancel_cause(cause: CancelCause) -> &'static str {
    match cause {
        CancelCause::Requester => "requester",
        CancelCause::Revoked => "revoked",
        CancelCause::ConnectionChanged => "connection-changed",
        CancelCause::RequesterNotAllowed => "requester-not-allowed",
        CancelCause::Restored => "restored",
    }
}
