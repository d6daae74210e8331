//! Payment cards: the issuer's range and length, the grouping, and Luhn's check.

use super::Context;
use super::checks::luhn;
use crate::bytes::part;

/// First and last value of a prefix with its number of digits, and the lengths that its issuer uses (bit n).
struct Range {
    first: u32,
    last: u32,
    digits: usize,
    lengths: u32,
}

const fn range(first: u32, last: u32, digits: usize, lengths: u32) -> Range {
    Range { first, last, digits, lengths }
}

const L12_19: u32 = 0b1111_1111 << 12;
const L16: u32 = 1 << 16;
const L16_19: u32 = 0b1111 << 16;

/// Issuers' ranges by ISO/IEC 7812, as the networks publish them. Those that begin with 1 are left out
/// but for JCB's old one: they are where timestamps are.
static RANGES: &[Range] = &[
    range(4, 4, 1, 1 << 13 | L16 | 1 << 19), // Visa
    range(51, 55, 2, L16),                   // Mastercard
    range(2221, 2720, 4, L16),               // Mastercard
    range(34, 34, 2, 1 << 15),               // American Express
    range(37, 37, 2, 1 << 15),               // American Express
    range(300, 305, 3, 1 << 14 | L16),       // Diners Club
    range(3095, 3095, 4, 1 << 14 | L16),     // Diners Club
    range(36, 36, 2, 1 << 14 | L16),         // Diners Club
    range(38, 39, 2, 1 << 14 | L16),         // Diners Club
    range(6011, 6011, 4, L16_19),            // Discover
    range(644, 659, 3, L16_19),              // Discover
    range(3528, 3589, 4, L16_19),            // JCB
    range(35, 35, 2, L16),                   // JCB, wider than its range: test numbers
    range(2131, 2131, 4, 1 << 15),           // JCB, old
    range(1800, 1800, 4, 1 << 15),           // JCB, old
    range(62, 62, 2, L16_19),                // UnionPay
    range(81, 81, 2, L16_19),                // UnionPay
    range(2200, 2204, 4, L16_19),            // Mir
    range(50, 50, 2, L12_19),                // Maestro
    range(56, 58, 2, L12_19),                // Maestro
    range(6304, 6304, 4, L12_19),            // Maestro
    range(639, 639, 3, L12_19),              // Maestro
    range(67, 67, 2, L12_19),                // Maestro
    range(6062, 6062, 4, L16),               // Hipercard, RuPay
    range(60, 60, 2, L16),                   // RuPay
];

/// Whether digits, written in groups of these lengths, are a card number. Where a word near by says so,
/// the issuer need not be a known one.
pub(super) fn is_card(digits: &[u8], groups: &[usize], context: impl Fn() -> Context) -> bool {
    (12..=19).contains(&digits.len())
        && is_grouped(groups)
        && luhn(digits)
        && !digits.iter().all(|byte| *byte == b'0')
        && (has_issuer(digits) || context().has(Context::CARD))
}

fn has_issuer(digits: &[u8]) -> bool {
    RANGES.iter().any(|range| {
        let prefix =
            part(digits, 0, range.digits).iter().fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
        (range.first..=range.last).contains(&prefix) && range.lengths & 1 << digits.len() != 0
    })
}

/// Fours, with a rest of one to four at the end; American Express and Diners Club; or no groups.
fn is_grouped(groups: &[usize]) -> bool {
    match groups {
        [_] | [4, 6, 4 | 5] => true,
        [fours @ .., last] => {
            fours.len() >= 2 && fours.iter().all(|group| *group == 4) && (1..=4).contains(last)
        }
        [] => false,
    }
}
