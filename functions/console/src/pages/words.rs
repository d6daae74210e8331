//! Times, statuses and other small things as pages say them.

use countersign_rules::risk::RiskLevel;
use countersign_rules::{Status, Timestamp, Via};
pub(crate) use countersign_web::layout::ticked;
use maud::{Markup, html};
use serde_json::Value;

/// `2026-11-25 19:20:07 UTC`; where scripts run, a browser's own time stands in its tooltip.
pub(crate) fn at(at: Timestamp) -> Markup {
    html! { time datetime=(at.rfc3339()) { (day(at)) " " (second(at)) } }
}

/// `19:20:07 UTC`, where the day stands above it.
pub(crate) fn clock(at: Timestamp) -> Markup {
    html! { time datetime=(at.rfc3339()) { (second(at)) } }
}

/// `2026-11-25`, in UTC.
pub(crate) fn day(at: Timestamp) -> String {
    at.rfc3339().chars().take_while(|character| *character != 'T').collect()
}

fn second(at: Timestamp) -> String {
    let text = at.rfc3339();
    let time: String =
        text.split_once('T').map(|(_, time)| time.chars().take(8).collect()).unwrap_or_default();
    format!("{time} UTC")
}

/// A text of ours in which `…` marks code, and in which an instant is said as everywhere: whoever made it had
/// no page before them.
pub(crate) fn dated(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else {
                @for (number, word) in part.split(' ').enumerate() {
                    @if number > 0 { " " }
                    @let plain = word.trim_end_matches([',', ';', ':', '.']);
                    @match Timestamp::parse_rfc3339(plain) {
                        Some(instant) => { (at(instant)) (word.strip_prefix(plain).unwrap_or_default()) },
                        None => (word),
                    }
                }
            }
        }
    }
}

/// A sentence out of what a problem or a finding says: it begins large and ends.
pub(crate) use countersign_web::layout::sentence;

/// How much time is left until `until`, and the instant itself.
pub(crate) fn left(until: Timestamp, now: Timestamp) -> Markup {
    html! { time.left datetime=(until.rfc3339()) data-left { (span(until.millis_since(now)) ) " left" } }
}

/// How long ago.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(then.rfc3339()) { (span(now.millis_since(then))) " ago" } }
}

/// A span of time in one or two units.
pub(crate) fn span(millis: i64) -> String {
    let seconds = millis.max(0).div_euclid(1000);
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", seconds / 60),
        5400..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A value as people read it: no quotes around a text, no brackets around a list of texts.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) if list.iter().all(Value::is_string) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

pub(crate) use countersign_app::directory::people;

/// A browser by what it says of itself, in short; all of it where nothing of it is known.
pub(crate) fn browser(agent: &str) -> String {
    let named = |known: &[(&str, &'static str)]| {
        known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser =
        named(&[("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]);
    let system = named(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ => agent.to_owned(),
    }
}

/// A status.
pub(crate) fn status(status: Status) -> Markup {
    let class = status.as_str().to_lowercase();
    html! { span.badge.(class) { (status.as_str()) } }
}

/// How much can go wrong.
pub(crate) fn risk(level: RiskLevel) -> Markup {
    let word = match level {
        RiskLevel::Low => "low",
        RiskLevel::Medium => "medium",
        RiskLevel::High => "high",
    };
    html! { span.badge.(word) { (word) " risk" } }
}

/// A bound on changed rows.
pub(crate) fn row_limit(rows: u64) -> String {
    match rows {
        1 => "at most 1 row changed by a request; more are rolled back".to_owned(),
        rows => format!("at most {rows} rows changed by a request; more are rolled back"),
    }
}

/// Through what somebody acted.
pub(crate) fn via(via: Via) -> &'static str {
    match via {
        Via::Api => "the API",
        Via::Cli => "the command line",
        Via::Console => "this console",
        Via::Slack => "Slack",
        Via::Teams => "Teams",
        Via::System => "the service",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Version/18.5 Mobile Safari/604.1";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(browser(phone), "Safari on iPhone");
        assert_eq!(browser("countersign login"), "countersign login");
    }

    #[test]
    fn an_instant_is_said_to_the_second_in_utc_wherever_it_stands() {
        let instant = Timestamp::parse_rfc3339("2026-11-26T03:19:06.910Z").unwrap();
        let whole = r#"<time datetime="2026-11-26T03:19:06.910Z">2026-11-26 03:19:06 UTC</time>"#;
        assert_eq!(at(instant).into_string(), whole);
        assert!(clock(instant).into_string().ends_with(">03:19:06 UTC</time>"));
        let said = dated("the next comes at 2026-11-26T03:19:06.910Z, <b> `c d`").into_string();
        assert_eq!(said, format!("the next comes at {whole}, &lt;b&gt; <code>c d</code>"));
    }

    #[test]
    fn spans_are_said_in_the_units_that_people_think_in() {
        let said = [(-5, "0 s"), (89, "89 s"), (600, "10 min"), (7260, "2 h 1 min"), (260_000, "3 days")];
        for (seconds, text) in said {
            assert_eq!(span(seconds * 1000), text);
        }
    }
}
