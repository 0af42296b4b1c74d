//! What an estimator sees of the data in one update.

use crate::configuration::Configurations;
use crate::random::Seed;
use crate::row_sampler::RowSampler;

/// The data of one update: the rows of the positive phase, and starts for chains.
#[derive(Debug)]
pub enum Batch<'a> {
    /// A mini-batch: chains start from its own rows.
    Rows(Configurations),
    /// A whole weighted law: `chains` chains start from draws of it.
    Law {
        /// All configurations with their weights.
        law: &'a Configurations,
        /// Draws from the law.
        sampler: &'a RowSampler<'a>,
        /// How many chains start from the law.
        chains: usize,
    },
}

impl Batch<'_> {
    /// The rows over which the positive phase is a (weighted) mean.
    pub fn data(&self) -> &Configurations {
        match self {
            Batch::Rows(rows) => rows,
            Batch::Law { law, .. } => law,
        }
    }

    /// How many chains [`Self::chain_starts`] gives.
    pub fn chains(&self) -> usize {
        match self {
            Batch::Rows(rows) => rows.len(),
            Batch::Law { chains, .. } => *chains,
        }
    }

    /// Where chains of the negative phase start, equally weighted.
    pub fn chain_starts(&self, seed: Seed) -> Configurations {
        match self {
            Batch::Rows(rows) => rows.clone(),
            Batch::Law { sampler, chains, .. } => sampler.draw(*chains, seed),
        }
    }
}
