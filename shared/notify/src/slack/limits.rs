//! What Slack takes. The tests and the stand-in check every message and dialog by this.

use serde_json::{Map, Value};

/// Blocks of a message.
pub const BLOCKS: usize = 50;
/// Blocks of a dialog.
pub const MODAL_BLOCKS: usize = 100;
/// Characters of all blocks together, as JSON; not documented.
pub const WEIGHT: usize = 13_000;
/// Characters of a section's text.
pub const SECTION: usize = 3000;
/// Characters of a header.
pub const HEADER: usize = 150;
/// Characters of a button's text.
pub const BUTTON: usize = 75;
/// Characters of a button's value.
pub const VALUE: usize = 2000;
/// Characters of a URL.
pub const URL: usize = 3000;
/// Characters of any id.
pub const ID: usize = 255;
/// Elements of a row of buttons.
pub const ACTIONS: usize = 25;
/// Elements of a context.
pub const CONTEXT: usize = 10;
/// Characters of the text beside the blocks.
pub const TEXT: usize = 4000;
/// Characters of a dialog's private metadata.
pub const PRIVATE_METADATA: usize = 3000;
/// Characters of a dialog's title and of its two buttons.
pub const TITLE: usize = 24;

/// What Slack would not take, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct Violation {
    /// A JSON pointer.
    pub at: String,
    /// What is wrong.
    pub problem: String,
}

type Check = Result<(), Violation>;

/// What blocks weigh: the characters of their JSON.
#[must_use]
pub fn weight(blocks: &[Value]) -> usize {
    blocks.iter().map(|block| block.to_string().chars().count() + 1).sum()
}

/// Checks the body of `chat.postMessage`, `chat.update` or of an answer to a `response_url`.
///
/// # Errors
/// The first thing that Slack would not take.
pub fn check_message(body: &Value) -> Check {
    let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
    if text.chars().count() > TEXT {
        return wrong("/text", format!("more than {TEXT} characters"));
    }
    match body.get("blocks") {
        None if text.is_empty() => wrong("/text", "no text and no blocks"),
        None => Ok(()),
        Some(blocks) => check_blocks(blocks, BLOCKS, false),
    }
}

/// Checks a dialog as `views.open` takes it.
///
/// # Errors
/// The first thing that Slack would not take.
pub fn check_modal(view: &Value) -> Check {
    let view_of = object(view, "")?;
    if view.get("type").and_then(Value::as_str) != Some("modal") {
        return wrong("/type", "not `modal`");
    }
    for name in ["title", "submit", "close"] {
        if let Some(value) = view.get(name) {
            plain_text(value, TITLE, &format!("/{name}"))?;
        } else if name != "close" {
            return wrong(&format!("/{name}"), "missing");
        }
    }
    optional_text(view_of, "callback_id", ID, "")?;
    optional_text(view_of, "private_metadata", PRIVATE_METADATA, "")?;
    check_blocks(view.get("blocks").unwrap_or(&Value::Null), MODAL_BLOCKS, true)
}

