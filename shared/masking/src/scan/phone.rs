//! Telephone numbers, as people write them around the world.
//!
//! A form that nothing else has (`+44 …`, `(312) 555-0199`, `06 12 34 56 78`) is enough; others need a
//! word near by that says so. Whether digits can be a number is asked of libphonenumber's metadata.

use super::number::{Group, Number, Separator, lengths};
use super::phone_codes::{CODES, Code};
use super::{Context, Scan};
use crate::Entity;
use crate::bytes::{Few, at, before, part};

/// How many groups a number has at most: `+46 (0)8 928 571 38` has six.
const GROUPS_MOST: usize = 7;

/// Digits in groups that may be a number.
struct Candidate<'a> {
    digits: Few<u8, 20>,
    lengths: Few<usize, 8>,
    groups: &'a [Group],
    /// Stands alone: nothing else in its row of digits.
    alone: bool,
    plus: bool,
    open: bool,
}

/// Adds the telephone numbers among the groups that nothing else took.
pub(super) fn find(scan: &mut Scan<'_>, number: &Number<'_>, taken: &[bool]) {
    let count = number.groups.len();
    let mut first = 0;
    while first < count {
        let most = (first..count)
            .take(GROUPS_MOST)
            .take_while(|index| !taken.get(*index).copied().unwrap_or(false))
            .count();
        let hit = (1..=most).rev().map(|size| first + size).find(|last| is_phone(scan, number, first, *last));
        let Some(last) = hit else {
            first += 1;
            continue;
        };
        let groups = number.part(first, last);
        if let (Some(head), Some(tail)) = (groups.first(), groups.last()) {
            let start = start_of(number, head, first);
            let end = if last == count { number.extension.unwrap_or(tail.end) } else { tail.end };
            scan.add(start, end, Entity::PhoneNumber);
        }
        first = last;
    }
}

/// The `+` and the bracket before the first digits belong to the number.
fn start_of(number: &Number<'_>, head: &Group, first: usize) -> usize {
    let text = number.text;
    let mut start = head.start;
    let closed = number.groups.get(first + 1).is_some_and(|next| next.separator == Separator::Close);
    if before(text, start) == b'(' && closed {
        start -= 1;
    }
    if first == 0 && number.plus && before(text, start) == b'+' {
        start -= 1;
    }
    start
}

fn is_phone(scan: &Scan<'_>, number: &Number<'_>, first: usize, last: usize) -> bool {
    let groups = number.part(first, last);
    let size: usize = groups.iter().map(|group| group.end - group.start).sum();
    if !(7..=17).contains(&size) || !number.begins(first) || !number.ends(last) {
        return false;
    }
    let (Some(head), Some(tail)) = (groups.first(), groups.last()) else { return false };
    let left = before(number.text, head.start);
    let right = at(number.text, tail.end);
    // Money, identifiers, percentages.
    if matches!(left, b'$' | b'_' | b'#' | b'@') || matches!(right, b'%' | b'_' | b'@') {
        return false;
    }
    let candidate = Candidate {
        digits: number.digits(first, last),
        lengths: lengths(groups),
        groups,
        alone: groups.len() == number.groups.len(),
        plus: first == 0 && number.plus,
        open: left == b'(' && groups.get(1).is_some_and(|group| group.separator == Separator::Close),
    };
    // In words and paths digits are counted, not dialled.
    let inside = matches!(left, b'/' | b'=' | b'-') && groups.len() == 1;
    candidate.is_international()
        || (!inside && candidate.has_form())
        || (!candidate.plus && candidate.is_called_so(|| scan.context(head.start, tail.end)))
}

