//! Annealed importance sampling, forward and reverse.

use super::betas::Betas;
use super::{LogPartition, LogPartitionEstimator, Side, own_doubt};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Chains;
use crate::monte_carlo::tempering::ParallelTempering;
use crate::numerics::log_sum_exp;
use crate::path::Path;
use crate::random::Seed;
use crate::statistics::jackknife::left_out_error;

/// Annealed importance sampling (Neal 2001): chains from the base, moved once at each temperature, with weights
/// `ln w = ln Z_0 + sum_t [ln f_{t+1}(x_t) - ln f_t(x_t)]`, for which `E[w] = Z`. ln of the mean weight is below ln Z in
/// expectation, the more so the fewer the temperatures.
pub struct ForwardAnnealing {
    /// The temperatures.
    pub betas: Betas,
    /// Chains.
    pub chains: usize,
}

/// The same from the wanted law down to the base: along that way `E[1 / w] = 1 / Z`, so that -ln of the mean of 1 / w is
/// above ln Z in expectation, IF the chains start from exact draws (Grosse, Ghahramani and Adams 2015).
pub struct ReverseAnnealing {
    /// The temperatures, from 0 to 1; they are gone through backwards.
    pub betas: Betas,
    /// Where the chains start.
    pub starts: Starts,
}

/// Where reverse annealing starts.
pub enum Starts {
    /// So many exact draws: the path must know how.
    Exact(usize),
    /// The ends of so many ladders of parallel tempering that began at the base: close to the law where they mix, and no
    /// bound.
    Tempered {
        /// Ladders, and so chains of annealing.
        chains: usize,
        /// What they are, and for how long.
        tempering: Tempering,
    },
    /// Rows, such as data, that are moved at the wanted law first: no bound.
    Rows {
        /// Configurations of the path's law or whole rows.
        rows: Configurations,
        /// Steps at beta = 1 before annealing.
        steps: usize,
    },
}

/// Ladders of parallel tempering from the base to the law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tempering {
    /// Transitions of a ladder, which has one chain more.
    pub rungs: usize,
    /// Rounds before annealing.
    pub rounds: usize,
}

/// Transitions between two reports.
const SECTION: usize = 64;

/// Anneals chains through `betas` and returns the sums of their log ratios.
fn anneal(
    path: &dyn Path,
    betas: &[f64],
    starts: Configurations,
    seed: Seed,
    report: &mut dyn FnMut(usize, usize),
) -> Vec<f64> {
    let mut log_ratios = vec![0.0; starts.len()];
    let mut chains = Chains::new(starts, seed.child("chains", 0));
    let transitions = betas.len() - 1;
    for first in (0..transitions).step_by(SECTION) {
        let last = (first + SECTION).min(transitions);
        path.anneal(&mut chains, &betas[first..=last], &mut log_ratios);
        report(last, transitions);
    }
    log_ratios
}

fn refuse_no_chains(chains: usize) -> Result<()> {
    if chains > 0 {
        return Ok(());
    }
    Err(Error::invalid(
        "annealed importance sampling",
        "there is no chain",
        "take at least one, better 100",
    ))
}

impl ForwardAnnealing {
    /// ln w of every chain, and the units drawn.
    pub fn log_weights(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<(Vec<f64>, u64)> {
        refuse_no_chains(self.chains)?;
        let found = self.betas.resolve(path, seed.child("pilot", 0))?;
        let starts = path.draw_base(self.chains, seed.child("starts", 0));
        let mut log_weights = anneal(path, &found.betas, starts, seed, report);
        let base = path.base_log_partition();
        log_weights.iter_mut().for_each(|w| *w += base);
        let drawn = (self.chains * path.units()) as u64 * self.betas.temperatures() as u64;
        Ok((log_weights, found.gibbs_updates + drawn))
    }
}

impl LogPartitionEstimator for ForwardAnnealing {
    fn name(&self) -> &'static str {
        "forward_ais"
    }

