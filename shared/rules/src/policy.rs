//! The approval policy that a request carries, frozen when it was submitted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Bounds, GroupName};

/// At most this many reviewer groups a request.
pub const MAX_GROUPS: usize = 25;
/// At most this many approvals a request, over all its groups.
pub const MAX_APPROVALS: usize = 60;
/// The largest bound on changed rows that a connection may have. Events are RFC 8785 JSON, whose numbers are doubles.
pub const MAX_ROW_BOUND: u64 = 1_000_000_000_000;
/// The longest time-out of votes and of the claim: 30 days, in seconds.
pub const MAX_TIMEOUT_SECONDS: u32 = 30 * 24 * 3600;

/// Which approvals a request needs, and by when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// The version of the connection that this policy was taken from.
    pub version: u64,
    /// The reviewer groups, in the order of the connection; empty only if approvals are off.
    pub groups: Vec<GroupName>,
    /// Approvals that each group must give.
    pub approvals_per_group: u8,
    /// Whether k approvals need k different people.
    pub distinct_reviewers: bool,
    /// Whether an admin's own request counts as one approval by that admin.
    pub admin_auto_approve: bool,
    /// Members' requests need no approval.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exempt_groups: BTreeSet<GroupName>,
    /// Who may use the connection; empty is everybody.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub allowed_groups: BTreeSet<GroupName>,
    /// Off: every request is approved at once.
    pub approvals: bool,
    /// How long an approved request may be claimed, in seconds.
    pub run_within_seconds: u32,
    /// The most rows that one request may change, whatever its approvals say; none is no limit. A reviewer's own
    /// bound may be smaller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
}

/// Why a policy cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// Approvals are on and nobody is asked.
    #[error("approvals are on, so at least one reviewer group is needed")]
    NoReviewers,
    /// A group is named twice.
    #[error("the reviewer group `{0}` is named twice")]
    GroupTwice(GroupName),
    /// Too many groups.
    #[error("at most {MAX_GROUPS} reviewer groups are possible, got {0}")]
    TooManyGroups(usize),
    /// Too many or no approvals.
    #[error(
        "approvals per group must be at least 1 and all groups together need at most {MAX_APPROVALS}, got {0}"
    )]
    Approvals(usize),
    /// A time-out out of range.
    #[error("`{member}` must be between 1 and {MAX_TIMEOUT_SECONDS} seconds, got {got}")]
    Timeout {
        /// Which member.
        member: &'static str,
        /// What came.
        got: u32,
    },
    /// A bound on changed rows out of range.
    #[error(
        "`max_rows` must be between 1 and {MAX_ROW_BOUND}, got {0}; the guardrail `read-only` allows no change"
    )]
    MaxRows(u64),
}

impl InvalidPolicy {
    /// The member of a connection that is at fault.
    #[must_use]
    pub fn member(&self) -> &'static str {
        match self {
            Self::NoReviewers | Self::GroupTwice(_) | Self::TooManyGroups(_) => "reviewers",
            Self::Approvals(_) => "approvals_per_group",
            Self::Timeout { member, .. } => member,
            Self::MaxRows(_) => "max_rows",
        }
    }
}

impl Policy {
    /// How many approvals are needed in all.
    #[must_use]
    pub fn approvals_needed(&self) -> usize {
        self.groups.len().saturating_mul(usize::from(self.approvals_per_group))
    }

    /// Checks the limits that hold for every policy.
    ///
    /// # Errors
    /// The first limit that does not hold.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        if self.approvals && self.groups.is_empty() {
            return Err(InvalidPolicy::NoReviewers);
        }
        if self.groups.len() > MAX_GROUPS {
            return Err(InvalidPolicy::TooManyGroups(self.groups.len()));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.groups.iter().find(|group| !seen.insert(*group)) {
            return Err(InvalidPolicy::GroupTwice(twice.clone()));
        }
        if self.approvals_per_group == 0 || self.approvals_needed() > MAX_APPROVALS {
            return Err(InvalidPolicy::Approvals(self.approvals_needed()));
        }
        if let Some(rows) = self.max_rows.filter(|rows| !(1..=MAX_ROW_BOUND).contains(rows)) {
            return Err(InvalidPolicy::MaxRows(rows));
        }
        check_timeout("run_within_seconds", self.run_within_seconds)
    }

    /// The bounds that hold for each request, before any reviewer sets some.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds { max_rows: self.max_rows, not_after: None }
    }

    /// Whether somebody in `groups` may use the connection.
    #[must_use]
    pub fn allows(&self, groups: &BTreeSet<GroupName>) -> bool {
        self.allowed_groups.is_empty() || !self.allowed_groups.is_disjoint(groups)
    }
}

/// Checks a time-out in seconds against its limits.
///
/// # Errors
/// [`InvalidPolicy::Timeout`] with the name of the member.
pub fn check_timeout(member: &'static str, seconds: u32) -> Result<(), InvalidPolicy> {
    if (1..=MAX_TIMEOUT_SECONDS).contains(&seconds) {
        Ok(())
    } else {
        Err(InvalidPolicy::Timeout { member, got: seconds })
    }
}
