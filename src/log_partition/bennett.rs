//! Bennett's acceptance ratio over parallel tempering.

use super::acceptance_ratio::{balance, imbalance, range};
use super::betas::Resolved;
use super::bracket::UNSEEN;
use super::tempered_run::{Seen, TemperedRun};
use super::{Doubt, FAR_APART, LogPartition, LogPartitionEstimator, Side};
use crate::configuration::Configurations;
use crate::error::Result;
use crate::monte_carlo::ladder::{AlongPath, Ladder};
use crate::numerics::sigmoid;
use crate::path::Path;
use crate::random::Seed;
use crate::row_sampler::RowSampler;
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
#[derive(Debug)]
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
        let Resolved { betas, gibbs_updates } = self.0.resolve(path, seed)?;
        let ladder = AlongPath::new(path, &betas)?;
        let mut found = self.on_ladder(&ladder, None, path.base_log_partition(), seed, report)?;
        found.estimate.gibbs_updates += gibbs_updates;
        Ok(found)
    }

    /// ln Z of the last law of any ladder whose first can be drawn from and has this ln Z; the betas of the run do not
    /// matter. Measured twice, with every rung starting from draws of the first law and from draws of `data`: what one of
    /// them has not found shows as a difference, half of which is part of the error. What neither has found is, as in
    /// [`super::bracket::Bracket::new`], a mode of mass 1.5 / ladders: so much is part of the error too.
    pub fn along(
        &self,
        ladder: &dyn Ladder,
        base_log_partition: f64,
        data: &Configurations,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<LogPartition> {
        self.0.check()?;
        let rows = RowSampler::new(data)?.draw(self.0.ladders, seed.child("data", 0));
        let rows = rows.widened(ladder.units() - data.sites());
        let mut one = |number: usize, rows: Option<&Configurations>| {
            let seed = seed.child("start", number as u64);
            let report = &mut |done, of: usize| report(number * of + done, 2 * of);
            Ok(self.on_ladder(ladder, rows, base_log_partition, seed, report)?.estimate)
        };
        let mut found = agreed(one(0, None)?, one(1, Some(&rows))?);
        let unseen = UNSEEN / self.0.ladders as f64;
        found.standard_error = found.standard_error.map(|error| error.hypot(unseen));
        Ok(found)
    }

    fn on_ladder(
        &self,
        ladder: &dyn Ladder,
        rows: Option<&Configurations>,
        base_log_partition: f64,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<WithEnds> {
        let empty = |rungs: usize, ladders: usize| {
            let series = vec![Vec::with_capacity(self.0.measured()); ladders];
            let pair = Pair { onward: series.clone(), back: series };
            vec![pair; rungs - 1]
        };
        let run = self.0.run(
            ladder,
            rows,
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
        let mut pairs = vec![Pair::default(); ladder.rungs() - 1];
        for group in run.notes {
            for (pair, part) in pairs.iter_mut().zip(group) {
                pair.onward.extend(part.onward);
                pair.back.extend(part.back);
            }
        }
        let solved: Vec<Solved> = pairs.par_iter().map(Pair::whole).collect();
        let (total, without) = sums(solved.iter().map(|pair| &pair.ratio));
        let standard_error = left_out_error(&without);
        let tau = solved.iter().map(|pair| pair.tau).fold(1.0, f64::max);
        let shared = solved.iter().map(|pair| pair.shared / pair.tau);
        let effective_samples = shared.fold(f64::INFINITY, f64::min);
        let middle = self.0.measured() / 2;
        let half = |second: bool| {
            let with_whole = pairs.par_iter().zip(&solved);
            let solved: Vec<Ratio> =
                with_whole.map(|(pair, whole)| pair.half(middle, second).ratio(whole.ratio.value)).collect();
            sums(solved.iter())
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
            value: base_log_partition + total,
            standard_error,
            effective_samples: Some(effective_samples),
            gibbs_updates: run.gibbs_updates,
            side: Side::Estimate,
            doubts: self.0.doubts(&seen),
        };
        Ok(WithEnds { estimate, ends: run.ends, round_trips: run.round_trips.iter().sum() })
    }
}

/// The mean of two runs that share nothing, with the doubts of both.
fn agreed(one: LogPartition, other: LogPartition) -> LogPartition {
    let apart = (one.value - other.value).abs();
    let error = one.standard_error.zip(other.standard_error).map(|(a, b)| a.hypot(b));
    let mut doubts = one.doubts;
    let new = other.doubts.into_iter().filter(|doubt| !doubts.iter().any(|known| known.name() == doubt.name()));
    doubts.extend(new.collect::<Vec<_>>());
    doubts.extend(error.filter(|error| apart > FAR_APART * error).map(|error| Doubt::StartsDisagree(apart / error)));
    LogPartition {
        value: 0.5 * (one.value + other.value),
        standard_error: error.map(|error| (0.5 * error).hypot(0.5 * apart)),
        effective_samples: one.effective_samples.zip(other.effective_samples).map(|(a, b)| a + b),
        gibbs_updates: one.gibbs_updates + other.gibbs_updates,
        side: Side::Estimate,
        doubts,
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

    /// C, from a guess of it; without a ladder it is one more step of Newton's away, exact to second order in one over the
    /// number of ladders.
    fn ratio(&self, guess: f64) -> Ratio {
        let at = |c: f64| self.onward.iter().zip(&self.back).map(move |(onward, back)| imbalance(onward, back, c));
        let sum = |[v, s]: [f64; 2], [value, slope]: [f64; 2]| [v + value, s + slope];
        let (low, high) = range(self.onward.iter().chain(&self.back).flatten());
        let c = balance(|c| at(c).fold([0.0, 0.0], sum), guess, low, high);
        let parts: Vec<[f64; 2]> = at(c).collect();
        let [value, slope] = parts.iter().copied().fold([0.0, 0.0], sum);
        let without = parts.iter().map(|[v, s]| {
            let rest = slope - s;
            if rest > 0.0 { c - (value - v) / rest } else { c }
        });
        Ratio { value: c, without: without.collect() }
    }

    fn whole(&self) -> Solved {
        let mean = |series: &[Vec<f64>]| {
            let count: usize = series.iter().map(Vec::len).sum();
            series.iter().flatten().sum::<f64>() / count as f64
        };
        let time = |series: &[Vec<f64>]| {
            let views: Vec<&[f64]> = series.iter().map(|series| &series[..]).collect();
            integrated_time(&views).map_or(1.0, |time| time.tau)
        };
        // The means of d bound C: Jensen's inequality, once from each law.
        let ratio = self.ratio(0.5 * (mean(&self.onward) + mean(&self.back)));
        let share = |d: &f64| sigmoid(d - ratio.value);
        Solved {
            tau: time(&self.onward).max(time(&self.back)),
            shared: 2.0 * self.onward.iter().flatten().map(share).sum::<f64>(),
            ratio,
        }
    }
}

/// The sum over all pairs, and the same without each ladder in turn.
fn sums<'a>(pairs: impl Iterator<Item = &'a Ratio>) -> (f64, Vec<f64>) {
    let mut sum = (0.0, Vec::new());
    for pair in pairs {
        sum.0 += pair.value;
        sum.1.resize(pair.without.len(), 0.0);
        sum.1.iter_mut().zip(&pair.without).for_each(|(sum, value)| *sum += value);
    }
    sum
}

/// C of a pair.
struct Ratio {
    value: f64,
    /// C without each ladder in turn.
    without: Vec<f64>,
}

/// What all rounds say of a pair.
struct Solved {
    ratio: Ratio,
    /// The autocorrelation time of d, the longer of both sides, in rounds.
    tau: f64,
    /// 2 sum_{x ~ a} sigmoid(d(x) - C): draws that both laws share.
    shared: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_partition::betas::Betas;
    use crate::model::rbm::Rbm;
    use crate::model::rbm_path::RbmPath;
    use crate::path::uniform_configurations;
    use rand_distr::{Distribution, Normal};

    /// Two runs of errors 0.3 and 0.4, 1 apart: the middle, half of both errors and half of the distance, and the doubts of
    /// both once; 3 apart they disagree.
    #[test]
    fn what_two_runs_agree_on_has_their_difference_in_its_error() {
        let run = |value, error, doubts: &[Doubt]| LogPartition {
            standard_error: Some(error),
            effective_samples: Some(50.0),
            gibbs_updates: 7,
            side: Side::Estimate,
            doubts: doubts.to_vec(),
            ..LogPartition::exact(value)
        };
        let found =
            agreed(run(1.0, 0.3, &[Doubt::Drifting(4.0)]), run(2.0, 0.4, &[Doubt::Drifting(5.0), Doubt::UnknownError]));
        assert_eq!((found.value, found.gibbs_updates, found.effective_samples), (1.5, 14, Some(100.0)));
        assert!((found.standard_error.unwrap() - (0.0625_f64 + 0.25).sqrt()).abs() < 1e-12);
        assert_eq!(found.doubts, [Doubt::Drifting(4.0), Doubt::UnknownError]);
        assert!(agreed(run(1.0, 0.3, &[]), run(2.0, 0.4, &[])).doubts.is_empty());
        assert_eq!(agreed(run(1.0, 0.3, &[]), run(4.0, 0.4, &[])).doubts, [Doubt::StartsDisagree(6.0)]);
        assert_eq!(agreed(run(1.0, 0.3, &[]), LogPartition::exact(1.0)).standard_error, None);
    }

    /// Against solving the pair of the other ladders anew: of three ladders a step of Newton's says what C is without
    /// one of them, to 5 % of the change. The slope of all three in place of that of the others would make the change a
    /// third too small.
    #[test]
    fn what_is_left_without_a_ladder_is_the_ratio_of_the_others() {
        let mut generator = Seed::root(3).generator();
        let mut draw = |mean: f64| -> Vec<f64> {
            let law = Normal::new(mean, 1.0).unwrap();
            (0..200).map(|_| law.sample(&mut generator)).collect()
        };
        // Normal d of unit variance whose means are 1 apart have C in the middle; the ladders differ by a little.
        let aside = [-0.2, 0.05, 0.15];
        let pair = Pair {
            onward: aside.iter().map(|x| draw(1.5 + x)).collect(),
            back: aside.iter().map(|x| draw(2.5 + x)).collect(),
        };
        let all = pair.ratio(2.0);
        for ladder in 0..3 {
            let mut others = pair.clone();
            others.onward.remove(ladder);
            others.back.remove(ladder);
            let (change, expected) = (all.without[ladder] - all.value, others.ratio(2.0).value - all.value);
            assert!(expected.abs() > 0.01, "ladder {ladder} changes nothing");
            assert!((change / expected - 1.0).abs() < 0.05, "ladder {ladder}: {change} instead of {expected}");
        }
    }
    /// Where every state weighs the same nothing scatters, and both starts agree: what is left of the error is what no ladder may
    /// have seen.
    #[test]
    fn a_mode_that_no_ladder_has_seen_is_part_of_the_error() {
        let machine = Rbm::new(3, 2).unwrap();
        let path = RbmPath::from_uniform(&machine).unwrap();
        let ladder = AlongPath::new(&path, &[0.0, 1.0]).unwrap();
        let run = TemperedRun { betas: Betas::Linear(1), ladders: 20, burn_in: 10, rounds: 40, every: 1 };
        let data = uniform_configurations(3, 5, Seed::root(1));
        let base = path.base_log_partition();
        let found = BennettRatio(run).along(&ladder, base, &data, Seed::root(2), &mut |_, _| ()).unwrap();
        assert!((found.value - 5.0 * 2.0_f64.ln()).abs() < 1e-9);
        assert!((found.standard_error.unwrap() - UNSEEN / 20.0).abs() < 1e-9, "{found:?}");
    }
}
