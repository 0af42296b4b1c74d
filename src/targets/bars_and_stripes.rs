//! Bars and stripes: few patterns of equal weight among exponentially many forbidden ones.

use crate::configuration::{Configurations, used_bits};
use crate::error::{Error, Result};
use crate::law::Law;
use crate::random::Seed;
use rand::RngExt;
use std::collections::BTreeMap;
use std::f64::consts::LN_2;
use std::fmt;
use std::str::FromStr;

/// How often the two patterns count that are both bars and stripes: all 0 and all 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patterns {
    /// Twice, since both ways of drawing lead there: f = 2, Z = 2^R + 2^C.
    WithRepeats,
    /// Once, like every other pattern: f = 1, Z = 2^R + 2^C - 2.
    Distinct,
}

/// f(x) = [each of the R rows of x is constant: bars] + [each of the C columns is: stripes] on a grid
/// of R x C bits, site (row, column) at row C + column; every other x is forbidden, f(x) = 0.
///
/// With repeats (MacKay 2003, chapter 43; Hinton and Sejnowski 1986) this is a list of 2^R + 2^C
/// patterns, each equally likely; on a square grid it is a coin for the orientation and one for each
/// line. [`Patterns::Distinct`] counts every pattern once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarsAndStripes {
    rows: usize,
    columns: usize,
    patterns: Patterns,
}

impl BarsAndStripes {
    /// Most sites of a grid: a configuration is one word.
    pub const SITES_LIMIT: usize = 64;

    /// On a grid whose sides are at least 2 (on a single line all patterns would be bars and stripes).
    pub fn new(rows: usize, columns: usize, patterns: Patterns) -> Result<Self> {
        let refuse = |problem: &str, mend: &str| {
            let what = format!("bars and stripes on {rows}x{columns}");
            Err(Error::invalid(what, problem, mend))
        };
        if rows.min(columns) < 2 {
            return refuse("a single line has no bars apart from stripes", "take sides of at least 2");
        }
        if rows.saturating_mul(columns) > Self::SITES_LIMIT {
            return refuse("it has more than 64 sites", "take sides whose product is at most 64");
        }
        Ok(Self { rows, columns, patterns })
    }

    /// `count` independent patterns, each drawn exactly from the law.
    pub fn draw(&self, count: usize, seed: Seed) -> Configurations {
        let mut generator = seed.generator();
        let numbers = self.number_of_patterns();
        let mut drawn = Configurations::zeros(self.sites(), count);
        for pattern in drawn.bits_mut() {
            *pattern = self.pattern(generator.random_range(0..numbers));
        }
        drawn
    }

    /// Every pattern once, with its probability as its weight; `None` where there are more than a million.
    pub fn patterns(&self) -> Option<Configurations> {
        let numbers = self.number_of_patterns();
        if numbers > 1 << 20 {
            return None;
        }
        let mut times = BTreeMap::new();
        (0..numbers).for_each(|number| *times.entry(self.pattern(number)).or_insert(0.0) += 1.0 / numbers as f64);
        let (bits, weights) = times.into_iter().unzip();
        Some(Configurations::with_any_weights(self.sites(), bits, weights))
    }

    /// Z: how many patterns are generated.
    pub fn number_of_patterns(&self) -> u64 {
        let generated = (1 << self.rows) + (1 << self.columns);
        match self.patterns {
            Patterns::WithRepeats => generated,
            Patterns::Distinct => generated - 2,
        }
    }

    /// Pattern `number`, counted from 0: all bars, then the stripes (the distinct ones without all 0
    /// and all 1).
    fn pattern(&self, number: u64) -> u64 {
        if let Some(stripes) = number.checked_sub(1 << self.rows) {
            return match self.patterns {
                Patterns::WithRepeats => stripes * self.first_column(),
                Patterns::Distinct => (stripes + 1) * self.first_column(),
            };
        }
        (0..self.rows).filter(|row| number >> row & 1 == 1).map(|row| self.first_row() << (row * self.columns)).sum()
    }

    /// All bits of row 0. A product with it copies the bits of column 0 into every column.
    fn first_row(&self) -> u64 {
        used_bits(self.columns, 0)
    }

    /// All bits of column 0. A product with it copies row 0 into every row.
    fn first_column(&self) -> u64 {
        (0..self.rows).map(|row| 1 << (row * self.columns)).sum()
    }
}

impl Law for BarsAndStripes {
    fn sites(&self) -> usize {
        self.rows * self.columns
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        let pattern = state[0] & used_bits(self.sites(), 0);
        let (row, column) = (self.first_row(), self.first_column());
        let bars = pattern == (pattern & column) * row;
        let stripes = pattern == (pattern & row) * column;
        match (bars, stripes, self.patterns) {
            (false, false, _) => f64::NEG_INFINITY,
            (true, true, Patterns::WithRepeats) => LN_2,
            _ => 0.0,
        }
    }

