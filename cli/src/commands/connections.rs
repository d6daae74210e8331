//! `connections`: make, change, list, show, delete.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::values::{self, Limit, RowBound, Switch, edit, limit, list};
use super::{done, prompt, proposed, refresh, test, warn};
use crate::client::{Call, Client, every_item};
use crate::error::CliError;
use crate::help::examples;
use crate::render::columns::{names, text};
use crate::render::line::labelled;
use crate::render::{Column, Line, Tone, Ui, moment, safe};

/// Subcommands of `connections`.
#[derive(Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// Create a connection (admin)
    #[command(after_help = examples![
        "countersign connections create prod-db --kind postgres --secret env:PROD_URL --reviewers dba",
        "countersign connections create notes --kind sqlite --target path=notes.db --reviewers dba-team",
    ])]
    Create(CreateArgs),
    /// Change a connection (admin); settings that are not named keep their value
    #[command(after_help = examples![
        "countersign connections update prod-db --add-reviewers security-team",
        "countersign connections update prod-db --guardrail no-drop --guardrail no-unbounded-write",
        "countersign connections update prod-db --auto-approve reads --read-secret env:PROD_DB_READ_URL",
    ])]
    Update(UpdateArgs),
    /// List the connections that you may use
    #[command(after_help = examples![
        "countersign connections list",
        "countersign connections list -o json",
    ])]
    List,
    /// Show a connection
    #[command(after_help = examples![
        "countersign connections show prod-db",
    ])]
    Show {
        /// Name of the connection
        name: String,
    },
    /// Check whether a connection works, and report what is wrong (admin)
    #[command(after_help = examples![
        "countersign connections test prod-db",
    ])]
    Test {
        /// Name of the connection
        name: String,
    },
    /// Read the catalogue of a connection's database again (admin)
    #[command(after_help = examples![
        "countersign connections refresh prod-db",
    ])]
    Refresh {
        /// Name of the connection
        name: String,
    },
    /// Delete a connection (admin)
    #[command(after_help = examples![
        "countersign connections delete prod-db",
        "countersign connections delete prod-db --yes",
    ])]
    Delete {
        /// Name of the connection
        name: String,
        /// Delete without confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// Options of both `create` and `update`.
#[derive(Args)]
struct Settings {
    /// A setting of the target, as KEY=VALUE or a JSON object; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    target: Vec<String>,
    /// Reference to the secret, such as env:PROD_DB_URL
    #[arg(long, value_name = "REFERENCE")]
    secret: Option<String>,
    /// Groups that must approve
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    reviewers: Option<Vec<String>>,
    /// Approvals required from each group
    #[arg(long, value_name = "N")]
    approvals_per_group: Option<u8>,
    /// Count one person's approval for all of their groups
    #[arg(long, conflicts_with = "distinct")]
    no_distinct: bool,
    /// Require a different person for each approval (default)
    #[arg(long)]
    distinct: bool,
    /// Groups whose members need no approval
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    exempt: Option<Vec<String>>,
    /// Groups that may use the connection; none means everyone
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    allow: Option<Vec<String>>,
    /// Whether commands need approval
    #[arg(long, value_enum)]
    approvals: Option<Switch>,
    /// Whether submitting counts as an approval when the requester is an admin
    #[arg(long, value_enum)]
    admin_auto_approve: Option<Switch>,
    /// Time limit for approval, or `default`
    #[arg(long, value_name = "DURATION", value_parser = limit)]
    timeout: Option<Limit>,
    /// Time limit for running an approved command
    #[arg(long, value_name = "DURATION", value_parser = values::seconds)]
    run_within: Option<u64>,
    /// Whether a reason is required
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "on", require_equals = true)]
    require_reason: Option<Switch>,
    /// Channels to notify: slack, teams, webhooks
    #[arg(long, value_name = "CHANNELS", value_delimiter = ',')]
    notify: Option<Vec<String>>,
    /// Ids of the Slack channels to notify; '' means the default channels
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    slack_channels: Option<Vec<String>>,
    /// A guardrail: a preset such as no-drop, or a rule as a JSON object; repeatable, '' removes all
    #[arg(long, value_name = "RULE")]
    guardrail: Option<Vec<String>>,
    /// Rows that one request may change, or `off`; more are rolled back
    #[arg(long, value_name = "N", value_parser = values::row_bound)]
    max_rows: Option<RowBound>,
    /// Commands that need no approval: `reads` (provably read-only), or `off`
    #[arg(long, value_name = "WHAT")]
    auto_approve: Option<String>,
    /// Reference to the secret of a read-only role
    #[arg(long, value_name = "REFERENCE")]
    read_secret: Option<String>,
    /// Reference to the secret with which the impact of commands is estimated, without running them
    #[arg(long, value_name = "REFERENCE")]
    estimate_secret: Option<String>,
    /// Whether output is masked
    #[arg(long, value_enum)]
    masking: Option<Switch>,
    /// Entities to mask, such as EMAIL_ADDRESS,CREDIT_CARD; '' means all
    #[arg(long, value_name = "ENTITIES", value_delimiter = ',')]
    mask: Option<Vec<String>>,
    /// Columns that are always masked
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    mask_columns: Option<Vec<String>>,
    /// Time limit of a statement (`statement_timeout_seconds` of the target)
    #[arg(long, value_name = "DURATION", value_parser = values::seconds)]
    statement_timeout: Option<u64>,
}

