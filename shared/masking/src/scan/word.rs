//! Words of letters and digits: IBAN, fiscal codes, passports, crypto addresses, and what is none of them.

use super::{Scan, crypto, iban, ids, ip};
use crate::Entity;
use crate::bytes::{at, part, run_start};

/// What begins with the word `start..end`; the place behind it.
pub(super) fn find(scan: &mut Scan<'_>, start: usize, end: usize) -> usize {
    let text = scan.text;
    let word = part(text, start, end);
    if let Some(behind) = iban::find(scan, start) {
        return behind;
    }
    if word.iter().all(u8::is_ascii_hexdigit)
        && let Some(behind) = uuid_end(text, start, end).or_else(|| ip::find_hexadecimal(scan, start, end))
    {
        return behind;
    }
    if crypto::is_address(word) {
        scan.add(start, end, Entity::Crypto);
    } else if let Some(entity) = ids::of_word(word, || scan.context(start, end)) {
        scan.add(start, end, entity);
    }
    end
}

/// The end of the UUID that the hexadecimal word is a part of: its groups look like many a number.
pub(super) fn uuid_end(text: &[u8], start: usize, end: usize) -> Option<usize> {
    if !matches!(end - start, 4 | 8 | 12) {
        return None;
    }
    let like = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let first = run_start(text, start, 36, like);
    let uuid = part(text, first, first + 36);
    let is_uuid = uuid.len() == 36
        && uuid.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    (is_uuid && first + 36 >= end && !at(text, first + 36).is_ascii_alphanumeric()).then_some(first + 36)
}
