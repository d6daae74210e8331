//! What is shown of a span of time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use countersign_rules::{Timestamp, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::rollup::{Asking, Counts, Deciding, Part, Rollup};
use crate::times::Durations;

/// How many people, groups or connections a report names at the most.
pub const MOST_ROWS: usize = 50;
/// How many shapes of commands.
pub const MOST_SHAPES: usize = 25;

/// An account in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReportedUser)]
pub struct Who {
    /// The account.
    pub id: UserId,
    /// For display.
    pub email: String,
}

/// What became of somebody's requests.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RequesterRow {
    /// Who.
    pub user: Who,
    /// What happened in the span.
    pub counts: Counts,
    /// Of what people decided or let expire, the part that was approved.
    #[schema(required = true)]
    pub approval_rate: Option<f64>,
    /// From the submission to the approval or rejection by people.
    pub time_to_decision: Durations,
}

/// How much somebody reviewed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReviewerRow {
    /// Who.
    pub user: Who,
    /// Votes for.
    pub approvals: u64,
    /// Votes against.
    pub rejections: u64,
    /// Of these votes, the part that were for it.
    #[schema(required = true)]
    pub approval_rate: Option<f64>,
    /// From the submission to the vote.
    pub time_to_vote: Durations,
}

/// How much the members of a group reviewed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct GroupRow {
    /// The group.
    pub group: String,
    /// Votes for.
    pub approvals: u64,
    /// Votes against.
    pub rejections: u64,
    /// Of these votes, the part that were for it.
    #[schema(required = true)]
    pub approval_rate: Option<f64>,
    /// From the submission to the vote.
    pub time_to_vote: Durations,
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConnectionRow {
    /// Its name.
    pub connection: String,
    /// What happened.
    pub counts: Counts,
    /// Of what people decided or let expire, the part that was approved.
    #[schema(required = true)]
    pub approval_rate: Option<f64>,
    /// From the submission to the approval or rejection by people.
    pub time_to_decision: Durations,
}

/// How often commands of a shape were submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ShapeRow {
    /// The kind of the connection.
    pub kind: String,
    /// The command with its literals replaced and its lists made short.
    pub shape: String,
    /// How often.
    pub count: u64,
}

/// What happened on a day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DayRow {
    /// The day, in UTC.
    #[schema(format = "date")]
    pub day: String,
    /// What happened.
    pub counts: Counts,
    /// Of what people decided or let expire, the part that was approved.
    #[schema(required = true)]
    pub approval_rate: Option<f64>,
    /// From the submission to the approval or rejection by people.
    pub time_to_decision: Durations,
}

/// What happened in a month.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MonthRow {
    /// The month, in UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// What happened.
    pub counts: Counts,
    /// Of what people decided or let expire, the part that was approved.
    #[schema(required = true)]
    pub approval_rate: Option<f64>,
    /// From the submission to the approval or rejection by people.
    pub time_to_decision: Durations,
}

/// What happened in an hour of the day.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct HourRow {
    /// 0 to 23, in UTC.
    #[schema(maximum = 23)]
    pub hour: u8,
    /// What happened.
    pub counts: Counts,
    /// Of what people decided or let expire, the part that was approved.
    #[schema(required = true)]
    pub approval_rate: Option<f64>,
    /// From the submission to the approval or rejection by people.
    pub time_to_decision: Durations,
}

/// The numbers of a span, by when things happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Analytics)]
pub struct Report {
    /// From that whole hour on.
    pub from: Timestamp,
    /// Up to before that whole hour.
    pub to: Timestamp,
    /// The only connection that is counted; null is all.
    #[schema(required = true)]
    pub connection: Option<String>,
    /// What happened.
    pub counts: Counts,
    /// Of what people decided or let expire, the part that was approved.
    #[schema(required = true)]
    pub approval_rate: Option<f64>,
    /// From the submission to the approval or rejection by people.
    pub time_to_decision: Durations,
    /// Approvals without anybody else's vote, by cause.
    pub automatic_approvals: BTreeMap<String, u64>,
    /// Expiries by cause.
    pub expiries: BTreeMap<String, u64>,
    /// Cancellations by cause.
    pub cancellations: BTreeMap<String, u64>,
    /// By connection, the busiest first.
    pub by_connection: Vec<ConnectionRow>,
    /// By group, the busiest first.
    pub by_group: Vec<GroupRow>,
    /// Who asks, the busiest first.
    pub top_requesters: Vec<RequesterRow>,
    /// Who reviews, the busiest first.
    pub reviewers: Vec<ReviewerRow>,
    /// What is submitted, the commonest first.
    pub common_commands: Vec<ShapeRow>,
    /// By day.
    pub by_day: Vec<DayRow>,
    /// By month.
    pub by_month: Vec<MonthRow>,
    /// By hour of the day in which things happened.
    pub by_hour: Vec<HourRow>,
}

