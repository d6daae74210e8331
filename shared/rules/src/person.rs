//! People as the rules see them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{GroupName, UserId};

/// What a user may do beyond asking and deciding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Manages connections, users and groups; may cancel and settle.
    Admin,
    /// Sees everything, changes nothing.
    Auditor,
}

/// A user as known at one moment, read strongly consistent by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub user: UserId,
    /// The human behind the account: its owner if it is a service account, else itself.
    /// Two accounts of one human count as one person.
    pub human: UserId,
    /// For display only; never used to tell people apart.
    pub email: String,
    /// The groups that the account is in now.
    pub groups: BTreeSet<GroupName>,
    /// Its roles now.
    pub roles: BTreeSet<Role>,
    /// A disabled account may do nothing.
    pub disabled: bool,
}

impl Person {
    /// Whether the account is an admin that is not disabled.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        !self.disabled && self.roles.contains(&Role::Admin)
    }
}