impl Candidate<'_> {
    fn separators(&self) -> impl Iterator<Item = Separator> {
        self.groups.iter().skip(1).map(|group| group.separator)
    }

    /// All separators are alike, but maybe the first and brackets.
    fn is_even(&self) -> bool {
        let brackets = self.separators().any(|separator| separator.byte() == 0);
        let bytes = self.separators().map(Separator::byte).filter(|byte| *byte != 0);
        let mut rest = bytes.skip(usize::from(!brackets));
        let one = rest.next();
        rest.all(|byte| Some(byte) == one)
    }

    /// `2024-01-31`, `31.01.2024`, `20240131`, maybe with an hour.
    fn is_date(&self) -> bool {
        let year = |digits: &[u8]| digits.starts_with(b"19") || digits.starts_with(b"20");
        match &*self.lengths {
            [4, 2, 2, ..] => year(&self.digits),
            [2, 2, 4, ..] => year(part(&self.digits, 4, 8)),
            [8 | 14, ..] => year(&self.digits) && at(&self.digits, 4) <= b'1' && at(&self.digits, 6) <= b'3',
            _ => false,
        }
    }

    /// `+46 (0)8 928 571 38`, `0046 8 …`, `011 46 8 …`, `001-518-640-0854`.
    fn is_international(&self) -> bool {
        let skip = match &*self.digits {
            _ if self.plus => 0,
            [b'0', b'0', ..] if self.lengths.len() > 2 || self.digits.len() > 10 => 2,
            [b'0', b'1', b'1', ..] if self.lengths.first() == Some(&3) && self.lengths.len() > 2 => 3,
            _ => return false,
        };
        let digits = part(&self.digits, skip, self.digits.len());
        let Some((code, size)) = code_of(digits) else { return false };
        let mut national = part(digits, size, digits.len());
        // The 0 in brackets is dialled within the country only.
        if self.separators().any(|separator| separator == Separator::Open) && at(national, 0) == b'0' {
            national = part(national, 1, national.len());
        }
        let grouped = self.lengths.len() > 1 && self.separators().all(|separator| separator.byte() != b'/');
        code.may_be(national)
            || (grouped && self.alone && self.plus && (6..=13).contains(&national.len()))
            || (grouped && code.has_length(national) && self.lengths.len() > 3)
    }

    /// A form that numbers have and hardly anything else.
    fn has_form(&self) -> bool {
        let digits = &*self.digits;
        let first = at(digits, 0);
        let slashes = self.separators().skip(1).any(|separator| separator.byte() == b'/');
        if self.is_date() || slashes || !self.is_even() {
            return false;
        }
        let between = self.groups.get(1).map_or(0, |group| group.separator.byte());
        match &*self.lengths {
            [3, 3, 4] if first >= b'2' => self.open || between != b' ' || self.alone,
            [1, 3, 3, 4] if first == b'1' && at(digits, 1) >= b'2' => self.alone || between != b' ',
            [1, 3, 3, 2, 2] if matches!(first, b'7' | b'8') => true,
            [3, 4, 4] if first == b'1' && at(digits, 1) >= b'3' => self.alone,
            [5, 5] if first >= b'6' => self.alone && between != b'.',
            [10 | 11] if first == b'0' => !digits.starts_with(b"01234567") && is_dialled(digits),
            [head, rest @ ..] if self.open => {
                *head >= 2 && digits.len() >= 8 && digits.len() <= 12 && rest.iter().all(|group| *group >= 2)
            }
            [head, rest @ ..] if first == b'0' && at(digits, 1) != b'0' => {
                let pairs = *head == 2 && rest.iter().all(|group| *group == 2);
                *head >= 2
                    && !rest.is_empty()
                    && (9..=12).contains(&digits.len())
                    && rest.iter().all(|group| *group >= 2)
                    && (!pairs || (self.alone && digits.len() == 10))
                    && is_dialled(digits)
            }
            _ => false,
        }
    }

    /// A word near by says that it is one, and it can be one somewhere.
    fn is_called_so(&self, context: impl FnOnce() -> Context) -> bool {
        let digits = &*self.digits;
        let grouped = self.lengths.len() > 1;
        if digits.len() > 12 || self.is_date() || !self.is_even() {
            return false;
        }
        let small = grouped && self.lengths.iter().skip(1).any(|length| *length < 2);
        let slash = self.separators().any(|separator| separator.byte() == b'/');
        let point = self.lengths.len() == 2 && self.separators().any(|separator| separator.byte() == b'.');
        // Ten digits that begin with 1 are seconds since 1970.
        let clock = !grouped && (digits.len() == 10 && at(digits, 0) == b'1');
        let counted = !grouped && b"01234567890123".windows(digits.len()).any(|count| count == digits);
        if small || slash || point || clock || counted || self.lengths.len() > 6 || !is_national(digits) {
            return false;
        }
        let context = context();
        // The words that are not sure go with other short numbers as well.
        context.has(Context::PHONE)
            || (context.has(Context::MAYBE_PHONE) && (grouped || (9..=11).contains(&digits.len())))
    }
}

/// The code that a number begins with, and how many digits it has.
fn code_of(digits: &[u8]) -> Option<(&'static Code, usize)> {
    (1..=3).find_map(|size| {
        let value = part(digits, 0, size).iter().fold(0, |value, byte| value * 10 + u16::from(byte - b'0'));
        let index = CODES.binary_search_by_key(&value, |code| code.code).ok()?;
        CODES.get(index).map(|code| (code, size))
    })
}

impl Code {
    fn has_length(&self, national: &[u8]) -> bool {
        self.lengths & 1 << national.len().min(31) != 0
    }

    fn may_be(&self, national: &[u8]) -> bool {
        let lead = u32::from(at(national, 0).wrapping_sub(b'0')) * 10
            + u32::from(at(national, 1).wrapping_sub(b'0'));
        self.has_length(national) && lead < 100 && self.leads & 1 << lead != 0
    }
}

/// With a 0 before it, it is a number of some country where one dials that.
fn is_dialled(digits: &[u8]) -> bool {
    let national = part(digits, 1, digits.len());
    let padded = national.windows(4).any(|four| four == b"0000");
    at(digits, 1) != b'0' && !padded && CODES.iter().any(|code| code.trunk && code.may_be(national))
}

/// It is a number of some country, with or without the 0 that is dialled there; or of a town (seven digits).
fn is_national(digits: &[u8]) -> bool {
    let national = if at(digits, 0) == b'0' { part(digits, 1, digits.len()) } else { digits };
    digits.len() == 7 || CODES.iter().any(|code| code.has_length(national))
}
