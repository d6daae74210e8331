"""Writes shared/masking/src/scan/phone_codes.rs from libphonenumber's metadata.

    pip install phonenumbers regex && python3 tests/masking/phone_codes.py > shared/masking/src/scan/phone_codes.rs

For each country calling code: the possible lengths of a national number, and with which two digits one
can begin. The second comes from partial matches of the metadata's own expressions, so it is exact.
"""
import phonenumbers
import regex
from phonenumbers import PhoneMetadata

rows = {}
for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
    lengths, leads, trunk = 0, 0, False
    for region in regions:
        meta = (PhoneMetadata.metadata_for_nongeo_region(code) if region == "001"
                else PhoneMetadata.metadata_for_region(region))
        general = meta.general_desc
        for length in general.possible_length:
            if length > 0:
                lengths |= 1 << length
        pattern = regex.compile(general.national_number_pattern)
        for lead in range(100):
            if pattern.fullmatch(f"{lead:02d}", partial=True):
                leads |= 1 << lead
        trunk |= meta.national_prefix == "0"
    rows[code] = (lengths, leads, trunk, regions[0])

print("""//! Country calling codes, from libphonenumber (Apache-2.0) by `tests/masking/phone_codes.py`.

/// What is known of the national numbers behind one calling code.
pub(super) struct Code {
    /// The calling code.
    pub(super) code: u16,
    /// Bit n: a number may have n digits.
    pub(super) lengths: u32,
    /// Bit n: a number may begin with the two digits of n.
    pub(super) leads: u128,
    /// Within the country a 0 is dialled before the number.
    pub(super) trunk: bool,
}

const fn code(code: u16, lengths: u32, leads: u128, trunk: bool) -> Code {
    Code { code, lengths, leads, trunk }
}

/// In ascending order.
#[rustfmt::skip]
pub(super) static CODES: &[Code] = &[""")
for code, (lengths, leads, trunk, region) in rows.items():
    print(f"    code({code}, {lengths:#x}, {leads:#x}, {str(trunk).lower()}), // {region}")
print("];")
