//! What the function's binary holds: it shows commands and stores rules, and asks `execute` what it thinks of
//! them. Parsers and recognisers would be half of its size (DESIGN section 10) for two buttons.

use std::process::Command;

#[test]
fn no_parser_of_commands_and_no_recogniser_is_linked() {
    // Of binutils, which brings the linker too. What nothing reaches, the linker has dropped.
    let listed = Command::new("nm").arg(env!("CARGO_BIN_EXE_console")).output().unwrap();
    let symbols = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.status.success() && symbols.contains("countersign_console"), "nm lists what is linked");
    // The settings of masking are read and written here; what recognises anything by them is not.
    let parts = [
        "squawk_syntax",
        "sqlparser",
        "countersign_guardrails",
        "countersign_masking4scan",
        "regex_automata",
        "aho_corasick",
    ];
    for part in parts {
        let found: Vec<&str> = symbols.lines().filter(|line| line.contains(part)).take(3).collect();
        assert!(found.is_empty(), "{part} is linked: {found:?}");
    }
}
