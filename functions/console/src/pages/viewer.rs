//! Who looks at a page.

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
    rotated: Option<HeaderValue>,
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
        let rotated = if is_looked_at(headers) { rotate(app, cookie, &found).await? } else { None };
        Ok((Self { caller, csrf, rotated }, found))
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
        let page = layout.around(content);
        self.with_session(page::answer_with_forms_to(&app.config, StatusCode::OK, page, origins))
    }

    /// An answer that is no page, with what changed of the session.
    pub(crate) fn with_session(&self, mut response: Response) -> Response {
        if let Some(cookie) = &self.rotated {
            response.headers_mut().append(SET_COOKIE, cookie.clone());
        }
        response
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
    use super::*;

    #[test]
    fn a_list_that_refreshes_itself_is_looked_at_by_nobody() {
        let sent = |to: &'static str| {
            HeaderMap::from_iter([("sec-fetch-dest".parse().unwrap(), HeaderValue::from_static(to))])
        };
        assert!(is_looked_at(&sent("document")) && is_looked_at(&HeaderMap::new()));
        assert!(!is_looked_at(&sent("empty")));
    }
}
