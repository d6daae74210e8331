//! What stands in the form of an account: what is stored, or what somebody typed.

use std::collections::BTreeSet;

use countersign_http::Problem;
use countersign_rules::digest::sha256_hex;
use countersign_rules::person::Role;
use countersign_rules::{GroupName, UserId};
use countersign_storage::User;
use countersign_web::form::Form;
use serde_json::json;

use super::super::people::group_names;
use crate::users;

/// The fields of the form.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) email: String,
    pub(super) name: String,
    pub(super) groups: BTreeSet<GroupName>,
    pub(super) roles: BTreeSet<Role>,
    pub(super) disabled: bool,
    pub(super) owner: Option<UserId>,
    /// What was typed as further groups, where that is no list of names.
    pub(super) more: String,
}

impl Draft {
    /// What is stored.
    pub(super) fn of(user: &User) -> Self {
        Self {
            email: user.email.clone(),
            name: user.name.clone(),
            groups: user.groups.clone(),
            roles: user.roles.clone(),
            disabled: user.disabled,
            owner: user.owner,
            more: String::new(),
        }
    }

    /// What somebody typed, and what of it cannot be.
    pub(super) fn read(form: &Form) -> (Self, Option<Problem>) {
        let role = |role: &str| match role {
            "admin" => Some(Role::Admin),
            "auditor" => Some(Role::Auditor),
            _ => None,
        };
        let (groups, more, wrong) = match group_names(form, "group", "more_groups") {
            Ok(groups) => (groups, String::new(), None),
            Err(problem) => {
                let ticked = form.all("group").filter_map(|name| name.parse().ok()).collect();
                (ticked, form.raw("more_groups").to_owned(), Some(problem))
            }
        };
        let draft = Self {
            email: form.text("email").unwrap_or_default().to_owned(),
            name: form.text("name").unwrap_or_default().to_owned(),
            groups,
            roles: form.all("role").filter_map(role).collect(),
            disabled: form.is_ticked("disabled"),
            owner: form.text("owner").and_then(|owner| owner.parse().ok()),
            more,
        };
        (draft, wrong)
    }

    /// As the API takes it.
    pub(super) fn body(&self, before: Option<&User>) -> users::Body {
        users::Body {
            id: None,
            email: self.email.clone(),
            name: Some(self.name.clone()).filter(|name| !name.is_empty()),
            groups: self.groups.clone(),
            roles: self.roles.clone(),
            disabled: self.disabled,
            slack_user_id: before.and_then(|before| before.slack_user_id.clone()),
            owner: self.owner,
            _created_at: None,
            _version: None,
        }
    }

    /// What it is, and what it would mean: whoever saves it has seen just this.
    pub(super) fn fingerprint(&self, meaning: &[String]) -> String {
        let Self { email, name, groups, roles, disabled, owner, more: _ } = self;
        sha256_hex(json!([email, name, groups, roles, disabled, owner, meaning]).to_string().as_bytes())
    }
}
