//! Parallel tempering for the negative phase.

use super::{Estimated, GradientEstimator, HiddenStatistics, difference_of_phases, negative_draws, positive_draws};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Chains;
use crate::model::Model;
use crate::monte_carlo::ladder::AlongPath;
use crate::monte_carlo::tempering::ParallelTempering;
use crate::random::Seed;
use crate::training::batch::Batch;
use crate::training::mixing::{Ladders, Mixing, Overlap};

/// Chains that live on, on ladders of inverse temperatures from the uniform law to the machine (Desjardins, Courville,
/// Bengio, Vincent and Delalleau 2010; Cho, Raiko and Ilin 2010): k Gibbs steps of every rung an update, then an offer to
/// exchange states. What crosses no barrier at beta = 1 crosses it below.
///
/// The distances between rungs adapt so that all neighbours exchange equally often; where a share of exchanges is asked for,
/// rungs are put in while there are fewer, and taken out while there are many more.
pub struct Tempering {
    gibbs_steps: usize,
    hidden_statistics: HiddenStatistics,
    /// The share of exchanges wanted; 0 leaves the number of rungs.
    swap: f64,
    betas: Vec<f64>,
    starts: Configurations,
    seed: Seed,
    /// Made at the first update.
    chains: Option<ParallelTempering>,
    updates: u64,
    overlap: Overlap,
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
        let (betas, starts) = (equal_steps(rungs), starts.widened(hidden));
        let overlap = Overlap::default();
        Ok(Self { gibbs_steps, hidden_statistics, swap, betas, starts, seed, chains: None, updates: 0, overlap })
    }

    /// The inverse temperatures as they are now.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }

    fn advance(&mut self, model: &dyn Model) -> Result<Configurations> {
        let path = model.path(None)?;
        let ladder = AlongPath::new(&*path, &self.betas)?;
        let chains = match &mut self.chains {
            Some(chains) => chains,
            none => none.insert(ParallelTempering::new(&ladder, &self.starts, self.seed)?),
        };
        let before = chains.last().states().clone();
        chains.advance(&ladder, self.gibbs_steps);
        let after = chains.last().states().clone();
        self.overlap.record(&before, &after, model.visible());
        self.updates += 1;
        if self.updates.is_multiple_of(PERIOD) {
            adapt(&mut self.betas, chains, self.swap);
        }
        Ok(after)
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
        let mut chains = Chains::new(self.advance(model)?, seed.child("negative hidden", 0));
        difference_of_phases(model, batch.data(), &mut chains, self.hidden_statistics, seed, gradient)
    }

    /// Draws of the base are draws.
    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        let (chains, how) = (self.starts.len(), self.hidden_statistics);
        let units = (model.visible() + model.hidden()) as u64;
        let base = u64::from(self.betas[0] == 0.0);
        let others = (self.betas.len() as u64 - 1 - base) * self.gibbs_steps as u64 * units;
        positive_draws(model, batch.data().len(), how.positive)
            + negative_draws(model, chains, self.gibbs_steps, how.negative)
            + chains as u64 * (others + base * units)
    }

    fn mixing(&mut self) -> Option<Mixing> {
        let chains = self.chains.as_ref()?;
        let tau = self.overlap.take_tau(self.gibbs_steps)?;
        Some(Mixing { gibbs_steps: self.gibbs_steps, tau, ladders: Some(ladders(chains)) })
    }
}

/// What ladders have done.
pub(super) fn ladders(chains: &ParallelTempering) -> Ladders {
    let trips = chains.round_trips();
    let shares = chains.acceptance().into_iter().flatten();
    Ladders {
        rungs: chains.rungs(),
        swap_rate: shares.fold(1.0, f64::min),
        round_trips: trips.iter().sum::<u64>() as f64 / trips.len() as f64,
    }
}
