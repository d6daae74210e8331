//! What simple commands do, for rules and reviewers.

use super::inner::{self, Inner, command_of};
use super::input;
use super::options::{Item, Options, Takes};
use super::programs::{self, Program};
use super::scripts;
use super::syntax::{Input, Script, Simple, Word};
use crate::analysis::{Kind, Statement};
use crate::names::quoted;
use std::collections::BTreeSet;

/// Arguments that are looked at; more are taken for hidden.
const MAX_ARGUMENTS: usize = 200;
/// How deep wrappers may be nested: `sudo timeout 5 nice …`.
const MAX_WRAPPERS: usize = 8;

/// The statements of a script. The commands that its wrappers run become commands of the script, and what is not known
/// of a command is noted in it.
pub(super) fn statements(script: &mut Script) -> Vec<Statement> {
    for simple in script.commands.iter_mut().take(script.last_line) {
        simple.followed = true;
    }
    unwrap(script);
    let hidden: Vec<Option<&'static str>> =
        script.commands.iter().map(|simple| hidden_input(simple, script)).collect();
    for (simple, why) in script.commands.iter_mut().zip(hidden) {
        simple.hidden = simple.hidden.or(why);
    }
    let context = Context::of(script);
    script.commands.iter().filter_map(|simple| context.statement(simple)).collect()
}

/// Adds the commands that wrappers run behind them.
fn unwrap(script: &mut Script) {
    let mut commands = Vec::new();
    for simple in std::mem::take(&mut script.commands) {
        let mut outer = Simple {
            words: simple.words.clone(),
            input: simple.input,
            followed: simple.followed,
            ..Simple::default()
        };
        commands.push(simple);
        for level in 0..=MAX_WRAPPERS {
            match inner::of(&outer.words) {
                Some(Inner::Words(words)) if level < MAX_WRAPPERS => outer.words = words,
                Some(Inner::Words(_) | Inner::Hidden) => {
                    let hidden = Some("it runs a program by another one, and it cannot be told which");
                    commands.push(Simple { hidden, ..Simple::default() });
                    break;
                }
                Some(Inner::Nothing) | None => break,
            }
            commands.push(outer.clone());
        }
    }
    script.commands = commands;
}

/// Why the script that runs may not be the one that was read.
fn hidden_input(simple: &Simple, script: &Script) -> Option<&'static str> {
    let name = simple.words.first().and_then(Word::literal);
    let replaces = name.as_deref() == Some("exec")
        && simple.input != Input::Script
        && !matches!(inner::of(&simple.words), Some(Inner::Words(_)));
    if replaces {
        return Some("it replaces the input from which the shell reads the script");
    }
    let reads = input::reads_script(simple, script);
    reads.then_some("a program in it may read the lines that follow from its standard input; give it another one, such as `< /dev/null`")
}

/// What must be known of the script to judge one of its commands.
struct Context<'a> {
    functions: &'a BTreeSet<String>,
    /// Names of files that it writes by redirection.
    written: BTreeSet<String>,
    /// It may write any file.
    writes: bool,
}

impl<'a> Context<'a> {
    fn of(script: &'a Script) -> Self {
        let files = script.commands.iter().flat_map(|simple| &simple.writes);
        let names: Option<BTreeSet<String>> =
            files.map(|file| file.literal().map(|file| programs::base(&file).to_owned())).collect();
        let is_writer = |simple: &Simple| {
            let name = simple.words.first().and_then(Word::literal);
            name.is_some_and(|name| programs::is_writer(programs::base(&name)))
        };
        Self {
            functions: &script.functions,
            writes: names.is_none() || script.commands.iter().any(is_writer),
            written: names.unwrap_or_default(),
        }
    }

    fn statement(&self, simple: &Simple) -> Option<Statement> {
        let Some((program, arguments)) = simple.words.split_first() else {
            let risky = simple.assigned.iter().any(|name| programs::changes_meaning(name));
            let mut statement = Statement::new(Kind::Program, "assignment");
            statement.not_read("it is a shell command");
            decorate(&mut statement, simple, risky);
            let says = risky || simple.hidden.is_some() || !simple.writes.is_empty();
            return says.then_some(statement);
        };
        let mut statement = self.named(program, arguments, simple.input);
        // They are in the environment of the program.
        let risky = simple.assigned.iter().any(|name| !programs::is_harmless(name));
        decorate(&mut statement, simple, risky);
        Some(statement)
    }

