//! Bennett's acceptance ratio over parallel tempering.

use super::acceptance_ratio::{balance, imbalance, range};
use super::tempered_run::{Seen, TemperedRun};
use super::{LogPartition, LogPartitionEstimator, Side};
use crate::configuration::Configurations;
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

    fn estimate(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<LogPartition> {
        self.0.check()?;
        Ok(self.estimate_with_ends(path, seed, report)?.estimate)
    }
}

/// An estimate, and the last states at the law.
pub(super) struct WithEnds {
    pub estimate: LogPartition,
    pub ends: Configurations,
    /// Round trips of the states of a ladder, on average, those of the burn-in included.
    pub round_trips: f64,
}

impl BennettRatio {
    /// What the run has found, and where its ladders stand.
    pub(super) fn estimate_with_ends(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<WithEnds> {
        let empty = |rungs: usize, ladders: usize| {
            let series = vec![Vec::with_capacity(self.0.measured()); ladders];
            let pair = Pair { onward: series.clone(), back: series };
            vec![pair; rungs - 1]
        };
        let run = self.0.run(
            path,
            seed,
            empty,
            |tempering, pairs| {
                for (k, pair) in pairs.iter_mut().enumerate() {
                    let (onward, back) = tempering.log_ratios(k);
                    pair.onward.iter_mut().zip(onward).for_each(|(series, d)| series.push(*d));
                    // d of a state at b is minus the ratio back.
                    pair.back.iter_mut().zip(back).for_each(|(series, d)| series.push(-d));
                }
            },
            report,
        )?;
        let mut pairs = vec![Pair::default(); run.betas.len() - 1];
        for group in run.notes {
            for (pair, part) in pairs.iter_mut().zip(group) {
                pair.onward.extend(part.onward);
                pair.back.extend(part.back);
            }
        }
        let solved: Vec<Solved> = pairs.par_iter().map(|pair| solve(pair, true)).collect();
        let (total, without) = sums(&solved);
        let standard_error = left_out_error(&without);
        let tau = solved.iter().map(|pair| pair.tau).fold(1.0, f64::max);
        let shared = solved.iter().map(|pair| pair.shared / pair.tau);
        let effective_samples = shared.fold(f64::INFINITY, f64::min);
        let middle = self.0.measured() / 2;
        let half = |second: bool| {
            let solved: Vec<Solved> = pairs.par_iter().map(|pair| solve(&pair.half(middle, second), false)).collect();
            sums(&solved)
        };
        let ((first, first_without), (second, second_without)) = (half(false), half(true));
        let differences = first_without.iter().zip(&second_without);
        let seen = Seen {
            standard_error,
            effective_samples,
            tau,
            round_trips: run.round_trips,
            drift: (first - second, differences.map(|(a, b)| a - b).collect()),
        };
        let estimate = LogPartition {
            value: path.base_log_partition() + total,
            standard_error,
            effective_samples: Some(effective_samples),
            gibbs_updates: run.gibbs_updates,
            side: Side::Estimate,
            doubts: self.0.doubts(&seen),
        };
        Ok(WithEnds { estimate, ends: run.ends, round_trips: run.round_trips.iter().sum() })
    }
}

impl Pair {
    /// The first or the second half of the rounds.
    fn half(&self, middle: usize, second: bool) -> Self {
        let part = |series: &Vec<f64>| {
            let (first, rest) = series.split_at(middle);
            if second { rest } else { first }.to_vec()
        };
        Self { onward: self.onward.iter().map(part).collect(), back: self.back.iter().map(part).collect() }
    }
}

/// The sum over all pairs, and the same without each ladder in turn.
fn sums(solved: &[Solved]) -> (f64, Vec<f64>) {
    let ladders = solved.first().map_or(0, |pair| pair.without.len());
    let without = |l: usize| solved.iter().map(|pair| pair.without[l]).sum();
    (solved.iter().map(|pair| pair.value).sum(), (0..ladders).map(without).collect())
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

/// Solves for C, which without a ladder is one more step of Newton's away, exact to second order in one over the number
/// of ladders; tau is left at 1 where nobody asks for it.
fn solve(pair: &Pair, with_tau: bool) -> Solved {
    let ladders = || pair.onward.iter().zip(&pair.back);
    let at = |c: f64| ladders().map(move |(onward, back)| imbalance(onward, back, c));
    let total = |c: f64| at(c).fold([0.0, 0.0], |[v, s], [value, slope]| [v + value, s + slope]);
    let (low, high) = range(pair.onward.iter().chain(&pair.back).flatten());
    let c = balance(total, low, high);
    let [value, slope] = total(c);
    let without = at(c).map(|[v, s]| {
        let rest = slope - s;
        if rest > 0.0 { c - (value - v) / rest } else { c }
    });
    let time = |series: &[Vec<f64>]| {
        let views: Vec<&[f64]> = series.iter().map(|series| &series[..]).collect();
        integrated_time(&views).map_or(1.0, |time| time.tau)
    };
    let share = |d: &f64| sigmoid(d - c);
    Solved {
        value: c,
        without: without.collect(),
        tau: if with_tau { time(&pair.onward).max(time(&pair.back)) } else { 1.0 },
        shared: 2.0 * pair.onward.iter().flatten().map(share).sum::<f64>(),
    }
}
