//! Numbers: digits in groups, with what people write between them.

use super::{Scan, card, ids, ip, phone, word};
use crate::Entity;
use crate::bytes::{Few, at, before, part, run_end, run_start};

/// Longer words are data in base64 or hexadecimal.
const WORD_MOST: usize = 128;

/// Digits that stand together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What is before it in its number.
    pub(super) separator: Separator,
}

/// What stands between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// Nothing: the first group.
    None,
    /// A single character: a space (also the ones that do not break), `-` (also as `‑` or `–`), `.` or `/`.
    One(u8),
    /// An opening bracket, maybe with a space.
    Open,
    /// A closing bracket, maybe with a space or a hyphen.
    Close,
}

impl Separator {
    /// The character, or 0.
    pub(super) fn byte(self) -> u8 {
        match self {
            Separator::One(byte) => byte,
            Separator::None | Separator::Open | Separator::Close => 0,
        }
    }

    /// Something new may begin here.
    fn parts(self) -> bool {
        matches!(self, Separator::None | Separator::One(b' ' | b'/') | Separator::Open)
    }
}

/// Groups that may belong together.
pub(super) struct Number<'t> {
    pub(super) text: &'t [u8],
    pub(super) groups: Vec<Group>,
    /// A `+` stands before it.
    pub(super) plus: bool,
    /// The end of `x123` behind it.
    pub(super) extension: Option<usize>,
}

/// Whether this character makes one token with a digit beside it.
pub(super) fn is_joined(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

pub(super) fn find(scan: &mut Scan<'_>) {
    let text = scan.text;
    let mut from = scan.from;
    while let Some(step) = part(text, from, text.len()).iter().position(u8::is_ascii_digit) {
        let first = from + step;
        if let Some(key) = scan.key_around(first) {
            from = key.end;
            continue;
        }
        let start = run_start(text, first, WORD_MOST, |byte| byte.is_ascii_alphanumeric());
        let end = run_end(text, first, text.len(), |byte| byte.is_ascii_alphanumeric());
        from = if end - start > WORD_MOST {
            end
        } else if part(text, start, end).iter().all(u8::is_ascii_digit)
            || extension_end(text, start).is_some()
        {
            number(scan, start, end)
        } else {
            word::find(scan, start, end)
        }
        .max(first + 1);
    }
}

/// What begins with the digits at `start`; the place behind it.
fn number(scan: &mut Scan<'_>, start: usize, end: usize) -> usize {
    let text = scan.text;
    if is_time(text, start) {
        return start + 8;
    }
    let neighbour = |byte: u8| matches!(byte, b':' | b'-' | b'.');
    if (neighbour(before(text, start)) || neighbour(at(text, end)))
        && let Some(behind) =
            word::uuid_end(text, start, end).or_else(|| ip::find_hexadecimal(scan, start, end))
    {
        return behind;
    }
    if nif_with_hyphen(scan, start, end) {
        return end;
    }
    // Most numbers are short and alone.
    if end - start < 7 && separator_at(text, end).is_none() {
        return end;
    }
    let number = read(text, start, std::mem::take(&mut scan.groups));
    let behind = number.extension.unwrap_or(number.groups.last().map_or(end, |group| group.end));
    let digits: usize = number.groups.iter().map(|group| group.end - group.start).sum();
    // The least that anything has: four octets.
    if digits >= 4 && (digits >= 7 || number.groups.len() >= 4) {
        let taken = checked(scan, &number);
        phone::find(scan, &number, &taken);
    }
    scan.groups = number.groups;
    behind
}

/// `10:11:12`, which is in most lines of most logs.
fn is_time(text: &[u8], start: usize) -> bool {
    let digits = |from: usize| at(text, from).is_ascii_digit() && at(text, from + 1).is_ascii_digit();
    at(text, start + 2) == b':'
        && at(text, start + 5) == b':'
        && digits(start)
        && digits(start + 3)
        && digits(start + 6)
        && before(text, start) != b':'
        && at(text, start + 8) != b':'
        && !at(text, start + 8).is_ascii_alphanumeric()
}

/// `12345678-Z`.
fn nif_with_hyphen(scan: &mut Scan<'_>, start: usize, end: usize) -> bool {
    let text = scan.text;
    let letter = at(text, end + 1);
    let fits = end - start == 8
        && at(text, end) == b'-'
        && letter.is_ascii_uppercase()
        && !is_joined(at(text, end + 2));
    if !fits {
        return false;
    }
    let nif: Few<u8, 9> = Few::of(part(text, start, end).iter().copied().chain([letter]));
    let found = !is_joined(before(text, start)) && ids::is_nif(&nif);
    if found {
        scan.add(start, end + 2, Entity::EsNif);
    }
    found
}

/// All groups that follow each other from `start` on.
fn read(text: &[u8], start: usize, mut groups: Vec<Group>) -> Number<'_> {
    groups.clear();
    let open = before(text, start) == b'(';
    let sign = start - usize::from(open);
    // In base64 a `+` stands between letters.
    let plus = before(text, sign) == b'+' && !before(text, sign - 1).is_ascii_alphanumeric();
    let mut number = Number { text, groups, plus, extension: None };
    let mut next = Some((start, if open { Separator::Open } else { Separator::None }));
    while let Some((start, separator)) = next {
        let end = run_end(text, start, text.len(), |byte| byte.is_ascii_digit());
        let extension = extension_end(text, start);
        if extension.is_none() && at(text, end).is_ascii_alphabetic() {
            break;
        }
        number.groups.push(Group { start, end, separator });
        number.extension = extension;
        next = if extension.is_some() { None } else { separator_at(text, end) };
    }
    number
}

