//! The form of a connection, and what saving it would mean.

use std::collections::BTreeSet;

use countersign_app::directory::Known;
use countersign_app::guard;
use countersign_guardrails::analyse;
use countersign_http::Problem;
use countersign_masking::{Counts, Masker};
use countersign_rules::{ConnectionName, GroupName};
use countersign_storage::Connection;
use countersign_web::form::Form;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::people::group_names;
use super::viewer::Viewer;
use super::words;
use crate::connections::shape::Body;

const KINDS: [(&str, &str); 5] = [
    ("postgres", "PostgreSQL"),
    ("mysql", "MySQL or MariaDB"),
    ("sqlite", "SQLite"),
    ("http", "HTTP service"),
    ("runner", "Program on a machine of yours (runner)"),
];

/// What stands in the form.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The name.
    pub(super) name: String,
    kind: String,
    target: String,
    secret: String,
    read_secret: String,
    reviewers: Vec<GroupName>,
    per_group: String,
    distinct: bool,
    exempt: BTreeSet<GroupName>,
    allowed: BTreeSet<GroupName>,
    approvals: bool,
    admin_auto_approve: bool,
    timeout_minutes: String,
    run_within_minutes: String,
    require_reason: bool,
    guardrails: String,
    auto_reads: bool,
    masking: String,
    masking_key: String,
    notify: Vec<String>,
    slack_channels: String,
    try_command: String,
    try_text: String,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: "postgres".to_owned(),
            target: "{}".to_owned(),
            secret: String::new(),
            read_secret: String::new(),
            reviewers: Vec::new(),
            per_group: "1".to_owned(),
            distinct: true,
            exempt: BTreeSet::new(),
            allowed: BTreeSet::new(),
            approvals: true,
            admin_auto_approve: true,
            timeout_minutes: String::new(),
            run_within_minutes: "60".to_owned(),
            require_reason: false,
            guardrails: "[]".to_owned(),
            auto_reads: false,
            masking: r#"{"enabled": true}"#.to_owned(),
            masking_key: String::new(),
            notify: ["slack", "teams", "webhooks"].map(str::to_owned).into(),
            slack_channels: String::new(),
            try_command: String::new(),
            try_text: String::new(),
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Minutes, where they are whole ones; else seconds, marked as such.
fn minutes(seconds: u32) -> String {
    if seconds.is_multiple_of(60) { (seconds / 60).to_string() } else { format!("{seconds}s") }
}

/// The other way round.
fn seconds(text: &str, field: &str) -> Result<Option<u32>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let read = match text.strip_suffix('s') {
        Some(seconds) => seconds.trim().parse::<u32>().ok(),
        None => text.parse::<u32>().ok().and_then(|minutes| minutes.checked_mul(60)),
    };
    read.map(Some).ok_or_else(|| {
        Problem::invalid(format!("expected minutes, such as `30`, or seconds, such as `90s`; got `{text}`"))
            .at(&format!("/{field}"), "no time")
    })
}