    fn named(&self, program: &Word, arguments: &[Word], input: Input) -> Statement {
        let path = program.literal().unwrap_or_default();
        let name = programs::base(&path);
        let mut statement = Statement::new(Kind::Program, if name.is_empty() { "?" } else { name });
        statement.not_read("nothing that a shell runs is provably a read");
        if name.is_empty() {
            statement.hides("the name of a program in it is made when it runs");
            return statement;
        }
        let shown = quoted(name);
        if programs::is_dangerous(name) {
            statement.dangerous = true;
            statement.note(format!("runs {shown}"));
        }
        if arguments.len() > MAX_ARGUMENTS {
            statement.hides(format!("{shown} has more than {MAX_ARGUMENTS} arguments"));
        }
        let known = programs::known(name).filter(|_| programs::is_in_its_place(&path));
        let is_call = self.functions.contains(name) && arguments.is_empty();
        let hidden = match known {
            Some(program) if !is_call => hidden(name, program, arguments),
            _ => self.unknown(name, arguments, input),
        };
        if let Some(why) = hidden {
            statement.hides(format!("{shown} {why}"));
        }
        for word in arguments.iter().take(MAX_ARGUMENTS) {
            if let Some(text) = word.literal().filter(|text| !text.starts_with('-')) {
                statement.act(Kind::Program, format!("{name} {text}"));
            }
        }
        statement
    }

    /// Why an unknown program may run something else. Alone, it is what its name says.
    fn unknown(&self, name: &str, arguments: &[Word], input: Input) -> Option<String> {
        let why = if !arguments.is_empty() {
            "is a program that the guardrail does not know; it may run others"
        } else if input != Input::Script {
            "is a program that the guardrail does not know; it may run what it reads"
        } else if self.writes || self.written.contains(name) {
            "is a program that the guardrail does not know, and the command may have written it"
        } else {
            return None;
        };
        Some(why.to_owned())
    }
}

fn decorate(statement: &mut Statement, simple: &Simple, risky: bool) {
    if !simple.writes.is_empty() {
        statement.note("writes a file");
    }
    if let Some(what) = simple.hidden {
        statement.hides(what);
    }
    if risky {
        statement.hides("it sets a variable that may change what programs' names mean or what they run");
    }
}

const OPTION: &str = "has an option that may run other code";
const MAY_BE_OPTION: &str = "has an argument that may become an option";
const VARIABLE: &str = "sets a variable that may change what programs' names mean, or evaluates a subscript";
const INNER: &str = "runs a program, and it cannot be told which";

/// Why it is not known what a program runs.
fn hidden(name: &str, program: &Program, arguments: &[Word]) -> Option<String> {
    let why = match program {
        Program::Plain => None,
        Program::Code => Some("runs code that the guardrail does not look into"),
        Program::Except(options) => {
            let is_excepted =
                |word: &Word| word.literal().is_none_or(|text| options.contains(&text.as_str()));
            arguments.iter().any(is_excepted).then_some(OPTION)
        }
        Program::Script(options) => {
            (!is_calm(name, options, arguments)).then_some("runs code that the guardrail does not look into")
        }
        Program::Variables(options) => variables(name, options, arguments),
        Program::Options(options) => match inner::of_options(options, arguments) {
            Some(Inner::Hidden) => Some(INNER),
            Some(Inner::Words(_) | Inner::Nothing) | None => unknown_option(options, arguments),
        },
        Program::Wrap(start, options) => match inner::wrapped(*start, options, arguments) {
            Inner::Hidden => Some(INNER),
            Inner::Words(_) | Inner::Nothing => None,
        },
        Program::Commands(commands, options) => return of_commands(name, commands, options, arguments),
    };
    why.map(str::to_owned)
}

/// An option that is not known, or a word that may become one.
fn unknown_option(options: &Options, arguments: &[Word]) -> Option<&'static str> {
    options
        .walk(arguments, |at, item| match item {
            // What is behind it is a command of its own.
            Item::Option(Takes::Program) => Some(None),
            item => option_risk(options, arguments.get(at), &item).map(Some),
        })
        .flatten()
}

