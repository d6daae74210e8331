//! What belongs to an account: its tokens, its Slack user, where it is signed in; and taking it away.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::{App, Scope};
use countersign_http::Problem;
use countersign_rules::{TokenId, UserId};
use countersign_storage::User;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};

use super::super::viewer::Viewer;
use super::super::{sessions, tokens};
use super::{Typed, can_be_mended, show_known};
use crate::sessions::whose;
use crate::slack_links;

/// Everything that belongs to an account, with buttons for an admin.
pub(super) async fn sections(app: &App, viewer: &Viewer, user: &User) -> Result<Markup, Problem> {
    let is_admin = viewer.caller.is_admin();
    let path = |what: &str| format!("/people/{}/{what}", user.id);
    let for_admins = |path: String| Some(path).filter(|_| is_admin);
    let human = viewer.caller.person().human;
    let may_make = is_admin && user.owner.is_some_and(|owner| app.may_make_token_of(owner, human));
    let signed_in = crate::sessions::of(app, user.id).await?;
    Ok(html! {
        section.card aria-labelledby="tokens" {
            h2 #tokens { "Tokens" }
            (tokens::table(viewer, user, for_admins(path("tokens")).as_deref()))
            @if may_make { (tokens::form(viewer, &path("tokens"), &user.name, None)) }
            @else if is_admin && user.owner.is_some() { p.hint { "Here its owner makes its tokens, and no other admin." } }
            @else if is_admin { p.hint { "People make their own; an admin makes those of service accounts." } }
        }
        @if user.owner.is_none() {
            section.card aria-labelledby="slack" {
                h2 #slack { "Slack" }
                @match &user.slack_user_id {
                    None => p.muted { "Not linked. Its owner links it, with proof of both ends." },
                    Some(slack_user) => {
                        p { code { (slack_user) } }
                        @if is_admin {
                            form method="post" action=(path("slack/remove")) {
                                (viewer.csrf())
                                p.actions { button.plain type="submit" { "Unlink" } }
                            }
                        }
                    }
                }
            }
            section.card aria-labelledby="signed-in" {
                h2 #signed-in { "Signed in" }
                (sessions::list(viewer, &signed_in, for_admins(path("sessions")).as_deref(), None))
                @if is_admin && signed_in.len() > 1 {
                    form method="post" action=(path("sessions/end")) {
                        (viewer.csrf())
                        p.actions { button.plain type="submit" { "End all" } }
                    }
                }
            }
        }
    })
}

/// The admin who changes something of an account, and the account.
async fn admin_of(app: &App, headers: &HeaderMap, id: &str) -> Result<(Viewer, UserId), Problem> {
    let (viewer, _) = Viewer::see(app, "person", Scope::Manage, headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    let user = whose(app, &viewer.caller, id, true).await?;
    Ok((viewer, user))
}

/// Makes a token of a service account, and shows its secret this once.
pub(crate) async fn create_token(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, user) = admin_of(&app, &headers, &id).await?;
    let mut body = tokens::asked_for(&Form::read(&headers, &bytes)?)?;
    body.user = Some(user);
    let token = match crate::tokens::make(&app, &viewer.caller, &body, None).await {
        Ok((token, _)) => token,
        Err(problem) if can_be_mended(&problem) => {
            let status = problem.status();
            let said = tokens::refused(&problem);
            let mut response = show_known(&app, &viewer, user, Typed::default(), said).await?;
            *response.status_mut() = status;
            return Ok(response);
        }
        Err(problem) => return Err(problem),
    };
    show_known(&app, &viewer, user, Typed::default(), tokens::made(&token)).await
}

/// Revokes a token of an account.
pub(crate) async fn revoke_token(
    State(app): State<App>,
    Path((id, token)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (viewer, user) = admin_of(&app, &headers, &id).await?;
    let token: TokenId = token.parse().map_err(|_| Problem::not_found("token"))?;
    crate::tokens::take(&app, &viewer.caller, token).await?;
    Ok(go_to(&format!("/people/{user}#tokens")))
}

/// Takes the Slack user of an account away.
pub(crate) async fn unlink_slack(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (viewer, user) = admin_of(&app, &headers, &id).await?;
    slack_links::take(&app, &viewer.caller, user).await?;
    Ok(go_to(&format!("/people/{user}#slack")))
}

/// Ends a session of an account.
pub(crate) async fn end_session(
    State(app): State<App>,
    Path((id, session)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (viewer, user) = admin_of(&app, &headers, &id).await?;
    crate::sessions::end_one(&app, &viewer.caller, user, &session).await?;
    Ok(go_to(&format!("/people/{user}#signed-in")))
}

/// Ends all sessions of an account.
pub(crate) async fn end_sessions(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (viewer, user) = admin_of(&app, &headers, &id).await?;
    crate::sessions::end_all(&app, &viewer.caller, user).await?;
    Ok(go_to(&format!("/people/{user}#signed-in")))
}
