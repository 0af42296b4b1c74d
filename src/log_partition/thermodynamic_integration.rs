//! Thermodynamic integration over parallel tempering.

use super::tempered_run::TemperedRun;
use super::{Doubt, LogPartition, LogPartitionEstimator, Side, own_doubt};
use crate::error::Result;
use crate::path::Path;
use crate::random::Seed;
use crate::statistics::autocorrelation::integrated_time;
use crate::statistics::jackknife::jackknife;

/// ln Z = ln Z_0 + integral_0^1 <d ln f_beta / d beta>_beta d beta (Kirkwood 1935; Ogata 1989), by the trapezoidal rule
/// with end corrections in every step, h/2 (g_k + g_{k+1}) + h^2/12 (g'_k - g'_{k+1}), where
/// g' = Var(d ln f / d beta) + <d^2 ln f / d beta^2> comes from the same states: the rule's error is of order h^4.
///
/// A cross-check for the other estimators: the rule's error, which shows when every second temperature is left out, is
/// in `doubt` where it matters, not in the standard error, a jackknife over the ladders.
pub struct ThermodynamicIntegration(pub TemperedRun);

/// Sums over the rounds, a ladder after another and in each, rung by rung: first slope, its square, second slope.
struct Notes {
    sums: Vec<Vec<f64>>,
    /// The first slope at the wanted law, round by round, for every ladder.
    series: Vec<Vec<f64>>,
}

impl LogPartitionEstimator for ThermodynamicIntegration {
    fn name(&self) -> &'static str {
        "thermodynamic_integration"
    }

    fn estimate(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<LogPartition> {
        let (groups, betas, gibbs_updates) = self.0.run(
            path,
            seed,
            |rungs, ladders| Notes {
                sums: vec![vec![0.0; 3 * rungs]; ladders],
                series: vec![Vec::with_capacity(self.0.rounds); ladders],
            },
            |tempering, notes| {
                for (rung, beta) in tempering.betas().iter().enumerate() {
                    let states = tempering.chains(rung).states();
                    for (ladder, sums) in notes.sums.iter_mut().enumerate() {
                        let [first, second] = path.slopes(states.row(ladder), *beta);
                        for (sum, x) in
                            sums[3 * rung..]
                                .iter_mut()
                                .zip([first, first * first, second])
                        {
                            *sum += x;
                        }
                        if rung + 1 == tempering.betas().len() {
                            notes.series[ladder].push(first);
                        }
                    }
                }
            },
            report,
        )?;
        let rounds = self.0.rounds as f64;
        let mean = |sums: &Vec<f64>| sums.iter().map(|sum| sum / rounds).collect::<Vec<f64>>();
        let bins: Vec<Vec<f64>> = groups
            .iter()
            .flat_map(|group| group.sums.iter().map(mean))
            .collect();
        let views: Vec<&[f64]> = groups
            .iter()
            .flat_map(|group| group.series.iter().map(|x| &x[..]))
            .collect();
        let means: Vec<f64> = (0..3 * betas.len())
            .map(|k| bins.iter().map(|bin| bin[k]).sum::<f64>() / bins.len() as f64)
            .collect();
        let value = integral(&means, &betas, 1);
        let standard_error =
            jackknife(&bins, &|means| integral(means, &betas, 1)).map(|j| j.standard_error);
        let tau = integrated_time(&views).map_or(1.0, |time| time.tau);
        let effective_samples = bins.len() as f64 * rounds / tau;
        let halved = (integral(&means, &betas, 2) - value).abs();
        // The error of the finer rule is a fifteenth of what halving changes.
        let coarse = betas.len() % 2 == 1
            && halved / 15.0 > standard_error.unwrap_or(0.0).max(1e-12 * value.abs());
        let doubt = own_doubt(standard_error, effective_samples)
            .or_else(|| coarse.then_some(Doubt::CoarseTemperatures(halved)));
        Ok(LogPartition {
            value: path.base_log_partition() + value,
            standard_error,
            effective_samples: Some(effective_samples),
            gibbs_updates,
            side: Side::Estimate,
            doubt,
        })
    }
}

/// The corrected trapezoidal rule over every `stride`-th rung; `means` holds g, <(d ln f / d beta)^2> and the mean second
/// slope, rung by rung.
fn integral(means: &[f64], betas: &[f64], stride: usize) -> f64 {
    let rungs: Vec<usize> = (0..betas.len()).step_by(stride).collect();
    let at = |rung: usize| {
        (
            means[3 * rung],
            means[3 * rung + 1] - means[3 * rung].powi(2) + means[3 * rung + 2],
        )
    };
    let step = |pair: &[usize]| {
        let h = betas[pair[1]] - betas[pair[0]];
        let ((g, slope), (next, next_slope)) = (at(pair[0]), at(pair[1]));
        h / 2.0 * (g + next) + h * h / 12.0 * (slope - next_slope)
    };
    rungs.windows(2).map(step).sum()
}
