//! The labelled shifter ensemble: a pattern, the same pattern shifted, and which way.

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Law;
use std::fmt;
use std::str::FromStr;

/// N random bits a, N bits b that are a shifted by one place to the left, not at all, or to the right (in a circle), and
/// three bits of which one says which: 3 x 2^N patterns of 2N + 3 sites, each as likely as any other (Hinton and Sejnowski
/// 1986; MacKay 2003, chapter 43; as a data set of machines Fischer and Igel 2010). f = 1 for a pattern, else 0.
///
/// Sites 0 to N - 1 are a, N to 2N - 1 are b, and the last three stand for left (`b_i = a_(i + 1)`), none and right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledShifter {
    bits: usize,
}

impl LabelledShifter {
    /// Most bits N: its patterns can be listed.
    pub const LIMIT: usize = 20;

    /// Of N >= 3 bits, for with fewer two shifts may be the same.
    pub fn new(bits: usize) -> Result<Self> {
        if (3..=Self::LIMIT).contains(&bits) {
            return Ok(Self { bits });
        }
        Err(Error::invalid(
            format!("labelled shifter of {bits} bits"),
            "with fewer than 3 bits shifts are alike, and of more than 20 the patterns are too many",
            "take 3 to 20 bits",
        ))
    }

    /// a with the shift 0 (left), 1 (none) or 2 (right) and its label.
    fn pattern(&self, a: u64, shift: usize) -> u64 {
        let n = self.bits;
        let shifted = match shift {
            0 => a >> 1 | (a & 1) << (n - 1),
            1 => a,
            _ => (a << 1 | a >> (n - 1)) & ((1 << n) - 1),
        };
        a | shifted << n | 1 << (2 * n + shift)
    }

    /// Every pattern once, with weights that sum to 1.
    pub fn patterns(&self) -> Configurations {
        let all = (0..3).flat_map(|shift| (0..1 << self.bits).map(move |a| self.pattern(a, shift)));
        let bits: Vec<u64> = all.collect();
        let weight = 1.0 / bits.len() as f64;
        let weights = vec![weight; bits.len()];
        Configurations::with_any_weights(self.sites(), bits, weights)
    }
}

impl Law for LabelledShifter {
    fn sites(&self) -> usize {
        2 * self.bits + 3
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        let row = state[0] & ((1 << self.sites()) - 1);
        let a = row & ((1 << self.bits) - 1);
        let allowed = (0..3).any(|shift| row == self.pattern(a, shift));
        if allowed { 0.0 } else { f64::NEG_INFINITY }
    }

    fn log_partition(&self) -> Option<f64> {
        Some((3.0 * (1_u64 << self.bits) as f64).ln())
    }

    fn has_forbidden_states(&self) -> bool {
        true
    }
}

impl fmt::Display for LabelledShifter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "labelled_shifter:{}", self.bits)
    }
}

/// Reads `labelled_shifter:N`.
impl FromStr for LabelledShifter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("labelled_shifter:").map(str::parse) {
            Some(Ok(bits)) => Self::new(bits),
            _ => Err(Error::invalid(
                format!("target {text}"),
                "this is no labelled shifter",
                "write labelled_shifter:N with 3 to 20 bits",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[test]
    fn it_keeps_the_contract_of_a_law() {
        for bits in [3, 4, 6] {
            let law = LabelledShifter::new(bits).unwrap();
            contract::law(&law, 1).unwrap_or_else(|problem| panic!("{law}: {problem}"));
            contract::patterns(&law, &law.patterns()).unwrap_or_else(|problem| panic!("{law}: {problem}"));
        }
    }

    /// Written out bit by bit: 0010 shifted left is 0100, with the label 100; in a circle to the right 1000 is 0100.
    #[test]
    fn patterns_are_those_of_a_picture() {
        let law = LabelledShifter::new(4).unwrap();
        let row = |text: &str| {
            let sites = text.chars().filter(|c| *c != ' ');
            sites.enumerate().map(|(i, c)| u64::from(c == '1') << i).sum::<u64>()
        };
        for allowed in ["0010 0100 100", "0010 0010 010", "0010 0001 001", "1000 0001 100", "0001 1000 001"] {
            assert_eq!(law.log_weight(&[row(allowed)]), 0.0, "{allowed}");
        }
        for forbidden in ["0010 0100 001", "0010 0010 100", "0010 0010 000", "0000 0000 110", "0010 1000 100"] {
            assert_eq!(law.log_weight(&[row(forbidden)]), f64::NEG_INFINITY, "{forbidden}");
        }
    }

    /// Against the literature's bounds on the sum of ln p over the patterns (Fischer and Igel 2010): -185.818 and -5102.43.
    #[test]
    fn the_bounds_are_those_of_the_literature() {
        for (bits, bound, digits) in [(4, -185.818, 5e-4), (8, -5102.43, 5e-3)] {
            let law = LabelledShifter::new(bits).unwrap();
            let patterns = law.patterns().len() as f64;
            let sum = -patterns * law.log_partition().unwrap();
            assert!((sum - bound).abs() < digits, "{sum}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        let law: LabelledShifter = "labelled_shifter:4".parse().unwrap();
        assert_eq!(law.to_string(), "labelled_shifter:4");
        for text in ["labelled_shifter", "labelled_shifter:2", "labelled_shifter:21", "labelled_shifter:x", "shifter:4"]
        {
            let message = text.parse::<LabelledShifter>().unwrap_err().to_string();
            assert!(message.contains("; "), "{message}");
        }
    }
}
