//! Who looks at a page.

use std::cell::RefCell;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use countersign_app::{App, Caller, Scope, errors};
use countersign_http::Problem;
use countersign_identity::session::{SessionCookie, csrf_token, name_of};
use countersign_storage::{Found, Key};
use countersign_web::{Layout, Place, cookies, layout, page};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::Markup;

/// Somebody who is signed in, and what their pages carry.
pub(crate) struct Viewer {
    /// Who.
    pub(crate) caller: Caller,
    csrf: String,
}

tokio::task_local! {
    /// The cookie of a session whose secret was changed while something was answered.
    static CHANGED: RefCell<Option<HeaderValue>>;
}

/// Has every answer carry what changed of the session: a page, a file, the way elsewhere, a problem. A secret that
/// does not arrive would sign its owner out a minute later. An answer that sets cookies itself begins or ends a session.
pub(crate) async fn carry_session(request: Request, next: Next) -> Response {
    let answered = async {
        let mut response = next.run(request).await;
        if let Some(cookie) = CHANGED.with(RefCell::take)
            && !response.headers().contains_key(SET_COOKIE)
        {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    };
    CHANGED.scope(RefCell::default(), answered).await
}

impl Viewer {
    /// Finds out who looks, and reads `also` in the same round trip. `needs`: see [`App::identify`].
    pub(crate) async fn see(
        app: &App,
        operation: &'static str,
        needs: Scope,
        headers: &HeaderMap,
        also: &[Key],
    ) -> Result<(Self, Found), Problem> {
        let (caller, found) = app.identify(operation, needs, headers, also).await?;
        let cookie = app.session_cookie(headers).unwrap_or_default();
        let csrf = csrf_token(cookie).unwrap_or_default();
        if is_looked_at(headers) {
            let changed = rotate(app, cookie, &found).await?;
            CHANGED.with(|slot| slot.replace(changed));
        }
        Ok((Self { caller, csrf }, found))
    }

    /// The field that each form carries.
    pub(crate) fn csrf(&self) -> Markup {
        layout::csrf_field(&self.csrf)
    }

    /// A page.
    pub(crate) fn page(&self, app: &App, title: &str, place: Place, content: Markup) -> Response {
        self.page_with_forms_to(app, title, place, content, &[])
    }

    /// A page whose forms may lead to these origins too.
    pub(crate) fn page_with_forms_to(
        &self,
        app: &App,
        title: &str,
        place: Place,
        content: Markup,
        origins: &[&str],
    ) -> Response {
        let layout = Layout {
            title,
            place,
            caller: Some(&self.caller),
            csrf: &self.csrf,
            demo: !app.demo_people.is_empty(),
        };
        page::answer_with_forms_to(&app.config, StatusCode::OK, layout.around(content), origins)
    }
}

/// Whether somebody goes to the page. A list that is only open asks for itself again and again: that is no use of the
/// session, which ends if there is no other. Browsers that do not tell are believed to go there.
fn is_looked_at(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_none_or(|to| to.as_bytes() == b"document")
}

/// Changes the secret of a session that has had it for long. It says nothing about requests, and
/// whoever has no session changes nothing.
async fn rotate(app: &App, cookie: &str, found: &Found) -> Result<Option<HeaderValue>, Problem> {
    let Some((user, id)) = name_of(cookie) else { return Ok(None) };
    let stored = found.session(user, &id).map_err(|error| errors::storage(&error))?;
    let Some(stored) = stored else { return Ok(None) };
    let now = app.now();
    let next = SessionCookie::rotated(cookie, &stored.session, now, app.config.session_idle_seconds);
    let Some((next, session)) = next.map_err(|_| errors::no_randomness())? else { return Ok(None) };
    // Another page of the same browser may have been first: then its secret is the new one.
    match app.store.put_session(user, &id, Some(&stored), &session).await {
        Ok(()) => Ok(cookies::session(&app.config, next.reveal())),
        Err(error) => {
            tracing::info!(%error, "a session keeps its secret for now");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_changed_session_is_carried_by_whatever_is_answered() {
        async fn changed() -> Result<(), Problem> {
            CHANGED.with(|slot| slot.replace(Some(HeaderValue::from_static("session=next"))));
            Err(Problem::not_found("page"))
        }
        async fn unchanged() {}
        async fn ends_it() -> [(http::HeaderName, &'static str); 1] {
            CHANGED.with(|slot| slot.replace(Some(HeaderValue::from_static("session=next"))));
            [(SET_COOKIE, "session=")]
        }
        let routes = Router::new().route("/changed", get(changed)).route("/unchanged", get(unchanged));
        let routes = routes.route("/ends", get(ends_it)).layer(from_fn(carry_session));
        for (path, expected) in
            [("/changed", vec!["session=next"]), ("/unchanged", vec![]), ("/ends", vec!["session="])]
        {
            let call = Request::builder().uri(path).body(Body::empty()).unwrap();
            let response = routes.clone().oneshot(call).await.unwrap();
            let set: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
            assert_eq!(set, expected, "{path}");
        }
    }

    #[test]
    fn a_list_that_refreshes_itself_is_looked_at_by_nobody() {
        let sent = |to: &'static str| {
            HeaderMap::from_iter([("sec-fetch-dest".parse().unwrap(), HeaderValue::from_static(to))])
        };
        assert!(is_looked_at(&sent("document")) && is_looked_at(&HeaderMap::new()));
        assert!(!is_looked_at(&sent("empty")));
    }
}
