//! Slack's messages, as people read them.

use countersign_notify::slack::button::Subject;
use countersign_notify::slack::limits::{check_message, check_modal};
use countersign_notify::slack::message::{Message, Reader, ephemeral, message, reminder};
use countersign_notify::slack::modal;
use countersign_rules::Status;
use serde_json::{Value, json};

use crate::chats::story::{Plan, Story, every_state};

pub(crate) fn body(message: &Message) -> Value {
    json!({ "channel": "C1", "text": message.text, "blocks": message.blocks })
}

/// Every text of a message, and its buttons in brackets: what somebody sees.
fn seen(message: &Message) -> String {
    fn walk(value: &Value, out: &mut String) {
        match value["type"].as_str() {
            Some("button") => {
                *out += &format!("[{}] ", value["text"]["text"].as_str().unwrap());
                return;
            }
            Some("header") => *out += &format!("# {}\n", value["text"]["text"].as_str().unwrap()),
            Some("text") => *out += value["text"].as_str().unwrap(),
            Some("date") => *out += value["fallback"].as_str().unwrap(),
            Some("rich_text_preformatted") => *out += "```\n",
            _ => {}
        }
        for element in value["elements"].as_array().into_iter().flatten() {
            walk(element, out);
        }
        match value["type"].as_str() {
            Some("rich_text_preformatted") => *out += "\n```\n",
            Some("rich_text" | "actions") => *out += "\n",
            _ => {}
        }
    }
    let mut out = format!("({})\n", message.text);
    message.blocks.iter().for_each(|block| walk(block, &mut out));
    out
}

pub(crate) fn buttons(message: &Message) -> Vec<String> {
    let blocks = message.blocks.iter().filter(|block| block["type"] == "actions");
    let elements = blocks.flat_map(|block| block["elements"].as_array().unwrap());
    elements.map(|button| button["action_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_state_is_told_in_its_own_words() {
    for (name, story) in every_state() {
        let told = message(&story.notice(), Reader::Reviewer);
        check_message(&body(&told)).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        insta::assert_snapshot!(format!("slack-{name}"), seen(&told));
        let decides = story.request.status_at(story.now) == Status::Pending;
        let expected: &[&str] = if decides { &["approve", "reject", "open"] } else { &["open"] };
        assert_eq!(buttons(&told), expected, "{name}");
        let own = message(&story.notice(), Reader::Requester);
        assert_eq!(buttons(&own), ["open"], "nobody decides their own request: {name}");
    }
}

#[test]
fn a_message_is_exactly_what_slack_takes() {
    insta::assert_json_snapshot!(
        "slack-message-json",
        body(&message(&Story::new().notice(), Reader::Reviewer))
    );
}

#[test]
fn a_button_carries_the_request_and_its_digest_and_nothing_else() {
    let story = Story::new();
    let told = message(&story.notice(), Reader::Reviewer);
    let row = told.blocks.last().unwrap();
    for position in [0, 1] {
        let value = row["elements"][position]["value"].as_str().unwrap();
        let subject = Subject { request: story.request.id, digest: story.request.digest };
        assert_eq!(value.parse(), Ok(subject));
    }
    assert!(row["elements"][2].get("value").is_none());
}

#[test]
fn what_a_chat_cannot_show_is_approved_on_the_page() {
    for command in [
        "x".repeat(3001),
        "y\n".repeat(100),
        "SELECT '\u{202E}'".to_owned(),
        "DELETE FROM u\u{455}ers".to_owned(),
    ] {
        let story = Plan { command: &command, ..Plan::default() }.submitted();
        let told = message(&story.notice(), Reader::Reviewer);
        check_message(&body(&told)).unwrap();
        assert_eq!(buttons(&told), ["reject", "open"]);
        assert!(seen(&told).contains("Its page shows every byte of it."), "{}", seen(&told));
    }
    let long = Plan { command: &"SELECT 1;\n".repeat(2000), ..Plan::default() }.submitted();
    insta::assert_snapshot!("slack-too-long", seen(&message(&long.notice(), Reader::Reviewer)));
}

#[test]
fn the_longest_command_that_may_be_approved_is_there_whole() {
    let command = "SELECT \"a\" FROM b; -- 01234567890123456789012345".repeat(80)[..3000].to_owned();
    let story = Plan { command: command.trim_end(), ..Plan::default() }.submitted();
    let told = message(&story.notice(), Reader::Reviewer);
    check_message(&body(&told)).unwrap();
    assert_eq!(buttons(&told), ["approve", "reject", "open"]);
    assert!(seen(&told).contains(command.trim_end()));
}

#[test]
fn the_dialog_asks_for_a_reason_and_knows_what_for() {
    let story = Story::new();
    let subject = Subject { request: story.request.id, digest: story.request.digest };
    let view = modal::reject(&subject);
    check_modal(&view).unwrap();
    insta::assert_json_snapshot!("slack-modal", view);
    insta::assert_json_snapshot!("slack-modal-refused", modal::refused("the request is EXPIRED"));
}

#[test]
fn a_reminder_says_who_is_awaited_and_an_answer_is_for_one_person() {
    let story = Story::new().votes(2, "dana@example.com", "dba-team", None).later(900);
    let said = reminder(&story.notice());
    check_message(&body(&said)).unwrap();
    insta::assert_snapshot!("slack-reminder", seen(&said));
    let answer = ephemeral("It was <!channel> rejected & done");
    check_message(&answer).unwrap();
    insta::assert_json_snapshot!("slack-ephemeral", answer);
}

/// `tests/slack/sdk.py` reads them with Python's `slack_sdk`.
#[test]
fn every_payload_is_written_down_for_others_to_read() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("slack-payloads");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, payload: &Value| {
        std::fs::write(folder.join(format!("{name}.json")), payload.to_string()).unwrap();
    };
    for (name, story) in every_state() {
        write(&format!("message-{name}"), &body(&message(&story.notice(), Reader::Reviewer)));
    }
    let story = Story::new();
    write("message-reminder", &body(&reminder(&story.notice())));
    write("message-ephemeral", &ephemeral("It was rejected."));
    let long = Plan { command: &"SELECT 1;\n".repeat(2000), ..Plan::default() }.submitted();
    write("message-long", &body(&message(&long.notice(), Reader::Reviewer)));
    write("modal", &modal::reject(&Subject { request: story.request.id, digest: story.request.digest }));
}
