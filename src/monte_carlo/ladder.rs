//! Ladders of laws between which states are exchanged.

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Chains;
use crate::path::Path;
use crate::random::Seed;
use std::ops::Range;

/// Laws f_0, f_1, .. over the same rows, in the order in which neighbours exchange their states; the last is the one that is
/// wanted.
pub trait Ladder: Sync {
    /// How many laws there are, at least one.
    fn rungs(&self) -> usize;

    /// Bits of a row.
    fn units(&self) -> usize;

    /// Independent draws from the law of a rung, where it is so simple that they cost no more than a step.
    fn draw(&self, rung: usize, count: usize, seed: Seed) -> Option<Configurations>;

    /// Moves every chain by `steps` steps that leave the law of a rung unchanged.
    fn advance(&self, rung: usize, chains: &mut Chains, steps: usize);

    /// ln f of every row at each of the rungs, row after row.
    fn log_weights(&self, rungs: Range<usize>, rows: &Configurations) -> Vec<f64>;
}

/// The laws f_beta along a path.
pub struct AlongPath<'a> {
    path: &'a dyn Path,
    betas: Vec<f64>,
}

impl<'a> AlongPath<'a> {
    /// `betas` are distinct, not negative and in order, rising or falling; at 0 the base is drawn anew in every round.
    pub fn new(path: &'a dyn Path, betas: &[f64]) -> Result<Self> {
        let steps: Vec<f64> = betas.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let ordered = steps.iter().all(|step| *step > 0.0) || steps.iter().all(|step| *step < 0.0);
        let fits = |beta: &f64| beta.is_finite() && *beta >= 0.0;
        if betas.is_empty() || !betas.iter().all(fits) || !ordered {
            return Err(Error::invalid(
                "parallel tempering",
                "its betas are negative or not in order",
                "give finite values that rise, or fall, throughout",
            ));
        }
        Ok(Self { path, betas: betas.to_vec() })
    }
}

impl Ladder for AlongPath<'_> {
    fn rungs(&self) -> usize {
        self.betas.len()
    }

    fn units(&self) -> usize {
        self.path.units()
    }

    fn draw(&self, rung: usize, count: usize, seed: Seed) -> Option<Configurations> {
        (self.betas[rung] == 0.0).then(|| self.path.draw_base(count, seed))
    }

    fn advance(&self, rung: usize, chains: &mut Chains, steps: usize) {
        self.path.advance(chains, self.betas[rung], steps);
    }

    fn log_weights(&self, rungs: Range<usize>, rows: &Configurations) -> Vec<f64> {
        self.path.log_weights(rows, &self.betas[rungs])
    }
}
