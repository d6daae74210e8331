//! Help texts, completion scripts and man pages.

use std::collections::BTreeSet;
use std::process::Command;

use crate::standin::{Ended, bare};

fn run(args: &[&str]) -> Ended {
    let ended = Ended::from(bare(args).output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{args:?}");
    ended
}

/// The commands of the top level, as its help lists them.
fn commands() -> BTreeSet<String> {
    let help = run(&["-h"]).out;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // Deeper lines continue a description.
    let lines = lines.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names: BTreeSet<String> =
        lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert!(names.contains("exec") && names.len() > 25, "{names:?}");
    names
}

#[test]
#[cfg(all(feature = "serve", feature = "runner"))]
fn the_short_help_fits_on_a_screen() {
    insta::assert_snapshot!(run(&["-h"]).out);
}

#[test]
#[cfg(all(feature = "serve", feature = "runner"))]
fn the_long_help_adds_exit_codes_and_environment() {
    insta::assert_snapshot!(run(&["--help"]).out);
}

#[test]
fn the_help_of_a_command_describes_its_own_options() {
    insta::assert_snapshot!(run(&["exec", "--help"]).out);
}

#[test]
fn the_help_of_a_group_of_commands_lists_them() {
    insta::assert_snapshot!(run(&["connections", "--help"]).out);
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completion", shell]).out;
        for command in commands() {
            assert!(script.contains(&command), "{command} is missing for {shell}");
        }
        assert!(script.contains("demo-file"), "global options are missing for {shell}");
    }
}

#[test]
fn bash_completes_commands_and_global_options() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("countersign.bash");
    std::fs::write(&script, run(&["completion", "bash"]).out).unwrap();
    for (typed, expected) in [
        (vec!["countersign", "conn"], vec!["connections"]),
        (vec!["countersign", "connections", "c"], vec!["create"]),
        (vec!["countersign", "exec", "--demo-f"], vec!["--demo-file"]),
    ] {
        let last = typed.len() - 1;
        let completed = Command::new("bash")
            .arg("-c")
            .arg(
                r#"source "$1"; COMP_CWORD=$2; shift 2; COMP_WORDS=("$@")
                   _countersign countersign "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
                   printf '%s\n' "${COMPREPLY[@]}""#,
            )
            .arg("bash")
            .arg(&script)
            .arg(last.to_string())
            .args(&typed)
            .output()
            .unwrap();
        let completed = String::from_utf8(completed.stdout).unwrap();
        assert_eq!(completed.lines().collect::<Vec<_>>(), expected, "{typed:?}");
    }
}

#[test]
fn every_command_has_a_man_page() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("share/man1");
    let ended = Ended::from(bare(&["man", target.to_str().unwrap()]).output().unwrap());
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
    let pages: BTreeSet<String> = std::fs::read_dir(&target)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(ended.err.contains(&format!("wrote {} man pages", pages.len())), "{}", ended.err);
    for command in commands().iter().filter(|command| *command != "help") {
        assert!(pages.contains(&format!("countersign-{command}.1")), "{command}");
    }
    assert!(pages.contains("countersign.1") && pages.contains("countersign-connections-create.1"));
    insta::assert_snapshot!(std::fs::read_to_string(target.join("countersign-exec.1")).unwrap());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_in_one_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let folder = file.path().join("man1");
    let ended = Ended::from(bare(&["man", folder.to_str().unwrap()]).output().unwrap());
    assert_eq!((ended.code, ended.err.lines().count()), (Some(1), 1), "{}", ended.err);
    assert!(ended.err.starts_with("error: cannot write man pages to `"), "{}", ended.err);
}