    fn estimate(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<LogPartition> {
        let (log_weights, gibbs_updates) = self.log_weights(path, seed, report)?;
        Ok(of_weights(&log_weights, 1.0, Side::Below, gibbs_updates))
    }
}

impl ReverseAnnealing {
    /// ln Z_0 - sum of log ratios, an estimate of ln Z for every chain, and the units drawn.
    pub fn log_weights(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<(Vec<f64>, u64)> {
        refuse_no_chains(self.starts.chains())?;
        let found = self.betas.resolve(path, seed.child("pilot", 0))?;
        let (starts, moved) = self.starts.draw(path, seed.child("starts", 0))?;
        let chains = starts.len();
        let mut betas = found.betas;
        betas.reverse();
        let base = path.base_log_partition();
        let log_ratios = anneal(path, &betas, starts, seed, report);
        let drawn = (chains * path.units()) as u64 * self.betas.temperatures() as u64;
        let log_weights = log_ratios.iter().map(|ratio| base - ratio).collect();
        Ok((log_weights, found.gibbs_updates + moved + drawn))
    }
}

impl LogPartitionEstimator for ReverseAnnealing {
    fn name(&self) -> &'static str {
        match self.starts {
            Starts::Exact(_) => "reverse_ais",
            Starts::Tempered { .. } => "reverse_ais_tempered",
            Starts::Rows { .. } => "reverse_ais_rows",
        }
    }

    fn estimate(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<LogPartition> {
        let (log_weights, gibbs_updates) = self.log_weights(path, seed, report)?;
        let side = match self.starts {
            Starts::Exact(_) => Side::Above,
            _ => Side::Estimate,
        };
        Ok(of_weights(&log_weights, -1.0, side, gibbs_updates))
    }
}

impl Starts {
    fn chains(&self) -> usize {
        match self {
            Starts::Exact(chains) | Starts::Tempered { chains, .. } => *chains,
            Starts::Rows { rows, .. } => rows.len(),
        }
    }

    /// The rows, and the units drawn on the way to them.
    fn draw(&self, path: &dyn Path, seed: Seed) -> Result<(Configurations, u64)> {
        let units = path.units();
        match self {
            Starts::Exact(chains) => Ok((path.draw_target(*chains, seed)?, 0)),
            Starts::Tempered {
                chains,
                tempering: Tempering { rungs, rounds },
            } => {
                if *rounds == 0 {
                    return Err(Error::invalid(
                        "the starts of reverse annealing",
                        "no round of tempering leaves them at the base",
                        "take at least one round, better 100",
                    ));
                }
                let found = Betas::Adaptive(*rungs).resolve(path, seed.child("pilot", 0))?;
                let starts = path.draw_base(*chains, seed.child("base", 0));
                let seed = seed.child("tempering", 0);
                let mut tempering = ParallelTempering::new(path, &found.betas, &starts, seed)?;
                (0..*rounds).for_each(|_| tempering.advance(1));
                let drawn = (chains * found.betas.len() * rounds * units) as u64;
                let ends = tempering.chains(found.betas.len() - 1).states().clone();
                Ok((ends, found.gibbs_updates + drawn))
            }
            Starts::Rows { rows, steps } => {
                if rows.sites() != path.law().sites() && rows.sites() != units {
                    return Err(Error::invalid(
                        "the starts of reverse annealing",
                        format!(
                            "they have {} sites, and the law {}",
                            rows.sites(),
                            path.law().sites()
                        ),
                        "give configurations of the law",
                    ));
                }
                let mut chains = Chains::new(rows.widened(units - rows.sites()), seed);
                path.advance(&mut chains, 1.0, *steps);
                Ok((chains.into_states(), (rows.len() * steps * units) as u64))
            }
        }
    }
}

/// `sign` x ln mean_s e^{sign ln w_s}, its jackknife error over the chains and the effective sample size
/// (sum w)^2 / sum w^2 (Kong 1992) of the weights e^{sign ln w}.
fn of_weights(log_weights: &[f64], sign: f64, side: Side, gibbs_updates: u64) -> LogPartition {
    let count = log_weights.len() as f64;
    let signed: Vec<f64> = log_weights.iter().map(|w| sign * w).collect();
    let log_mean = log_sum_exp(&signed) - count.ln();
    // Relative to the mean, so that their mean is 1.
    let weights: Vec<f64> = signed.iter().map(|w| (w - log_mean).exp()).collect();
    let squares: f64 = weights.iter().map(|w| w * w).sum();
    let effective_samples = count * count / squares;
    // ln of the mean without each weight in turn.
    let without = weights.iter().map(|w| ((count - w) / (count - 1.0)).ln());
    let without: Vec<f64> = without.collect();
    let standard_error = left_out_error(&without);
    LogPartition {
        value: sign * log_mean,
        standard_error,
        effective_samples: Some(effective_samples),
        gibbs_updates,
        side,
        doubt: own_doubt(standard_error, effective_samples),
    }
}
