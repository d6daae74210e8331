//! A connection as it is written and as it is shown.

use std::collections::{BTreeMap, BTreeSet};

use countersign_app::Caller;
use countersign_masking::MaskingPolicy;
use countersign_rules::{ConnectionName, GroupName};
use countersign_storage::Connection;
use countersign_storage::items::{AutoApprove, Channel};
use countersign_targets::{TargetKind, TargetSpec};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What is masked in output. For the document; `countersign-masking` reads it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) struct Masking {
    /// Off: output is stored and shown as it is.
    #[schema(default = true)]
    enabled: Option<bool>,
    /// What to look for, such as `EMAIL_ADDRESS`; empty is everything.
    entities: Option<Vec<String>>,
    /// Columns that are masked whatever is in them.
    columns: Option<Vec<String>>,
    /// Values, and names of columns, that are not masked.
    allow: Option<Vec<String>>,
    /// What takes the place of a value.
    style: Option<MaskingStyle>,
    /// What takes the place of the values of single entities.
    styles: Option<BTreeMap<String, MaskingStyle>>,
}

/// What takes the place of a value.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its shape is used")]
pub(crate) enum MaskingStyle {
    /// `<EMAIL_ADDRESS>`.
    Replace,
    /// The last four letters and digits stay.
    KeepLast4,
    /// A keyed hash, so that equal values stay equal.
    Hash,
}

/// A connection as an admin writes it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewConnection)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// The name in the path, if it is given.
    #[serde(default)]
    #[schema(value_type = Option<ConnectionName>)]
    pub(super) name: Option<String>,
    /// What it runs against.
    #[schema(value_type = TargetKind)]
    pub(super) kind: String,
    /// What the kind needs to know.
    #[serde(default = "empty_object")]
    #[schema(value_type = TargetSpec)]
    pub(super) target: Value,
    /// A reference to the secret, such as `env:PROD_DB_URL`; never the secret.
    #[serde(default)]
    #[schema(
        max_length = 512,
        pattern = "^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.*|secretsmanager:arn:.*|ssm:/.*)$",
        example = "env:PROD_DB_URL"
    )]
    pub(super) secret: Option<String>,
    /// The groups that must approve; at least one where approvals are on.
    #[serde(default)]
    #[schema(max_items = 25)]
    pub(super) reviewers: Vec<GroupName>,
    /// Approvals that each group must give; at most 60 over all groups.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 60, default = 1)]
    pub(super) approvals_per_group: u8,
    /// Whether k approvals need k people.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub(super) distinct_reviewers: bool,
    /// Members' requests need no approval.
    #[serde(default)]
    #[schema(value_type = Vec<GroupName>)]
    pub(super) exempt_groups: BTreeSet<GroupName>,
    /// Who may use it; empty is everybody.
    #[serde(default)]
    #[schema(value_type = Vec<GroupName>)]
    pub(super) allowed_groups: BTreeSet<GroupName>,
    /// Off: every request is approved at once.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub(super) approvals: bool,
    /// Whether an admin's own request counts as their approval.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub(super) admin_auto_approve: bool,
    /// How long votes may come, in seconds; null is the deployment's default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2_592_000)]
    pub(super) timeout_seconds: Option<u32>,
    /// How long an approved request may be run, in seconds.
    #[serde(default = "an_hour")]
    #[schema(minimum = 1, maximum = 2_592_000, default = 3600)]
    pub(super) run_within_seconds: u32,
    /// Whether a request must say why.
    #[serde(default)]
    pub(super) require_reason: bool,
    /// The most rows that one request may change; null is no limit. More, and everything is rolled back. Commands
    /// whose rows cannot be counted are blocked. For databases.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_u64)]
    pub(super) max_rows: Option<u64>,
    /// Which commands are blocked before anybody is asked: names of presets, or rules.
    #[serde(default)]
    #[schema(max_items = 50)]
    pub(super) guardrails: Vec<Value>,
    /// Which commands need no votes: `reads`, those that provably only read.
    #[serde(default)]
    pub(super) auto_approve: Option<AutoApprove>,
    /// A reference to the secret of a role that may only read, for `auto_approve`.
    #[serde(default)]
    #[schema(max_length = 512, example = "env:PROD_DB_READ_URL")]
    pub(super) read_secret: Option<String>,
    /// A reference to the secret with which the impact of a command is estimated: the target plans
    /// the command, and never runs it.
    #[serde(default)]
    #[schema(max_length = 512, example = "env:PROD_DB_ESTIMATE_URL")]
    pub(super) estimate_secret: Option<String>,
    /// What is masked in output.
    #[serde(default, deserialize_with = "an_object")]
    #[schema(value_type = Masking)]
    pub(super) masking: Option<Value>,
    /// A reference to the key of the style `hash`: equal values stay equal within this connection.
    #[serde(default)]
    #[schema(max_length = 512, example = "env:MASKING_KEY")]
    pub(super) masking_key: Option<String>,
    /// Through what reviewers are told; all of them by default.
    #[serde(default = "all_channels")]
    #[schema(value_type = Vec<Channel>, default = json!(Channel::ALL))]
    pub(super) notify: BTreeSet<Channel>,
    /// Slack channels that are told.
    #[serde(default)]
    pub(super) slack_channels: Vec<String>,
    /// What a GET answered with; ignored, so that its answer can be sent back.
    #[serde(default, rename = "warnings")]
    #[schema(value_type = Value)]
    _warnings: Option<Value>,
    /// The same.
    #[serde(default, rename = "version")]
    #[schema(value_type = Value)]
    _version: Option<Value>,
}

