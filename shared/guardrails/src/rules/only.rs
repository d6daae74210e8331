//! The `only` rule: a list of the commands that a runner may run. Everything else is blocked.
//!
//! An entry is a program, words that its arguments begin with, and the options that it may have:
//!
//! - `ls`: the program, with any arguments and without options
//! - `kubectl get -n= -o=`: arguments that begin with `get`; the options `-n` and `-o`, which take a value
//! - `journalctl *`: any options
//!
//! Variables that are set and files that are read or written by redirection have lists of their own.

use crate::analysis::Analysis;
use crate::shell::{self, Script, Simple, Word};
use std::collections::BTreeSet;

/// The lists of a rule.
#[derive(Debug, Clone, Default)]
pub(crate) struct Only {
    commands: Vec<Entry>,
    variables: BTreeSet<String>,
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
}

#[derive(Debug, Clone)]
struct Entry {
    program: String,
    begins: Vec<String>,
    flags: BTreeSet<String>,
    valued: BTreeSet<String>,
    any_option: bool,
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let program = words.next().ok_or("expected a program")?.to_owned();
        let odd = |word: &str| word.contains(['"', '\'', '`', '$', ';', '|', '&', '<', '>', '(', ')', '\\']);
        if odd(text) {
            return Err("expected words without quotes, variables and operators".to_owned());
        }
        if program.contains('=') || program.starts_with('-') || program == "*" {
            return Err(format!("expected a program first, got `{program}`"));
        }
        let mut entry = Self {
            program,
            begins: Vec::new(),
            flags: BTreeSet::new(),
            valued: BTreeSet::new(),
            any_option: false,
        };
        for word in words {
            if word == "*" {
                entry.any_option = true;
            } else if let Some(option) = word.strip_suffix('=').filter(|word| word.starts_with('-')) {
                entry.valued.insert(option.to_owned());
            } else if word.starts_with('-') || word.starts_with('+') {
                entry.flags.insert(word.to_owned());
            } else {
                entry.begins.push(word.to_owned());
            }
        }
        Ok(entry)
    }

    /// Whether it covers a command. What the words become when the script runs must be known, as far as it matters.
    fn covers(&self, program: &str, arguments: &[Argument]) -> bool {
        if program != self.program {
            return false;
        }
        let mut begins = self.begins.iter();
        let mut begun = begins.len() == 0;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument {
                Argument::Text(text) if text == "--" => {}
                Argument::Text(text) if text.len() > 1 && text.starts_with('-') => {
                    match self.option(text, begun) {
                        Some(false) => {}
                        Some(true) => {
                            // The value, whatever it is.
                            if arguments.next().is_none_or(Argument::splits) {
                                return false;
                            }
                        }
                        None => return false,
                    }
                }
                Argument::Text(text) if !begun => {
                    if begins.next() != Some(text) {
                        return false;
                    }
                    begun = begins.len() == 0;
                }
                Argument::Text(_) | Argument::Word => {
                    if !begun {
                        return false;
                    }
                }
                Argument::Anything => {
                    if !begun || !self.any_option {
                        return false;
                    }
                }
            }
        }
        begun
    }

    /// Whether an option is allowed, and whether its value is the next argument.
    fn option(&self, text: &str, begun: bool) -> Option<bool> {
        if self.flags.contains(text) {
            return Some(false);
        }
        if self.valued.contains(text) {
            return Some(true);
        }
        if let Some((name, _)) = text.split_once('=')
            && (self.valued.contains(name) || self.any_option)
        {
            return Some(false);
        }
        if !text.starts_with("--") {
            // `-la`, `-nprod`
            let mut letters = text.char_indices().skip(1);
            let all = letters.all(|(at, letter)| {
                let short = format!("-{letter}");
                self.flags.contains(&short)
                    || (self.valued.contains(&short) && at + letter.len_utf8() < text.len())
            });
            let valued =
                self.valued.iter().any(|option| option.len() == 2 && text.starts_with(option.as_str()));
            if all || valued {
                return Some(false);
            }
        }
        // Whether an unknown option takes the next word is not known: then it must not stand before the beginning.
        (self.any_option && begun).then_some(false)
    }
}

/// What an argument is when the script runs.
enum Argument {
    /// This text.
    Text(String),
    /// One word that is no option.
    Word,
    /// It may be an option, or several words.
    Anything,
}

impl Argument {
    fn splits(&self) -> bool {
        matches!(self, Self::Anything)
    }
}

