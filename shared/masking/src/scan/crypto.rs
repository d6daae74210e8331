//! Addresses of crypto currencies: Bitcoin by its check sums, Ethereum by its form.

use sha2::{Digest as _, Sha256};

use crate::bytes::{at, part};

/// Whether a word of letters and digits is an address.
pub(super) fn is_address(word: &[u8]) -> bool {
    match (at(word, 0), at(word, 1)) {
        (b'0', b'x') => word.len() == 42 && part(word, 2, 42).iter().all(u8::is_ascii_hexdigit),
        (b'b' | b'B', b'c' | b'C') => is_bech32(word),
        (b'1' | b'3', _) => (25..=35).contains(&word.len()) && is_base58check(word),
        _ => false,
    }
}

/// 25 bytes in base 58, the last four of which are the check sum of the others.
fn is_base58check(word: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0_u8; 25];
    for character in word {
        let Some(value) = ALPHABET.iter().position(|letter| letter == character) else { return false };
        let mut carry = value as u32;
        for byte in bytes.iter_mut().rev() {
            carry += u32::from(*byte) * 58;
            *byte = (carry & 0xFF) as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return false;
        }
    }
    let hash = Sha256::digest(Sha256::digest(part(&bytes, 0, 21)));
    part(&hash, 0, 4) == part(&bytes, 21, 25)
}

/// BIP 173 and BIP 350, for Bitcoin's main network.
fn is_bech32(word: &[u8]) -> bool {
    const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let step = |check: u32, value: u32| {
        GENERATOR.iter().enumerate().fold((check & 0x1ff_ffff) << 5 ^ value, |next, (bit, generator)| {
            if check >> 25 >> bit & 1 == 1 { next ^ generator } else { next }
        })
    };
    if !(14..=74).contains(&word.len()) || at(word, 2) != b'1' {
        return false;
    }
    let mixed = word.iter().any(u8::is_ascii_uppercase) && word.iter().any(u8::is_ascii_lowercase);
    let mut check = [3, 3, 0, 2, 3].into_iter().fold(1, step);
    for character in word.iter().skip(3) {
        let lower = character.to_ascii_lowercase();
        let Some(value) = ALPHABET.iter().position(|letter| *letter == lower) else { return false };
        check = step(check, value as u32);
    }
    !mixed && matches!(check, 1 | 0x2bc8_30a3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_addresses_are_found_and_a_changed_one_is_not() {
        assert!(is_address(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
        assert!(is_address(b"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"));
        assert!(is_address(b"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"));
        assert!(is_address(b"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"));
        assert!(is_address(b"0x52908400098527886E0F7030069857D2E4169EE7"));
        assert!(!is_address(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"));
        assert!(!is_address(b"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdp"));
    }
}
