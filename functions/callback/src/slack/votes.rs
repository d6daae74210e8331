//! A vote from Slack: the same change as from anywhere else.

use countersign_app::change::{Asked, ChangeError};
use countersign_app::view::may_see;
use countersign_app::{App, Caller};
use countersign_notify::slack::button::Subject;
use countersign_rules::command::Ballot;
use countersign_rules::{Command, Refusal, Request, Via, decide};
use countersign_storage::{Found, Key, StorageError};

use super::gate::trouble;

/// The vote that somebody would cast.
fn vote(caller: &Caller, ballot: Ballot, subject: &Subject) -> Command {
    Command::Vote { voter: caller.person(), ballot, digest: subject.digest, via: Via::Slack }
}

/// Casts a vote on what was read already.
///
/// # Errors
/// What is to be said to the voter. Nothing was changed then, save where the table did not answer.
pub(crate) async fn cast(
    app: &App,
    caller: &Caller,
    subject: &Subject,
    found: Found,
    ballot: Ballot,
) -> Result<(), String> {
    visible(caller, subject, &found)?;
    let user = caller.user.id;
    let asked = |found: &Found, _: &Request, _| -> Result<Asked, StorageError> {
        let mut fresh = caller.clone();
        match found.user(user)? {
            Some(user) => fresh.user = user,
            None => fresh.user.disabled = true,
        }
        Ok(vote(&fresh, ballot.clone(), subject).into())
    };
    match app.change(subject.request, Some(found), &[Key::User(user)], asked).await {
        Ok(_) => Ok(()),
        Err(error) => Err(said(&error, subject)),
    }
}

/// Whether somebody could reject it, before they are asked for a reason.
///
/// # Errors
/// What is to be said to them.
pub(crate) fn may_reject(app: &App, caller: &Caller, subject: &Subject, found: &Found) -> Result<(), String> {
    let request = visible(caller, subject, found)?;
    let ballot = Ballot::Reject { reason: "?".to_owned() };
    match decide(&request, &vote(caller, ballot, subject), app.now()) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(said(&ChangeError::Refused(refusal), subject)),
    }
}

fn visible(caller: &Caller, subject: &Subject, found: &Found) -> Result<Request, String> {
    let request = found.request(subject.request).map_err(|error| trouble(&error))?;
    let visible = request.filter(|request| may_see(request, caller));
    visible.ok_or_else(|| "There is no such request, or you may not see it.".to_owned())
}

fn said(error: &ChangeError, subject: &Subject) -> String {
    let code = subject.digest.code();
    match error {
        ChangeError::Gone => "There is no such request.".to_owned(),
        ChangeError::Refused(Refusal::Wrong(status)) => {
            format!("{code} is {status} already: your vote changes nothing any more.")
        }
        ChangeError::Refused(Refusal::DigestMismatch) => {
            format!("{code} is not what this message shows. Open the request's page and look again.")
        }
        ChangeError::Refused(refusal) => format!("{code}: {refusal}."),
        ChangeError::Storage(error) => trouble(error),
        ChangeError::Encoding(error) => {
            tracing::error!(%error, "slack");
            "Countersign has trouble and could not do that.".to_owned()
        }
    }
}