fn check_blocks(blocks: &Value, most: usize, modal: bool) -> Check {
    let Some(blocks) = blocks.as_array() else {
        return wrong("/blocks", "not an array");
    };
    if blocks.is_empty() || blocks.len() > most {
        return wrong("/blocks", format!("{} blocks, 1 to {most} are possible", blocks.len()));
    }
    if weight(blocks) > WEIGHT {
        return wrong("/blocks", format!("{} characters, the most is {WEIGHT}", weight(blocks)));
    }
    let mut ids: Vec<&str> = blocks.iter().filter_map(|block| block.get("block_id")?.as_str()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != all {
        return wrong("/blocks", "a block_id is there twice");
    }
    for (position, block) in blocks.iter().enumerate() {
        check_block(block, &format!("/blocks/{position}"), modal)?;
    }
    Ok(())
}

fn check_block(block: &Value, at: &str, modal: bool) -> Check {
    let members = object(block, at)?;
    optional_text(members, "block_id", ID, at)?;
    match kind(block) {
        "header" => only(members, &["type", "block_id", "text"], at)
            .and_then(|()| plain_text(member(block, "text"), HEADER, &format!("{at}/text"))),
        "divider" => only(members, &["type", "block_id"], at),
        "section" => {
            only(members, &["type", "block_id", "text", "fields", "accessory", "expand"], at)?;
            any_text(member(block, "text"), SECTION, &format!("{at}/text"))
        }
        "context" => {
            only(members, &["type", "block_id", "elements"], at)?;
            each(block, "elements", CONTEXT, at, |element, at| any_text(element, SECTION, at))
        }
        "actions" => {
            only(members, &["type", "block_id", "elements"], at)?;
            each(block, "elements", ACTIONS, at, check_button)?;
            let ids = block.get("elements").and_then(Value::as_array).into_iter().flatten();
            let mut ids: Vec<&str> = ids.filter_map(|element| element.get("action_id")?.as_str()).collect();
            let all = ids.len();
            ids.sort_unstable();
            ids.dedup();
            if ids.len() == all { Ok(()) } else { wrong(at, "an action_id is there twice") }
        }
        "rich_text" => {
            only(members, &["type", "block_id", "elements"], at)?;
            each(block, "elements", usize::MAX, at, check_rich)
        }
        "input" if modal => {
            only(
                members,
                &["type", "block_id", "label", "element", "hint", "optional", "dispatch_action"],
                at,
            )?;
            plain_text(member(block, "label"), 2000, &format!("{at}/label"))?;
            check_input(member(block, "element"), &format!("{at}/element"))
        }
        other => wrong(&format!("{at}/type"), format!("`{other}` is no block that is possible here")),
    }
}

fn check_button(button: &Value, at: &str) -> Check {
    let members = object(button, at)?;
    if kind(button) != "button" {
        return wrong(&format!("{at}/type"), "not `button`");
    }
    only(
        members,
        &["type", "action_id", "text", "value", "url", "style", "confirm", "accessibility_label"],
        at,
    )?;
    plain_text(member(button, "text"), BUTTON, &format!("{at}/text"))?;
    optional_text(members, "action_id", ID, at)?;
    optional_text(members, "value", VALUE, at)?;
    optional_text(members, "url", URL, at)?;
    match button.get("url").and_then(Value::as_str) {
        Some(url) if !url.starts_with("https://") && !url.starts_with("http://") => {
            return wrong(&format!("{at}/url"), "no URL");
        }
        _ => {}
    }
    match button.get("style").map(|style| style.as_str().unwrap_or_default()) {
        None | Some("primary" | "danger") => Ok(()),
        Some(_) => wrong(&format!("{at}/style"), "neither `primary` nor `danger`"),
    }
}

fn check_rich(element: &Value, at: &str) -> Check {
    let members = object(element, at)?;
    match kind(element) {
        "rich_text_section" => only(members, &["type", "elements"], at)?,
        "rich_text_preformatted" | "rich_text_quote" => only(members, &["type", "elements", "border"], at)?,
        "rich_text_list" => {
            only(members, &["type", "elements", "style", "indent", "offset", "border"], at)?;
            return each(element, "elements", usize::MAX, at, check_rich);
        }
        other => return wrong(&format!("{at}/type"), format!("`{other}` is no piece of rich text")),
    }
    let fixed = kind(element) == "rich_text_preformatted";
    each(element, "elements", usize::MAX, at, |run, at| check_run(run, at, fixed))
}

fn check_run(run: &Value, at: &str, fixed: bool) -> Check {
    let members = object(run, at)?;
    match kind(run) {
        "text" => {
            only(members, &["type", "text", "style"], at)?;
            required_text(run, "text", usize::MAX, at)
        }
        "link" => {
            only(members, &["type", "url", "text", "unsafe", "style"], at)?;
            required_text(run, "url", URL, at)
        }
        "date" if !fixed => {
            only(members, &["type", "timestamp", "format", "url", "fallback", "style"], at)?;
            if run.get("timestamp").and_then(Value::as_i64).is_none() {
                return wrong(&format!("{at}/timestamp"), "not a whole number");
            }
            required_text(run, "format", 255, at)?;
            required_text(run, "fallback", 255, at)
        }
        other => wrong(&format!("{at}/type"), format!("`{other}` is no run that is possible here")),
    }
}

fn check_input(element: &Value, at: &str) -> Check {
    let members = object(element, at)?;
    if kind(element) != "plain_text_input" {
        return wrong(&format!("{at}/type"), "not `plain_text_input`");
    }
    let known = [
        "type",
        "action_id",
        "initial_value",
        "multiline",
        "min_length",
        "max_length",
        "placeholder",
        "focus_on_load",
    ];
    only(members, &known, at)?;
    optional_text(members, "action_id", ID, at)?;
    for (name, range) in [("min_length", 0..=3000), ("max_length", 1..=3000)] {
        if let Some(length) = element.get(name)
            && !length.as_u64().is_some_and(|length| range.contains(&length))
        {
            return wrong(&format!("{at}/{name}"), "out of range");
        }
    }
    match element.get("placeholder") {
        None => Ok(()),
        Some(text) => plain_text(text, 150, &format!("{at}/placeholder")),
    }
}

fn any_text(text: &Value, most: usize, at: &str) -> Check {
    match kind(text) {
        "mrkdwn" => {
            only(object(text, at)?, &["type", "text", "verbatim"], at)?;
            required_text(text, "text", most, at)
        }
        _ => plain_text(text, most, at),
    }
}

fn plain_text(text: &Value, most: usize, at: &str) -> Check {
    if kind(text) != "plain_text" {
        return wrong(at, "not `plain_text`");
    }
    only(object(text, at)?, &["type", "text", "emoji"], at)?;
    required_text(text, "text", most, at)
}

fn each(block: &Value, name: &str, most: usize, at: &str, check: impl Fn(&Value, &str) -> Check) -> Check {
    let at = format!("{at}/{name}");
    match block.get(name).and_then(Value::as_array) {
        Some(elements) if (1..=most).contains(&elements.len()) => elements
            .iter()
            .enumerate()
            .try_for_each(|(position, element)| check(element, &format!("{at}/{position}"))),
        Some(elements) => wrong(&at, format!("{} elements", elements.len())),
        None => wrong(&at, "not an array"),
    }
}

fn required_text(value: &Value, name: &str, most: usize, at: &str) -> Check {
    let length = value.get(name).and_then(Value::as_str).map(|text| text.encode_utf16().count());
    match length {
        Some(length) if (1..=most).contains(&length) => Ok(()),
        Some(length) => {
            wrong(&format!("{at}/{name}"), format!("{length} characters, 1 to {most} are possible"))
        }
        None => wrong(&format!("{at}/{name}"), "no text"),
    }
}

fn optional_text(members: &Map<String, Value>, name: &str, most: usize, at: &str) -> Check {
    match members.get(name) {
        None => Ok(()),
        Some(Value::String(text)) if text.encode_utf16().count() <= most => Ok(()),
        Some(_) => wrong(&format!("{at}/{name}"), format!("no text of at most {most} characters")),
    }
}

fn only(members: &Map<String, Value>, known: &[&str], at: &str) -> Check {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => wrong(&format!("{at}/{name}"), "Slack knows no such member"),
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, Violation> {
    value.as_object().ok_or_else(|| Violation { at: at.to_owned(), problem: "not an object".to_owned() })
}

fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn wrong(at: &str, problem: impl Into<String>) -> Check {
    Err(Violation { at: at.to_owned(), problem: problem.into() })
}
