//! Signing the command line in: it opens a page here and listens on loopback; whoever is signed in
//! agrees; a code that is good once goes back, and is exchanged for a token by whoever has the verifier of
//! its challenge (RFC 8252 and RFC 7636, with ourselves as the authorization server).

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_app::{App, Caller, Scope, app, errors};
use countersign_http::{Problem, json};
use countersign_identity::oidc::flow::challenge;
use countersign_rules::{Timestamp, Via};
use countersign_storage::sign_in::OneTimeCode;
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::{HeaderMap, StatusCode};
use maud::html;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::viewer::Viewer;
use crate::tokens;
use countersign_app::query::Query;

/// A browser goes back at once.
const CODE_SECONDS: u32 = 120;
/// As long as a session.
const TOKEN_SECONDS: u32 = countersign_identity::session::LIFETIME_SECONDS;

/// Where a command line listens, and what it will prove itself with.
struct Waiting {
    port: u16,
    state: String,
    challenge: String,
}

impl Waiting {
    fn read(get: impl Fn(&str) -> String) -> Result<Self, Problem> {
        let plain = |text: &str| {
            (16..=128).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        let (state, challenge) = (get("state"), get("challenge"));
        let port = get("port").parse::<u16>().ok().filter(|port| *port >= 1024);
        match port {
            Some(port) if plain(&state) && plain(&challenge) => Ok(Self { port, state, challenge }),
            _ => Err(Problem::bad_request("open this page with `countersign login`")),
        }
    }

    /// This very machine and nothing else: who presses the button sits in front of it.
    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Asks whether the command line may act as whoever looks.
pub(crate) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
    let query = Query::read(raw.as_deref(), &["port", "state", "challenge"], &[])?;
    let waiting = Waiting::read(|name| query.text(name).unwrap_or_default().to_owned())?;
    let content = html! {
        section.sign-in {
            h1 { "Sign in the command line?" }
            p.lead { "The program " code { "countersign" } " on this machine wants to act as " strong { (viewer.caller.user.email) } " for 12 hours." }
            p.hint { "Go on only if you have just typed " code { "countersign login" } " yourself, on this machine." }
            form method="post" action="/cli/allow" {
                (viewer.csrf())
                input type="hidden" name="port" value=(waiting.port);
                input type="hidden" name="state" value=(waiting.state);
                input type="hidden" name="challenge" value=(waiting.challenge);
                div.actions { button type="submit" { "Allow" } a.button.plain href="/" { "No" } }
            }
        }
    };
    Ok(viewer.page_with_forms_to(&app, "Command line", Place::Nowhere, content, &[&waiting.origin()]))
}

/// Sends the command line a code.
pub(crate) async fn allow(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("allow", Scope::Manage, &headers, &[]).await?;
    // A token must not make tokens that outlive it by way of a page.
    if caller.via != Via::Console {
        return Err(Problem::forbidden("this is done in a browser"));
    }
    let form = Form::read(&headers, &bytes)?;
    let waiting = Waiting::read(|name| form.raw(name).to_owned())?;
    let (one, other) = (app::random(), app::random());
    let (Ok(one), Ok(other)) = (one, other) else { return Err(errors::no_randomness()) };
    let code = URL_SAFE_NO_PAD.encode([one.to_be_bytes(), other.to_be_bytes()].concat());
    let meaning = OneTimeCode {
        user: caller.user.id,
        challenge: waiting.challenge.clone(),
        expires_at: app.now().plus_seconds(CODE_SECONDS),
    };
    app.store.keep_code(&code, &meaning).await.map_err(|error| errors::storage(&error))?;
    Ok(go_to(&format!("{}/?code={code}&state={}", waiting.origin(), waiting.state)))
}

/// What the command line sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    code: String,
    verifier: String,
}

/// What it gets.
#[derive(Serialize)]
struct Exchanged {
    token: String,
    email: String,
    expires_at: Timestamp,
}

/// Gives a token for a code.
pub(crate) async fn token(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let body: Exchange = json::body(&headers, &bytes)?;
    let wrong = || Problem::unauthenticated("the code is not valid; run `countersign login` again");
    let meaning = app.store.take_code(&body.code).await.map_err(|error| errors::storage(&error))?;
    let meaning = meaning.ok_or_else(wrong)?;
    let proof = challenge(&body.verifier);
    if app.now() >= meaning.expires_at || !bool::from(proof.as_bytes().ct_eq(meaning.challenge.as_bytes())) {
        return Err(wrong());
    }
    let stored = app.store.user(meaning.user).await.map_err(|error| errors::storage(&error))?;
    let user = stored.map(|stored| stored.user).filter(|user| !user.disabled).ok_or_else(wrong)?;
    let email = user.email.clone();
    let caller = Caller::unlimited(user, Via::Cli);
    let wanted = tokens::Body {
        name: "countersign login".to_owned(),
        expires_in_seconds: Some(TOKEN_SECONDS),
        user: None,
        runner_connections: None,
        scopes: None,
    };
    let (made, _) = tokens::make(&app, &caller, &wanted, None).await?;
    let token = made.secret.ok_or_else(Problem::internal)?;
    let expires_at = app.now().plus_seconds(TOKEN_SECONDS);
    Ok(json::answer(StatusCode::OK, &Exchanged { token, email, expires_at }))
}
