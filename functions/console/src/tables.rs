//! The tables of a report as CSV: one file a table.

use countersign_statistics::Report;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::csv;

/// How a report is given.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = AnalyticsFormat)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// All of it.
    #[default]
    Json,
    /// One table of it, RFC 4180.
    Csv,
}

/// Which table of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = AnalyticsTable)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Table {
    /// `by_day`.
    #[default]
    Day,
    /// `by_month`.
    Month,
    /// `by_hour`.
    Hour,
    /// `by_connection`.
    Connection,
    /// `by_group`.
    Group,
    /// `top_requesters`.
    Requester,
    /// `reviewers`.
    Reviewer,
    /// `common_commands`.
    Command,
}

/// What happened, and how long decisions took.
const OUTCOME: [&str; 18] = [
    "counts.submitted",
    "counts.blocked",
    "counts.approved",
    "counts.automatic",
    "counts.rejected",
    "counts.expired",
    "counts.cancelled",
    "counts.succeeded",
    "counts.failed",
    "counts.unknown",
    "counts.undecided",
    "counts.reopened",
    "approval_rate",
    "time_to_decision.count",
    "time_to_decision.mean_seconds",
    "time_to_decision.p50_seconds",
    "time_to_decision.p90_seconds",
    "time_to_decision.p99_seconds",
];
/// How somebody voted, and how long it took.
const VOTES: [&str; 8] = [
    "approvals",
    "rejections",
    "approval_rate",
    "time_to_vote.count",
    "time_to_vote.mean_seconds",
    "time_to_vote.p50_seconds",
    "time_to_vote.p90_seconds",
    "time_to_vote.p99_seconds",
];

impl Table {
    /// All of them, with the words of the page.
    pub(crate) const ALL: [(Self, &str); 8] = [
        (Self::Day, "days"),
        (Self::Month, "months"),
        (Self::Hour, "hours of the day"),
        (Self::Connection, "connections"),
        (Self::Group, "groups"),
        (Self::Requester, "requesters"),
        (Self::Reviewer, "reviewers"),
        (Self::Command, "commands"),
    ];

    /// Its name in an address.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Hour => "hour",
            Self::Connection => "connection",
            Self::Group => "group",
            Self::Requester => "requester",
            Self::Reviewer => "reviewer",
            Self::Command => "command",
        }
    }

    /// What names a row, and what stands behind it: members of the row, as the head says too.
    fn columns(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Day => (&["day"], &OUTCOME),
            Self::Month => (&["month"], &OUTCOME),
            Self::Hour => (&["hour"], &OUTCOME),
            Self::Connection => (&["connection"], &OUTCOME),
            Self::Group => (&["group"], &VOTES),
            Self::Requester => (&["user.email", "user.id"], &OUTCOME),
            Self::Reviewer => (&["user.email", "user.id"], &VOTES),
            Self::Command => (&["kind", "shape"], &["count"]),
        }
    }

    /// The table of a report as CSV.
    ///
    /// # Errors
    /// Only for a report that has no JSON, which none of ours is.
    pub(crate) fn csv(self, report: &Report) -> Result<String, serde_json::Error> {
        match self {
            Self::Day => self.written(&report.by_day),
            Self::Month => self.written(&report.by_month),
            Self::Hour => self.written(&report.by_hour),
            Self::Connection => self.written(&report.by_connection),
            Self::Group => self.written(&report.by_group),
            Self::Requester => self.written(&report.top_requesters),
            Self::Reviewer => self.written(&report.reviewers),
            Self::Command => self.written(&report.common_commands),
        }
    }

    fn written<R: Serialize>(self, rows: &[R]) -> Result<String, serde_json::Error> {
        let (names, values) = self.columns();
        let columns: Vec<&str> = names.iter().chain(values).copied().collect();
        let mut text = csv::line(&columns);
        for row in rows {
            let row = serde_json::to_value(row)?;
            let cells: Vec<String> = columns.iter().map(|column| cell(&row, column)).collect();
            text += &csv::line(&cells);
        }
        Ok(text)
    }
}

fn cell(row: &Value, column: &str) -> String {
    match column.split('.').try_fold(row, |value, member| value.get(member)) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_rules::Timestamp;
    use countersign_statistics::Rollup;

    #[test]
    fn every_column_of_every_table_is_a_member_of_its_rows() {
        let mut rollup = Rollup::default();
        rollup.connections.entry("prod-db".to_owned()).or_default().decisions.add(60.0);
        rollup.days.entry("2026-11-26".to_owned()).or_default().counts.approved = 3;
        rollup.hours.entry(7).or_default().counts.approved = 3;
        rollup.groups.entry("dba".to_owned()).or_default().approvals = 1;
        let user = "usr_01KAYS0000000000000000000A".parse().unwrap();
        rollup.requesters.entry(user).or_default().email = "ann@example.com".to_owned();
        rollup.reviewers.entry(user).or_default().times.add(60.0);
        rollup.shapes.insert("postgres\nselect ?, ?".to_owned(), 2);
        let at = Timestamp::from_unix_millis(1_790_000_000_000);
        let report = Report::new(rollup, (at, at.plus_seconds(3600)), None);
        let json = serde_json::to_value(&report).unwrap();
        let rows = [
            "by_day",
            "by_month",
            "by_hour",
            "by_connection",
            "by_group",
            "top_requesters",
            "reviewers",
            "common_commands",
        ];
        for ((table, _), rows) in Table::ALL.into_iter().zip(rows) {
            let row = &json[rows][0];
            let (names, values) = table.columns();
            for column in names.iter().chain(values) {
                let pointer = format!("/{}", column.replace('.', "/"));
                assert!(row.pointer(&pointer).is_some(), "{rows} {column}: {row}");
            }
            assert_eq!(table.csv(&report).unwrap().lines().count(), 2, "{rows}");
        }
        let connections = Table::Connection.csv(&report).unwrap();
        assert!(connections.lines().nth(1).unwrap().starts_with("prod-db,0,0,"), "{connections}");
        assert!(connections.contains(",60.0,5"), "the mean is exact: {connections}");
        let commands = Table::Command.csv(&report).unwrap();
        assert_eq!(commands, "kind,shape,count\r\npostgres,\"select ?, ?\",2\r\n");
    }
}
