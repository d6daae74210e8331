//! How long after a failure the next attempt comes, and when it is over.

use countersign_rules::Timestamp;

/// The schedule of retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The pauses before the second attempt, the third and so on, in milliseconds. The last one goes on
    /// for as long as there is hope.
    pauses: Vec<u64>,
    /// After how long without success a delivery, and an endpoint, is given up, in seconds.
    give_up_after: u32,
}

/// Jitter of the retries: a pause may be that much of itself shorter or longer, in percent.
const JITTER_PERCENT: i64 = 20;
/// No `Retry-After` holds a delivery up for longer, in seconds.
const LONGEST_RETRY_AFTER: u32 = 24 * 3600;
/// Five days, in seconds.
const FIVE_DAYS: u32 = 5 * 24 * 3600;
const MOST_PAUSES: usize = 50;

/// A text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected pauses such as `5s,5m,30m,2h`, at most {MOST_PAUSES} of them, each with its unit `ms`, `s`, `m` or `h`"
)]
pub struct NoSchedule;

impl Default for Schedule {
    /// After 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, then every 10 h; over after five days.
    fn default() -> Self {
        const SECOND: u64 = 1000;
        const HOUR: u64 = 3600 * SECOND;
        Self {
            pauses: vec![5 * SECOND, 300 * SECOND, 1800 * SECOND, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR],
            give_up_after: FIVE_DAYS,
        }
    }
}

impl Schedule {
    /// Reads pauses such as `5s,5m,30m`.
    ///
    /// # Errors
    /// [`NoSchedule`].
    pub fn parse(text: &str) -> Result<Self, NoSchedule> {
        let pauses: Vec<u64> = text.split(',').map(pause).collect::<Option<_>>().ok_or(NoSchedule)?;
        if pauses.is_empty() || pauses.len() > MOST_PAUSES {
            return Err(NoSchedule);
        }
        Ok(Self { pauses, ..Self::default() })
    }

    /// The same, given up after another time.
    #[must_use]
    pub fn giving_up_after(self, seconds: u32) -> Self {
        Self { give_up_after: seconds, ..self }
    }

    /// The pause after that many attempts, in milliseconds. `jitter` is between -1 and 1.
    #[must_use]
    pub fn pause_millis(&self, attempts: u32, jitter: f64) -> i64 {
        let position = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let pause = self.pauses.get(position).or(self.pauses.last()).copied().unwrap_or(0);
        let pause = i64::try_from(pause).unwrap_or(i64::MAX);
        // In thousandths, so that no floating-point sum decides when something happens.
        #[expect(clippy::cast_possible_truncation, reason = "between -1000 and 1000")]
        let thousandths = (jitter.clamp(-1.0, 1.0) * 1000.0) as i64;
        pause.saturating_add(pause.saturating_mul(JITTER_PERCENT * thousandths) / 100_000)
    }

    /// When the next attempt comes after `attempts` of them, the last at `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp, attempts: u32, jitter: f64, retry_after: Option<u32>) -> Timestamp {
        let due = now.plus_millis(self.pause_millis(attempts, jitter));
        match retry_after {
            Some(seconds) => due.max(now.plus_seconds(seconds.min(LONGEST_RETRY_AFTER))),
            None => due,
        }
    }

    /// Whether there is no hope left at `now` for what has been failing since `since`.
    #[must_use]
    pub fn is_over(&self, since: Timestamp, now: Timestamp) -> bool {
        now >= since.plus_seconds(self.give_up_after)
    }
}

fn pause(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(unit)?;
    // Longer than a month is a mistake.
    (millis <= 31 * 24 * 3_600_000).then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_default_is_that_of_the_contract() {
        let contract = Schedule::parse("5s,5m,30m,2h,5h,10h,10h");
        assert_eq!(contract, Ok(Schedule::default()));
        let pauses: Vec<i64> =
            (1..=9).map(|attempts| Schedule::default().pause_millis(attempts, 0.0) / 1000).collect();
        assert_eq!(pauses, [5, 300, 1800, 7200, 18_000, 36_000, 36_000, 36_000, 36_000]);
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in ["", "5", "5s,", "s", "-5s", "5 s", "5d", "99999999999999999999s", "9999h"] {
            assert_eq!(Schedule::parse(text), Err(NoSchedule), "{text}");
        }
        assert_eq!(Schedule::parse(&vec!["1s"; 51].join(",")), Err(NoSchedule));
    }

    #[test]
    fn a_retry_after_is_honoured_within_reason_and_never_shortens_the_pause() {
        let now = Timestamp::from_unix_millis(0);
        let next = |retry_after| Schedule::default().next(now, 2, 0.0, retry_after).unix_seconds();
        assert_eq!(next(None), 300);
        assert_eq!(next(Some(10)), 300);
        assert_eq!(next(Some(1000)), 1000);
        assert_eq!(next(Some(u32::MAX)), 86_400);
    }

    #[test]
    fn five_days_without_success_are_the_end() {
        let since = Timestamp::from_unix_millis(0);
        let schedule = Schedule::default();
        assert!(!schedule.is_over(since, since.plus_seconds(5 * 86_400 - 1)));
        assert!(schedule.is_over(since, since.plus_seconds(5 * 86_400)));
    }

    proptest! {
        #[test]
        fn jitter_moves_a_pause_by_a_fifth_at_the_most(attempts in 0_u32..20, jitter in -2.0_f64..2.0) {
            let schedule = Schedule::default();
            let plain = schedule.pause_millis(attempts, 0.0);
            let moved = schedule.pause_millis(attempts, jitter);
            prop_assert!((moved - plain).abs() <= plain / 5, "{plain} {moved}");
        }
    }
}
