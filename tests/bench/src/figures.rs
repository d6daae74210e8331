//! Figures out of many measurements.

/// The middle one of some values; the mean of the two in the middle where their number is even.
/// Not a number if there are none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let at = |rank: usize| sorted.get(rank).copied().unwrap_or(f64::NAN);
    if sorted.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) }
}

/// The value that nine of ten do not exceed.
#[must_use]
pub fn ninth_decile(values: &[f64]) -> f64 {
    percentile(values, 90)
}

/// The value that so many of a hundred do not exceed, by the nearest rank: the 99th of fewer than a
/// hundred values is the largest. Not a number if there are none.
#[must_use]
pub fn percentile(values: &[f64], of_a_hundred: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() * of_a_hundred).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(f64::NAN)
}

/// Each value over the one of the same rank in `others`: ratios of what was measured side by side.
#[must_use]
pub fn ratios(values: &[f64], others: &[f64]) -> Vec<f64> {
    values.iter().zip(others).map(|(value, other)| value / other).collect()
}

/// User and system time of this process so far, in seconds; none where the system does not say it
/// as Linux does. Beside a time it tells what other programs on the machine have spoilt.
#[must_use]
pub fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// `within` or `OVER`, for the line of a budget.
#[must_use]
pub fn verdict(within: bool) -> &'static str {
    if within { "within" } else { "OVER" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_deciles_are_those_of_the_sorted_values() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
        let ten: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        assert!((ninth_decile(&ten) - 9.0).abs() < f64::EPSILON);
        let many: Vec<f64> = (1..=200).map(f64::from).collect();
        assert!((percentile(&many, 99) - 198.0).abs() < f64::EPSILON);
        assert!((percentile(&many[..50], 99) - 50.0).abs() < f64::EPSILON);
        assert!(percentile(&[], 99).is_nan());
    }
}
