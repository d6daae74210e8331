//! Whatever is done to an export is found, and what was not touched is accepted.

use crate::log::{Log, key};
use countersign_audit::record::{self, event_hash};
use countersign_audit::{Checkpoint, Finding, Hash, PublicKey, Report, Verifier};
use serde_json::{Value, json};

fn verify_with(export: &[u8], trusted: Option<PublicKey>, older: Option<&Checkpoint>) -> Report {
    let mut verifier = Verifier::new(trusted, older.cloned());
    export.split_inclusive(|byte| *byte == b'\n').for_each(|line| verifier.line(line));
    verifier.finish()
}

fn verify(export: &[u8]) -> Report {
    verify_with(export, None, None)
}

fn lines(export: &str) -> Vec<String> {
    export.split_inclusive('\n').map(str::to_owned).collect()
}

fn found(export: &str) -> Vec<Finding> {
    verify(export.as_bytes()).findings
}

#[test]
fn what_nobody_touched_is_accepted() {
    let log = Log::of(10_000);
    let report = verify(log.export().as_bytes());
    assert_eq!(report.findings, []);
    assert_eq!((report.events, report.notes.len()), (10_000, 0));
    assert_eq!(report.latest.as_ref(), log.checkpoints.last());
    for older in [&log.checkpoints[0], &log.checkpoints[3], log.checkpoints.last().unwrap()] {
        let report = verify_with(log.export().as_bytes(), Some(key(1).public()), Some(older));
        assert_eq!(report.findings, []);
    }
    assert_eq!(verify(Log::of(0).export().as_bytes()).findings, []);
}

/// Positions over the whole file; the small one below is changed at every byte.
#[test]
fn each_change_of_a_byte_in_ten_thousand_events_is_found() {
    let log = Log::of(10_000);
    let export = log.export().into_bytes();
    let steps = 24;
    for (step, change) in (0..=steps).zip([1_u8, 0x20, 0x80].into_iter().cycle()) {
        let at = (export.len() - 1) * step / steps;
        let mut changed = export.clone();
        changed[at] ^= change;
        assert!(!verify(&changed).findings.is_empty(), "byte {at} with {change:#x}");
    }
}

#[test]
fn each_change_of_each_byte_of_a_small_export_is_found() {
    let export = Log::of(12).export().into_bytes();
    for (at, change) in (0..export.len()).zip([1_u8, 0x20].into_iter().cycle()) {
        let mut changed = export.clone();
        changed[at] ^= change;
        assert!(!verify(&changed).findings.is_empty(), "byte {at} with {change:#x}");
    }
    for at in (0..export.len()).step_by(5) {
        let mut without = export.clone();
        without.remove(at);
        assert!(!verify(&without).findings.is_empty(), "without byte {at}");
        let mut with = export.clone();
        with.insert(at, b' ');
        assert!(!verify(&with).findings.is_empty(), "with a space at {at}");
    }
}

#[test]
fn each_deletion_swap_doubling_and_cut_of_a_record_is_found() {
    let export = Log::of(60).export();
    let lines = lines(&export);
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        assert_ne!(found(&without.concat()), [], "without line {}", at + 1);
        let mut twice = lines.clone();
        twice.insert(at, lines[at].clone());
        assert_ne!(found(&twice.concat()), [], "line {} twice", at + 1);
        assert_ne!(found(&lines[..at].concat()), [], "cut before line {}", at + 1);
        for other in at + 1..lines.len() {
            let mut swapped = lines.clone();
            swapped.swap(at, other);
            assert_ne!(found(&swapped.concat()), [], "lines {} and {}", at + 1, other + 1);
        }
    }
}

/// The first line of each kind, one in the middle, and the last.
fn of_each_kind(lines: &[String]) -> Vec<usize> {
    let mut places = Vec::new();
    for kind in ["export", "event", "audit", "checkpoint", "end"] {
        let start = format!("{{\"{kind}\":");
        let all: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with(&start)).collect();
        assert!(!all.is_empty(), "{kind}");
        places.extend([all[0], all[all.len() / 2], all[all.len() - 1]]);
    }
    places.sort_unstable();
    places.dedup();
    places
}

#[test]
fn records_of_each_kind_that_are_changed_deleted_swapped_or_cut_among_ten_thousand_are_found() {
    let lines = lines(&Log::of(10_000).export());
    let places = of_each_kind(&lines);
    assert_eq!(places.len(), 3 + 3 + 3 + 2);
    for (at, nth) in places.into_iter().zip(1..) {
        let with = |line: &[u8]| {
            let (before, behind) = (lines[..at].concat(), lines[at + 1..].concat());
            verify(&[before.as_bytes(), line, behind.as_bytes()].concat()).findings
        };
        let mut changed = lines[at].clone().into_bytes();
        let byte = changed.len() * nth / 12;
        changed[byte] ^= 1;
        assert_ne!(with(&changed), [], "byte {byte} of line {}", at + 1);
        assert_ne!(with(b""), [], "without line {}", at + 1);
        let mut swapped = lines.clone();
        swapped.swap(at, if at == 0 { 1 } else { at - 1 });
        assert_ne!(found(&swapped.concat()), [], "line {} and its neighbour", at + 1);
        assert_ne!(found(&lines[..at].concat()), [], "cut before line {}", at + 1);
    }
}

