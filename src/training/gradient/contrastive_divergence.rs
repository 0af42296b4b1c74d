//! Contrastive divergence.

use super::{
    Estimated, GradientEstimator, HiddenStatistics, difference_of_phases, negative_draws, positive_draws,
    with_random_hidden,
};
use crate::error::Result;
use crate::law::{Chains, Clamp};
use crate::model::Model;
use crate::random::Seed;
use crate::state::State;
use crate::training::batch::Batch;
use crate::training::mixing::{Mixing, Overlap};

/// CD-k (Hinton 2002): the negative phase is taken k Gibbs steps away from the data. Biased towards
/// the data for small k.
#[derive(Clone, Debug)]
pub struct ContrastiveDivergence {
    gibbs_steps: usize,
    clamped_steps: usize,
    hidden_statistics: HiddenStatistics,
    overlap: Overlap,
}

impl ContrastiveDivergence {
    /// k free steps after `clamped_steps` with the data clamped, in which hidden units that are coupled to each other reach
    /// their law given the data: 0 for a restricted machine, whose first free step draws them from it.
    pub fn new(gibbs_steps: usize, clamped_steps: usize, hidden_statistics: HiddenStatistics) -> Self {
        Self { gibbs_steps, clamped_steps, hidden_statistics, overlap: Overlap::default() }
    }

    /// Chains k steps away from the data.
    fn chains(&mut self, model: &dyn Model, batch: &Batch, seed: Seed) -> Chains {
        let kernel = model.kernel();
        let starts = batch.chain_starts(seed.child("start", 0));
        let starts = with_random_hidden(model, &starts, seed.child("chain hidden", 0));
        let mut chains = Chains::new(starts, seed.child("negative", 0));
        // Free steps draw coupled hidden units given each other: let them forget their random start.
        kernel.advance(&mut chains, 1.0, self.clamped_steps, Clamp::Visible);
        let before = self.overlap.before(chains.states());
        kernel.advance(&mut chains, 1.0, self.gibbs_steps, Clamp::Nothing);
        self.overlap.after(before, chains.states(), model.visible());
        chains
    }
}

impl GradientEstimator for ContrastiveDivergence {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        let mut chains = self.chains(model, batch, seed);
        let how = self.hidden_statistics;
        difference_of_phases(model, batch.data(), &mut chains, how, seed, gradient)
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        let clamped = batch.chains() * self.clamped_steps * model.hidden();
        positive_draws(model, batch.data().len(), self.hidden_statistics.positive)
            + clamped as u64
            + negative_draws(model, batch.chains(), self.gibbs_steps, self.hidden_statistics.negative)
    }

    fn state(&self) -> Result<State> {
        State::of(&self.overlap)
    }

    fn set_state(&mut self, state: &State, _model: &dyn Model) -> Result<()> {
        self.overlap = state.read()?;
        Ok(())
    }

    fn mixing(&mut self) -> Option<Mixing> {
        self.overlap.take(self.gibbs_steps, None)
    }
}
