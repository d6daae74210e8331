//! Who has to agree, and who may use it.

use std::collections::BTreeSet;

use countersign_app::directory::Known;
use countersign_http::Problem;
use countersign_rules::GroupName;
use countersign_rules::ids::InvalidId;
use countersign_storage::Connection;
use countersign_web::form::Form;
use maud::{Markup, html};

use super::Draft;
use crate::pages::fields::{Field, Wrong, complaint, line, number, tick};
use crate::pages::words;

/// Groups that were picked, in their order, and what was written beside and is no name of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) names: Vec<GroupName>,
    odd: String,
}

impl Groups {
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a GroupName>) -> Self {
        Self { names: names.into_iter().cloned().collect(), odd: String::new() }
    }

    /// Those that were ticked under one name and written under another.
    fn read(form: &Form, ticked: &str, written: &str) -> Self {
        let mut groups = Self::default();
        let more = form.raw(written).split([',', ' ', '\n', '\r']).filter(|name| !name.is_empty());
        for name in form.all(ticked).chain(more) {
            match name.parse::<GroupName>() {
                Ok(name) if groups.names.contains(&name) => {}
                Ok(name) => groups.names.push(name),
                Err(_) => groups.odd = format!("{} {name}", groups.odd).trim().to_owned(),
            }
        }
        groups
    }

    /// The names, if nothing else was written.
    pub(super) fn checked(&self, written: &str) -> Result<&[GroupName], Problem> {
        match self.odd.split(' ').next().unwrap_or_default().parse::<GroupName>() {
            Err(error) if !self.odd.is_empty() => Err(not_a_group(&error, written)),
            Ok(_) | Err(_) => Ok(&self.names),
        }
    }
}

fn not_a_group(error: &InvalidId, written: &str) -> Problem {
    Problem::invalid(error.to_string()).at(&format!("/{written}"), error.to_string())
}

/// What stands in the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Approval {
    pub(super) approvals: bool,
    pub(super) reviewers: Groups,
    pub(super) per_group: String,
    pub(super) distinct: bool,
    pub(super) admin_auto_approve: bool,
    pub(super) timeout_minutes: String,
    pub(super) run_within_minutes: String,
    pub(super) require_reason: bool,
    pub(super) exempt: Groups,
    pub(super) allowed: Groups,
}

impl Default for Approval {
    fn default() -> Self {
        Self {
            approvals: true,
            reviewers: Groups::default(),
            per_group: "1".to_owned(),
            distinct: true,
            admin_auto_approve: true,
            timeout_minutes: String::new(),
            run_within_minutes: "60".to_owned(),
            require_reason: false,
            exempt: Groups::default(),
            allowed: Groups::default(),
        }
    }
}

impl Approval {
    pub(super) fn of(connection: &Connection) -> Self {
        Self {
            approvals: connection.approvals,
            reviewers: Groups::of(&connection.reviewers),
            per_group: connection.approvals_per_group.to_string(),
            distinct: connection.distinct_reviewers,
            admin_auto_approve: connection.admin_auto_approve,
            timeout_minutes: connection.timeout_seconds.map(minutes).unwrap_or_default(),
            run_within_minutes: minutes(connection.run_within_seconds),
            require_reason: connection.require_reason,
            exempt: Groups::of(&connection.exempt_groups),
            allowed: Groups::of(&connection.allowed_groups),
        }
    }

    pub(super) fn read(form: &Form) -> Self {
        let text = |name: &str| form.text(name).unwrap_or_default().to_owned();
        Self {
            approvals: form.is_ticked("approvals"),
            reviewers: Groups::read(form, "reviewer", "more_reviewers"),
            per_group: text("per_group"),
            distinct: form.is_ticked("distinct"),
            admin_auto_approve: form.is_ticked("admin_auto_approve"),
            timeout_minutes: text("timeout_minutes"),
            run_within_minutes: text("run_within_minutes"),
            require_reason: form.is_ticked("require_reason"),
            exempt: Groups::read(form, "exempt", "more_exempt"),
            allowed: Groups::read(form, "allowed", "more_allowed"),
        }
    }
}

/// Minutes, where they are whole ones; else seconds, marked as such.
pub(super) fn minutes(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { (seconds / 60).to_string() } else { format!("{seconds}s") }
}

