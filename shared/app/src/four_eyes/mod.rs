//! The gate guards itself: with `COUNTERSIGN_ADMIN_FOUR_EYES=on` what an admin changes of who reviews
//! what, and of what runs where, becomes a proposal that another admin approves.
//!
//! A proposal is a request like any other: of the kind `configuration`, on a connection of its own, with
//! the admins as its reviewers. So it has a digest, a time limit, a place in everybody's inbox and in the
//! audit trail, and it runs at most once. Its command is [`Proposal`] as JSON, and `execute` carries it
//! out ([`App::carry_out`]).
//!
//! What only takes something away is done at once: an emergency stop waits for nobody.

mod affects;
mod carry_out;
mod propose;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use countersign_notify::SlackSettings;
use countersign_rules::UserId;
use countersign_rules::risk::{Risk, RiskLevel};
use countersign_storage::{Connection, User};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::App;
use crate::administration::WrittenUser;

pub use carry_out::NotCarriedOut;

/// What is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A new connection.
    #[serde(rename = "connection.create")]
    ConnectionCreate,
    /// Another state of a connection.
    #[serde(rename = "connection.update")]
    ConnectionUpdate,
    /// A new account.
    #[serde(rename = "user.create")]
    UserCreate,
    /// Another state of an account.
    #[serde(rename = "user.update")]
    UserUpdate,
    /// Other settings of Slack.
    #[serde(rename = "slack.update")]
    SlackUpdate,
}

impl Change {
    /// Its name, as it stands in the command.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConnectionCreate => "connection.create",
            Self::ConnectionUpdate => "connection.update",
            Self::UserCreate => "user.create",
            Self::UserUpdate => "user.update",
            Self::SlackUpdate => "slack.update",
        }
    }
}

/// A member as it is, and as it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromTo {
    /// As it is; null if it is not there.
    pub from: Value,
    /// As it would be; null if it would not be there.
    pub to: Value,
}

/// A change of the configuration, as it stands in the command of the request that proposes it. The order
/// of the members is that in which people read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// What is changed.
    pub change: Change,
    /// The name of a connection, the id of an account, `slack`.
    pub subject: String,
    /// Who is affected, in sentences.
    pub affects: Vec<String>,
    /// Every member that differs.
    pub difference: BTreeMap<String, FromTo>,
    /// The version that it was made against; none for what is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What is stored then. Secrets stand in it as references.
    pub document: Value,
}

/// What the clock and the counter say of a thing, and not an admin.
const NOT_WRITTEN: [&str; 2] = ["version", "created_at"];

impl Proposal {
    /// Of a connection that was checked.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which none of ours cannot.
    pub fn of_connection(before: Option<&Connection>, after: &Connection) -> Result<Self, serde_json::Error> {
        let members = |connection: &Connection| -> Result<Map<String, Value>, serde_json::Error> {
            let mut members = object(connection)?;
            members.retain(|name, _| !NOT_WRITTEN.contains(&name.as_str()));
            Ok(members)
        };
        let change = if before.is_some() { Change::ConnectionUpdate } else { Change::ConnectionCreate };
        let was = before.map(members).transpose()?;
        let version = before.map(|before| before.version);
        Ok(Self::new(change, after.name.to_string(), was, version, members(after)?))
    }

    /// Of an account that was checked.
    ///
    /// # Errors
    /// As [`Proposal::of_connection`].
    pub fn of_user(before: Option<&User>, after: &User) -> Result<Self, serde_json::Error> {
        let members = |user: &User| object(&WrittenUser::from(user));
        let change = if before.is_some() { Change::UserUpdate } else { Change::UserCreate };
        let was = before.map(members).transpose()?;
        Ok(Self::new(change, after.id.to_string(), was, before.map(|before| before.version), members(after)?))
    }

