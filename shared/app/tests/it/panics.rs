//! What a panic tells, and what it does not. In a process of its own, whose standard error can be read.

use std::process::Command;

use countersign_app::telemetry;

/// Set in the process that panics.
const CHILD: &str = "COUNTERSIGN_TEST_PANICS";
/// What a parser might quote.
const COMMAND: &str = "SELECT card FROM customers";

#[test]
fn a_panic_is_logged_by_its_place_and_its_message_goes_nowhere() {
    if std::env::var_os(CHILD).is_some() {
        telemetry::start_json();
        let caught = std::panic::catch_unwind(|| panic!("cannot parse `{COMMAND}`"));
        assert!(caught.is_err());
        let thread = std::thread::spawn(|| panic!("cannot parse `{COMMAND}`"));
        assert!(thread.join().is_err());
        return;
    }
    let this = std::env::current_exe().unwrap();
    let test = "panics::a_panic_is_logged_by_its_place_and_its_message_goes_nowhere";
    let ran = Command::new(this).args([test, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(!out.contains(COMMAND) && !err.contains(COMMAND), "{out}{err}");
    let logged: Vec<&str> = out.lines().filter(|line| line.contains("\"panicked\"")).collect();
    assert_eq!(logged.len(), 2, "one that was caught and one that ended its thread: {out}{err}");
    for line in logged {
        // The test runner may have begun the line.
        let json = line.get(line.find('{').unwrap()..).unwrap();
        let event: serde_json::Value = serde_json::from_str(json).unwrap();
        assert!(event["file"].as_str().unwrap().ends_with("tests/it/panics.rs"), "{event}");
        assert!(event["line"].as_u64().unwrap() > 0, "{event}");
    }
}
