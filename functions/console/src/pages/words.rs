//! Times, statuses and other small things as pages say them.

use countersign_rules::risk::RiskLevel;
use countersign_rules::{Status, Timestamp, Via};
pub(crate) use countersign_web::layout::ticked;
use maud::{Markup, html};

/// `2026-11-25 19:20 UTC`; where scripts run, a browser's own time stands in its tooltip.
pub(crate) fn at(at: Timestamp) -> Markup {
    let text = at.rfc3339();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    let minutes: String = time.chars().take(5).collect();
    html! { time datetime=(text) { (day) " " (minutes) " UTC" } }
}

/// `19:20:07` in UTC; where scripts run, in the browser's own time.
pub(crate) fn clock(at: Timestamp) -> Markup {
    let text = at.rfc3339();
    let time: String =
        text.split_once('T').map(|(_, time)| time.chars().take(5).collect()).unwrap_or_default();
    html! { time datetime=(text) data-short { (time) } }
}

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

/// `1 person`, `7 people`.
pub(crate) fn people(count: usize) -> String {
    if count == 1 { "1 person".to_owned() } else { format!("{count} people") }
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
    fn spans_are_said_in_the_units_that_people_think_in() {
        let said = [(-5, "0 s"), (89, "89 s"), (600, "10 min"), (7260, "2 h 1 min"), (260_000, "3 days")];
        for (seconds, text) in said {
            assert_eq!(span(seconds * 1000), text);
        }
    }
}
