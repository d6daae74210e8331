//! `users` and `groups`.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use ulid::Ulid;

use super::values::{edit, list};
use super::{done, proposed, warn};
use crate::client::{Call, Client, every_item};
use crate::error::CliError;
use crate::help::examples;
use crate::render::columns::{names, text};
use crate::render::line::labelled;
use crate::render::{Column, Line, Tone, Ui, safe};

/// Subcommands of `users`.
#[derive(Subcommand)]
pub(crate) enum UsersCommand {
    /// List users
    #[command(after_help = examples![
        "countersign users list",
        "countersign users list -o csv",
    ])]
    List,
    /// Show a user
    #[command(after_help = examples![
        "countersign users show dana@example.com",
    ])]
    Show {
        /// Id or e-mail address of the user
        user: String,
    },
    /// Create a user or a service account (admin)
    #[command(after_help = examples![
        "countersign users create dana@example.com --name Dana --groups dba-team",
        "countersign users create runner@example.com --owner dana@example.com",
    ])]
    Create(CreateArgs),
    /// Change a user (admin); settings that are not named keep their value
    #[command(after_help = examples![
        "countersign users update dana@example.com --add-groups security-team",
        "countersign users update dana@example.com --roles auditor",
    ])]
    Update(UpdateArgs),
    /// Disable a user immediately (admin)
    #[command(after_help = examples![
        "countersign users disable dana@example.com",
    ])]
    Disable {
        /// Id or e-mail address of the user
        user: String,
    },
    /// Enable a disabled user (admin)
    #[command(after_help = examples![
        "countersign users enable dana@example.com",
    ])]
    Enable {
        /// Id or e-mail address of the user
        user: String,
    },
}

/// Subcommands of `groups`.
#[derive(Subcommand)]
pub(crate) enum GroupsCommand {
    /// List groups
    #[command(after_help = examples![
        "countersign groups list",
    ])]
    List,
}

/// Arguments of `users create`.
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// E-mail address
    email: String,
    /// Name
    #[arg(long)]
    name: Option<String>,
    /// Groups
    #[arg(long, value_delimiter = ',')]
    groups: Vec<String>,
    /// Roles: admin, auditor
    #[arg(long, value_delimiter = ',')]
    roles: Vec<String>,
    /// Create a service account that this user owns, by id or e-mail address
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
}

/// Arguments of `users update`.
#[derive(Args)]
pub(crate) struct UpdateArgs {
    /// Id or e-mail address of the user
    user: String,
    /// New e-mail address
    #[arg(long)]
    email: Option<String>,
    /// New name
    #[arg(long)]
    name: Option<String>,
    /// Groups, replacing all current ones
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["add_groups", "remove_groups"])]
    groups: Option<Vec<String>>,
    /// Groups to add
    #[arg(long, value_delimiter = ',')]
    add_groups: Vec<String>,
    /// Groups to remove
    #[arg(long, value_delimiter = ',')]
    remove_groups: Vec<String>,
    /// Roles, replacing all current ones
    #[arg(long, value_delimiter = ',', conflicts_with_all = ["add_roles", "remove_roles"])]
    roles: Option<Vec<String>>,
    /// Roles to add
    #[arg(long, value_delimiter = ',')]
    add_roles: Vec<String>,
    /// Roles to remove
    #[arg(long, value_delimiter = ',')]
    remove_roles: Vec<String>,
}

const COLUMNS: &[Column] = &[
    Column::shown("id", "ID"),
    Column::cut("email", "EMAIL"),
    Column::cut("name", "NAME").spared(1),
    Column::cut("groups", "GROUPS").drawn(|item| Line::new().text(names(item, "groups"))),
    Column::shown("roles", "ROLES").drawn(|item| Line::of(Tone::Strong, names(item, "roles"))),
    Column::shown("disabled", "STATE").drawn(|item| match item.get("disabled") {
        Some(Value::Bool(true)) => Line::of(Tone::Bad, "disabled"),
        _ => Line::of(Tone::Good, "active"),
    }),
    Column::data("owner"),
    Column::data("slack_user_id"),
];

const GROUPS: &[Column] = &[
    Column::shown("group", "GROUP"),
    Column::cut("members", "MEMBERS").drawn(|item| Line::new().text(names(item, "members"))),
];

/// Runs a command on users.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn users(client: &Client, ui: &Ui, command: UsersCommand) -> Result<(), CliError> {
    match command {
        UsersCommand::List => ui.list(COLUMNS, &every_item(client, &Call::get(&["users"])).await?),
        UsersCommand::Show { user } => {
            let id = find(client, &user).await?;
            let value = client.json(&Call::get(&["users", &id])).await?;
            ui.one(COLUMNS, &value, |columns| card(&value, columns))
        }
        UsersCommand::Create(args) => create(client, ui, &args).await,
        UsersCommand::Update(args) => update(client, ui, &args).await,
        UsersCommand::Disable { user } => set_disabled(client, ui, &user, true).await,
        UsersCommand::Enable { user } => set_disabled(client, ui, &user, false).await,
    }
}

