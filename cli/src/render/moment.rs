//! Instants and durations, as people read them. Always UTC.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::safe;

/// `2026-11-23 04:15:09` out of RFC 3339; what is no instant stays as it is.
pub(crate) fn stamp(rfc3339: &str) -> String {
    let shape = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    OffsetDateTime::parse(rfc3339, &Rfc3339)
        .ok()
        .and_then(|at| at.to_offset(time::UtcOffset::UTC).format(&shape).ok())
        .unwrap_or_else(|| safe::line(rfc3339))
}

/// `04:15:09 UTC` if it is that day's, else with the date.
pub(crate) fn clock(rfc3339: &str, today: Option<OffsetDateTime>) -> String {
    let Ok(at) = OffsetDateTime::parse(rfc3339, &Rfc3339) else { return safe::line(rfc3339) };
    let at = at.to_offset(time::UtcOffset::UTC);
    let same_day = today.is_some_and(|today| today.to_offset(time::UtcOffset::UTC).date() == at.date());
    let text = if same_day {
        at.format(&format_description!("[hour]:[minute]:[second] UTC"))
    } else {
        at.format(&format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC"))
    };
    text.unwrap_or_else(|_| safe::line(rfc3339))
}

/// Time that is left, to the second: `29:41`, `1:02:03`, `2 d 03:04:05`.
pub(crate) fn countdown(left: Duration) -> String {
    let seconds = left.as_secs();
    let (days, hours, minutes, seconds) =
        (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if days > 0 {
        format!("{days} d {hours:02}:{minutes:02}:{seconds:02}")
    } else if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A duration in words, rounded: `340 ms`, `12 s`, `30 min`, `2 h`, `3 d`.
pub(crate) fn rough(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..=9 => format!("{:.1} s", duration.as_secs_f64()),
        10..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// From one RFC 3339 instant to the other, if both are and they are in order.
pub(crate) fn between(from: Option<&str>, to: Option<&str>) -> Option<Duration> {
    let parse = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    (parse(to?)? - parse(from?)?).try_into().ok()
}

/// How long ago, seen from `now`.
pub(crate) fn ago(rfc3339: &str, now: OffsetDateTime) -> String {
    let Ok(at) = OffsetDateTime::parse(rfc3339, &Rfc3339) else { return safe::line(rfc3339) };
    match Duration::try_from(now - at) {
        Ok(elapsed) if elapsed.as_secs() < 1 => "now".to_owned(),
        Ok(elapsed) if elapsed.as_secs() < 10 => format!("{} s ago", elapsed.as_secs()),
        Ok(elapsed) => format!("{} ago", rough(elapsed)),
        Err(_) => stamp(rfc3339),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let text: Vec<String> = [0, 9, 61, 3_723, 183_845].map(|s| countdown(Duration::from_secs(s))).into();
        assert_eq!(text, ["0:00", "0:09", "1:01", "1:02:03", "2 d 03:04:05"]);
        let text: Vec<String> = [12, 1_500, 45_000, 600_000, 9_000_000, 400_000_000]
            .map(|ms| rough(Duration::from_millis(ms)))
            .into();
        assert_eq!(text, ["12 ms", "1.5 s", "45 s", "10 min", "2 h", "4 d"]);
    }

    #[test]
    fn instants_are_utc_whatever_their_offset() {
        assert_eq!(stamp("2026-11-23T05:15:09.5+01:00"), "2026-11-23 04:15:09");
        assert_eq!(stamp("later\u{1b}"), "later<U+001B>");
    }
}
