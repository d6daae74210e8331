//! JSON as people read it: what fits into a line stands in one. Indented throughout, a small change of a
//! connection would have more lines than a chat shows whole, and could not be approved there.

use serde_json::Value;

/// What is not wider than that stands in one line.
const WIDTH: usize = 88;

/// An object with its members in this order.
pub(super) fn object(members: &[(&str, Value)]) -> String {
    let mut text = "{".to_owned();
    for (number, (name, value)) in members.iter().enumerate() {
        text.push_str(if number > 0 { ",\n  " } else { "\n  " });
        member(&mut text, name, value, 2);
    }
    text.push_str("\n}");
    text
}

fn member(text: &mut String, name: &str, value: &Value, indent: usize) {
    let name = format!("{}: ", Value::from(name));
    text.push_str(&name);
    write(text, value, indent, name.chars().count());
}

/// `before` is how much stands in the line already, behind the indentation.
fn write(text: &mut String, value: &Value, indent: usize, before: usize) {
    let short = in_a_line(value);
    if indent + before + short.chars().count() <= WIDTH || !is_long(value) {
        text.push_str(&short);
        return;
    }
    let inner = indent + 2;
    let line = |text: &mut String, indent: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent));
    };
    match value {
        Value::Array(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                text.push_str(if number > 0 { "," } else { "" });
                line(text, inner);
                write(text, item, inner, 0);
            }
            line(text, indent);
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (number, (name, value)) in members.iter().enumerate() {
                text.push_str(if number > 0 { "," } else { "" });
                line(text, inner);
                member(text, name, value, inner);
            }
            line(text, indent);
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&short),
    }
}

/// Whether it has parts that can stand in lines of their own.
fn is_long(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn in_a_line(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(in_a_line).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), in_a_line(value))
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_it_is_it_is_read_back() {
        let deep = json!({
            "short": ["a", 1, null, true, {}], "empty": [], "quoted \"name\"": "line\nfeed \u{202e}",
            "long": ["x".repeat(60), { "in": ["y".repeat(60), ["z".repeat(90)]], "number": 1.5e300 }],
        });
        let text = object(&[("b", deep.clone()), ("a", json!("x".repeat(200)))]);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), json!({ "a": "x".repeat(200), "b": deep }));
    }

    #[test]
    fn what_fits_stands_in_a_line_and_the_order_is_ours() {
        let text = object(&[("b", json!({ "from": ["dba"], "to": [] })), ("a", json!(["x".repeat(90)]))]);
        let expected = format!(
            "{{\n  \"b\": {{\"from\": [\"dba\"], \"to\": []}},\n  \"a\": [\n    \"{}\"\n  ]\n}}",
            "x".repeat(90)
        );
        assert_eq!(text, expected);
    }
}
