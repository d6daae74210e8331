//! Options of programs, and how they read arguments.

use super::syntax::Word;
use std::collections::BTreeMap;

/// Options of a program.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// All others are allowed too.
    any: bool,
    /// Assignments may stand before the program that it runs.
    pub(super) assigns: bool,
    /// The first argument may be letters of options.
    bundle: bool,
    /// It adds arguments to the program that it runs.
    pub(super) appends: bool,
    /// Its arguments have no `/`.
    pub(super) no_path: bool,
    known: BTreeMap<&'static str, Takes>,
}

/// What an option takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing.
    Nothing,
    /// A value.
    Value,
    /// A value with some commands of the program, nothing with others.
    Perhaps,
    /// One of these values.
    OneOf(Vec<&'static str>),
    /// The name of a variable.
    Variable,
    /// A program and its arguments.
    Program,
    /// Nothing, and the program runs nothing.
    Shows,
}

/// How an argument is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Argument<'a> {
    /// No option.
    Positional,
    /// A known option; its value is in it, or it has none.
    Option(&'a Takes, Option<String>),
    /// A known option whose value is the next argument.
    OptionWithValue(&'a Takes),
    /// An option that is not known.
    Unknown,
}

/// An argument with its place.
pub(super) enum Item<'a> {
    Positional(usize),
    /// `--`.
    Dashes,
    Option(&'a Takes),
    /// The value of an option, if it is known.
    Value(&'a Takes, Option<String>),
    /// The value of an option is missing.
    Missing,
    Unknown,
    /// It is not known whether it is an option.
    MayBeOption,
}

impl Options {
    pub(super) fn new(text: &'static str) -> Self {
        let mut options = Self::default();
        for option in text.split_whitespace() {
            match option {
                "*" => options.any = true,
                "NAME=VALUE" => options.assigns = true,
                "BUNDLE" => options.bundle = true,
                "APPENDS" => options.appends = true,
                "NOPATH" => options.no_path = true,
                _ => {
                    let (name, takes) = takes(option);
                    options.known.insert(name, takes);
                }
            }
        }
        options
    }

    /// How an argument is read; `-n`, `--name value`, `--name=value`, `-abc`, `-nvalue`.
    pub(super) fn read(&self, argument: &str) -> Argument<'_> {
        if let Some(takes) = self.known.get(argument) {
            return match takes {
                Takes::Nothing | Takes::Program | Takes::Shows => Argument::Option(takes, None),
                Takes::Value | Takes::Perhaps | Takes::OneOf(_) | Takes::Variable => {
                    Argument::OptionWithValue(takes)
                }
            };
        }
        let plus = self.known.keys().any(|option| option.starts_with('+'));
        if argument.len() < 2 || !(argument.starts_with('-') || (plus && argument.starts_with('+'))) {
            return Argument::Positional;
        }
        if self.any || argument == "--" {
            return Argument::Option(&Takes::Nothing, None);
        }
        if let Some((name, value)) = argument.split_once('=')
            && let Some(takes @ (Takes::Value | Takes::Perhaps | Takes::OneOf(_) | Takes::Variable)) =
                self.known.get(name)
        {
            return Argument::Option(takes, Some(value.to_owned()));
        }
        // `-50`
        if argument.get(1..).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit())) {
            return Argument::Option(&Takes::Nothing, None);
        }
        let (sign, letters) = argument.split_at_checked(1).unwrap_or_default();
        if letters.starts_with('-') {
            return Argument::Unknown;
        }
        for (at, letter) in letters.char_indices() {
            match self.known.get(format!("{sign}{letter}").as_str()) {
                Some(Takes::Nothing) => {}
                Some(takes @ (Takes::Value | Takes::Perhaps | Takes::OneOf(_) | Takes::Variable)) => {
                    let value = letters.get(at + letter.len_utf8()..).unwrap_or_default();
                    return if value.is_empty() {
                        Argument::OptionWithValue(takes)
                    } else {
                        Argument::Option(takes, Some(value.to_owned()))
                    };
                }
                _ => return Argument::Unknown,
            }
        }
        Argument::Option(&Takes::Nothing, None)
    }

    /// The arguments of a program, one after the other; `visit` ends it with something else than `None`.
    pub(super) fn walk<T>(
        &self,
        arguments: &[Word],
        mut visit: impl FnMut(usize, Item<'_>) -> Option<T>,
    ) -> Option<T> {
        let mut at = 0;
        let mut ended = false;
        while let Some(word) = arguments.get(at) {
            let here = at;
            at += 1;
            let Some(text) = word.literal() else {
                let item = if word.may_be_option() { Item::MayBeOption } else { Item::Positional(here) };
                if let Some(found) = visit(here, item) {
                    return Some(found);
                }
                continue;
            };
            // Behind `--` there are no options. `find` goes on with its expression.
            if text == "--" && !ended {
                ended = true;
                if self.known.values().any(|takes| *takes == Takes::Program) {
                    return visit(here, Item::Unknown);
                }
                if let Some(found) = visit(here, Item::Dashes) {
                    return Some(found);
                }
                continue;
            }
            let is_bundle = self.bundle
                && here == 0
                && !text.starts_with('-')
                && text.len() < 8
                && text.bytes().all(|b| b.is_ascii_alphabetic());
            let text = if is_bundle { format!("-{text}") } else { text };
            let item = match self.read(&text) {
                Argument::Positional => Item::Positional(here),
                _ if ended => Item::Positional(here),
                Argument::Unknown => Item::Unknown,
                Argument::Option(takes, None) => Item::Option(takes),
                Argument::Option(takes, value) => Item::Value(takes, value),
                Argument::OptionWithValue(takes) => match arguments.get(at) {
                    Some(value) => {
                        at += 1;
                        value_of(takes, value)
                    }
                    None => Item::Missing,
                },
            };
            if let Some(found) = visit(here, item) {
                return Some(found);
            }
        }
        None
    }
}

