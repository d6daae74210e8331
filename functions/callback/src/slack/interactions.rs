//! Buttons and dialogs.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use countersign_app::App;
use countersign_http::openapi::{Internal, Malformed, NotFound, Unauthenticated, Unavailable};
use countersign_http::{Problem, json};
use countersign_notify::SlackSettings;
use countersign_notify::slack::button::{APPROVE, REJECT, Subject};
use countersign_notify::slack::failure::SlackFailure;
use countersign_notify::slack::incoming::{Interaction, Origin};
use countersign_notify::slack::message::ephemeral;
use countersign_notify::slack::modal;
use countersign_rules::Bounds;
use countersign_rules::command::Ballot;
use countersign_storage::{Found, Key};
use http::{HeaderMap, StatusCode};

use super::gate::{self, Slack};
use super::votes;
use crate::Callback;

/// Takes what somebody did in Slack: a form with the field `payload`, signed by Slack.
///
/// The voter is the signed user, by the account that they proved to be. Whatever cannot be done is
/// answered with 200 and words for their eyes only.
#[utoipa::path(
    post,
    path = "/slack/interactions",
    operation_id = "slack_interaction",
    tag = "slack",
    security(()),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Object, description = "It was taken, or whoever did it is told why not."),
        Malformed, Unauthenticated, NotFound, Internal, Unavailable
    )
)]
pub(crate) async fn interaction(
    State(callback): State<Callback>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Callback { app, slack, .. } = &callback;
    let parsed = Interaction::parse(&body);
    let entered = gate::enter(app, slack, &headers, &body, &wanted(parsed.as_ref().ok())).await?;
    let interaction = parsed.map_err(|error| Problem::bad_request(error.to_string()))?;
    let Some(origin) = interaction.origin().cloned() else {
        return Ok(StatusCode::OK.into_response());
    };
    let settings = &entered.settings;
    let done = match gate::check_origin(settings, &origin) {
        Err(said) => Err(said),
        Ok(()) => act(app, slack, settings, &interaction, &origin, entered.found).await,
    };
    match (done, interaction) {
        (Ok(()), _) => Ok(StatusCode::OK.into_response()),
        // The dialog stays open, and says it where the reason stands.
        (Err(said), Interaction::Submitted { .. }) => {
            Ok(json::answer(StatusCode::OK, &modal::refused(&said)))
        }
        (Err(said), Interaction::Pressed { response_url, .. }) => {
            tell(slack, settings, response_url.as_deref(), &said).await;
            Ok(json::answer(StatusCode::OK, &ephemeral(&said)))
        }
        (Err(_), Interaction::Other) => Ok(StatusCode::OK.into_response()),
    }
}

/// What is read beside the settings, in the same round trip.
fn wanted(interaction: Option<&Interaction>) -> Vec<Key> {
    let mut keys = Vec::new();
    if let Some(interaction) = interaction {
        let origin = interaction.origin();
        keys.extend(origin.map(|origin| Key::SlackLink(origin.user.clone())));
        keys.extend(interaction.subject().map(|subject| Key::State(subject.request)));
    }
    keys
}

async fn act(
    app: &App,
    slack: &Slack,
    settings: &SlackSettings,
    interaction: &Interaction,
    origin: &Origin,
    found: Found,
) -> Result<(), String> {
    let subject = interaction.subject();
    let subject = || subject.ok_or_else(|| "This button is not one of Countersign's.".to_owned());
    match interaction {
        Interaction::Pressed { action_id, .. } if action_id == APPROVE => {
            let subject = subject()?;
            let (caller, account) = gate::account(app, &found, origin, &[]).await?;
            let ballot = Ballot::Approve { comment: None, bounds: Bounds::default() };
            votes::cast(app, &caller, &subject, found.and(account), ballot).await
        }
        Interaction::Pressed { action_id, trigger_id, .. } if action_id == REJECT => {
            let subject = subject()?;
            let (caller, account) = gate::account(app, &found, origin, &[]).await?;
            votes::may_reject(app, &caller, &subject, &found.and(account))?;
            open_dialog(slack, settings, trigger_id, &subject).await
        }
        Interaction::Submitted { callback_id, reason, .. } if callback_id == modal::REJECT => {
            let subject = subject()?;
            let reason = reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
            let reason =
                reason.ok_or_else(|| "Say why, so that the requester knows what to change.".to_owned())?;
            if reason.chars().count() > modal::MOST_REASON {
                return Err(format!("At most {} characters.", modal::MOST_REASON));
            }
            let (caller, account) = gate::account(app, &found, origin, &[]).await?;
            let ballot = Ballot::Reject { reason: reason.to_owned() };
            votes::cast(app, &caller, &subject, found.and(account), ballot).await
        }
        // The button that opens the page, and whatever else Slack tells of.
        Interaction::Pressed { .. } | Interaction::Submitted { .. } | Interaction::Other => Ok(()),
    }
}

async fn open_dialog(
    slack: &Slack,
    settings: &SlackSettings,
    trigger_id: &str,
    subject: &Subject,
) -> Result<(), String> {
    let client = slack.client(settings).map_err(|error| {
        tracing::error!(%error, "the bot token of Slack");
        "Countersign cannot open the dialog: its bot token cannot be read. Reject on the request's page."
            .to_owned()
    })?;
    client.open_view(trigger_id, &modal::reject(subject)).await.map_err(|failure| {
        tracing::error!(%failure, "views.open");
        match failure {
            SlackFailure::TooLate(_) => "That took too long for Slack. Press the button again.".to_owned(),
            _ => format!("The dialog could not be opened: {failure}. Reject on the request's page."),
        }
    })
}

/// Says it to whoever pressed the button. If that fails, the button just did nothing for them.
async fn tell(slack: &Slack, settings: &SlackSettings, response_url: Option<&str>, said: &str) {
    let Some(response_url) = response_url else { return };
    let sent = match slack.client(settings) {
        Ok(client) => {
            client.respond(response_url, &ephemeral(said)).await.map_err(|failure| failure.to_string())
        }
        Err(error) => Err(error),
    };
    if let Err(error) = sent {
        tracing::warn!(%error, "response_url");
    }
}
