//! Paths and queries that every server reads alike.
//!
//! Servers decode percent-encoding before or after they resolve `..`, once or twice, merge slashes, take `\` for `/`,
//! drop `;parameters`, and compose Unicode characters. A path with anything that these would change is refused.

/// An offset, and why what is there is refused.
type Refusal = (usize, &'static str);

/// Characters that look like `.`, `/` or `\` and become them by compatibility composition (NFKC) or best fit.
const LOOKALIKES: [char; 15] = [
    '\u{2024}', '\u{2025}', '\u{2026}', '\u{2044}', '\u{2215}', '\u{2216}', '\u{29f5}', '\u{29f8}',
    '\u{fe52}', '\u{fe68}', '\u{ff0e}', '\u{ff0f}', '\u{ff3c}', '\u{ff05}', '\u{ff1b}',
];

/// Characters of a segment that need no encoding (RFC 3986, 3.3), without `;`.
fn is_plain(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,=:@".contains(&byte)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Checks a path.
pub(super) fn check(path: &str) -> Result<(), Refusal> {
    if !path.starts_with('/') {
        return Err((0, "expected a path that begins with `/`"));
    }
    let mut at = 0;
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (number, segment) in (1..).zip(&segments) {
        at += 1;
        let decoded = decode(segment).map_err(|(within, why)| (at + within, why))?;
        if let Some(within) = segment.bytes().position(|byte| byte != b'%' && !is_plain(byte)) {
            return Err((
                at + within,
                "expected letters, digits and `-._~!$&'()*+,=:@` in a path; percent-encode others",
            ));
        }
        check_decoded(segment, &decoded).map_err(|why| (at, why))?;
        if segment.is_empty() && number < segments.len() {
            return Err((at, "expected no `//` in a path, which some servers read as `/`"));
        }
        at += segment.len();
    }
    Ok(())
}

fn check_decoded(segment: &str, decoded: &str) -> Result<(), &'static str> {
    if decoded.ends_with('.') {
        // Also `..`, and `a.`, which some systems read as `a`.
        return Err("expected no part of a path that ends in a dot");
    }
    if decoded.ends_with(' ') || decoded.starts_with(' ') {
        return Err("expected no part of a path that begins or ends with a space");
    }
    if decoded.contains(['/', '\\', '%', ';', '?', '#']) {
        return Err(
            "expected no encoded `/`, `\\`, `%`, `;`, `?` or `#` in a path, which servers decode differently",
        );
    }
    if decoded.contains(|c: char| c.is_control() || LOOKALIKES.contains(&c)) {
        return Err("expected no control characters and no look-alikes of `.`, `/` and `\\` in a path");
    }
    if encodes(segment, is_unreserved) {
        return Err("expected letters, digits and `-._~` without percent-encoding");
    }
    Ok(())
}

/// Whether a byte of that kind is percent-encoded.
fn encodes(text: &str, kind: fn(u8) -> bool) -> bool {
    text.match_indices('%').any(|(at, _)| {
        let digits = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        digits.is_some_and(kind)
    })
}

/// Checks what is behind the `?`.
pub(super) fn check_query(query: &str) -> Result<(), Refusal> {
    let is_allowed = |byte: u8| is_plain(byte) || b"/?;%".contains(&byte);
    if let Some(at) = query.bytes().position(|byte| !is_allowed(byte)) {
        return Err((
            at,
            "expected letters, digits and `-._~!$&'()*+,=:@/?;` in a query; percent-encode others",
        ));
    }
    let decoded = decode(query)?;
    if decoded.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Err((0, "expected no control characters in a query"));
    }
    Ok(())
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes().enumerate();
    while let Some((at, byte)) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.ok_or((at, "expected two hexadecimal digits behind `%`"))?);
        rest.nth(1);
    }
    String::from_utf8(bytes).map_err(|_| (0, "expected percent-encoded UTF-8"))
}

/// A text with its percent-encoding undone, for rules; as it is where that cannot be.
pub(super) fn decoded(text: &str) -> String {
    decode(text).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{check, check_query, decoded};

    #[test]
    fn a_path_has_one_spelling() {
        for path in [
            "/",
            "/a",
            "/a/",
            "/v1/users/42/keys",
            "/a.b/c~d",
            "/@x:y",
            "/a%20b",
            "/%C3%A9",
            "/a%2Bb",
            "/(1)'",
        ] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for path in [
            "",
            "a",
            "//",
            "//host/x",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/x",
            "/a%2f..%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/%252e%252e/",
            "/a%25",
            "/a;b=c",
            "/..;/x",
            "/a%3bb",
            "/%61",
            "/%2D",
            "/a%00",
            "/a%0ab",
            "/a%0D%0A",
            "/%c0%ae%c0%ae/",
            "/%ef%bc%8e%ef%bc%8e/",
            "/%u002e",
            "/%",
            "/%4",
            "/a.",
            "/.../x",
            "/a%20",
            "/a%20/b",
            "/a b",
            "/a\tb",
            "/a#b",
            "/a%23b",
            "/a%3fb",
            "/a|b",
            "/a\"b",
            "/{a}",
            "/é",
            "/a%7f",
            "/a%C2%85",
        ] {
            assert!(check(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_query_has_no_control_characters() {
        for query in [
            "",
            "a=b&c=d",
            "q=a%20b",
            "at=2026-01-01T00:00:00%2B01:00",
            "a[]=1".replace(['[', ']'], "%5B").as_str(),
        ] {
            assert_eq!(check_query(query), Ok(()), "{query}");
        }
        for query in ["a b", "a#b", "a%00", "a%0d", "a%", "a\\b", "a%ff"] {
            assert!(check_query(query).is_err(), "{query}");
        }
        assert_eq!(decoded("a%20b"), "a b");
    }
}
