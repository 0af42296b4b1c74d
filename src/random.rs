//! Seeds that make children, and the generator that they seed.
//!
//! One root seed leads to every random number of a run. A child is made by hashing the parent with
//! a purpose and an index, never by adding to it, so neighbouring indices share nothing; the hash is
//! written here, so that no library update changes a result.

use rand::RngExt;
use serde::{Deserialize, Serialize};

/// The generator of every random number: PCG XSL-RR 128/64 (MCG), O'Neill 2014.
pub type Generator = rand_pcg::Pcg64Mcg;

/// A seed: 64 bits from which children and generators are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed(u64);

/// The increment of SplitMix64: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that mixes every bit.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Seed {
    /// The root of a run, from the number that the user gave.
    pub fn root(number: u64) -> Self {
        Seed(mix(number))
    }

    /// The child for one purpose, numbered: `seed.child("update", 17)`.
    #[must_use]
    pub fn child(self, purpose: &str, index: u64) -> Self {
        let mut hash = mix(self.0);
        for byte in purpose.bytes() {
            hash = mix(hash ^ u64::from(byte));
        }
        // The length closes the purpose, so that ("ab", x) cannot meet ("a", y).
        hash = mix(hash ^ ((purpose.len() as u64) << 32));
        Seed(mix(hash ^ mix(index)))
    }

    /// The words that this seed stands for, apart from the states of [`Self::generator`].
    pub fn words(self) -> Words {
        Words(mix(self.0 ^ 0x3c6e_f372_fe94_f82b))
    }

    /// The generator that this seed stands for.
    pub fn generator(self) -> Generator {
        let high = mix(self.0 ^ 0x6a09_e667_f3bc_c908);
        let low = mix(self.0 ^ 0xbb67_ae85_84ca_a73b);
        Generator::new((u128::from(high) << 64) | u128::from(low))
    }
}

/// The numbers of SplitMix64 from one seed on: states for other generators.
#[derive(Debug)]
pub struct Words(u64);

impl Words {
    /// The next 64 bits.
    pub fn next_word(&mut self) -> u64 {
        let word = mix(self.0);
        self.0 = self.0.wrapping_add(GOLDEN);
        word
    }
}

/// A uniform number in [0, 1) with 53 bits.
pub fn uniform(generator: &mut Generator) -> f64 {
    generator.random::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These numbers may never change: every stored result depends on them. They were computed by an
    /// independent implementation of the hash and of PCG XSL-RR 128/64 (MCG).
    #[test]
    fn values_are_stable() {
        let seed = Seed::root(1).child("cell", 2).child("update", 3);
        let mut generator = seed.generator();
        let drawn: Vec<u64> = (0..3).map(|_| generator.random()).collect();
        assert_eq!(drawn, [4416585003552366231, 3817102548568988401, 1665526951518151834]);
    }

    #[test]
    fn children_differ_in_purpose_and_index() {
        let mut seeds: Vec<u64> = ["a", "ab", "b", ""]
            .iter()
            .flat_map(|purpose| (0..1000).map(move |index| Seed::root(0).child(purpose, index).0))
            .collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 4000);
    }
}
