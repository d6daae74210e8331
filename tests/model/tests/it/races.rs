//! The race over one request, every way it can go; and the same with something broken on purpose.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

use countersign_model::race::{Limits, Race, Sabotage, law};
use stateright::{Checker, HasDiscoveries, Model};

const FAULTS: Limits = Limits {
    crashes: 2,
    duplicates: 1,
    lost_timers: 1,
    people_change: true,
    slow_writes: false,
    cancels: true,
    restores: 0,
};

/// Explores everything, says how much that was, and checks all promises.
fn explore(title: &str, limits: Limits, at_least: usize) {
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // No limit of depth, of states or of time is set, so the search ends when nothing is left.
    let checker = Race::new(limits, None).checker().threads(threads).spawn_dfs().join();
    println!(
        "{title}: {} states explored ({} steps between them, the longest way {}, {} lost races), all there are, in {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        checker.model().conflicts.load(Ordering::Relaxed),
        begun.elapsed().as_secs_f64(),
    );
    assert!(checker.is_done(), "the search was not exhaustive");
    checker.assert_properties();
    assert!(checker.unique_state_count() >= at_least, "fewer states than there must be");
}

#[test]
fn no_race_of_three_people_two_groups_a_timer_and_two_executors_breaks_a_promise() {
    explore("3 people, 2 groups, 2 executors, 2 crashes, 1 duplicate, 1 lost timer", FAULTS, 500_000);
}

#[test]
fn no_race_breaks_a_promise_when_time_passes_between_decision_and_write() {
    let limits =
        Limits { crashes: 1, duplicates: 0, lost_timers: 0, slow_writes: true, cancels: false, ..FAULTS };
    explore("slow writes, 1 crash", limits, 50_000);
}

#[test]
fn nothing_runs_twice_when_the_table_is_restored_from_a_backup() {
    let limits = Limits {
        crashes: 1,
        duplicates: 0,
        lost_timers: 0,
        people_change: false,
        cancels: false,
        restores: 1,
        ..FAULTS
    };
    explore("a restore, 1 crash", limits, 50_000);
}

#[test]
fn the_model_finds_what_is_broken_on_purpose() {
    let quiet =
        Limits { crashes: 0, duplicates: 0, lost_timers: 0, people_change: false, cancels: false, ..FAULTS };
    let cancel = Limits { cancels: true, ..quiet };
    let duplicate = Limits { duplicates: 1, ..quiet };
    let people = Limits { people_change: true, ..quiet };
    let restore = Limits { restores: 1, ..quiet };
    let crash = Limits { crashes: 1, ..quiet };
    for (sabotage, limits, law) in [
        (Sabotage::StoreForgetsVersions, cancel, law::ONE_END),
        (Sabotage::StoreForgetsVersions, duplicate, law::ONE_CLAIM),
        (Sabotage::VotesComeAtAnyTime, quiet, law::VOTES_IN_TIME),
        (Sabotage::ClaimsComeAtAnyTime, quiet, law::CLAIMS_IN_TIME),
        (Sabotage::VotersAreNotLookedAtAgain, people, law::FOUNDED),
        (Sabotage::PeopleMayChangeUnderTheClaim, people, law::FOUNDED),
        (Sabotage::ExecutorsShareTheirName, duplicate, law::ONE_RUN),
        (Sabotage::LeasesNeverLapse, crash, law::ENDS),
        (Sabotage::RestoreKeepsTheEpoch, restore, law::ONE_RUN),
    ] {
        let race = Race::new(limits, Some(sabotage));
        let found = HasDiscoveries::AnyOf(BTreeSet::from([law]));
        let checker = race.checker().finish_when(found).spawn_bfs().join();
        let path = checker.discovery(law);
        let steps = path.unwrap_or_else(|| panic!("{sabotage:?} was not noticed by `{law}`")).into_actions();
        println!("{sabotage:?} breaks `{law}` in {} steps: {steps:?}", steps.len());
    }
}
