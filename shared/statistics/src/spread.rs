//! Durations of one of many: a person, a connection, an hour. A period has thousands of them, so they are
//! kept coarser than [`Times`](crate::times::Times), in buckets that all have the same bounds.

use serde::{Deserialize, Serialize};
use sketches_ddsketch::Config;

use crate::times::{Durations, rounded};

/// How far a quantile may be off, as a part of it.
const ERROR: f64 = 0.05;
/// A bucket ends that many times later than the one before.
const GROWTH: f64 = (1.0 + ERROR) / (1.0 - ERROR);
/// Where the first bucket ends, in seconds: shorter times count as that long.
const LEAST: f64 = 0.1;
/// The last bucket begins after two months: longer times count as that long.
const LAST: usize = 180;

/// Any number of durations. Their number and their mean are exact; quantiles are off by at most 5 %.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Spread {
    /// All of them together, in milliseconds.
    #[serde(rename = "ms")]
    millis: u64,
    /// The first bucket that holds any.
    #[serde(rename = "at")]
    first: usize,
    /// How many are in that bucket and in those behind it.
    #[serde(rename = "n")]
    counts: Vec<u64>,
}

impl Spread {
    /// Adds a duration.
    pub fn add(&mut self, seconds: f64) {
        let seconds = seconds.max(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "seconds of a few years, and not below nothing"
        )]
        let millis = (seconds * 1000.0).round() as u64;
        self.millis = self.millis.saturating_add(millis);
        *self.bucket(bucket_of(seconds)) += 1;
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.millis = self.millis.saturating_add(other.millis);
        let Some(last) = other.counts.len().checked_sub(1) else { return };
        // Room for all of them at once.
        self.bucket(other.first + last);
        self.bucket(other.first);
        let from = other.first.saturating_sub(self.first);
        for (sum, count) in self.counts.iter_mut().skip(from).zip(&other.counts) {
            *sum += count;
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// What is shown of them.
    #[must_use]
    pub fn summary(&self) -> Durations {
        let count: u64 = self.counts.iter().sum();
        if count == 0 {
            return Durations::default();
        }
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 requests")]
        let mean = self.millis as f64 / 1000.0 / count as f64;
        let [half, most, nearly_all] = self.quantiles(count, [50, 90, 99]);
        Durations {
            count,
            mean_seconds: Some(rounded(mean)),
            p50_seconds: Some(rounded(half)),
            p90_seconds: Some(rounded(most)),
            p99_seconds: Some(rounded(nearly_all)),
        }
    }

    /// The shortest times that so many of a hundred did not exceed; the shares in their order.
    fn quantiles<const N: usize>(&self, count: u64, shares: [u64; N]) -> [f64; N] {
        let mut buckets = self.counts.iter().enumerate();
        let (mut so_far, mut place) = (0, 0);
        shares.map(|share| {
            let wanted = count.saturating_mul(share).div_ceil(100).max(1);
            while so_far < wanted {
                let Some((next, more)) = buckets.next() else { break };
                (place, so_far) = (next, so_far + more);
            }
            value_of(self.first + place)
        })
    }

    /// The count of a bucket, for which room is made.
    fn bucket(&mut self, place: usize) -> &mut u64 {
        let place = place.min(LAST);
        if self.counts.is_empty() {
            self.first = place;
        }
        if let Some(before) = self.first.checked_sub(place).filter(|before| *before > 0) {
            self.counts.splice(0..0, std::iter::repeat_n(0, before));
            self.first = place;
        }
        let behind = place - self.first;
        if self.counts.len() <= behind {
            self.counts.resize(behind + 1, 0);
        }
        #[expect(clippy::indexing_slicing, reason = "it was made as long as that just now")]
        &mut self.counts[behind]
    }
}

fn bucket_of(seconds: f64) -> usize {
    let place = ((seconds / LEAST).max(1.0).ln() / GROWTH.ln()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not below nothing, and what is too long is in the last one"
    )]
    let place = place as usize;
    place.min(LAST)
}

/// The time that stands for a bucket: as far from its one end as from the other, as a part of each.
fn value_of(place: usize) -> f64 {
    match i32::try_from(place) {
        Ok(0) | Err(_) => LEAST,
        Ok(place) => LEAST * GROWTH.powi(place) * 2.0 / (1.0 + GROWTH),
    }
}

