//! What is written in the place of a value.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::Entity;
use crate::bytes::{at, part, run_end};
use crate::policy::Style;

/// Fewer letters and digits than this are hidden whole, since the last four would be half of them.
const LEAST_FOR_LAST_FOUR: usize = 8;

/// Hexadecimal digits of a hash that are shown.
const HASH_DIGITS: usize = 16;

/// No entity has a longer name.
const NAME_MOST: usize = 32;

/// Appends the replacement of `value` to `out`.
pub(crate) fn write(
    out: &mut Vec<u8>,
    entity: Entity,
    value: &[u8],
    style: Style,
    key: Option<&Hmac<Sha256>>,
) {
    match (style, key) {
        (Style::KeepLast4, _) => keep_last_four(out, value),
        (Style::Hash, Some(key)) => {
            let mut hash = key.clone();
            hash.update(entity.name().as_bytes());
            hash.update(&[0]);
            hash.update(&normal(entity, value));
            out.push(b'<');
            out.extend_from_slice(entity.name().as_bytes());
            out.push(b':');
            for byte in hash.finalize().into_bytes().iter().take(HASH_DIGITS / 2) {
                out.extend_from_slice(format!("{byte:02x}").as_bytes());
            }
            out.push(b'>');
        }
        // `Masker::new` refuses a policy that hashes without a key; without one nothing is shown.
        (Style::Replace, _) | (Style::Hash, None) => {
            out.push(b'<');
            out.extend_from_slice(entity.name().as_bytes());
            out.push(b'>');
        }
    }
}

/// The place in `start..end` behind the replacements that stand at its start. They are no values: masking
/// them again would count them twice, and hash a hash.
pub(crate) fn behind_replacements(text: &[u8], mut start: usize, end: usize) -> usize {
    while let Some(next) = behind_replacement(text, start).filter(|next| *next <= end) {
        start = next;
    }
    start
}

/// The place behind the replacement at `start`, if one is written there.
fn behind_replacement(text: &[u8], start: usize) -> Option<usize> {
    if at(text, start) != b'<' {
        return None;
    }
    let name_end = run_end(text, start + 1, NAME_MOST, |byte| byte.is_ascii_uppercase() || byte == b'_');
    let name = std::str::from_utf8(part(text, start + 1, name_end)).ok()?;
    name.parse::<Entity>().ok()?;
    let end = match at(text, name_end) {
        b':' => {
            let hash_end = run_end(text, name_end + 1, HASH_DIGITS, |byte| byte.is_ascii_hexdigit());
            (hash_end == name_end + 1 + HASH_DIGITS).then_some(hash_end)?
        }
        _ => name_end,
    };
    (at(text, end) == b'>').then_some(end + 1)
}

/// The key of a connection, ready for use.
pub(crate) fn key(bytes: &[u8]) -> Option<Hmac<Sha256>> {
    Hmac::new_from_slice(bytes).ok()
}

/// Equal things written differently: a card with and without spaces, an address in capitals.
fn normal(entity: Entity, value: &[u8]) -> Vec<u8> {
    match entity {
        Entity::CreditCard
        | Entity::UsSsn
        | Entity::UkNhs
        | Entity::BrCpf
        | Entity::InAadhaar
        | Entity::PlPesel
        | Entity::UsBankNumber
        | Entity::PhoneNumber => value.iter().copied().filter(u8::is_ascii_digit).collect(),
        Entity::Iban | Entity::EsNif | Entity::ItFiscalCode | Entity::UsPassport | Entity::MacAddress => {
            value.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect()
        }
        Entity::Email => value.trim_ascii().to_ascii_lowercase(),
        _ => value.trim_ascii().to_vec(),
    }
}

fn keep_last_four(out: &mut Vec<u8>, value: &[u8]) {
    // Characters, not bytes: a replacement is UTF-8 where the value was.
    let text = String::from_utf8_lossy(value);
    let shown = text.chars().filter(|character| character.is_alphanumeric()).count();
    let mut hidden = if shown < LEAST_FOR_LAST_FOUR { shown } else { shown - 4 };
    for character in text.chars() {
        if character.is_alphanumeric() && hidden > 0 {
            hidden -= 1;
            out.push(b'*');
        } else {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}
