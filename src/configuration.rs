//! Binary configurations: rows of bits, 64 sites a word, with optional weights.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Whether site `i` of a row is 1 (for Ising spins: up).
pub fn bit(row: &[u64], i: usize) -> bool {
    row[i / 64] >> (i % 64) & 1 == 1
}

/// Sets site `i` of a row.
pub fn set_bit(row: &mut [u64], i: usize, value: bool) {
    let mask = 1_u64 << (i % 64);
    if value {
        row[i / 64] |= mask;
    } else {
        row[i / 64] &= !mask;
    }
}

/// Flips site `i` of a row.
pub fn flip_bit(row: &mut [u64], i: usize) {
    row[i / 64] ^= 1 << (i % 64);
}

/// The sites below `sites` that are 1, in increasing order. Bits past `sites` are ignored.
pub fn set_sites(row: &[u64], sites: usize) -> impl Iterator<Item = usize> + '_ {
    row[..words_for(sites)].iter().enumerate().flat_map(move |(word, &bits)| {
        let mut rest = bits & used_bits(sites, word);
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let i = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                word * 64 + i
            })
        })
    })
}

/// Words of 64 bits that hold `sites` bits.
pub fn words_for(sites: usize) -> usize {
    sites.div_ceil(64)
}

/// The bits of word number `word` that belong to a row of `sites` sites.
pub fn used_bits(sites: usize, word: usize) -> u64 {
    match sites - (word * 64).min(sites) {
        0 => 0,
        rest if rest >= 64 => u64::MAX,
        rest => (1 << rest) - 1,
    }
}

/// Copies `count` bits from `source`, starting at its bit `from`, to `targets` at its bit `to`.
pub fn copy_bits(source: &[u64], from: usize, count: usize, target: &mut [u64], to: usize) {
    if (from % 64, to % 64, count) == (0, 0, 64) {
        target[to / 64] = source[from / 64];
        return;
    }
    let mut done = 0;
    while done < count {
        let (source_at, target_at) = (from + done, to + done);
        let run = (64 - source_at % 64).min(64 - target_at % 64).min(count - done);
        let mask = used_bits(run, 0);
        let bits = source[source_at / 64] >> (source_at % 64) & mask;
        let word = &mut target[target_at / 64];
        *word = *word & !(mask << (target_at % 64)) | bits << (target_at % 64);
        done += run;
    }
}

/// A data set: bit-packed rows, each with weight 1/len unless weights that sum to 1 are given.
///
/// With weights a whole enumerated law is just another data set, so that an estimator's bias can be
/// told from the noise of a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Configurations {
    sites: usize,
    bits: Vec<u64>,
    weights: Option<Vec<f64>>,
}

/// As it was read, before anyone has looked whether it fits together.
#[derive(Deserialize)]
struct Unchecked {
    sites: usize,
    bits: Vec<u64>,
    weights: Option<Vec<f64>>,
}

impl TryFrom<Unchecked> for Configurations {
    type Error = Error;

    fn try_from(read: Unchecked) -> Result<Self> {
        match read.weights {
            Some(weights) => Self::weighted(read.sites, read.bits, weights),
            None => Self::from_bits(read.sites, read.bits),
        }
    }
}

impl Configurations {
    /// `rows` configurations of `sites` sites, all zero. `sites` must be positive.
    pub fn zeros(sites: usize, rows: usize) -> Self {
        assert!(sites > 0, "a configuration needs at least one site");
        Self { sites, bits: vec![0; words_for(sites) * rows], weights: None }
    }

    /// Rows one after another, with weights of any sign or sum: for differences of sums over rows.
    pub(crate) fn with_any_weights(sites: usize, bits: Vec<u64>, weights: Vec<f64>) -> Self {
        assert_eq!(bits.len(), words_for(sites) * weights.len(), "one weight a row");
        Self { sites, bits, weights: Some(weights) }
    }

    /// The 2^sites configurations of a law in order (row k holds the bits of k), weighted.
    pub fn whole_law(sites: usize, weights: Vec<f64>) -> Self {
        assert_eq!(weights.len(), 1 << sites, "one weight a configuration");
        Self { sites, bits: (0..1 << sites).collect(), weights: Some(weights) }
    }

    /// The rows in `bits`, one after another, each with its weight. Refused unless every row is
    /// complete with no bit past its last site, and weights are not negative and sum to 1.
    pub fn weighted(sites: usize, bits: Vec<u64>, weights: Vec<f64>) -> Result<Self> {
        let refuse = |problem: String, mend: &str| Err(Error::invalid("weighted configurations", problem, mend));
        if sites == 0 || bits.len() != words_for(sites) * weights.len() {
            return refuse(
                format!("{} words do not hold {} rows of {sites} sites", bits.len(), weights.len()),
                "give each row a weight and ceil(sites / 64) words, at least one",
            );
        }
        let unweighted = Self::from_bits(sites, bits)?;
        let total: f64 = weights.iter().sum();
        // A NaN is refused too.
        if !((total - 1.0).abs() <= 1e-6 && weights.iter().all(|weight| *weight >= 0.0)) {
            return refuse(
                format!("the weights sum to {total}, or one is negative"),
                "give weights that are not negative and sum to 1",
            );
        }
        Ok(Self { weights: Some(weights), ..unweighted })
    }

