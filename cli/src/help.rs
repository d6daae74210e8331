//! The help texts: global options once, examples for every command.

use clap::{Arg, Command, CommandFactory as _};

use crate::cli::Cli;

/// The section `Examples` of a help text. Each line is a command that this program accepts; a test parses them.
macro_rules! examples {
    ($($line:literal),+ $(,)?) => {
        concat!("Examples:", $("\n  ", $line),+)
    };
}
pub(crate) use examples;

/// The command line as it is defined, for completion scripts.
pub(crate) fn plain() -> Command {
    Cli::command()
}

/// The command line with help texts for people: subcommands name the global options in one line, and only the
/// top level describes them.
pub(crate) fn command() -> Command {
    let command = plain();
    let globals: Vec<Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let note = note(&command, &globals);
    command.mut_subcommands(|subcommand| without_globals(subcommand, &globals, &note))
}

/// Hides the global options of a command and its subcommands, and adds `note`.
fn without_globals(command: Command, globals: &[Arg], note: &str) -> Command {
    let texts = [command.get_after_help(), command.get_after_long_help()];
    let [short, long] = texts.map(|text| text.map(|text| format!("{text}\n\n{note}")));
    // An argument that exists is not propagated again, so these are the ones that parse.
    let mut command = command.args(globals.iter().cloned().map(|arg| arg.hide(true)));
    command = command.after_help(short.unwrap_or_else(|| note.to_owned()));
    if let Some(long) = long {
        command = command.after_long_help(long);
    }
    command.mut_subcommands(|subcommand| without_globals(subcommand, globals, note))
}

/// One line that names the global options.
fn note(command: &Command, globals: &[Arg]) -> String {
    let name = |arg: &Arg| {
        let long = arg.get_long().map(|long| format!("--{long}"));
        let short = arg.get_short().map(|short| format!("-{short}"));
        short.into_iter().chain(long).collect::<Vec<_>>().join("/")
    };
    let names: Vec<String> = globals.iter().map(name).collect();
    format!("Global options (described by `{} --help`): {}", command.get_name(), names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every visible command below `command` with its path, such as `["connections", "create"]`.
    fn walk(command: &Command, path: &[String], found: &mut Vec<(Vec<String>, Command)>) {
        for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
            let path: Vec<String> = path.iter().cloned().chain([subcommand.get_name().to_owned()]).collect();
            walk(subcommand, &path, found);
            found.push((path, subcommand.clone()));
        }
    }

    fn every_command() -> Vec<(Vec<String>, Command)> {
        let mut found = Vec::new();
        walk(&command(), &[], &mut found);
        assert!(found.len() > 60, "{}", found.len());
        found
    }

    /// The lines of the section `Examples`.
    fn examples_of(command: &Command) -> Vec<String> {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let lines = text.lines().skip_while(|line| *line != "Examples:").skip(1);
        lines.take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn every_command_has_up_to_three_examples_that_parse_as_that_command() {
        for (path, found) in every_command() {
            let examples = examples_of(&found);
            assert!((1..=3).contains(&examples.len()), "{path:?} has {} examples", examples.len());
            for example in examples {
                assert!(example.len() <= 98, "{example:?} does not fit in a line");
                let mut words = shlex::split(&example).unwrap();
                if let Some(redirection) = words.iter().position(|word| word == ">") {
                    assert_eq!(words.len(), redirection + 2, "{example}");
                    words.truncate(redirection);
                }
                let matches = command().try_get_matches_from(&words).unwrap_or_else(|error| {
                    panic!("{example:?} is refused: {error}");
                });
                let mut parsed = Vec::new();
                let mut level = &matches;
                while let Some((name, below)) = level.subcommand() {
                    parsed.push(name.to_owned());
                    level = below;
                }
                // A group of commands shows some of its own.
                let belongs =
                    if found.has_subcommands() { parsed.starts_with(&path) } else { parsed == path };
                assert!(belongs, "{example:?} is an example of another command than {path:?}");
            }
        }
    }

    #[test]
    fn global_options_are_described_at_the_top_and_named_everywhere_else() {
        let top = command().render_long_help().to_string();
        assert_eq!(top.matches("Global options:").count(), 1, "{top}");
        let globals: Vec<Arg> = plain().get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
        assert!(globals.len() >= 5);
        for (path, mut found) in every_command() {
            let help = found.render_long_help().to_string();
            assert!(help.contains("Global options (described by `countersign --help`): --url"), "{help}");
            for global in &globals {
                let described = global.get_help().unwrap().to_string();
                assert!(!help.contains(&described), "{path:?} repeats {described:?}");
            }
        }
    }

    #[test]
    fn global_options_count_wherever_they_are_given() {
        use clap::FromArgMatches as _;
        for line in [
            "countersign --as alice -o json connections show c",
            "countersign connections --as alice show c -o json",
            "countersign connections show c --as alice --output json",
        ] {
            let matches = command().try_get_matches_from(line.split(' ')).unwrap();
            let cli = Cli::from_arg_matches(&matches).unwrap();
            assert_eq!(cli.global.as_user.as_deref(), Some("alice"), "{line}");
            assert_eq!(cli.global.output, crate::render::Format::Json, "{line}");
        }
    }

    #[test]
    fn a_help_line_begins_with_a_capital_letter_and_ends_without_a_full_stop() {
        let mut seen = BTreeSet::new();
        for (path, found) in every_command() {
            let about = found.get_about().unwrap_or_else(|| panic!("{path:?} says nothing")).to_string();
            let helps = found.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(Arg::get_help);
            for text in helps.map(ToString::to_string).chain([about]) {
                let first = text.chars().next().unwrap();
                assert!(!first.is_lowercase() && !text.ends_with('.'), "{path:?}: {text:?}");
                seen.insert(text);
            }
        }
        assert!(seen.len() > 100, "{}", seen.len());
    }
}
