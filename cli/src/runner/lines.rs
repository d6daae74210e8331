//! A program's output on its way out: masked as it comes, then cut into lines.

use countersign_guardrails::{Hit, RuleSet};
use countersign_masking::{ColumnInfo, Counts, MaskError, Masker, RowMasker, StreamMasker};

/// A longer line becomes several: each must fit into a piece.
const MOST_LINE_BYTES: usize = 64 * 1024;

/// Where a program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    /// The word in the contract.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }
}

/// Why nothing of the output is shown.
#[derive(Debug)]
pub(crate) enum Withheld {
    /// A guardrail on output.
    Rule(Hit),
    /// It could not be masked.
    Unmasked(MaskError),
}

impl std::fmt::Display for Withheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rule(hit) => write!(
                f,
                "the command ran; its output is withheld by the guardrail `{}`: {}",
                hit.rule, hit.message
            ),
            Self::Unmasked(error) => write!(
                f,
                "the command ran; its output could not be masked, so nothing of it is shown: {error}"
            ),
        }
    }
}

/// The output of one stream.
struct Half {
    masked: StreamMasker,
    open: Vec<u8>,
}

impl Half {
    /// Whole lines of what is masked, and of a line that is too long a part.
    fn cut(&mut self, masked: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, part) in masked.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                lines.push(self.line());
            }
            self.open.extend_from_slice(part);
            while self.open.len() > MOST_LINE_BYTES {
                let rest = self.open.split_off(boundary(&self.open, MOST_LINE_BYTES));
                lines.push(self.line());
                self.open = rest;
            }
        }
        lines
    }

    fn line(&mut self) -> String {
        let bytes = std::mem::take(&mut self.open);
        String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(&bytes)).into_owned()
    }
}

/// Where to cut so that no character is cut in two.
fn boundary(bytes: &[u8], most: usize) -> usize {
    let is_inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    (most.saturating_sub(3)..=most).rev().find(|at| !is_inside(*at)).unwrap_or(most)
}

/// Both streams of a program.
pub(crate) struct Lines {
    out: Half,
    err: Half,
    rows: RowMasker,
    rules: RuleSet,
    counts: Counts,
}

impl Lines {
    pub(crate) fn new(masker: &Masker, rules: RuleSet) -> Self {
        let half = || Half { masked: masker.stream(), open: Vec::new() };
        // By its keys too, where a line is JSON: the service looks at it in the same way.
        let column = |name: &str| ColumnInfo { name: name.to_owned(), ..ColumnInfo::default() };
        let rows = masker.row_masker(&[column("line")]);
        Self { out: half(), err: half(), rows, rules, counts: Counts::default() }
    }

    /// Takes bytes of a stream, and gives the lines that are ready.
    pub(crate) fn push(&mut self, stream: Stream, bytes: &[u8]) -> Result<Vec<String>, Withheld> {
        let half = self.half(stream);
        let masked = half.masked.push(bytes);
        let lines = half.cut(&masked);
        self.checked(lines)
    }

    /// The rest of a stream.
    pub(crate) fn finish(&mut self, stream: Stream) -> Result<Vec<String>, Withheld> {
        let half = self.half(stream);
        let masked = half.masked.finish();
        let mut lines = half.cut(&masked);
        if !half.open.is_empty() {
            lines.push(half.line());
        }
        self.checked(lines)
    }

    /// What was masked.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = self.counts.clone();
        counts.merge(self.out.masked.counts());
        counts.merge(self.err.masked.counts());
        counts
    }

    fn half(&mut self, stream: Stream) -> &mut Half {
        match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        }
    }

    fn checked(&mut self, lines: Vec<String>) -> Result<Vec<String>, Withheld> {
        let mut checked = Vec::with_capacity(lines.len());
        for line in lines {
            if let Some(hit) = self.rules.check_output(&line) {
                return Err(Withheld::Rule(hit));
            }
            let row = self.rows.mask(vec![Some(line)], &mut self.counts).map_err(Withheld::Unmasked)?;
            checked.extend(row.into_iter().flatten());
        }
        Ok(checked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_masking::MaskingPolicy;
    use proptest::prelude::*;

    fn lines_of(parts: &[&[u8]]) -> Vec<String> {
        let masker = Masker::new(&MaskingPolicy::default(), None).unwrap();
        let mut lines = Lines::new(&masker, RuleSet::parse(&[]).unwrap());
        let mut all: Vec<String> =
            parts.iter().flat_map(|part| lines.push(Stream::Out, part).unwrap()).collect();
        all.extend(lines.finish(Stream::Out).unwrap());
        all
    }

    #[test]
    fn lines_come_out_masked_however_they_were_cut() {
        let text =
            "one\r\nann@example.com wrote\n\n{\"password\": \"hunter2 and more\"}\nl\u{e9}st".as_bytes();
        let whole = lines_of(&[text]);
        assert_eq!(whole.len(), 5, "{whole:?}");
        assert_eq!((whole[0].as_str(), whole[1].as_str()), ("one", "<EMAIL_ADDRESS> wrote"));
        assert!(!whole[3].contains("hunter2"), "{whole:?}");
        assert_eq!(whole[4], "l\u{e9}st");
        for cut in 0..=text.len() {
            assert_eq!(lines_of(&[&text[..cut], &text[cut..]]), whole, "{cut}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_becomes_several_and_loses_nothing() {
        let text = "\u{20ac}".repeat(60_000);
        let lines = lines_of(&[text.as_bytes()]);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= MOST_LINE_BYTES));
        assert_eq!(lines.concat(), text);
    }

    #[test]
    fn a_guardrail_on_output_withholds_it() {
        let rule = serde_json::json!({ "name": "no-keys", "message": "keys stay here", "deny": { "output_pattern": "SECRET" } });
        let rules = RuleSet::parse(&[rule]).unwrap();
        let masker = Masker::new(&MaskingPolicy::default(), None).unwrap();
        let mut lines = Lines::new(&masker, rules);
        assert_eq!(lines.push(Stream::Out, b"fine\n").unwrap(), ["fine"]);
        assert!(lines.push(Stream::Err, b"a SECRET\n").unwrap_err().to_string().contains("no-keys"));
    }

    proptest! {
        #[test]
        fn what_comes_out_does_not_depend_on_the_cuts(text in "[a-z@. \r\n0-9]{0,80}", cuts in prop::collection::vec(0..80_usize, 0..5)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut parts = Vec::new();
            let mut from = 0;
            for cut in cuts {
                parts.push(&bytes[from..cut]);
                from = cut;
            }
            parts.push(&bytes[from..]);
            prop_assert_eq!(lines_of(&parts), lines_of(&[bytes]));
        }
    }
}
