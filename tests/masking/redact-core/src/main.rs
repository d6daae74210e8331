//! What redact-core finds, in the form of the example `masking-finds`.

use std::error::Error;
use std::io::stdin;
use std::time::{Duration, Instant};

use redact_core::AnalyzerEngine;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let engine = AnalyzerEngine::new();
    let (mut bytes, mut spent) = (0, Duration::ZERO);
    for line in stdin().lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let text = line["text"].as_str().ok_or("expected a member `text`")?;
        let began = Instant::now();
        let finds = engine.analyze(text, None)?;
        spent += began.elapsed();
        bytes += text.len();
        let characters = |end: usize| text.get(..end).map_or(0, |before| before.chars().count());
        let finds: Vec<Value> = finds
            .detected_entities
            .iter()
            .map(|find| json!([characters(find.start), characters(find.end), find.entity_type.as_str()]))
            .collect();
        println!("{}", Value::from(finds));
    }
    eprintln!("{bytes} bytes in {:.3} ms", spent.as_secs_f64() * 1000.0);
    Ok(())
}
