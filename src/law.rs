//! Laws on binary configurations, and the transitions that leave them unchanged.

use crate::configuration::{Configurations, flip_bit};
use crate::random::{Generator, Seed};
use rayon::prelude::*;

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
}

/// Rows of complete configurations (visible, then hidden units) that move independently.
///
/// A generator belongs to a block of [`Chains::BLOCK`] rows, never to a thread, so the numbers drawn
/// depend on the seed and the number of chains alone.
pub struct Chains {
    states: Configurations,
    generators: Vec<Generator>,
}

impl Chains {
    /// Chains that share a generator.
    pub const BLOCK: usize = 64;

    /// Elementary operations below which one thread is faster than waking another (about 100 us).
    const WORTH_A_THREAD: usize = 200_000;

    /// Chains that start from `states`; weights, if any, are kept but do not matter to a chain.
    pub fn new(states: Configurations, seed: Seed) -> Self {
        let generators = (0..states.len().div_ceil(Self::BLOCK))
            .map(|block| seed.child("block", block as u64).generator())
            .collect();
        Self { states, generators }
    }

    /// Where the chains stand.
    pub fn states(&self) -> &Configurations {
        &self.states
    }

    /// Calls `advance(rows of a block, its generator)` for every block, in parallel where
    /// `operations_per_row` makes that worth while.
    pub fn for_each_block(
        &mut self,
        operations_per_row: usize,
        advance: impl Fn(&mut [u64], &mut Generator) + Sync,
    ) {
        let parallel = self.generators.len() > 1
            && self.states.len() * operations_per_row > Self::WORTH_A_THREAD;
        let length = self.states.words() * Self::BLOCK;
        let rows = self.states.bits_mut();
        if parallel {
            rows.par_chunks_mut(length)
                .zip(&mut self.generators)
                .for_each(|(rows, generator)| advance(rows, generator));
        } else {
            for (rows, generator) in rows.chunks_mut(length).zip(&mut self.generators) {
                advance(rows, generator);
            }
        }
    }
}