/// What stands at `end` between this group and the next, and where that begins.
fn separator_at(text: &[u8], end: usize) -> Option<(usize, Separator)> {
    let (separator, next) = match part(text, end, end + 3) {
        [b')', b' ' | b'-' | b'.', ..] => (Separator::Close, end + 2),
        [b')', ..] => (Separator::Close, end + 1),
        [b' ' | b'-', b'(', ..] => (Separator::Open, end + 2),
        [b'(', ..] => (Separator::Open, end + 1),
        [byte @ (b' ' | b'-' | b'.' | b'/'), ..] => (Separator::One(*byte), end + 1),
        // No-break space, thin spaces; hyphens and dashes that printed text has.
        [0xC2, 0xA0, ..] => (Separator::One(b' '), end + 2),
        [0xE2, 0x80, 0x87 | 0x89 | 0xAF] => (Separator::One(b' '), end + 3),
        [0xE2, 0x80, 0x90 | 0x91 | 0x93] => (Separator::One(b'-'), end + 3),
        _ => return None,
    };
    at(text, next).is_ascii_digit().then_some((next, separator))
}

/// `5550123x45`, `5550123 ext. 45`: the end of the extension of the digits at `start`.
fn extension_end(text: &[u8], start: usize) -> Option<usize> {
    let digits = run_end(text, start, text.len(), |byte| byte.is_ascii_digit());
    let space = usize::from(at(text, digits) == b' ');
    if !matches!(at(text, digits + space), b'x' | b'X' | b'e' | b'E') {
        return None;
    }
    let lower = part(text, digits + space, digits + space + 5).to_ascii_lowercase();
    let mark = match lower.as_slice() {
        [b'e', b'x', b't', b'.', b' '] => 5,
        [b'e', b'x', b't', b'.' | b' ', ..] => 4,
        [b'e', b'x', b't', ..] => 3,
        [b'x', b' ' | b'.', ..] => 2,
        [b'x', ..] => 1,
        _ => return None,
    };
    let first = digits + space + mark;
    let end = run_end(text, first, 7, |byte| byte.is_ascii_digit());
    let fits =
        digits - start >= 3 && (2..=6).contains(&(end - first)) && !at(text, end).is_ascii_alphanumeric();
    fits.then_some(end)
}