/// The other way round.
pub(crate) fn seconds(text: &str, field: &str) -> Result<Option<u32>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let read = match text.strip_suffix('s') {
        Some(seconds) => seconds.trim().parse::<u32>().ok(),
        None => text.parse::<u32>().ok().and_then(|minutes| minutes.checked_mul(60)),
    };
    read.map(Some).ok_or_else(|| {
        let detail = format!("expected minutes, such as `30`, or seconds, such as `90s`; got `{text}`");
        Problem::invalid(detail.clone()).at(&format!("/{field}"), detail)
    })
}

/// The section about approval.
pub(super) fn section(draft: &Draft, known: &Known, wrong: &Wrong) -> Markup {
    let approval = &draft.approval;
    let all = all_groups(known);
    let chosen = &approval.reviewers.names;
    let others = all.iter().filter(|group| !chosen.contains(group));
    let pick = |group: &GroupName, ticked: bool| {
        let members = known.members(group);
        html! {
            label.tick { input type="checkbox" name="reviewer" value=(group) checked[ticked]; span { (group) small { (words::people(members)) } } }
        }
    };
    html! {
        section.card #reviewers aria-labelledby="approval" {
            h2 #approval { "Approval" }
            (tick("approvals", approval.approvals, "Commands need approval", "off: everybody who may use it runs commands at once"))
            fieldset {
                legend { "Reviewer groups" }
                p.hint { "Every one of them has to approve. Any member of one is enough for it, and any member of any of them can reject." }
                (complaint("reviewers", wrong))
                @if chosen.is_empty() { p.muted { "None yet." } }
                div.picks { @for group in chosen { (pick(group, true)) } }
                details.box open[chosen.is_empty() || wrong.at("more_reviewers").is_some()] {
                    summary { "Add Group" }
                    div.picks { @for group in others { (pick(group, false)) } }
                    (line(wrong, Field { id: "more_reviewers", label: "Groups that have no members yet", value: &approval.reviewers.odd, example: "", hint: "Names with commas between them." }))
                }
            }
            div.fields {
                (number(wrong, Field { id: "per_group", label: "Approvals of each group", value: &approval.per_group, example: "1", hint: "" }))
                (number(wrong, Field { id: "timeout_minutes", label: "Time for votes, in minutes", value: &approval.timeout_minutes, example: "as the deployment says", hint: "" }))
                (number(wrong, Field { id: "run_within_minutes", label: "Then time to run it, in minutes", value: &approval.run_within_minutes, example: "60", hint: "" }))
            }
            (tick("distinct", approval.distinct, "Each approval by another person", "off: one vote covers all groups that its voter is in"))
            (tick("admin_auto_approve", approval.admin_auto_approve, "An admin's own request counts as their approval", "in one of their groups"))
            (tick("require_reason", approval.require_reason, "A request must say why", ""))
        }
    }
}

/// The section about access.
pub(super) fn access(draft: &Draft, known: &Known, wrong: &Wrong) -> Markup {
    let all = all_groups(known);
    let picks = |field: &str, label: &str, chosen: &Groups| {
        let groups: BTreeSet<&GroupName> = all.iter().copied().chain(&chosen.names).collect();
        let more = format!("more_{field}");
        html! {
            div.picks { @for group in groups { label.tick { input type="checkbox" name=(field) value=(group) checked[chosen.names.contains(group)]; (group) } } }
            details.box open[wrong.at(&more).is_some()] {
                summary { (label) }
                (line(wrong, Field { id: &more, label: "Groups that have no members yet", value: &chosen.odd, example: "", hint: "Names with commas between them." }))
            }
        }
    };
    html! {
        section.card aria-labelledby="access" {
            h2 #access { "Access" }
            fieldset {
                legend { "Who may use it" }
                p.hint { "None ticked: everybody. For all others it does not exist." }
                (picks("allowed", "Another group that may use it", &draft.approval.allowed))
            }
            fieldset {
                legend { "Exempt" }
                p.hint { "Members run commands without asking anybody. Each time, the audit trail says so." }
                (picks("exempt", "Another group that is exempt", &draft.approval.exempt))
            }
        }
    }
}

fn all_groups(known: &Known) -> BTreeSet<&GroupName> {
    let mut groups: BTreeSet<&GroupName> =
        known.accounts.values().flat_map(|account| &account.groups).collect();
    groups.remove(&GroupName::admins());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_shown() {
        for time in [1, 59, 60, 90, 3600, 86_400] {
            assert_eq!(seconds(&minutes(time), "x").unwrap(), Some(time));
        }
        assert_eq!(seconds("", "x").unwrap(), None);
        for wrong in ["soon", "1.5", "-1", "99999999999", "71582789"] {
            assert!(seconds(wrong, "x").is_err(), "{wrong}");
        }
    }
}
