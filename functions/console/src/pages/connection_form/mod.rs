//! The form of a connection: what stands in it, what it makes of a document, and what saving would mean.
//!
//! **Invariant:** what the form does not show, or was not touched, is saved as it was. Each part compares
//! what came back with what it would show of the stored document, and keeps the stored one where both are
//! the same. A form is saved over the version that it was opened with only.

mod approval;
mod effects;
mod masking;
mod notify;
mod rules;
mod target;

use std::collections::BTreeSet;

use countersign_app::App;
use countersign_app::assess::{Assess, Assessment};
use countersign_app::directory::Known;
use countersign_app::submit::MAX_COMMAND_BYTES;
use countersign_http::Problem;
use countersign_masking::MaskingPolicy;
use countersign_notify::SlackSettings;
use countersign_rules::{ConnectionName, Timestamp};
use countersign_storage::Connection;
use countersign_storage::items::{AutoApprove, Channel};
use countersign_web::form::Form;
use maud::{Markup, html};
use serde_json::{Value, json};

use self::approval::{Approval, seconds};
use self::effects::{effects, fingerprint, tried_command, tried_text};
use self::masking::Masking;
use self::rules::Rules;
use self::target::Target;
use super::fields::{Wrong, lines_of, one_line};
use super::viewer::Viewer;
use crate::connections::check::{checked, complaint_of, warnings};
use crate::connections::shape::Body;

pub(super) use self::approval::seconds as seconds_of;

/// What stands in the form.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// The name.
    pub(super) name: String,
    kind: String,
    target: Target,
    secret: String,
    read_secret: String,
    estimate_secret: String,
    approval: Approval,
    rules: Rules,
    auto_reads: bool,
    masking: Masking,
    masking_key: String,
    notify: BTreeSet<String>,
    slack_channels: String,
    try_command: String,
    try_text: String,
    /// The row of the guardrails that was added just now.
    fresh: Option<usize>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: "postgres".to_owned(),
            target: Target::of(&Value::Null),
            secret: String::new(),
            read_secret: String::new(),
            estimate_secret: String::new(),
            approval: Approval::default(),
            rules: Rules::default(),
            auto_reads: false,
            masking: Masking::of(&MaskingPolicy::default()),
            masking_key: String::new(),
            notify: Channel::ALL.iter().filter_map(word).collect(),
            slack_channels: String::new(),
            try_command: String::new(),
            try_text: String::new(),
            fresh: None,
        }
    }
}

fn word(channel: &Channel) -> Option<String> {
    serde_json::to_value(channel).ok()?.as_str().map(str::to_owned)
}

fn or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

