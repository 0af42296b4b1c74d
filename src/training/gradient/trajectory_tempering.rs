//! Tempering along the trajectory of a machine that learns.

use super::tempering::ladders;
use super::{Estimated, GradientEstimator, HiddenStatistics, difference_of_phases, negative_draws, positive_draws};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Chains;
use crate::model::Model;
use crate::model::trajectory::Trajectory;
use crate::monte_carlo::tempering::ParallelTempering;
use crate::random::Seed;
use crate::training::batch::Batch;
use crate::training::mixing::{Mixing, Overlap};

/// Parallel trajectory tempering (Bereux, Decelle, Furtlehner, Rosset and Seoane 2025): the rungs of a ladder are the machine
/// itself at earlier times, from independent units on. A machine meets its modes one after another, so that states which an
/// earlier one still carries from mode to mode reach the present one by exchanges.
///
/// The machine of the moment is kept as a rung whenever it exchanges less often with the last one kept than it should.
pub struct TrajectoryTempering {
    gibbs_steps: usize,
    hidden_statistics: HiddenStatistics,
    swap: f64,
    starts: Configurations,
    seed: Seed,
    trajectory: Trajectory,
    chains: Option<ParallelTempering>,
    /// Running means of the parameters: what is kept is the machine without the noise of the last updates, which would weigh
    /// its modes wrongly for good.
    mean: Vec<f64>,
    updates: u64,
    overlap: Overlap,
}

/// Updates between two looks at the share of exchanges.
const PERIOD: u64 = 20;

/// Updates over which the parameters of a machine that is kept are averaged.
const MEMORY: f64 = 100.0;

/// Most machines kept.
const MOST: usize = 100;

impl TrajectoryTempering {
    /// On ladders that start from the visible rows `starts`, one ladder a row; a machine is kept where it exchanges with the
    /// last one less often than `swap`.
    pub fn new(
        gibbs_steps: usize,
        hidden_statistics: HiddenStatistics,
        swap: f64,
        starts: &Configurations,
        hidden: usize,
        seed: Seed,
    ) -> Result<Self> {
        if !(swap > 0.0 && swap < 1.0) {
            return Err(Error::invalid(
                "trajectory tempering",
                format!("{swap} is no share of exchanges"),
                "take one above 0, below 1, such as 0.5",
            ));
        }
        let (trajectory, overlap, starts) = (Trajectory::default(), Overlap::default(), starts.widened(hidden));
        Ok(Self {
            gibbs_steps,
            hidden_statistics,
            swap,
            starts,
            seed,
            trajectory,
            chains: None,
            mean: Vec::new(),
            updates: 0,
            overlap,
        })
    }

    fn advance(&mut self, model: &dyn Model) -> Result<Configurations> {
        let rungs = self.trajectory.up_to(model)?;
        let chains = match &mut self.chains {
            Some(chains) => chains,
            none => none.insert(ParallelTempering::new(&rungs, &self.starts, self.seed)?),
        };
        let before = chains.last().states().clone();
        chains.advance(&rungs, self.gibbs_steps);
        let after = chains.last().states().clone();
        drop(rungs);
        if self.mean.is_empty() {
            self.mean = model.parameters().to_vec();
        }
        let parameters = self.mean.iter_mut().zip(model.parameters());
        parameters.for_each(|(mean, theta)| *mean += (theta - *mean) / MEMORY);
        self.overlap.record(&before, &after, model.visible());
        self.updates += 1;
        if self.updates.is_multiple_of(PERIOD) {
            let share = chains.acceptance().last().copied().flatten();
            if share.is_some_and(|share| share < self.swap) && self.trajectory.len() < MOST {
                let mut kept = model.boxed();
                kept.parameters_mut().copy_from_slice(&self.mean);
                self.trajectory.keep(&*kept);
                let last = chains.rungs() - 1;
                chains.insert(last, last);
            }
            chains.forget_exchanges();
        }
        Ok(after)
    }
}

impl GradientEstimator for TrajectoryTempering {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        let mut chains = Chains::new(self.advance(model)?, seed.child("negative hidden", 0));
        difference_of_phases(model, batch.data(), &mut chains, self.hidden_statistics, seed, gradient)
    }

    /// Of the update to come: machines that are kept add to it.
    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        let (chains, how) = (self.starts.len(), self.hidden_statistics);
        let units = (model.visible() + model.hidden()) as u64;
        let others = (self.trajectory.len() as u64 * self.gibbs_steps as u64 + 1) * units;
        positive_draws(model, batch.data().len(), how.positive)
            + negative_draws(model, chains, self.gibbs_steps, how.negative)
            + chains as u64 * others
    }

    fn mixing(&mut self) -> Option<Mixing> {
        let chains = self.chains.as_ref()?;
        let tau = self.overlap.take_tau(self.gibbs_steps)?;
        Some(Mixing { gibbs_steps: self.gibbs_steps, tau, ladders: Some(ladders(chains)) })
    }

    fn trajectory(&self) -> Option<&Trajectory> {
        Some(&self.trajectory)
    }
}
