//! Laws on binary configurations, and the transitions that leave them unchanged.

use crate::configuration::{Configurations, flip_bit, words_for};
use crate::error::{Error, Result};
use crate::kernels::sharing;
use crate::random::Seed;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// An unnormalised weight f on binary configurations: p(x) = f(x) / Z, Z = sum_x f(x).
///
/// The Boltzmann factor of an Ising model and e^{-F(v)} of a restricted Boltzmann machine are laws.
/// Enumeration, the Kullback-Leibler divergence and single-site Monte Carlo are written once over
/// this trait.
pub trait Law: Sync {
    /// Number of binary sites.
    fn sites(&self) -> usize;

    /// ln f(state), in nats: a finite number, or -inf for a forbidden state, f = 0.
    fn log_weight(&self, state: &[u64]) -> f64;

    /// ln f(state with `site` flipped) - ln f(state), never NaN: from a forbidden state it is +inf to
    /// an allowed one and 0 to another forbidden one.
    fn log_weight_change(&self, state: &[u64], site: usize) -> f64 {
        let mut flipped = state.to_vec();
        flip_bit(&mut flipped, site);
        let (before, after) = (self.log_weight(state), self.log_weight(&flipped));
        if after == before { 0.0 } else { after - before }
    }

    /// ln f of the configurations whose bits are `first`, `first + 1`, ...: the unit of
    /// enumeration, for a law of at most 64 sites. `out.len()` is a power of two that divides
    /// `first`, so that an implementation can share the work of the upper sites.
    fn log_weights(&self, first: u64, out: &mut [f64]) {
        for (state, out) in (first..).zip(out) {
            *out = self.log_weight(&[state]);
        }
    }

    /// ln Z where a closed form is known. Never an enumeration.
    fn log_partition(&self) -> Option<f64> {
        None
    }

    /// ln sum_x f(x) by an enumeration that is faster than one block of [`Law::log_weights`] after another,
    /// where the law has one.
    fn log_sum(&self) -> Option<f64> {
        None
    }

    /// A law on fewer sites with the same Z, such as the hidden marginal of a machine with fewer
    /// hidden than visible units.
    fn smaller(&self) -> Option<Box<dyn Law + '_>> {
        None
    }

    /// Whether some states have weight 0. Such a law supplies its own sampler: the single-site
    /// samplers refuse it, since a forbidden state may part the allowed ones for ever.
    fn has_forbidden_states(&self) -> bool {
        false
    }
}

impl<L: Law + ?Sized> Law for &L {
    fn sites(&self) -> usize {
        (**self).sites()
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        (**self).log_weight(state)
    }

    fn log_weight_change(&self, state: &[u64], site: usize) -> f64 {
        (**self).log_weight_change(state, site)
    }

    fn log_weights(&self, first: u64, out: &mut [f64]) {
        (**self).log_weights(first, out);
    }

    fn log_partition(&self) -> Option<f64> {
        (**self).log_partition()
    }

    fn log_sum(&self) -> Option<f64> {
        (**self).log_sum()
    }

    fn smaller(&self) -> Option<Box<dyn Law + '_>> {
        (**self).smaller()
    }

    fn has_forbidden_states(&self) -> bool {
        (**self).has_forbidden_states()
    }
}

/// Which units a transition leaves alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clamp {
    /// Every unit moves.
    Nothing,
    /// The visible units stay: the positive phase.
    Visible,
}

/// A transition prepared from a law's parameters.
///
/// It leaves the law f^beta unchanged, where f is the law over ALL its units: for a machine with
/// hidden units the joint law e^{-E(v,h)}, so that beta scales the joint energy.
pub trait Kernel: Sync {
    /// Bits of a chain's row: the visible units first, then the hidden ones.
    fn units(&self) -> usize;

    /// Moves every chain by `steps` steps: block-Gibbs steps of a machine, sweeps of a single-site
    /// sampler.
    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp);

    /// The same with any units held where they stand, those whose bits are 1 in the row `held`: what moves is then drawn
    /// from its law given them. A picture with some of its pixels held is filled in, one with its label held is dreamt.
    /// Refused by samplers that do not know how, and where `held` is not one row over all units.
    fn advance_holding(&self, _chains: &mut Chains, _beta: f64, _steps: usize, _held: &[u64]) -> Result<()> {
        let problem = "it cannot hold units where they stand";
        Err(Error::invalid("this sampler", problem, "take the Gibbs sampler of a machine"))
    }
}

/// Refuses what is not one row over all units.
pub(crate) fn check_held(held: &[u64], units: usize) -> Result<()> {
    let (words, wanted) = (held.len(), words_for(units));
    if words == wanted {
        return Ok(());
    }
    let problem = format!("{words} words for {units} units");
    Err(Error::invalid("the units that are held", problem, format!("give one row of {wanted} words")))
}

impl<K: Kernel + ?Sized> Kernel for &K {
    fn units(&self) -> usize {
        (**self).units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        (**self).advance(chains, beta, steps, clamp);
    }

