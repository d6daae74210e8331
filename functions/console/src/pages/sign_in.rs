//! Signing in and out.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::caller::cookie;
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_identity::oidc::Identity;
use countersign_identity::oidc::flow::Pending;
use countersign_identity::session::name_of;
use countersign_rules::UserId;
use countersign_storage::{Key, User};
use countersign_web::form::Form;
use countersign_web::guard::{safe_next, same_origin};
use countersign_web::page::{self, go_to};
use countersign_web::{Layout, Place, cookies};
use http::header::{SET_COOKIE, USER_AGENT};
use http::{HeaderMap, StatusCode};
use maud::html;
use subtle::ConstantTimeEq as _;

use countersign_app::query::Query;

/// How long a sign-in at the issuer may take.
const PENDING_SECONDS: u32 = 600;

/// Shows the ways to sign in.
pub(crate) async fn page(State(app): State<App>, RawQuery(raw): RawQuery) -> Result<Response, Problem> {
    let query = Query::read(raw.as_deref(), &["next", "lost"], &[])?;
    let next = safe_next(query.text("next").unwrap_or("/"));
    let people = demo_people(&app).await?;
    let issuer = app.issuer.as_ref().map(|issuer| host_of(&issuer.settings().issuer));
    let content = html! {
        section.sign-in {
            h1 { "Sign in to Countersign" }
            p.lead { "Commands that run only if the right people approved exactly those bytes." }
            @if query.text("lost").is_some() {
                p.notice.wait role="status" { strong { "Your session had ended: what you just sent was not taken." } " Nothing was changed. Sign in, and send it again; your browser may still have it behind its Back button." }
            }
            @if let Some(issuer) = &issuer {
                form.card method="post" action="/sign-in/oidc" {
                    input type="hidden" name="next" value=(next);
                    p.actions { button type="submit" { "Sign in with " (issuer) } }
                }
            }
            @if !people.is_empty() {
                h2 { "As one of the people of this demo" }
                form method="post" action="/sign-in/demo" {
                    input type="hidden" name="next" value=(next);
                    ul.people {
                        @for person in &people {
                            li { button type="submit" name="user" value=(person.id) { (person.name) small { (what_they_are(person)) } } }
                        }
                    }
                }
            }
            @if issuer.is_none() && people.is_empty() {
                div.card.empty {
                    strong { "Nobody can sign in here yet" }
                    p { "An OpenID issuer has to be configured: set " code { "COUNTERSIGN_OIDC_ISSUER" } " and "
                        code { "COUNTERSIGN_OIDC_CLIENT_ID" } ". The command line works with API tokens meanwhile." }
                }
            }
        }
    };
    let layout =
        Layout { title: "Sign in", place: Place::Nowhere, caller: None, csrf: "", demo: !people.is_empty() };
    // A browser holds a form to its policy through redirects too: the issuer must be in it.
    let origin = app.issuer.as_ref().and_then(|issuer| origin_of(&issuer.settings().issuer));
    let to: Vec<&str> = origin.as_deref().into_iter().collect();
    Ok(page::answer_with_forms_to(&app.config, StatusCode::OK, layout.around(content), &to))
}

async fn demo_people(app: &App) -> Result<Vec<User>, Problem> {
    if app.demo_people.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Key> = app.demo_people.iter().copied().map(Key::User).collect();
    let found = app.store.read("demo", &keys).await.map_err(|error| errors::storage(&error))?;
    let users: Result<Vec<Option<User>>, _> = app.demo_people.iter().map(|id| found.user(*id)).collect();
    Ok(users.map_err(|error| errors::storage(&error))?.into_iter().flatten().collect())
}

fn what_they_are(person: &User) -> String {
    use countersign_rules::person::Role;
    let roles = person.roles.iter().map(|role| match role {
        Role::Admin => "admin".to_owned(),
        Role::Auditor => "auditor".to_owned(),
    });
    let all: Vec<String> = roles.chain(person.groups.iter().map(ToString::to_string)).collect();
    if all.is_empty() { "asks for commands to be run".to_owned() } else { all.join(", ") }
}

fn host_of(issuer: &str) -> String {
    let rest = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}

fn origin_of(issuer: &str) -> Option<String> {
    let (scheme, _) = issuer.split_once("://")?;
    let host = host_of(issuer);
    let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    plain.then(|| format!("{scheme}://{host}"))
}

/// Signs somebody of the demo in. The demo listens on loopback alone, and its gateway has looked at
/// `Host` and `Origin`.
pub(crate) async fn as_demo_person(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    same_origin(&headers)?;
    let form = Form::read(&headers, &bytes)?;
    let user = form.text("user").and_then(|text| text.parse::<UserId>().ok());
    let user =
        user.filter(|user| app.demo_people.contains(user)).ok_or_else(|| Problem::not_found("person"))?;
    enter(&app, &headers, user, "demo", form.raw("next")).await
}