    /// Of settings of Slack that were checked, with the version of those that are.
    ///
    /// # Errors
    /// As [`Proposal::of_connection`].
    pub fn of_slack(
        before: Option<(&SlackSettings, u64)>,
        after: &SlackSettings,
    ) -> Result<Self, serde_json::Error> {
        let was = before.map(|(settings, _)| object(settings)).transpose()?;
        let version = before.map(|(_, version)| version);
        Ok(Self::new(Change::SlackUpdate, "slack".to_owned(), was, version, object(after)?))
    }

    fn new(
        change: Change,
        subject: String,
        was: Option<Map<String, Value>>,
        version: Option<u64>,
        is: Map<String, Value>,
    ) -> Self {
        let was = was.unwrap_or_default();
        let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        let of = |members: &Map<String, Value>, name: &str| members.get(name).cloned().unwrap_or_default();
        let both = names.into_iter().map(|name| (name, of(&was, name), of(&is, name)));
        let differ = both.filter(|(_, from, to)| from != to);
        let difference = differ.map(|(name, from, to)| (name.clone(), FromTo { from, to })).collect();
        Self { change, subject, affects: Vec::new(), difference, version, document: Value::Object(is) }
    }

    /// With the sentences that say who is affected.
    #[must_use]
    pub fn affecting(mut self, sentences: impl IntoIterator<Item = String>) -> Self {
        self.affects.extend(sentences);
        self
    }

    /// The command of the request: these very bytes are what is approved.
    ///
    /// # Errors
    /// As [`Proposal::of_connection`].
    pub fn command(&self) -> Result<String, serde_json::Error> {
        let mut members = object(self)?;
        let of = |name| members.remove(name).map(|value| (name, value));
        let ordered = ["change", "subject", "affects", "difference", "version", "document"];
        Ok(text::object(&ordered.into_iter().filter_map(of).collect::<Vec<_>>()))
    }

    /// Reads a command.
    ///
    /// # Errors
    /// If it is none of ours.
    pub fn parse(command: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(command)
    }

    /// What is said of it beside the command.
    fn risk(&self) -> Risk {
        Risk {
            level: RiskLevel::High,
            statements: vec![self.change.as_str().to_owned()],
            tables: Vec::new(),
            notes: self.affects.clone(),
            no_row_bound: Some("a change of the configuration changes no rows".to_owned()),
            estimate: None,
        }
    }
}

fn object(thing: &impl Serialize) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::to_value(thing)? {
        Value::Object(members) => Ok(members),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}

impl App {
    /// Whether a connection is stored only once a second admin agrees: unless nothing changes but who is
    /// told.
    #[must_use]
    pub fn is_proposal_of_connection(&self, before: Option<&Connection>, after: &Connection) -> bool {
        self.config.admin_four_eyes && connection_matters(before, after)
    }

    /// The same for an account: where groups or roles change, or it is let in again.
    #[must_use]
    pub fn is_proposal_of_user(&self, before: Option<&User>, after: &User) -> bool {
        self.config.admin_four_eyes && user_matters(before, after)
    }

    /// The same for the settings of Slack: where it changes whose calls are believed.
    #[must_use]
    pub fn is_proposal_of_slack(&self, before: Option<&SlackSettings>, after: &SlackSettings) -> bool {
        self.config.admin_four_eyes && slack_matters(before, after)
    }

    /// Whether an admin alone may make a token of that service account. Were it somebody else's, the admin
    /// could vote with it, or ask for what they then approve, as if two people had.
    #[must_use]
    pub fn may_make_token_of(&self, owner: UserId, human: UserId) -> bool {
        !self.config.admin_four_eyes || owner == human
    }
}

fn connection_matters(before: Option<&Connection>, after: &Connection) -> bool {
    before.is_none_or(|before| {
        let told_alike = Connection {
            notify: before.notify.clone(),
            slack_channels: before.slack_channels.clone(),
            version: before.version,
            created_at: before.created_at,
            ..after.clone()
        };
        told_alike != *before
    })
}

