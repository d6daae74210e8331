//! What stands in the form, and the document that it makes of what is stored.

use std::collections::BTreeSet;

use countersign_http::Problem;
use countersign_masking::MaskingPolicy;
use countersign_rules::{ConnectionName, Timestamp};
use countersign_storage::Connection;
use countersign_storage::items::{AutoApprove, Channel};
use countersign_web::form::Form;
use serde_json::{Value, json};

use super::approval::{Approval, seconds};
use super::masking::Masking;
use super::rules::Rules;
use super::target::Target;
use crate::connections::shape::Body;
use crate::pages::fields::{lines_of, one_line};

/// What stands in the form.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// The name.
    pub(crate) name: String,
    pub(super) kind: String,
    pub(super) target: Target,
    pub(super) secret: String,
    pub(super) read_secret: String,
    pub(super) estimate_secret: String,
    pub(super) approval: Approval,
    pub(super) rules: Rules,
    pub(super) max_rows: String,
    pub(super) auto_reads: bool,
    pub(super) masking: Masking,
    pub(super) masking_key: String,
    pub(super) notify: BTreeSet<String>,
    pub(super) slack_channels: String,
    pub(super) try_command: String,
    pub(super) try_text: String,
    /// The row of the guardrails that was added just now.
    pub(super) fresh: Option<usize>,
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
            max_rows: String::new(),
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
    pub(crate) fn of(connection: &Connection) -> Self {
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
            max_rows: connection.max_rows.map(|rows| rows.to_string()).unwrap_or_default(),
            auto_reads: connection.auto_approve.is_some(),
            masking: Masking::of(&connection.masking),
            masking_key: text(&connection.masking_key),
            notify: connection.notify.iter().filter_map(word).collect(),
            slack_channels: lines_of(&connection.slack_channels),
            ..Self::default()
        }
    }

    /// What was sent. Whatever it is, it is kept as it was typed.
    pub(crate) fn read(form: &Form) -> Self {
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
            max_rows: text("max_rows"),
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
    pub(crate) fn edit(&mut self, pressed: &str) -> bool {
        if pressed == "rule-add" {
            self.rules.add(&self.kind);
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
    pub(crate) fn name(&self) -> Result<ConnectionName, Problem> {
        if self.name.is_empty() {
            let detail = "it needs a name, such as `prod-db`";
            return Err(Problem::invalid(detail).at("/name", detail));
        }
        self.name.parse().map_err(|error: countersign_rules::ids::InvalidId| {
            Problem::invalid(error.to_string()).at("/name", error.to_string())
        })
    }

    /// The same as the API would be sent it, over what is stored.
    pub(crate) fn body(&self, before: Option<&Connection>) -> Result<Body, Problem> {
        serde_json::from_value(self.document(before)?)
            .map_err(|error| Problem::invalid(format!("this cannot be: {error}")))
    }

    /// A connection that has the draft's rules, masking and reviewers, and nothing else of it: to try them, nothing
    /// else has to be right.
    pub(super) fn on_trial(&self) -> Result<Connection, Problem> {
        self.rules.check()?;
        let approval = &self.approval;
        let max_rows = if self.is_database() { self.max_rows()? } else { None };
        let each = approval.per_group.parse::<u8>().unwrap_or(1).max(1);
        let trial = json!({
            "name": "trial", "kind": self.kind, "target": {}, "secret": null, "reviewers": approval.reviewers.names,
            "guardrails": self.rules.values(&[]), "max_rows": max_rows, "auto_approve": self.auto_reads.then_some(AutoApprove::Reads),
            "masking": self.masking.value(None)?, "masking_key": or_null(&self.masking_key),
            "approvals_per_group": each, "distinct_reviewers": approval.distinct, "exempt_groups": [],
            "allowed_groups": [], "approvals": approval.approvals, "admin_auto_approve": true,
            "timeout_seconds": null, "run_within_seconds": 1,
            "require_reason": false, "notify": [], "slack_channels": [], "created_at": Timestamp::from_unix_millis(0),
            "version": 1,
        });
        serde_json::from_value(trial).map_err(|error| Problem::invalid(format!("this cannot be: {error}")))
    }

    fn is_database(&self) -> bool {
        matches!(self.kind.as_str(), "postgres" | "mysql" | "sqlite")
    }

    /// The standing bound on rows.
    fn max_rows(&self) -> Result<Option<u64>, Problem> {
        if self.max_rows.is_empty() {
            return Ok(None);
        }
        self.max_rows.parse().map(Some).map_err(|_| {
            let detail = format!("expected a number of rows, such as `500`, got `{}`", self.max_rows);
            Problem::invalid(detail.clone()).at("/max_rows", detail)
        })
    }

    fn document(&self, before: Option<&Connection>) -> Result<Value, Problem> {
        let was = before.map(Self::of);
        let approval = &self.approval;
        self.rules.check()?;
        // What stands in a field that the kind does not have was typed for another one.
        let has_secret = self.kind != "runner";
        let max_rows = if self.is_database() { self.max_rows()? } else { None };
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
            "max_rows": max_rows,
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

#[cfg(test)]
mod tests {
    use countersign_app::directory::Known;

    use super::*;
    use crate::pages::connection_form::{approval, target};
    use crate::pages::fields::Wrong;

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
            json!({ "max_rows": 1_000_000_000_000_u64 }),
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