/// Arguments of `connections create`.
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// Name of the connection
    name: String,
    /// Kind: postgres, mysql, sqlite, http, runner
    #[arg(long)]
    kind: String,
    #[command(flatten)]
    settings: Settings,
}

/// Arguments of `connections update`.
#[derive(Args)]
pub(crate) struct UpdateArgs {
    /// Name of the connection
    name: String,
    #[command(flatten)]
    settings: Settings,
    /// Groups to add to those that must approve
    #[arg(long, value_name = "GROUPS", value_delimiter = ',', conflicts_with = "reviewers")]
    add_reviewers: Vec<String>,
    /// Groups to remove from those that must approve
    #[arg(long, value_name = "GROUPS", value_delimiter = ',', conflicts_with = "reviewers")]
    remove_reviewers: Vec<String>,
}

impl Settings {
    /// Puts what was named into a connection.
    fn apply(&self, connection: &mut Map<String, Value>) -> Result<(), CliError> {
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                connection.insert(name.to_owned(), value);
            }
        };
        put(
            "secret",
            self.secret.as_deref().map(|secret| if secret.is_empty() { Value::Null } else { secret.into() }),
        );
        put("reviewers", self.reviewers.as_deref().map(|groups| list(groups).into()));
        put("approvals_per_group", self.approvals_per_group.map(Value::from));
        put("distinct_reviewers", (self.distinct || self.no_distinct).then_some(Value::Bool(self.distinct)));
        put("exempt_groups", self.exempt.as_deref().map(|groups| list(groups).into()));
        put("allowed_groups", self.allow.as_deref().map(|groups| list(groups).into()));
        put("approvals", self.approvals.map(Switch::json));
        put("admin_auto_approve", self.admin_auto_approve.map(Switch::json));
        put("timeout_seconds", self.timeout.map(Limit::json));
        put("run_within_seconds", self.run_within.map(Value::from));
        put("require_reason", self.require_reason.map(Switch::json));
        put("max_rows", self.max_rows.map(RowBound::json));
        put("notify", self.notify.as_deref().map(|channels| list(channels).into()));
        put("slack_channels", self.slack_channels.as_deref().map(|channels| list(channels).into()));
        let reference = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        put("read_secret", self.read_secret.as_deref().map(reference));
        put("estimate_secret", self.estimate_secret.as_deref().map(reference));
        let off = |text: &str| if matches!(text, "" | "off") { Value::Null } else { text.into() };
        put("auto_approve", self.auto_approve.as_deref().map(off));
        put("guardrails", self.guardrail.as_deref().map(values::rules).transpose()?);
        self.apply_masking(connection);
        let mut target = values::target(&self.target)?;
        if let Some(seconds) = self.statement_timeout {
            target.insert("statement_timeout_seconds".to_owned(), seconds.into());
        }
        if !target.is_empty() {
            match connection.get_mut("target") {
                Some(Value::Object(known)) => known.extend(target),
                _ => {
                    connection.insert("target".to_owned(), Value::Object(target));
                }
            }
        }
        Ok(())
    }
}

impl Settings {
    /// Puts what was named into the masking of a connection; the rest of it stays.
    fn apply_masking(&self, connection: &mut Map<String, Value>) {
        let wanted = [
            ("enabled", self.masking.map(Switch::json)),
            ("entities", self.mask.as_deref().map(|entities| list(entities).into())),
            ("columns", self.mask_columns.as_deref().map(|columns| list(columns).into())),
        ];
        for (name, value) in wanted {
            let Some(value) = value else { continue };
            let masking = connection.entry("masking").or_insert_with(|| json!({}));
            if let Some(masking) = masking.as_object_mut() {
                masking.insert(name.to_owned(), value);
            }
        }
    }
}

