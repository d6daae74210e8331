//! The body of an answer, cut into lines while it comes.

use crate::Column;

/// Gathers chunks and gives whole lines.
pub(super) struct Body {
    limit_bytes: u64,
    read_bytes: u64,
    open: Vec<u8>,
}

impl Body {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, read_bytes: 0, open: Vec::new() }
    }

    /// True once more was read than may be kept: the rest is left at the service.
    pub(super) fn is_full(&self) -> bool {
        self.read_bytes > self.limit_bytes
    }

    pub(super) fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        self.read_bytes = self.read_bytes.saturating_add(chunk.len() as u64);
        let mut lines = Vec::new();
        for (number, part) in chunk.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                lines.push(self.line());
            }
            self.open.extend_from_slice(part);
        }
        lines
    }

    /// What comes after the last line end; if the body was cut, it is the row that is missing.
    pub(super) fn finish(&mut self) -> Vec<String> {
        if self.open.is_empty() && !self.is_full() { Vec::new() } else { vec![self.line()] }
    }

    fn line(&mut self) -> String {
        let bytes = std::mem::take(&mut self.open);
        String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(&bytes)).into_owned()
    }
}

pub(super) fn column() -> Column {
    Column { name: "body".to_owned(), type_name: String::new(), source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_depend_on_how_the_body_was_cut() {
        let whole = "a\r\n\u{e9}b\n\nlast".as_bytes();
        for cut in 0..=whole.len() {
            let mut body = Body::new(1000);
            let mut lines = body.push(&whole[..cut]);
            lines.extend(body.push(&whole[cut..]));
            lines.extend(body.finish());
            assert_eq!(lines, ["a", "\u{e9}b", "", "last"], "{cut}");
        }
    }
}
