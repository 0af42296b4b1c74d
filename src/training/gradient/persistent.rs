//! Persistent contrastive divergence.

use super::{
    Estimated, GradientEstimator, HiddenStatistics, check_chains, difference_of_phases, negative_draws, positive_draws,
};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp};
use crate::model::Model;
use crate::random::Seed;
use crate::state::State;
use crate::training::batch::Batch;
use crate::training::mixing::{Mixing, Overlap};

/// PCD (Younes 1989; Tieleman 2008): chains that live on from update to update, k Gibbs steps each.
/// Unbiased as far as the chains keep up with the parameters.
#[derive(Debug)]
pub struct PersistentContrastiveDivergence {
    gibbs_steps: usize,
    hidden_statistics: HiddenStatistics,
    chains: Chains,
    overlap: Overlap,
}

impl PersistentContrastiveDivergence {
    /// With chains that start from the visible rows `starts` (any number of them but zero) for a
    /// model of `hidden` hidden units.
    pub fn new(
        gibbs_steps: usize,
        hidden_statistics: HiddenStatistics,
        starts: &Configurations,
        hidden: usize,
        seed: Seed,
    ) -> Result<Self> {
        if starts.is_empty() {
            return Err(Error::invalid(
                "chains",
                "persistent contrastive divergence needs at least one chain",
                "take one or more",
            ));
        }
        let chains = Chains::new(starts.widened(hidden), seed);
        Ok(Self { gibbs_steps, hidden_statistics, chains, overlap: Overlap::default() })
    }

    /// Moves the chains under a machine.
    pub(super) fn advance(&mut self, model: &dyn Model) {
        let steps = self.gibbs_steps;
        let before = self.overlap.before(self.chains.states());
        model.kernel().advance(&mut self.chains, 1.0, steps, Clamp::Nothing);
        self.overlap.after(before, self.chains.states(), model.visible());
    }

    /// The difference of the phases where the chains stand.
    pub(super) fn difference<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        let how = self.hidden_statistics;
        difference_of_phases(model, batch.data(), &mut self.chains, how, seed, gradient)
    }
}

impl GradientEstimator for PersistentContrastiveDivergence {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        self.advance(model);
        self.difference(model, batch, seed, gradient)
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        let chains = self.chains.states().len();
        positive_draws(model, batch.data().len(), self.hidden_statistics.positive)
            + negative_draws(model, chains, self.gibbs_steps, self.hidden_statistics.negative)
    }

    fn state(&self) -> Result<State> {
        State::of(&(&self.chains, &self.overlap))
    }

    fn set_state(&mut self, state: &State, model: &dyn Model) -> Result<()> {
        let (chains, overlap): (Chains, Overlap) = state.read()?;
        check_chains(chains.states(), model)?;
        (self.chains, self.overlap) = (chains, overlap);
        Ok(())
    }

    fn mixing(&mut self) -> Option<Mixing> {
        self.overlap.take(self.gibbs_steps, None)
    }
}
