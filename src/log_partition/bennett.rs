//! Bennett's acceptance ratio over parallel tempering.

use super::tempered_run::TemperedRun;
use super::{LogPartition, LogPartitionEstimator, Side};
use crate::error::Result;
use crate::numerics::sigmoid;
use crate::path::Path;
use crate::random::Seed;
use crate::statistics::autocorrelation::integrated_time;
use crate::statistics::jackknife::left_out_error;
use rayon::prelude::*;

/// Bennett's acceptance ratio (Bennett 1976; for RBMs with tempering Krause, Fischer and Igel 2020) between all
/// neighbours of a tempering ladder, summed: C = ln(Z_b / Z_a) solves
/// sum_{x ~ a} sigmoid(d(x) - C) = sum_{x ~ b} sigmoid(C - d(x)) with d = ln f_b - ln f_a and as many x from each.
///
/// The error is a jackknife over the ladders, which are independent, so that it knows the autocorrelation along a
/// ladder and the exchanges across it. Neighbours that do not overlap leave the error too small, and no
/// autocorrelation shows it: effective samples are those of the worst pair that count on both sides,
/// 2 sum_{x ~ a} sigmoid(d(x) - C) / tau, as many as there are measurements / tau where both laws are one.
pub struct BennettRatio(pub TemperedRun);

/// d of the states at a and at b, ladder after ladder in each.
#[derive(Clone, Default)]
struct Pair {
    onward: Vec<Vec<f64>>,
    back: Vec<Vec<f64>>,
}

impl LogPartitionEstimator for BennettRatio {
    fn name(&self) -> &'static str {
        "bennett"
    }

    fn estimate(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<LogPartition> {
        let empty = |rungs: usize, ladders: usize| {
            let series = vec![Vec::with_capacity(self.0.measured()); ladders];
            let pair = Pair {
                onward: series.clone(),
                back: series,
            };
            vec![pair; rungs - 1]
        };
        let (groups, betas, gibbs_updates) = self.0.run(
            path,
            seed,
            empty,
            |tempering, pairs| {
                for (k, pair) in pairs.iter_mut().enumerate() {
                    let (onward, back) = tempering.log_ratios(k);
                    pair.onward
                        .iter_mut()
                        .zip(onward)
                        .for_each(|(series, d)| series.push(*d));
                    // d of a state at b is minus the ratio back.
                    pair.back
                        .iter_mut()
                        .zip(back)
                        .for_each(|(series, d)| series.push(-d));
                }
            },
            report,
        )?;
        let mut pairs = vec![Pair::default(); betas.len() - 1];
        for group in groups {
            for (pair, part) in pairs.iter_mut().zip(group) {
                pair.onward.extend(part.onward);
                pair.back.extend(part.back);
            }
        }
        let solved: Vec<Solved> = pairs.par_iter().map(solve).collect();
        let ladders = self.0.ladders;
        let total: f64 = solved.iter().map(|pair| pair.value).sum();
        let without = |l: usize| -> f64 { solved.iter().map(|pair| pair.without[l]).sum() };
        let without: Vec<f64> = (0..ladders).map(without).collect();
        let standard_error = left_out_error(&without);
        let tau = solved.iter().map(|pair| pair.tau).fold(1.0, f64::max);
        let shared = solved.iter().map(|pair| pair.shared / pair.tau);
        let effective_samples = shared.fold(f64::INFINITY, f64::min);
        Ok(LogPartition {
            value: path.base_log_partition() + total,
            standard_error,
            effective_samples: Some(effective_samples),
            gibbs_updates,
            side: Side::Estimate,
            doubt: self.0.doubt(standard_error, effective_samples, tau),
        })
    }
}

struct Solved {
    /// C.
    value: f64,
    /// C without each ladder in turn.
    without: Vec<f64>,
    /// The autocorrelation time of d, the longer of both sides, in rounds.
    tau: f64,
    /// 2 sum_{x ~ a} sigmoid(d(x) - C): draws that both laws share.
    shared: f64,
}

/// Solves for C by Newton's method, kept within a bracket; the function rises with C, so that there is one solution.
/// Without a ladder one more step of Newton's is exact to second order in one over the number of ladders.
fn solve(pair: &Pair) -> Solved {
    let all = pair.onward.iter().chain(&pair.back).flatten();
    let (mut low, mut high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), d| {
        (low.min(*d), high.max(*d))
    });
    let mut c = 0.5 * (low + high);
    for _ in 0..100 {
        let (value, slope) = sums(pair, c)
            .into_iter()
            .fold((0.0, 0.0), |(v, s), (value, slope)| (v + value, s + slope));
        if value > 0.0 {
            high = c;
        } else {
            low = c;
        }
        let newton = c - value / slope;
        let next = if newton > low && newton < high {
            newton
        } else {
            0.5 * (low + high)
        };
        let done = (next - c).abs() <= 1e-13 * (1.0 + c.abs());
        c = next;
        if done {
            break;
        }
    }
    let parts = sums(pair, c);
    let value: f64 = parts.iter().map(|(value, _)| value).sum();
    let slope: f64 = parts.iter().map(|(_, slope)| slope).sum();
    let without = parts.iter().map(|(v, s)| {
        let rest = slope - s;
        if rest > 0.0 {
            c - (value - v) / rest
        } else {
            c
        }
    });
    let time = |series: &[Vec<f64>]| {
        let views: Vec<&[f64]> = series.iter().map(|series| &series[..]).collect();
        integrated_time(&views).map_or(1.0, |time| time.tau)
    };
    Solved {
        value: c,
        without: without.collect(),
        tau: time(&pair.onward).max(time(&pair.back)),
        shared: 2.0
            * pair
                .onward
                .iter()
                .flatten()
                .map(|d| sigmoid(d - c))
                .sum::<f64>(),
    }
}

/// sum_{x ~ b} sigmoid(C - d) - sum_{x ~ a} sigmoid(d - C), and its derivative, for every ladder.
fn sums(pair: &Pair, c: f64) -> Vec<(f64, f64)> {
    let ladder = |(onward, back): (&Vec<f64>, &Vec<f64>)| {
        let (mut value, mut slope) = (0.0, 0.0);
        for d in onward {
            let p = sigmoid(d - c);
            value -= p;
            slope += p * (1.0 - p);
        }
        for d in back {
            let p = sigmoid(c - d);
            value += p;
            slope += p * (1.0 - p);
        }
        (value, slope)
    };
    pair.onward.iter().zip(&pair.back).map(ladder).collect()
}