impl Draft {
    /// A connection as it stands.
    pub(super) fn of(connection: &Connection) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            name: connection.name.to_string(),
            kind: connection.kind.clone(),
            target: pretty(&connection.target),
            secret: text(&connection.secret),
            read_secret: text(&connection.read_secret),
            reviewers: connection.reviewers.clone(),
            per_group: connection.approvals_per_group.to_string(),
            distinct: connection.distinct_reviewers,
            exempt: connection.exempt_groups.clone(),
            allowed: connection.allowed_groups.clone(),
            approvals: connection.approvals,
            admin_auto_approve: connection.admin_auto_approve,
            timeout_minutes: connection.timeout_seconds.map(minutes).unwrap_or_default(),
            run_within_minutes: minutes(connection.run_within_seconds),
            require_reason: connection.require_reason,
            guardrails: pretty(&Value::Array(connection.guardrails.clone())),
            auto_reads: connection.auto_approve.is_some(),
            masking: serde_json::to_value(&connection.masking)
                .map(|masking| pretty(&masking))
                .unwrap_or_default(),
            masking_key: text(&connection.masking_key),
            notify: connection.notify.iter().filter_map(channel).collect(),
            slack_channels: connection.slack_channels.join(", "),
            try_command: String::new(),
            try_text: String::new(),
        }
    }

    /// What was sent.
    pub(super) fn read(form: &Form) -> Result<Self, Problem> {
        let text = |name: &str| form.text(name).unwrap_or_default().to_owned();
        Ok(Self {
            name: text("name"),
            kind: text("kind"),
            target: form.lines("target"),
            secret: text("secret"),
            read_secret: text("read_secret"),
            reviewers: group_names(form, "reviewer", "more_reviewers")?,
            per_group: text("per_group"),
            distinct: form.is_ticked("distinct"),
            exempt: group_names(form, "exempt", "more_exempt")?,
            allowed: group_names(form, "allowed", "more_allowed")?,
            approvals: form.is_ticked("approvals"),
            admin_auto_approve: form.is_ticked("admin_auto_approve"),
            timeout_minutes: text("timeout_minutes"),
            run_within_minutes: text("run_within_minutes"),
            require_reason: form.is_ticked("require_reason"),
            guardrails: form.lines("guardrails"),
            auto_reads: form.is_ticked("auto_reads"),
            masking: form.lines("masking"),
            masking_key: text("masking_key"),
            notify: form.all("notify").map(str::to_owned).collect(),
            slack_channels: text("slack_channels"),
            try_command: form.lines("try_command"),
            try_text: form.lines("try_text"),
        })
    }

    /// The name.
    pub(super) fn name(&self) -> Result<ConnectionName, Problem> {
        self.name.parse().map_err(|error: countersign_rules::ids::InvalidId| {
            Problem::invalid(error.to_string()).at("/name", error.to_string())
        })
    }

    /// The same as the API would be sent it.
    pub(super) fn body(&self) -> Result<Body, Problem> {
        let json = |field: &str, text: &str, default: Value| -> Result<Value, Problem> {
            if text.trim().is_empty() {
                return Ok(default);
            }
            serde_json::from_str(text).map_err(|error| {
                Problem::invalid(format!("`{field}` is not JSON: {error}"))
                    .at(&format!("/{field}"), error.to_string())
            })
        };
        let or_null = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let channels: Vec<&str> =
            self.slack_channels.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty()).collect();
        let mut body = json!({
            "kind": self.kind,
            "target": json("target", &self.target, json!({}))?,
            "secret": or_null(&self.secret),
            "read_secret": or_null(&self.read_secret),
            "reviewers": self.reviewers,
            "distinct_reviewers": self.distinct,
            "exempt_groups": self.exempt,
            "allowed_groups": self.allowed,
            "approvals": self.approvals,
            "admin_auto_approve": self.admin_auto_approve,
            "timeout_seconds": seconds(&self.timeout_minutes, "timeout_minutes")?,
            "require_reason": self.require_reason,
            "guardrails": json("guardrails", &self.guardrails, json!([]))?,
            "masking": json("masking", &self.masking, json!({}))?,
            "masking_key": or_null(&self.masking_key),
            "notify": self.notify,
            "slack_channels": channels,
        });
        let members = body.as_object_mut().map_or_else(Map::new, std::mem::take);
        let mut members = members;
        if self.auto_reads {
            members.insert("auto_approve".to_owned(), "reads".into());
        }
        if let Some(within) = seconds(&self.run_within_minutes, "run_within_minutes")? {
            members.insert("run_within_seconds".to_owned(), within.into());
        }
        if !self.per_group.is_empty() {
            let each: u8 = self.per_group.parse().map_err(|_| {
                Problem::invalid("approvals of each group: expected a number from 1 to 60")
                    .at("/per_group", "no number")
            })?;
            members.insert("approvals_per_group".to_owned(), each.into());
        }
        serde_json::from_value(Value::Object(members))
            .map_err(|error| Problem::invalid(format!("this cannot be: {error}")))
    }
}

fn channel(channel: &countersign_storage::items::Channel) -> Option<String> {
    serde_json::to_value(channel).ok()?.as_str().map(str::to_owned)
}

