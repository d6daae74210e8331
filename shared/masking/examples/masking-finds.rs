//! What the recognisers find in each text of a corpus, for `tests/masking/compare.py`.
//!
//! ```text
//! cargo run --release -p countersign-masking --example masking-finds < tests/masking/corpus.jsonl
//! ```
//!
//! Reads one JSON object with a `text` a line; writes `[[start, end, "ENTITY"], …]` a line, in characters.
//! The last line on standard error says how long the finding took.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::io::stdin;
use std::time::{Duration, Instant};

use countersign_masking::{Masker, MaskingPolicy};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let masker = Masker::new(&MaskingPolicy::default(), None)?;
    let (mut bytes, mut spent) = (0, Duration::ZERO);
    for line in stdin().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let text = line.get("text").and_then(Value::as_str).ok_or("expected a member `text`")?;
        let began = Instant::now();
        let finds = masker.find(text);
        spent += began.elapsed();
        bytes += text.len();
        let characters = |end: usize| text.get(..end).map_or(0, |before| before.chars().count());
        let finds: Vec<Value> = finds
            .iter()
            .map(|find| json!([characters(find.range.start), characters(find.range.end), find.entity.name()]))
            .collect();
        println!("{}", Value::from(finds));
    }
    eprintln!("{bytes} bytes in {:.3} ms", spent.as_secs_f64() * 1000.0);
    Ok(())
}
