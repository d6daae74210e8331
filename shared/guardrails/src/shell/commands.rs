//! What simple commands do, for rules and reviewers.

use super::programs::{self, Argument, Inner, Program};
use super::syntax::{Script, Simple, Word};
use crate::analysis::{Kind, Statement};
use crate::names::quoted;

/// Arguments that are looked at; more are taken for hidden.
const MAX_ARGUMENTS: usize = 200;
/// How deep wrappers may stand in each other: `sudo timeout 5 nice …`.
const MAX_WRAPPERS: usize = 8;

/// The statements of a script, and those of programs that its wrappers run.
pub(super) fn statements(script: &mut Script) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut inner = Vec::new();
    let functions: Vec<&str> = script.functions.iter().map(String::as_str).collect();
    for simple in &script.commands {
        found.extend(statement(simple, &functions));
        let mut words = simple.words.as_slice();
        for level in 0..=MAX_WRAPPERS {
            let wrapped = match wrapped(words) {
                Some(Inner::Words(wrapped)) if level < MAX_WRAPPERS => wrapped,
                Some(Inner::Words(_) | Inner::Hidden) => {
                    let hidden = Some("it runs a program by another one, and it cannot be told which");
                    inner.push(Simple { hidden, ..Simple::default() });
                    break;
                }
                Some(Inner::Nothing) | None => break,
            };
            let simple = Simple { words: wrapped.to_vec(), ..Simple::default() };
            found.extend(statement(&simple, &[]));
            inner.push(simple);
            words = wrapped;
        }
    }
    script.commands.extend(inner);
    found
}

/// The command that a wrapper runs; `None` if it is no wrapper.
fn wrapped(words: &[Word]) -> Option<Inner<'_>> {
    let [program, arguments @ ..] = words else { return None };
    let name = program.literal()?;
    let name = programs::base(&name);
    match programs::known(name)? {
        Program::Wrap(..) => wrapped_of(name, arguments),
        Program::Commands(..) if matches!(name, "docker" | "podman" | "kubectl" | "oc") => {
            Some(exec_of(name, arguments))
        }
        Program::Options(_) if name == "find" => Some(wrapped_find(arguments)),
        _ => None,
    }
}

fn statement(simple: &Simple, functions: &[&str]) -> Option<Statement> {
    let risky = simple.assigned.iter().any(|name| programs::changes_meaning(name));
    let Some((program, arguments)) = simple.words.split_first() else {
        let mut statement = Statement::new(Kind::Program, "assignment");
        statement.not_read("it is a shell command");
        decorate(&mut statement, simple, risky);
        let says = risky || simple.hidden.is_some() || !simple.writes.is_empty();
        return says.then_some(statement);
    };
    let mut statement = named(program, arguments, functions);
    decorate(&mut statement, simple, risky);
    Some(statement)
}

fn decorate(statement: &mut Statement, simple: &Simple, risky: bool) {
    if !simple.writes.is_empty() {
        statement.note("writes a file");
    }
    if let Some(what) = simple.hidden {
        statement.hides(what);
    }
    if risky {
        statement.hides("it sets a variable that changes what programs' names mean");
    }
}

fn named(program: &Word, arguments: &[Word], functions: &[&str]) -> Statement {
    let text = program.literal();
    let name = text.as_deref().map(programs::base).unwrap_or_default();
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
    if let Some(why) = hidden(name, arguments, functions) {
        statement.hides(format!("{shown} {why}"));
    }
    for word in arguments.iter().take(MAX_ARGUMENTS) {
        if let Some(text) = word.literal().filter(|text| !text.starts_with('-')) {
            statement.act(Kind::Program, format!("{name} {text}"));
        }
    }
    statement
}

/// Why it is not known what a program runs.
fn hidden(name: &str, arguments: &[Word], functions: &[&str]) -> Option<String> {
    const SUBSCRIPT: &str = "evaluates a subscript";
    if functions.contains(&name) && arguments.is_empty() {
        return None;
    }
    let texts: Vec<Option<String>> = arguments.iter().map(Word::literal).collect();
    let has = |wanted: &[&str]| texts.iter().flatten().any(|text| wanted.contains(&text.as_str()));
    // The names of variables in their arguments may have subscripts, which are arithmetic.
    let names_variables = matches!(name, "read" | "unset")
        && texts.iter().any(|text| text.as_ref().is_none_or(|text| text.contains('[')));
    if names_variables || (matches!(name, "test" | "[") && has(&["-v", "-R"])) {
        return Some(SUBSCRIPT.to_owned());
    }
    if name == "export" {
        // The name must be known; the value may be anything.
        let risky = arguments.iter().any(|word| {
            let visible = word.visible();
            let variable = visible.split_once('=').map_or(visible.as_str(), |(name, _)| name);
            let known = word.literal().is_some() || visible.contains('=');
            !known || variable.contains('[') || programs::changes_meaning(variable)
        });
        return risky.then(|| "sets a variable that may change what programs' names mean".to_owned());
    }
    match programs::known(name) {
        None if arguments.is_empty() => None,
        None => Some("is a program that the guardrail does not know; it may run others".to_owned()),
        Some(Program::Plain) => None,
        Some(Program::Code) => {
            let calm = match texts.iter().flatten().collect::<Vec<_>>().as_slice() {
                _ if texts.iter().any(Option::is_none) => false,
                [script, files @ ..] if programs::is_calm_script(name, script) => {
                    files.iter().all(|file| !file.starts_with('-'))
                }
                [option, separator, script, files @ ..] if *option == "-F" && separator.len() == 1 => {
                    programs::is_calm_script(name, script) && files.iter().all(|file| !file.starts_with('-'))
                }
                [option, script, files @ ..]
                    if *option == "-n" || *option == "-i" || option.starts_with("-F") =>
                {
                    programs::is_calm_script(name, script) && files.iter().all(|file| !file.starts_with('-'))
                }
                _ => false,
            };
            (!calm).then(|| "runs code that the guardrail does not look into".to_owned())
        }
        Some(Program::Options(options)) => {
            let mut own = arguments;
            if name == "find" {
                if matches!(wrapped_find(arguments), Inner::Hidden) {
                    return Some("runs a program, and it cannot be told which".to_owned());
                }
                let end = arguments.iter().position(is_exec).unwrap_or(arguments.len());
                own = arguments.get(..end).unwrap_or_default();
            }
            unknown_option(options, own, name == "tar" || name == "find")
        }
        Some(Program::Wrap(..)) => match wrapped_of(name, arguments) {
            Some(Inner::Hidden) => Some("runs a program, and it cannot be told which".to_owned()),
            Some(Inner::Words([first, ..])) if first.literal().is_none() => {
                Some("runs a program whose name is made when it runs".to_owned())
            }
            _ => None,
        },
        Some(Program::Commands(commands, options)) => of_commands(name, commands, options, arguments),
    }
}

