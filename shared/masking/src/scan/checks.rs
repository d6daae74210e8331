//! Check digits. All take ASCII digits (or capitals, where said) and answer no to anything else.

use crate::bytes::at;

/// The value of the digit at `index`; a number that fails every check where there is none.
fn digit(digits: &[u8], index: usize) -> u32 {
    match at(digits, index) {
        byte @ b'0'..=b'9' => u32::from(byte - b'0'),
        _ => 1_000_000,
    }
}

/// Payment cards.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, byte)| {
            let value = u32::from(byte.wrapping_sub(b'0'));
            match (index % 2, value) {
                (1, 5..) => value * 2 - 9,
                (1, _) => value * 2,
                _ => value,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// ISO 7064 mod 97-10 over letters and digits, in the order of the check (IBAN: rotated by four).
pub(super) fn mod_97(characters: impl Iterator<Item = u8>) -> Option<u32> {
    let mut rest = 0;
    for byte in characters {
        rest = match byte {
            b'0'..=b'9' => rest * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => rest * 100 + u32::from(byte - b'A') + 10,
            _ => return None,
        } % 97;
    }
    Some(rest)
}

/// Ten digits of the British NHS.
pub(super) fn nhs(digits: &[u8]) -> bool {
    let sum: u32 = (0..9).map(|index| (10 - index as u32) * digit(digits, index)).sum();
    digits.len() == 10 && (11 - sum % 11) % 11 == digit(digits, 9) && !all_equal(digits)
}

/// Eleven digits of the Brazilian CPF.
pub(super) fn cpf(digits: &[u8]) -> bool {
    let check = |length: usize| {
        let sum: u32 =
            (0..length).map(|index| (length as u32 + 1 - index as u32) * digit(digits, index)).sum();
        sum * 10 % 11 % 10
    };
    digits.len() == 11 && !all_equal(digits) && check(9) == digit(digits, 9) && check(10) == digit(digits, 10)
}

/// Eleven digits of the Polish PESEL, with the date in them.
pub(super) fn pesel(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; 10] = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
    let sum: u32 = WEIGHTS.iter().enumerate().map(|(index, weight)| weight * digit(digits, index)).sum();
    let month = (digit(digits, 2) * 10 + digit(digits, 3)) % 20;
    let day = digit(digits, 4) * 10 + digit(digits, 5);
    digits.len() == 11
        && (10 - sum % 10) % 10 == digit(digits, 10)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
}

/// Twelve digits of the Indian Aadhaar.
pub(super) fn aadhaar(digits: &[u8]) -> bool {
    digits.len() == 12 && at(digits, 0) >= b'2' && verhoeff(digits) && !all_equal(digits)
}

/// Verhoeff's check: the dihedral group of the pentagon, by arithmetic instead of by table.
fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTATION: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let product = |left: u32, right: u32| match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right) % 5 + 5,
        (false, true) => (left + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    };
    let check = digits.iter().rev().enumerate().fold(0, |check, (index, byte)| {
        let mut value = u32::from(byte.wrapping_sub(b'0'));
        for _ in 0..index % 8 {
            value = PERMUTATION.get(value as usize).copied().unwrap_or(0);
        }
        product(check, value)
    });
    check == 0
}

/// The letter that belongs to the digits of a Spanish NIF.
pub(super) fn nif_letter(number: u32) -> u8 {
    at(b"TRWAGMYFPDXBNJZSQVHLCKE", (number % 23) as usize)
}

/// Sixteen capitals and digits of an Italian codice fiscale.
pub(super) fn fiscal_code(code: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    // Where several people would share a code, digits are written as letters.
    let digit_like = |byte: u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte);
    let shape = code.iter().enumerate().all(|(index, byte)| match index {
        0..=5 | 11 | 15 => byte.is_ascii_uppercase(),
        8 => b"ABCDEHLMPRST".contains(byte),
        _ => digit_like(*byte),
    });
    let sum: u32 = code
        .iter()
        .take(15)
        .enumerate()
        .map(|(index, byte)| {
            let value = match byte {
                b'0'..=b'9' => u32::from(byte - b'0'),
                _ => u32::from(byte.wrapping_sub(b'A')),
            };
            if index % 2 == 0 { ODD.get(value as usize).copied().unwrap_or(0) } else { value }
        })
        .sum();
    code.len() == 16 && shape && u32::from(at(code, 15).wrapping_sub(b'A')) == sum % 26
}

fn all_equal(digits: &[u8]) -> bool {
    digits.iter().all(|byte| *byte == at(digits, 0))
}

#[cfg(test)]
#[allow(clippy::string_slice, reason = "tests may")]
mod tests {
    use super::*;

    #[test]
    fn published_examples_pass_their_check() {
        assert!(luhn(b"4111111111111111"));
        assert!(nhs(b"9434765919"));
        assert!(cpf(b"52998224725"));
        assert!(pesel(b"44051401359"));
        assert!(fiscal_code(b"RSSMRA85T10A562S"));
        assert_eq!(nif_letter(12_345_678), b'Z');
        // Verhoeff's own example: 236 has the check digit 3.
        assert!(verhoeff(b"2363"));
        let iban = b"GB82WEST12345698765432";
        assert_eq!(mod_97(iban.iter().cycle().skip(4).take(iban.len()).copied()), Some(1));
    }

    #[test]
    fn one_wrong_digit_fails() {
        assert!(!luhn(b"4111111111111112"));
        assert!(!nhs(b"9434765918"));
        assert!(!cpf(b"52998224726"));
        assert!(!pesel(b"44051401358"));
        assert!(!fiscal_code(b"RSSMRA85T10A562T"));
        assert!(!verhoeff(b"2364"));
    }
}
