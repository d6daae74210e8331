//! What is known of programs: one table, `data/programs.txt`. A program that is not in it may run anything.

use super::options::Options;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// What is known of a program.
#[derive(Debug)]
pub(super) enum Program {
    /// It runs no other code.
    Plain,
    /// It runs no other code with these options.
    Options(Options),
    /// It runs no other code without these options.
    Except(Vec<&'static str>),
    /// Its arguments name variables.
    Variables(Options),
    /// It runs the program that begins there.
    Wrap(Start, Options),
    /// It has commands of its own.
    Commands(Vec<&'static str>, Options),
    /// It runs a script that is looked into.
    Script(Options),
    /// It runs what is in a text, a file or on its standard input.
    Code,
}

/// Where the program begins that another one runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Behind this number of arguments.
    Behind(usize),
    /// Behind `--`.
    BehindDashes,
}

/// When a program reads its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    Never,
    /// Where an argument says so, also by one of these letters.
    IfAsked(&'static str),
    /// Without a file behind this number of arguments.
    WithoutFile(usize),
}

#[derive(Default)]
struct Table {
    programs: BTreeMap<&'static str, Program>,
    reads: BTreeMap<&'static str, Reads>,
    setters: BTreeSet<&'static str>,
    writers: BTreeSet<&'static str>,
    dangerous: BTreeSet<&'static str>,
    meaning: BTreeSet<&'static str>,
    harmless: BTreeSet<&'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for line in include_str!("../../data/programs.txt").lines().filter(|line| !line.starts_with('#')) {
        table.read(line);
    }
    table
});

impl Table {
    fn read(&mut self, line: &'static str) {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let (class, name) = (cell(), cell());
        let names = name.split_whitespace();
        let noted = names
            .clone()
            .map(|name| name.split_once(':').filter(|(name, _)| !name.is_empty()).unwrap_or((name, "")));
        match class {
            "plain" => self.programs.extend(names.map(|name| (name, Program::Plain))),
            "options" => _ = self.programs.insert(name, Program::Options(Options::new(cell()))),
            "except" => {
                _ = self.programs.insert(name, Program::Except(cell().split_whitespace().collect()));
            }
            "variables" => _ = self.programs.insert(name, Program::Variables(Options::new(cell()))),
            "wrap" => {
                // A count that cannot be read is a mistake in the table; a test finds it.
                let start = match cell() {
                    "--" => Start::BehindDashes,
                    count => Start::Behind(count.parse().unwrap_or_default()),
                };
                self.programs.insert(name, Program::Wrap(start, Options::new(cell())));
            }
            "commands" => {
                let commands = cell().split_whitespace().collect();
                self.programs.insert(name, Program::Commands(commands, Options::new(cell())));
            }
            "script" => _ = self.programs.insert(name, Program::Script(Options::new(cell()))),
            "setters" => self.setters.extend(names),
            "quiet" => self.reads.extend(names.map(|name| (name, Reads::Never))),
            "asks" => self.reads.extend(noted.map(|(name, letters)| (name, Reads::IfAsked(letters)))),
            "filters" => {
                let filters =
                    noted.map(|(name, count)| (name, Reads::WithoutFile(count.parse().unwrap_or_default())));
                self.reads.extend(filters);
            }
            "writers" => self.writers.extend(names),
            "dangerous" => self.dangerous.extend(names),
            "meaning" => self.meaning.extend(names),
            "harmless" => self.harmless.extend(names),
            // Everything else is taken for the strictest.
            _ => self.programs.extend(names.map(|name| (name, Program::Code))),
        }
    }
}

/// A file's name without its directories.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Directories whose programs are what their names say.
const DIRECTORIES: [&str; 6] =
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// Whether a program of this path is what its name says; in other directories it may be anything.
pub(super) fn is_in_its_place(path: &str) -> bool {
    path.rsplit_once('/').is_none_or(|(directory, _)| DIRECTORIES.contains(&directory))
}

/// The names by which a program may be listed: `python3.11`, `mkfs.ext4`.
fn names(name: &str) -> impl Iterator<Item = &str> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let head = name.split('.').next().unwrap_or(name);
    [name, stem, head].into_iter().filter(|name| !name.is_empty())
}

/// What is known of a program, by its name without directories, or of a command of one (`docker exec`).
pub(super) fn known(name: &str) -> Option<&'static Program> {
    names(name).find_map(|name| TABLE.programs.get(name))
}

/// Whether a program can run or write something that its arguments name, so that any option of it is a risk.
pub(crate) fn may_run_code(name: &str) -> bool {
    !is_in_its_place(name) || !matches!(known(base(name)), Some(Program::Plain))
}

/// When a program reads its standard input; `None` if that is not known.
pub(super) fn reads(name: &str) -> Option<Reads> {
    TABLE.reads.get(name).copied()
}

/// Whether a program sets variables of the shell in ways that are not followed.
pub(super) fn is_setter(name: &str) -> bool {
    TABLE.setters.contains(name) || matches!(known(name), Some(Program::Variables(_)))
}

/// Whether a program writes files that its arguments name.
pub(super) fn is_writer(name: &str) -> bool {
    TABLE.writers.contains(name)
}

/// Whether a program destroys or stops something with few words.
pub(super) fn is_dangerous(name: &str) -> bool {
    names(name).any(|name| TABLE.dangerous.contains(name))
}

/// Whether a variable changes which program a name means, or what runs before it.
pub(crate) fn changes_meaning(variable: &str) -> bool {
    has(&TABLE.meaning, variable)
}

/// Whether a variable changes nothing of what programs are and run.
pub(super) fn is_harmless(variable: &str) -> bool {
    has(&TABLE.harmless, variable)
}

fn has(list: &BTreeSet<&str>, variable: &str) -> bool {
    list.contains(variable)
        || list.iter().any(|entry| entry.strip_suffix('*').is_some_and(|start| variable.starts_with(start)))
}
