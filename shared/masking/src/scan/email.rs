//! E-mail addresses: what stands around an `@`, also where a URL or JSON writes it otherwise.

use memchr::memchr_iter;

use super::Scan;
use crate::Entity;
use crate::bytes::{at, before, part, run_end, run_start};

const LOCAL_MOST: usize = 64;
const DOMAIN_MOST: usize = 253;

/// Ends of names that look like a domain and are none.
const NOT_A_TLD: &[&[u8]] = &[
    b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"css", b"js", b"service", b"socket", b"timer",
    b"target", b"mount", b"slice", b"path", b"json", b"yaml", b"yml", b"tgz", b"lock", b"toml", b"md",
];

pub(super) fn find(scan: &mut Scan<'_>) {
    let text = scan.text;
    let from = scan.from;
    for at_sign in memchr_iter(b'@', part(text, from, text.len())).map(|index| from + index) {
        if scan.key_around(at_sign).is_none() {
            around(scan, at_sign, at_sign + 1);
        }
    }
}

/// An address whose `@` is written from `sign` to `domain`.
pub(super) fn around(scan: &mut Scan<'_>, sign: usize, domain: usize) {
    let text = scan.text;
    // `scheme://user:password@host`: found already, and the host is nobody's address.
    if scan.found.iter().rev().take(4).any(|span| span.entity == Entity::UrlCredentials && span.end == sign) {
        return;
    }
    let Some(start) = local_start(text, sign) else { return };
    let Some(end) = domain_end(text, domain) else { return };
    // `git@host:path` names a service.
    if part(text, start, sign) != b"git" {
        scan.add(start, end, Entity::Email);
    }
}

fn local_start(text: &[u8], sign: usize) -> Option<usize> {
    if before(text, sign) == b'"' {
        // "a quoted part"@example.com, unless the quote closes something that was no address.
        let inner = run_start(text, sign - 1, LOCAL_MOST, |byte| byte != b'"' && byte >= b' ');
        let quoted = inner < sign - 1 && before(text, inner) == b'"';
        return quoted.then(|| inner - 1);
    }
    let like = |byte: u8| is_local(byte) || is_letter_byte(byte);
    let mut start = run_start(text, sign, LOCAL_MOST, like);
    // The run may begin in the middle of a letter of several bytes, or with punctuation of the sentence.
    while start < sign && (is_continuation(at(text, start)) || b".'-%".contains(&at(text, start))) {
        start += 1;
    }
    (start < sign && before(text, sign) != b'.').then_some(start)
}

fn domain_end(text: &[u8], domain: usize) -> Option<usize> {
    let like =
        |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.' || is_letter_byte(byte);
    let mut end = run_end(text, domain, DOMAIN_MOST, like);
    while end > domain && matches!(before(text, end), b'.' | b'-') {
        end -= 1;
    }
    let name = part(text, domain, end);
    let dot = memchr::memrchr(b'.', name)?;
    let top = part(name, dot + 1, name.len());
    let is_top = (top.len() >= 2
        && top.iter().all(|byte| byte.is_ascii_alphabetic() || is_letter_byte(*byte)))
        || top.starts_with(b"xn--");
    let is_file = NOT_A_TLD.iter().any(|ending| top.eq_ignore_ascii_case(ending));
    (dot > 0 && is_top && !is_file && at(name, 0) != b'-').then_some(end)
}

/// The characters that addresses have in practice; RFC 5322 allows more, which are punctuation around them.
fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".'%+-_".contains(&byte)
}

/// Part of a Latin, Greek or Cyrillic letter in UTF-8; others do not stand apart from the words around them.
fn is_letter_byte(byte: u8) -> bool {
    matches!(byte, 0xC3..=0xD4) || is_continuation(byte)
}

fn is_continuation(byte: u8) -> bool {
    matches!(byte, 0x80..=0xBF)
}
