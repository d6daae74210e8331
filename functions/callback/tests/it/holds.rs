//! What the function's binary holds: it decides about commands, and need not read them. A parser would
//! be most of its size (DESIGN section 10) and none of its work.

use std::process::Command;

#[test]
fn no_parser_of_commands_and_no_recogniser_is_linked() {
    // Of binutils, which brings the linker too. What nothing reaches, the linker has dropped.
    let listed = Command::new("nm").arg(env!("CARGO_BIN_EXE_callback")).output().unwrap();
    let symbols = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.status.success() && symbols.contains("countersign_callback"), "nm lists what is linked");
    for part in ["squawk_syntax", "sqlparser", "countersign_guardrails", "countersign_masking"] {
        let found: Vec<&str> = symbols.lines().filter(|line| line.contains(part)).take(3).collect();
        assert!(found.is_empty(), "{part} is linked: {found:?}");
    }
}
