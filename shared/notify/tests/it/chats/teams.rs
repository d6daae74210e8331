//! Teams' cards, as people read them, against the official schema.

use std::sync::OnceLock;

use countersign_notify::teams::card::{card, test};
use countersign_notify::teams::limits::{BYTES, check};
use serde_json::{Value, json};

use crate::chats::story::{Plan, Story, URL, every_state};

/// The schema of Adaptive Cards 1.4, as Microsoft publishes it.
fn schema() -> &'static jsonschema::Validator {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let schema: Value =
            serde_json::from_str(include_str!("../../data/adaptive-card-1.4.0.json")).unwrap();
        jsonschema::draft6::new(&schema).unwrap()
    })
}

pub(crate) fn valid(posted: &Value) -> Value {
    let card = check(posted.to_string().as_bytes()).unwrap();
    let mut bare = card.clone();
    // Teams' own member, which the general schema does not know.
    bare.as_object_mut().unwrap().remove("msteams");
    let wrong: Vec<String> =
        schema().iter_errors(&bare).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    card
}

fn seen(card: &Value) -> String {
    let mut out = String::new();
    for element in card["body"].as_array().unwrap() {
        match element["inlines"].as_array() {
            None => out += &format!("# {}", element["text"].as_str().unwrap()),
            Some(runs) => runs.iter().for_each(|run| {
                let fixed = run["fontType"] == "Monospace";
                let text = run["text"].as_str().unwrap();
                out += &if fixed { format!("```\n{text}\n```") } else { text.to_owned() };
            }),
        }
        out += "\n";
    }
    let action = &card["actions"][0];
    out + &format!("[{}] {}", action["title"].as_str().unwrap(), action["url"].as_str().unwrap())
}

#[test]
fn each_state_has_a_card_that_the_official_schema_takes() {
    for (name, story) in every_state() {
        let shown = seen(&valid(&card(&story.notice())));
        insta::assert_snapshot!(format!("teams-{name}"), shown);
    }
    valid(&test(URL));
}

#[test]
fn the_schema_really_refuses() {
    let good = valid(&card(&Story::new().notice()));
    for (pointer, value) in [
        ("/body/0/size", json!("Gigantic")),
        ("/body/1/inlines/0/text", json!(1)),
        ("/actions/0/url", json!(7)),
    ] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove("msteams");
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!schema().is_valid(&bad), "{pointer}");
    }
    assert!(check(good.to_string().as_bytes()).is_err(), "a bare card");
}

#[test]
fn a_command_that_does_not_fit_says_where_it_is_shown_whole() {
    let story = Plan { command: &"SELECT 'é' FROM t;\n".repeat(5000), ..Plan::default() }.submitted();
    let posted = card(&story.notice());
    assert!(posted.to_string().len() <= BYTES);
    insta::assert_snapshot!("teams-too-long", seen(&valid(&posted)));
}
