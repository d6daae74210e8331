//! What is stored besides requests: users with their tokens, and connections.

use std::collections::BTreeSet;

use countersign_masking::MaskingPolicy;
use countersign_rules::person::{Person, Role};
use countersign_rules::request::CONFIGURATION_KIND;
use countersign_rules::{ConnectionName, GroupName, Policy, Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::scope::Scopes;

/// At most that many tokens a user, so that the user's item stays small.
pub const MAX_TOKENS: usize = 20;
/// At most that many connections a runner's token: each is asked for on its own.
pub const MAX_RUNNER_CONNECTIONS: usize = 10;
/// At most that many groups a user.
pub const MAX_GROUPS_OF_USER: usize = 100;

/// A token as it is stored: never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredToken {
    /// Its id.
    pub id: TokenId,
    /// What its maker calls it.
    pub name: String,
    /// SHA-256 of its secret, in hexadecimal digits.
    pub secret_sha256: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// Who made it: the user, or an admin for a service account.
    pub created_by: UserId,
    /// Set if it is a runner's: the connections whose commands it may claim. It may do nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner_connections: Option<BTreeSet<ConnectionName>>,
    /// What it is limited to. None is everything that its account may: so were all tokens before there were
    /// scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Scopes,
}

/// A person or a service account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The account.
    pub id: UserId,
    /// For display and look-up; unique.
    pub email: String,
    /// For display.
    pub name: String,
    /// Its groups.
    pub groups: BTreeSet<GroupName>,
    /// Its roles.
    pub roles: BTreeSet<Role>,
    /// Out at once.
    pub disabled: bool,
    /// Its Slack account, linked with proof of both ends.
    pub slack_user_id: Option<String>,
    /// The human behind a service account.
    pub owner: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// One more with each change of what the API shows; the ETag.
    pub version: u64,
    /// Its tokens. They stand here so that token and user are one read.
    pub tokens: Vec<StoredToken>,
}

impl User {
    /// Its groups, with the one that an admin is in by the role alone. Whoever decides, or finds what
    /// somebody sees, goes by these.
    #[must_use]
    pub fn all_groups(&self) -> BTreeSet<GroupName> {
        let mut groups = self.groups.clone();
        let admins = GroupName::admins();
        // Whatever is stored: nobody is in it by being put there.
        if self.roles.contains(&Role::Admin) {
            groups.insert(admins);
        } else {
            groups.remove(&admins);
        }
        groups
    }

    /// The user as the rules see them.
    #[must_use]
    pub fn person(&self) -> Person {
        Person {
            user: self.id,
            human: self.owner.unwrap_or(self.id),
            email: self.email.clone(),
            groups: self.all_groups(),
            roles: self.roles.clone(),
            disabled: self.disabled,
        }
    }
}

/// Through what reviewers are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Messages with buttons.
    Slack,
    /// Cards that lead to the page.
    Teams,
    /// The subscribed endpoints.
    Webhooks,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 3] = [Self::Slack, Self::Teams, Self::Webhooks];
}

/// Which commands need no votes, because a rule knows that they are harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AutoApprove {
    /// Those that provably only read; they run read-only, with the secret for reading.
    Reads,
}

impl AutoApprove {
    /// The name of the rule in the audit trail.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Reads => "reads",
        }
    }
}

/// A named target with its approval policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name.
    pub name: ConnectionName,
    /// Its kind, such as `postgres`.
    pub kind: String,
    /// What the kind needs to know, caps included.
    pub target: Value,
    /// The reference to its secret, such as `env:PROD_DB_URL`; never the secret.
    pub secret: Option<String>,
    /// The reference to the secret of a role that may only read; for what a rule lets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_secret: Option<String>,
    /// The reference to the secret with which the impact of a command is estimated, never run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate_secret: Option<String>,
    /// Which commands are blocked, as data of `countersign-guardrails`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<Value>,
    /// Which commands need no votes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_approve: Option<AutoApprove>,
    /// The groups that must approve.
    pub reviewers: Vec<GroupName>,
    /// Approvals that each group must give.
    pub approvals_per_group: u8,
    /// Whether k approvals need k people.
    pub distinct_reviewers: bool,
    /// Members' requests need no approval.
    pub exempt_groups: BTreeSet<GroupName>,
    /// Who may use it; empty is everybody.
    pub allowed_groups: BTreeSet<GroupName>,
    /// Off: direct execution.
    pub approvals: bool,
    /// Whether an admin's own request counts as their approval.
    pub admin_auto_approve: bool,
    /// How long votes may come, in seconds; the deployment's default if none.
    pub timeout_seconds: Option<u32>,
    /// How long an approved request may be claimed, in seconds.
    pub run_within_seconds: u32,
    /// Whether a request must say why.
    pub require_reason: bool,
    /// The most rows that one request may change; none is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// What is masked.
    pub masking: MaskingPolicy,
    /// The reference to the key of the masking style `hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masking_key: Option<String>,
    /// Through what reviewers are told.
    pub notify: BTreeSet<Channel>,
    /// Slack channels that are told.
    pub slack_channels: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// One more with each change; the ETag, and the version of the policy.
    pub version: u64,
}

impl Connection {
    /// The policy that a request submitted now carries.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            version: self.version,
            groups: self.reviewers.clone(),
            approvals_per_group: self.approvals_per_group,
            distinct_reviewers: self.distinct_reviewers,
            admin_auto_approve: self.admin_auto_approve,
            exempt_groups: self.exempt_groups.clone(),
            allowed_groups: self.allowed_groups.clone(),
            approvals: self.approvals,
            run_within_seconds: self.run_within_seconds,
            max_rows: self.max_rows,
        }
    }

    /// Whether it is the one on which changes of the configuration are proposed.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        self.kind == CONFIGURATION_KIND
    }

    /// The reference to the secret with which a command runs.
    #[must_use]
    pub fn secret_for(&self, read_only: bool) -> Option<&str> {
        if read_only { self.read_secret.as_deref() } else { self.secret.as_deref() }
    }

    /// The target as the digest covers it: RFC 8785 JSON.
    ///
    /// # Errors
    /// [`crate::StorageError::Corrupt`] if it cannot be written so, which a target that was saved can.
    pub fn canonical_target(&self) -> Result<String, crate::StorageError> {
        serde_json_canonicalizer::to_string(&self.target)
            .map_err(|error| crate::StorageError::corrupt("the target of a connection", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_an_admin_follows_from_the_role_alone() {
        let groups = |names: &[&str]| -> BTreeSet<GroupName> {
            names.iter().map(|name| name.parse().unwrap()).collect()
        };
        let mut user = User {
            id: UserId::from_parts(Timestamp::from_unix_millis(0), 1),
            email: "ann@example.com".to_owned(),
            name: "Ann".to_owned(),
            groups: groups(&["dba", "countersign-admins"]),
            roles: BTreeSet::from([Role::Auditor]),
            disabled: false,
            slack_user_id: None,
            owner: None,
            created_at: Timestamp::from_unix_millis(0),
            version: 1,
            tokens: Vec::new(),
        };
        assert_eq!(user.person().groups, groups(&["dba"]));
        user.roles.insert(Role::Admin);
        user.groups = groups(&["dba"]);
        assert_eq!(user.person().groups, groups(&["dba", "countersign-admins"]));
    }
}
