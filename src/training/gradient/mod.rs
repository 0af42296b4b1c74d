//! Estimators of `dC/d theta = E_model[phi] - mean_data E[phi | v]`, one a file.

mod contrastive_divergence;
mod exact;
mod persistent;

pub use contrastive_divergence::ContrastiveDivergence;
pub use exact::Exact;
pub use persistent::PersistentContrastiveDivergence;

use super::batch::Batch;
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp};
use crate::model::Model;
use crate::random::Seed;
use std::fmt;
use std::str::FromStr;

/// A way to estimate the gradient of the cost C = -mean ln p(v).
pub trait GradientEstimator {
    /// Overwrites `gradient` with an estimate of dC/d theta, a mean per configuration.
    fn estimate(
        &mut self,
        model: &dyn Model,
        batch: &Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<()>;
}

/// How a phase treats the hidden units given the visible ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// E[phi | v] in closed form: less variance.
    Analytic,
    /// phi(v, h) with h drawn from p(h | v).
    Sampled,
}

/// How each phase treats the hidden units. Both have the same mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HiddenStatistics {
    /// At the data.
    pub positive: Phase,
    /// At the chains.
    pub negative: Phase,
}

impl Default for HiddenStatistics {
    fn default() -> Self {
        Self {
            positive: Phase::Analytic,
            negative: Phase::Analytic,
        }
    }
}

/// Sets `gradient` to minus the positive phase: -mean_data E[phi | v].
fn positive_phase(
    model: &dyn Model,
    data: &Configurations,
    how: Phase,
    seed: Seed,
    gradient: &mut [f64],
) -> Result<()> {
    gradient.fill(0.0);
    match how {
        Phase::Analytic => model.add_expected_statistics(data, gradient)?,
        Phase::Sampled => {
            let mut chains = Chains::new(data.widened(model.hidden()), seed.child("positive", 0));
            model.kernel().advance(&mut chains, 1.0, 1, Clamp::Visible);
            model.add_statistics(chains.states(), gradient);
        }
    }
    gradient.iter_mut().for_each(|x| *x = -*x);
    Ok(())
}

/// Moves the chains by `gibbs_steps` and adds the negative phase: the mean of E[phi | v] over them.
fn negative_phase(
    model: &dyn Model,
    chains: &mut Chains,
    gibbs_steps: usize,
    how: Phase,
    gradient: &mut [f64],
) -> Result<()> {
    let kernel = model.kernel();
    kernel.advance(chains, 1.0, gibbs_steps, Clamp::Nothing);
    match how {
        Phase::Analytic => model.add_expected_statistics(chains.states(), gradient),
        Phase::Sampled => {
            // The hidden units that drew the last visible ones belong to the step before: draw anew.
            kernel.advance(chains, 1.0, 1, Clamp::Visible);
            model.add_statistics(chains.states(), gradient);
            Ok(())
        }
    }
}

impl fmt::Display for HiddenStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |phase| match phase {
            Phase::Analytic => "analytic",
            Phase::Sampled => "sampled",
        };
        write!(f, "{}", name(self.positive))?;
        if self.negative != self.positive {
            write!(f, "/{}", name(self.negative))?;
        }
        Ok(())
    }
}

impl FromStr for HiddenStatistics {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let phase = |word: &str| match word {
            "analytic" => Ok(Phase::Analytic),
            "sampled" => Ok(Phase::Sampled),
            _ => Err(Error::invalid(
                format!("hidden statistics {text}"),
                format!("`{word}` is neither analytic nor sampled"),
                "write analytic, sampled, or POSITIVE/NEGATIVE such as sampled/analytic",
            )),
        };
        let (positive, negative) = text.split_once('/').unwrap_or((text, text));
        Ok(Self {
            positive: phase(positive)?,
            negative: phase(negative)?,
        })
    }
}