impl Draft {
    /// A connection as it stands.
    pub(super) fn of(connection: &Connection) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(one_line).unwrap_or_default();
        Self {
            name: connection.name.to_string(),
            kind: connection.kind.clone(),
            target: Target::of(&connection.target),
            secret: text(&connection.secret),
            read_secret: text(&connection.read_secret),
            estimate_secret: text(&connection.estimate_secret),
            approval: Approval::of(connection),
            rules: Rules::of(&connection.guardrails),
            auto_reads: connection.auto_approve.is_some(),
            masking: Masking::of(&connection.masking),
            masking_key: text(&connection.masking_key),
            notify: connection.notify.iter().filter_map(word).collect(),
            slack_channels: lines_of(&connection.slack_channels),
            ..Self::default()
        }
    }

    /// What was sent. Whatever it is, it is kept as it was typed.
    pub(super) fn read(form: &Form) -> Self {
        let text = |name: &str| one_line(form.raw(name));
        Self {
            name: text("name"),
            kind: text("kind"),
            target: Target::read(form),
            secret: text("secret"),
            read_secret: text("read_secret"),
            estimate_secret: text("estimate_secret"),
            approval: Approval::read(form),
            rules: Rules::read(form),
            auto_reads: form.is_ticked("auto_reads"),
            masking: Masking::read(form),
            masking_key: text("masking_key"),
            notify: form.all("notify").map(str::to_owned).collect(),
            slack_channels: form.lines("slack_channels"),
            try_command: form.lines("try_command"),
            try_text: form.lines("try_text"),
            fresh: None,
        }
    }

    /// Adds or removes a row, if that is what was pressed. Nothing else is done then.
    pub(super) fn edit(&mut self, pressed: &str) -> bool {
        if pressed == "rule-add" {
            self.rules.add();
            self.fresh = self.rules.last();
            return true;
        }
        match pressed.strip_prefix("rule-remove-").map(str::parse) {
            Some(Ok(place)) => {
                self.rules.remove(place);
                true
            }
            Some(Err(_)) | None => false,
        }
    }

    /// The name.
    pub(super) fn name(&self) -> Result<ConnectionName, Problem> {
        self.name.parse().map_err(|error: countersign_rules::ids::InvalidId| {
            Problem::invalid(error.to_string()).at("/name", error.to_string())
        })
    }

    /// The same as the API would be sent it, over what is stored.
    pub(super) fn body(&self, before: Option<&Connection>) -> Result<Body, Problem> {
        serde_json::from_value(self.document(before)?)
            .map_err(|error| Problem::invalid(format!("this cannot be: {error}")))
    }

    /// A connection that has the draft's rules and masking, and nothing else of it: to try them, nothing else
    /// has to be right.
    fn on_trial(&self) -> Result<Connection, Problem> {
        self.rules.check()?;
        let trial = json!({
            "name": "trial", "kind": self.kind, "target": {}, "secret": null, "reviewers": [],
            "guardrails": self.rules.values(&[]), "auto_approve": self.auto_reads.then_some(AutoApprove::Reads),
            "masking": self.masking.value(None)?, "masking_key": or_null(&self.masking_key),
            "approvals_per_group": 1, "distinct_reviewers": true, "exempt_groups": [], "allowed_groups": [],
            "approvals": true, "admin_auto_approve": true, "timeout_seconds": null, "run_within_seconds": 1,
            "require_reason": false, "notify": [], "slack_channels": [], "created_at": Timestamp::from_unix_millis(0),
            "version": 1,
        });
        serde_json::from_value(trial).map_err(|error| Problem::invalid(format!("this cannot be: {error}")))
    }

    fn document(&self, before: Option<&Connection>) -> Result<Value, Problem> {
        let was = before.map(Self::of);
        let approval = &self.approval;
        self.rules.check()?;
        // What stands in a field that the kind does not have was typed for another one.
        let has_secret = self.kind != "runner";
        let has_estimate = matches!(self.kind.as_str(), "postgres" | "mysql");
        let stored = before.map(|before| before.guardrails.as_slice()).unwrap_or_default();
        let channels = match (before, &was) {
            (Some(before), Some(was)) if was.slack_channels == self.slack_channels => {
                before.slack_channels.clone()
            }
            _ => {
                let names = self.slack_channels.split([',', ' ', '\n']).map(str::trim);
                names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
            }
        };
        let mut body = json!({
            "kind": self.kind,
            "target": self.target.value(&self.kind, before)?,
            "secret": or_null(if has_secret { &self.secret } else { "" }),
            "read_secret": or_null(&self.read_secret),
            "estimate_secret": or_null(if has_estimate { &self.estimate_secret } else { "" }),
            "reviewers": approval.reviewers.checked("more_reviewers")?,
            "distinct_reviewers": approval.distinct,
            "exempt_groups": approval.exempt.checked("more_exempt")?,
            "allowed_groups": approval.allowed.checked("more_allowed")?,
            "approvals": approval.approvals,
            "admin_auto_approve": approval.admin_auto_approve,
            "timeout_seconds": seconds(&approval.timeout_minutes, "timeout_minutes")?,
            "require_reason": approval.require_reason,
            "guardrails": self.rules.values(stored),
            "auto_approve": self.auto_reads.then_some(AutoApprove::Reads),
            "masking": self.masking.value(before.map(|before| &before.masking))?,
            "masking_key": or_null(&self.masking_key),
            "notify": self.notify,
            "slack_channels": channels,
        });
        let mut set = |name: &str, value: Value| {
            if let Some(members) = body.as_object_mut() {
                members.insert(name.to_owned(), value);
            }
        };
        if let Some(within) = seconds(&approval.run_within_minutes, "run_within_minutes")? {
            set("run_within_seconds", within.into());
        }
        if !approval.per_group.is_empty() {
            let each: u8 = approval.per_group.parse().map_err(|_| {
                let detail = format!("expected a number from 1 to 60, got `{}`", approval.per_group);
                Problem::invalid(detail.clone()).at("/approvals_per_group", detail)
            })?;
            set("approvals_per_group", each.into());
        }
        Ok(body)
    }
}

/// What is shown besides what stands in the form.
#[derive(Default)]
pub(super) struct Outcome {
    /// What is wrong.
    pub(super) wrong: Option<Wrong>,
    /// What saving would mean; with it, the fingerprint of what that is about.
    pub(super) seen: Option<(Markup, String)>,
    command: Markup,
    text: Markup,
}

impl Outcome {
    /// That something is wrong.
    pub(super) fn wrong(problem: &Problem) -> Self {
        Self { wrong: Some(Wrong::of(problem)), ..Self::default() }
    }