fn user_matters(before: Option<&User>, after: &User) -> bool {
    match before {
        None => !after.groups.is_empty() || !after.roles.is_empty(),
        Some(before) => {
            let let_in = before.disabled && !after.disabled;
            before.groups != after.groups || before.roles != after.roles || let_in
        }
    }
}

fn slack_matters(before: Option<&SlackSettings>, after: &SlackSettings) -> bool {
    before.is_none_or(|before| {
        let told_alike = SlackSettings {
            enabled: before.enabled,
            default_channels: before.default_channels.clone(),
            reminders: before.reminders.clone(),
            ..after.clone()
        };
        told_alike != *before
    })
}

/// Who proposed it and who agreed, for the audit event of the change itself.
fn agreement(request: &countersign_rules::Request) -> Value {
    let person = |id: UserId, email: &str| json!({ "id": id, "email": email });
    let approvals = request.approvals().map(|vote| person(vote.user, &vote.email));
    json!({
        "request": request.id,
        "proposed_by": person(request.requester.user, &request.requester.email),
        "approved_by": approvals.collect::<Vec<Value>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use countersign_masking::MaskingPolicy;
    use countersign_rules::Timestamp;
    use countersign_rules::person::Role;
    use countersign_storage::items::Channel;

    use super::*;

    fn connection() -> Connection {
        Connection {
            name: "prod-db".parse().unwrap(),
            kind: "postgres".to_owned(),
            target: json!({}),
            secret: Some("env:PROD".to_owned()),
            read_secret: None,
            estimate_secret: None,
            guardrails: Vec::new(),
            auto_approve: None,
            reviewers: vec!["dba".parse().unwrap()],
            approvals_per_group: 1,
            distinct_reviewers: true,
            exempt_groups: BTreeSet::new(),
            allowed_groups: BTreeSet::new(),
            approvals: true,
            admin_auto_approve: true,
            timeout_seconds: None,
            run_within_seconds: 3600,
            max_rows: None,
            require_reason: false,
            masking: MaskingPolicy::default(),
            masking_key: None,
            notify: Channel::ALL.into(),
            slack_channels: Vec::new(),
            created_at: Timestamp::from_unix_millis(0),
            version: 7,
        }
    }

    fn user() -> User {
        User {
            id: UserId::from_parts(Timestamp::from_unix_millis(0), 1),
            email: "ann@example.com".to_owned(),
            name: "Ann".to_owned(),
            groups: BTreeSet::from(["dba".parse().unwrap()]),
            roles: BTreeSet::new(),
            disabled: false,
            slack_user_id: None,
            owner: None,
            created_at: Timestamp::from_unix_millis(0),
            version: 3,
            tokens: Vec::new(),
        }
    }

    fn slack() -> SlackSettings {
        SlackSettings {
            enabled: true,
            bot_token: "env:BOT".to_owned(),
            signing_secret: "env:SIGNS".to_owned(),
            app_id: "A1".to_owned(),
            team_id: "T1".to_owned(),
            default_channels: Vec::new(),
            reminders: BTreeMap::new(),
        }
    }

    #[test]
    fn only_who_is_told_of_a_connection_needs_nobody_else() {
        let before = connection();
        let changed = |edit: fn(&mut Connection)| {
            let mut after = Connection { version: 8, ..before.clone() };
            edit(&mut after);
            connection_matters(Some(&before), &after)
        };
        assert!(connection_matters(None, &before), "a new one");
        let alone: [fn(&mut Connection); 3] =
            [|_| {}, |it| it.notify.clear(), |it| it.slack_channels = vec!["C1".to_owned()]];
        for edit in alone {
            assert!(!changed(edit));
        }
        let together: [fn(&mut Connection); 20] = [
            |it| it.kind = "mysql".to_owned(),
            |it| it.target = json!({ "host": "elsewhere" }),
            |it| it.secret = Some("env:OTHER".to_owned()),
            |it| it.read_secret = Some("env:OTHER".to_owned()),
            |it| it.estimate_secret = Some("env:OTHER".to_owned()),
            |it| it.guardrails = vec![json!("no-drop")],
            |it| it.auto_approve = Some(countersign_storage::items::AutoApprove::Reads),
            |it| it.reviewers.clear(),
            |it| it.approvals_per_group = 2,
            |it| it.distinct_reviewers = false,
            |it| it.exempt_groups = BTreeSet::from(["ops".parse().unwrap()]),
            |it| it.allowed_groups = BTreeSet::from(["ops".parse().unwrap()]),
            |it| it.approvals = false,
            |it| it.admin_auto_approve = false,
            |it| it.timeout_seconds = Some(60),
            |it| it.run_within_seconds = 60,
            |it| it.max_rows = Some(100),
            |it| it.require_reason = true,
            |it| it.masking.enabled = false,
            |it| it.masking_key = Some("env:KEY".to_owned()),
        ];
        for edit in together {
            assert!(changed(edit));
        }
    }

    #[test]
    fn groups_roles_and_letting_somebody_in_again_need_a_second_admin() {
        let before = user();
        let changed = |before: &User, edit: fn(&mut User)| {
            let mut after = User { version: 4, ..before.clone() };
            edit(&mut after);
            user_matters(Some(before), &after)
        };
        let alone: [fn(&mut User); 3] =
            [|it| it.email = "new@example.com".to_owned(), |it| it.name.clear(), |it| it.disabled = true];
        for edit in alone {
            assert!(!changed(&before, edit));
        }
        let together: [fn(&mut User); 3] = [
            |it| it.groups.clear(),
            |it| it.roles = BTreeSet::from([Role::Admin]),
            |it| {
                it.disabled = true;
                it.groups.insert("ops".parse().unwrap());
            },
        ];
        for edit in together {
            assert!(changed(&before, edit));
        }
        let out = User { disabled: true, ..user() };
        assert!(changed(&out, |it| it.disabled = false));
        assert!(user_matters(None, &before), "a new one with groups");
        assert!(!user_matters(None, &User { groups: BTreeSet::new(), ..before }), "a new one without");
    }

    #[test]
    fn whose_calls_are_believed_needs_a_second_admin() {
        let before = slack();
        assert!(slack_matters(None, &before));
        let quiet =
            SlackSettings { enabled: false, default_channels: vec!["C1".to_owned()], ..before.clone() };
        assert!(!slack_matters(Some(&before), &quiet));
        for after in [
            SlackSettings { signing_secret: "env:KNOWN".to_owned(), ..before.clone() },
            SlackSettings { bot_token: "env:OTHER".to_owned(), ..before.clone() },
            SlackSettings { app_id: "A2".to_owned(), ..before.clone() },
            SlackSettings { team_id: "T2".to_owned(), ..before.clone() },
        ] {
            assert!(slack_matters(Some(&before), &after));
        }
    }

    #[test]
    fn a_proposal_says_what_differs_and_is_read_back_as_it_was() {
        let before = connection();
        let mut after = Connection { version: 8, ..connection() };
        after.reviewers.push("security".parse().unwrap());
        let proposal = Proposal::of_connection(Some(&before), &after).unwrap();
        let proposal = proposal.affecting(["It asks more people.".to_owned()]);
        assert_eq!(proposal.version, Some(7));
        let expected = FromTo { from: json!(["dba"]), to: json!(["dba", "security"]) };
        assert_eq!(proposal.difference, BTreeMap::from([("reviewers".to_owned(), expected)]));
        assert_eq!(
            (&proposal.document["version"], &proposal.document["name"]),
            (&Value::Null, &json!("prod-db"))
        );
        let command = proposal.command().unwrap();
        assert_eq!(Proposal::parse(&command).unwrap(), proposal);
        assert!(
            command.starts_with("{\n  \"change\": \"connection.update\",\n  \"subject\": \"prod-db\""),
            "{command}"
        );
    }
}