impl Number<'_> {
    /// The digits of these groups, without what is between them.
    pub(super) fn digits(&self, first: usize, last: usize) -> Few<u8, 20> {
        Few::of(
            self.part(first, last).iter().flat_map(|group| part(self.text, group.start, group.end)).copied(),
        )
    }

    pub(super) fn part(&self, first: usize, last: usize) -> &[Group] {
        self.groups.get(first..last).unwrap_or_default()
    }

    /// Something may begin with this group.
    pub(super) fn begins(&self, first: usize) -> bool {
        self.groups.get(first).is_some_and(|group| {
            group.separator.parts() && (first > 0 || before(self.text, group.start) != b'.')
        })
    }

    /// Something may end before this group.
    pub(super) fn ends(&self, last: usize) -> bool {
        self.groups.get(last).is_none_or(|group| group.separator.parts())
    }
}

/// The lengths of groups.
pub(super) fn lengths(groups: &[Group]) -> Few<usize, 8> {
    Few::of(groups.iter().map(|group| group.end - group.start))
}

/// The one separator between groups, or 0 where they differ.
pub(super) fn separator(groups: &[Group]) -> u8 {
    let mut between = groups.iter().skip(1).map(|group| group.separator);
    let first = between.next().map_or(0, Separator::byte);
    if between.all(|separator| separator.byte() == first) { first } else { 0 }
}

/// Cards, addresses and numbers with check digits; which groups they took, or nothing.
fn checked(scan: &mut Scan<'_>, number: &Number<'_>) -> Vec<bool> {
    let mut taken = Vec::new();
    let mut first = 0;
    while first < number.groups.len() {
        let most = (first + 5).min(number.groups.len());
        let hit = (first + 1..=most).rev().find_map(|last| Some((last, check(scan, number, first, last)?)));
        if let Some((last, entity)) = hit {
            let groups = number.part(first, last);
            if let (Some(head), Some(tail)) = (groups.first(), groups.last()) {
                scan.add(head.start, tail.end, entity);
            }
            taken.resize(number.groups.len(), false);
            taken.iter_mut().take(last).skip(first).for_each(|taken| *taken = true);
            first = last;
        } else {
            first += 1;
        }
    }
    taken
}

fn check(scan: &Scan<'_>, number: &Number<'_>, first: usize, last: usize) -> Option<Entity> {
    let groups = number.part(first, last);
    let (head, tail) = (groups.first()?, groups.last()?);
    let size: usize = groups.iter().map(|group| group.end - group.start).sum();
    if size > 19 || (size < 8 && groups.len() != 4) {
        return None;
    }
    let (begins, ends) = (number.begins(first), number.ends(last));
    let next = number.groups.get(last).map_or(0, |group| group.separator.byte());
    let separator = separator(groups);
    // A range of addresses is written with a hyphen.
    if groups.len() == 4 && separator == b'.' && (ends || next == b'-') {
        let parts: Few<&[u8], 4> =
            Few::of(groups.iter().map(|group| part(number.text, group.start, group.end)));
        let alone = begins || number.groups.get(first).is_some_and(|group| group.separator.byte() == b'-');
        if alone && ip::is_v4(number.text, head.start, &parts) {
            return Some(Entity::IpAddress);
        }
    }
    if size < 8 {
        return None;
    }
    let digits = number.digits(first, last);
    let lengths = lengths(groups);
    // A card number is long enough to be one in the midst of others, but not behind a decimal point.
    let apart = |separator: u8| separator != b'.';
    let alone = begins || (first > 0 && apart(head.separator.byte()));
    if alone
        && (ends || apart(next))
        && (groups.len() == 1 || separator != 0)
        && separator != b'/'
        && card::is_card(&digits, &lengths, || scan.context(head.start, tail.end))
    {
        return Some(Entity::CreditCard);
    }
    if !(begins && ends) {
        return None;
    }
    ids::of_digits(&digits, &lengths, separator, || scan.context(head.start, tail.end))
}
