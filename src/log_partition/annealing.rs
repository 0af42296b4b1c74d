//! Annealed importance sampling, forward and reverse.

use super::bennett::{BennettRatio, WithEnds};
use super::betas::Betas;
use super::tempered_run::TemperedRun;
use super::{Doubt, ENOUGH_TRIPS_TO_START, HEAVY, LogPartition, LogPartitionEstimator, Side, own_doubts};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Chains;
use crate::numerics::log_sum_exp;
use crate::path::Path;
use crate::random::Seed;
use crate::statistics::jackknife::left_out_error;
use crate::statistics::pareto::pareto_shape;

/// Annealed importance sampling (Neal 2001): chains from the base, moved once at each temperature, with weights
/// `ln w = ln Z_0 + sum_t [ln f_{t+1}(x_t) - ln f_t(x_t)]`, for which `E[w] = Z`. ln of the mean weight is below ln Z in
/// expectation, the more so the fewer the temperatures.
#[derive(Debug)]
pub struct ForwardAnnealing {
    /// The temperatures.
    pub betas: Betas,
    /// Chains.
    pub chains: usize,
}

/// The same from the wanted law down to the base: along that way `E[1 / w] = 1 / Z`, so that -ln of the mean of 1 / w is
/// above ln Z in expectation, IF the chains start from exact draws (Grosse, Ghahramani and Adams 2015).
#[derive(Debug)]
pub struct ReverseAnnealing {
    /// The temperatures, from 0 to 1; they are gone through backwards.
    pub betas: Betas,
    /// Where the chains start.
    pub starts: Starts,
}

/// What a run of annealing has found, chain by chain and in all.
#[derive(Clone, Debug, PartialEq)]
pub struct AnnealingRun {
    /// ln w of every chain: an estimate of ln Z each.
    pub log_weights: Vec<f64>,
    /// ln Z by this run alone.
    pub estimate: LogPartition,
}

/// Where reverse annealing starts.
#[derive(Debug)]
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
    Err(Error::invalid("annealed importance sampling", "there is no chain", "take at least one, better 100"))
}

impl ForwardAnnealing {
    /// Anneals; `report(done, of)` is called now and then.
    pub fn run(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<AnnealingRun> {
        refuse_no_chains(self.chains)?;
        let found = self.betas.resolve(path, seed.child("pilot", 0))?;
        let starts = path.draw_base(self.chains, seed.child("starts", 0));
        let mut log_weights = anneal(path, &found.betas, starts, seed, report);
        let base = path.base_log_partition();
        log_weights.iter_mut().for_each(|w| *w += base);
        let drawn = (self.chains * path.units()) as u64 * self.betas.temperatures() as u64;
        let gibbs_updates = found.gibbs_updates + drawn;
        Ok(of_weights(log_weights, Side::Below, gibbs_updates))
    }
}

impl LogPartitionEstimator for ForwardAnnealing {
    fn name(&self) -> &'static str {
        "forward_ais"
    }

