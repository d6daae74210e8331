//! Idempotency tokens of TransactWriteItems.
//!
//! dynoxide has this too, but looks at every token of the last ten minutes at every
//! transaction: at a few hundred transactions a second, which all carry a token (the SDK sees
//! to it), each soon takes milliseconds. Here a token costs the same however many there are.

use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// How long DynamoDB remembers a token.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Older ones are forgotten early beyond so many, so that memory stays bounded.
const AT_MOST: usize = 200_000;

/// What is known about a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: the transaction is to be run.
    New,
    /// It was run; this was the answer.
    Answer(String),
    /// It was used for another transaction.
    OtherRequest,
}

/// The tokens of the last ten minutes.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    answers: HashMap<String, (u64, String)>,
    by_age: VecDeque<(Instant, String)>,
}

impl Tokens {
    /// Looks a token up.
    pub(super) fn known(&mut self, token: &str, fingerprint: u64, now: Instant) -> Known {
        self.forget(now);
        match self.answers.get(token) {
            None => Known::New,
            Some((of, answer)) if *of == fingerprint => Known::Answer(answer.clone()),
            Some(_) => Known::OtherRequest,
        }
    }

    /// Remembers the answer of a transaction that was run.
    pub(super) fn remember(&mut self, token: &str, fingerprint: u64, answer: &str, now: Instant) {
        let entry = (fingerprint, answer.to_owned());
        if self.answers.insert(token.to_owned(), entry).is_none() {
            self.by_age.push_back((now, token.to_owned()));
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some((at, _)) = self.by_age.front() {
            let fresh = now.saturating_duration_since(*at) < REMEMBERED;
            if fresh && self.by_age.len() <= AT_MOST {
                return;
            }
            if let Some((_, token)) = self.by_age.pop_front() {
                self.answers.remove(&token);
            }
        }
    }
}

/// The same number for the same JSON value, whatever the order of its members.
pub(super) fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(value, &mut hasher);
    hasher.finish()
}

fn hash(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(hasher),
        Value::Bool(flag) => (1_u8, flag).hash(hasher),
        Value::Number(number) => (2_u8, number.to_string()).hash(hasher),
        Value::String(text) => (3_u8, text).hash(hasher),
        Value::Array(values) => {
            (4_u8, values.len()).hash(hasher);
            for value in values {
                hash(value, hasher);
            }
        }
        Value::Object(members) => {
            (5_u8, members.len()).hash(hasher);
            let mut members: Vec<(&String, &Value)> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in members {
                name.hash(hasher);
                hash(value, hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_token_gives_the_first_answer_again_for_ten_minutes() {
        let mut tokens = Tokens::default();
        let start = Instant::now();
        assert_eq!(tokens.known("t", 1, start), Known::New);
        tokens.remember("t", 1, "{}", start);
        let later = start + REMEMBERED - Duration::from_secs(1);
        assert_eq!(tokens.known("t", 1, later), Known::Answer("{}".to_owned()));
        assert_eq!(tokens.known("t", 2, later), Known::OtherRequest);
        assert_eq!(tokens.known("t", 1, start + REMEMBERED), Known::New);
        assert!(tokens.answers.is_empty() && tokens.by_age.is_empty());
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut tokens = Tokens::default();
        let now = Instant::now();
        for n in 0..=AT_MOST {
            tokens.remember(&n.to_string(), 1, "{}", now);
        }
        assert_eq!(tokens.known("0", 1, now), Known::New);
        assert_eq!(tokens.known("1", 1, now), Known::Answer("{}".to_owned()));
        assert_eq!(tokens.answers.len(), AT_MOST);
    }

    #[test]
    fn a_fingerprint_sees_values_and_not_the_order_of_members() {
        let one: Value = serde_json::from_str(r#"{"a":{"S":"1"},"b":[1,2]}"#).unwrap();
        let same: Value = serde_json::from_str(r#"{"b":[1,2],"a":{"S":"1"}}"#).unwrap();
        assert_eq!(fingerprint(&one), fingerprint(&same));
        for other in [
            json!({"a": {"S": "1"}, "b": [2, 1]}),
            json!({"a": {"N": "1"}, "b": [1, 2]}),
            json!({"a": {"S": "1"}, "b": [1, 2, null]}),
        ] {
            assert_ne!(fingerprint(&one), fingerprint(&other), "{other}");
        }
    }
}
