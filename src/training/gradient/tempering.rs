//! Parallel tempering for the negative phase.

use super::ladder_chains::LadderChains;
use super::{Estimated, GradientEstimator, HiddenStatistics};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::monte_carlo::ladder::AlongPath;
use crate::monte_carlo::tempering::ParallelTempering;
use crate::random::Seed;
use crate::state::State;
use crate::training::batch::Batch;
use crate::training::mixing::Mixing;

/// Chains that live on, on ladders of inverse temperatures from the uniform law to the machine (Desjardins, Courville,
/// Bengio, Vincent and Delalleau 2010; Cho, Raiko and Ilin 2010): k Gibbs steps of every rung an update, then an offer to
/// exchange states. What crosses no barrier at beta = 1 crosses it below.
///
/// The distances between rungs adapt so that all neighbours exchange equally often; where a share of exchanges is asked for,
/// rungs are put in while there are fewer, and taken out while there are many more.
#[derive(Debug)]
pub struct Tempering {
    /// The share of exchanges wanted; 0 leaves the number of rungs.
    swap: f64,
    betas: Vec<f64>,
    chains: LadderChains,
}

/// Updates between two changes of the rungs.
const PERIOD: u64 = 100;

/// How far ln(distance) moves for a difference in the share of exchanges.
const GAIN: f64 = 0.5;

/// Above the wanted share by so much, a rung is taken out.
const SPARE: f64 = 0.2;

/// Most rungs of a ladder.
const MOST: usize = 200;

/// `rungs` betas in equal steps from 0 to 1; a single one is 1.
fn equal_steps(rungs: usize) -> Vec<f64> {
    let last = (rungs - 1).max(1) as f64;
    (0..rungs).map(|k| if rungs == 1 { 1.0 } else { k as f64 / last }).collect()
}

impl Tempering {
    /// On ladders of `rungs` rungs that start from the visible rows `starts`, one ladder a row.
    pub fn new(
        gibbs_steps: usize,
        hidden_statistics: HiddenStatistics,
        rungs: usize,
        swap: f64,
        starts: &Configurations,
        hidden: usize,
        seed: Seed,
    ) -> Result<Self> {
        let refuse = |problem: String, mend: &str| Err(Error::invalid("tempering", problem, mend));
        if !(1..=MOST).contains(&rungs) {
            return refuse(format!("{rungs} is no number of temperatures"), "take 1 to 200");
        }
        if !(0.0..=0.7).contains(&swap) {
            return refuse(format!("a share of exchanges of {swap} cannot be kept"), "take 0 to 0.7");
        }
        let chains = LadderChains::new(gibbs_steps, hidden_statistics, starts, hidden, seed);
        Ok(Self { swap, betas: equal_steps(rungs), chains })
    }

    /// The inverse temperatures as they are now.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }
}

/// Moves the rungs between the ends towards equal shares of exchanges, and puts one in or takes one out.
fn adapt(betas: &mut Vec<f64>, chains: &mut ParallelTempering, swap: f64) {
    let shares: Option<Vec<f64>> = chains.acceptance().into_iter().collect();
    let Some(shares) = shares.filter(|shares| !shares.is_empty()) else {
        return;
    };
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    let lengths: Vec<f64> = betas
        .windows(2)
        .zip(&shares)
        .map(|(pair, share)| (pair[1] - pair[0]) * (GAIN * (share - mean)).exp())
        .collect();
    let total: f64 = lengths.iter().sum();
    let mut passed = 0.0;
    for (beta, length) in betas[1..].iter_mut().zip(&lengths) {
        passed += length;
        *beta = passed / total;
    }
    // The last is 1 and not nearly so.
    betas.last_mut().into_iter().for_each(|beta| *beta = 1.0);
    let widest = (0..lengths.len()).max_by(|a, b| lengths[*a].total_cmp(&lengths[*b])).unwrap_or(0);
    if swap > 0.0 && mean < swap && betas.len() < MOST {
        betas.insert(widest + 1, 0.5 * (betas[widest] + betas[widest + 1]));
        chains.insert(widest + 1, widest + 1);
    } else if swap > 0.0 && mean > swap + SPARE && betas.len() > 3 {
        let place = betas.len() / 2;
        betas.remove(place);
        chains.remove(place);
    }
    chains.forget_exchanges();
}

impl GradientEstimator for Tempering {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        let path = model.path(None)?;
        let ladder = AlongPath::new(&*path, &self.betas)?;
        let (chains, due) = self.chains.advance(&ladder, model.visible(), PERIOD)?;
        if due {
            adapt(&mut self.betas, chains, self.swap);
        }
        self.chains.difference(model, batch, seed, gradient)
    }

    /// Draws of the base are draws.
    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        let bases = usize::from(self.betas[0] == 0.0);
        self.chains.gibbs_updates(model, batch, self.betas.len() - 1 - bases, bases)
    }

    fn state(&self) -> Result<State> {
        State::of(&(&self.betas, self.chains.state()?))
    }

    fn set_state(&mut self, state: &State, model: &dyn Model) -> Result<()> {
        let (betas, chains): (Vec<f64>, State) = state.read()?;
        self.chains.set_state(&chains, betas.len(), model)?;
        self.betas = betas;
        Ok(())
    }

    fn mixing(&mut self) -> Option<Mixing> {
        self.chains.mixing()
    }
}
