//! A receipt proves itself, and nothing of it can be changed.

use crate::log::{Entry, Log, key};
use countersign_audit::receipt::Unproven;
use countersign_audit::record::leaf_hash;
use countersign_audit::{Hash, Receipt, path, tree};
use serde_json::{Value, json};

fn receipt() -> Receipt {
    let log = Log::of(60);
    let leaves: Vec<Hash> = log
        .events
        .iter()
        .map(|entry| {
            let (Entry::Request(_, event) | Entry::Other(event)) = entry;
            leaf_hash(&Hash::parse(event["hash"].as_str().unwrap()).unwrap())
        })
        .collect();
    let checkpoint = log.checkpoints.last().unwrap().clone();
    let ranges = path::inclusion(4, checkpoint.tree_size).unwrap();
    let at = |place: u64| usize::try_from(place).unwrap();
    let proof = ranges.iter().map(|range| tree::root(&leaves[at(range.start)..at(range.end)])).collect();
    let events: Vec<(String, Value)> = log.events[..5]
        .iter()
        .map(|entry| match entry {
            Entry::Request(id, event) => (id.clone(), event.clone()),
            Entry::Other(_) => panic!("the first five are of one request"),
        })
        .collect();
    let id = events[0].0.clone();
    let events = events.into_iter().map(|(_, event)| event).collect();
    Receipt::new(id, events, (4, proof), checkpoint, key(1).public())
}

#[test]
fn a_receipt_is_proven_by_itself_and_by_the_trusted_key_alone() {
    let receipt = receipt();
    assert_eq!(receipt.verify(None), Ok(()));
    assert_eq!(receipt.verify(Some(&key(1).public())), Ok(()));
    assert!(matches!(receipt.verify(Some(&key(2).public())), Err(Unproven::Key { .. })));
    assert_eq!(receipt.votes.len(), 4);
    let read: Receipt = serde_json::from_str(&serde_json::to_string(&receipt).unwrap()).unwrap();
    assert_eq!(read, receipt);
}

/// Every scalar of the JSON is changed once.
#[test]
fn nothing_of_a_receipt_can_be_changed() {
    let whole = serde_json::to_value(receipt()).unwrap();
    let mut pointers = Vec::new();
    scalars(&whole, String::new(), &mut pointers);
    assert!(pointers.len() > 60, "{}", pointers.len());
    for pointer in pointers {
        let mut changed = whole.clone();
        let value = changed.pointer_mut(&pointer).unwrap();
        *value = match &value {
            Value::Number(number) => json!(number.as_u64().unwrap() + 1),
            Value::String(text) => json!(format!("{text}x")),
            _ => json!("x"),
        };
        let read: Result<Receipt, _> = serde_json::from_value(changed);
        assert!(read.is_err() || read.unwrap().verify(None).is_err(), "{pointer}");
    }
}

fn scalars(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| scalars(value, format!("{pointer}/{name}"), found));
        }
        Value::Array(items) => {
            (0..)
                .zip(items)
                .for_each(|(at, value): (usize, _)| scalars(value, format!("{pointer}/{at}"), found));
        }
        _ => found.push(pointer),
    }
}

#[test]
fn an_event_less_is_an_event_less() {
    for drop in 0..5 {
        let mut receipt = receipt();
        receipt.events.remove(drop);
        assert!(receipt.verify(None).is_err(), "{drop}");
    }
    let mut receipt = receipt();
    receipt.events.clear();
    assert_eq!(receipt.verify(None), Err(Unproven::NoEvents));
}
