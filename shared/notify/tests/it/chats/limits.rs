//! The most that a request can be still fits.

use countersign_notify::slack::limits::{BLOCKS, check_message, check_modal, weight};
use countersign_notify::slack::message::{Message, Reader, message, reminder};
use countersign_notify::teams::card::card;
use countersign_notify::teams::limits::check;
use serde_json::json;

use crate::chats::slack::{body, buttons};
use crate::chats::story::{Plan, Story};

/// 25 groups with the longest names and, together, 50 approvals by people with the longest addresses.
fn crowd(command: &str) -> Story {
    let groups: Vec<String> = (0..25).map(|number| format!("{number:02}{}", "g".repeat(62))).collect();
    let reason = "\"why\" ".repeat(333);
    let requester = format!("{}@example.com", "r".repeat(242));
    let plan = Plan {
        groups: groups.clone(),
        per_group: 2,
        command,
        reason: Some(&reason),
        requester: &requester,
        blocked: false,
    };
    let mut story = plan.submitted();
    for (number, group) in groups.iter().enumerate() {
        for place in 0..2 {
            // The last place stays open, so that there is something to decide.
            if (number, place) != (24, 1) {
                let email = format!("{}{number}-{place}@example.com", "v".repeat(200));
                story = story.votes(100 + 2 * number as u128 + place, &email, group, None);
            }
        }
    }
    story
}

#[test]
fn twenty_five_groups_and_fifty_approvals_fit_into_a_message_and_a_card() {
    for (command, approved_here) in
        [("SELECT 1".to_owned(), true), ("\"".repeat(3000), true), ("x\u{7}".repeat(50_000), false)]
    {
        let notice = crowd(&command).notice();
        let told = message(&notice, Reader::Reviewer);
        check_message(&body(&told)).unwrap();
        assert_eq!(buttons(&told).contains(&"approve".to_owned()), approved_here);
        let text = body(&told).to_string();
        assert!((0..25).all(|number| text.contains(&format!("{number:02}ggg"))), "every group is named");
        check_message(&body(&reminder(&notice))).unwrap();
        let posted = card(&notice);
        check(posted.to_string().as_bytes()).unwrap();
        assert!((0..25).all(|number| posted.to_string().contains(&format!("{number:02}ggg"))));
    }
}

#[test]
fn the_check_refuses_what_slack_refuses() {
    let text = |length: usize| json!({ "type": "plain_text", "text": "x".repeat(length) });
    let run = |length: usize| json!({ "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": [{ "type": "text", "text": "x".repeat(length) }] }] });
    let button = |more: serde_json::Value| {
        let mut button = json!({ "type": "button", "action_id": "a", "text": text(3), "value": "v" });
        button.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "type": "actions", "elements": [button] })
    };
    let divider = json!({ "type": "divider" });
    let bad = [
        json!({ "blocks": vec![divider.clone(); BLOCKS + 1] }),
        json!({ "blocks": [] }),
        json!({ "text": "" }),
        json!({ "text": "x".repeat(4001) }),
        json!({ "blocks": [{ "type": "header", "text": text(151) }] }),
        json!({ "blocks": [{ "type": "header", "text": { "type": "mrkdwn", "text": "x" } }] }),
        json!({ "blocks": [{ "type": "section", "text": text(3001) }] }),
        json!({ "blocks": [{ "type": "section", "text": text(0) }] }),
        json!({ "blocks": [button(json!({ "text": text(76) }))] }),
        json!({ "blocks": [button(json!({ "value": "v".repeat(2001) }))] }),
        json!({ "blocks": [button(json!({ "action_id": "a".repeat(256) }))] }),
        json!({ "blocks": [button(json!({ "style": "green" }))] }),
        json!({ "blocks": [button(json!({ "url": "javascript:alert(1)" }))] }),
        json!({ "blocks": [button(json!({ "colour": "green" }))] }),
        json!({ "blocks": [run(0)] }),
        json!({ "blocks": [run(5000), run(5000), run(5000)] }),
        json!({ "blocks": [{ "type": "carousel" }] }),
        json!({ "blocks": [{ "type": "input", "label": text(3) }] }),
        json!({ "blocks": [{ "type": "divider", "block_id": "a" }, { "type": "divider", "block_id": "a" }] }),
    ];
    for body in bad {
        assert!(check_message(&body).is_err(), "{body}");
    }
    check_message(&json!({ "blocks": [divider, button(json!({})), run(5000), run(5000)] })).unwrap();
    let subject = Story::new();
    let subject = countersign_notify::slack::button::Subject {
        request: subject.request.id,
        digest: subject.request.digest,
    };
    let view = countersign_notify::slack::modal::reject(&subject);
    for (pointer, value) in [
        ("/title/text", json!("x".repeat(25))),
        ("/private_metadata", json!("x".repeat(3001))),
        ("/type", json!("home")),
        ("/blocks/1/element/max_length", json!(3001)),
        ("/blocks/1/element/placeholder/text", json!("x".repeat(151))),
    ] {
        let mut bad = view.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(check_modal(&bad).is_err(), "{pointer}");
    }
}

#[test]
fn the_weight_is_that_of_the_json() {
    let told: Message = message(&Story::new().notice(), Reader::Reviewer);
    let json = serde_json::to_string(&told.blocks).unwrap();
    assert_eq!(weight(&told.blocks) + 1, json.chars().count());
}