fn option_risk(options: &Options, word: Option<&Word>, item: &Item<'_>) -> Option<&'static str> {
    match item {
        Item::Unknown => Some(OPTION),
        Item::MayBeOption => Some(MAY_BE_OPTION),
        Item::Value(Takes::OneOf(values), value) => {
            let is_one = value.as_deref().is_some_and(|value| values.contains(&value));
            (!is_one).then_some(OPTION)
        }
        Item::Value(Takes::Variable, value) => {
            value.as_deref().is_none_or(is_risky_variable).then_some(VARIABLE)
        }
        Item::Positional(_) if options.no_path => {
            let is_name = word.and_then(Word::literal).is_some_and(|text| !text.contains('/'));
            (!is_name).then_some("has an argument that may be a file")
        }
        Item::Positional(_) | Item::Dashes | Item::Option(_) | Item::Value(..) | Item::Missing => None,
    }
}

/// Its name has a subscript, which is arithmetic, or it changes what programs' names mean.
fn is_risky_variable(name: &str) -> bool {
    name.contains('[') || programs::changes_meaning(name)
}

/// The variables that a command sets by its arguments; `None` for one that is not known.
pub(crate) fn variables_of(words: &[Word]) -> Vec<Option<String>> {
    let Some((program, arguments)) = words.split_first() else { return Vec::new() };
    let program = program.literal().unwrap_or_default();
    let mut found = Vec::new();
    if let Some(Program::Variables(options) | Program::Options(options)) = programs::known(&program) {
        let names = matches!(programs::known(&program), Some(Program::Variables(_)));
        options.walk(arguments, |at, item| {
            match item {
                Item::Value(Takes::Variable, value) => found.push(value),
                Item::Positional(_) | Item::MayBeOption if names => {
                    found.push(arguments.get(at).and_then(variable_of));
                }
                _ => {}
            }
            None::<()>
        });
    }
    found
}

/// The variable that an argument names; its value may be anything.
fn variable_of(word: &Word) -> Option<String> {
    let visible = word.visible();
    let (name, has_value) =
        visible.split_once('=').map_or((visible.as_str(), false), |(name, _)| (name, true));
    let begins = word.parts.first().is_some_and(|part| {
        matches!(part, super::syntax::Part::Plain(text) | super::syntax::Part::Quoted(text) if text.starts_with(name))
    });
    (word.literal().is_some() || (has_value && begins)).then(|| name.to_owned())
}

fn variables(program: &str, options: &Options, arguments: &[Word]) -> Option<&'static str> {
    let exports = program == "export";
    options.walk(arguments, |at, item| match item {
        Item::Positional(_) | Item::MayBeOption => {
            let name = arguments.get(at).and_then(variable_of);
            let is_risky =
                name.is_none_or(|name| is_risky_variable(&name) || exports && !programs::is_harmless(&name));
            is_risky.then_some(VARIABLE)
        }
        item => option_risk(options, arguments.get(at), &item),
    })
}

/// Whether the script is the first argument that is no option, all options are known, and the script is calm.
fn is_calm(name: &str, options: &Options, arguments: &[Word]) -> bool {
    let mut script = None;
    let risk = options.walk(arguments, |at, item| match item {
        Item::Positional(_) if script.is_none() => {
            script = Some(arguments.get(at).and_then(Word::literal).unwrap_or_default());
            None
        }
        // `awk -F: '…' name=value`
        item => option_risk(options, arguments.get(at), &item),
    });
    risk.is_none() && script.is_some_and(|script| scripts::is_calm(name, &script))
}

fn of_commands(name: &str, commands: &[&str], options: &Options, arguments: &[Word]) -> Option<String> {
    if let Some((name, program, arguments)) = command_of(name, options, arguments) {
        return hidden(&name, program, arguments);
    }
    let mut has_command = false;
    options.walk(arguments, |at, item| {
        let word = arguments.get(at);
        if let Item::Positional(_) | Item::MayBeOption = item
            && !has_command
        {
            has_command = true;
            let Some(text) = word.and_then(Word::literal) else {
                return Some("has a command that is made when it runs".to_owned());
            };
            let any = commands.contains(&"*") && !text.contains('/');
            if !any && !commands.contains(&text.as_str()) {
                return Some(format!("has the command {}, which may run other code", quoted(&text)));
            }
            return None;
        }
        option_risk(options, word, &item).map(str::to_owned)
    })
}