    fn log_partition(&self) -> Option<f64> {
        Some((self.number_of_patterns() as f64).ln())
    }

    fn has_forbidden_states(&self) -> bool {
        true
    }
}

impl fmt::Display for BarsAndStripes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.patterns {
            Patterns::WithRepeats => "bars",
            Patterns::Distinct => "bars-distinct",
        };
        write!(f, "{kind}:{}x{}", self.rows, self.columns)
    }
}

/// Reads `bars:RxC` (with repeats) and `bars-distinct:RxC`.
impl FromStr for BarsAndStripes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem: &str| {
            let mend = "write bars:RxC (with repeats) or bars-distinct:RxC";
            Err(Error::invalid(format!("target {text}"), problem, mend))
        };
        let (kind, size) = text.split_once(':').unwrap_or((text, ""));
        let patterns = match kind {
            "bars" => Patterns::WithRepeats,
            "bars-distinct" => Patterns::Distinct,
            _ => return refuse("these are no bars and stripes"),
        };
        let (rows, columns) = size.split_once('x').unwrap_or((size, ""));
        match (rows.parse(), columns.parse()) {
            (Ok(rows), Ok(columns)) => Self::new(rows, columns, patterns),
            _ => refuse("its size is not two numbers"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[test]
    fn both_conventions_keep_the_contract_of_a_law() {
        for patterns in [Patterns::WithRepeats, Patterns::Distinct] {
            for (rows, columns) in [(2, 2), (2, 3), (3, 3), (4, 3)] {
                let law = BarsAndStripes::new(rows, columns, patterns).unwrap();
                contract::law(&law, 1).unwrap_or_else(|problem| panic!("{law}: {problem}"));
                contract::patterns(&law, &law.patterns().unwrap()).unwrap_or_else(|problem| panic!("{law}: {problem}"));
            }
        }
    }

    /// Against a picture, row by row.
    #[test]
    fn rows_are_bars_and_columns_are_stripes() {
        let law: BarsAndStripes = "bars:2x3".parse().unwrap();
        assert_eq!(law.log_weight(&[0b000_111]), 0.0);
        assert_eq!(law.log_weight(&[0b101_101]), 0.0);
        assert_eq!(law.log_weight(&[0b111_111]), LN_2);
        assert_eq!(law.log_weight(&[0b101_100]), f64::NEG_INFINITY);
        assert_eq!(law.log_weight_change(&[0b101_100], 0), f64::INFINITY);
        assert_eq!(law.log_weight_change(&[0b101_101], 0), f64::NEG_INFINITY);
        assert_eq!(law.log_weight_change(&[0b101_110], 2), 0.0);
    }

    /// Every weight is the number of times that its pattern is generated, up to the largest grids.
    #[test]
    fn weights_count_the_patterns_that_are_generated() {
        for patterns in [Patterns::WithRepeats, Patterns::Distinct] {
            for (rows, columns) in [(2, 2), (3, 4), (5, 2), (8, 8)] {
                let law = BarsAndStripes::new(rows, columns, patterns).unwrap();
                let mut times = BTreeMap::new();
                for number in 0..law.number_of_patterns() {
                    *times.entry(law.pattern(number)).or_insert(0_u32) += 1;
                }
                assert_eq!(times.len(), (1 << rows) + (1 << columns) - 2, "{law}");
                for (pattern, times) in times {
                    assert_eq!(law.log_weight(&[pattern]), f64::from(times).ln(), "{law}");
                }
            }
        }
        for name in ["bars:2x32", "bars-distinct:32x2"] {
            let law: BarsAndStripes = name.parse().unwrap();
            let last = law.pattern(law.number_of_patterns() - 1);
            assert!(law.log_weight(&[last]) >= 0.0, "{name}: {last:#b}");
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["bars:3x3", "bars-distinct:2x5"] {
            let law: BarsAndStripes = name.parse().unwrap();
            assert_eq!(law.to_string(), name);
        }
    }

    #[test]
    fn what_is_not_bars_and_stripes_is_refused_with_a_mend() {
        for name in [
            "",
            "bars",
            "bars:3",
            "bars:3x",
            "bars:3x3x3",
            "bars:1x4",
            "bars-distinct:4x1",
            "bars:0x3",
            "bars:9x8",
            "bars:18446744073709551615x2",
            "stripes:3x3",
            "bars:-3x3",
        ] {
            let message = name.parse::<BarsAndStripes>().unwrap_err().to_string();
            assert!(message.contains("; "), "{message}");
        }
    }
}
