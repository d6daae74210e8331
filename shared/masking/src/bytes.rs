//! Reading bytes without a way to panic: beyond the end there are zeros and empty slices.

use std::ops::Deref;

/// The byte at `index`, or 0.
pub(crate) fn at(text: &[u8], index: usize) -> u8 {
    text.get(index).copied().unwrap_or(0)
}

/// The byte before `index`, or 0.
pub(crate) fn before(text: &[u8], index: usize) -> u8 {
    index.checked_sub(1).map_or(0, |index| at(text, index))
}

/// The part from `start` to `end`, or nothing where there is no such part.
pub(crate) fn part(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end.min(text.len())).unwrap_or_default()
}

/// The end of the run of bytes from `from` that are `like`, at most `most` of them.
pub(crate) fn run_end(text: &[u8], from: usize, most: usize, like: impl Fn(u8) -> bool) -> usize {
    let run = part(text, from, from.saturating_add(most));
    from + run.iter().position(|byte| !like(*byte)).unwrap_or(run.len())
}

/// The start of the run of bytes before `to` that are `like`, at most `most` of them.
pub(crate) fn run_start(text: &[u8], to: usize, most: usize, like: impl Fn(u8) -> bool) -> usize {
    let run = part(text, to.saturating_sub(most), to);
    to - run.iter().rev().position(|byte| !like(*byte)).unwrap_or(run.len())
}

/// Letters, digits and `_`.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A few items without memory of their own; what is beyond `N` is left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Few<T, const N: usize> {
    items: [T; N],
    count: usize,
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    pub(crate) fn of(items: impl Iterator<Item = T>) -> Few<T, N> {
        let mut few = Few { items: [T::default(); N], count: 0 };
        for (slot, item) in few.items.iter_mut().zip(items) {
            *slot = item;
            few.count += 1;
        }
        few
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.items.get(..self.count).unwrap_or_default()
    }
}
