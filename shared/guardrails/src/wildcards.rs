//! Patterns with wildcards: `*` in rules, `%` and `_` in LIKE.

/// The wildcards of a pattern.
pub(crate) struct Wildcards {
    /// Stands for any run of characters.
    run: char,
    /// Stands for any one character.
    one: Option<char>,
}

/// Of names in rules.
const RULES: Wildcards = Wildcards { run: '*', one: None };
/// Of LIKE.
const LIKE: Wildcards = Wildcards { run: '%', one: Some('_') };

/// Whether a rule's pattern matches a name; case does not count.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    if pattern.is_ascii() && text.is_ascii() {
        let same = |want: &u8, have: &u8| want.eq_ignore_ascii_case(have);
        return matches(pattern.as_bytes(), text.as_bytes(), |want| *want == b'*', same);
    }
    RULES.matches(&pattern.to_lowercase(), &text.to_lowercase())
}

/// Whether `text LIKE pattern` holds.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    LIKE.matches(pattern, text)
}

impl Wildcards {
    fn matches(&self, pattern: &str, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        let same = |want: &char, have: &char| want == have || Some(*want) == self.one;
        matches(&pattern, &text, |want| *want == self.run, same)
    }
}

/// Linear in the text for each run in the pattern: only the last run is tried again.
fn matches<T>(pattern: &[T], text: &[T], is_run: impl Fn(&T) -> bool, same: impl Fn(&T, &T) -> bool) -> bool {
    let (mut at, mut from) = (0, 0);
    // Behind the last run: the place in the pattern, and in the text.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(have) = text.get(from) {
        match pattern.get(at) {
            Some(want) if is_run(want) => {
                at += 1;
                retry = Some((at, from));
            }
            Some(want) if same(want, have) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((behind, start)) = retry else { return false };
                // The run takes one character more.
                retry = Some((behind, start + 1));
                at = behind;
                from = start + 1;
            }
        }
    }
    pattern.iter().skip(at).all(is_run)
}

#[cfg(test)]
mod tests {
    use super::{glob, like};

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "x"),
            ("pay*", "payments"),
            ("*ments", "payments"),
            ("p*y*s", "payments"),
            ("PAYMENTS", "payments"),
            ("ä*", "Äpfel"),
            ("**a", "a"),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "x"), ("pay", "payments"), ("pay*x", "payments"), ("*a", "ab"), ("a_", "ab")]
        {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn like_has_two_wildcards() {
        for (text, pattern) in [("", "%"), ("abc", "a_c"), ("abc", "%c"), ("abc", "_%_"), ("a%", "a%")] {
            assert!(like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("abc", "a_"), ("", "_"), ("abc", "A%"), ("a*", "b*")] {
            assert!(!like(text, pattern), "{text} {pattern}");
        }
    }
}
