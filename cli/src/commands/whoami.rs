//! `whoami`: the account behind the token, and where the token came from.

use serde_json::{Value, json};

use crate::client::{Call, Client};
use crate::config::{Config, CredentialSource};
use crate::error::CliError;
use crate::render::columns::{names, text};
use crate::render::line::labelled;
use crate::render::{Column, Line, Tone, Ui, moment, safe};

const COLUMNS: &[Column] = &[
    Column::data("id"),
    Column::data("email"),
    Column::data("name"),
    Column::data("groups"),
    Column::data("roles"),
    Column::data("url"),
    Column::data("token.source"),
    Column::data("token.expires_at"),
];

/// Prints the account that the service knows the caller as. Adds to the answer of `GET /v1/me` what only this
/// program knows: `url`, and `token` with its `source`.
///
/// # Errors
/// [`CliError`]; without a token, or with one that is not accepted, its exit code is 20.
pub(crate) async fn whoami(config: &Config, client: &Client, ui: &Ui) -> Result<(), CliError> {
    let mut account = client.json(&Call::get(&["me"])).await?;
    let Some(members) = account.as_object_mut() else {
        return Err(client.odd("something else than an object"));
    };
    members.insert("url".to_owned(), client.url().into());
    let source = config.credential.as_ref().map(|credential| &credential.source);
    members.insert("token".to_owned(), source.map_or(Value::Null, token));
    ui.one(COLUMNS, &account, |columns| card(&account, source, columns))
}

/// The origin of a token, as JSON.
fn token(source: &CredentialSource) -> Value {
    match source {
        CredentialSource::Option => json!({ "source": "option" }),
        CredentialSource::Environment => json!({ "source": "environment" }),
        CredentialSource::Demo { path, .. } => json!({ "source": "demo", "file": path }),
        CredentialSource::Profile { path, expires_at } => {
            json!({ "source": "profile", "file": path, "expires_at": expires_at })
        }
    }
}

/// The origin of a token, for people.
fn origin(source: Option<&CredentialSource>) -> Line {
    let kept = |at: &str, path: &std::path::Path| {
        Line::new()
            .text(at.to_owned())
            .add(Tone::Faint, format!(" ({})", safe::line(&path.to_string_lossy())))
    };
    match source {
        None => Line::of(Tone::Faint, "none"),
        Some(CredentialSource::Option) => Line::new().text("--token"),
        Some(CredentialSource::Environment) => Line::new().text("COUNTERSIGN_TOKEN"),
        Some(CredentialSource::Demo { user, path }) => kept(&format!("--as {}", safe::line(user)), path),
        Some(CredentialSource::Profile { path, .. }) => kept("countersign login", path),
    }
}

fn card(account: &Value, source: Option<&CredentialSource>, columns: Option<usize>) -> Vec<Line> {
    let or_none =
        |text: String| if text.is_empty() { Line::of(Tone::Faint, "none") } else { Line::new().text(text) };
    let mut facts = vec![
        ("E-mail", Line::of(Tone::Strong, safe::line(text(account, "email")))),
        ("Name", or_none(safe::line(text(account, "name")))),
        ("Id", Line::new().text(safe::line(text(account, "id")))),
        ("Groups", or_none(names(account, "groups"))),
        ("Roles", or_none(names(account, "roles"))),
        ("Service", Line::new().text(safe::line(text(account, "url")))),
        ("Token", origin(source)),
    ];
    if let Some(CredentialSource::Profile { expires_at: Some(at), .. }) = source {
        facts.push(("Expires", Line::new().text(format!("{} UTC", moment::stamp(at)))));
    }
    labelled(facts, 9, columns)
}