/// As it stands in a document: in these buckets, or in finer ones as they were kept once.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stored {
    ms: u64,
    at: usize,
    n: Vec<u64>,
    sketch: Option<Fine>,
}

#[derive(Deserialize)]
struct Fine {
    config: Config,
    store: Bins,
    sum: f64,
    zero_count: u64,
}

#[derive(Deserialize)]
struct Bins {
    bins: Vec<u64>,
    offset: i32,
}

impl From<Stored> for Spread {
    fn from(stored: Stored) -> Self {
        let Stored { ms, at, n, sketch } = stored;
        let mut spread = Self { millis: ms, ..Self::default() };
        for (place, count) in (at..).zip(n).filter(|(_, count)| *count > 0) {
            *spread.bucket(place) += count;
        }
        if let Some(Fine { config, store, sum, zero_count }) = sketch {
            for (key, count) in (store.offset..).zip(store.bins).filter(|(_, count)| *count > 0) {
                *spread.bucket(bucket_of(config.value(key))) += count;
            }
            if zero_count > 0 {
                *spread.bucket(0) += zero_count;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "seconds of a few years, and not below nothing"
            )]
            let millis = (sum.max(0.0) * 1000.0).round() as u64;
            spread.millis = spread.millis.saturating_add(millis);
        }
        spread
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::times::Times;
    use proptest::prelude::*;

    fn of(seconds: &[f64]) -> Spread {
        let mut spread = Spread::default();
        seconds.iter().for_each(|one| spread.add(*one));
        spread
    }

    fn near(is: Option<f64>, should_be: f64) -> bool {
        (is.unwrap() - should_be).abs() <= should_be * (ERROR + 0.001) + 0.001
    }

    proptest! {
        #[test]
        fn quantiles_are_off_by_at_most_five_percent_and_the_mean_is_exact(
            seconds in prop::collection::vec(0.1_f64..5e6, 1..200), cut in any::<prop::sample::Index>()
        ) {
            let cut = cut.index(seconds.len());
            let kept = serde_json::to_string(&of(&seconds[..cut])).unwrap();
            let mut merged: Spread = serde_json::from_str(&kept).unwrap();
            merged.merge(&of(&seconds[cut..]));
            prop_assert_eq!(&merged, &of(&seconds));
            let summary = merged.summary();
            let mut sorted = seconds.clone();
            sorted.sort_by(f64::total_cmp);
            let nth = |share: usize| sorted[(sorted.len() * share).div_ceil(100).max(1) - 1];
            prop_assert!(near(summary.p50_seconds, nth(50)), "{summary:?} {}", nth(50));
            prop_assert!(near(summary.p90_seconds, nth(90)), "{summary:?} {}", nth(90));
            prop_assert!(near(summary.p99_seconds, nth(99)), "{summary:?} {}", nth(99));
            let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
            prop_assert!((summary.mean_seconds.unwrap() - mean).abs() < 0.002, "{summary:?} {mean}");
        }

        #[test]
        fn what_was_kept_in_finer_buckets_is_read(seconds in prop::collection::vec(0.0_f64..1e6, 1..100)) {
            let mut times = Times::default();
            seconds.iter().for_each(|one| times.add(*one));
            let read: Spread = serde_json::from_value(serde_json::to_value(&times).unwrap()).unwrap();
            let (read, whole) = (read.summary(), of(&seconds).summary());
            prop_assert_eq!(read.count, whole.count);
            prop_assert!((read.mean_seconds.unwrap() - whole.mean_seconds.unwrap()).abs() < 0.01);
            prop_assert!((read.p90_seconds.unwrap() / whole.p90_seconds.unwrap() - 1.0).abs() < 0.11);
        }
    }

    #[test]
    fn nothing_has_no_times_and_the_shortest_and_the_longest_fit() {
        assert_eq!(Spread::default().summary(), Durations::default());
        assert_eq!(serde_json::from_str::<Spread>("{}").unwrap(), Spread::default());
        let extremes = of(&[-1.0, 0.0, 1e12]).summary();
        assert_eq!((extremes.count, extremes.p50_seconds), (3, Some(0.1)));
    }
}