impl Report {
    /// Of the numbers of a span.
    #[must_use]
    pub fn new(rollup: Rollup, (from, to): (Timestamp, Timestamp), connection: Option<String>) -> Self {
        let months = rollup.months();
        let Rollup { counts, automatic, expiries, cancellations, decisions, .. } = rollup;
        // What was counted before these were counted apart still has its causes.
        let undecided = expiries.get("review_timeout").copied().unwrap_or_default().max(counts.undecided);
        let counts = Counts { undecided, ..counts };
        Self {
            from,
            to,
            connection,
            approval_rate: counts.approval_rate(),
            counts,
            time_to_decision: decisions.summary(),
            automatic_approvals: automatic,
            expiries,
            cancellations,
            by_connection: top(rollup.connections, MOST_ROWS, |part| part.counts.submitted)
                .map(|(connection, part)| {
                    let (counts, approval_rate, time_to_decision) = outcome(&part);
                    ConnectionRow { connection, counts, approval_rate, time_to_decision }
                })
                .collect(),
            by_group: top(rollup.groups, MOST_ROWS, Deciding::votes)
                .map(|(group, deciding)| GroupRow {
                    group,
                    approvals: deciding.approvals,
                    rejections: deciding.rejections,
                    approval_rate: deciding.approval_rate(),
                    time_to_vote: deciding.times.summary(),
                })
                .collect(),
            top_requesters: top(rollup.requesters, MOST_ROWS, |asking| asking.counts.submitted)
                .map(|(id, Asking { email, counts, decisions })| RequesterRow {
                    user: Who { id, email },
                    counts,
                    approval_rate: counts.approval_rate(),
                    time_to_decision: decisions.summary(),
                })
                .collect(),
            reviewers: top(rollup.reviewers, MOST_ROWS, Deciding::votes)
                .map(|(id, deciding)| ReviewerRow {
                    approvals: deciding.approvals,
                    rejections: deciding.rejections,
                    approval_rate: deciding.approval_rate(),
                    time_to_vote: deciding.times.summary(),
                    user: Who { id, email: deciding.email },
                })
                .collect(),
            common_commands: top(rollup.shapes, MOST_SHAPES, |count| *count)
                .map(|(name, count)| {
                    let (kind, shape) = name.split_once('\n').unwrap_or_default();
                    ShapeRow { kind: kind.to_owned(), shape: shape.to_owned(), count }
                })
                .collect(),
            by_day: rows(rollup.days, |day, (counts, approval_rate, time_to_decision)| DayRow {
                day,
                counts,
                approval_rate,
                time_to_decision,
            }),
            by_month: rows(months, |month, (counts, approval_rate, time_to_decision)| MonthRow {
                month,
                counts,
                approval_rate,
                time_to_decision,
            }),
            by_hour: rows(rollup.hours, |hour, (counts, approval_rate, time_to_decision)| HourRow {
                hour,
                counts,
                approval_rate,
                time_to_decision,
            }),
        }
    }
}

/// What is shown of a part of a span: how often what, the part that was approved, the times.
type Outcome = (Counts, Option<f64>, Durations);

fn outcome(part: &Part) -> Outcome {
    (part.counts, part.counts.approval_rate(), part.decisions.summary())
}

fn rows<K, R>(parts: BTreeMap<K, Part>, row: impl Fn(K, Outcome) -> R) -> Vec<R> {
    parts.into_iter().map(|(name, part)| row(name, outcome(&part))).collect()
}

/// Those with the most first; of equals, those whose name comes first.
fn top<K: Ord, V>(
    map: BTreeMap<K, V>,
    most: usize,
    weight: impl Fn(&V) -> u64,
) -> impl Iterator<Item = (K, V)> {
    let mut rows: Vec<(K, V)> = map.into_iter().collect();
    rows.sort_by_key(|(_, value)| Reverse(weight(value)));
    rows.into_iter().take(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn year() -> Rollup {
        let mut rollup = Rollup::default();
        for (day, approved, seconds) in
            [("2025-12-31", 1, 10.0), ("2026-01-01", 3, 30.0), ("2026-01-31", 1, 50.0)]
        {
            let part = rollup.days.entry(day.to_owned()).or_default();
            part.counts = Counts { approved, rejected: 1, ..Counts::default() };
            part.decisions.add(seconds);
        }
        rollup
    }

    fn report(rollup: Rollup) -> Report {
        let from = Timestamp::from_unix_millis(1_790_000_000_000);
        Report::new(rollup, (from, from.plus_seconds(3600)), None)
    }

    #[test]
    fn months_are_those_of_their_days_however_early_days_are_joined() {
        let whole = report(year());
        let of = |row: &MonthRow| (row.month.clone(), row.approval_rate, row.time_to_decision.mean_seconds);
        assert_eq!(
            whole.by_month.iter().map(of).collect::<Vec<_>>(),
            [("2025-12".to_owned(), Some(0.5), Some(10.0)), ("2026-01".to_owned(), Some(0.6667), Some(40.0))]
        );
        let mut joined = year();
        joined.join_days();
        joined.merge(&year());
        let mut twice = year();
        twice.merge(&year());
        assert_eq!(report(joined).by_month, report(twice).by_month);
    }

    #[test]
    fn what_nobody_decided_is_in_the_rate_also_where_it_was_not_counted_apart_yet() {
        let counts = Counts { approved: 4, automatic: 1, expired: 2, ..Counts::default() };
        let mut rollup = Rollup { counts, ..Rollup::default() };
        rollup.expiries.insert("review_timeout".to_owned(), 1);
        assert_eq!(report(rollup.clone()).approval_rate, Some(0.75));
        rollup.counts.undecided = 1;
        assert_eq!(report(rollup).approval_rate, Some(0.75));
        assert_eq!(report(Rollup::default()).approval_rate, None);
    }
}
