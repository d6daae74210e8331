//! Messages that may be stored: without the secret, and short.

use crate::Secret;

/// The longest message, in bytes, before it is cut.
const MAX_MESSAGE_BYTES: usize = 2048;
const HIDDEN: &str = "[secret]";

/// Words that no message may contain: the URL as given and the password in it.
#[derive(Clone, Default)]
pub(crate) struct Scrub(Vec<Secret>);

impl Scrub {
    /// Collects the words, the longest first so that none is left in parts.
    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Self {
        let mut words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        Self(words.into_iter().map(Secret::new).collect())
    }

    /// The message without any of the words, cut to about 2 KiB.
    ///
    /// A short password may hit harmless text as well: a garbled message is the lesser harm.
    pub(crate) fn clean(&self, message: &str) -> String {
        let mut clean = message.to_owned();
        for word in &self.0 {
            // Pieces between marks are cleaned apart, so that a password of `s` leaves marks whole.
            clean = clean
                .split(HIDDEN)
                .map(|piece| piece.replace(word.expose(), HIDDEN))
                .collect::<Vec<_>>()
                .join(HIDDEN);
        }
        cut(&clean)
    }
}

fn cut(message: &str) -> String {
    if message.len() <= MAX_MESSAGE_BYTES {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MAX_MESSAGE_BYTES);
    let kept = message.get(..end).unwrap_or_default();
    format!("{kept}… ({} more bytes)", message.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_the_secret_is_left() {
        let scrub = Scrub::new(["p".to_owned(), "postgres://a:p@h".to_owned(), String::new()]);
        assert_eq!(scrub.clean("no postgres://a:p@h, p?"), "no [secret], [secret]?");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let cut = Scrub::default().clean(&"ü".repeat(3000));
        assert!(cut.ends_with("… (3952 more bytes)"), "{cut}");
    }
}
