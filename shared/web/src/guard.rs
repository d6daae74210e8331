//! What stands before every router.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_app::App;
use countersign_app::refusals::Call;
use countersign_http::Problem;
use countersign_http::json::MAX_BODY_BYTES;
use countersign_http::problem::Refused;
use countersign_identity::oidc::tokens::looks_signed;
use countersign_identity::{bearer, session};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::compress::{compress, takes_gzip};
use crate::form::{CSRF, Form, is_form};
use crate::layout::{Looks, page_of_form, problem_page, token_of};
use crate::page;

/// Lets a call through to its router, or does not.
///
/// - A token of the issuer is checked and replaced by what this process says of it.
/// - A session's cookie is taken away from calls of the API that change something; a form must carry
///   the token of its session.
/// - Who is refused for who they are is noted for the audit trail.
/// - Where a browser asks for a page, a problem becomes one, and whoever is not signed in is led there.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_page = is_page(request.uri().path());
    let asks_for_html = accepts_html(request.headers()) || is_form(request.headers());
    let method = request.method().clone();
    let back = request.uri().path_and_query().map(|whole| whole.as_str().to_owned()).unwrap_or_default();
    let cookies = cookies_of(request.headers());
    let takes_gzip = takes_gzip(request.headers());
    let mut call = call_of(&request);
    let response = match checked(&app, request).await {
        Ok(request) => {
            call.headers = proofs_in(request.headers());
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let refused = response.extensions().get::<Refused>().cloned();
    note(&app, &call, response.status(), refused.as_ref()).await;
    if !is_page {
        return response;
    }
    let response = match asks_for_html {
        true => in_html(&app, response, &method, &back, &cookies).await,
        false => response,
    };
    if takes_gzip { compress(response).await } else { response }
}

/// What a refusal of the call would be noted with.
fn call_of(request: &Request) -> Call {
    let operation = format!("{} {}", request.method(), request.uri().path());
    Call { headers: proofs_in(request.headers()), operation }
}

/// The headers by which people prove who they are.
fn proofs_in(headers: &HeaderMap) -> HeaderMap {
    let proofs = headers.iter().filter(|(name, _)| [AUTHORIZATION, COOKIE].contains(*name));
    let mut kept = HeaderMap::new();
    for (name, value) in proofs {
        kept.append(name, value.clone());
    }
    kept
}

/// Notes that a call was refused, if it was.
async fn note(app: &App, call: &Call, status: StatusCode, refused: Option<&Refused>) {
    if let Some(refused) = refused {
        app.note_refused_call(call, refused).await;
    } else if status == StatusCode::UNAUTHORIZED {
        app.note_refused_token(call).await;
    }
}

/// Whether people look at what is there.
fn is_page(path: &str) -> bool {
    !path.starts_with("/v1/")
        && !path.starts_with("/slack/inter")
        && !path.starts_with("/slack/command")
        && path != "/healthz"
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

async fn checked(app: &App, mut request: Request) -> Result<Request, Problem> {
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Ok(token) = bearer(authorization)
        && looks_signed(token)
    {
        let said = format!("Bearer {}", app.vouch(token).await?);
        let said = HeaderValue::from_str(&said).map_err(|_| Problem::internal())?;
        request.headers_mut().insert(AUTHORIZATION, said);
        return Ok(request);
    }
    if request.method().is_safe() || request.headers().contains_key(AUTHORIZATION) {
        return Ok(request);
    }
    let Some(cookie) = app.session_cookie(request.headers()).map(str::to_owned) else {
        return Ok(request);
    };
    let path = request.uri().path();
    if path.starts_with("/v1/") || !is_form(request.headers()) {
        request.headers_mut().remove(COOKIE);
        return Ok(request);
    }
    same_origin(request.headers())?;
    let (parts, body) = request.into_parts();
    let too_large = |_| Problem::too_large(format!("a form has at most {MAX_BODY_BYTES} bytes"));
    let bytes = to_bytes(body, MAX_BODY_BYTES).await.map_err(too_large)?;
    let form = Form::read(&parts.headers, &bytes)?;
    if !session::is_csrf_token(&cookie, form.raw(CSRF)) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "form-not-yours",
            "This form is not of your session",
            "it was opened before you signed in, or somebody else made it; nothing was changed: open the page again",
        ));
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// Refuses a form that a page from elsewhere sent, where the browser says so.
///
/// # Errors
/// 403.
pub fn same_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    match site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(Problem::forbidden("a page from elsewhere sent this form; nothing was changed")),
    }
}

/// The cookies of a call, and nothing else of it.
fn cookies_of(headers: &HeaderMap) -> HeaderMap {
    headers.get_all(COOKIE).iter().map(|value| (COOKIE, value.clone())).collect()
}

/// A problem as a page, and the way to the sign-in.
async fn in_html(
    app: &App,
    response: Response,
    method: &Method,
    back: &str,
    cookies: &HeaderMap,
) -> Response {
    let is_problem = response
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
    if !is_problem {
        return response;
    }
    if response.status() == StatusCode::UNAUTHORIZED && !back.starts_with("/sign-in") {
        let path = back.split('?').next().unwrap_or_default();
        return match method.is_safe() {
            true => to_sign_in(back, false),
            false => to_sign_in(&page_of_form(path), true),
        };
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let Ok(problem) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    let path = back.split('?').next().unwrap_or_default();
    // Only here it is one more read: whoever looks at a problem must see as whom.
    let caller = match app.session_cookie(cookies) {
        Some(_) => app
            .identify("problem", countersign_app::Scope::Read, cookies, &[])
            .await
            .ok()
            .map(|(caller, _)| caller),
        None => None,
    };
    let csrf = token_of(app.session_cookie(cookies));
    let looks = Looks { caller: caller.as_ref(), csrf: &csrf, demo: !app.demo_people.is_empty() };
    let shown = problem_page(&problem, path, &looks).into_string();
    page::headers(&mut parts.headers, &app.config, &[]);
    parts.headers.remove(http::header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(shown))
}

/// The way to the sign-in and back. `lost` says that what was sent was not taken.
#[must_use]
pub fn to_sign_in(next: &str, lost: bool) -> Response {
    let next = Some(("next", next)).filter(|_| next != "/");
    let parts: Vec<(&str, &str)> = next.into_iter().chain(lost.then_some(("lost", "yes"))).collect();
    let query = serde_urlencoded::to_string(&parts).unwrap_or_default();
    let to = if query.is_empty() { "/sign-in".to_owned() } else { format!("/sign-in?{query}") };
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(&to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

/// The path of a page of ours to go on to; anything else is the first page.
#[must_use]
pub fn safe_next(next: &str) -> &str {
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && next.starts_with('/') && !next.starts_with("//") && !next.starts_with("/sign-") {
        next
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_leads_to_our_own_pages_only() {
        assert_eq!(safe_next("/requests/req_1?x=1"), "/requests/req_1?x=1");
        for elsewhere in
            ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\nb", "/sign-out"]
        {
            assert_eq!(safe_next(elsewhere), "/", "{elsewhere}");
        }
    }
}
