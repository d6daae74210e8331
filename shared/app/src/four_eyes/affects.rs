//! Whom a change would affect, in sentences for whoever decides about it.

use countersign_rules::GroupName;
use countersign_rules::person::Role;
use countersign_storage::{Connection, User};

use crate::directory::{Known, people};

/// How many connections are named.
const MOST_NAMES: usize = 10;

impl Known {
    /// Whom a connection would ask, and whom not any more.
    #[must_use]
    pub fn affected_by_connection(&self, before: Option<&Connection>, after: &Connection) -> Vec<String> {
        let name = &after.name;
        let mut sentences = Vec::new();
        if after.approvals {
            let all = self.in_any(&after.reviewers).len();
            let each = |group: &GroupName| {
                format!("`{group}` ({}, {} needed)", people(self.members(group)), after.approvals_per_group)
            };
            let each: Vec<String> = after.reviewers.iter().map(each).collect();
            sentences.push(format!("Each request on `{name}` asks {}: {}.", people(all), each.join(", ")));
        } else {
            sentences.push(format!("Whoever may use `{name}` runs commands at once: nobody is asked."));
        }
        let was_exempt = |group| before.is_some_and(|before| before.exempt_groups.contains(group));
        for group in after.exempt_groups.iter().filter(|group| !was_exempt(*group)) {
            let members = people(self.members(group));
            sentences.push(format!("Members of `{group}` ({members}) run commands on it without asking."));
        }
        if before.and_then(|before| before.max_rows) != after.max_rows {
            sentences.push(match after.max_rows {
                Some(rows) => format!("A request on it may change at most {rows} rows."),
                None => "The rows that a request on it may change are not limited any more.".to_owned(),
            });
        }
        let opened = before.is_none_or(|before| !before.allowed_groups.is_empty());
        if opened && after.allowed_groups.is_empty() {
            sentences.push("Everybody may use it.".to_owned());
        }
        sentences
    }

    /// What somebody would become, and would be no longer.
    #[must_use]
    pub fn affected_by_user(&self, before: Option<&User>, after: &User) -> Vec<String> {
        let who = &after.email;
        let mut sentences = Vec::new();
        for group in &after.groups {
            if before.is_none_or(|before| !before.groups.contains(group)) {
                sentences.push(format!("{who} joins `{group}`{}.", self.what_it_reviews(group)));
            }
        }
        for group in before.iter().flat_map(|before| &before.groups) {
            if !after.groups.contains(group) {
                sentences.push(format!("{who} leaves `{group}`{}.", self.what_it_reviews(group)));
            }
        }
        for (role, name) in [(Role::Admin, "an admin"), (Role::Auditor, "an auditor")] {
            let was = before.is_some_and(|before| before.roles.contains(&role));
            match (was, after.roles.contains(&role)) {
                (false, true) => sentences.push(format!("{who} becomes {name}.")),
                (true, false) => sentences.push(format!("{who} is {name} no longer.")),
                (true, true) | (false, false) => {}
            }
        }
        if before.is_some_and(|before| before.disabled) && !after.disabled {
            sentences.push(format!("{who} is let in again."));
        }
        sentences
    }

    fn what_it_reviews(&self, group: &GroupName) -> String {
        let reviewed = self.reviewers.iter().filter(|(_, groups)| groups.contains(group));
        let names: Vec<String> = reviewed.map(|(name, _)| format!("`{name}`")).collect();
        let more = names.len().saturating_sub(MOST_NAMES);
        let shown = names.get(..MOST_NAMES.min(names.len())).unwrap_or_default().join(", ");
        match (shown.is_empty(), more) {
            (true, _) => ", which reviews nothing so far".to_owned(),
            (false, 0) => format!(", which reviews {shown}"),
            (false, more) => format!(", which reviews {shown} and {more} more"),
        }
    }
}
