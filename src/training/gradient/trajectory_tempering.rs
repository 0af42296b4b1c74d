//! Tempering along the trajectory of a machine that learns.

use super::ladder_chains::LadderChains;
use super::{Estimated, GradientEstimator, HiddenStatistics};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::trajectory::Trajectory;
use crate::random::Seed;
use crate::state::State;
use crate::training::batch::Batch;
use crate::training::mixing::Mixing;

/// Parallel trajectory tempering (Bereux, Decelle, Furtlehner, Rosset and Seoane 2025): the rungs of a ladder are the machine
/// itself at earlier times, from independent units on. A machine meets its modes one after another, so that states which an
/// earlier one still carries from mode to mode reach the present one by exchanges.
///
/// The machine of the moment is kept as a rung whenever it exchanges less often with the last one kept than it should.
#[derive(Debug)]
pub struct TrajectoryTempering {
    swap: f64,
    trajectory: Trajectory,
    chains: LadderChains,
    /// Running means of the parameters: what is kept is the machine without the noise of the last updates, which would weigh
    /// its modes wrongly for good.
    mean: Vec<f64>,
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
                "take one above 0, below 1, such as 0.3",
            ));
        }
        let chains = LadderChains::new(gibbs_steps, hidden_statistics, starts, hidden, seed);
        Ok(Self { swap, trajectory: Trajectory::default(), chains, mean: Vec::new() })
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
        if self.mean.is_empty() {
            self.mean = model.parameters().to_vec();
        }
        let parameters = self.mean.iter_mut().zip(model.parameters());
        parameters.for_each(|(mean, theta)| *mean += (theta - *mean) / MEMORY);
        let rungs = self.trajectory.up_to(model)?;
        let (chains, due) = self.chains.advance(&rungs, model.visible(), PERIOD)?;
        drop(rungs);
        if due {
            let share = chains.acceptance().last().copied().flatten();
            if share.is_some_and(|share| share < self.swap) && self.trajectory.len() < MOST {
                let mut kept = model.boxed();
                kept.parameters_mut().copy_from_slice(&self.mean);
                self.trajectory.keep(kept);
                let last = chains.rungs() - 1;
                chains.insert(last, last);
            }
            chains.forget_exchanges();
        }
        self.chains.difference(model, batch, seed, gradient)
    }

    /// Of the update to come: machines that are kept add to it.
    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        self.chains.gibbs_updates(model, batch, self.trajectory.len(), 1)
    }

    fn state(&self) -> Result<State> {
        State::of(&(self.trajectory.parameters(), &self.mean, self.chains.state()?))
    }

    fn set_state(&mut self, state: &State, model: &dyn Model) -> Result<()> {
        let (kept, mean, chains): (Vec<Vec<f64>>, Vec<f64>, State) = state.read()?;
        let trajectory = Trajectory::of_parameters(&kept, model)?;
        // Beside them a base and the machine of the moment.
        self.chains.set_state(&chains, trajectory.len() + 2, model)?;
        (self.trajectory, self.mean) = (trajectory, mean);
        Ok(())
    }

    fn mixing(&mut self) -> Option<Mixing> {
        self.chains.mixing()
    }

    fn trajectory(&self) -> Option<&Trajectory> {
        Some(&self.trajectory)
    }
}
