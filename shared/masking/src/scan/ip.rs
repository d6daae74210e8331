//! Addresses on networks: IPv4, IPv6, MAC.

use std::net::Ipv6Addr;
use std::str;

use super::Scan;
use crate::Entity;
use crate::bytes::{at, before, part, run_end, run_start};

/// Whether four groups of digits with points between them, from `start` on, are an address.
pub(super) fn is_v4(text: &[u8], start: usize, groups: &[&[u8]]) -> bool {
    let octet = |group: &&[u8]| {
        let value =
            |group: &[u8]| group.iter().fold(0_u32, |value, byte| value * 10 + u32::from(byte - b'0'));
        group.len() == 1 || (group.len() <= 3 && at(group, 0) != b'0' && value(group) <= 255)
    };
    // This host and no host are nobody's address.
    let first = groups.first().copied().unwrap_or_default();
    groups.len() == 4
        && groups.iter().all(octet)
        && first != b"0"
        && first != b"127"
        && !follows_version(text, start)
}

/// `version 1.2.3.4` has the same form.
fn follows_version(text: &[u8], start: usize) -> bool {
    let gap = run_start(text, start, 4, |byte| b" :=\"'(v".contains(&byte));
    let word =
        part(text, run_start(text, gap, 9, |byte| byte.is_ascii_alphabetic()), gap).to_ascii_lowercase();
    [&b"version"[..], b"ver", b"release", b"firmware", b"rev"].contains(&word.as_slice())
}

/// An IPv6 or MAC address around the hexadecimal word at `start`; the place behind it.
pub(super) fn find_hexadecimal(scan: &mut Scan<'_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    if before(text, start) == b':' || at(text, end) == b':' {
        let like = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
        let first = run_start(text, start, 45, like);
        let mut last = run_end(text, end, 45, like);
        while before(text, last) == b'.' || (before(text, last) == b':' && before(text, last - 1) != b':') {
            last -= 1;
        }
        let bounded = !before(text, first).is_ascii_alphanumeric() && !at(text, last).is_ascii_alphanumeric();
        let run = part(text, first, last);
        // `time 2001:db8::1` in a list may begin with the colon of a key.
        let lead = usize::from(at(run, 0) == b':' && at(run, 1) != b':');
        let run = part(run, lead, run.len());
        if bounded && is_v6(run) {
            scan.add(first + lead, last, Entity::IpAddress);
            return Some(last);
        }
        if bounded && is_mac(run, b':') {
            scan.add(first + lead, last, Entity::MacAddress);
            return Some(last);
        }
    }
    for (separator, length) in [(b'-', 17), (b'.', 14)] {
        if before(text, start) == separator || at(text, end) == separator {
            let like = |byte: u8| byte.is_ascii_hexdigit() || byte == separator;
            let first = run_start(text, start, length + 1, like);
            let last = run_end(text, end, length + 1, like);
            let bounded =
                !super::number::is_joined(before(text, first)) && !super::number::is_joined(at(text, last));
            if bounded && is_mac(part(text, first, last), separator) {
                scan.add(first, last, Entity::MacAddress);
                return Some(last);
            }
        }
    }
    None
}

/// Long enough that it is no `1::int` of SQL and no path of a programming language.
fn is_v6(run: &[u8]) -> bool {
    let colons = run.iter().filter(|byte| **byte == b':').count();
    let groups = run.split(|byte| *byte == b':').filter(|group| !group.is_empty()).count();
    let first = run.split(|byte| *byte == b':').next().unwrap_or_default();
    colons >= 2
        && (groups >= 3 || (groups == 2 && first.len() == 4))
        && str::from_utf8(run).is_ok_and(|run| run.parse::<Ipv6Addr>().is_ok())
}

/// Six pairs, or with points three groups of four of which one has a letter.
fn is_mac(run: &[u8], separator: u8) -> bool {
    let size = if separator == b'.' { 4 } else { 2 };
    let mut count = 0;
    for group in run.split(|byte| *byte == separator) {
        if group.len() != size || !group.iter().all(u8::is_ascii_hexdigit) {
            return false;
        }
        count += 1;
    }
    count * size == 12 && (size == 2 || run.iter().any(u8::is_ascii_alphabetic))
}
