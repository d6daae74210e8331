//! `connections`: make, change, list, show, delete.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::values::{self, Limit, Switch, edit, limit, list};
use super::{done, prompt, proposed, test, warn};
use crate::client::{Call, Client, every_item};
use crate::error::CliError;
use crate::render::columns::{names, text};
use crate::render::{Column, Line, Tone, Ui, moment, safe};

/// What can be done with connections.
#[derive(Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// Make a connection (admin)
    Create(CreateArgs),
    /// Change a connection (admin); what is not named stays
    Update(UpdateArgs),
    /// List the connections that you may use
    List,
    /// Show one connection
    Show {
        /// Its name
        name: String,
    },
    /// Say whether a connection works, and what is wrong if it does not (admin)
    Test {
        /// Its name
        name: String,
    },
    /// Delete a connection (admin)
    Delete {
        /// Its name
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Options that `create` and `update` have in common.
#[derive(Args)]
struct Settings {
    /// What it runs on, as KEY=VALUE or a JSON object; may repeat
    #[arg(long, value_name = "KEY=VALUE")]
    target: Vec<String>,
    /// Where the secret is, such as env:PROD_DB_URL
    #[arg(long, value_name = "REFERENCE")]
    secret: Option<String>,
    /// The groups that have to approve
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    reviewers: Option<Vec<String>>,
    /// How many approvals each group gives
    #[arg(long, value_name = "N")]
    approvals_per_group: Option<u8>,
    /// Let one person's vote count for all their groups
    #[arg(long, conflicts_with = "distinct")]
    no_distinct: bool,
    /// Ask a different person for each approval (the default)
    #[arg(long)]
    distinct: bool,
    /// Groups whose members need no approval
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    exempt: Option<Vec<String>>,
    /// Groups that may use it; none means everybody
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    allow: Option<Vec<String>>,
    /// Whether commands need approval at all
    #[arg(long, value_enum)]
    approvals: Option<Switch>,
    /// Whether an admin's own request counts as that admin's approval
    #[arg(long, value_enum)]
    admin_auto_approve: Option<Switch>,
    /// How long approvals may take, or `default`
    #[arg(long, value_name = "DURATION", value_parser = limit)]
    timeout: Option<Limit>,
    /// How long an approved command may be run
    #[arg(long, value_name = "DURATION", value_parser = values::seconds)]
    run_within: Option<u64>,
    /// Whether a request needs a reason
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "on", require_equals = true)]
    require_reason: Option<Switch>,
    /// Who is told: slack, teams, webhooks
    #[arg(long, value_name = "CHANNELS", value_delimiter = ',')]
    notify: Option<Vec<String>>,
    /// The channels of Slack that are told, by id; '' is the default ones
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    slack_channels: Option<Vec<String>>,
    /// A guardrail: a preset such as no-drop, or a rule as a JSON object; may repeat, '' is none
    #[arg(long, value_name = "RULE")]
    guardrail: Option<Vec<String>>,
    /// Which commands need no approval: reads, those that provably only read; or off
    #[arg(long, value_name = "WHAT")]
    auto_approve: Option<String>,
    /// Where the secret of a role that may only read is
    #[arg(long, value_name = "REFERENCE")]
    read_secret: Option<String>,
    /// Where the secret is with which the impact of commands is estimated, and nothing is run
    #[arg(long, value_name = "REFERENCE")]
    estimate_secret: Option<String>,
    /// Whether output is masked
    #[arg(long, value_enum)]
    masking: Option<Switch>,
    /// Which entities are masked, such as EMAIL_ADDRESS,CREDIT_CARD; '' is all
    #[arg(long, value_name = "ENTITIES", value_delimiter = ',')]
    mask: Option<Vec<String>>,
    /// Columns that are masked whatever is in them
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    mask_columns: Option<Vec<String>>,
    /// How long a statement may run; the target's `statement_timeout_seconds`
    #[arg(long, value_name = "DURATION", value_parser = values::seconds)]
    statement_timeout: Option<u64>,
}

/// What `connections create` takes.
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// Its name
    name: String,
    /// What it is: postgres, sqlite, …
    #[arg(long)]
    kind: String,
    #[command(flatten)]
    settings: Settings,
}

/// What `connections update` takes.
#[derive(Args)]
pub(crate) struct UpdateArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    settings: Settings,
    /// More groups that have to approve
    #[arg(long, value_name = "GROUPS", value_delimiter = ',', conflicts_with = "reviewers")]
    add_reviewers: Vec<String>,
    /// Groups that need not approve any more
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
        ("Guardrails", or(guardrails(connection), "none")),
        ("Masking", masking(connection)),
        ("Notifies", or(names(connection, "notify"), "nobody")),
    ];
    let ease = connection.get("auto_approve").and_then(Value::as_str).map(|what| {
        let line = Line::new().text(format!("{} need none", safe::line(what)));
        ("Approval", line.add(Tone::Faint, ", they run read-only"))
    });
    facts
        .into_iter()
        .chain(ease)
        .flat_map(|(label, value)| {
            let line = Line::of(Tone::Faint, format!("{label:<12}")).join(value);
            line.wrap(columns.unwrap_or(usize::MAX), 12)
        })
        .collect()
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