/// Begins a session and goes on. A session that this browser has had ends.
async fn enter(
    app: &App,
    headers: &HeaderMap,
    user: UserId,
    how: &str,
    next: &str,
) -> Result<Response, Problem> {
    end_this(app, headers).await?;
    let browser = headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let cookie = app.begin_session(user, how, browser).await?;
    let mut response = go_to(safe_next(next));
    if let Some(cookie) = cookies::session(&app.config, cookie.reveal()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Ends the session of this browser, if it is one: nobody else's can be ended by a made-up cookie.
async fn end_this(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let Some((user, id)) = app.session_cookie(headers).and_then(name_of) else { return Ok(()) };
    let Ok((caller, _)) = app.identify("sign out", Scope::Manage, headers, &[]).await else { return Ok(()) };
    app.store_of(&caller).end_sessions(user, &[id]).await.map_err(|error| errors::storage(&error))
}

/// Goes to the issuer.
pub(crate) async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    same_origin(&headers)?;
    let form = Form::read(&headers, &bytes)?;
    let issuer = app.issuer.as_ref().ok_or_else(|| Problem::not_found("page"))?;
    let pending = Pending::random(safe_next(form.raw("next"))).map_err(|_| errors::no_randomness())?;
    let url = issuer.authorization_url(&pending, &redirect_uri(&app)).await;
    let mut response = go_to(&url.map_err(|error| app.refused(&error))?);
    let name = cookies::sign_in_name(&app.config);
    if let Some(cookie) = cookies::set(&app.config, name, &pending.to_cookie(), PENDING_SECONDS) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

fn redirect_uri(app: &App) -> String {
    format!("{}/sign-in/callback", app.config.public_url)
}

/// Comes back from the issuer.
///
/// This is a GET because the issuer redirects. It signs in the browser that began, and nobody else: the
/// state must be the one in its own cookie.
pub(crate) async fn finish(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (identity, pending) = match came_back(&app, &headers, raw.as_deref()).await {
        Ok(came_back) => came_back,
        Err(problem) => return Err(refused(&app, None, problem).await),
    };
    let user = match app.signed_in(&identity).await {
        Ok(user) => user,
        Err(problem) => return Err(refused(&app, Some(&identity), problem).await),
    };
    let mut response = enter(&app, &headers, user, "oidc", &pending.next).await?;
    if let Some(gone) = cookies::set(&app.config, cookies::sign_in_name(&app.config), "", 0) {
        response.headers_mut().append(SET_COOKIE, gone);
    }
    Ok(response)
}

/// Notes that somebody was not signed in, if that was for who they are or what they came with.
async fn refused(app: &App, identity: Option<&Identity>, problem: Problem) -> Problem {
    if problem.status().is_client_error() && problem.status() != StatusCode::NOT_FOUND {
        app.note_refused_sign_in(identity, problem.slug(), problem.detail()).await;
    }
    problem.noted()
}

/// Who comes back from the issuer, and what they began with.
async fn came_back(
    app: &App,
    headers: &HeaderMap,
    raw: Option<&str>,
) -> Result<(Identity, Pending), Problem> {
    let issuer = app.issuer.as_ref().ok_or_else(|| Problem::not_found("page"))?;
    let query = Query::read_any(raw)?;
    let again = || {
        Problem::bad_request(
            "this sign-in was not begun in this browser, or too long ago; go back to the sign-in page and begin again",
        )
    };
    let name = cookies::sign_in_name(&app.config);
    let pending = cookie(headers, name).and_then(Pending::from_cookie).ok_or_else(again)?;
    let state = query.text("state").unwrap_or_default();
    if !bool::from(pending.state.as_bytes().ct_eq(state.as_bytes())) {
        return Err(again());
    }
    // RFC 9207: an answer of another issuer is none.
    if query.text("iss").is_some_and(|iss| iss != issuer.settings().issuer) {
        return Err(again());
    }
    if let Some(error) = query.text("error") {
        tracing::info!(error = %error.escape_default(), "sign-in");
        return Err(Problem::forbidden(
            "the issuer did not sign you in; begin again, or ask its administrators",
        ));
    }
    let code = query.text("code").ok_or_else(again)?;
    let identity = issuer.finish(&pending, code, &redirect_uri(app)).await;
    Ok((identity.map_err(|error| app.refused(&error))?, pending))
}

/// Ends the session of this browser.
pub(crate) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    end_this(&app, &headers).await?;
    let mut response = go_to("/sign-in");
    if let Some(gone) = cookies::no_session(&app.config) {
        response.headers_mut().append(SET_COOKIE, gone);
    }
    Ok(response)
}