/// The line of a leaf.
fn line_of(lines: &[String], leaf: u64) -> usize {
    let is = |line: &String| serde_json::from_str::<Value>(line).unwrap()["leaf"] == json!(leaf);
    lines.iter().position(is).unwrap()
}

#[test]
fn it_says_which_event_was_altered_removed_or_reordered() {
    let lines = lines(&Log::of(60).export());
    let at = line_of(&lines, 7);
    let mut altered = lines.clone();
    altered[at] = altered[at].replace("alice@example.com", "mallory@example.com");
    let findings = found(&altered.concat());
    assert!(matches!(findings.as_slice(), [Finding::Altered { leaf: 7, .. }]), "{findings:?}");

    let mut removed = lines.clone();
    removed.drain(at..at + 2);
    let findings = found(&removed.concat());
    assert!(findings.contains(&Finding::Removed(7..9)), "{findings:?}");

    let mut swapped = lines.clone();
    swapped.swap(at, at + 1);
    let findings = found(&swapped.concat());
    let line = u64::try_from(at).unwrap() + 2;
    assert_eq!(findings, [Finding::Reordered { line, leaf: 7 }]);
}

/// Whoever can write everything but signatures: the hash is made to fit again.
#[test]
fn an_event_that_was_replaced_with_its_hash_made_to_fit_is_narrowed_down() {
    let log = Log::of(60);
    let mut lines = lines(&log.export());
    let at = line_of(&lines, 7);
    let mut line: Value = serde_json::from_str(&lines[at]).unwrap();
    line["event"]["actor"]["email"] = json!("mallory@example.com");
    let hash = event_hash(line["request_id"].as_str().unwrap(), &line["event"]);
    line["event"]["hash"] = json!(hash);
    lines[at] = record::event_line(7, line["request_id"].as_str().unwrap(), &line["event"]);
    let findings = found(&lines.concat());
    let around = |finding: &Finding| matches!(finding, Finding::Root { events, .. } if events.contains(&7));
    assert!(findings.iter().any(around), "{findings:?}");
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Link { .. })), "{findings:?}");
}

#[test]
fn a_whole_history_that_was_written_anew_contradicts_an_older_checkpoint_or_the_key() {
    let log = Log::of(60);
    let older = &log.checkpoints[1];
    // Cut where a checkpoint ends, with an end of its own: by itself it looks whole.
    let shorter = log.clone().cut_to(1);
    assert_eq!(found(&shorter.export()), []);
    let report = verify_with(shorter.export().as_bytes(), None, Some(older));
    assert!(report.findings[0].to_string().contains("the export was cut"), "{report:?}");
    // Everything new, by whoever has the key.
    let rewritten = Log::with(60, &key(1), "bob@example.com");
    assert_eq!(found(&rewritten.export()), []);
    let report = verify_with(rewritten.export().as_bytes(), Some(key(1).public()), Some(older));
    assert!(report.findings[0].to_string().contains("are not those that checkpoint 2"), "{report:?}");
    // And by whoever has not.
    let forged = Log::with(60, &key(2), "alice@example.com");
    assert_eq!(found(&forged.export()), []);
    let report = verify_with(forged.export().as_bytes(), Some(key(1).public()), None);
    assert_eq!(report.findings, [Finding::Key { expected: key(1).public().id() }]);
    let report = verify_with(forged.export().as_bytes(), None, Some(older));
    assert!(report.findings[0].to_string().contains("not signed by a key of this export"), "{report:?}");
}

#[test]
fn an_event_that_is_sealed_behind_its_successor_is_no_alarm() {
    let mut log = Log::of(60);
    log.events.swap(1, 2);
    let log = log.sealed_again();
    let report = verify(log.export().as_bytes());
    assert_eq!((report.findings, report.notes), (Vec::new(), Vec::new()));
}

#[test]
fn rubbish_is_refused_and_breaks_nothing() {
    for rubbish in ["", "\n", "{}\n", "[]\n", "null", "{\"leaf\":1}\n", "{\"export\":{}}\n", "\u{0}\n\n\n"] {
        assert_ne!(found(rubbish), [], "{rubbish:?}");
    }
    let deep = format!("{}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    assert_ne!(found(&deep), []);
    let huge = record::event_line(u64::MAX, "req_1", &json!({ "seq": u64::MAX, "hash": Hash::ZERO }));
    assert_ne!(found(&(record::first_line("x", &[]) + &huge + &huge)), []);
}
