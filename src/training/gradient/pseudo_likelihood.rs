//! Maximum pseudo-likelihood.

use super::{Estimated, GradientEstimator};
use crate::error::Result;
use crate::model::Model;
use crate::random::Seed;
use crate::training::batch::Batch;

/// The gradient of -mean sum_i ln p(v_i | the other sites) (Besag 1975) instead of that of C: no
/// partition function, no sampling, and the same answer in the limit of many data if the model holds
/// the target. Less efficient than maximum likelihood for few.
#[derive(Clone, Copy, Debug, Default)]
pub struct PseudoLikelihood;

impl GradientEstimator for PseudoLikelihood {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        _seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        gradient.fill(0.0);
        model.add_pseudo_likelihood_gradient(batch.data(), gradient)?;
        Ok(Estimated::Written)
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        (batch.data().len() * model.visible()) as u64
    }
}
