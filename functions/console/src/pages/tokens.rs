//! API tokens on pages: those of somebody, and the form that makes one.

use std::collections::BTreeSet;

use countersign_app::Scope;
use countersign_http::Problem;
use countersign_storage::scope::{self, Scopes};
use countersign_storage::{StoredToken, User};
use countersign_web::form::Form;
use maud::{Markup, html};

use super::viewer::Viewer;
use super::words;
use crate::tokens::{Body, View};

/// What somebody's tokens are for, and until when; `revoke` is the path before the id of one, for whoever may take
/// it away.
pub(super) fn table(viewer: &Viewer, user: &User, revoke: Option<&str>) -> Markup {
    if user.tokens.is_empty() {
        return html! { p.muted { "None." } };
    }
    html! {
        div.wide tabindex="0" role="group" aria-label="API tokens" {
            table {
                thead { tr {
                    th scope="col" { "Name" } th scope="col" { "May" } th scope="col" { "Made" } th scope="col" { "Expires" }
                    @if revoke.is_some() { th scope="col" { span.hidden-text { "Revoke" } } }
                } }
                tbody { @for token in &user.tokens { (row(viewer, token, revoke)) } }
            }
        }
    }
}

fn row(viewer: &Viewer, token: &StoredToken, revoke: Option<&str>) -> Markup {
    html! {
        tr {
            td data-label="Name" { (token.name) }
            td data-label="May" { (what_it_may(token)) }
            td data-label="Made" { (words::at(token.created_at)) }
            td data-label="Expires" { @match token.expires_at { Some(at) => (words::at(at)), None => "never" } }
            @if let Some(path) = revoke {
                td.act data-label="" {
                    form method="post" action={ (path) "/" (token.id) "/revoke" } {
                        (viewer.csrf())
                        button.plain type="submit" aria-label={ "Revoke " (token.name) } { "Revoke" }
                    }
                }
            }
        }
    }
}

fn what_it_may(token: &StoredToken) -> String {
    match (&token.runner_connections, &token.scopes) {
        (Some(connections), _) => {
            let names: Vec<&str> = connections.iter().map(|name| name.as_str()).collect();
            format!("run what was approved on {}", names.join(", "))
        }
        (None, Some(scopes)) => scope::listed(scopes),
        (None, None) => "everything".to_owned(),
    }
}

/// The form that makes a token, with what was typed before, if something was; `whose` is "you" or a name.
pub(super) fn form(viewer: &Viewer, action: &str, whose: &str, typed: Option<&Form>) -> Markup {
    let has = |name: &str, value: &str, by_default: bool| {
        typed.map_or(by_default, |form| form.all(name).any(|one| one == value))
    };
    html! {
        form.apart method="post" action=(action) {
            (viewer.csrf())
            div.fields {
                div.field { label for="token-name" { "Name of a new token" } input #token-name type="text" name="name" maxlength="100" required value=(typed.map(|form| form.raw("name")).unwrap_or_default()); }
                div.field {
                    label for="days" { "Good for" }
                    select #days name="days" {
                        @for days in [1, 7, 30, 90, 365] { option value=(days) selected[has("days", &days.to_string(), days == 30)] { (days) @if days == 1 { " day" } @else { " days" } } }
                    }
                }
            }
            fieldset {
                legend { "What it may do" }
                p.hint { "All of it is everything that " (whose) " may." }
                @for (scope, says) in SCOPES {
                    label.tick { input type="checkbox" name="scope" value=(scope) checked[has("scope", scope.name(), true)]; span { (says.0) small { (says.1) } } }
                }
            }
            p.actions { button.plain type="submit" { "Make a token" } }
        }
    }
}

/// Each scope, what it is called and what it is for.
const SCOPES: [(Scope, (&str, &str)); 4] = [
    (Scope::Read, ("Read", "look at requests and their output, and at everything else")),
    (Scope::Submit, ("Submit", "submit, cancel and run requests")),
    (Scope::Decide, ("Decide", "approve and reject requests")),
    (Scope::Manage, ("Manage", "change connections, accounts, tokens and settings; settle requests")),
];

/// The token that a form asks for.
///
/// # Errors
/// 422 for what no form of ours sends.
pub(super) fn asked_for(form: &Form) -> Result<Body, Problem> {
    let days: Option<u32> = form.number("days")?;
    Ok(Body {
        name: form.text("name").unwrap_or_default().to_owned(),
        expires_in_seconds: days.map(|days| days.saturating_mul(86_400)),
        user: None,
        runner_connections: None,
        scopes: scopes(form)?,
    })
}

/// All of them are everything that there is and will be.
fn scopes(form: &Form) -> Result<Scopes, Problem> {
    let known = |name: &str| Scope::ALL.into_iter().find(|scope| scope.name() == name);
    let unknown = || Problem::invalid("there is no such scope").at("/scope", "unknown");
    let ticked = form.all("scope").map(|name| known(name).ok_or_else(unknown));
    let ticked = ticked.collect::<Result<BTreeSet<Scope>, Problem>>()?;
    Ok(Some(ticked).filter(|ticked| ticked.len() < Scope::ALL.len()))
}

/// The secret of a token that was just made.
pub(super) fn made(token: &View) -> Markup {
    html! {
        div.notice.good role="status" {
            strong { "This is the token. It is shown this once:" }
            pre.text tabindex="0" { (token.secret.as_deref().unwrap_or_default()) }
        }
    }
}

/// Why no token was made.
pub(super) fn refused(problem: &Problem) -> Markup {
    html! { p.notice.bad role="alert" { strong { "No token was made:" } " " (words::ticked(problem.detail())) } }
}
