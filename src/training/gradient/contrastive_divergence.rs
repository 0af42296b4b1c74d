//! Contrastive divergence.

use super::{
    GradientEstimator, HiddenStatistics, Phase, negative_draws, negative_phase, positive_draws,
    positive_phase, with_random_hidden,
};
use crate::error::Result;
use crate::law::{Chains, Clamp};
use crate::model::Model;
use crate::random::Seed;
use crate::training::batch::Batch;

/// CD-k (Hinton 2002): the negative phase is taken k Gibbs steps away from the data. Biased towards
/// the data for small k.
#[derive(Clone, Copy, Debug)]
pub struct ContrastiveDivergence {
    /// k.
    pub gibbs_steps: usize,
    /// How each phase treats the hidden units.
    pub hidden_statistics: HiddenStatistics,
}

impl GradientEstimator for ContrastiveDivergence {
    fn estimate(
        &mut self,
        model: &dyn Model,
        batch: &Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<()> {
        let how = self.hidden_statistics;
        positive_phase(model, batch.data(), how.positive, seed, gradient)?;
        let starts = batch.chain_starts(seed.child("start", 0));
        let starts = with_random_hidden(model, &starts, seed.child("chain hidden", 0));
        let mut chains = Chains::new(starts, seed.child("negative", 0));
        if let Phase::Sampled { clamped_steps } = how.positive {
            // The first free step draws hidden units given each other: let them forget their start.
            model
                .kernel()
                .advance(&mut chains, 1.0, clamped_steps, Clamp::Visible);
        }
        negative_phase(model, &mut chains, self.gibbs_steps, how.negative, gradient)
    }

    fn gibbs_updates(&self, model: &dyn Model, rows: usize) -> u64 {
        let how = self.hidden_statistics.positive;
        let clamped = match how {
            Phase::Analytic => 0,
            Phase::Sampled { .. } => positive_draws(model, rows, how),
        };
        positive_draws(model, rows, how) + clamped + negative_draws(model, rows, self.gibbs_steps)
    }
}
