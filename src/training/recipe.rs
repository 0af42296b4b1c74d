//! Gradient estimators by name.

use super::gradient::{
    ContrastiveDivergence, Exact, GradientEstimator, HiddenStatistics, PersistentContrastiveDivergence, TwoGibbsRuns,
};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::random::Seed;
use crate::row_sampler::RowSampler;
use std::fmt;
use std::str::FromStr;

/// The name of a gradient estimator. A new one has a line here and in [`Recipe::estimator`], and every experiment that
/// sweeps over estimators knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EstimatorName {
    /// By enumeration.
    Exact,
    /// Contrastive divergence.
    Cd,
    /// Persistent contrastive divergence.
    Pcd,
    /// Free runs from random states.
    TwoRuns,
}

impl EstimatorName {
    /// Every estimator with its name and what it does, for --help.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Exact, "exact", "enumeration"),
        (Self::Cd, "cd", "contrastive divergence"),
        (Self::Pcd, "pcd", "persistent contrastive divergence"),
        (Self::TwoRuns, "two-runs", "Gibbs runs from random states"),
    ];

    /// Whether it takes Gibbs steps.
    pub fn samples(self) -> bool {
        self != Self::Exact
    }
}

impl fmt::Display for EstimatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(name, ..)| name == self);
        f.pad(found.map_or("", |(_, text, _)| text))
    }
}

impl FromStr for EstimatorName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, name, _)| *name == text);
        found.map(|(name, ..)| *name).ok_or_else(|| {
            let names = Self::ALL.map(|(_, text, _)| text).join(", ");
            Error::invalid(format!("estimator {text}"), "there is no such estimator", format!("take one of {names}"))
        })
    }
}

/// An estimator with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Which one.
    pub name: EstimatorName,
    /// Gibbs steps k; none where nothing is sampled.
    pub gibbs_steps: Option<usize>,
    /// Hidden units in closed form or drawn.
    pub hidden_statistics: HiddenStatistics,
}

impl Recipe {
    /// The estimator for a machine of `hidden` hidden units. Chains of its own (persistent ones, and how many start at random)
    /// are `chains`, and persistent ones start from draws of `data`.
    pub fn estimator(
        &self,
        data: &Configurations,
        chains: usize,
        hidden: usize,
        seed: Seed,
    ) -> Result<Box<dyn GradientEstimator>> {
        let (gibbs_steps, hidden_statistics) = (self.gibbs_steps.unwrap_or(0), self.hidden_statistics);
        Ok(match self.name {
            EstimatorName::Exact => Box::new(Exact),
            EstimatorName::Cd => Box::new(ContrastiveDivergence { gibbs_steps, clamped_steps: 0, hidden_statistics }),
            EstimatorName::Pcd => {
                let starts = RowSampler::new(data)?.draw(chains, seed.child("starts", 0));
                let seed = seed.child("chains", 0);
                Box::new(PersistentContrastiveDivergence::new(gibbs_steps, hidden_statistics, &starts, hidden, seed)?)
            }
            EstimatorName::TwoRuns => Box::new(TwoGibbsRuns { chains, burn_in: gibbs_steps, hidden_statistics }),
        })
    }
}

/// `exact gradient`, `CD-10`, `PCD-1`, `two runs of 10`.
impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let k = self.gibbs_steps.unwrap_or(0);
        match self.name {
            EstimatorName::Exact => f.write_str("exact gradient"),
            EstimatorName::TwoRuns => write!(f, "two runs of {k}"),
            name => write!(f, "{}-{k}", name.to_string().to_uppercase()),
        }
    }
}
