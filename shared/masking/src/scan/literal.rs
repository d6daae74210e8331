//! What begins with words that nothing else has: keys with their issuers' prefixes, tokens, URLs with a
//! password, and passwords by the name before them.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use super::{Scan, email};
use crate::Entity;
use crate::bytes::{at, before, is_word, part, run_end, run_start};

/// What to do where a literal stands.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A token with at least so many characters behind this prefix.
    Token(usize),
    /// An AWS access key id.
    AwsId,
    Jwt,
    /// `://`
    Url,
    /// A sign for `@`.
    At,
    /// A name whose value is a password: any value counts.
    Password,
    /// A name whose value is a key: one that looks like it counts.
    Key,
    /// A scheme of HTTP's `Authorization`.
    Scheme,
}

/// Searched without regard to case; a prefix must then have its own.
const LITERALS: &[(&str, Kind)] = &[
    ("AKIA", Kind::AwsId),
    ("ASIA", Kind::AwsId),
    ("ABIA", Kind::AwsId),
    ("ACCA", Kind::AwsId),
    ("eyJ", Kind::Jwt),
    ("://", Kind::Url),
    ("%40", Kind::At),
    ("\\u0040", Kind::At),
    ("ghp_", Kind::Token(30)),
    ("gho_", Kind::Token(30)),
    ("ghu_", Kind::Token(30)),
    ("ghs_", Kind::Token(30)),
    ("ghr_", Kind::Token(30)),
    ("github_pat_", Kind::Token(30)),
    ("glpat-", Kind::Token(20)),
    ("xoxb-", Kind::Token(20)),
    ("xoxp-", Kind::Token(20)),
    ("xoxa-", Kind::Token(20)),
    ("xoxs-", Kind::Token(20)),
    ("xapp-", Kind::Token(20)),
    ("sk_live_", Kind::Token(16)),
    ("rk_live_", Kind::Token(16)),
    ("sk_test_", Kind::Token(16)),
    ("whsec_", Kind::Token(16)),
    ("sk-ant-", Kind::Token(20)),
    ("sk-proj-", Kind::Token(20)),
    ("AIzaSy", Kind::Token(30)),
    ("npm_", Kind::Token(30)),
    ("pypi-AgE", Kind::Token(30)),
    ("dop_v1_", Kind::Token(30)),
    ("AGE-SECRET-KEY-1", Kind::Token(30)),
    ("password", Kind::Password),
    ("passwd", Kind::Password),
    ("passphrase", Kind::Password),
    ("pwd", Kind::Password),
    ("secret", Kind::Key),
    ("token", Kind::Key),
    ("api_key", Kind::Key),
    ("api-key", Kind::Key),
    ("apikey", Kind::Key),
    ("access_key", Kind::Key),
    ("accesskey", Kind::Key),
    ("private_key", Kind::Key),
    ("X-Amz-Signature", Kind::Key),
    ("bearer ", Kind::Scheme),
    ("basic ", Kind::Scheme),
];

/// Built once; every masker shares it.
static AUTOMATON: LazyLock<Result<AhoCorasick, BuildError>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .kind(Some(AhoCorasickKind::DFA))
        .build(LITERALS.iter().map(|(literal, _)| literal))
});

pub(super) fn automaton() -> Result<AhoCorasick, BuildError> {
    AUTOMATON.clone()
}

pub(super) fn find(scan: &mut Scan<'_>) {
    let text = scan.text;
    let recognisers = scan.recognisers;
    // The end of the run that a token or value was last read to: a text made of prefixes alone would
    // otherwise be read to its end from each of them.
    let (mut read, mut value_end) = (0, 0);
    // A literal may begin before `from`; what it then leads to is dropped when it is added.
    for hit in recognisers.literals.find_iter(text) {
        let Some((literal, kind)) = LITERALS.get(hit.pattern().as_usize()) else { continue };
        let (start, end) = (hit.start(), hit.end());
        if scan.found.last().is_some_and(|last| start < last.end) || scan.key_around(start).is_some() {
            continue;
        }
        let exact = part(text, start, end) == literal.as_bytes();
        match kind {
            Kind::Token(least) if exact => token(scan, start, end, *least),
            Kind::AwsId if exact => aws_id(scan, start),
            Kind::Jwt if exact && start >= read => read = jwt(scan, start),
            Kind::Url => url(scan, start, end),
            Kind::At => email::around(scan, start, end),
            Kind::Password => value_end = value(scan, start, end, true, value_end),
            Kind::Key => value_end = value(scan, start, end, false, value_end),
            Kind::Scheme => scheme(scan, start, end),
            Kind::Token(_) | Kind::AwsId | Kind::Jwt => {}
        }
    }
}

