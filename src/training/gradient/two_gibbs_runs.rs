//! The learning rule of the general Boltzmann machine as it was first stated.

use super::{
    Estimated, GradientEstimator, HiddenStatistics, difference_of_phases, negative_draws, positive_draws, randomize,
    with_random_hidden,
};
use crate::configuration::Configurations;
use crate::error::Result;
use crate::law::{Chains, Clamp};
use crate::model::Model;
use crate::random::Seed;
use crate::state::State;
use crate::training::batch::Batch;
use crate::training::mixing::{Mixing, Overlap};

/// Two runs of Gibbs sampling an update (Ackley, Hinton and Sejnowski 1985): one clamped at each
/// datum, one free from random states, each for its burn-in. Unbiased as far as both burn-ins reach
/// equilibrium; [`super::PersistentContrastiveDivergence`] keeps the free chains instead.
#[derive(Clone, Debug)]
pub struct TwoGibbsRuns {
    chains: usize,
    burn_in: usize,
    hidden_statistics: HiddenStatistics,
    overlap: Overlap,
}

impl TwoGibbsRuns {
    /// So many free chains with so many Gibbs steps; the clamped run is the sampled positive phase with its own burn-in.
    pub fn new(chains: usize, burn_in: usize, hidden_statistics: HiddenStatistics) -> Self {
        Self { chains, burn_in, hidden_statistics, overlap: Overlap::default() }
    }

    /// The free chains after their burn-in.
    fn free_run(&mut self, model: &dyn Model, seed: Seed) -> Chains {
        let mut visible = Configurations::zeros(model.visible(), self.chains);
        let mut generator = seed.child("free visible", 0).generator();
        randomize(&mut visible, 0, model.visible(), &mut generator);
        let starts = with_random_hidden(model, &visible, seed.child("free hidden", 0));
        let mut chains = Chains::new(starts, seed.child("free", 0));
        let steps = self.burn_in;
        let before = self.overlap.before(chains.states());
        model.kernel().advance(&mut chains, 1.0, steps, Clamp::Nothing);
        self.overlap.after(before, chains.states(), model.visible());
        chains
    }
}

impl GradientEstimator for TwoGibbsRuns {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        let mut chains = self.free_run(model, seed);
        let how = self.hidden_statistics;
        difference_of_phases(model, batch.data(), &mut chains, how, seed, gradient)
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        positive_draws(model, batch.data().len(), self.hidden_statistics.positive)
            + negative_draws(model, self.chains, self.burn_in, self.hidden_statistics.negative)
    }

    fn state(&self) -> Result<State> {
        State::of(&self.overlap)
    }

    fn set_state(&mut self, state: &State, _model: &dyn Model) -> Result<()> {
        self.overlap = state.read()?;
        Ok(())
    }

    fn mixing(&mut self) -> Option<Mixing> {
        self.overlap.take(self.burn_in, None)
    }
}