const COLUMNS: &[Column] = &[
    Column::cut("name", "NAME"),
    Column::shown("kind", "KIND"),
    Column::cut("reviewers", "REVIEWERS").drawn(|item| match item.get("approvals") {
        Some(Value::Bool(false)) => Line::of(Tone::Faint, "(approvals off)"),
        _ => Line::new().text(names(item, "reviewers")),
    }),
    Column::data("approvals"),
    Column::shown("approvals_per_group", "EACH").spared(2),
    Column::data("distinct_reviewers"),
    Column::cut("allowed_groups", "ALLOWED").drawn(|item| match names(item, "allowed_groups") {
        groups if groups.is_empty() => Line::of(Tone::Faint, "everybody"),
        groups => Line::new().text(groups),
    }),
    Column::data("exempt_groups"),
    Column::shown("timeout_seconds", "TIMEOUT").drawn(|item| seconds(item, "timeout_seconds")).spared(1),
    Column::data("run_within_seconds"),
    Column::data("require_reason"),
    Column::data("max_rows"),
    Column::data("guardrails"),
    Column::data("auto_approve"),
    Column::data("masking"),
    Column::data("secret"),
    Column::data("read_secret"),
    Column::data("estimate_secret"),
    Column::data("target"),
];

fn seconds(item: &Value, name: &str) -> Line {
    match item.get(name).and_then(Value::as_u64) {
        Some(seconds) => Line::new().text(moment::rough(std::time::Duration::from_secs(seconds))),
        None => Line::of(Tone::Faint, "default"),
    }
}

/// Runs a command on connections.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn connections(
    client: &Client,
    ui: &Ui,
    command: ConnectionsCommand,
) -> Result<(), CliError> {
    match command {
        ConnectionsCommand::Create(args) => create(client, ui, &args).await,
        ConnectionsCommand::Update(args) => update(client, ui, &args).await,
        ConnectionsCommand::List => {
            ui.list(COLUMNS, &every_item(client, &Call::get(&["connections"])).await?)
        }
        ConnectionsCommand::Show { name } => {
            let value = client.json(&Call::get(&["connections", &name])).await?;
            warn(ui, &value);
            ui.one(COLUMNS, &value, |columns| card(&value, columns))
        }
        ConnectionsCommand::Refresh { name } => refresh::refresh(client, ui, &name).await,
        ConnectionsCommand::Test { name } => test::test(client, ui, &name).await,
        ConnectionsCommand::Delete { name, yes } => delete(client, ui, &name, yes).await,
    }
}

async fn create(client: &Client, ui: &Ui, args: &CreateArgs) -> Result<(), CliError> {
    let mut connection = Map::new();
    connection.insert("name".to_owned(), args.name.as_str().into());
    connection.insert("kind".to_owned(), args.kind.as_str().into());
    connection.insert("target".to_owned(), json!({}));
    args.settings.apply(&mut connection)?;
    let call = Call::put(&["connections", &args.name], Value::Object(connection), None);
    saved(client, ui, &call, &format!("made the connection {}", safe::line(&args.name))).await
}

async fn update(client: &Client, ui: &Ui, args: &UpdateArgs) -> Result<(), CliError> {
    let path = ["connections", args.name.as_str()];
    let (mut connection, etag) = super::current(client, &path).await?;
    let before = connection.clone();
    args.settings.apply(&mut connection)?;
    if !args.add_reviewers.is_empty() || !args.remove_reviewers.is_empty() {
        let groups = connection.get("reviewers").and_then(Value::as_array);
        let groups: Vec<String> =
            groups.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let groups = edit(&groups, &args.add_reviewers, &args.remove_reviewers);
        connection.insert("reviewers".to_owned(), groups.into());
    }
    if connection == before {
        return Err(CliError::Usage(
            "nothing to change: name at least one option with a new value".to_owned(),
        ));
    }
    let call = Call::put(&path, Value::Object(connection), etag);
    saved(client, ui, &call, &format!("changed the connection {}", safe::line(&args.name))).await
}

async fn delete(client: &Client, ui: &Ui, name: &str, yes: bool) -> Result<(), CliError> {
    let path = ["connections", name];
    let (connection, etag) = super::current(client, &path).await?;
    if !yes {
        if !prompt::can_ask() {
            return Err(CliError::Usage(
                "nobody is there to ask: add --yes to delete without asking".to_owned(),
            ));
        }
        ui.note(&card(&Value::Object(connection), Some(ui.err_columns())));
        if !prompt::yes(&format!("Delete the connection {}?", safe::line(name)))? {
            return Err(CliError::Stopped("not deleted; nothing was changed".to_owned()));
        }
    }
    super::changed(client.send(&Call::delete(&path, etag)).await)?;
    done(ui, format!("deleted the connection {}", safe::line(name)));
    Ok(())
}

