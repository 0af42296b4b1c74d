//! Decisions with given probabilities in 512 chains at once, by few random bits.

use super::{COSTS, DEGREE_LIMIT, RESOLUTION};
use crate::kernels::noise::Noise;
use crate::kernels::registers::{Bits512, Registers};

/// Bits of a random number that every site draws for itself.
const PRIVATE: usize = 8;
/// Stores that are made together, so that the making of one does not wait for itself.
const BATCH: usize = 4;

/// Draws whether a chain accepts what a flip costs.
pub(super) struct Decider<R: Registers> {
    /// The probabilities of the costs, the largest cost first.
    thresholds: [u64; COSTS],
    /// For each private bit, the costs whose threshold has it set.
    sets: [usize; PRIVATE],
    /// The decisions in use, for each cost, of comparisons that the private bits leave open.
    decisions: [R::Bits; COSTS],
    /// Which chains have not taken theirs yet.
    fresh: R::Bits,
}

/// Decisions made beforehand, for sites with so many neighbours.
pub(super) struct Stock {
    degree: usize,
    stores: [[Bits512; COSTS]; BATCH],
    left: usize,
}

impl<R: Registers> Decider<R> {
    /// For sites with `Z` neighbours; `thresholds` are the probabilities of 0, 1, .. broken bonds fewer.
    #[inline(always)]
    pub fn new<const Z: usize>(
        registers: R,
        thresholds: &[u64; DEGREE_LIMIT + 1],
        stock: &mut Stock,
        noise: &mut Noise,
    ) -> Self {
        let mut ours = [0; COSTS];
        for (n, ours) in ours.iter_mut().enumerate() {
            if 2 * n < Z {
                *ours = thresholds[Z - 2 * n];
            }
        }
        let mut sets = [0; PRIVATE];
        for (bit, set) in sets.iter_mut().enumerate() {
            for (n, threshold) in ours.iter().enumerate() {
                *set |= ((threshold >> (RESOLUTION - 1 - bit) & 1) as usize) << n;
            }
        }
        let mut decider = Self {
            thresholds: ours,
            sets,
            decisions: [registers.splat_bits(0); COSTS],
            fresh: registers.splat_bits(0),
        };
        decider.open_store::<Z>(registers, stock, noise);
        decider
    }

    /// In the chains of each cost, 1 with its probability; 0 in the others. With it a fair coin for chains of no cost.
    #[inline(always)]
    pub fn decide<const Z: usize>(
        &mut self,
        registers: R,
        of_cost: &[R::Bits; COSTS],
        stock: &mut Stock,
        noise: &mut Noise,
    ) -> (R::Bits, R::Bits) {
        let zero = registers.splat_bits(0);
        // The threshold's bit is 1 in the chains whose cost is in a set.
        let mut in_set = [zero; 1 << COSTS];
        for set in 1_usize..1 << COSTS {
            let lowest = set & set.wrapping_neg();
            let with = of_cost[lowest.trailing_zeros() as usize];
            in_set[set] = registers.or(in_set[set ^ lowest], with);
        }
        // u < threshold from the lowest private bit up: where the bits differ they decide, else what is below them.
        let mut decision = self.stored(registers, of_cost);
        let mut open = of_cost.iter().fold(zero, |sum, x| registers.or(sum, *x));
        let mut random = zero;
        for bit in (0..PRIVATE).rev() {
            random = noise.bits(registers);
            let threshold = in_set[self.sets[bit] % in_set.len()];
            decision = registers.less_bits(random, threshold, decision);
            open = registers.and_equal(open, random, threshold);
        }
        let again = registers.and_not(open, self.fresh);
        if registers.any(again) {
            self.open_store::<Z>(registers, stock, noise);
            let anew = self.stored(registers, of_cost);
            decision = registers.select(again, anew, decision);
            self.fresh = registers.and_not(self.fresh, again);
        } else {
            self.fresh = registers.and_not(self.fresh, open);
        }
        // A chain of no cost has no use for its private bits.
        (decision, random)
    }

    /// The stored decision of each chain for its cost.
    #[inline(always)]
    fn stored(&self, registers: R, of_cost: &[R::Bits; COSTS]) -> R::Bits {
        let mut stored = registers.splat_bits(0);
        for (of_cost, decisions) in of_cost.iter().zip(&self.decisions) {
            stored = registers.or(stored, registers.and(*of_cost, *decisions));
        }
        stored
    }

    /// Takes decisions that nobody has used.
    #[inline(always)]
    fn open_store<const Z: usize>(&mut self, registers: R, stock: &mut Stock, noise: &mut Noise) {
        if stock.left == 0 || stock.degree != Z {
            stock.fill::<R, Z>(registers, &self.thresholds, noise);
        }
        stock.left -= 1;
        let store = &stock.stores[stock.left];
        for (decisions, store) in self.decisions.iter_mut().zip(store) {
            *decisions = registers.load_bits(store);
        }
        self.fresh = registers.splat_bits(!0);
    }
}

