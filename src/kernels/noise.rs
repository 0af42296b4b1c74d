//! Uniform numbers, sixteen at a time.

use super::registers::{NoiseState, Registers};
use crate::random::Seed;

/// Eight generators xoshiro256++ side by side, each with a state of its own.
///
/// The states are 32 numbers of SplitMix64, as the generator's authors recommend; that two of the
/// eight sequences of 2^256 - 1 numbers overlap is out of the question.
#[derive(Clone)]
pub struct Noise {
    state: NoiseState,
}

impl Noise {
    /// The noise that `seed` stands for.
    pub fn new(seed: Seed) -> Self {
        let mut words = seed.words();
        Self { state: std::array::from_fn(|_| std::array::from_fn(|_| words.next_word())) }
    }

    /// Sixteen uniform numbers (k + 1/2) 2^-23: never 0 and never 1, so that a unit with probability 0 or 1
    /// never disobeys; `P(u < p)` is within 2^-24 of p.
    #[inline(always)]
    pub fn uniform<R: Registers>(&mut self, registers: R) -> R::Floats {
        registers.uniform(&mut self.state)
    }

    /// 512 random bits.
    #[inline(always)]
    pub fn bits<R: Registers>(&mut self, registers: R) -> R::Bits {
        registers.random_bits(&mut self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::level::{Level, VectorKernel};
    use crate::kernels::registers::{LANES, Sixteen};
    use rand::SeedableRng;
    use rand::rand_core::Rng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    struct Draws<'a>(&'a mut Noise, Vec<Sixteen>);

    impl VectorKernel for Draws<'_> {
        type Output = Vec<Sixteen>;

        #[inline(always)]
        fn call<R: Registers>(mut self, registers: R) -> Vec<Sixteen> {
            for sixteen in &mut self.1 {
                registers.store(self.0.uniform(registers), sixteen);
            }
            self.1
        }
    }

    fn draws(noise: &mut Noise, count: usize) -> Vec<Sixteen> {
        Level::get().run_with(Draws(noise, vec![Sixteen::ZERO; count]))
    }

    /// Lane by lane against the generator as the crate rand_xoshiro writes it.
    #[test]
    fn eight_generators_run_side_by_side() {
        let mut noise = Noise::new(Seed::root(4));
        let mut scalar: Vec<Xoshiro256PlusPlus> = (0..8)
            .map(|k| {
                let bytes: Vec<u8> = (noise.state.iter()).flat_map(|words| words[k].to_le_bytes()).collect();
                Xoshiro256PlusPlus::from_seed(bytes.try_into().unwrap())
            })
            .collect();
        for sixteen in draws(&mut noise, 1000) {
            for (k, generator) in scalar.iter_mut().enumerate() {
                let word = generator.next_u64();
                for (half, bits) in [word as u32, (word >> 32) as u32].into_iter().enumerate() {
                    let expected = (f64::from(bits >> 9) + 0.5) / 8_388_608.0;
                    assert_eq!(f64::from(sixteen.0[2 * k + half]), expected);
                }
            }
        }
    }

    /// Every one of the 23 bits is used and fair, the ends are open, and the grid is centred.
    #[test]
    fn uniform_numbers_use_all_their_bits() {
        let drawn = draws(&mut Noise::new(Seed::root(5)), 12_500);
        let mut ones = [0_u32; 24];
        for u in drawn.iter().flat_map(|sixteen| sixteen.0) {
            assert!(u > 0.0 && u < 1.0);
            let doubled = f64::from(u) * 2_f64.powi(24);
            assert_eq!(doubled.fract(), 0.0, "{u} is off the grid of 2^-24");
            let grid = doubled as u32;
            assert_eq!(grid % 2, 1, "{u} is not at the middle of its cell of 2^-23");
            for (bit, count) in ones.iter_mut().enumerate() {
                *count += (grid >> bit) & 1;
            }
        }
        let n = (drawn.len() * LANES) as f64;
        for count in &ones[1..] {
            let z = (f64::from(*count) - n / 2.0) / (n / 4.0).sqrt();
            assert!(z.abs() < 5.5, "a bit of the uniform is not fair: z = {z}");
        }
    }
}
