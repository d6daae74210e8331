//! What all pages have in common.

use countersign_app::{Caller, Config};
use countersign_identity::session::csrf_token;
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use crate::form::CSRF;
use crate::statics;

/// Where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Requests.
    Requests,
    /// A new request.
    New,
    /// Connections.
    Connections,
    /// People.
    People,
    /// Analytics.
    Analytics,
    /// The audit trail.
    Audit,
    /// Integrations.
    Integrations,
    /// One's own account.
    Account,
    /// Elsewhere.
    Nowhere,
}

/// A page around its content.
pub struct Layout<'a> {
    /// The title, without the product's name.
    pub title: &'a str,
    /// Where it is.
    pub place: Place,
    /// Who looks at it.
    pub caller: Option<&'a Caller>,
    /// The CSRF token of their session.
    pub csrf: &'a str,
    /// Whether this is a demo.
    pub demo: bool,
}

/// For whom a link is.
enum For {
    Everybody,
    AdminsAndAuditors,
    Admins,
}

const NAVIGATION: [(Place, &str, &str, For); 7] = [
    (Place::Requests, "/", "Requests", For::Everybody),
    (Place::New, "/requests/new", "New request", For::Everybody),
    (Place::Connections, "/connections", "Connections", For::Everybody),
    (Place::People, "/people", "People", For::Everybody),
    (Place::Integrations, "/integrations", "Integrations", For::Admins),
    (Place::Analytics, "/analytics", "Analytics", For::AdminsAndAuditors),
    (Place::Audit, "/audit", "Audit", For::AdminsAndAuditors),
];

impl For {
    fn includes(&self, caller: &Caller) -> bool {
        match self {
            Self::Everybody => true,
            Self::AdminsAndAuditors => caller.sees_all(),
            Self::Admins => caller.is_admin(),
        }
    }
}

impl Layout<'_> {
    /// The whole page.
    #[must_use]
    pub fn around(&self, content: Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · Countersign" }
                    link rel="icon" type="image/svg+xml" href=(statics::icon());
                    link rel="stylesheet" href=(statics::css());
                    script src=(statics::js()) defer {}
                }
                body {
                    a.skip href="#main" { "Skip to content" }
                    header.top {
                        a.brand href="/" { img src=(statics::icon()) alt="" width="22" height="22"; "Countersign" }
                        @if let Some(caller) = self.caller {
                            nav aria-label="Main" {
                                @for (place, to, name, who) in &NAVIGATION {
                                    @if who.includes(caller) { a href=(to) aria-current=[(*place == self.place).then_some("page")] { (name) } }
                                }
                            }
                            div.who {
                                a href="/account" aria-current=[(self.place == Place::Account).then_some("page")] {
                                    (caller.user.name)
                                }
                                form method="post" action="/sign-out" {
                                    (csrf_field(self.csrf))
                                    button.plain type="submit" { "Sign out" }
                                }
                            }
                        }
                    }
                    @if self.demo {
                        aside.demo aria-label="Demo" { "A demo: its people and data are made up." }
                    }
                    main id="main" tabindex="-1" { (content) }
                }
            }
        }
    }
}

/// The field that every form carries.
#[must_use]
pub fn csrf_field(token: &str) -> Markup {
    html! { input type="hidden" name=(CSRF) value=(token); }
}

/// Text of ours in which `…` marks what is to be read as code.
#[must_use]
pub fn ticked(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// The token of the session in a cookie; empty if it is none.
#[must_use]
pub fn token_of(cookie: Option<&str>) -> String {
    cookie.and_then(csrf_token).unwrap_or_default()
}

/// A problem as a page.
#[must_use]
pub(crate) fn problem_page(_config: &Config, problem: &Value, path: &str, signed_in: bool) -> Markup {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = problem.get("status").and_then(Value::as_u64).unwrap_or(500);
    let errors = problem.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
    let of =
        |error: &Value, name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let request = Some(text("request_id")).filter(|id| !id.is_empty()).map(|id| format!("/requests/{id}"));
    let from_path = || {
        let mut segments = path.split('/').skip(1);
        match (segments.next(), segments.next(), segments.next()) {
            (Some(kind @ ("requests" | "connections")), Some(name), Some(_)) => {
                Some(format!("/{kind}/{name}"))
            }
            (Some("integrations"), Some(_), _) => Some("/integrations".to_owned()),
            _ => None,
        }
    };
    let back = request.or_else(from_path);
    let layout = Layout { title: text("title"), place: Place::Nowhere, caller: None, csrf: "", demo: false };
    layout.around(html! {
        section.problem {
            p.eyebrow { (status) }
            h1 { (text("title")) }
            p.lead { (ticked(text("detail"))) }
            @if let Some(rule) = problem.get("rule").and_then(Value::as_str) { p { "Rule: " code { (rule) } } }
            @if !errors.is_empty() {
                ul { @for error in &errors { li { code { (of(error, "pointer")) } " " (ticked(&of(error, "message"))) } } }
            }
            p.actions {
                @if let Some(back) = back { a.button href=(back) { "Look at it again" } }
                @if signed_in { a.button.plain href="/" { "All requests" } }
                @else { a.button.plain href="/sign-in" { "Sign in" } }
            }
        }
    })
}
