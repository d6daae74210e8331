//! The numbers of a period.

use std::collections::BTreeMap;

use countersign_rules::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::spread::Spread;
use crate::times::Times;

/// At most that many people, groups or connections are told apart in a period, of each; those with the
/// least are left out. A period is one item of the table, which may have 400 KB.
pub const MOST_NAMES: usize = 400;
/// At most that many shapes of commands.
pub const MOST_SHAPES: usize = 200;

/// How often what happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Requests that were submitted, blocked ones included.
    #[serde(default)]
    pub submitted: u64,
    /// Blocked by a guardrail.
    #[serde(default)]
    pub blocked: u64,
    /// Approved, however: once more for each time that a request was reopened.
    #[serde(default)]
    pub approved: u64,
    /// Approved without anybody else's vote.
    #[serde(default)]
    pub automatic: u64,
    /// Rejected.
    #[serde(default)]
    pub rejected: u64,
    /// Expired, for whatever reason.
    #[serde(default)]
    pub expired: u64,
    /// Of them, those that nobody decided in time.
    #[serde(default)]
    pub undecided: u64,
    /// Cancelled.
    #[serde(default)]
    pub cancelled: u64,
    /// Ran and succeeded.
    #[serde(default)]
    pub succeeded: u64,
    /// Ran and failed.
    #[serde(default)]
    pub failed: u64,
    /// Ended without a known outcome.
    #[serde(default)]
    pub unknown: u64,
    /// Pending again, because a vote no longer stood.
    #[serde(default)]
    pub reopened: u64,
}

impl Counts {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        let Self {
            submitted,
            blocked,
            approved,
            automatic,
            rejected,
            expired,
            undecided,
            cancelled,
            succeeded,
            failed,
            unknown,
            reopened,
        } = other;
        for (sum, more) in [
            (&mut self.submitted, submitted),
            (&mut self.blocked, blocked),
            (&mut self.approved, approved),
            (&mut self.automatic, automatic),
            (&mut self.rejected, rejected),
            (&mut self.expired, expired),
            (&mut self.undecided, undecided),
            (&mut self.cancelled, cancelled),
            (&mut self.succeeded, succeeded),
            (&mut self.failed, failed),
            (&mut self.unknown, unknown),
            (&mut self.reopened, reopened),
        ] {
            *sum += more;
        }
    }

    /// Of what people decided or let expire, the part that they approved. None if that is nothing.
    #[must_use]
    pub fn approval_rate(&self) -> Option<f64> {
        rate(self.approved.saturating_sub(self.automatic), self.rejected + self.undecided)
    }

    fn weight(&self) -> u64 {
        self.submitted + self.approved + self.rejected + self.expired + self.cancelled
    }
}

/// The part that the first makes of both, to four digits.
pub(crate) fn rate(these: u64, others: u64) -> Option<f64> {
    let all = these + others;
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 requests")]
    (all > 0).then(|| (these as f64 / all as f64 * 10_000.0).round() / 10_000.0)
}

/// What happened in a part of a period: on a connection, in an hour, on a day.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Part {
    /// How often what.
    #[serde(flatten)]
    pub counts: Counts,
    /// From the submission to the decision of people.
    #[serde(default, skip_serializing_if = "Spread::is_empty")]
    pub decisions: Spread,
}

impl Part {
    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.decisions.merge(&other.decisions);
    }
}

/// What somebody asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Asking {
    /// Their address, as it was last.
    pub email: String,
    /// What became of it in the period.
    pub counts: Counts,
    /// From the submission to the decision of people.
    #[serde(default, skip_serializing_if = "Spread::is_empty")]
    pub decisions: Spread,
}

/// What somebody, or a group, decided.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Deciding {
    /// Their address, as it was last; empty for groups.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// Votes for.
    pub approvals: u64,
    /// Votes against.
    pub rejections: u64,
    /// From the submission to the vote.
    #[serde(default)]
    pub times: Spread,
}

impl Deciding {
    /// Of their votes, the part that were approvals. None if there are none.
    #[must_use]
    pub fn approval_rate(&self) -> Option<f64> {
        rate(self.approvals, self.rejections)
    }

    /// How many votes.
    #[must_use]
    pub fn votes(&self) -> u64 {
        self.approvals + self.rejections
    }

