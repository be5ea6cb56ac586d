//! A table of what was said last, by number. Both ends of a stream fill it in the same order, so a
//! number means the same to both; the oldest row goes when there are too many.

use std::collections::BTreeMap;

/// So many rows, each known by its number and found by its value.
#[derive(Debug)]
pub(super) struct Ring<T> {
    rows: Vec<T>,
    numbers: BTreeMap<T, usize>,
    next: usize,
    limit: usize,
}

impl<T: Ord + Clone> Ring<T> {
    pub(super) fn new(limit: usize) -> Self {
        Self { rows: Vec::new(), numbers: BTreeMap::new(), next: 0, limit }
    }

    /// The number of a value.
    pub(super) fn number(&self, value: &T) -> Option<usize> {
        self.numbers.get(value).copied()
    }

    /// The value with a number.
    pub(super) fn get(&self, number: usize) -> Option<&T> {
        self.rows.get(number)
    }

    /// The number that the next value gets.
    pub(super) fn next(&self) -> usize {
        self.next
    }

    /// Adds a value and returns its number. A value that is there twice is found under the later one.
    pub(super) fn push(&mut self, value: T) -> usize {
        let number = self.next;
        match self.rows.get_mut(number) {
            None => self.rows.push(value.clone()),
            Some(row) => {
                let old = std::mem::replace(row, value.clone());
                if self.numbers.get(&old) == Some(&number) {
                    self.numbers.remove(&old);
                }
            }
        }
        self.numbers.insert(value, number);
        self.next = (number + 1) % self.limit;
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_and_numbers_hold() {
        let mut ring = Ring::new(3);
        for value in [10, 20, 30] {
            ring.push(value);
        }
        assert_eq!((ring.number(&20), ring.get(1)), (Some(1), Some(&20)));
        assert_eq!(ring.push(40), 0);
        assert_eq!((ring.number(&10), ring.number(&40), ring.get(3)), (None, Some(0), None));
        // Said twice by a peer that does not look it up.
        ring.push(40);
        assert_eq!((ring.number(&40), ring.get(0), ring.number(&20)), (Some(1), Some(&40), None));
        ring.push(50);
        ring.push(60);
        assert_eq!((ring.number(&40), ring.get(0)), (Some(1), Some(&60)));
    }
}
