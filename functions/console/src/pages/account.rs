//! One's own account: tokens and sessions.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::{App, Scope};
use countersign_http::Problem;
use countersign_identity::session::name_of;
use countersign_rules::TokenId;
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};

use super::person::can_be_mended;
use super::viewer::Viewer;
use super::{sessions, tokens};

/// Shows the account of whoever looks.
pub(crate) async fn page(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
    show(&app, &headers, &viewer, html! {}, None).await
}

async fn show(
    app: &App,
    headers: &HeaderMap,
    viewer: &Viewer,
    note: Markup,
    typed: Option<&Form>,
) -> Result<Response, Problem> {
    let user = &viewer.caller.user;
    let signed_in = crate::sessions::of(app, user.id).await?;
    let this = app.session_cookie(headers).and_then(name_of).map(|(_, id)| id);
    let content = html! {
        div.head { h1.grow { (user.name) } }
        (note)
        section.card aria-labelledby="you" {
            h2 #you { "You" }
            dl.facts {
                dt { "E-mail" } dd { (user.email) }
                dt { "Groups" } dd { @if user.groups.is_empty() { "none" } @for (number, group) in user.groups.iter().enumerate() { @if number > 0 { ", " } (group) } }
                dt { "Roles" } dd { @if user.roles.is_empty() { "none" } @for role in &user.roles { (super::people::role_name(*role)) " " } }
                dt { "Slack" } dd { (user.slack_user_id.as_deref().unwrap_or("not linked")) " · " a href="/slack/link" { "link" } }
                dt { "Id" } dd.mono.small { (user.id) }
            }
        }
        section.card aria-labelledby="tokens" {
            h2 #tokens { "API tokens" }
            p.hint { "For programs. " a href="/api" { "What they can call" } "." }
            (tokens::table(viewer, user, Some("/account/tokens")))
            (tokens::form(viewer, "/account/tokens", "you", typed))
        }
        section.card aria-labelledby="sessions" {
            h2 #sessions { "Where you are signed in" }
            (sessions::list(viewer, &signed_in, Some("/account/sessions"), this.as_deref()))
            form method="post" action="/account/sessions/end" {
                (viewer.csrf())
                p.actions { button.plain type="submit" { "Sign out everywhere" } }
            }
        }
    };
    Ok(viewer.page(app, "Your account", Place::Account, content))
}

/// Makes a token, and shows its secret this once.
pub(crate) async fn create_token(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "create token", Scope::Manage, &headers, &[]).await?;
    let form = Form::read(&headers, &bytes)?;
    let body = tokens::asked_for(&form)?;
    let token = match crate::tokens::make(&app, &viewer.caller, &body, None).await {
        Ok((token, _)) => token,
        Err(problem) if can_be_mended(&problem) => {
            let status = problem.status();
            let note = tokens::refused(&problem);
            let mut response = show(&app, &headers, &viewer, note, Some(&form)).await?;
            *response.status_mut() = status;
            return Ok(response);
        }
        Err(problem) => return Err(problem),
    };
    let (viewer, _) = Viewer::see(&app, "page", Scope::Manage, &headers, &[]).await?;
    let note = tokens::made(&token);
    show(&app, &headers, &viewer, note, None).await
}

/// Revokes a token.
pub(crate) async fn revoke_token(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("revoke token", Scope::Manage, &headers, &[]).await?;
    let id: TokenId = id.parse().map_err(|_| Problem::not_found("token"))?;
    crate::tokens::take(&app, &caller, id).await?;
    Ok(go_to("/account#tokens"))
}

/// Ends all sessions of whoever asks.
pub(crate) async fn end_sessions(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (caller, _) = app.identify("end sessions", Scope::Manage, &headers, &[]).await?;
    crate::sessions::end_all(&app, &caller, caller.user.id).await?;
    Ok(go_to("/sign-in"))
}

/// Ends one session of whoever asks.
pub(crate) async fn end_session(
    State(app): State<App>,
    Path(session): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("end session", Scope::Manage, &headers, &[]).await?;
    crate::sessions::end_one(&app, &caller, caller.user.id, &session).await?;
    Ok(go_to("/account#sessions"))
}