/// The characters of base64 for URLs, and what tokens have besides.
fn is_token(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

fn token(scan: &mut Scan<'_>, start: usize, from: usize, least: usize) {
    let end = run_end(scan.text, from, scan.text.len(), is_token);
    if end - from >= least && !is_token(before(scan.text, start)) {
        scan.add(start, end, Entity::Secret);
    }
}

fn aws_id(scan: &mut Scan<'_>, start: usize) {
    let end = run_end(scan.text, start, 21, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if end - start == 20 && !is_word(before(scan.text, start)) && !is_word(at(scan.text, end)) {
        scan.add(start, end, Entity::AwsKey);
    }
}

/// Three parts (signed) or five (encrypted), of which the first is a JSON object.
fn jwt(scan: &mut Scan<'_>, start: usize) -> usize {
    let text = scan.text;
    if is_token(before(text, start)) {
        return 0;
    }
    let end = run_end(text, start, text.len(), |byte| is_token(byte) || byte == b'.');
    let run = part(text, start, end);
    let is_header = |part: &[u8]| part.len() >= 12 && part.starts_with(b"eyJ");
    if run.split(|byte| *byte == b'.').any(is_header) && run.contains(&b'.') {
        // The point of the sentence is none of the token's.
        let trailing = run.iter().rev().take_while(|byte| **byte == b'.').count();
        scan.add(start, end - trailing, Entity::Jwt);
    }
    end
}

/// `scheme://user:password@host`.
fn url(scan: &mut Scan<'_>, start: usize, from: usize) {
    let text = scan.text;
    if !before(text, start).is_ascii_alphanumeric() {
        return;
    }
    let stop = |byte: u8| byte <= b' ' || b"/?#\"'<>`\\".contains(&byte);
    let end = run_end(text, from, 512, |byte| !stop(byte));
    let authority = part(text, from, end);
    let Some(at_sign) = memchr::memrchr(b'@', authority) else { return };
    let credentials = part(authority, 0, at_sign);
    if credentials.contains(&b':') {
        scan.add(from, from + at_sign, Entity::UrlCredentials);
    }
}

/// `Bearer …`, `Basic …`.
fn scheme(scan: &mut Scan<'_>, start: usize, from: usize) {
    let text = scan.text;
    let like = |byte: u8| is_token(byte) || b".+/=~".contains(&byte);
    let end = run_end(text, from, text.len(), like);
    let value = part(text, from, end);
    let mixed = value.iter().any(u8::is_ascii_digit) || value.ends_with(b"=");
    if end - from >= 16 && mixed && !is_word(before(text, start)) {
        scan.add(from, end, Entity::Secret);
    }
}

/// What is known about a value after that much of it.
const VALUE_MOST: usize = 4096;

/// Words in a name that make it a statement about the secret: `token_count`, `password_changed_at`.
const ABOUT: &[&[u8]] = &[
    b"count",
    b"_at",
    b"_id",
    b"name",
    b"type",
    b"length",
    b"_len",
    b"expir",
    b"policy",
    b"limit",
    b"tokens",
    b"usage",
    b"_ttl",
    b"version",
    b"tokeniz",
    b"index",
    b"required",
    b"enabled",
    b"age",
];

/// `password=…`, `"api_key": "…"`, `PASSWORD '…'`. `read` is the end of the unquoted value before it;
/// answers the end of this one.
fn value(scan: &mut Scan<'_>, start: usize, from: usize, any: bool, read: usize) -> usize {
    let text = scan.text;
    // The rest of the name (`password_old`, `secretKey`), the quote around it, the sign behind it.
    let name_end = run_end(text, from, 24, is_token);
    let quoted_end = run_end(text, name_end, 3, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b']'));
    let sign_start = run_end(text, quoted_end, 8, |byte| matches!(byte, b' ' | b'\t'));
    let sign_end = match part(text, sign_start, sign_start + 2) {
        b"::" | b"==" => return read,
        b"=>" | b":=" => sign_start + 2,
        [b'=' | b':', ..] => sign_start + 1,
        [b'\'', ..] if sign_start > name_end && any => sign_start,
        _ => return read,
    };
    let first = run_end(text, sign_end, 8, |byte| matches!(byte, b' ' | b'\t'));
    let escaped = at(text, first) == b'\\';
    let quote = at(text, first + usize::from(escaped));
    let (first, end) = if matches!(quote, b'"' | b'\'') {
        let first = first + 1 + usize::from(escaped);
        (first, quoted(text, first, quote))
    } else {
        let like = |byte: u8| byte > b' ' && !b",;&)}]\"'<>".contains(&byte);
        (first, if first < read { read } else { run_end(text, first, text.len(), like) })
    };
    let name_start = run_start(text, start, 32, is_token);
    let name = part(text, name_start, name_end).to_ascii_lowercase();
    let known = |words: &[&[u8]]| words.iter().any(|word| memchr::memmem::find(&name, word).is_some());
    let secret = part(text, first, end.min(first + VALUE_MOST));
    if !known(ABOUT) && (if any { is_password(secret) } else { is_key(secret) }) {
        let aws = known(&[b"aws", b"secret_access_key", b"secretaccesskey"]);
        scan.add(first, end, if aws { Entity::AwsKey } else { Entity::Secret });
    }
    end
}

/// The end of a quoted value, within its line.
fn quoted(text: &[u8], from: usize, quote: u8) -> usize {
    let mut end = from;
    while end < text.len() && !matches!(at(text, end), b'\n' | b'\r') && at(text, end) != quote {
        // In a text that is itself quoted, the end is escaped.
        if at(text, end) == b'\\' && at(text, end + 1) == quote {
            return end;
        }
        end += 1;
    }
    end
}

/// Anything but words that stand for no value, types, and names of variables.
fn is_password(value: &[u8]) -> bool {
    const NONE: &[&str] = &[
        "null",
        "none",
        "nil",
        "true",
        "false",
        "string",
        "str",
        "text",
        "varchar",
        "required",
        "undefined",
        "optional",
        "bytes",
        "self",
        "password",
        "char",
        "bool",
        "yes",
        "no",
        "never",
    ];
    let variable = matches!(at(value, 0), b'$' | b'{' | b'<' | b'*' | b'(' | b'%' | b'&' | b'[')
        || value.contains(&b'(');
    value.len() >= 3 && !variable && !NONE.iter().any(|none| value.eq_ignore_ascii_case(none.as_bytes()))
}

/// Long, of letters and digits mixed: no word and no name.
fn is_key(value: &[u8]) -> bool {
    let like = value.iter().all(|byte| is_token(*byte) || b".+/=~:%".contains(byte));
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let cases = value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    like && letters >= 2 && ((value.len() >= 12 && digits >= 2) || (value.len() >= 32 && cases))
}
