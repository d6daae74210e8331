//! Linking one's account with one's Slack user: the page that Slack sends people to.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_app::{App, Scope};
use countersign_http::Problem;
use countersign_storage::Key;
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};

use super::viewer::Viewer;
use super::words;
use crate::slack_links;

/// Shows whose Slack user whoever looks is, and asks.
pub(crate) async fn page(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
    Ok(show(&app, &viewer, html! {}))
}

fn show(app: &App, viewer: &Viewer, result: Markup) -> Response {
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
            form.card method="post" action="/slack/link" {
                (viewer.csrf())
                div.field {
                    label for="slack_user_id" { "Your member id in Slack" }
                    p.hint #member-id { "In Slack: your profile, the three dots, Copy member ID." }
                    input #slack_user_id type="text" name="slack_user_id" required pattern="[UW][A-Z0-9]{1,31}" placeholder="U0123ABCD" autocapitalize="characters" spellcheck="false" aria-describedby="member-id";
                }
                button type="submit" { "Show me what to type in Slack" }
            }
        }
    };
    viewer.page(app, "Slack", Place::Account, content)
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
    let made = slack_links::make(&app, &viewer.caller, &found, body).await?;
    let result = html! {
        div.notice role="status" {
            p { "Type this in Slack, as that user, before " (words::clock(made.expires_at)) ":" }
            pre.text tabindex="0" { (made.command) }
        }
    };
    Ok(show(&app, &viewer, result))
}

/// Takes the Slack user away.
pub(crate) async fn remove(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "slack unlink", Scope::Manage, &headers, &[]).await?;
    slack_links::take(&app, &viewer.caller, viewer.caller.user.id).await?;
    Ok(go_to("/slack/link"))
}