async fn saved(client: &Client, ui: &Ui, call: &Call, what: &str) -> Result<(), CliError> {
    let value = client.parse(&super::changed(client.send(call).await)?)?;
    if proposed(client, ui, &value)? {
        return Ok(());
    }
    done(ui, what);
    warn(ui, &value);
    ui.one(COLUMNS, &value, |columns| card(&value, columns))
}

/// A connection for people.
fn card(connection: &Value, columns: Option<usize>) -> Vec<Line> {
    let flag = |name: &str| connection.get(name).and_then(Value::as_bool);
    let each = connection.get("approvals_per_group").and_then(Value::as_u64).unwrap_or(1);
    let approval = match (flag("approvals"), names(connection, "reviewers")) {
        (Some(false), _) => Line::of(Tone::Warn, "off: commands run at once"),
        (_, groups) => Line::new().text(groups).add(
            Tone::Faint,
            format!(
                " ({} each, {})",
                crate::render::card::count(each, "approval"),
                if flag("distinct_reviewers") == Some(false) {
                    "one person may cover several"
                } else {
                    "distinct people"
                }
            ),
        ),
    };
    let or = |text: String, other: &str| {
        if text.is_empty() { Line::of(Tone::Faint, other) } else { Line::new().text(text) }
    };
    let target = connection.get("target").and_then(Value::as_object);
    let target: Vec<String> = target
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            format!(
                "{}={}",
                safe::line(key),
                safe::line(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            )
        })
        .collect();
    let facts = [
        ("Name", Line::of(Tone::Strong, safe::line(text(connection, "name")))),
        ("Kind", Line::new().text(safe::line(text(connection, "kind")))),
        ("Target", or(target.join(" "), "none")),
        ("Secret", or(safe::line(text(connection, "secret")), "none")),
        ("Approval", approval),
        ("Exempt", or(names(connection, "exempt_groups"), "nobody")),
        ("Allowed", or(names(connection, "allowed_groups"), "everybody")),
        ("Timeout", seconds(connection, "timeout_seconds")),
        ("Run within", seconds(connection, "run_within_seconds")),
        (
            "Reason",
            Line::new().text(if flag("require_reason") == Some(true) { "required" } else { "optional" }),
        ),
        ("Row limit", row_limit(connection)),
        ("Guardrails", or(guardrails(connection), "none")),
        ("Masking", masking(connection)),
        ("Notifies", or(names(connection, "notify"), "nobody")),
    ];
    let ease = connection.get("auto_approve").and_then(Value::as_str).map(|what| {
        let line = Line::new().text(format!("{} need none", safe::line(what)));
        ("Approval", line.add(Tone::Faint, ", they run read-only"))
    });
    labelled(facts.into_iter().chain(ease), 12, columns)
}

/// The bound on changed rows.
fn row_limit(connection: &Value) -> Line {
    match connection.get("max_rows").and_then(Value::as_u64) {
        Some(rows) => {
            Line::new().text(format!("{} changed by a request", crate::render::card::count(rows, "row")))
        }
        None => Line::of(Tone::Faint, "none"),
    }
}

/// The names of the guardrails.
fn guardrails(connection: &Value) -> String {
    let rules = connection.get("guardrails").and_then(Value::as_array);
    let name = |rule: &Value| {
        let name = rule.as_str().or_else(|| rule.get("name").and_then(Value::as_str));
        safe::line(name.unwrap_or("(unnamed)"))
    };
    rules.into_iter().flatten().map(name).collect::<Vec<_>>().join(", ")
}

/// What is masked, in words.
fn masking(connection: &Value) -> Line {
    let masking = connection.get("masking");
    if masking.and_then(|masking| masking.get("enabled")).and_then(Value::as_bool) == Some(false) {
        return Line::of(Tone::Warn, "off: output is shown as it is");
    }
    let masking = masking.unwrap_or(&Value::Null);
    let entities = names(masking, "entities");
    let columns = names(masking, "columns");
    let line = Line::new().text(if entities.is_empty() { "all entities".to_owned() } else { entities });
    if columns.is_empty() { line } else { line.text(format!(" and the columns {columns}")) }
}
