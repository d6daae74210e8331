//! Parses every `countersign …` in pages, help texts and messages with the program's own parser.
//!
//! `tests/docs/run.py` runs the shell blocks of the pages. This test also covers blocks that need AWS or Slack, and
//! commands within sentences.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod extract;
mod shell;

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

use crate::cli::Cli;
use extract::{Found, hints, in_page};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files below a folder with that ending, without build output and installed packages.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !["target", "node_modules"].contains(&name) && !name.starts_with('.') {
                found.extend(files(&path, ending));
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Why the program rejects a command, or `None`.
///
/// Within a sentence, `countersign tokens create` is a name and needs no arguments. A final `…` means further options.
fn wrong(found: &Found) -> Option<String> {
    let mut words = found.words.clone();
    let mut error = Cli::try_parse_from(&words).err()?;
    let goes_on = words.last().is_some_and(|word| word == "…");
    if goes_on {
        words.pop();
        error = Cli::try_parse_from(&words).err()?;
    }
    let incomplete = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        _ if incomplete && (goes_on || (found.in_sentence && names_a_command(&words))) => None,
        _ => Some(format!(
            "{}: {}: {error}",
            found.place,
            shlex::try_join(words.iter().map(String::as_str)).unwrap()
        )),
    }
}

/// Whether the words are the names of a command and its subcommands, without arguments.
fn names_a_command(words: &[String]) -> bool {
    let mut command = Cli::command();
    words.iter().skip(1).all(|word| match command.find_subcommand(word).cloned() {
        Some(subcommand) => {
            command = subcommand;
            true
        }
        None => false,
    })
}

/// Fails with a list of the rejected commands. Expects a minimum, so that a broken search fails too.
#[track_caller]
fn check(found: &[Found], at_least: usize) {
    assert!(found.len() >= at_least, "only {} commands were found", found.len());
    let wrong: Vec<String> = found.iter().filter_map(wrong).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), found.len(), wrong.join("\n"));
}

#[test]
fn the_program_accepts_every_command_in_a_page() {
    let root = root();
    let mut pages = files(&root.join("docs"), ".md");
    pages.extend(
        std::fs::read_dir(&root)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "md")),
    );
    let mut found = Vec::new();
    for page in pages {
        let name = page.strip_prefix(&root).unwrap().display().to_string();
        found.extend(in_page(&std::fs::read_to_string(&page).unwrap(), &name));
    }
    assert!(found.iter().any(|found| found.place.starts_with("README.md")));
    check(&found, 120);
}

#[test]
fn the_program_accepts_every_command_in_a_message() {
    let root = root();
    let mut found = Vec::new();
    for folder in ["cli/src", "functions", "shared"] {
        for source in files(&root.join(folder), ".rs") {
            let name = source.strip_prefix(&root).unwrap().display().to_string();
            // Integration tests contain rejected commands. Snapshots of messages are beside the code.
            if !name.contains("/tests/") && !name.contains("documented") {
                found.extend(hints(&std::fs::read_to_string(&source).unwrap(), &name));
            }
        }
    }
    check(&found, 30);
}

#[test]
fn the_program_accepts_every_example_in_a_help_text() {
    fn examples(command: &clap::Command, path: &str, found: &mut Vec<Found>) {
        let path = format!("{path} {}", command.get_name());
        let texts = [command.get_after_help(), command.get_after_long_help()];
        for line in texts
            .into_iter()
            .flatten()
            .flat_map(|text| text.to_string().lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>())
        {
            let line = line.strip_prefix("$ ").unwrap_or(&line);
            if line.starts_with("countersign ") {
                found.extend(
                    shell::commands(line)
                        .into_iter()
                        .filter_map(|words| Found::new(words, format!("{} --help", path.trim()), false)),
                );
            }
        }
        for subcommand in command.get_subcommands() {
            examples(subcommand, &path, found);
        }
    }
    let mut found = Vec::new();
    examples(&Cli::command(), "", &mut found);
    check(&found, 0);
}

#[test]
fn a_rejected_command_is_found_in_every_kind_of_text() {
    let is_wrong = |page: &str| in_page(page, "page").iter().any(|found| wrong(found).is_some());
    for page in [
        "```sh\nid=$(countersign exec db --no-wait)\ncountersign run \"$id\" --timeout 1s || echo \"exit code $?\"\n```",
        "<!-- not run: AWS -->\n```sh\ncountersign bootstrap --tabel x --email a@b.c\n```",
        "   ```sh\n   PROD=x countersign serve --demos &\n   ```",
        "```sh\necho \"$(countersign aprove req_1)\" | cat\n```",
        "```sh\ncountersign tokens create\n```",
        "Look at `countersign requests lst`.",
        "Then `countersign settle ID`.",
        "Then `countersign\nsettle ID --outcome maybe --note x`.",
    ] {
        assert!(is_wrong(page), "{page}");
    }
    for page in [
        "```sh\ncountersign exec db \"DELETE FROM t\" \\\n  --reason 'a b' # --not-an-option\n```",
        "`countersign tokens create` makes one; `countersign slack set …` and `countersign run ID` too.",
        "```text\ncountersign is not run here\n```",
        "```sh\ncountersign audit export > log.jsonl 2>&1 && target/release/countersign --help\n```",
    ] {
        assert!(!is_wrong(page), "{page}");
    }
}
