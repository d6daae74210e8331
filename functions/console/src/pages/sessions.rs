//! Where somebody is signed in, on pages.

use countersign_storage::sign_in::StoredSession;
use maud::{Markup, html};

use super::viewer::Viewer;
use super::words;

/// The sessions of somebody; `end` is the path before the id of one, for whoever may end it, and `this` is the one of
/// the browser that looks.
pub(super) fn list(
    viewer: &Viewer,
    sessions: &[StoredSession],
    end: Option<&str>,
    this: Option<&str>,
) -> Markup {
    if sessions.is_empty() {
        return html! { p.muted { "Nowhere." } };
    }
    html! {
        ul.votes {
            @for stored in sessions {
                li.session {
                    div.grow {
                        @if this == Some(stored.id.as_str()) { strong { "This browser" } }
                        @else { (words::browser(&stored.session.browser)) }
                        " " span.small.muted { "since " (words::at(stored.session.created_at)) ", last used " (words::at(stored.session.rotated_at)) " or up to a quarter of an hour later" }
                    }
                    @if let Some(path) = end {
                        form method="post" action={ (path) "/" (stored.id) "/end" } {
                            (viewer.csrf())
                            button.plain type="submit" aria-label={ "End the session in " (words::browser(&stored.session.browser)) ", since " (stored.session.created_at.rfc3339()) } { "End" }
                        }
                    }
                }
            }
        }
    }
}
