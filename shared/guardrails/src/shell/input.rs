//! Whether a command may read the script itself: a shell reads it from its standard input, line by line, and what a
//! program of one line reads is no longer there for the next one.

use super::options::{Item, Options};
use super::programs::{self, Program, Reads};
use super::syntax::{Input, Script, Simple, Word};

/// Whether a command may read later lines of the script.
pub(super) fn reads_script(simple: &Simple, script: &Script) -> bool {
    let [program, arguments @ ..] = simple.words.as_slice() else { return false };
    if !simple.followed || simple.input == Input::Given {
        return false;
    }
    let Some(path) = program.literal() else { return true };
    let name = programs::base(&path);
    if script.functions.contains(name) {
        // Its body has been looked at.
        return false;
    }
    if !programs::is_in_its_place(&path) {
        return true;
    }
    let asks = |letters: &str| arguments.iter().any(|word| word_asks(word, letters, script));
    match programs::reads(name) {
        None => true,
        Some(Reads::Never) => false,
        Some(Reads::IfAsked(letters)) => asks(letters),
        Some(Reads::WithoutFile(count)) => asks("") || positionals(name, arguments) <= count,
    }
}

/// Whether a program takes standard input for a file because of an argument.
fn word_asks(word: &Word, letters: &str, script: &Script) -> bool {
    let asks = |text: &String| {
        let short = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        (text.ends_with('-') && text != "--")
            || ["/dev/", "/proc/", "stdin"].iter().any(|part| text.contains(part))
            || text.starts_with("--interactive")
            || text.starts_with("-ok")
            || short.is_some_and(|rest| rest.contains(|c| letters.contains(c)))
    };
    script.texts(word).is_none_or(|texts| texts.iter().any(asks))
}

/// How many arguments are no options and no values of options; rather too few.
fn positionals(name: &str, arguments: &[Word]) -> usize {
    let literal = |at: usize| arguments.get(at).and_then(Word::literal);
    let mut count = 0;
    if let Some(Program::Options(options) | Program::Script(options)) = programs::known(name) {
        count_with(options, arguments, &mut count, literal);
        return count;
    }
    let mut behind_option = false;
    for at in 0..arguments.len() {
        let Some(text) = literal(at) else { continue };
        let is_option = text.starts_with('-');
        count += usize::from(!is_option && !behind_option);
        let is_number = text.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
        behind_option = is_option && !is_number;
    }
    count
}

fn count_with(
    options: &Options,
    arguments: &[Word],
    count: &mut usize,
    literal: impl Fn(usize) -> Option<String>,
) {
    options.walk(arguments, |_, item| {
        if let Item::Positional(at) = item {
            *count += usize::from(literal(at).is_some());
        }
        None::<()>
    });
}