/// Refuses what is no object where the body is read, before anything else is looked at.
fn an_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    let object = Option::<serde_json::Map<String, Value>>::deserialize(deserializer)?;
    Ok(object.map(Value::Object))
}
fn empty_object() -> Value {
    json!({})
}
fn one() -> u8 {
    1
}
fn yes() -> bool {
    true
}
fn an_hour() -> u32 {
    3600
}
fn all_channels() -> BTreeSet<Channel> {
    Channel::ALL.into()
}

/// A connection as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connection)]
pub(crate) struct View<'a> {
    /// Its name.
    name: &'a ConnectionName,
    /// What it runs against.
    kind: &'a str,
    /// What the kind needs to know; null unless you are an admin or an auditor.
    #[schema(value_type = Option<TargetSpec>, required = true)]
    target: &'a Value,
    /// The reference to its secret; null unless you are an admin or an auditor.
    #[schema(required = true)]
    secret: Option<&'a str>,
    /// The groups that must approve.
    reviewers: &'a [GroupName],
    /// Approvals that each group must give.
    approvals_per_group: u8,
    /// Whether k approvals need k people.
    distinct_reviewers: bool,
    /// Members' requests need no approval.
    exempt_groups: &'a BTreeSet<GroupName>,
    /// Who may use it; empty is everybody.
    allowed_groups: &'a BTreeSet<GroupName>,
    /// Off: every request is approved at once.
    approvals: bool,
    /// Whether an admin's own request counts as their approval.
    admin_auto_approve: bool,
    /// How long votes may come, in seconds; null is the deployment's default.
    #[schema(required = true)]
    timeout_seconds: Option<u32>,
    /// How long an approved request may be run, in seconds.
    run_within_seconds: u32,
    /// Whether a request must say why.
    require_reason: bool,
    /// The most rows that one request may change; null is no limit.
    #[schema(required = true)]
    max_rows: Option<u64>,
    /// Which commands are blocked before anybody is asked.
    guardrails: &'a [Value],
    /// Which commands need no votes.
    #[schema(required = true)]
    auto_approve: Option<AutoApprove>,
    /// The reference to the secret for reading; null unless you are an admin or an auditor.
    #[schema(required = true)]
    read_secret: Option<&'a str>,
    /// The reference to the secret for estimates; null unless you are an admin or an auditor.
    #[schema(required = true)]
    estimate_secret: Option<&'a str>,
    /// What is masked in output.
    #[schema(value_type = Masking)]
    masking: &'a MaskingPolicy,
    /// The reference to the key of the style `hash`; null unless you are an admin or an auditor.
    #[schema(required = true)]
    masking_key: Option<&'a str>,
    /// Through what reviewers are told.
    notify: &'a BTreeSet<Channel>,
    /// Slack channels that are told.
    slack_channels: &'a [String],
    /// Grows with each change; the `ETag`.
    version: u64,
    /// What is wrong with it although it can be saved; empty in lists.
    warnings: Vec<String>,
}

impl<'a> View<'a> {
    /// Where it points and with which secret is for admins and auditors.
    pub(super) fn new(connection: &'a Connection, caller: &Caller, warnings: Vec<String>) -> Self {
        const HIDDEN: &Value = &Value::Null;
        let whole = caller.sees_all();
        Self {
            name: &connection.name,
            kind: &connection.kind,
            target: if whole { &connection.target } else { HIDDEN },
            secret: connection.secret.as_deref().filter(|_| whole),
            reviewers: &connection.reviewers,
            approvals_per_group: connection.approvals_per_group,
            distinct_reviewers: connection.distinct_reviewers,
            exempt_groups: &connection.exempt_groups,
            allowed_groups: &connection.allowed_groups,
            approvals: connection.approvals,
            admin_auto_approve: connection.admin_auto_approve,
            timeout_seconds: connection.timeout_seconds,
            run_within_seconds: connection.run_within_seconds,
            require_reason: connection.require_reason,
            max_rows: connection.max_rows,
            guardrails: &connection.guardrails,
            auto_approve: connection.auto_approve,
            read_secret: connection.read_secret.as_deref().filter(|_| whole),
            estimate_secret: connection.estimate_secret.as_deref().filter(|_| whole),
            masking: &connection.masking,
            masking_key: connection.masking_key.as_deref().filter(|_| whole),
            notify: &connection.notify,
            slack_channels: &connection.slack_channels,
            version: connection.version,
            warnings,
        }
    }
}
