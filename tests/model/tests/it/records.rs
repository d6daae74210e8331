//! What is written down: events, the chain over them, and the state that they give.

use countersign_model::history::{History, STEP_BYTES};
use countersign_model::play::{Played, play};
use countersign_model::universe::UNIVERSE_BYTES;
use countersign_rules::chain::{BrokenChain, FIRST_PREV_HASH, event_hash, verify};
use countersign_rules::effects::sweep_at;
use countersign_rules::evolve::replay;
use countersign_rules::request::RunMode;
use countersign_rules::risk::Estimate;
use countersign_rules::{Actor, Effect, Event, Phase, Request, Status, Via, effects};
use proptest::prelude::*;

fn played() -> impl Strategy<Value = Played> {
    let steps = prop::collection::vec(any::<[u8; STEP_BYTES]>(), 0..24);
    (any::<[u8; UNIVERSE_BYTES]>(), steps).prop_filter_map("cannot be submitted", |(universe, steps)| {
        play(&History::decode(&universe, &steps)).ok()
    })
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() }
}

/// Some way to alter one event.
fn alter(event: &mut Event, how: usize) {
    match how % 6 {
        0 => event.at = event.at.plus_millis(1),
        1 => event.via = if event.via == Via::Api { Via::Slack } else { Via::Api },
        2 => event.actor = Actor::system("nobody"),
        3 => event.prev_hash = event.hash.clone(),
        4 => event.hash = FIRST_PREV_HASH.to_owned(),
        _ => event.fact = countersign_rules::Fact::Rejected { reason: "forged".to_owned() },
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_events_replayed_give_the_state(played in played()) {
        let id = played.request.id;
        prop_assert_eq!(replay(id, &played.commits), Some(played.request.clone()));
        for (turn, commits) in played.turns.iter().zip(1..) {
            prop_assert!(turn.after.version <= commits + 1);
        }
    }

    #[test]
    fn the_chain_of_all_events_holds_and_ends_in_the_state(played in played()) {
        let events = played.events();
        prop_assert_eq!(verify(played.request.id, &events), Ok(()));
        let last = events.last().unwrap();
        prop_assert_eq!((&last.hash, last.seq), (&played.request.last_hash, played.request.seq));
    }

    #[test]
    fn an_event_that_was_altered_is_found(played in played(), which in any::<prop::sample::Index>(), how in 0..6_usize) {
        let mut events = played.events();
        let index = which.index(events.len());
        let before = events[index].clone();
        alter(&mut events[index], how);
        prop_assume!(events[index] != before);
        prop_assert!(verify(played.request.id, &events).is_err());
    }

    #[test]
    fn an_event_whose_hash_was_forged_along_with_it_is_found_by_the_next_or_by_the_state(
        played in played(), which in any::<prop::sample::Index>()
    ) {
        let mut events = played.events();
        let index = which.index(events.len());
        events[index].at = events[index].at.plus_millis(1);
        events[index].hash = event_hash(played.request.id, &events[index]).unwrap();
        let is_last = index + 1 == events.len();
        if is_last {
            prop_assert_ne!(&events[index].hash, &played.request.last_hash);
        } else {
            prop_assert_eq!(verify(played.request.id, &events), Err(BrokenChain::Link(events[index + 1].seq)));
        }
    }

    #[test]
    fn an_event_that_was_removed_is_found(played in played(), which in any::<prop::sample::Index>()) {
        let mut events = played.events();
        let index = which.index(events.len());
        let was_last = index + 1 == events.len();
        events.remove(index);
        if was_last {
            // A chain cannot know that it was longer; the state and the checkpoints do.
            prop_assert_ne!(events.len() as u64, played.request.seq);
        } else {
            prop_assert!(verify(played.request.id, &events).is_err());
        }
    }

    #[test]
    fn two_events_that_changed_places_are_found(
        played in played(), one in any::<prop::sample::Index>(), other in any::<prop::sample::Index>()
    ) {
        let mut events = played.events();
        if events.len() == 1 {
            return Ok(());
        }
        let one = one.index(events.len());
        let other = (one + 1 + other.index(events.len() - 1)) % events.len();
        events.swap(one, other);
        prop_assert!(verify(played.request.id, &events).is_err());
        // Renumbered as well, they still do not follow each other.
        for (seq, event) in (1..).zip(&mut events) {
            event.seq = seq;
        }
        prop_assert!(verify(played.request.id, &events).is_err());
    }

    #[test]
    fn the_events_of_one_request_do_not_pass_for_those_of_another(played in played(), other in any::<u128>()) {
        let id = countersign_rules::RequestId::from_parts(played.request.created_at, other);
        prop_assume!(id != played.request.id);
        prop_assert_eq!(verify(id, &played.events()), Err(BrokenChain::Hash(1)));
    }

    #[test]
    fn requests_and_events_read_back_from_json_are_the_same(played in played()) {
        for request in played.turns.iter().map(|turn| &turn.after).chain([&played.born]) {
            let text = serde_json::to_string(request).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Request>(&text).unwrap(), request);
        }
        for event in played.events() {
            let text = serde_json::to_string(&event).unwrap();
            let back: Event = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(event_hash(played.request.id, &back).unwrap(), event.hash.clone());
            prop_assert_eq!(back, event);
        }
    }

    #[test]
    fn effects_are_those_of_the_state_however_it_came_about(played in played()) {
        for request in played.turns.iter().map(|turn| &turn.after).chain([&played.born]) {
            let text = serde_json::to_string(request).unwrap();
            let found_again: Request = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(effects(&found_again), effects(request));
            let approved = matches!(request.phase, Phase::Approved(_));
            let execute = effects(request).contains(&Effect::Execute);
            let by_itself = approved && request.run == RunMode::OnApproval;
            prop_assert_eq!(execute, by_itself && !request.is_for_runners());
            prop_assert!(!by_itself || execute != request.waits_for_runner());
            let waits = matches!(request.status(), Status::Pending | Status::Approved | Status::Running);
            let wakes = effects(request).into_iter().find_map(|effect| match effect {
                Effect::WakeAt(at) => Some(at),
                Effect::Execute | Effect::Estimate => None,
            });
            let estimate = effects(request).contains(&Effect::Estimate);
            let pending = request.status() == Status::Pending;
            prop_assert_eq!(estimate, pending && request.estimate == Some(Estimate::Wanted));
            prop_assert_eq!(wakes, request.deadline());
            prop_assert_eq!(wakes.is_some(), waits);
            prop_assert_eq!(sweep_at(request).is_some(), waits);
            prop_assert!(sweep_at(request) <= wakes);
        }
    }
}
