//! What all pages have in common.

use countersign_app::Caller;
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

/// What was said in passing as a sentence: it begins large and ends.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    let mut sentence: String = rest.next().into_iter().flat_map(char::to_uppercase).collect();
    sentence.push_str(rest.as_str());
    if !sentence.is_empty() && !sentence.ends_with(['.', '!', '?', ':']) {
        sentence.push('.');
    }
    sentence
}

/// The page on which the form stands that is sent to a path.
#[must_use]
pub fn page_of_form(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.as_slice() {
        ["requests"] => "/requests/new".to_owned(),
        ["requests" | "connections" | "people", name, ..] => {
            format!("/{}/{name}", segments.first().copied().unwrap_or_default())
        }
        ["integrations", "webhooks", id, _] => format!("/integrations/webhooks/{id}"),
        ["integrations" | "account", ..] => format!("/{}", segments.first().copied().unwrap_or_default()),
        ["slack", "link", ..] => "/slack/link".to_owned(),
        _ => "/".to_owned(),
    }
}

/// The token of the session in a cookie; empty if it is none.
#[must_use]
pub fn token_of(cookie: Option<&str>) -> String {
    cookie.and_then(csrf_token).unwrap_or_default()
}

/// Who is known to look at a problem.
pub(crate) struct Looks<'a> {
    /// Who, where that is known.
    pub(crate) caller: Option<&'a Caller>,
    /// The CSRF token of their session.
    pub(crate) csrf: &'a str,
    /// Whether this is a demo.
    pub(crate) demo: bool,
}

/// A problem as a page.
#[must_use]
pub(crate) fn problem_page(problem: &Value, path: &str, looks: &Looks<'_>) -> Markup {
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = problem.get("status").and_then(Value::as_u64).unwrap_or(500);
    let errors = problem.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
    let of =
        |error: &Value, name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    // What is said above is not said twice.
    let more = errors.iter().filter(|error| of(error, "message") != text("detail"));
    let more: Vec<&Value> = more.collect();
    let request = Some(text("request_id")).filter(|id| !id.is_empty()).map(|id| format!("/requests/{id}"));
    let form = Some(page_of_form(path)).filter(|page| page != "/" && page != path);
    let back = request.or(form);
    let layout = Layout {
        title: text("title"),
        place: Place::Nowhere,
        caller: looks.caller,
        csrf: looks.csrf,
        demo: looks.demo,
    };
    layout.around(html! {
        section.problem {
            p.eyebrow { (status) }
            h1 { (text("title")) }
            p.lead { (ticked(&sentence(text("detail")))) }
            @if let (403, Some(caller)) = (status, looks.caller) {
                p { "You are signed in as " strong { (caller.user.name) } " (" (caller.user.email) ")." }
            }
            @if let Some(rule) = problem.get("rule").and_then(Value::as_str) { p { "Rule: " code { (rule) } } }
            @if !more.is_empty() {
                ul { @for error in &more { li { code { (of(error, "pointer")) } " " (ticked(&of(error, "message"))) } } }
            }
            p.actions {
                @if let Some(back) = back { a.button href=(back) { "Look at it again" } }
                @if looks.caller.is_some() { a.button.plain href="/" { "All requests" } }
                @else { a.button.plain href="/sign-in" { "Sign in" } }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_in_passing_becomes_a_sentence() {
        assert_eq!(sentence("only an admin may do this"), "Only an admin may do this.");
        assert_eq!(sentence("`x` is none!"), "`x` is none!");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn whoever_sent_a_form_finds_the_way_back_to_it() {
        for (path, page) in [
            ("/requests", "/requests/new"),
            ("/requests/req_1/approve", "/requests/req_1"),
            ("/connections/new/save", "/connections/new"),
            ("/integrations/webhooks/whe_1/save", "/integrations/webhooks/whe_1"),
            ("/integrations/slack", "/integrations"),
            ("/account/tokens/tok_1/revoke", "/account"),
            ("/slack/link/remove", "/slack/link"),
            ("/nowhere", "/"),
        ] {
            assert_eq!(page_of_form(path), page, "{path}");
        }
    }
}
