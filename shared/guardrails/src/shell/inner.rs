//! The program that another one runs: `sudo`, `xargs`, `find -exec`, `docker exec`.

use super::options::{Argument, Item, Options, Takes};
use super::programs::{self, Program, Start};
use super::syntax::{Part, Word};

/// The command that a wrapper runs.
pub(super) enum Inner {
    /// These words.
    Words(Vec<Word>),
    /// None.
    Nothing,
    /// It cannot be told where it begins.
    Hidden,
}

/// The command that a command runs; `None` if its program is no wrapper.
pub(super) fn of(words: &[Word]) -> Option<Inner> {
    let [program, arguments @ ..] = words else { return None };
    let path = program.literal()?;
    let name = programs::base(&path);
    of_program(name, programs::known(name)?, arguments)
}

fn of_program(name: &str, program: &Program, arguments: &[Word]) -> Option<Inner> {
    match program {
        Program::Wrap(start, options) => Some(wrapped(*start, options, arguments)),
        Program::Commands(_, options) => {
            let (name, program, arguments) = command_of(name, options, arguments)?;
            of_program(&name, program, arguments)
        }
        Program::Options(options) => of_options(options, arguments),
        Program::Plain | Program::Except(_) | Program::Variables(_) | Program::Script(_) | Program::Code => {
            None
        }
    }
}

/// The command of a program that has a line of its own in the table, and its arguments.
pub(super) fn command_of<'a>(
    name: &str,
    options: &Options,
    arguments: &'a [Word],
) -> Option<(String, &'static Program, &'a [Word])> {
    let at = options.walk(arguments, |_, item| match item {
        Item::Positional(at) => Some(Some(at)),
        Item::Unknown | Item::MayBeOption | Item::Missing => Some(None),
        Item::Dashes | Item::Option(_) | Item::Value(..) => None,
    })??;
    let command = format!("{name} {}", arguments.get(at)?.literal()?);
    let program = programs::known(&command)?;
    Some((command, program, arguments.get(at + 1..)?))
}

pub(super) fn wrapped(start: Start, options: &Options, arguments: &[Word]) -> Inner {
    let (mut left, mut replaced) = (0, None);
    if let Start::Behind(count) = start {
        left = count;
    }
    let found = options.walk(arguments, |at, item| match item {
        Item::Unknown | Item::MayBeOption | Item::Missing | Item::Value(_, None) => Some(Inner::Hidden),
        Item::Option(Takes::Shows) => Some(Inner::Nothing),
        Item::Dashes if start == Start::BehindDashes => Some(words(arguments, at + 1)),
        Item::Option(_) | Item::Dashes => None,
        Item::Value(_, Some(value)) => {
            let is_replaced =
                options.appends && arguments.get(at).is_some_and(|option| option.visible().starts_with("-I"));
            if is_replaced {
                replaced = Some(value);
            }
            None
        }
        Item::Positional(_) if start == Start::BehindDashes => None,
        Item::Positional(at) => {
            let Some(text) = arguments.get(at).and_then(Word::literal) else { return Some(Inner::Hidden) };
            // `env NAME=value program`
            if options.assigns
                && let Some((name, _)) = text.split_once('=')
            {
                return (!programs::is_harmless(name)).then_some(Inner::Hidden);
            }
            if left > 0 {
                left -= 1;
                return None;
            }
            Some(words(arguments, at))
        }
    });
    match (found, start) {
        (Some(Inner::Words(words)), _) if options.appends => Inner::Words(match &replaced {
            Some(text) => replace(words, text, &Part::Unknown),
            None => words.into_iter().chain([Word { parts: vec![Part::Unknown] }]).collect(),
        }),
        (Some(found), _) => found,
        (None, Start::BehindDashes) => Inner::Hidden,
        (None, Start::Behind(_)) => Inner::Nothing,
    }
}

fn words(arguments: &[Word], from: usize) -> Inner {
    match arguments.get(from..) {
        Some(words) if !words.is_empty() => Inner::Words(words.to_vec()),
        _ => Inner::Nothing,
    }
}

/// The program that an option runs, up to `;` or `+`. More than one, or anything behind it, is not looked into.
pub(super) fn of_options(options: &Options, arguments: &[Word]) -> Option<Inner> {
    let is_exec = |word: &Word| {
        let text = word.literal();
        text.is_some_and(|text| matches!(options.read(&text), Argument::Option(Takes::Program, _)))
    };
    let exec = options.walk(arguments, |at, item| match item {
        Item::Option(Takes::Program) => Some(at),
        _ => None,
    })?;
    let ends = |word: &Word| matches!(word.literal().as_deref(), Some(";" | "+"));
    let words = arguments.get(exec + 1..).unwrap_or_default();
    Some(match words.split_last() {
        Some((last, words)) if ends(last) && !words.iter().any(|word| ends(word) || is_exec(word)) => {
            // A path that begins as the paths that are searched, so it is no option.
            Inner::Words(replace(words.to_vec(), "{}", &Part::Process))
        }
        _ => Inner::Hidden,
    })
}

/// Replaces each word that contains a text.
fn replace(words: Vec<Word>, text: &str, part: &Part) -> Vec<Word> {
    let replaced = |word: Word| {
        if word.visible().contains(text) { Word { parts: vec![part.clone()] } } else { word }
    };
    words.into_iter().map(replaced).collect()
}
