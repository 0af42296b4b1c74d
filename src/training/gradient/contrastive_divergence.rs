//! Contrastive divergence.

use super::{GradientEstimator, HiddenStatistics, negative_phase, positive_phase};
use crate::error::Result;
use crate::law::Chains;
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
        let mut chains = Chains::new(starts.widened(model.hidden()), seed.child("negative", 0));
        negative_phase(model, &mut chains, self.gibbs_steps, how.negative, gradient)
    }
}
