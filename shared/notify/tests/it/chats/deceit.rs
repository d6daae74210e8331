//! P8: whatever stands in a command, nobody is offered an Approve button unless every byte of it is
//! visible to them, and nothing of it is read as mark-up.

use countersign_notify::legible::legible;
use countersign_notify::slack::limits::check_message;
use countersign_notify::slack::message::{Reader, message};
use countersign_notify::teams::card::card;
use countersign_rules::display::{display, parse};
use proptest::prelude::*;
use serde_json::Value;

use crate::chats::slack::{body, buttons};
use crate::chats::story::{Plan, Story};
use crate::chats::teams::valid;

/// Commands with everything in them that has ever deceived somebody.
fn commands() -> impl Strategy<Value = String> {
    let spice = prop_oneof![
        Just("\u{202E}".to_owned()),
        Just("\u{2066}\u{2069}".to_owned()),
        Just("\u{200B}".to_owned()),
        Just("\u{FEFF}".to_owned()),
        Just("\u{E0041}".to_owned()),
        Just("\u{2800}".to_owned()),
        Just("\u{338}".to_owned()),
        Just("\u{0}\u{1b}[2J\r".to_owned()),
        Just("\u{430}dmin".to_owned()),
        Just("\u{5D0}\u{5D1}".to_owned()),
        Just("<U+202E>".to_owned()),
        Just("<!channel> <!here> <@U0123> <#C0123>".to_owned()),
        Just("<https://evil.example|Approve> [x](https://evil.example)".to_owned()),
        Just("```\n*bold* _it_ ~no~ `code` > quote".to_owned()),
        Just("{{DATE(2017-02-14T06:00Z,SHORT)}} <at>Everybody</at> :skull:".to_owned()),
        Just("&lt;&amp;".to_owned()),
        Just(" ".repeat(120)),
        Just("\n".repeat(30)),
        Just("\t".to_owned()),
        Just("x".repeat(4000)),
        "[ -~]{1,40}",
        any::<String>(),
    ];
    proptest::collection::vec(spice, 1..6)
        .prop_map(|parts| parts.concat())
        .prop_filter("not empty", |c| !c.is_empty())
}

fn story(command: &str) -> Story {
    Plan { command, ..Plan::default() }.submitted()
}

/// Every place where Slack or Teams reads mark-up.
fn marked_up(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| marked_up(value, found)),
        Value::Object(members) => {
            if matches!(value["type"].as_str(), Some("mrkdwn" | "TextBlock")) {
                found.push(value["text"].as_str().unwrap_or_default().to_owned());
            }
            members.values().for_each(|value| marked_up(value, found));
        }
        _ => {}
    }
}

fn preformatted(blocks: &[Value]) -> String {
    let elements = blocks.iter().flat_map(|block| block["elements"].as_array().into_iter().flatten());
    let fixed = elements.filter(|element| element["type"] == "rich_text_preformatted");
    fixed.map(|element| element["elements"][0]["text"].as_str().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn approve_is_offered_only_where_the_whole_command_stands(command in commands()) {
        let story = story(&command);
        let told = message(&story.notice(), Reader::Reviewer);
        check_message(&body(&told)).unwrap();
        let shown = preformatted(&told.blocks);
        if buttons(&told).contains(&"approve".to_owned()) {
            prop_assert_eq!(legible(&command), Ok(()));
            prop_assert_eq!(parse(&shown), command.clone());
            prop_assert_eq!(&shown, &command, "a legible command is shown as it is");
        } else {
            prop_assert!(buttons(&told).contains(&"open".to_owned()));
        }
        // Nothing of what hides or turns text around is ever sent.
        let tricky = |c: &char| !matches!(c, '\n' | '\t') && display(&c.to_string()).starts_with("<U+") && !marks(*c);
        prop_assert_eq!(shown.chars().find(tricky), None);
    }

    #[test]
    fn no_word_of_a_command_reaches_a_place_where_markup_is_read(command in commands(), reason in any::<String>(), email in "[ -~]{1,60}") {
        let plan = Plan { command: &command, reason: Some(&reason), requester: &email, ..Plan::default() };
        let notice = plan.submitted().notice();
        let told = message(&notice, Reader::Reviewer);
        let mut found = Vec::new();
        marked_up(&body(&told), &mut found);
        prop_assert_eq!(found, Vec::<String>::new(), "Slack reads mark-up in none of our blocks");
        prop_assert!(!told.text.contains(['<', '>']), "{}", told.text);
        let posted = card(&notice);
        let mut found = Vec::new();
        marked_up(&posted, &mut found);
        prop_assert_eq!(found, vec![format!("{} · prod-db · {}", notice.title(), notice.code())]);
        valid(&posted);
    }
}

fn marks(c: char) -> bool {
    // A mark is written out only where it has nothing to stand on.
    !display(&format!("a{c}")).contains("<U+")
}

#[test]
fn very_long_lines_and_very_many_lines_are_never_cut_beside_an_approve_button() {
    for command in [
        "x".repeat(100_000),
        "SELECT 1;\n".repeat(10_000),
        format!("SELECT 1;{}DROP TABLE t", " ".repeat(2900)),
    ] {
        let told = message(&story(&command).notice(), Reader::Reviewer);
        assert!(!buttons(&told).contains(&"approve".to_owned()));
        check_message(&body(&told)).unwrap();
        valid(&card(&story(&command).notice()));
    }
}