impl Stock {
    pub const EMPTY: Self = Self { degree: 0, stores: [[Bits512::ZERO; COSTS]; BATCH], left: 0 };

    /// Decisions `u < threshold`, where u and the threshold begin below the private bits: from the highest bit down
    /// until all chains are decided.
    #[inline(always)]
    fn fill<R: Registers, const Z: usize>(&mut self, registers: R, thresholds: &[u64; COSTS], noise: &mut Noise) {
        let zero = registers.splat_bits(0);
        let mut decisions = [[zero; BATCH]; COSTS];
        let mut open = [[registers.splat_bits(!0); BATCH]; COSTS];
        for bit in (0..RESOLUTION - PRIVATE).rev() {
            let mut any = zero;
            let mut random = [zero; BATCH];
            for random in &mut random {
                *random = noise.bits(registers);
            }
            // By index: the arrays stay in registers where the loops unroll.
            for n in 0..COSTS {
                if 2 * n < Z {
                    let threshold = registers.splat_bits((thresholds[n] >> bit & 1).wrapping_neg());
                    for k in 0..BATCH {
                        // Where the bits differ they decide.
                        let undecided = registers.and(open[n][k], threshold);
                        let accepted = registers.and_not(undecided, random[k]);
                        decisions[n][k] = registers.or(decisions[n][k], accepted);
                        open[n][k] = registers.and_equal(open[n][k], random[k], threshold);
                        any = registers.or(any, open[n][k]);
                    }
                }
            }
            if !registers.any(any) {
                break;
            }
        }
        for (k, store) in self.stores.iter_mut().enumerate() {
            for (store, decisions) in store.iter_mut().zip(&decisions) {
                registers.store_bits(decisions[k], store);
            }
        }
        (self.degree, self.left) = (Z, BATCH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::level::{Level, VectorKernel};
    use crate::random::Seed;

    const CALLS: usize = 50_000;

    /// How often each chain accepts, where even chains have one cost and odd ones another.
    struct Count {
        thresholds: [u64; DEGREE_LIMIT + 1],
        counts: Vec<u32>,
        coins: Vec<u32>,
    }

    impl VectorKernel for Count {
        type Output = (Vec<u32>, Vec<u32>);

        #[inline(always)]
        fn call<R: Registers>(mut self, registers: R) -> Self::Output {
            let (mut stock, mut noise) = (Stock::EMPTY, Noise::new(Seed::root(6)));
            let mut decider = Decider::new::<4>(registers, &self.thresholds, &mut stock, &mut noise);
            let of_cost = [
                registers.splat_bits(0x5555_5555_5555_5555),
                registers.splat_bits(0xaaaa_aaaa_aaaa_aaaa),
                registers.splat_bits(0),
            ];
            for _ in 0..CALLS {
                let (accepted, coin) = decider.decide::<4>(registers, &of_cost, &mut stock, &mut noise);
                for (bits, counts) in [(accepted, &mut self.counts), (coin, &mut self.coins)] {
                    let mut memory = Bits512::ZERO;
                    registers.store_bits(bits, &mut memory);
                    for (lane, count) in counts.iter_mut().enumerate() {
                        *count += (memory.0[lane / 64] >> (lane % 64) & 1) as u32;
                    }
                }
            }
            (self.counts, self.coins)
        }
    }

    /// Decisions of a chain are independent draws with its probability, also where the private bits leave it open: the
    /// counts of 512 chains are binomial in mean and in variance. A chain that took a stored decision twice would vary
    /// more.
    #[test]
    fn decisions_are_independent_draws() {
        let p = |share: f64| (share / 256.0 * (1_u64 << RESOLUTION) as f64) as u64;
        let mut thresholds = [0; DEGREE_LIMIT + 1];
        (thresholds[4], thresholds[2]) = (p(7.5), p(101.4));
        let (counts, coins) = Level::get().run_with(Count { thresholds, counts: vec![0; 512], coins: vec![0; 512] });
        let of = |counts: &[u32], first: usize, step: usize| -> Vec<f64> {
            let chosen = counts.iter().skip(first).step_by(step);
            chosen.map(|count| f64::from(*count)).collect()
        };
        for (values, share) in [(of(&counts, 0, 2), 7.5), (of(&counts, 1, 2), 101.4), (of(&coins, 0, 1), 128.0)] {
            let (n, calls, p) = (values.len() as f64, CALLS as f64, share / 256.0);
            let variance = calls * p * (1.0 - p);
            let mean = values.iter().sum::<f64>() / n;
            let z = (mean - calls * p) / (variance / n).sqrt();
            assert!(z.abs() < 5.2, "{share}: mean {mean}, z = {z}");
            let spread = values.iter().map(|x| (x - calls * p).powi(2)).sum::<f64>() / n;
            let z = (spread / variance - 1.0) / (2.0 / n).sqrt();
            assert!(z.abs() < 5.2, "{share}: variance {} times as large", spread / variance);
        }
    }
}
