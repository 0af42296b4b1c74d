//! ln Z from both sides.

use super::annealing::{ForwardAnnealing, ReverseAnnealing, Starts, Tempering};
use super::betas::Betas;
use super::{Doubt, FAR_APART, LogPartition, LogPartitionEstimator, Side};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::path::Path;
use crate::random::Seed;
use crate::row_sampler::RowSampler;

/// Forward and reverse annealing of one law, and what their comparison says.
///
/// Forward annealing alone overstates a likelihood, and its own error bar cannot see it; each side shows what the other
/// hides. What both miss is a mode that neither the base nor the chains have found: where the data have it, reverse
/// annealing from the data shows it, unless the starts of the reverse run are exact: those miss nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Bracket {
    /// From the base: below ln Z in expectation.
    pub forward: LogPartition,
    /// From the law, by exact draws (above ln Z in expectation) or by tempering (an estimate).
    pub reverse: LogPartition,
    /// From configurations of the data, moved a little: an estimate, made where the other has no exact starts.
    pub reverse_from_data: Option<LogPartition>,
    /// Why not to trust the value.
    pub doubt: Option<Doubt>,
}

/// The mean ln likelihood of data between two sides, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LikelihoodBracket {
    /// mean ln f - reverse ln Z: too low in expectation, where reverse annealing is a bound.
    pub lower: f64,
    /// mean ln f - forward ln Z: too high in expectation.
    pub upper: f64,
    /// Whether `lower` is a bound, by exact starts, and not an estimate.
    pub lower_is_bound: bool,
}

/// How both sides are measured.
pub struct Bracketing<'a> {
    /// The temperatures of every run.
    pub betas: Betas,
    /// Chains of every run.
    pub chains: usize,
    /// The tempering that starts reverse annealing where no layer can be enumerated.
    pub tempering: Tempering,
    /// Configurations that a third run starts from in that case, and steps at the wanted law before it.
    pub data: Option<(&'a Configurations, usize)>,
}

impl Bracketing<'_> {
    /// Measures both sides; `report(done, of)` is called now and then.
    pub fn measure(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<Bracket> {
        let runs = if self.data.is_some() { 3 } else { 2 };
        // One pilot for all runs.
        let found = self.betas.resolve(path, seed.child("pilot", 0))?;
        let betas = || Betas::Given(found.betas.clone());
        let mut run = |number: usize, estimator: &dyn LogPartitionEstimator| {
            let seed = seed.child("run", number as u64);
            estimator.estimate(path, seed, &mut |done, of| {
                report(number * of + done, runs * of);
            })
        };
        let forward = ForwardAnnealing {
            betas: betas(),
            chains: self.chains,
        };
        let forward = run(0, &forward)?;
        let mut reverse = |starts: Starts| {
            let betas = betas();
            run(1, &ReverseAnnealing { betas, starts })
        };
        let reverse = match reverse(Starts::Exact(self.chains)) {
            Err(Error::TooLarge { .. }) => reverse(Starts::Tempered {
                chains: self.chains,
                tempering: self.tempering,
            }),
            found => found,
        }?;
        let reverse_from_data = match self.data {
            Some((data, steps)) if reverse.side != Side::Above => {
                let rows = RowSampler::new(data)?.draw(self.chains, seed.child("data", 0));
                let starts = Starts::Rows { rows, steps };
                let betas = betas();
                Some(run(2, &ReverseAnnealing { betas, starts })?)
            }
            _ => None,
        };
        let mut bracket = Bracket::new(forward, reverse, reverse_from_data);
        bracket.forward.gibbs_updates += found.gibbs_updates;
        Ok(bracket)
    }
}

impl Bracket {
    /// From the runs.
    pub fn new(
        forward: LogPartition,
        reverse: LogPartition,
        reverse_from_data: Option<LogPartition>,
    ) -> Self {
        let far = |a: &LogPartition, b: &LogPartition| {
            let error = (a.standard_error?.powi(2) + b.standard_error?.powi(2)).sqrt();
            let gap = (a.value - b.value).abs();
            // Both are exact up to rounding where the weights do not vary at all.
            let rounding = 1e-9 * (1.0 + a.value.abs());
            (gap > FAR_APART * error + rounding).then_some(gap / error)
        };
        // Exact starts cannot miss a mode; data in a part of the space that the law hardly visits are no sign of one.
        let starts = reverse_from_data
            .as_ref()
            .filter(|_| reverse.side != Side::Above);
        let data_doubt = starts.and_then(|data| {
            let gap = far(data, &reverse).map(Doubt::StartsDisagree);
            data.doubt.or(gap)
        });
        let doubt = forward
            .doubt
            .or(reverse.doubt)
            .or_else(|| far(&forward, &reverse).map(Doubt::SidesDisagree))
            .or(data_doubt);
        Self {
            forward,
            reverse,
            reverse_from_data,
            doubt,
        }
    }

    /// Whether nothing speaks against it.
    pub fn trusted(&self) -> bool {
        self.doubt.is_none()
    }

    /// Units drawn by all runs.
    pub fn gibbs_updates(&self) -> u64 {
        let data = self
            .reverse_from_data
            .as_ref()
            .map_or(0, |run| run.gibbs_updates);
        self.forward.gibbs_updates + self.reverse.gibbs_updates + data
    }

    /// The mean ln likelihood of data whose mean ln f is given, from both sides.
    pub fn log_likelihood(&self, mean_log_weight: f64) -> LikelihoodBracket {
        LikelihoodBracket {
            lower: mean_log_weight - self.reverse.value,
            upper: mean_log_weight - self.forward.value,
            lower_is_bound: self.reverse.side == Side::Above,
        }
    }
}
