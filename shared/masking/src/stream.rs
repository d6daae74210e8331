//! Masking bytes as they come, with the same result however they were cut.
//!
//! Whole lines are searched, as many as are there; what is found in a line depends on nothing else than
//! the line and a few bytes before it (see `scan`), so it does not matter how many there were. A line
//! that is longer than [`WINDOW`] is searched in windows whose places depend on the line alone.

use crate::bytes::{at, part, run_end};
use crate::masker::{Inner, Masker};
use crate::scan::{CONTEXT_BEFORE, Context, PEM_MOST, Span, pem_end};
use crate::{Counts, Entity};

/// As much of a line is searched at once. At most this and one line are held in memory.
pub(crate) const WINDOW: usize = 64 * 1024;
/// The end of a window is searched again with the next one: longer than what a recogniser reads ahead.
const OVERLAP: usize = 8 * 1024;
/// Kept of what was written, unmasked, as context of what follows; a word more than the context.
const TAIL: usize = CONTEXT_BEFORE + 80;

/// Masks bytes that come in pieces.
#[derive(Debug)]
pub struct StreamMasker {
    masker: Masker,
    state: State,
    counts: Counts,
}

#[derive(Debug, Default)]
struct State {
    /// The tail of what was written, then what is not yet.
    held: Vec<u8>,
    /// Where in `held` begins what is not yet written.
    from: usize,
    /// Inside of something that was masked already and goes on.
    inside: Inside,
    known: Context,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Nothing,
    /// A private key whose end has not come; so many bytes may still be its own.
    Pem(usize),
    /// A token that reached the end of a window.
    Token,
}

impl StreamMasker {
    pub(crate) fn new(masker: Masker) -> StreamMasker {
        StreamMasker { masker, state: State::default(), counts: Counts::new() }
    }

    /// Takes the next bytes and returns what is ready: whole lines, and of very long ones a part.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if !self.masker.inner.policy.enabled {
            return bytes.to_vec();
        }
        let mut out = Vec::with_capacity(bytes.len());
        self.state.push(&self.masker.inner, bytes, &mut out, &mut self.counts);
        out
    }

    /// The rest, when nothing more comes.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.state.work(&self.masker.inner, true, &mut out, &mut self.counts);
        self.state = State::default();
        out
    }

    /// What was masked so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// A text that is there as a whole; `None` if there is nothing to mask in it.
    pub(crate) fn whole(inner: &Inner, text: &[u8], known: Context, counts: &mut Counts) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        if text.len() < WINDOW {
            // One search does, without a copy. Streaming gives the same: see the tests.
            let spans = inner.recognisers.scan(text, 0, known);
            if spans.is_empty() {
                return None;
            }
            out.reserve(text.len() + 16);
            inner.write(&mut out, text, 0, text.len(), &spans, counts);
        } else {
            let mut state = State { known, ..State::default() };
            for piece in text.chunks(WINDOW) {
                state.push(inner, piece, &mut out, counts);
            }
            state.work(inner, true, &mut out, counts);
        }
        Some(out)
    }
}

impl State {
    fn push(&mut self, inner: &Inner, bytes: &[u8], out: &mut Vec<u8>, counts: &mut Counts) {
        // Piece by piece, so that what is held stays small whatever comes at once.
        for piece in bytes.chunks(WINDOW) {
            self.held.extend_from_slice(piece);
            if self.may_go_on(piece) {
                self.work(inner, false, out, counts);
            }
        }
    }

    /// Whether this piece can have completed anything; what is held was searched before.
    fn may_go_on(&self, piece: &[u8]) -> bool {
        let held = self.held.len() - self.from;
        match self.inside {
            Inside::Nothing => held >= WINDOW || memchr::memchr(b'\n', piece).is_some(),
            Inside::Pem(left) => held >= left || memchr::memchr(b'-', piece).is_some(),
            Inside::Token => true,
        }
    }

    /// Writes what can be written; at the `end`, all.
    fn work(&mut self, inner: &Inner, end: bool, out: &mut Vec<u8>, counts: &mut Counts) {
        while self.from < self.held.len() {
            let stuck = match self.inside {
                Inside::Pem(left) => self.pass_pem(left, end),
                Inside::Token => self.pass_token(),
                Inside::Nothing => self.search(inner, end, out, counts),
            };
            if stuck {
                break;
            }
        }
        let old = self.from.saturating_sub(TAIL);
        self.held.drain(..old);
        self.from -= old;
    }

    /// Drops what belongs to a private key. Answers whether more must come first.
    fn pass_pem(&mut self, left: usize, end: bool) -> bool {
        let rest = part(&self.held, self.from, self.from.saturating_add(left));
        match pem_end(rest) {
            Some(footer) => self.from += footer,
            None if end || rest.len() == left => self.from += rest.len(),
            None => return true,
        }
        self.inside = Inside::Nothing;
        false
    }

    /// Drops the rest of a token.
    fn pass_token(&mut self) -> bool {
        let like = |byte: u8| byte > b' ' && !b",;\"'<>(){}[]".contains(&byte);
        self.from = run_end(&self.held, self.from, self.held.len(), like);
        if self.from < self.held.len() {
            self.inside = Inside::Nothing;
        }
        false
    }

    /// Searches the lines that are whole, or a window of a long one.
    fn search(&mut self, inner: &Inner, end: bool, out: &mut Vec<u8>, counts: &mut Counts) -> bool {
        let window = part(&self.held, self.from, self.from + WINDOW);
        let lines = memchr::memrchr(b'\n', window).map(|index| self.from + index + 1);
        let (to, decided) = match lines {
            Some(line_end) => (line_end, line_end),
            None if window.len() == WINDOW => (self.from + WINDOW, self.from + WINDOW - OVERLAP),
            None if end => (self.held.len(), self.held.len()),
            None => return true,
        };
        let text = part(&self.held, 0, to);
        let mut spans = inner.recognisers.scan(text, self.from, self.known);
        // What begins in the overlap is searched again with what follows.
        spans.retain(|span| span.start < decided);
        let written = spans.last().map_or(decided, |span: &Span| span.end.max(decided));
        inner.write(out, text, self.from, written, &spans, counts);
        if let Some(last) =
            spans.last().filter(|span| span.end == to && at(text, to - 1) != b'\n' || open_pem(span, text))
        {
            self.inside = match last.entity {
                Entity::PrivateKey => Inside::Pem(PEM_MOST.saturating_sub(to - last.start)),
                _ => Inside::Token,
            };
        }
        self.from = written;
        false
    }
}

/// A private key that reaches the end of what was searched without an end of its own.
fn open_pem(span: &Span, text: &[u8]) -> bool {
    span.entity == Entity::PrivateKey
        && span.end == text.len()
        && span.end - span.start < PEM_MOST
        && pem_end(part(text, span.start, span.end)) != Some(span.end - span.start)
}
