//! What an estimator sees of the data in one update.

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::random::Seed;
use rand::RngExt;
use rand_distr::{Distribution, weighted::WeightedAliasIndex};

/// Draws rows of a data set with replacement, in proportion to their weights.
pub struct RowSampler<'a> {
    data: &'a Configurations,
    weighted: Option<WeightedAliasIndex<f64>>,
}

impl<'a> RowSampler<'a> {
    /// A sampler of `data`, which must have a row.
    pub fn new(data: &'a Configurations) -> Result<Self> {
        let refuse = |problem: String| {
            Error::invalid(
                "training data",
                problem,
                "give at least one row and weights that sum to 1",
            )
        };
        if data.is_empty() {
            return Err(refuse("there is no configuration".to_string()));
        }
        let weighted = match data.weights() {
            Some(weights) => Some(
                WeightedAliasIndex::new(weights.to_vec())
                    .map_err(|reason| refuse(format!("their weights are unusable ({reason})")))?,
            ),
            None => None,
        };
        Ok(Self { data, weighted })
    }

    /// `count` rows, equally weighted.
    pub fn draw(&self, count: usize, seed: Seed) -> Configurations {
        let mut generator = seed.generator();
        let rows: Vec<usize> = (0..count)
            .map(|_| match &self.weighted {
                Some(law) => law.sample(&mut generator),
                None => generator.random_range(0..self.data.len()),
            })
            .collect();
        self.data.select(&rows)
    }
}

/// The data of one update: the rows of the positive phase, and starts for chains.
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
            Batch::Law {
                sampler, chains, ..
            } => sampler.draw(*chains, seed),
        }
    }
}