/// The program that `find` runs. More than one, or anything behind it, is not looked into.
fn wrapped_find(arguments: &[Word]) -> Inner<'_> {
    let Some(exec) = arguments.iter().position(is_exec) else { return Inner::Nothing };
    let ends = |word: &Word| matches!(word.literal().as_deref(), Some(";" | "+"));
    let words = arguments.get(exec + 1..).unwrap_or_default();
    match words.split_last() {
        Some((last, words)) if ends(last) && !words.iter().any(|word| ends(word) || is_exec(word)) => {
            Inner::Words(words)
        }
        _ => Inner::Hidden,
    }
}

fn is_exec(word: &Word) -> bool {
    matches!(word.literal().as_deref(), Some("-exec" | "-execdir" | "-ok" | "-okdir"))
}

fn wrapped_of<'a>(name: &str, arguments: &'a [Word]) -> Option<Inner<'a>> {
    let Some(Program::Wrap(count, options)) = programs::known(name) else { return None };
    let looks = name == "command"
        && arguments.first().and_then(Word::literal).is_some_and(|first| first == "-v" || first == "-V");
    if looks {
        return Some(Inner::Nothing);
    }
    Some(programs::inner(*count, options, arguments, name == "env" || name == "sudo"))
}

/// An option that is not known, or a word that may become one.
fn unknown_option(options: &programs::Options, arguments: &[Word], bundled: bool) -> Option<String> {
    let mut rest = arguments.iter().enumerate();
    while let Some((at, word)) = rest.next() {
        let Some(text) = word.literal() else {
            if word.may_be_option() {
                return Some("has an argument that may become an option".to_owned());
            }
            continue;
        };
        // `tar czf`
        let text = if bundled
            && at == 0
            && !text.starts_with('-')
            && text.bytes().all(|b| b.is_ascii_alphabetic())
            && text.len() < 8
        {
            format!("-{text}")
        } else {
            text
        };
        // `find -name`
        match options.read(&text) {
            Argument::Unknown => return Some("has an option that may run other code".to_owned()),
            Argument::OptionWithValue => {
                rest.next();
            }
            Argument::Option if text == "--" => return None,
            Argument::Option | Argument::Positional => {}
        }
    }
    None
}

fn of_commands(
    name: &str,
    commands: &[&str],
    options: &programs::Options,
    arguments: &[Word],
) -> Option<String> {
    let mut rest = arguments.iter();
    let mut command = None;
    while let Some(word) = rest.next() {
        let Some(text) = word.literal() else {
            if command.is_none() {
                return Some("has a command that is made when it runs".to_owned());
            }
            if word.may_be_option() {
                return Some("has an argument that may become an option".to_owned());
            }
            continue;
        };
        match options.read(&text) {
            Argument::Unknown => return Some("has an option that may run other code".to_owned()),
            Argument::OptionWithValue => _ = rest.next(),
            Argument::Option => {}
            Argument::Positional if command.is_none() => {
                let is_exec = text == "exec" && matches!(name, "docker" | "podman" | "kubectl" | "oc");
                if !is_exec && !commands.contains(&text.as_str()) && !commands.contains(&"*") {
                    return Some(format!("has the command {}, which may run other code", quoted(&text)));
                }
                if is_exec {
                    let hidden = matches!(exec_of(name, arguments), Inner::Hidden | Inner::Nothing);
                    return hidden.then(|| "runs a program, and it cannot be told which".to_owned());
                }
                command = Some(text);
            }
            Argument::Positional => {}
        }
    }
    None
}

fn exec_of<'a>(name: &str, arguments: &'a [Word]) -> Inner<'a> {
    let Some(exec) = arguments.iter().position(|word| word.literal().as_deref() == Some("exec")) else {
        return Inner::Nothing;
    };
    let rest = arguments.get(exec + 1..).unwrap_or_default();
    if let Some(end) = rest.iter().position(|word| word.literal().as_deref() == Some("--")) {
        return rest.get(end + 1..).map_or(Inner::Nothing, Inner::Words);
    }
    let plain = rest.iter().position(|word| {
        word.literal().is_none_or(|text| !matches!(text.as_str(), "-i" | "-t" | "-it" | "-d"))
    });
    match plain.and_then(|plain| Some((plain, rest.get(plain)?.literal()?))) {
        Some((plain, text)) if !text.starts_with('-') && matches!(name, "docker" | "podman") => {
            rest.get(plain + 1..).map_or(Inner::Nothing, Inner::Words)
        }
        _ => Inner::Hidden,
    }
}