    /// Whether saving what was just looked at was already seen to mean this.
    pub(super) fn was_seen(&self, fingerprint: &str) -> bool {
        self.seen.as_ref().is_some_and(|(_, seen)| seen == fingerprint)
    }
}

/// Looks at a draft: tries what was to be tried, and says, unless that is all that was asked, whether it can
/// be and what saving it would mean. Writes nothing.
pub(super) async fn look(app: &App, before: Option<&Connection>, draft: &Draft, only_try: bool) -> Outcome {
    let assessed = match assessed(app, draft).await {
        Ok(assessed) => assessed,
        Err(problem) => return Outcome::wrong(&problem),
    };
    let tries_text = !draft.try_text.trim().is_empty();
    let mut outcome = Outcome {
        command: assessed.verdict.as_ref().map(tried_command).unwrap_or_default(),
        text: if tries_text {
            tried_text(assessed.masked.as_deref())
        } else {
            html! {}
        },
        ..Outcome::default()
    };
    let complaint = assessed.complaint.as_ref().map(complaint_of);
    let seen = match complaint {
        Some(problem) => Err(problem),
        None if only_try => return outcome,
        None => seen(app, before, draft).await,
    };
    match seen {
        Ok(seen) => outcome.seen = Some(seen),
        Err(problem) => outcome.wrong = Some(Wrong::of(&problem)),
    }
    outcome
}

/// What the rules and the masking of the draft make of what is tried, whatever else stands in it.
async fn assessed(app: &App, draft: &Draft) -> Result<Assessment, Problem> {
    if draft.try_command.len() > MAX_COMMAND_BYTES {
        let detail =
            format!("the command has {} bytes, the most is {MAX_COMMAND_BYTES}", draft.try_command.len());
        return Err(Problem::invalid(detail.clone()).at("/try_command", detail));
    }
    let filled = |text: &String| (!text.trim().is_empty()).then(|| text.clone());
    let (command, text) = (filled(&draft.try_command), filled(&draft.try_text));
    let connection = draft.on_trial()?;
    if connection.guardrails.is_empty() && command.is_none() && text.is_none() {
        return Ok(Assessment::default());
    }
    app.assess(Assess { command, text, ..Assess::rules_of(&connection) }).await
}

/// What saving it would mean, and the fingerprint of what that is about.
async fn seen(app: &App, before: Option<&Connection>, draft: &Draft) -> Result<(Markup, String), Problem> {
    let connection = checked(app, draft.name()?, draft.body(before)?, before)?;
    let warned = warnings(app, &connection).await;
    let known = app.known_for_display().await.unwrap_or_default();
    Ok((effects(before, &connection, &known, &warned), fingerprint(&connection)))
}

/// The form.
pub(super) fn form(
    viewer: &Viewer,
    connection: Option<&Connection>,
    draft: &Draft,
    known: &Known,
    outcome: &Outcome,
) -> Markup {
    let to =
        connection.map_or_else(|| "/connections/new".to_owned(), |one| format!("/connections/{}", one.name));
    let nothing = Wrong::default();
    let wrong = outcome.wrong.as_ref().unwrap_or(&nothing);
    html! {
        form.connection #connection method="post" action={ (to) "/save" } {
            // The first button of a form is what Enter presses: it must not be one that removes a rule.
            button.hidden-text type="submit" formaction={ (to) "/check" } formnovalidate tabindex="-1" aria-hidden="true" { "Check" }
            (viewer.csrf())
            @if let Some(connection) = connection {
                input type="hidden" name="version" value=(connection.version);
                input type="hidden" name="name" value=(connection.name);
            }
            @if let Some((_, fingerprint)) = &outcome.seen { input type="hidden" name="seen" value=(fingerprint); }
            (target::section(connection.is_none(), draft, wrong))
            (approval::section(draft, known, wrong))
            (approval::access(draft, known, wrong))
            (rules::section(&to, draft, draft.fresh, &outcome.command, wrong))
            (masking::section(&to, draft, &outcome.text, wrong))
            (notify::section(draft, wrong))
            div.card {
                p.hint { "Check says what changes and for whom, and saves nothing. Save says it too before it saves." }
                div.actions.thumb {
                    button.plain type="submit" formaction={ (to) "/check" } formnovalidate { "Check" }
                    button type="submit" { "Save" }
                }
            }
        }
    }
}