/// Runs a command on groups.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn groups(client: &Client, ui: &Ui, command: &GroupsCommand) -> Result<(), CliError> {
    match command {
        GroupsCommand::List => ui.list(GROUPS, &every_item(client, &Call::get(&["groups"])).await?),
    }
}

/// The id of a user who is named by id or e-mail address.
///
/// # Errors
/// [`CliError::Usage`] if nobody or more than one has that address.
pub(crate) async fn find(client: &Client, user: &str) -> Result<String, CliError> {
    if !user.contains('@') {
        return Ok(user.to_owned());
    }
    let users = every_item(client, &Call::get(&["users"])).await?;
    let ids: Vec<&str> = users
        .iter()
        .filter(|known| text(known, "email").eq_ignore_ascii_case(user))
        .map(|known| text(known, "id"))
        .collect();
    match ids.as_slice() {
        [id] => Ok((*id).to_owned()),
        [] => Err(CliError::Usage(format!(
            "nobody has the e-mail address `{user}`; see `countersign users list`"
        ))),
        several => Err(CliError::Usage(format!(
            "`{user}` is the address of several users, give an id: {}",
            several.join(", ")
        ))),
    }
}

async fn create(client: &Client, ui: &Ui, args: &CreateArgs) -> Result<(), CliError> {
    let owner = match &args.owner {
        Some(owner) => Some(find(client, owner).await?),
        None => None,
    };
    let id = new_id();
    let body = json!({
        "id": id,
        "email": args.email,
        "name": args.name.as_deref().unwrap_or(&args.email),
        "groups": list(&args.groups),
        "roles": list(&args.roles),
        "disabled": false,
        "slack_user_id": null,
        "owner": owner,
    });
    let call = Call::put(&["users", &id], body, None);
    saved(client, ui, &call, &format!("made {}", safe::line(&args.email))).await
}

async fn update(client: &Client, ui: &Ui, args: &UpdateArgs) -> Result<(), CliError> {
    change(client, ui, &args.user, "changed", |user| {
        for (member, value) in [("email", &args.email), ("name", &args.name)] {
            if let Some(value) = value {
                user.insert(member.to_owned(), value.as_str().into());
            }
        }
        let lists = [
            ("groups", &args.groups, &args.add_groups, &args.remove_groups),
            ("roles", &args.roles, &args.add_roles, &args.remove_roles),
        ];
        for (member, all, add, remove) in lists {
            if all.is_none() && add.is_empty() && remove.is_empty() {
                continue;
            }
            let known = user.get(member).and_then(Value::as_array);
            let known: Vec<String> =
                known.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            let names = all.as_deref().map_or(known, list);
            user.insert(member.to_owned(), edit(&names, add, remove).into());
        }
    })
    .await
}

async fn set_disabled(client: &Client, ui: &Ui, user: &str, disabled: bool) -> Result<(), CliError> {
    let verb = if disabled { "disabled" } else { "enabled" };
    change(client, ui, user, verb, |user| {
        user.insert("disabled".to_owned(), Value::Bool(disabled));
    })
    .await
}

async fn change(
    client: &Client,
    ui: &Ui,
    user: &str,
    verb: &str,
    edit: impl FnOnce(&mut Map<String, Value>),
) -> Result<(), CliError> {
    let id = find(client, user).await?;
    let path = ["users", id.as_str()];
    let (mut body, etag) = super::current(client, &path).await?;
    let before = body.clone();
    edit(&mut body);
    if body == before {
        return Err(CliError::Usage(format!(
            "nothing to change: `{}` is like that already",
            safe::line(user)
        )));
    }
    let call = Call::put(&path, Value::Object(body), etag);
    saved(client, ui, &call, &format!("{verb} {}", safe::line(user))).await
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

/// A user for people.
fn card(user: &Value, columns: Option<usize>) -> Vec<Line> {
    let or =
        |text: String| if text.is_empty() { Line::of(Tone::Faint, "none") } else { Line::new().text(text) };
    let state = match user.get("disabled") {
        Some(Value::Bool(true)) => Line::of(Tone::Bad, "disabled"),
        _ => Line::of(Tone::Good, "active"),
    };
    let mut facts = vec![
        ("Id", Line::of(Tone::Strong, safe::line(text(user, "id")))),
        ("E-mail", or(safe::line(text(user, "email")))),
        ("Name", or(safe::line(text(user, "name")))),
        ("Groups", or(names(user, "groups"))),
        ("Roles", or(names(user, "roles"))),
        ("State", state),
    ];
    if let Some(owner) = user.get("owner").and_then(Value::as_str) {
        facts.push((
            "Owner",
            Line::new().text(safe::line(owner)).add(Tone::Faint, " (this is a service account)"),
        ));
    }
    labelled(facts, 8, columns)
}

/// A fresh id: the time and 80 random bits.
fn new_id() -> String {
    let millis = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(0));
    format!("usr_{}", Ulid::from_parts(millis, crate::client::random()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_id_is_a_prefixed_ulid_and_never_the_same() {
        let (one, other) = (new_id(), new_id());
        assert_ne!(one, other);
        assert_eq!(one.len(), "usr_".len() + 26);
        assert!(Ulid::from_string(one.strip_prefix("usr_").unwrap()).is_ok());
    }
}
