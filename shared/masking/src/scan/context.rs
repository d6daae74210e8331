//! Words near a value that say what it is.

use std::ops::BitOr;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use crate::bytes::{at, before, part};

/// How many bytes before a value are read, across the ends of lines (`Phone:` often has one of its own).
pub(crate) const CONTEXT_BEFORE: usize = 48;
/// How many bytes after a value are read, within its line (`555 1234 office`).
const CONTEXT_AFTER: usize = 16;

/// What the words near a value suggest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Context(u16);

impl Context {
    pub(crate) const NONE: Context = Context(0);
    pub(crate) const PHONE: Context = Context(1);
    /// Words that go with telephone numbers and with much else.
    pub(crate) const MAYBE_PHONE: Context = Context(1 << 1);
    pub(crate) const SSN: Context = Context(1 << 2);
    pub(crate) const BANK: Context = Context(1 << 3);
    pub(crate) const PASSPORT: Context = Context(1 << 4);
    pub(crate) const NHS: Context = Context(1 << 5);
    pub(crate) const CPF: Context = Context(1 << 6);
    pub(crate) const AADHAAR: Context = Context(1 << 7);
    pub(crate) const NIF: Context = Context(1 << 8);
    pub(crate) const CARD: Context = Context(1 << 9);
    /// Words that go with a telephone number before them, and with an address behind them.
    const PLACE: Context = Context(1 << 10);

    /// Any of `other` is here.
    pub(crate) fn has(self, other: Context) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Context {
    type Output = Context;

    fn bitor(self, other: Context) -> Context {
        Context(self.0 | other.0)
    }
}

/// In lower case; `is_whole` says how they are bounded.
const WORDS: &[(&str, Context)] = &[
    ("phone", Context::PHONE),
    ("telephone", Context::PHONE),
    ("tel", Context::PHONE),
    ("telefon", Context::PHONE),
    ("téléphone", Context::PHONE),
    ("teléfono", Context::PHONE),
    ("telefono", Context::PHONE),
    ("mobile", Context::PHONE),
    ("móvil", Context::PHONE),
    ("movil", Context::PHONE),
    ("celular", Context::PHONE),
    ("cell", Context::PHONE),
    ("cellphone", Context::PHONE),
    ("landline", Context::PHONE),
    ("fax", Context::PHONE),
    ("sms", Context::PHONE),
    ("whatsapp", Context::PHONE),
    ("msisdn", Context::PHONE),
    ("handy", Context::PHONE),
    ("gsm", Context::PHONE),
    ("hotline", Context::PHONE),
    ("call", Context::MAYBE_PHONE),
    ("calling", Context::MAYBE_PHONE),
    ("called", Context::MAYBE_PHONE),
    ("caller", Context::MAYBE_PHONE),
    ("dial", Context::MAYBE_PHONE),
    ("ring", Context::MAYBE_PHONE),
    ("message", Context::MAYBE_PHONE),
    ("answering", Context::MAYBE_PHONE),
    ("contact", Context::MAYBE_PHONE),
    ("reach", Context::MAYBE_PHONE),
    ("office", Context::PLACE),
    ("desk", Context::PLACE),
    ("office:", Context::MAYBE_PHONE),
    ("desk:", Context::MAYBE_PHONE),
    ("card", Context::CARD),
    ("credit", Context::CARD),
    ("visa", Context::CARD),
    ("mastercard", Context::CARD),
    ("amex", Context::CARD),
    ("maestro", Context::CARD),
    ("cc", Context::CARD),
    ("text me", Context::MAYBE_PHONE),
    ("ssn", Context::SSN),
    ("ssns", Context::SSN),
    ("social security", Context::SSN),
    ("social_security", Context::SSN),
    ("socialsecurity", Context::SSN),
    ("soc sec", Context::SSN),
    ("account", Context::BANK),
    ("acct", Context::BANK),
    ("bank", Context::BANK),
    ("routing", Context::BANK),
    ("savings", Context::BANK),
    ("checking", Context::BANK),
    ("passport", Context::PASSPORT),
    ("nhs", Context::NHS),
    ("cpf", Context::CPF),
    ("aadhaar", Context::AADHAAR),
    ("aadhar", Context::AADHAAR),
    ("uidai", Context::AADHAAR),
    ("nif", Context::NIF),
    ("nie", Context::NIF),
    ("dni", Context::NIF),
];

/// Words of at most this length must end where a word ends: `tel` is not in `tell`.
const SHORT: usize = 4;

/// Built once; every masker shares it.
static AUTOMATON: LazyLock<Result<AhoCorasick, BuildError>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(WORDS.iter().map(|(word, _)| word))
});

pub(super) fn automaton() -> Result<AhoCorasick, BuildError> {
    AUTOMATON.clone()
}

/// The words before and after `start..end`.
pub(super) fn around(words: &AhoCorasick, text: &[u8], start: usize, end: usize) -> Context {
    let after = part(text, end, end + CONTEXT_AFTER);
    let line_end = end + memchr::memchr2(b'\n', b'\r', after).unwrap_or(after.len());
    let behind = words_in(words, text, end, line_end);
    let place = if behind.has(Context::PLACE) { Context::MAYBE_PHONE } else { Context::NONE };
    words_in(words, text, start.saturating_sub(CONTEXT_BEFORE), start) | behind | place
}

/// The words between `start` and `end`.
pub(super) fn words_in(words: &AhoCorasick, text: &[u8], start: usize, end: usize) -> Context {
    let mut context = Context::NONE;
    for hit in words.find_iter(part(text, start, end)) {
        if is_whole(text, start + hit.start(), start + hit.end()) {
            context = context | WORDS.get(hit.pattern().as_usize()).map_or(Context::NONE, |(_, bits)| *bits);
        }
    }
    context
}

/// A word begins where letters begin or a capital follows a small letter (`homePhone`).
fn is_whole(text: &[u8], start: usize, end: usize) -> bool {
    let breaks = |left: u8, right: u8| {
        !left.is_ascii_alphabetic()
            || !right.is_ascii_alphabetic()
            || (left.is_ascii_lowercase() && right.is_ascii_uppercase())
    };
    breaks(before(text, start), at(text, start))
        && (end - start > SHORT || breaks(before(text, end), at(text, end)))
}
