//! Seeds that make children, and the generator that they seed.
//!
//! One root seed leads to every random number of a run. A child is made by hashing the parent with
//! a purpose and an index, never by adding to it, so neighbouring indices share nothing; the hash is
//! written here, so that no library update changes a result.

use rand::RngExt;

/// The generator of every random number: PCG XSL-RR 128/64 (MCG), O'Neill 2014.
pub type Generator = rand_pcg::Pcg64Mcg;

/// A seed: 64 bits from which children and generators are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(u64);

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that mixes every bit.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
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

    /// The generator that this seed stands for.
    pub fn generator(self) -> Generator {
        let high = mix(self.0 ^ 0x6a09_e667_f3bc_c908);
        let low = mix(self.0 ^ 0xbb67_ae85_84ca_a73b);
        Generator::new((u128::from(high) << 64) | u128::from(low))
    }
}

/// A uniform number in [0, 1) with 53 bits.
pub fn uniform(generator: &mut Generator) -> f64 {
    generator.random::<f64>()
}

/// Fills `out` with uniform numbers (k + 1/2) 2^-23, k = 0 .. 2^23 - 1: never 0 and never 1, so
/// that a unit with probability 0 or 1 never disobeys; `P(u < p)` is within 2^-24 of p.
pub fn fill_uniform_f32(generator: &mut Generator, out: &mut [f32]) {
    let from_bits = |bits: u32| ((bits >> 9) as f32 + 0.5) * (1.0 / 8_388_608.0);
    for pair in out.chunks_mut(2) {
        let bits: u64 = generator.random();
        pair[0] = from_bits((bits >> 32) as u32);
        if let Some(second) = pair.get_mut(1) {
            *second = from_bits(bits as u32);
        }
    }
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
        assert_eq!(
            drawn,
            [
                4416585003552366231,
                3817102548568988401,
                1665526951518151834
            ]
        );
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

    /// Every one of the 23 bits is used and fair, the ends are open, and the grid is centred.
    #[test]
    fn single_precision_uniforms_use_all_their_bits() {
        let mut generator = Seed::root(5).generator();
        let mut drawn = vec![0.0_f32; 200_001];
        fill_uniform_f32(&mut generator, &mut drawn);
        let mut ones = [0_u32; 24];
        for u in &drawn {
            assert!(*u > 0.0 && *u < 1.0);
            let doubled = f64::from(*u) * 2_f64.powi(24);
            assert_eq!(doubled.fract(), 0.0, "{u} is off the grid of 2^-24");
            let grid = doubled as u32;
            assert_eq!(grid % 2, 1, "{u} is not at the middle of its cell of 2^-23");
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += (grid >> bit) & 1;
            }
        }
        let n = drawn.len() as f64;
        for count in &ones[1..] {
            let z = (f64::from(*count) - n / 2.0) / (n / 4.0).sqrt();
            assert!(z.abs() < 5.5, "a bit of the uniform is not fair: z = {z}");
        }
    }
}
