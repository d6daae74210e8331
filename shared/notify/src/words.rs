//! Small pieces of text that every channel uses.

use countersign_rules::Timestamp;
use countersign_rules::display::display;

/// One line of at most `most` characters: nothing in it can hide, turn around or break the line.
#[must_use]
pub fn line(text: &str, most: usize) -> String {
    let shown = display(text).replace('\n', "<U+000A>").replace('\t', "<U+0009>");
    cut(&shown, most)
}

/// Several lines of at most `most` characters in all.
#[must_use]
pub fn lines(text: &str, most: usize) -> String {
    cut(&display(text), most)
}

/// What does not fit is left out behind a mark.
fn cut(shown: &str, most: usize) -> String {
    if shown.chars().count() <= most {
        return shown.to_owned();
    }
    let mut short: String = shown.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// `45 s`, `30 min`, `1 h 30 min`, `2 d 3 h`: the two largest units, rounded down.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let two = |large: i64, large_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        small => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => two(hours, "h", minutes, "min"),
        (days, hours, _) => two(days, "d", hours, "h"),
    }
}

/// Whole seconds from `from` to `until`; negative if it is past.
#[must_use]
pub fn seconds_between(from: Timestamp, until: Timestamp) -> i64 {
    (until.unix_millis() - from.unix_millis()).div_euclid(1000)
}

/// `2026-11-25 19:30 UTC`.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    let text = at.rfc3339();
    let minutes: String = text.chars().take(16).collect();
    format!("{} UTC", minutes.replace('T', " "))
}

/// `a`, `a and b`, `a, b and 3 more`: at most `most` of them by name.
#[must_use]
pub fn some_of(names: &[String], most: usize) -> String {
    let shown = names.get(..most.min(names.len())).unwrap_or_default();
    let left = names.len() - shown.len();
    match (shown, left) {
        ([], 0) => String::new(),
        ([], left) => format!("{left} people"),
        (shown, 0) => match shown.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        },
        (shown, left) => format!("{} and {left} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_the_most() {
        let shown = [-5, 0, 59, 60, 5400, 7200, 90_000, 183_600].map(duration);
        assert_eq!(shown, ["0 s", "0 s", "59 s", "1 min", "1 h 30 min", "2 h", "1 d 1 h", "2 d 3 h"]);
    }

    #[test]
    fn a_line_stays_one_line_and_says_where_it_was_cut() {
        assert_eq!(line("a\nb\u{202E}c\td", 80), "a<U+000A>b<U+202E>c<U+0009>d");
        assert_eq!(line("abcdef", 4), "abc…");
        assert_eq!(lines("a\nb", 80), "a\nb");
    }

    #[test]
    fn long_lists_of_people_are_counted() {
        let names: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
        assert_eq!(some_of(&names, 2), "a, b and 2 more");
        assert_eq!(some_of(&names, 9), "a, b, c and d");
        assert_eq!(some_of(names.get(..1).unwrap(), 2), "a");
        assert_eq!(some_of(&names, 0), "4 people");
    }
}
