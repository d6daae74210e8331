//! The difference to the command before.

use std::time::{Duration, Instant};

use countersign_rules::display::display;
use maud::{Markup, html};
use similar::{Algorithm, ChangeTag, TextDiff};

/// A person waits for it: then it is coarser.
const AT_MOST: Duration = Duration::from_millis(50);

/// What a command has that the one before had not, line by line; both as [`display`] shows them.
pub(crate) fn block(before: &str, after: &str) -> Markup {
    let (before, after) = (display(before), display(after));
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .deadline(Instant::now() + AT_MOST)
        .diff_lines(before.as_str(), after.as_str());
    html! {
        pre.command.diff tabindex="0" role="group" aria-label="Difference to the command before" {
            @for change in diff.iter_all_changes() {
                @let line = change.value().trim_end_matches('\n');
                @match change.tag() {
                    ChangeTag::Delete => del.l.del data-sign="−" { (line) "\n" },
                    ChangeTag::Insert => ins.l.add data-sign="+" { (line) "\n" },
                    ChangeTag::Equal => span.l data-sign=" " { (line) "\n" },
                }
            }
        }
    }
}
