//! The exact gradient.

use super::{Estimated, GradientEstimator, Phase, positive_phase};
use crate::error::Result;
use crate::model::Model;
use crate::random::Seed;
use crate::training::batch::Batch;

/// Both phases by enumeration: no noise and no bias, at a cost of 2^(units of the smaller layer).
#[derive(Clone, Copy, Debug, Default)]
pub struct Exact;

impl GradientEstimator for Exact {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        positive_phase(model, batch.data(), Phase::Analytic, seed, gradient)?;
        model.add_model_statistics(gradient)?;
        Ok(Estimated::Written)
    }

    fn gibbs_updates(&self, _model: &dyn Model, _batch: &Batch) -> u64 {
        0
    }
}