/// What stands below the form of a connection that is there.
pub(super) fn below(
    viewer: &Viewer,
    connection: &Connection,
    slack: Option<&(SlackSettings, u64)>,
    outcome: &Outcome,
) -> Markup {
    let nothing = Wrong::default();
    let wrong = outcome.wrong.as_ref().unwrap_or(&nothing);
    html! {
        (notify::reminders(viewer, connection, slack, wrong))
        details.box {
            summary { "As JSON" }
            p.hint { "The whole document as it is stored, and as the API and the command line take it." }
            pre.text tabindex="0" role="group" aria-label="The connection as JSON" { (as_json(connection)) }
        }
        details.box {
            summary { "Delete this connection" }
            form method="post" action={ "/connections/" (connection.name) "/delete" } {
                (viewer.csrf())
                input type="hidden" name="version" value=(connection.version);
                p.hint { "What waits for approval on it is cancelled when it would run. Its past stays." }
                div.field { label for="again" { "Its name, to be sure" } input #again type="text" name="name_again" required autocomplete="off"; }
                button.reject type="submit" { "Delete" }
            }
        }
    }
}

fn as_json(connection: &Connection) -> String {
    let whole = serde_json::to_string_pretty(connection).unwrap_or_default();
    countersign_rules::display::display(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(more: &Value) -> Connection {
        let mut connection = json!({
            "name": "prod-db", "kind": "postgres", "target": {}, "secret": "env:URL", "reviewers": ["dba-team"],
            "approvals_per_group": 1, "distinct_reviewers": true, "exempt_groups": [], "allowed_groups": [],
            "approvals": true, "admin_auto_approve": true, "timeout_seconds": null, "run_within_seconds": 3600,
            "require_reason": false, "masking": {}, "notify": ["slack"], "slack_channels": [],
            "created_at": "2026-11-25T10:00:00Z", "version": 1
        });
        connection.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(connection).unwrap()
    }

    /// The document as it is stored after the form, untouched, was saved over it.
    fn saved(connection: &Connection) -> Connection {
        let mut document = Draft::of(connection).document(Some(connection)).unwrap();
        let kept = json!({ "name": connection.name, "created_at": connection.created_at, "version": connection.version });
        document.as_object_mut().unwrap().extend(kept.as_object().unwrap().clone());
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_connection_that_is_saved_untouched_stays_to_the_letter() {
        for more in [
            json!({}),
            json!({ "read_secret": "env:READ", "estimate_secret": "env:PLAN", "auto_approve": "reads" }),
            json!({ "timeout_seconds": 61, "run_within_seconds": 1, "approvals_per_group": 3, "notify": [] }),
            json!({ "target": { "application_name": "x", "ca_pem": "a\r\nb", "max_rows": 5, "of_tomorrow": { "a": 1 } } }),
            json!({ "kind": "http", "secret": null, "target": { "base_url": "https://a.example", "headers": { "X-A": " b:c " }, "allow": ["10.0.0.0/8"] } }),
            json!({ "kind": "runner", "secret": null, "target": { "program": ["bash", "-c", " two words ", ""], "runner": "ops" } }),
            json!({ "guardrails": ["no-drop", { "name": "x", "message": "y", "deny": { "words": ["a  b"], "pattern": "(" } }] }),
            json!({ "masking": { "entities": ["PERSON", "JWT"], "columns": ["a"], "style": "hash", "styles": { "PERSON": "replace" } }, "masking_key": "env:K" }),
            json!({ "reviewers": ["b", "a"], "exempt_groups": ["z"], "allowed_groups": ["y"], "approvals": false }),
            json!({ "slack_channels": ["C1", "odd one, with comma", ""] }),
        ] {
            let connection = connection(&more);
            assert_eq!(saved(&connection), connection, "{more}");
        }
    }

    #[test]
    fn what_was_typed_is_kept_whatever_it_is() {
        let body = "kind=postgres&name=x&per_group=many&timeout_minutes=soon&target-max_rows=lots&more_reviewers=Not!A!Group";
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        let draft = Draft::read(&Form::read(&headers, body.as_bytes()).unwrap());
        let viewed = target::section(true, &draft, &Wrong::default()).into_string();
        assert!(viewed.contains(r#"value="lots""#), "{viewed}");
        let viewed = approval::section(&draft, &Known::default(), &Wrong::default()).into_string();
        for typed in ["many", "soon", "Not!A!Group"] {
            assert!(viewed.contains(&format!(r#"value="{typed}""#)), "{typed}: {viewed}");
        }
        assert!(draft.document(None).is_err());
    }

    #[test]
    fn another_kind_takes_nothing_along_that_was_the_other_ones() {
        let before =
            connection(&json!({ "target": { "ca_pem": "x", "application_name": "y", "max_rows": 7 } }));
        let draft = Draft { kind: "mysql".to_owned(), ..Draft::of(&before) };
        let document = draft.document(Some(&before)).unwrap();
        assert_eq!(document["target"], json!({ "ca_pem": "x", "max_rows": 7 }));
    }
}
