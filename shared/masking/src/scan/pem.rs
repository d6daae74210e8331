//! Private keys in PEM form. They are found before anything else, and nothing is looked for inside of them:
//! a stream passes a key over before it has seen its end.

use std::ops::Range;

use memchr::memmem;

use crate::bytes::{part, run_end};

/// A private key ends within this, or what is so long is none.
pub(crate) const PEM_MOST: usize = 64 * 1024;

const HEADER: &[u8] = b"-----BEGIN ";

/// The private keys of a text, in order.
pub(super) fn keys(text: &[u8]) -> Vec<Range<usize>> {
    let mut keys: Vec<Range<usize>> = Vec::new();
    for start in memmem::find_iter(text, HEADER) {
        if keys.last().is_some_and(|last| start < last.end) {
            continue;
        }
        let label = start + HEADER.len();
        let like = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'0'..=b'9');
        let label_end = run_end(text, label, 48, like);
        let name = part(text, label, label_end);
        let is_private = name.ends_with(b"PRIVATE KEY") || name == b"PGP PRIVATE KEY BLOCK";
        if is_private && part(text, label_end, label_end + 5) == b"-----" {
            let body = part(text, start, start + PEM_MOST);
            keys.push(start..start + pem_end(body).unwrap_or(body.len()));
        }
    }
    keys
}

/// Where a private key ends.
pub(crate) fn pem_end(text: &[u8]) -> Option<usize> {
    let footer = memmem::find(text, b"-----END ")?;
    let label = footer + 9;
    memmem::find(part(text, label, label + 64), b"-----").map(|end| label + end + 5)
}
