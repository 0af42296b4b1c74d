//! What a quick run finds, in a few lines that are kept beside the experiment: whoever changes a number, a table or a figure
//! sees which, and says so by keeping the new lines.
//!
//! A digest has a line for every column, table and figure: a hash of its words, and two sums of its numbers, of which one
//! weighs them by their places. Sums are held within rounding, since libraries of mathematics differ in last digits.

use std::hash::{DefaultHasher, Hash, Hasher};

/// How far sums may differ, relative to the sum of sizes.
const ROUNDING: f64 = 1e-8;

/// Words, and sums of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digest {
    words: u64,
    numbers: usize,
    sum: f64,
    by_place: f64,
    sizes: f64,
}

impl Digest {
    /// Of a text: what reads as a number is one, the rest are words.
    pub fn of(text: &str) -> Self {
        let (mut hash, mut digest) = (DefaultHasher::new(), Self::default());
        let is_part = |c: char| c.is_ascii_alphanumeric() || ".+-_".contains(c);
        for word in text.split(|c| !is_part(c)).filter(|word| !word.is_empty()) {
            match word.parse::<f64>().ok().filter(|x| x.is_finite()) {
                Some(x) => {
                    digest.numbers += 1;
                    // Places come again, so that no number outweighs the others.
                    let place = 1.0 + (digest.numbers % 97) as f64 / 97.0;
                    (digest.sum, digest.by_place) = (digest.sum + x, digest.by_place + place * x);
                    digest.sizes += x.abs();
                }
                None => word.hash(&mut hash),
            }
        }
        digest.words = hash.finish();
        digest
    }

    /// A line for a file.
    pub fn line(&self) -> String {
        let Self { words, numbers, sum, by_place, sizes } = self;
        format!("{words:016x} {numbers} {sum:?} {by_place:?} {sizes:?}")
    }

    /// Reads a line; nothing where it is none.
    pub fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let hash = u64::from_str_radix(words.next()?, 16).ok()?;
        let numbers = words.next()?.parse().ok()?;
        let mut number = || words.next()?.parse().ok();
        Some(Self { words: hash, numbers, sum: number()?, by_place: number()?, sizes: number()? })
    }

    /// Whether two are of the same words and numbers, up to rounding.
    pub fn agrees(&self, other: &Self) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= ROUNDING * (self.sizes + other.sizes);
        (self.words, self.numbers) == (other.words, other.numbers)
            && close(self.sum, other.sum)
            && close(self.by_place, other.by_place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A digest sees a number, a word and an order that has changed, and not the last digits.
    #[test]
    fn a_digest_sees_what_has_changed() {
        let text = "kl: 0.25, 1e-3 nats (12 rows)";
        let digest = Digest::of(text);
        assert_eq!(Digest::read(&digest.line()), Some(digest.clone()));
        assert!(digest.agrees(&Digest::of("kl: 0.2500000000001, 1e-3 nats (12 rows)")));
        for other in ["kl: 0.26, 1e-3 nats (12 rows)", "kl: 0.25, 1e-3 bits (12 rows)", "kl: 1e-3, 0.25 nats (12 rows)"]
        {
            assert!(!digest.agrees(&Digest::of(other)), "{other}");
        }
        assert!(!digest.agrees(&Digest::of("kl: 0.25, 1e-3 nats (12 rows) 0")));
    }
}