    /// The rows in `bits`, one after another, equally weighted. Refused unless every row is complete with no bit past its
    /// last site.
    pub fn from_bits(sites: usize, bits: Vec<u64>) -> Result<Self> {
        let refuse = |problem: String, mend: &str| Err(Error::invalid("configurations", problem, mend));
        let words = words_for(sites);
        if sites == 0 || !bits.len().is_multiple_of(words) {
            return refuse(
                format!("{} words do not hold whole rows of {sites} sites", bits.len()),
                "give each row ceil(sites / 64) words, at least one",
            );
        }
        let stray = |row: &[u64]| row[words - 1] & !used_bits(sites, words - 1) != 0;
        if let Some(s) = bits.chunks_exact(words).position(stray) {
            return refuse(
                format!("row {s} has bits past its last site"),
                "leave the unused bits of the last word at 0",
            );
        }
        Ok(Self { sites, bits, weights: None })
    }

    /// Sites of a row.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// Words of a row.
    pub fn words(&self) -> usize {
        words_for(self.sites)
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.bits.len() / self.words()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    /// Row `s`.
    pub fn row(&self, s: usize) -> &[u64] {
        &self.bits[s * self.words()..(s + 1) * self.words()]
    }

    /// Row `s`, to be changed; bits past the last site must stay zero.
    pub fn row_mut(&mut self, s: usize) -> &mut [u64] {
        let words = self.words();
        &mut self.bits[s * words..(s + 1) * words]
    }

    /// All rows, one after another.
    pub fn bits(&self) -> &[u64] {
        &self.bits
    }

    /// All rows, to be changed; bits past the last site must stay zero.
    pub fn bits_mut(&mut self) -> &mut [u64] {
        &mut self.bits
    }

    /// The weights, where the rows are not all alike.
    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// The weight of row `s`.
    pub fn weight(&self, s: usize) -> f64 {
        match &self.weights {
            Some(weights) => weights[s],
            None => 1.0 / self.len() as f64,
        }
    }

    /// The rows named by `rows`, in that order, equally weighted.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut bits = Vec::with_capacity(rows.len() * self.words());
        for &s in rows {
            bits.extend_from_slice(self.row(s));
        }
        Self { sites: self.sites, bits, weights: None }
    }

    /// The same rows with `extra` more sites after the last one, all zero; weights are kept.
    pub fn widened(&self, extra: usize) -> Self {
        let mut wide = Self::zeros(self.sites + extra, self.len());
        for s in 0..self.len() {
            wide.row_mut(s)[..self.words()].copy_from_slice(self.row(s));
        }
        wide.weights = self.weights.clone();
        wide
    }

    /// Each configuration that occurs, once, in order of its bits, with its total weight.
    pub fn distinct(&self) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|&s, &t| self.row(s).cmp(self.row(t)));
        let mut distinct = Self { sites: self.sites, bits: Vec::new(), weights: None };
        let mut weights: Vec<f64> = Vec::new();
        for s in order {
            match weights.last_mut() {
                Some(last) if distinct.row(distinct.len() - 1) == self.row(s) => {
                    *last += self.weight(s);
                }
                _ => {
                    distinct.bits.extend_from_slice(self.row(s));
                    weights.push(self.weight(s));
                }
            }
        }
        distinct.weights = Some(weights);
        distinct
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_sites_are_the_bits_that_are_one_and_stop_at_the_last_site() {
        for sites in [1, 33, 64, 65, 130] {
            let row = vec![0xdead_beef_0123_4567_u64; words_for(sites)];
            let expected: Vec<usize> = (0..sites).filter(|&i| bit(&row, i)).collect();
            assert_eq!(set_sites(&row, sites).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn copied_bits_arrive_and_their_neighbours_stay() {
        let source: Vec<u64> = (1..5_u64).map(|k| k.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
        for (from, count, to) in [(0, 64, 0), (3, 130, 61), (63, 1, 0), (64, 65, 7), (5, 0, 9)] {
            let mut target = vec![0xaaaa_aaaa_aaaa_aaaa_u64; 4];
            let before = target.clone();
            copy_bits(&source, from, count, &mut target, to);
            for i in 0..256 {
                let expected =
                    if (to..to + count).contains(&i) { bit(&source, from + i - to) } else { bit(&before, i) };
                assert_eq!(bit(&target, i), expected, "bit {i}");
            }
        }
    }

    #[test]
    fn rows_and_weights_that_do_not_fit_are_refused() {
        let rows = Configurations::weighted(65, vec![7, 1, 0, 0], vec![0.75, 0.25]).unwrap();
        assert_eq!((rows.len(), rows.weight(0)), (2, 0.75));
        assert_eq!(rows.row(0), [7, 1]);
        for (sites, bits, weights) in [
            (0, vec![], vec![]),
            (3, vec![], vec![]),
            (3, vec![1], vec![0.5, 0.5]),
            (65, vec![1, 1, 1], vec![0.5, 0.5]),
            (65, vec![0, 2], vec![1.0]),
            (3, vec![8], vec![1.0]),
            (3, vec![1, 2], vec![0.5, 0.6]),
            (3, vec![1, 2], vec![1.5, -0.5]),
            (3, vec![1, 2], vec![1.0, f64::NAN]),
        ] {
            assert!(Configurations::weighted(sites, bits, weights).is_err());
        }
    }

    #[test]
    fn distinct_rows_carry_their_total_weight() {
        let mut rows = Configurations::zeros(70, 4);
        for s in [1, 3] {
            set_bit(rows.row_mut(s), 69, true);
        }
        set_bit(rows.row_mut(2), 0, true);
        let distinct = rows.distinct();
        assert_eq!(distinct.weights(), Some(&[0.25, 0.5, 0.25][..]));
        assert!(bit(distinct.row(1), 69) && bit(distinct.row(2), 0));
    }
}