    fn advance_holding(&self, chains: &mut Chains, beta: f64, steps: usize, held: &[u64]) -> Result<()> {
        (**self).advance_holding(chains, beta, steps, held)
    }
}

/// Rows of complete configurations (visible, then hidden units) that move independently.
///
/// Random numbers belong to a block of rows and to a call that moves them, never to a thread, so the numbers
/// drawn depend on the seed, the number of chains and the calls alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chains {
    states: Configurations,
    seed: Seed,
    /// Times that the chains were moved.
    calls: u64,
}

impl Chains {
    /// Most chains of a block.
    pub(crate) const BLOCK: usize = 64;

    /// Chains that start from `states`; weights, if any, are kept but do not matter to a chain.
    pub fn new(states: Configurations, seed: Seed) -> Self {
        Self { states, seed, calls: 0 }
    }

    /// Where the chains stand.
    pub fn states(&self) -> &Configurations {
        &self.states
    }

    /// Exchanges a row with the same row of other chains.
    pub fn exchange(&mut self, other: &mut Self, row: usize) {
        self.states.row_mut(row).swap_with_slice(other.states.row_mut(row));
    }

    /// Where the chains stood at last.
    pub fn into_states(self) -> Configurations {
        self.states
    }

    /// Calls `advance(rows of a block, its seed)` for every block, in parallel where
    /// `operations_per_row` makes that worth while.
    pub fn for_each_block(&mut self, operations_per_row: usize, advance: impl Fn(&mut [u64], Seed) + Sync) {
        self.for_each_block_of(Self::BLOCK, operations_per_row, advance);
    }

    /// As [`Self::for_each_block`], with as many as `limit` chains in a block.
    pub fn for_each_block_of(
        &mut self,
        limit: usize,
        operations_per_row: usize,
        advance: impl Fn(&mut [u64], Seed) + Sync,
    ) {
        let mut nothing = vec![(); self.states.len()];
        self.for_each_block_with(limit, operations_per_row, &mut nothing, |rows, _, seed| {
            advance(rows, seed);
        });
    }

    /// As [`Self::for_each_block_of`], with what belongs to the chains of a block beside their rows: `companions` has
    /// an entry a chain. With 0 operations one block follows another, for a kernel that shares the work of a block
    /// among the threads itself.
    pub fn for_each_block_with<T: Send>(
        &mut self,
        limit: usize,
        operations_per_row: usize,
        companions: &mut [T],
        advance: impl Fn(&mut [u64], &mut [T], Seed) + Sync,
    ) {
        assert_eq!(companions.len(), self.states.len(), "an entry a chain");
        let parallel = self.states.len() > limit && self.states.len() * operations_per_row > sharing::CHAINS;
        self.calls += 1;
        let seed = self.seed.child("call", self.calls);
        // As few blocks as there can be, as equal as they can be.
        let chains = self.states.len().max(1);
        let block = chains.div_ceil(chains.div_ceil(limit));
        let words = self.states.words() * block;
        let rows = self.states.bits_mut();
        let advance = |(number, (rows, companions)): (usize, (&mut [u64], &mut [T]))| {
            advance(rows, companions, seed.child("block", number as u64));
        };
        if parallel {
            rows.par_chunks_mut(words).zip(companions.par_chunks_mut(block)).enumerate().for_each(advance);
        } else {
            rows.chunks_mut(words).zip(companions.chunks_mut(block)).enumerate().for_each(advance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A law all of whose methods say something that no default says.
    struct Odd;

    impl Law for Odd {
        fn sites(&self) -> usize {
            2
        }

        fn log_weight(&self, _: &[u64]) -> f64 {
            3.0
        }

        fn log_weight_change(&self, _: &[u64], _: usize) -> f64 {
            4.0
        }

        fn log_weights(&self, _: u64, out: &mut [f64]) {
            out.fill(5.0);
        }

        fn log_partition(&self) -> Option<f64> {
            Some(6.0)
        }

        fn log_sum(&self) -> Option<f64> {
            Some(7.0)
        }

        fn smaller(&self) -> Option<Box<dyn Law + '_>> {
            Some(Box::new(Odd))
        }

        fn has_forbidden_states(&self) -> bool {
            true
        }
    }

    /// A reference to a law is that law, in all that it says.
    #[test]
    fn a_reference_to_a_law_is_the_law() {
        fn said<L: Law>(law: L) -> (usize, [f64; 3], [Option<f64>; 2], bool, bool) {
            let mut out = [0.0];
            law.log_weights(0, &mut out);
            let weights = [law.log_weight(&[0]), law.log_weight_change(&[0], 1), out[0]];
            let known = [law.log_partition(), law.log_sum()];
            (law.sites(), weights, known, law.smaller().is_some(), law.has_forbidden_states())
        }
        let expected = (2, [3.0, 4.0, 5.0], [Some(6.0), Some(7.0)], true, true);
        assert_eq!(said(Odd), expected);
        assert_eq!(said(&Odd), expected);
        assert_eq!(said(&Odd as &dyn Law), expected);
    }
}
