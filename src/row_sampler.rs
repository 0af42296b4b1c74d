//! Draws from a data set, or from a whole law as a weighted one.

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::random::Seed;
use rand::RngExt;
use rand_distr::{Distribution, weighted::WeightedAliasIndex};
use std::borrow::Cow;

/// Draws rows of a data set with replacement, in proportion to their weights.
#[derive(Debug)]
pub struct RowSampler<'a> {
    data: &'a Configurations,
    weighted: Cow<'a, Weighted>,
}

/// The weights of rows made ready for drawing; none where all are alike.
pub(crate) type Weighted = Option<WeightedAliasIndex<f64>>;

/// [`Weighted`] of `data`, which must have a row.
pub(crate) fn weighted(data: &Configurations) -> Result<Weighted> {
    let refuse =
        |problem: String| Error::invalid("training data", problem, "give at least one row and weights that sum to 1");
    if data.is_empty() {
        return Err(refuse("there is no configuration".to_string()));
    }
    let ready = |weights: &[f64]| {
        let unusable = |reason| refuse(format!("their weights are unusable ({reason})"));
        WeightedAliasIndex::new(weights.to_vec()).map_err(unusable)
    };
    data.weights().map(ready).transpose()
}

impl<'a> RowSampler<'a> {
    /// A sampler of `data`, which must have a row.
    pub fn new(data: &'a Configurations) -> Result<Self> {
        Ok(Self { data, weighted: Cow::Owned(weighted(data)?) })
    }

    /// With weights that have been made ready before.
    pub(crate) fn with(data: &'a Configurations, weighted: &'a Weighted) -> Self {
        Self { data, weighted: Cow::Borrowed(weighted) }
    }

    /// `count` rows, equally weighted.
    pub fn draw(&self, count: usize, seed: Seed) -> Configurations {
        let mut generator = seed.generator();
        let rows: Vec<usize> = (0..count)
            .map(|_| match &*self.weighted {
                Some(law) => law.sample(&mut generator),
                None => generator.random_range(0..self.data.len()),
            })
            .collect();
        self.data.select(&rows)
    }
}