    fn merge(&mut self, other: &Self) {
        if !other.email.is_empty() {
            self.email.clone_from(&other.email);
        }
        self.approvals += other.approvals;
        self.rejections += other.rejections;
        self.times.merge(&other.times);
    }
}

/// The numbers of a period.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rollup {
    /// Everything.
    pub counts: Counts,
    /// Automatic approvals by cause.
    pub automatic: BTreeMap<String, u64>,
    /// Expiries by cause.
    pub expiries: BTreeMap<String, u64>,
    /// Cancellations by cause.
    pub cancellations: BTreeMap<String, u64>,
    /// From the submission to the decision of people: approval or rejection.
    pub decisions: Times,
    /// By connection.
    pub connections: BTreeMap<String, Part>,
    /// By group of the voters.
    pub groups: BTreeMap<String, Deciding>,
    /// By requester.
    pub requesters: BTreeMap<UserId, Asking>,
    /// By reviewer.
    pub reviewers: BTreeMap<UserId, Deciding>,
    /// Shapes of submitted commands, with the kind in front: how often.
    pub shapes: BTreeMap<String, u64>,
    /// By day, `2026-11-25`; where days were joined, by month, `2026-11`.
    pub days: BTreeMap<String, Part>,
    /// By hour of the day, in UTC.
    pub hours: BTreeMap<u8, Part>,
}

impl Rollup {
    /// Adds a later period.
    pub fn merge(&mut self, later: &Self) {
        self.counts.merge(&later.counts);
        add_all(&mut self.automatic, &later.automatic);
        add_all(&mut self.expiries, &later.expiries);
        add_all(&mut self.cancellations, &later.cancellations);
        self.decisions.merge(&later.decisions);
        for (name, part) in &later.connections {
            self.connections.entry(name.clone()).or_default().merge(part);
        }
        for (name, deciding) in &later.groups {
            self.groups.entry(name.clone()).or_default().merge(deciding);
        }
        for (user, asking) in &later.requesters {
            let sum = self.requesters.entry(*user).or_default();
            sum.email.clone_from(&asking.email);
            sum.counts.merge(&asking.counts);
            sum.decisions.merge(&asking.decisions);
        }
        for (user, deciding) in &later.reviewers {
            self.reviewers.entry(*user).or_default().merge(deciding);
        }
        add_all(&mut self.shapes, &later.shapes);
        for (day, part) in &later.days {
            self.days.entry(day.clone()).or_default().merge(part);
        }
        for (hour, part) in &later.hours {
            self.hours.entry(*hour).or_default().merge(part);
        }
    }

    /// The numbers of its days by month.
    #[must_use]
    pub fn months(&self) -> BTreeMap<String, Part> {
        let mut months: BTreeMap<String, Part> = BTreeMap::new();
        for (day, part) in &self.days {
            months.entry(day.chars().take(7).collect()).or_default().merge(part);
        }
        months
    }

    /// Tells months apart instead of days, for who wants no more.
    pub fn join_days(&mut self) {
        self.days = self.months();
    }

    /// Leaves out those with the least, so that no period grows without bound.
    #[must_use]
    pub fn trimmed(mut self) -> Self {
        trim(&mut self.connections, MOST_NAMES, |part| part.counts.weight());
        trim(&mut self.groups, MOST_NAMES, Deciding::votes);
        trim(&mut self.requesters, MOST_NAMES, |asking| asking.counts.weight());
        trim(&mut self.reviewers, MOST_NAMES, Deciding::votes);
        trim(&mut self.shapes, MOST_SHAPES, |count| *count);
        self
    }
}

fn add_all<K: Ord + Clone>(sums: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
    for (key, count) in more {
        *sums.entry(key.clone()).or_default() += count;
    }
}

fn trim<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, most: usize, weight: impl Fn(&V) -> u64) {
    if map.len() <= most {
        return;
    }
    let mut weights: Vec<(u64, K)> = map.iter().map(|(key, value)| (weight(value), key.clone())).collect();
    weights.sort_by(|(one, key), (other, other_key)| other.cmp(one).then_with(|| key.cmp(other_key)));
    weights.drain(..most);
    for (_, key) in weights {
        map.remove(&key);
    }
}
