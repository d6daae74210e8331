//! Recall on the committed corpus and false alarms on ordinary text: counts, not timings.
#![allow(clippy::string_slice, reason = "places of a corpus")]

use std::collections::BTreeMap;

use countersign_masking::{Find, Masker, MaskingPolicy};
use serde_json::Value;

const CORPUS: &str = include_str!("../../../../tests/masking/corpus.jsonl");
const ORDINARY: &str = include_str!("../../../../tests/masking/ordinary.txt");

/// Finds in ordinary text that are known: numbers of eleven digits that are a PESEL by all that it tells.
const KNOWN_ALARMS: usize = 6;

fn masker() -> Masker {
    Masker::new(&MaskingPolicy::default(), None).unwrap()
}

/// The byte at which the character of that number begins.
fn byte_of(text: &str, character: &Value) -> usize {
    let character = usize::try_from(character.as_u64().unwrap()).unwrap();
    text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte)
}

/// Every letter and digit from `start` to `end` lies in a find of this entity.
fn is_found(text: &str, start: usize, end: usize, entity: &str, finds: &[Find]) -> bool {
    let inside =
        |byte: usize| finds.iter().any(|find| find.entity.name() == entity && find.range.contains(&byte));
    text[start..end].char_indices().all(|(at, character)| !character.is_alphanumeric() || inside(start + at))
}

#[test]
fn recall_on_the_corpus_does_not_fall() {
    let masker = masker();
    let mut table: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for line in CORPUS.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let text = entry["text"].as_str().unwrap();
        let finds = masker.find(text);
        for span in entry["spans"].as_array().unwrap() {
            let (start, end, entity) =
                (byte_of(text, &span[0]), byte_of(text, &span[1]), span[2].as_str().unwrap());
            let row = table.entry(entity.to_owned()).or_default();
            row.0 += 1;
            row.1 += usize::from(is_found(text, start, end, entity, &finds));
        }
    }
    assert_eq!(table.len(), 16, "every entity that is recognised by its value is in the corpus");
    for (entity, (values, found)) in table {
        let floor = if entity == "PHONE_NUMBER" { 95 } else { 98 };
        assert!(found * 100 >= values * floor, "{entity}: found {found} of {values}, expected {floor} %");
    }
}

#[test]
fn ordinary_text_raises_no_more_false_alarms_than_are_known() {
    let masker = masker();
    let alarms: Vec<String> = ORDINARY
        .lines()
        .flat_map(|line| {
            let finds = masker.find(line);
            finds.into_iter().map(move |find| format!("{} in {line}", find.entity)).collect::<Vec<_>>()
        })
        .collect();
    assert!(ORDINARY.lines().count() > 2_500);
    assert!(alarms.len() <= KNOWN_ALARMS, "{} false alarms: {alarms:#?}", alarms.len());
}
