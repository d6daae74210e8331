//! One's own account: tokens and sessions.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::{App, errors};
use countersign_http::Problem;
use countersign_identity::session::name_of;
use countersign_rules::TokenId;
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};

use super::fields::{Typed, complaint, described, invalid};
use super::viewer::Viewer;
use super::words;
use crate::tokens;

/// Shows the account of whoever looks.
pub(crate) async fn page(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", &headers, &[]).await?;
    show(&app, &headers, &viewer, html! {}, &Typed::default()).await
}

async fn show(
    app: &App,
    headers: &HeaderMap,
    viewer: &Viewer,
    note: Markup,
    typed: &Typed<'_>,
) -> Result<Response, Problem> {
    let user = &viewer.caller.user;
    let sessions = app.store.sessions(user.id).await.map_err(|error| errors::storage(&error))?;
    let this = app.session_cookie(headers).and_then(name_of).map(|(_, id)| id);
    let now = app.now();
    let content = html! {
        div.head { h1.grow { (user.name) } }
        (note)
        (typed.wrong.notice("This cannot be made:"))
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
            @if user.tokens.is_empty() { p.muted { "None." } } @else {
                div.wide tabindex="0" role="group" aria-label="API tokens" {
                    table {
                        thead { tr { th scope="col" { "Name" } th scope="col" { "Made" } th scope="col" { "Expires" } th scope="col" { span.hidden-text { "Revoke" } } } }
                        tbody {
                            @for token in &user.tokens {
                                tr {
                                    td data-label="Name" { (token.name) }
                                    td data-label="Made" { (words::at(token.created_at)) }
                                    td data-label="Expires" { @match token.expires_at { Some(at) => (words::at(at)), None => "never" } }
                                    td.act data-label="" {
                                        form method="post" action={ "/account/tokens/" (token.id) "/revoke" } {
                                            (viewer.csrf())
                                            button.plain type="submit" aria-label={ "Revoke " (token.name) } { "Revoke" }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            form method="post" action="/account/tokens" {
                (viewer.csrf())
                div.fields {
                    div.field { label for="name" { "Name of a new token" } input #name type="text" name="name" maxlength="100" required value=(typed.text("name", "")) aria-describedby=[described("name", false, &typed.wrong)] aria-invalid=[invalid("name", &typed.wrong)]; (complaint("name", &typed.wrong)) }
                    div.field {
                        label for="days" { "Good for" }
                        select #days name="days" {
                            @for days in [1, 7, 30, 90, 365] { option value=(days) selected[typed.has("days", &days.to_string(), days == 30)] { (days) @if days == 1 { " day" } @else { " days" } } }
                        }
                    }
                }
                button.plain type="submit" { "Make a token" }
            }
        }
        section.card aria-labelledby="sessions" {
            h2 #sessions { "Where you are signed in" }
            ul.votes {
                @for stored in sessions.iter().filter(|stored| now < stored.session.expires_at) {
                    li {
                        @if this.as_ref() == Some(&stored.id) { strong { "This browser" } } @else { (words::browser(&stored.session.browser)) }
                        " " span.small.muted { "since " (words::at(stored.session.created_at)) ", until " (words::at(stored.session.expires_at)) }
                    }
                }
            }
            form method="post" action="/account/sessions/end" {
                (viewer.csrf())
                p.actions { button.plain type="submit" { "Sign out everywhere" } }
            }
        }
    };
    Ok(typed.on(viewer.page(app, "Your account", Place::Account, content)))
}

/// Makes a token, and shows its secret this once.
pub(crate) async fn create_token(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "create token", &headers, &[]).await?;
    let form = Form::read(&headers, &bytes)?;
    let days: Option<u32> = form.number("days")?;
    let body = tokens::Body {
        name: form.text("name").unwrap_or_default().to_owned(),
        expires_in_seconds: days.map(|days| days.saturating_mul(86_400)),
        user: None,
        runner_connections: None,
    };
    let (token, _) = match tokens::make(&app, &viewer.caller, &body, None).await {
        Ok(made) => made,
        Err(problem) => {
            let typed = Typed::refused(&form, problem)?;
            return show(&app, &headers, &viewer, html! {}, &typed).await;
        }
    };
    let (viewer, _) = Viewer::see(&app, "page", &headers, &[]).await?;
    let note = html! {
        div.notice.good role="status" {
            strong { "This is the token. It is shown this once:" }
            pre.text tabindex="0" { (token.secret.unwrap_or_default()) }
        }
    };
    show(&app, &headers, &viewer, note, &Typed::default()).await
}

/// Revokes a token.
pub(crate) async fn revoke_token(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("revoke token", &headers, &[]).await?;
    let id: TokenId = id.parse().map_err(|_| Problem::not_found("token"))?;
    tokens::take(&app, &caller, id).await?;
    Ok(go_to("/account#tokens"))
}

/// Ends all sessions of whoever asks.
pub(crate) async fn end_sessions(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (caller, _) = app.identify("end sessions", &headers, &[]).await?;
    let sessions = app.store.sessions(caller.user.id).await.map_err(|error| errors::storage(&error))?;
    let ids: Vec<String> = sessions.into_iter().map(|stored| stored.id).collect();
    app.store_of(&caller)
        .end_sessions(caller.user.id, &ids)
        .await
        .map_err(|error| errors::storage(&error))?;
    Ok(go_to("/sign-in"))
}
