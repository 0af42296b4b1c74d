//! A machine at earlier times of its training, as a ladder of laws.

use super::{Model, check_count};
use crate::configuration::Configurations;
use crate::error::Result;
use crate::law::Chains;
use crate::monte_carlo::ladder::Ladder;
use crate::path::Path;
use crate::random::Seed;
use std::ops::Range;

/// Machines kept along a training run, the earliest first.
#[derive(Default)]
pub struct Trajectory {
    kept: Vec<Box<dyn Model>>,
}

impl Trajectory {
    /// Keeps a machine.
    pub fn keep(&mut self, model: Box<dyn Model>) {
        self.kept.push(model);
    }

    /// The parameters of every machine kept.
    pub fn parameters(&self) -> Vec<&[f64]> {
        self.kept.iter().map(|kept| kept.parameters()).collect()
    }

    /// Machines like `model` with these parameters.
    pub fn of_parameters(all: &[Vec<f64>], model: &dyn Model) -> Result<Self> {
        let mut trajectory = Self::default();
        for parameters in all {
            let mut kept = model.boxed();
            check_count("a machine kept along the way", parameters, model)?;
            kept.parameters_mut().copy_from_slice(parameters);
            trajectory.keep(kept);
        }
        Ok(trajectory)
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The ladder from independent units over the machines kept to `model`.
    pub fn up_to<'a>(&'a self, model: &'a dyn Model) -> Result<Rungs<'a>> {
        let machines = self.kept.iter().map(|kept| &**kept).chain([model]);
        Ok(Rungs { paths: machines.map(|machine| machine.path(None)).collect::<Result<_>>()? })
    }
}

/// The uniform base of a machine's path, then machines in turn. ln f has the hidden units summed, wherever the path of the
/// machine has.
pub struct Rungs<'a> {
    paths: Vec<Box<dyn Path + 'a>>,
}

impl Rungs<'_> {
    /// ln Z of the base.
    pub fn base_log_partition(&self) -> f64 {
        self.paths[0].base_log_partition()
    }

    /// The path and the inverse temperature of a rung.
    fn law(&self, rung: usize) -> (&dyn Path, f64) {
        match rung {
            0 => (&*self.paths[0], 0.0),
            _ => (&*self.paths[rung - 1], 1.0),
        }
    }
}

impl Ladder for Rungs<'_> {
    fn rungs(&self) -> usize {
        self.paths.len() + 1
    }

    fn units(&self) -> usize {
        self.paths[0].units()
    }

    fn draw(&self, rung: usize, count: usize, seed: Seed) -> Option<Configurations> {
        (rung == 0).then(|| self.paths[0].draw_base(count, seed))
    }

    fn advance(&self, rung: usize, chains: &mut Chains, steps: usize) {
        let (path, beta) = self.law(rung);
        path.advance(chains, beta, steps);
    }

    fn log_weights(&self, rungs: Range<usize>, rows: &Configurations) -> Vec<f64> {
        let of_rungs: Vec<Vec<f64>> = rungs
            .map(|rung| {
                let (path, beta) = self.law(rung);
                path.log_weights(rows, &[beta])
            })
            .collect();
        (0..rows.len()).flat_map(|s| of_rungs.iter().map(move |of_rung| of_rung[s])).collect()
    }
}
