//! Linking one's account with one's Slack user: the page that Slack sends people to.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_storage::{Found, Key};
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};

use super::fields::{Typed, complaint, described, invalid};
use super::viewer::Viewer;
use super::words;
use crate::slack_links;

/// Shows whose Slack user whoever looks is, and asks.
pub(crate) async fn page(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, found) = Viewer::see(&app, "page", Scope::Read, &headers, &[Key::SlackSettings]).await?;
    Ok(show(&app, &viewer, is_set_up(&found)?, html! {}, &Typed::default()))
}

fn is_set_up(found: &Found) -> Result<bool, Problem> {
    Ok(found.slack_settings().map_err(|error| errors::storage(&error))?.is_some())
}

fn show(app: &App, viewer: &Viewer, is_set_up: bool, result: Markup, typed: &Typed<'_>) -> Response {
    let linked = viewer.caller.user.slack_user_id.as_deref();
    let content = html! {
        section.sign-in {
            h1 { "Slack" }
            p.lead { "Buttons in Slack count as yours once Slack and this account have both said that they are the same person." }
            (result)
            @if let Some(linked) = linked {
                div.notice.good { "Your Slack user is " code { (linked) } "." }
                form method="post" action="/slack/link/remove" {
                    (viewer.csrf())
                    p.actions { button.plain type="submit" { "Unlink it" } }
                }
            }
            (typed.wrong.notice("This cannot be linked:"))
            @if is_set_up {
                form.card method="post" action="/slack/link" {
                    (viewer.csrf())
                    div.field {
                        label for="slack_user_id" { "Your member id in Slack" }
                        p.hint #slack_user_id-hint { "In Slack: your profile, the three dots, Copy member ID." }
                        input #slack_user_id type="text" name="slack_user_id" required pattern="[UW][A-Z0-9]{1,31}" placeholder="U0123ABCD" autocapitalize="characters" spellcheck="false" value=(typed.text("slack_user_id", "")) aria-describedby=[described("slack_user_id", true, &typed.wrong)] aria-invalid=[invalid("slack_user_id", &typed.wrong)];
                        (complaint("slack_user_id", &typed.wrong))
                    }
                    button type="submit" { "Show me what to type in Slack" }
                }
            } @else {
                div.notice { "Slack is not set up here, so there is nothing to link with yet. An admin sets it up under Integrations." }
            }
        }
    };
    typed.on(viewer.page(app, "Slack", Place::Account, content))
}

/// Makes a code and shows what to type.
pub(crate) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, found) =
        Viewer::see(&app, "slack link", Scope::Manage, &headers, &[Key::SlackSettings]).await?;
    let form = Form::read(&headers, &bytes)?;
    let body = slack_links::Body {
        slack_user_id: form.text("slack_user_id").unwrap_or_default().to_owned(),
        slack_team_id: None,
    };
    let made = match slack_links::make(&app, &viewer.caller, &found, body).await {
        Ok(made) => made,
        Err(problem) => {
            let typed = Typed::refused(&form, problem)?;
            return Ok(show(&app, &viewer, is_set_up(&found)?, html! {}, &typed));
        }
    };
    let result = html! {
        div.notice role="status" {
            p { "Type this in Slack, as that user, before " (words::at(made.expires_at)) ":" }
            pre.text tabindex="0" { (made.command) }
        }
    };
    Ok(show(&app, &viewer, true, result, &Typed::default()))
}

/// Takes the Slack user away.
pub(crate) async fn remove(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "slack unlink", Scope::Manage, &headers, &[]).await?;
    slack_links::take(&app, &viewer.caller, viewer.caller.user.id).await?;
    Ok(go_to("/slack/link"))
}
