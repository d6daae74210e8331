//! How fast one core masks: text without personal data, and text full of it.
//!
//! ```text
//! cargo run --release -p countersign-masking --example masking-speed
//! ```
//!
//! Each text is the committed one, repeated to about 16 MiB; the best of five runs counts, in time on
//! the processor where Linux tells it, since the machine has other work. The budgets are 100 MB/s and 30 MB/s (DESIGN, section 10).
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use countersign_masking::{ColumnInfo, Counts, Masker, MaskingPolicy};
use serde_json::Value;

const SIZE: usize = 16 << 20;
const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let masker = Masker::new(&MaskingPolicy::default(), None)?;
    let ordinary = std::fs::read_to_string("tests/masking/ordinary.txt")?;
    let mut dense = String::new();
    for line in std::fs::read_to_string("tests/masking/corpus.jsonl")?.lines() {
        let line: Value = serde_json::from_str(line)?;
        dense.push_str(line.get("text").and_then(Value::as_str).unwrap_or_default());
        dense.push('\n');
    }
    // Prose and code: the documents of this repository.
    let mut prose = String::new();
    for file in
        ["ARCHITECTURE.md", "README.md", "shared/masking/src/scan/number.rs", "shared/masking/src/json.rs"]
    {
        prose.push_str(&std::fs::read_to_string(file)?);
    }
    for (name, text) in
        [("prose and code", &prose), ("logs without personal data", &ordinary), ("dense text", &dense)]
    {
        let text = text.repeat(SIZE / text.len() + 1);
        let mut counts = Counts::new();
        let best = (0..RUNS)
            .map(|_| {
                counts = Counts::new();
                let began = spent();
                let mut stream = masker.stream();
                for piece in text.as_bytes().chunks(64 << 10) {
                    black_box(stream.push(piece));
                }
                black_box(stream.finish());
                counts.merge(stream.counts());
                spent().saturating_sub(began)
            })
            .min()
            .unwrap_or_default();
        let finds: u64 = counts.to_map().values().sum();
        report(name, text.len(), finds, best.as_secs_f64());
    }
    rows(&masker)
}

/// Rows of eight cells, two of which are masked by their column and two by what is in them.
fn rows(masker: &Masker) -> Result<(), Box<dyn Error>> {
    let names = ["id", "email", "full_name", "note", "created_at", "total", "payload", "comment"];
    let columns: Vec<ColumnInfo> =
        names.iter().map(|name| ColumnInfo { name: (*name).to_owned(), ..ColumnInfo::default() }).collect();
    let cells = [
        "1042",
        "jo@example.com",
        "Jo Example",
        "called back, is reachable at +44 20 7946 0958 in the morning",
        "2024-03-01T10:11:12.123456Z",
        "1299.50",
        r#"{"id": 7, "kind": "order", "email": "jo@example.com", "lines": [1, 2, 3]}"#,
        "nothing to see here, the parcel came in time and the customer was content with it",
    ];
    let row: Vec<Option<String>> = cells.iter().map(|cell| Some((*cell).to_owned())).collect();
    let size: usize = cells.iter().map(|cell| cell.len()).sum();
    let rows = SIZE / 4 / size;
    let mask = masker.row_masker(&columns);
    let mut best = f64::MAX;
    let mut counts = Counts::new();
    for _ in 0..RUNS {
        counts = Counts::new();
        let began = spent();
        for _ in 0..rows {
            black_box(mask.mask(row.clone(), &mut counts)?);
        }
        best = best.min(spent().saturating_sub(began).as_secs_f64());
    }
    report("rows of eight cells", rows * size, counts.to_map().values().sum(), best);
    Ok(())
}

/// Time that this thread has spent on a processor; elsewhere than on Linux, time that has passed.
fn spent() -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let on_processor = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds =
        on_processor.and_then(|line| line.split(' ').next().and_then(|first| first.parse().ok()));
    nanoseconds.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

fn report(name: &str, bytes: usize, finds: u64, seconds: f64) {
    let size = bytes as f64 / 1e6;
    println!("{name}: {:.0} MB/s ({size:.1} MB, {:.0} finds a MB)", size / seconds, finds as f64 / size);
}
