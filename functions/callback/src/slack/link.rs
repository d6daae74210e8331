//! The Slack end of the proof of who somebody is.
//!
//! An account names a Slack user and gets a code, signed in; that Slack user types the code, signed by
//! Slack. Either end alone proves nothing: else somebody could mail their own code to an approver, or
//! name the Slack user of one.

use countersign_app::App;
use countersign_app::slack::code_sha256;
use countersign_notify::slack::incoming::Origin;
use countersign_rules::{Actor, Via};
use countersign_storage::StorageError;
use countersign_storage::slack::{Redeemed, SlackLink};

use super::gate::trouble;

/// Redeems a code, once.
pub(super) async fn redeem(app: &App, origin: &Origin, code: &str) -> Result<String, String> {
    // One answer for whatever is wrong with a code, so that nothing can be learnt by trying.
    let no = || {
        "That code is not one for your Slack user, or its time is over, or it was used. Get a new one on the page.".to_owned()
    };
    let hash = code_sha256(code);
    let known = app.store.link_code(&hash).await.map_err(|error| trouble(&error))?;
    let known = known.filter(|known| known.slack_user == origin.user && known.team == origin.team);
    let now = app.now();
    let known = known.filter(|known| now < known.expires_at).ok_or_else(no)?;
    let account = app.store.user(known.user).await.map_err(|error| trouble(&error))?;
    let account =
        account.filter(|account| !account.user.disabled && account.user.owner.is_none()).ok_or_else(no)?;
    let link =
        SlackLink { slack_user: origin.user.clone(), team: origin.team.clone(), user: known.user, at: now };
    match app
        .store
        .acting(Actor::user(&account.user.person()), Via::Slack)
        .redeem(&hash, &link, &account)
        .await
    {
        Ok(Redeemed::Yes) => {
            tracing::info!(user = %known.user, "a Slack user was linked");
            Ok(format!("You are {} from now on.", countersign_notify::words::line(&account.user.email, 100)))
        }
        Ok(Redeemed::Used) => Err(no()),
        Ok(Redeemed::Taken) => {
            Err("Your Slack user is linked to another account already. Unlink it there first.".to_owned())
        }
        Err(StorageError::Conflict) => {
            Err("Your account was changed at the same moment. Try again.".to_owned())
        }
        Err(error) => Err(trouble(&error)),
    }
}
