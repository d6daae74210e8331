//! What the function's binary holds: it checks the rules of a connection that is saved, and reads no
//! command and no output by them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

#[test]
fn no_parser_of_commands_and_no_recogniser_is_linked() {
    // Of binutils, which brings the linker too. What nothing reaches, the linker has dropped.
    let listed = Command::new("nm").arg("--demangle").arg(env!("CARGO_BIN_EXE_console")).output().unwrap();
    let symbols = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.status.success() && symbols.contains("countersign_console"), "nm lists what is linked");
    for part in
        ["squawk_syntax::", "sqlparser::", "countersign_guardrails::judge", "countersign_masking::scan"]
    {
        let found: Vec<&str> = symbols.lines().filter(|line| line.contains(part)).take(3).collect();
        assert!(found.is_empty(), "{part} is linked: {found:?}");
    }
}
