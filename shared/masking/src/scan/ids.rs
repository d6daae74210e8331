//! Numbers of persons and accounts: by their form, their check digits and the words around them.

use super::Context;
use super::checks;
use crate::Entity;
use crate::bytes::{at, part};

/// What digits are, written in groups of these lengths with this between them (0: they differ).
pub(super) fn of_digits(
    digits: &[u8],
    groups: &[usize],
    separator: u8,
    context: impl Fn() -> Context,
) -> Option<Entity> {
    match (digits.len(), groups) {
        (9, [3, 2, 4]) if matches!(separator, b'-' | b' ' | b'.') && is_ssn(digits) => Some(Entity::UsSsn),
        (9, [9]) => nine(digits, context()),
        (10, [3, 3, 4]) if separator == b' ' && checks::nhs(digits) && !context().has(Context::PHONE) => {
            Some(Entity::UkNhs)
        }
        (10, [10] | [3, 3, 4]) if checks::nhs(digits) && context().has(Context::NHS) => Some(Entity::UkNhs),
        (11, [3, 3, 3, 2]) if checks::cpf(digits) => Some(Entity::BrCpf),
        (11, [11] | [9, 2]) if checks::cpf(digits) && context().has(Context::CPF) => Some(Entity::BrCpf),
        (11, [11]) if checks::pesel(digits) => Some(Entity::PlPesel),
        (12, [4, 4, 4]) if matches!(separator, b'-' | b' ') && checks::aadhaar(digits) => {
            Some(Entity::InAadhaar)
        }
        (12, [12]) if checks::aadhaar(digits) && context().has(Context::AADHAAR) => Some(Entity::InAadhaar),
        (8..=17, [_]) if context().has(Context::BANK) => Some(Entity::UsBankNumber),
        _ => None,
    }
}

fn nine(digits: &[u8], context: Context) -> Option<Entity> {
    if context.has(Context::SSN) && is_ssn(digits) {
        Some(Entity::UsSsn)
    } else if context.has(Context::PASSPORT) {
        Some(Entity::UsPassport)
    } else if context.has(Context::BANK) {
        Some(Entity::UsBankNumber)
    } else {
        None
    }
}

/// Areas, groups and serials that are never given out; from 900 on they are tax numbers (ITIN) of the same form.
fn is_ssn(digits: &[u8]) -> bool {
    let area = part(digits, 0, 3);
    area != b"000" && area != b"666" && part(digits, 3, 5) != b"00" && part(digits, 5, 9) != b"0000"
}

/// What a word of letters and digits is.
pub(super) fn of_word(word: &[u8], context: impl Fn() -> Context) -> Option<Entity> {
    let upper = |byte: u8| byte.is_ascii_uppercase();
    match word.len() {
        9 if is_nif(word) && (upper(at(word, 8)) || context().has(Context::NIF)) => Some(Entity::EsNif),
        7..=10 if is_passport(word) && context().has(Context::PASSPORT) => Some(Entity::UsPassport),
        16 if checks::fiscal_code(&word.to_ascii_uppercase()) => Some(Entity::ItFiscalCode),
        _ => None,
    }
}

/// One or two letters, then six to eight digits.
fn is_passport(word: &[u8]) -> bool {
    let letters = word.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    let digits = part(word, letters, word.len());
    (1..=2).contains(&letters) && (6..=8).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
}

/// Eight digits and a letter (NIF), or X, Y, Z with seven digits and a letter (NIE).
pub(super) fn is_nif(word: &[u8]) -> bool {
    let first = match at(word, 0).to_ascii_uppercase() {
        b'X' => b'0',
        b'Y' => b'1',
        b'Z' => b'2',
        other => other,
    };
    let rest = part(word, 1, 8);
    if word.len() != 9 || !first.is_ascii_digit() || !rest.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let number =
        rest.iter().fold(u32::from(first - b'0'), |number, byte| number * 10 + u32::from(byte - b'0'));
    checks::nif_letter(number) == at(word, 8).to_ascii_uppercase()
}