/// The form.
pub(super) fn form(viewer: &Viewer, connection: Option<&Connection>, draft: &Draft, known: &Known) -> Markup {
    let to =
        connection.map_or_else(|| "/connections/new".to_owned(), |one| format!("/connections/{}", one.name));
    let mut groups: BTreeSet<&GroupName> =
        known.accounts.values().flat_map(|account| &account.groups).collect();
    groups.remove(&GroupName::admins());
    html! {
        form method="post" action={ (to) "/save" } {
            (viewer.csrf())
            @if let Some(connection) = connection {
                input type="hidden" name="version" value=(connection.version);
                input type="hidden" name="name" value=(connection.name);
            }
            (target(connection, draft))
            (approval(draft, &groups, known))
            (access(draft, &groups))
            (guardrails(draft))
            (masking(draft))
            (notifications(draft))
            div.card {
                p.hint { "Check says what changes, for whom, and tries the command and the text; it saves nothing." }
                div.actions.thumb {
                    button.plain type="submit" formaction={ (to) "/check" } formnovalidate { "Check" }
                    button type="submit" { "Save" }
                }
            }
        }
        @if let Some(connection) = connection {
            details.box {
                summary { "Delete this connection" }
                form method="post" action={ (to) "/delete" } {
                    (viewer.csrf())
                    input type="hidden" name="version" value=(connection.version);
                    p.hint { "What waits for approval on it is cancelled when it would run. Its past stays." }
                    div.field { label for="again" { "Its name, to be sure" } input #again type="text" name="name_again" required autocomplete="off"; }
                    button.reject type="submit" { "Delete" }
                }
            }
        }
    }
}

fn target(connection: Option<&Connection>, draft: &Draft) -> Markup {
    html! {
        section.card aria-labelledby="target-h" {
            h2 #target-h { "Target" }
            div.fields {
                @if connection.is_none() {
                    div.field { label for="name" { "Name" } input #name type="text" name="name" required value=(draft.name) placeholder="prod-db" autocapitalize="off"; }
                }
                div.field {
                    label for="kind" { "Kind" }
                    select #kind name="kind" {
                        @for (kind, name) in KINDS { option value=(kind) selected[draft.kind == kind] { (name) } }
                        @if !KINDS.iter().any(|(kind, _)| *kind == draft.kind) { option value=(draft.kind) selected { (draft.kind) } }
                    }
                }
                div.field {
                    label for="secret" { "Secret" } input #secret type="text" name="secret" value=(draft.secret) placeholder="env:PROD_DB_URL" autocapitalize="off" spellcheck="false";
                    p.hint { "A reference, never the secret itself." }
                }
            }
            div.field {
                label for="target" { "What the kind needs to know" }
                p.hint { "JSON: the path of an SQLite file, the base URL of a service, the program that a runner starts, limits." }
                textarea #target name="target" rows="3" spellcheck="false" { "\n" (draft.target) }
            }
        }
    }
}

fn approval(draft: &Draft, groups: &BTreeSet<&GroupName>, known: &Known) -> Markup {
    let chosen = || draft.reviewers.iter();
    let others = groups.iter().filter(|group| !draft.reviewers.contains(group));
    let count = |group: &GroupName| {
        words::people(known.humans.values().filter(|groups| groups.contains(group)).count())
    };
    html! {
        section.card aria-labelledby="approval" {
            h2 #approval { "Approval" }
            label.tick { input type="checkbox" name="approvals" checked[draft.approvals]; span { "Commands need approval" small { "off: everybody who may use it runs commands at once" } } }
            fieldset {
                legend { "Reviewer groups" }
                p.hint { "Every one of them has to approve. Any member of one is enough for it, and any member of any of them can reject." }
                @if draft.reviewers.is_empty() { p.muted { "None yet." } }
                div.picks { @for group in chosen() { label.tick { input type="checkbox" name="reviewer" value=(group) checked; span { (group) small { (count(group)) } } } } }
                details.box open[draft.reviewers.is_empty()] {
                    summary { "Add Group" }
                    div.picks { @for group in others { label.tick { input type="checkbox" name="reviewer" value=(group); span { (group) small { (count(group)) } } } } }
                    div.field { label for="more_reviewers" { "A group that has no members yet" } input #more_reviewers type="text" name="more_reviewers" autocapitalize="off"; }
                }
            }
            div.fields {
                div.field { label for="per_group" { "Approvals of each group" } input #per_group type="number" name="per_group" min="1" max="60" value=(draft.per_group); }
                div.field { label for="timeout" { "Time for votes, in minutes" } input #timeout type="text" inputmode="numeric" name="timeout_minutes" value=(draft.timeout_minutes) placeholder="as the deployment says"; }
                div.field { label for="within" { "Then to be run within, in minutes" } input #within type="text" inputmode="numeric" name="run_within_minutes" value=(draft.run_within_minutes); }
            }
            label.tick { input type="checkbox" name="distinct" checked[draft.distinct]; span { "Each approval by another person" small { "off: one vote covers all groups that its voter is in" } } }
            label.tick { input type="checkbox" name="admin_auto_approve" checked[draft.admin_auto_approve]; span { "An admin's own request counts as their approval" small { "in one of their groups" } } }
            label.tick { input type="checkbox" name="require_reason" checked[draft.require_reason]; "A request must say why" }
        }
    }
}

fn access(draft: &Draft, groups: &BTreeSet<&GroupName>) -> Markup {
    let all = |chosen: &BTreeSet<GroupName>| -> BTreeSet<GroupName> {
        groups.iter().map(|group| (*group).clone()).chain(chosen.iter().cloned()).collect()
    };
    let picks = |field: &str, chosen: &BTreeSet<GroupName>| {
        html! {
            div.picks { @for group in all(chosen) { label.tick { input type="checkbox" name=(field) value=(group) checked[chosen.contains(&group)]; (group) } } }
        }
    };
    html! {
        section.card aria-labelledby="access" {
            h2 #access { "Access" }
            fieldset {
                legend { "Who may use it" }
                p.hint { "None ticked: everybody. For all others it does not exist." }
                (picks("allowed", &draft.allowed))
            }
            fieldset {
                legend { "Exempt" }
                p.hint { "Members run commands without asking anybody. Each time, the audit trail says so." }
                (picks("exempt", &draft.exempt))
            }
        }
    }
}

fn guardrails(draft: &Draft) -> Markup {
    html! {
        section.card aria-labelledby="guardrails" {
            h2 #guardrails { "Guardrails" }
            div.field {
                label for="rules" { "Rules" }
                p.hint { "JSON: names of presets (" code { "no-drop" } ", " code { "no-unbounded-write" } ", " code { "no-privilege-change" } ", " code { "read-only" } ") or rules of your own. What they block, nobody is asked about." }
                textarea #rules name="guardrails" rows="4" spellcheck="false" { "\n" (draft.guardrails) }
            }
            label.tick { input type="checkbox" name="auto_reads" checked[draft.auto_reads]; span { "Commands that provably only read need no approval" small { "they run read-only, with the secret for reading" } } }
            div.field { label for="read_secret" { "Secret for reading" } input #read_secret type="text" name="read_secret" value=(draft.read_secret) placeholder="env:PROD_DB_READ_URL" autocapitalize="off" spellcheck="false"; }
            div.field { label for="try_command" { "Try a command" } textarea #try_command name="try_command" rows="2" spellcheck="false" { "\n" (draft.try_command) } }
        }
    }
}

fn masking(draft: &Draft) -> Markup {
    html! {
        section.card aria-labelledby="masking-h" {
            h2 #masking-h { "Masking" }
            div.field {
                label for="masking" { "What is masked in output" }
                p.hint { "JSON: " code { "enabled" } ", " code { "entities" } " (none: everything that is known), " code { "columns" } ", " code { "allow" } ", " code { "style" } "." }
                textarea #masking name="masking" rows="4" spellcheck="false" { "\n" (draft.masking) }
            }
            div.field { label for="masking_key" { "Reference to the key of the style " code { "hash" } } input #masking_key type="text" name="masking_key" value=(draft.masking_key) placeholder="env:MASKING_KEY" autocapitalize="off" spellcheck="false"; }
            div.field { label for="try_text" { "Try a text" } textarea #try_text name="try_text" rows="2" spellcheck="false" { "\n" (draft.try_text) } }
        }
    }
}

fn notifications(draft: &Draft) -> Markup {
    html! {
        section.card aria-labelledby="notify" {
            h2 #notify { "Notifications" }
            div.picks {
                @for (channel, name) in [("slack", "Slack"), ("teams", "Teams"), ("webhooks", "Webhooks")] {
                    label.tick { input type="checkbox" name="notify" value=(channel) checked[draft.notify.iter().any(|one| one == channel)]; (name) }
                }
            }
            div.field { label for="slack_channels" { "Slack channels" } p.hint { "Names with commas between them." } input #slack_channels type="text" name="slack_channels" value=(draft.slack_channels); }
        }
    }
}

/// What saving it would mean.
pub(super) fn effects(
    before: Option<&Connection>,
    after: &Connection,
    draft: &Draft,
    known: &Known,
    warnings: &[String],
) -> Markup {
    let changes = changes(before, after);
    html! {
        section.card role="status" aria-labelledby="effects" {
            h2 #effects { "If you save this" }
            @if changes.is_empty() { p.muted { "Nothing changes." } } @else {
                div.wide tabindex="0" role="group" aria-label="What changes" {
                    table {
                        thead { tr { th scope="col" { "What" } th scope="col" { "Now" } th scope="col" { "Then" } } }
                        tbody { @for (name, was, is) in &changes { tr { th scope="row" { (name) } td { code { (was) } } td { code { (is) } } } } }
                    }
                }
            }
            (asked(after, known))
            @for warning in warnings { p.notice.wait { (warning) } }
            @if !draft.try_command.trim().is_empty() { (tried_command(after, &draft.try_command)) }
            @if !draft.try_text.trim().is_empty() { (tried_text(after, &draft.try_text)) }
        }
    }
}

/// Every member that differs.
fn changes(before: Option<&Connection>, after: &Connection) -> Vec<(String, String, String)> {
    let members = |connection: &Connection| match serde_json::to_value(connection) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let was = before.map(members).unwrap_or_default();
    let is = members(after);
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let own = |name: &str| !matches!(name, "version" | "created_at" | "name");
    let text = |value: Option<&Value>| value.map_or("—".to_owned(), Value::to_string);
    let differ = names.into_iter().filter(|name| own(name) && was.get(*name) != is.get(*name));
    differ.map(|name| (name.replace('_', " "), text(was.get(name)), text(is.get(name)))).collect()
}

/// How many people it asks.
fn asked(connection: &Connection, known: &Known) -> Markup {
    if !connection.approvals {
        return html! { p { "It asks nobody: approvals are off." } };
    }
    let members = |group: &GroupName| known.humans.values().filter(|groups| groups.contains(group)).count();
    let all = known
        .humans
        .values()
        .filter(|groups| connection.reviewers.iter().any(|group| groups.contains(group)))
        .count();
    html! {
        p { "Each request asks " strong { (words::people(all)) } ": "
            @for (number, group) in connection.reviewers.iter().enumerate() {
                @if number > 0 { ", " } (group) " (" (words::people(members(group))) ", " (connection.approvals_per_group) " needed)"
            } "."
        }
    }
}

fn tried_command(connection: &Connection, command: &str) -> Markup {
    let analysis = analyse(guard::dialect(&connection.kind), command);
    let risk = analysis.risk();
    let hit = guard::rules(connection).ok().and_then(|rules| rules.check(command, &analysis));
    html! {
        h3 { "The command" }
        @match hit {
            Some(hit) => p.notice.bad { strong { "Blocked" } " by " code { (hit.rule) } ": " (hit.message) },
            None => p.notice.good { "No guardrail blocks it. " (risk.statements.join(", ")) },
        }
        @if !risk.notes.is_empty() { ul.notes.small { @for note in &risk.notes { li { (note) } } } }
    }
}

fn tried_text(connection: &Connection, text: &str) -> Markup {
    // The key is known to the executor alone; any one shows what would be replaced.
    let key = connection.masking_key.as_deref().map(str::as_bytes);
    let mut counts = Counts::default();
    let masked =
        Masker::new(&connection.masking, key).ok().and_then(|masker| masker.text(text, &mut counts).ok());
    html! {
        h3 { "The text" }
        @match masked {
            Some(masked) => pre.text tabindex="0" { (countersign_rules::display::display(&masked)) },
            None => p.notice.bad { "It cannot be masked: nothing of such output would be shown." },
        }
    }
}