/// Why a command is not covered.
pub(super) enum Uncovered {
    NotUnderstood(String),
    Command(String),
    Variable(String),
    File(&'static str, String),
    Hidden(String),
}

impl std::fmt::Display for Uncovered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotUnderstood(why) => write!(f, "the guardrail could not understand the command: {why}"),
            Self::Command(name) => write!(f, "{name} is not in the list with these arguments and options"),
            Self::Variable(name) => write!(f, "it sets the variable {name}"),
            Self::File(how, file) => write!(f, "it {how} {file} by redirection"),
            Self::Hidden(why) => f.write_str(why),
        }
    }
}

impl Only {
    /// Reads the lists of a rule.
    ///
    /// # Errors
    /// The member and the place of an entry that cannot be, and why.
    pub(super) fn parse(
        commands: &[String],
        variables: Vec<String>,
        reads: Vec<String>,
        writes: Vec<String>,
    ) -> Result<Self, (&'static str, usize, String)> {
        let mut parsed = Vec::new();
        for (at, text) in commands.iter().enumerate() {
            parsed.push(Entry::parse(text).map_err(|why| ("commands", at, why))?);
        }
        for (at, name) in variables.iter().enumerate() {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit());
            if !plain {
                return Err(("variables", at, "expected the name of a variable".to_owned()));
            }
            if shell::changes_meaning(name) {
                return Err((
                    "variables",
                    at,
                    format!("{name} changes which program a name means, or what runs before it"),
                ));
            }
        }
        Ok(Self {
            commands: parsed,
            variables: variables.into_iter().collect(),
            reads: reads.into_iter().collect(),
            writes: writes.into_iter().collect(),
        })
    }

    /// Programs whose entry allows any option although some option of theirs may run code or write files.
    pub(super) fn wide(&self) -> impl Iterator<Item = &str> {
        let wide =
            self.commands.iter().filter(|entry| entry.any_option && shell::may_run_code(&entry.program));
        wide.map(|entry| entry.program.as_str())
    }

    /// The first thing in a command that the rule does not cover.
    pub(super) fn check(&self, analysis: &Analysis) -> Result<(), Uncovered> {
        let script = analysis.script.as_deref().ok_or_else(|| Uncovered::NotUnderstood(analysis.reason()))?;
        script.commands.iter().try_for_each(|simple| self.check_simple(simple, script))
    }

    fn check_simple(&self, simple: &Simple, script: &Script) -> Result<(), Uncovered> {
        if let Some(why) = simple.hidden {
            return Err(Uncovered::Hidden(why.to_owned()));
        }
        if let Some(name) = simple.assigned.iter().find(|name| !self.variables.contains(*name)) {
            return Err(Uncovered::Variable(name.clone()));
        }
        let missing = |files: &[Word], listed: &BTreeSet<String>| {
            files
                .iter()
                .find(|file| file.literal().is_none_or(|file| !listed.contains(&file)))
                .map(Word::visible)
        };
        if let Some(file) = missing(&simple.reads, &self.reads) {
            return Err(Uncovered::File("reads", file));
        }
        if let Some(file) = missing(&simple.writes, &self.writes) {
            return Err(Uncovered::File("writes", file));
        }
        let Some((program, arguments)) = simple.words.split_first() else { return Ok(()) };
        let Some(name) = program.literal().filter(|name| !name.is_empty()) else {
            return Err(Uncovered::Hidden("the name of a program in it is made when it runs".to_owned()));
        };
        for variable in shell::variables_of(&simple.words) {
            let variable = variable.unwrap_or_else(|| "?".to_owned());
            if !self.variables.contains(&variable) {
                return Err(Uncovered::Variable(variable));
            }
        }
        let arguments: Vec<Argument> = arguments.iter().map(|word| argument(word, script)).collect();
        if self.commands.iter().any(|entry| entry.covers(&name, &arguments)) {
            Ok(())
        } else {
            Err(Uncovered::Command(crate::names::quoted(&name)))
        }
    }
}

/// What an argument becomes. Variables that the script alone sets have the values that it sets.
fn argument(word: &Word, script: &Script) -> Argument {
    if let Some(text) = word.literal() {
        return Argument::Text(text);
    }
    let is_option = |texts: &[String]| texts.iter().any(|text| text.starts_with('-'));
    match script.texts(word) {
        Some(texts) if is_option(&texts) => Argument::Anything,
        Some(_) => Argument::Word,
        None if word.may_be_option() => Argument::Anything,
        None => Argument::Word,
    }
}
