//! Draws from a data set, or from a whole law as a weighted one.

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
            Error::invalid("training data", problem, "give at least one row and weights that sum to 1")
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
