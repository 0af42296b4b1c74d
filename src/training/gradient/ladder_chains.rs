//! Chains on ladders that live on from update to update: what both kinds of tempering share.

use super::{Estimated, HiddenStatistics, check_chains, difference_of_phases, negative_draws, positive_draws};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Chains;
use crate::model::Model;
use crate::monte_carlo::ladder::Ladder;
use crate::monte_carlo::tempering::ParallelTempering;
use crate::random::Seed;
use crate::state::State;
use crate::training::batch::Batch;
use crate::training::mixing::{Ladders, Mixing, Overlap};

/// One ladder a row of `starts`; the last law of a ladder is the machine.
#[derive(Debug)]
pub(super) struct LadderChains {
    gibbs_steps: usize,
    hidden_statistics: HiddenStatistics,
    starts: Configurations,
    seed: Seed,
    /// Made at the first update.
    chains: Option<ParallelTempering>,
    updates: u64,
    /// The smallest share of exchanges in the last period.
    swap_rate: Option<f64>,
    overlap: Overlap,
}

impl LadderChains {
    pub(super) fn new(
        gibbs_steps: usize,
        hidden_statistics: HiddenStatistics,
        starts: &Configurations,
        hidden: usize,
        seed: Seed,
    ) -> Self {
        let (starts, overlap) = (starts.widened(hidden), Overlap::default());
        Self { gibbs_steps, hidden_statistics, starts, seed, chains: None, updates: 0, swap_rate: None, overlap }
    }

    /// Moves every rung by k steps and offers an exchange; the chains, and whether so many updates have passed once more.
    pub(super) fn advance(
        &mut self,
        ladder: &dyn Ladder,
        visible: usize,
        period: u64,
    ) -> Result<(&mut ParallelTempering, bool)> {
        let chains = match &mut self.chains {
            Some(chains) => chains,
            none => none.insert(ParallelTempering::new(ladder, &self.starts, self.seed)?),
        };
        let before = self.overlap.before(chains.last().states());
        chains.advance(ladder, self.gibbs_steps);
        self.overlap.after(before, chains.last().states(), visible);
        self.updates += 1;
        let due = self.updates.is_multiple_of(period);
        if due {
            self.swap_rate = chains.acceptance().into_iter().flatten().reduce(f64::min);
        }
        Ok((chains, due))
    }

    /// The difference of the phases with the chains at the machine.
    pub(super) fn difference<'a>(
        &self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        let states = self.chains.as_ref().map_or(&self.starts, |chains| chains.last().states());
        let mut chains = Chains::new(states.clone(), seed.child("negative hidden", 0));
        difference_of_phases(model, batch.data(), &mut chains, self.hidden_statistics, seed, gradient)
    }

    /// The work of an update with so many rungs beside the machine, some of them bases that are drawn anew.
    pub(super) fn gibbs_updates(&self, model: &dyn Model, batch: &Batch, rungs: usize, bases: usize) -> u64 {
        let (chains, how) = (self.starts.len(), self.hidden_statistics);
        let others = (rungs * self.gibbs_steps + bases) * (model.visible() + model.hidden()) * chains;
        positive_draws(model, batch.data().len(), how.positive)
            + negative_draws(model, chains, self.gibbs_steps, how.negative)
            + others as u64
    }

    pub(super) fn state(&self) -> Result<State> {
        State::of(&(&self.starts, &self.chains, self.updates, self.swap_rate, &self.overlap))
    }

    /// For ladders of so many rungs.
    pub(super) fn set_state(&mut self, state: &State, rungs: usize, model: &dyn Model) -> Result<()> {
        let (starts, chains, updates, swap_rate, overlap) = state.read()?;
        let (starts, chains): (Configurations, Option<ParallelTempering>) = (starts, chains);
        check_chains(&starts, model)?;
        if chains.as_ref().is_some_and(|chains| chains.rungs() != rungs || !chains.is_whole(starts.sites())) {
            return Err(Error::invalid(
                "the state of a training run",
                "its ladders do not fit together",
                "take the state of another moment",
            ));
        }
        (self.starts, self.chains, self.updates) = (starts, chains, updates);
        (self.swap_rate, self.overlap) = (swap_rate, overlap);
        Ok(())
    }

    pub(super) fn mixing(&mut self) -> Option<Mixing> {
        let chains = self.chains.as_ref()?;
        let trips = chains.round_trips();
        let ladders = Ladders {
            rungs: chains.rungs(),
            swap_rate: self.swap_rate,
            round_trips: trips.iter().sum::<u64>() as f64 / trips.len() as f64,
        };
        self.overlap.take(self.gibbs_steps, Some(ladders))
    }
}
