//! Thermodynamic integration over parallel tempering.

use super::betas::Resolved;
use super::tempered_run::{Seen, TemperedRun};
use super::{Doubt, LogPartition, LogPartitionEstimator, Side};
use crate::error::{Error, Result};
use crate::monte_carlo::ladder::AlongPath;
use crate::path::Path;
use crate::random::Seed;
use crate::statistics::autocorrelation::integrated_time;
use crate::statistics::jackknife::jackknife;
use rayon::prelude::*;
use std::ops::Range;

/// ln Z = ln Z_0 + integral_0^1 <d ln f_beta / d beta>_beta d beta (Kirkwood 1935; Ogata 1989), by the trapezoidal rule
/// with end corrections in every step, h/2 (g_k + g_{k+1}) + h^2/12 (g'_k - g'_{k+1}), where
/// g' = Var(d ln f / d beta) + <d^2 ln f / d beta^2> comes from the same states: the rule's error is of order h^4.
///
/// A cross-check for the other estimators: the rule's error, which shows when every second rung is left out, is in
/// `doubts` where that changes the value by more than [`COARSE`] standard errors, from a jackknife over the ladders.
/// Effective samples are measurements / tau of the slowest rung.
#[derive(Debug)]
pub struct ThermodynamicIntegration(pub TemperedRun);

/// Where the steps are small the error of the rule is a fifteenth of what leaving out rungs changes, a fifth of a
/// standard error at most; where they are not, it may be nearly as large as the change.
pub const COARSE: f64 = 3.0;

/// What is seen of a rung, ladder after ladder.
#[derive(Clone)]
struct Rung {
    /// The first slope, round by round.
    slopes: Vec<Vec<f64>>,
    /// The second slope, round by round.
    bends: Vec<Vec<f64>>,
}

impl LogPartitionEstimator for ThermodynamicIntegration {
    fn name(&self) -> &'static str {
        "thermodynamic_integration"
    }

    fn estimate(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<LogPartition> {
        self.0.check()?;
        if self.0.betas.temperatures() < 2 {
            return Err(Error::invalid(
                "thermodynamic integration",
                "a single step cannot tell the error of the rule",
                "take at least two temperatures, better 16",
            ));
        }
        let Resolved { betas, gibbs_updates } = self.0.resolve(path, seed)?;
        let ladder = AlongPath::new(path, &betas)?;
        let run = self.0.run(
            &ladder,
            None,
            seed,
            |rungs, ladders| {
                let series = vec![Vec::with_capacity(self.0.measured()); ladders];
                let rung = Rung { slopes: series.clone(), bends: series };
                vec![rung; rungs]
            },
            |tempering, rungs| {
                for (number, (rung, beta)) in rungs.iter_mut().zip(&betas).enumerate() {
                    let states = tempering.chains(number).states();
                    for (ladder, slopes) in rung.slopes.iter_mut().enumerate() {
                        let [slope, bend] = path.slopes(states.row(ladder), *beta);
                        slopes.push(slope);
                        rung.bends[ladder].push(bend);
                    }
                }
            },
            report,
        )?;
        let groups = run.notes;
        let measured = self.0.measured();
        // For every ladder, rung by rung: the means of the first slope, of its square and of the second slope.
        let bins = |rounds: Range<usize>| -> Vec<Vec<f64>> {
            let mut bins = Vec::with_capacity(self.0.ladders);
            for group in &groups {
                for ladder in 0..group[0].bends.len() {
                    let moments = group.iter().flat_map(|rung| {
                        let slopes = &rung.slopes[ladder][rounds.clone()];
                        let sum: f64 = slopes.iter().sum();
                        let squares: f64 = slopes.iter().map(|x| x * x).sum();
                        let bends: f64 = rung.bends[ladder][rounds.clone()].iter().sum();
                        [sum, squares, bends].map(|x| x / rounds.len() as f64)
                    });
                    bins.push(moments.collect());
                }
            }
            bins
        };
        let all = bins(0..measured);
        let value = integral(&mean(&all, None), &betas, 1);
        let standard_error = jackknife(&all, &|means| integral(means, &betas, 1)).map(|j| j.standard_error);
        let halves = [bins(0..measured / 2), bins(measured / 2..measured)];
        let difference = |without: Option<usize>| {
            let [first, second] = halves.each_ref().map(|half| integral(&mean(half, without), &betas, 1));
            first - second
        };
        let without = (0..self.0.ladders).map(|ladder| difference(Some(ladder)));
        let drift = (difference(None), without.collect());
        let tau = (0..betas.len())
            .into_par_iter()
            .map(|rung| {
                let all = groups.iter().flat_map(|group| &group[rung].slopes);
                let views: Vec<&[f64]> = all.map(|slopes| &slopes[..]).collect();
                integrated_time(&views).map_or(1.0, |time| time.tau)
            })
            .reduce(|| 1.0, f64::max);
        let effective_samples = (self.0.ladders * measured) as f64 / tau;
        let halved = (integral(&mean(&all, None), &betas, 2) - value).abs();
        let coarse = halved > (COARSE * standard_error.unwrap_or(0.0)).max(1e-12 * value.abs());
        let mut doubts =
            self.0.doubts(&Seen { standard_error, effective_samples, tau, round_trips: run.round_trips, drift });
        doubts.extend(coarse.then_some(Doubt::CoarseTemperatures(halved)));
        Ok(LogPartition {
            value: path.base_log_partition() + value,
            standard_error,
            effective_samples: Some(effective_samples),
            gibbs_updates: gibbs_updates + run.gibbs_updates,
            side: Side::Estimate,
            doubts,
        })
    }
}

/// The mean over the bins, or all but one of them.
fn mean(bins: &[Vec<f64>], without: Option<usize>) -> Vec<f64> {
    let kept = || (0..bins.len()).filter(|k| Some(*k) != without);
    (0..bins[0].len()).map(|x| kept().map(|k| bins[k][x]).sum::<f64>() / kept().count() as f64).collect()
}

/// The corrected trapezoidal rule over every `stride`-th rung and the last; `means` holds g, <(d ln f / d beta)^2> and the mean second
/// slope, rung by rung.
fn integral(means: &[f64], betas: &[f64], stride: usize) -> f64 {
    let mut rungs: Vec<usize> = (0..betas.len() - 1).step_by(stride).collect();
    rungs.push(betas.len() - 1);
    let at = |rung: usize| (means[3 * rung], means[3 * rung + 1] - means[3 * rung].powi(2) + means[3 * rung + 2]);
    let step = |pair: &[usize]| {
        let h = betas[pair[1]] - betas[pair[0]];
        let ((g, slope), (next, next_slope)) = (at(pair[0]), at(pair[1]));
        h / 2.0 * (g + next) + h * h / 12.0 * (slope - next_slope)
    };
    rungs.windows(2).map(step).sum()
}
