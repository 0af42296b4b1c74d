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
    pub stock: Stock,
    pub noise: Noise,
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
        noise: Noise,
        stock: Stock,
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
            stock,
            noise,
        };
        decider.open_store::<Z>(registers);
        decider
    }

    /// In the chains of each cost, 1 with its probability; 0 in the others. With it a fair coin for chains of no cost.
    #[inline(always)]
    pub fn decide<const Z: usize>(
        &mut self,
        registers: R,
        of_cost: &[R::Bits; COSTS],
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
        let mut open = in_set[(1 << COSTS) - 1];
        let mut random = zero;
        for bit in (0..PRIVATE).rev() {
            random = self.noise.bits(registers);
            let threshold = in_set[self.sets[bit]];
            decision = registers.less_bits(random, threshold, decision);
            open = registers.and_equal(open, random, threshold);
        }
        let again = registers.and_not(open, self.fresh);
        if registers.any(again) {
            self.open_store::<Z>(registers);
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
    fn open_store<const Z: usize>(&mut self, registers: R) {
        let stock = &mut self.stock;
        if stock.left == 0 || stock.degree != Z {
            stock.fill::<R, Z>(registers, &self.thresholds, &mut self.noise);
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
    pub const EMPTY: Self = Self {
        degree: 0,
        stores: [[Bits512::ZERO; COSTS]; BATCH],
        left: 0,
    };

    /// Decisions `u < threshold`, where u and the threshold begin below the private bits: from the highest bit down
    /// until all chains are decided.
    #[inline(always)]
    fn fill<R: Registers, const Z: usize>(
        &mut self,
        registers: R,
        thresholds: &[u64; COSTS],
        noise: &mut Noise,
    ) {
        let zero = registers.splat_bits(0);
        let mut decisions = [[zero; BATCH]; COSTS];
        let mut open = [[registers.splat_bits(!0); BATCH]; COSTS];
        for bit in (0..RESOLUTION - PRIVATE).rev() {
            let mut any = zero;
            let mut random = [zero; BATCH];
            for random in &mut random {
                *random = noise.bits(registers);
            }
            for (n, (decisions, open)) in decisions.iter_mut().zip(&mut open).enumerate() {
                if 2 * n >= Z {
                    continue;
                }
                let threshold = registers.splat_bits((thresholds[n] >> bit & 1).wrapping_neg());
                for k in 0..BATCH {
                    // Where the bits differ they decide.
                    let undecided = registers.and(open[k], threshold);
                    let accepted = registers.and_not(undecided, random[k]);
                    decisions[k] = registers.or(decisions[k], accepted);
                    open[k] = registers.and_equal(open[k], random[k], threshold);
                    any = registers.or(any, open[k]);
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
