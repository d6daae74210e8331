//! Splits a shell script into its simple commands. Covers the part of the grammar that pages use.

use std::iter::Peekable;
use std::str::Chars;

/// The placeholder for the result of a substitution.
const SUBSTITUTED: &str = "SUBSTITUTED";

/// The words of each simple command; commands within `$(…)` precede the one around them. Drops redirections and
/// comments, keeps reserved words and assignments.
pub(super) fn commands(script: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    scan(&mut script.chars().peekable(), None, &mut found);
    found
}

/// Reads up to the end, or up to the character that closes a substitution.
fn scan(script: &mut Peekable<Chars<'_>>, closes: Option<char>, found: &mut Vec<Vec<String>>) {
    let mut command = String::new();
    // A file name after `>` or `<` is not a word of the command.
    let mut redirected = false;
    while let Some(sign) = script.next() {
        if Some(sign) == closes {
            break;
        }
        match sign {
            '\\' => match script.next() {
                Some('\n') | None => command.push(' '),
                Some(escaped) => command.extend(['\\', escaped]),
            },
            '\'' => {
                command.push('\'');
                for quoted in script.by_ref() {
                    command.push(quoted);
                    if quoted == '\'' {
                        break;
                    }
                }
            }
            '"' => double_quoted(script, &mut command, found),
            '$' | '`' => substitution(sign, script, &mut command, found),
            '#' if command.is_empty() || command.ends_with(char::is_whitespace) => {
                while script.peek().is_some_and(|next| *next != '\n') {
                    script.next();
                }
            }
            '>' | '<' => {
                // Nor is the number in `2>`.
                if command.ends_with(|last: char| last.is_ascii_digit()) {
                    command.pop();
                }
                while script.peek().is_some_and(|next| matches!(next, '>' | '<' | '&' | ' ')) {
                    script.next();
                }
                redirected = true;
            }
            '|' | ';' | '&' | '\n' | '(' | ')' => {
                finish(&mut command, found);
                redirected = false;
            }
            sign if sign.is_whitespace() => {
                command.push(' ');
                redirected = false;
            }
            _ if redirected => {}
            sign => command.push(sign),
        }
    }
    finish(&mut command, found);
}

/// Reads a string in double quotes and the substitutions in it.
fn double_quoted(script: &mut Peekable<Chars<'_>>, command: &mut String, found: &mut Vec<Vec<String>>) {
    command.push('"');
    while let Some(sign) = script.next() {
        match sign {
            '"' => break,
            '\\' => command.extend(['\\'].into_iter().chain(script.next())),
            '$' | '`' => substitution(sign, script, command, found),
            sign => command.push(sign),
        }
    }
    command.push('"');
}

/// Reads `$(…)` and `` `…` ``. Keeps any other `$`.
fn substitution(
    sign: char,
    script: &mut Peekable<Chars<'_>>,
    command: &mut String,
    found: &mut Vec<Vec<String>>,
) {
    match sign {
        '$' if script.peek() == Some(&'(') => {
            script.next();
            scan(script, Some(')'), found);
            command.push_str(SUBSTITUTED);
        }
        '`' => {
            scan(script, Some('`'), found);
            command.push_str(SUBSTITUTED);
        }
        sign => command.push(sign),
    }
}

fn finish(command: &mut String, found: &mut Vec<Vec<String>>) {
    let words = shlex::split(command).unwrap_or_else(|| panic!("a quote is not closed: {command}"));
    if !words.is_empty() {
        found.push(words);
    }
    command.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Quoting, placing in a script and splitting gives the same words.
        #[test]
        fn quoted_words_come_back(words in proptest::collection::vec("[^\0]{1,12}", 1..6), which in 0..6usize) {
            let command = shlex::try_join(words.iter().map(String::as_str)).unwrap();
            let script = match which {
                0 => command,
                1 => format!("id=$({command}) || echo \"exit code $?\""),
                2 => format!("x \"$({command})\"\ny"),
                3 => format!("x | {command} > file 2>&1 &"),
                4 => format!("f() {{\n  {command} # a comment\n}}"),
                _ => format!("x; ({command} && y)"),
            };
            prop_assert!(commands(&script).contains(&words), "{script}: {:?}", commands(&script));
        }
    }

    #[test]
    fn redirections_are_dropped() {
        assert_eq!(commands("a b > c d 2>/dev/null < e f"), [["a", "b", "d", "f"]]);
    }

    #[test]
    fn a_backslash_continues_a_line() {
        assert_eq!(commands("a b \\\n  c\nd"), [vec!["a", "b", "c"], vec!["d"]]);
    }
}