    fn estimate(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<LogPartition> {
        Ok(self.run(path, seed, report)?.estimate)
    }
}

impl ReverseAnnealing {
    /// Anneals; `report(done, of)` is called now and then. A log weight is ln Z_0 - sum of log ratios.
    pub fn run(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<AnnealingRun> {
        refuse_no_chains(self.starts.chains())?;
        let found = self.betas.resolve(path, seed.child("pilot", 0))?;
        let starts = self.starts.draw(path, seed.child("starts", 0))?;
        let drawn = (starts.rows.len() * path.units()) as u64 * self.betas.temperatures() as u64;
        let gibbs_updates = found.gibbs_updates + starts.gibbs_updates + drawn;
        let mut betas = found.betas;
        betas.reverse();
        let base = path.base_log_partition();
        let log_ratios = anneal(path, &betas, starts.rows, seed, report);
        let log_weights = log_ratios.iter().map(|ratio| base - ratio).collect();
        let side = match self.starts {
            Starts::Exact(_) => Side::Above,
            _ => Side::Estimate,
        };
        let mut run = of_weights(log_weights, side, gibbs_updates);
        run.estimate.doubts.extend(starts.doubts);
        Ok(run)
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

    fn estimate(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<LogPartition> {
        Ok(self.run(path, seed, report)?.estimate)
    }
}

/// Rows that reverse annealing starts from.
#[derive(Debug)]
struct Drawn {
    rows: Configurations,
    /// Units drawn on the way to them.
    gibbs_updates: u64,
    doubts: Vec<Doubt>,
}

impl Starts {
    fn chains(&self) -> usize {
        match self {
            Starts::Exact(chains) | Starts::Tempered { chains, .. } => *chains,
            Starts::Rows { rows, .. } => rows.len(),
        }
    }

    fn draw(&self, path: &dyn Path, seed: Seed) -> Result<Drawn> {
        let units = path.units();
        match self {
            Starts::Exact(chains) => {
                Ok(Drawn { rows: path.draw_target(*chains, seed)?, gibbs_updates: 0, doubts: Vec::new() })
            }
            Starts::Tempered { chains, tempering: Tempering { rungs, rounds } } => {
                if *rounds == 0 {
                    return Err(Error::invalid(
                        "the starts of reverse annealing",
                        "no round of tempering leaves them at the base",
                        "take at least one round, better 100",
                    ));
                }
                let burn_in = rounds / 5;
                let run = BennettRatio(TemperedRun {
                    betas: Betas::Adaptive(*rungs),
                    ladders: *chains,
                    burn_in,
                    rounds: rounds - burn_in,
                    // Whether its halves differ shows in a few rounds as well as in all.
                    every: (rounds / ROUNDS_MEASURED).max(1),
                });
                let found = run.estimate_with_ends(path, seed, &mut |_, _| ())?;
                Ok(Drawn {
                    doubts: doubts_of_starts(&found),
                    gibbs_updates: found.estimate.gibbs_updates,
                    rows: found.ends,
                })
            }
            Starts::Rows { rows, steps } => {
                if rows.sites() != path.law().sites() && rows.sites() != units {
                    return Err(Error::invalid(
                        "the starts of reverse annealing",
                        format!("they have {} sites, and the law {}", rows.sites(), path.law().sites()),
                        "give configurations of the law",
                    ));
                }
                let mut chains = Chains::new(rows.widened(units - rows.sites()), seed);
                path.advance(&mut chains, 1.0, *steps);
                Ok(Drawn {
                    rows: chains.into_states(),
                    gibbs_updates: (rows.len() * steps * units) as u64,
                    doubts: Vec::new(),
                })
            }
        }
    }
}

/// Rounds of a tempering run for starts that are measured, burn-in included.
const ROUNDS_MEASURED: usize = 50;

/// What speaks against the ends of a tempering run as draws of its law: they are draws once, so that a burn-in without
/// round trips does no harm, and how well Bennett's ratio is known does not matter.
fn doubts_of_starts(run: &WithEnds) -> Vec<Doubt> {
    let few = run.round_trips < ENOUGH_TRIPS_TO_START;
    let own = run.estimate.doubts.iter().copied();
    own.filter(|doubt| matches!(doubt, Doubt::ShortRun(_) | Doubt::Drifting(_)))
        .chain(few.then_some(Doubt::FewRoundTrips(run.round_trips)))
        .collect()
}

/// ln mean_s w_s of a forward run, -ln mean_s 1/w_s of a reverse one, its jackknife error over the chains and the
/// effective sample size (sum w)^2 / sum w^2 (Kong 1992) of the weights w, or 1 / w.
fn of_weights(log_weights: Vec<f64>, side: Side, gibbs_updates: u64) -> AnnealingRun {
    let sign = if side == Side::Below { 1.0 } else { -1.0 };
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
    let mut doubts = own_doubts(standard_error, effective_samples);
    let heavy = pareto_shape(&weights).filter(|k| *k > HEAVY);
    doubts.extend(heavy.map(Doubt::HeavyTail));
    AnnealingRun {
        log_weights,
        estimate: LogPartition {
            value: sign * log_mean,
            standard_error,
            effective_samples: Some(effective_samples),
            gibbs_updates,
            side,
            doubts,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against starts whose tempering run has not settled, and nobody says so: of the doubts of Bennett's ratio those
    /// stay that speak against its last states, and too few round trips are one more.
    #[test]
    fn what_speaks_against_a_tempering_run_speaks_against_its_ends() {
        let doubts = |doubts: &[Doubt], round_trips: f64| {
            let estimate = LogPartition { doubts: doubts.to_vec(), ..LogPartition::exact(1.0) };
            doubts_of_starts(&WithEnds { estimate, ends: Configurations::zeros(3, 2), round_trips })
        };
        let drifting = Doubt::Drifting(4.0);
        assert_eq!(doubts(&[drifting, Doubt::FewEffectiveSamples(3.0)], 10.0), [drifting]);
        let short = Doubt::ShortRun(5.0);
        assert_eq!(doubts(&[Doubt::UnknownError, short, drifting], 10.0), [short, drifting]);
        // The round trips of the run with its burn-in, and not those that the estimate has doubted.
        assert_eq!(doubts(&[Doubt::FewRoundTrips(1.0)], ENOUGH_TRIPS_TO_START), []);
        assert_eq!(doubts(&[drifting], 2.0), [drifting, Doubt::FewRoundTrips(2.0)]);
    }
}
