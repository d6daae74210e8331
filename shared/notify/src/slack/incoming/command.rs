//! What people type: `/countersign …`.

use super::Origin;

/// A command that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlashCommand {
    /// Who.
    pub origin: Origin,
    /// What they typed behind it.
    pub words: Words,
}

/// What somebody typed behind `/countersign`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// Be told of what waits for one's groups: of a connection, or of all.
    Subscribe(Option<String>),
    /// Be told no more: of a connection, or of anything.
    Unsubscribe(Option<String>),
    /// What one is told of.
    List,
    /// What waits for one.
    Pending,
    /// Prove that this Slack user is the one that an account named.
    Link(String),
    /// How it works.
    Help,
    /// Something else; the first word of it.
    Unknown(String),
}

/// A call that is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a form with the field `{0}`")]
pub struct NotACommand(&'static str);

impl SlashCommand {
    /// Reads the body of a call to `/slack/commands`.
    ///
    /// # Errors
    /// [`NotACommand`].
    pub fn parse(body: &[u8]) -> Result<Self, NotACommand> {
        let field = |wanted: &'static str| {
            let mut fields = form_urlencoded::parse(body);
            fields.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
        };
        let required =
            |wanted: &'static str| field(wanted).filter(|value| !value.is_empty()).ok_or(NotACommand(wanted));
        required("command")?;
        let origin = Origin {
            app: field("api_app_id").filter(|app| !app.is_empty()),
            team: required("team_id")?,
            user: required("user_id")?,
            user_team: None,
        };
        Ok(Self { origin, words: words(&field("text").unwrap_or_default()) })
    }
}

fn words(text: &str) -> Words {
    let mut words = text.split_whitespace().map(str::to_owned);
    let first = words.next().unwrap_or_default().to_lowercase();
    let second = words.next();
    match (first.as_str(), second) {
        ("subscribe", connection) => Words::Subscribe(connection),
        ("unsubscribe", connection) => Words::Unsubscribe(connection),
        ("list", _) => Words::List,
        ("pending", _) => Words::Pending,
        ("link", Some(code)) => Words::Link(code.to_uppercase()),
        ("" | "help", _) => Words::Help,
        _ => Words::Unknown(first),
    }
}

/// What `/countersign help` answers.
pub const HELP: &str = "\
/countersign pending: what waits for you
/countersign subscribe [CONNECTION]: a direct message for each request that waits for one of your groups
/countersign unsubscribe [CONNECTION]: no more of them
/countersign list: what you are subscribed to
/countersign link CODE: prove that this is you; the code is on the page “Slack” of your account
/countersign help: this";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slack::incoming::origin::{Outsider, Workspace};

    /// Some descriptions of Slack's call do not have the app in it: the secret that signs is the app's own.
    #[test]
    fn the_app_may_be_missing_but_must_not_be_another() {
        let workspace = Workspace { app: "A1".to_owned(), team: "T1".to_owned() };
        let said = |more: &str| {
            let body = format!("command=%2Fcountersign&text=pending&team_id=T1&user_id=U1{more}");
            let command = SlashCommand::parse(body.as_bytes()).unwrap();
            assert_eq!(command.words, Words::Pending);
            command.origin.belongs_to(&workspace)
        };
        assert_eq!(said(""), Ok(()));
        assert_eq!(said("&api_app_id=A1"), Ok(()));
        assert_eq!(said("&api_app_id=A2"), Err(Outsider::OtherApp));
        for missing in ["text=x&team_id=T1&user_id=U1", "command=x&user_id=U1", "command=x&team_id=T1"] {
            assert!(SlashCommand::parse(missing.as_bytes()).is_err(), "{missing}");
        }
    }
}