/// The next argument as the value of an option. What looks like an option may be one, if the option takes no value after
/// all.
fn value_of<'a>(takes: &'a Takes, value: &Word) -> Item<'a> {
    let text = value.literal();
    let is_option = |text: &String| {
        text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| !c.is_ascii_digit()))
    };
    match text {
        Some(text) if is_option(&text) => Item::Unknown,
        None if *takes == Takes::Perhaps && value.may_be_option() => Item::MayBeOption,
        text => Item::Value(takes, text),
    }
}

fn takes(option: &'static str) -> (&'static str, Takes) {
    if let Some((name, values)) = option.split_once('=') {
        return match values {
            "" => (name, Takes::Value),
            "?" => (name, Takes::Perhaps),
            "$" => (name, Takes::Variable),
            values => (name, Takes::OneOf(values.split('|').collect())),
        };
    }
    if let Some(name) = option.strip_suffix('!') {
        return (name, Takes::Shows);
    }
    match option.strip_suffix(':') {
        Some(name) => (name, Takes::Program),
        None => (option, Takes::Nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::{Argument, Options, Takes};

    #[test]
    fn options_are_read_in_all_their_forms() {
        let options = Options::new("-a -n= --name= --all");
        let value = |text: &str| Argument::Option(&Takes::Value, Some(text.to_owned()));
        for (argument, expected) in [
            ("x", Argument::Positional),
            ("-", Argument::Positional),
            ("-a", Argument::Option(&Takes::Nothing, None)),
            ("-aa", Argument::Option(&Takes::Nothing, None)),
            ("-n", Argument::OptionWithValue(&Takes::Value)),
            ("-an", Argument::OptionWithValue(&Takes::Value)),
            ("-n5", value("5")),
            ("--name", Argument::OptionWithValue(&Takes::Value)),
            ("--name=x", value("x")),
            ("--all", Argument::Option(&Takes::Nothing, None)),
            ("--", Argument::Option(&Takes::Nothing, None)),
            ("-50", Argument::Option(&Takes::Nothing, None)),
            ("-x", Argument::Unknown),
            ("-ax", Argument::Unknown),
            ("--all=x", Argument::Unknown),
            ("--nam=x", Argument::Unknown),
        ] {
            assert_eq!(options.read(argument), expected, "{argument}");
        }
    }
}
