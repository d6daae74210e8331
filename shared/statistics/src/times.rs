//! Durations, kept so that quantiles of several periods can be joined.

use serde::{Deserialize, Serialize};
use sketches_ddsketch::{Config, DDSketch};
use utoipa::ToSchema;

/// Any number of durations. Quantiles are off by at most 1 %.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Times {
    /// None as long as there is nothing: an empty sketch has no JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sketch: Option<DDSketch>,
}

impl std::fmt::Debug for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.summary().fmt(f)
    }
}

/// What is shown of durations, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Durations {
    /// How many.
    pub count: u64,
    /// Their mean.
    #[schema(required = true)]
    pub mean_seconds: Option<f64>,
    /// Half of them took no longer; off by at most 1 % for everything, and by at most 5 % for one
    /// connection, person, group, hour, day or month, as the next two are.
    #[schema(required = true)]
    pub p50_seconds: Option<f64>,
    /// Nine of ten took no longer.
    #[schema(required = true)]
    pub p90_seconds: Option<f64>,
    /// 99 of 100 took no longer.
    #[schema(required = true)]
    pub p99_seconds: Option<f64>,
}

impl Times {
    /// Adds a duration.
    pub fn add(&mut self, seconds: f64) {
        self.sketch.get_or_insert_with(|| DDSketch::new(Config::defaults())).add(seconds.max(0.0));
    }

    /// Adds all of `other`.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.sketch, &other.sketch) {
            (_, None) => {}
            (None, Some(other)) => self.sketch = Some(other.clone()),
            // All are made with one configuration, so they always fit.
            (Some(sketch), Some(other)) => drop(sketch.merge(other)),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.sketch.as_ref().map_or(0, |sketch| u64::try_from(sketch.count()).unwrap_or(u64::MAX))
    }

    /// What is shown of them, to the millisecond.
    #[must_use]
    pub fn summary(&self) -> Durations {
        let Some(sketch) = &self.sketch else { return Durations::default() };
        let count = self.count();
        #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 requests")]
        let mean = sketch.sum().map(|sum| sum / count.max(1) as f64);
        // The shortest and the longest are known exactly.
        let within = |seconds: f64| match (sketch.min(), sketch.max()) {
            (Some(least), Some(most)) if least <= most => seconds.clamp(least, most),
            _ => seconds,
        };
        let quantile = |q| sketch.quantile(q).ok().flatten().map(|seconds| rounded(within(seconds)));
        Durations {
            count,
            mean_seconds: mean.map(rounded),
            p50_seconds: quantile(0.5),
            p90_seconds: quantile(0.9),
            p99_seconds: quantile(0.99),
        }
    }
}

/// To the millisecond.
pub(crate) fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_single_duration_is_its_own_quantiles() {
        let mut times = Times::default();
        times.add(2.213);
        let one = times.summary();
        assert_eq!([one.mean_seconds, one.p50_seconds, one.p90_seconds, one.p99_seconds], [Some(2.213); 4]);
    }

    proptest! {
        #[test]
        fn parts_that_are_merged_say_what_the_whole_says(seconds in prop::collection::vec(0.0_f64..1e6, 1..200), cut in any::<prop::sample::Index>()) {
            let cut = cut.index(seconds.len());
            let of = |part: &[f64]| {
                let mut times = Times::default();
                part.iter().for_each(|one| times.add(*one));
                times
            };
            let kept = serde_json::to_string(&of(&seconds[..cut])).unwrap();
            let mut merged: Times = serde_json::from_str(&kept).unwrap();
            merged.merge(&of(&seconds[cut..]));
            let (merged, whole) = (merged.summary(), of(&seconds).summary());
            prop_assert_eq!((merged.count, merged.p50_seconds, merged.p99_seconds), (whole.count, whole.p50_seconds, whole.p99_seconds));
            let mut sorted = seconds.clone();
            sorted.sort_by(f64::total_cmp);
            let median = sorted[(sorted.len() - 1) / 2];
            prop_assert!((whole.p50_seconds.unwrap() - median).abs() <= median * 0.011 + 0.001, "{whole:?} {median}");
        }
    }
}
