//! Finds calls of the program in pages and in string literals.

use super::shell;

/// A command and its location.
#[derive(Debug)]
pub(super) struct Found {
    /// The program name and its arguments.
    pub(super) words: Vec<String>,
    /// File and line.
    pub(super) place: String,
    /// Part of a sentence rather than a block to copy.
    pub(super) in_sentence: bool,
}

impl Found {
    /// A simple command that calls the program by name, by path or with `cargo run`; `None` for any other.
    pub(super) fn new(words: Vec<String>, place: String, in_sentence: bool) -> Option<Self> {
        const BEFORE: [&str; 11] =
            ["if", "then", "else", "elif", "do", "while", "until", "!", "{", "time", "export"];
        let is_assignment = |word: &str| {
            let name = word.split_once('=').map(|(name, _)| name).unwrap_or_default();
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let mut words: Vec<String> = words
            .into_iter()
            .skip_while(|word| BEFORE.contains(&word.as_str()) || is_assignment(word))
            .collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["cargo", "run", options @ ..] if !options.contains(&"-p") && !options.contains(&"--bin") => {
                let split = words.iter().position(|word| word == "--").unwrap_or(words.len());
                words.drain(..words.len().min(split + 1));
                words.insert(0, "countersign".to_owned());
            }
            [program, ..] if *program == "countersign" || program.ends_with("/countersign") => {}
            _ => return None,
        }
        Some(Self { words, place, in_sentence })
    }
}

/// The commands in the `sh` blocks of a page and in backticks within its sentences.
pub(super) fn in_page(page: &str, name: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut prose = String::new();
    let mut block: Option<(usize, &str, String)> = None;
    for (number, line) in (1..).zip(page.lines()) {
        match (&mut block, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => block = Some((number, language, String::new())),
            (Some(_), Some(_)) => {
                if let Some((start, "sh", script)) = block.take() {
                    let place = format!("{name}:{start}");
                    found.extend(
                        shell::commands(&script)
                            .into_iter()
                            .filter_map(|words| Found::new(words, place.clone(), false)),
                    );
                }
                prose.push('\n');
            }
            (Some((_, _, script)), None) => {
                script.push_str(line);
                script.push('\n');
                prose.push('\n');
            }
            (None, None) => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    found.extend(spans(&prose, name, 1));
    found
}

/// The commands in backticks.
fn spans(text: &str, name: &str, first_line: usize) -> Vec<Found> {
    let mut found = Vec::new();
    let mut line = first_line;
    // Odd pieces are between backticks. A blank line closes an open one.
    for paragraph in text.split("\n\n") {
        let mut at = line;
        for (number, piece) in paragraph.split('`').enumerate() {
            let start = at;
            at += piece.matches('\n').count();
            if number % 2 == 1 && piece.starts_with("countersign") {
                let place = format!("{name}:{start}");
                found.extend(
                    shell::commands(&piece.replace('\n', " "))
                        .into_iter()
                        .filter_map(|words| Found::new(words, place.clone(), true)),
                );
            }
        }
        line += paragraph.matches('\n').count() + 2;
    }
    found
}

/// The commands in the string literals of Rust code: in backticks, or after a colon or from the start to the end of a
/// line.
pub(super) fn hints(source: &str, name: &str) -> Vec<Found> {
    let mut found = Vec::new();
    for (line, literal) in literals(source) {
        found.extend(spans(&literal, name, line));
        for text in literal.replace("\\\n", " ").lines() {
            let bare = text.trim_start();
            let command = match text.split_once(": countersign ") {
                Some((_, rest)) => format!("countersign {rest}"),
                None if bare.starts_with("countersign ") && bare.trim() != "countersign" => bare.to_owned(),
                None => continue,
            };
            // The code appends a value.
            let command = if command.ends_with(' ') { format!("{command}VALUE") } else { command };
            let place = format!("{name}:{line}");
            found.extend(
                shell::commands(&command)
                    .into_iter()
                    .filter_map(|words| Found::new(words, place.clone(), true)),
            );
        }
    }
    // The subcommand in `countersign {which}` is known at run time only.
    found.retain(|found| found.words.get(1).is_some_and(|word| !word.starts_with('{')));
    found
}

/// The string literals of Rust code and their first lines.
fn literals(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'', '\n']) {
        let (before, from) = rest.split_at(at);
        if let Some(next) = from.strip_prefix('\n') {
            line += 1;
            rest = next;
        } else if from.starts_with("//") {
            rest = from.find('\n').map_or("", |end| &from[end..]);
        } else if from.starts_with("'\"'") || from.starts_with("'\\''") {
            rest = &from[from.len().min(3)..];
        } else if let Some(text) = from.strip_prefix('"') {
            let hashes = before.len() - before.trim_end_matches('#').len();
            let raw = before.trim_end_matches('#').ends_with('r');
            let (literal, behind) = if raw {
                text.split_once(&format!("\"{}", "#".repeat(hashes))).unwrap_or((text, ""))
            } else {
                escaped(text)
            };
            let unescaped = if raw { literal.to_owned() } else { unescape(literal) };
            found.push((line, unescaped));
            line += literal.matches('\n').count();
            rest = behind;
        } else {
            rest = &from[1..];
        }
    }
    found
}

/// Splits at the closing quote of a literal.
fn escaped(text: &str) -> (&str, &str) {
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => {
                signs.next();
            }
            '"' => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

/// The value of a literal. Drops escaped line ends and the white space after them.
fn unescape(literal: &str) -> String {
    let mut text = String::new();
    let mut signs = literal.chars().peekable();
    while let Some(sign) = signs.next() {
        match (sign, if sign == '\\' { signs.next() } else { None }) {
            ('\\', Some('\n')) => {
                while signs.peek().is_some_and(|next| next.is_whitespace()) {
                    signs.next();
                }
            }
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some(other)) => text.push(other),
            (sign, _) => text.push(sign),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(found: &[Found]) -> Vec<String> {
        found.iter().map(|found| found.words.join(" ")).collect()
    }

    #[test]
    fn commands_in_messages_are_found() {
        let source = r##"
            // `countersign comment` is not a message.
            let mark = '"';
            note("look with `countersign requests \
                  show ID`, please");
            note(&format!("review: countersign approve {id}"));
            note("  countersign output ");
            note(r#"countersign audit verify "log.jsonl""#);
            note("countersign {which} test");
            note("the word countersign alone");
            let source = concat!("countersign ", env!("CARGO_PKG_VERSION"));
        "##;
        assert_eq!(
            words(&hints(source, "x")),
            [
                "countersign requests show ID",
                "countersign approve {id}",
                "countersign output VALUE",
                "countersign audit verify log.jsonl",
            ]
        );
    }

    #[test]
    fn commands_in_pages_are_found() {
        let page = "Use `countersign\nlogin` now.\n\n```sh\nPROD=x countersign serve &\ncargo run --release -- serve --demo\n\
                    cargo run -p other -- x\n```\n\n```text\ncountersign not\n```\n";
        let found = in_page(page, "page");
        assert_eq!(words(&found), ["countersign serve", "countersign serve --demo", "countersign login"]);
        assert_eq!(
            found.iter().map(|found| found.place.as_str()).collect::<Vec<_>>(),
            ["page:4", "page:4", "page:1"]
        );
    }
}
