//! The dialog that asks why a request is rejected.

use serde_json::{Value, json};

use crate::slack::button::Subject;
use crate::slack::rich::{bold, plain, rich_text, section, words};

/// The `callback_id` of the dialog.
pub const REJECT: &str = "reject";
/// The block and the element that hold the reason.
pub const REASON: &str = "reason";
/// The longest reason, which is that of the API.
pub const MOST_REASON: usize = 2000;

/// The dialog for a request. It knows the request's code only: what a button carries is all that
/// there is when it must be shown, within the three seconds that Slack gives.
#[must_use]
pub fn reject(subject: &Subject) -> Value {
    let said = vec![
        words("You reject "),
        bold(&subject.digest.code()),
        words(". That ends it for everybody; the requester reads your reason."),
    ];
    json!({
        "type": "modal",
        "callback_id": REJECT,
        "private_metadata": subject.to_string(),
        "title": plain("Reject request", false),
        "submit": plain("Reject", false),
        "close": plain("Back", false),
        "blocks": [
            rich_text(vec![section(said)]),
            {
                "type": "input",
                "block_id": REASON,
                "label": plain("Reason", false),
                "element": {
                    "type": "plain_text_input",
                    "action_id": REASON,
                    "multiline": true,
                    "min_length": 1,
                    "max_length": MOST_REASON,
                    "placeholder": plain("What should be changed?", false),
                },
            },
        ],
    })
}

/// What a dialog is answered with when its reason cannot be taken: it stays open and says why.
#[must_use]
pub fn refused(why: &str) -> Value {
    json!({ "response_action": "errors", "errors": { REASON: crate::words::line(why, 300) } })
}
