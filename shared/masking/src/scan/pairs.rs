//! Keys of JSON in text: in logs, in bodies, escaped in other JSON, doubled in CSV. The value is masked
//! by the name of its key, as a column's is.

use memchr::memmem;

use super::Scan;
use crate::Entity;
use crate::bytes::{at, before, part, run_end, run_start};

const KEY_MOST: usize = 64;

/// The same few keys come again and again: what they are is looked up once a scan.
struct Cache<'t>([(&'t [u8], Option<Entity>); 64]);

impl<'t> Cache<'t> {
    fn get(&mut self, key: &'t [u8], look_up: impl FnOnce() -> Option<Entity>) -> Option<Entity> {
        let hash =
            key.iter().fold(0_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(*byte)));
        let Some(slot) = self.0.get_mut(hash % 64) else { return look_up() };
        if slot.0 != key {
            *slot = (key, look_up());
        }
        slot.1
    }
}

pub(super) fn find(scan: &mut Scan<'_>) {
    let text = scan.text;
    let from = scan.from;
    // Most cells have no quote: for them, making the cache would take longer than the search.
    if memchr::memchr(b'"', part(text, from, text.len())).is_none() {
        return;
    }
    let names = &scan.recognisers.names;
    let mut cache = Cache([(&[], None); 64]);
    for colon in memmem::find_iter(part(text, from, text.len()), b"\":").map(|index| from + index + 1) {
        if scan.key_around(colon).is_some() {
            continue;
        }
        // `"key":`, in JSON in a string `\"key\":`, in CSV `""key"":`.
        let quote: &[u8] = match before(text, colon - 1) {
            b'\\' => b"\\\"",
            b'"' => b"\"\"",
            _ => b"\"",
        };
        let key_end = colon - quote.len();
        let key_start =
            run_start(text, key_end, KEY_MOST, |byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        let key = part(text, key_start, key_end);
        if key.is_empty() || before(text, key_start) != b'"' {
            continue;
        }
        let entity = cache.get(key, || std::str::from_utf8(key).ok().and_then(|key| names.of_key(key)));
        if let Some(entity) = entity {
            value(scan, colon + 1, quote, entity);
        }
    }
}

/// The string or number behind a key.
fn value(scan: &mut Scan<'_>, from: usize, quote: &[u8], entity: Entity) {
    let text = scan.text;
    let first = run_end(text, from, 8, |byte| matches!(byte, b' ' | b'\t'));
    if part(text, first, first + quote.len()) == quote {
        let first = first + quote.len();
        scan.add(first, string_end(text, first, quote), entity);
        return;
    }
    let like = |byte: u8| byte > b' ' && !b",]}[{\"\\".contains(&byte);
    let end = run_end(text, first, text.len(), like);
    if !matches!(part(text, first, end), b"null" | b"true" | b"false") {
        scan.add(first, end, entity);
    }
}

/// The end of a string that is quoted so, within its line.
fn string_end(text: &[u8], from: usize, quote: &[u8]) -> usize {
    let mut end = from;
    while end < text.len() && !matches!(at(text, end), b'\n' | b'\r') {
        if part(text, end, end + quote.len()) == quote {
            return end;
        }
        // What is escaped ends nothing, unless the quote itself is an escape: then that is twice so.
        let next = at(text, end + 1);
        let escapes =
            at(text, end) == b'\\' && !matches!(next, b'\n' | b'\r') && (quote.len() == 1 || next == b'\\');
        end += if escapes { 2 } else { 1 };
    }
    end.min(text.len())
}
