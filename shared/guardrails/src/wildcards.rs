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
    RULES.matches(&pattern.to_lowercase(), &text.to_lowercase())
}

/// Whether `text LIKE pattern` holds.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    LIKE.matches(pattern, text)
}

impl Wildcards {
    /// Linear in the text for each run in the pattern: only the last run is tried again.
    fn matches(&self, pattern: &str, text: &str) -> bool {
        let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        let (mut at, mut from) = (0, 0);
        // Behind the last run: the place in the pattern, and in the text.
        let mut retry: Option<(usize, usize)> = None;
        while let Some(have) = text.get(from) {
            match pattern.get(at) {
                Some(want) if *want == self.run => {
                    at += 1;
                    retry = Some((at, from));
                }
                Some(want) if want == have || Some(*want) == self.one => {
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
        pattern.iter().skip(at).all(|want| *want == self.run)
    }
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
