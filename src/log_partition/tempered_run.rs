//! A run of parallel tempering along a path: what Bennett's ratio and thermodynamic integration are made from.

use super::betas::{Betas, Resolved};
use super::{Doubt, ENOUGH_TIMES, ENOUGH_TRIPS, FIRST_TRIPS, own_doubts};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::monte_carlo::ladder::Ladder;
use crate::monte_carlo::tempering::ParallelTempering;
use crate::path::Path;
use crate::random::Seed;
use crate::statistics::fit::student_threshold;
use crate::statistics::jackknife::left_out_error;
use rayon::prelude::*;

/// How long, and on how many ladders.
#[derive(Clone, Debug, PartialEq)]
pub struct TemperedRun {
    /// The rungs, the base among them.
    pub betas: Betas,
    /// Independent ladders: errors come from their scatter.
    pub ladders: usize,
    /// Rounds before the first measurement.
    pub burn_in: usize,
    /// Rounds after it.
    pub rounds: usize,
    /// Every so many of them one is measured: what is measured is kept in memory.
    pub every: usize,
}

/// Both halves of a steady run are as far apart as a doubt takes once in 370 runs, the level of three standard errors.
const DRIFT_LEVEL: f64 = 2.7e-3;

/// Ladders that move together. Groups are independent, and threads take groups.
const GROUP: usize = 16;

/// Rounds between two reports.
const SECTION: usize = 32;

impl TemperedRun {
    /// Rounds that are measured.
    pub fn measured(&self) -> usize {
        self.rounds.checked_div(self.every).unwrap_or(0)
    }

    /// What speaks against an estimate from the run.
    pub(super) fn doubts(&self, seen: &Seen) -> Vec<Doubt> {
        let measured = self.measured() as f64;
        let short = measured < ENOUGH_TIMES * seen.tau || (self.burn_in as f64) < 2.0 * seen.tau * self.every as f64;
        let mut doubts = own_doubts(seen.standard_error, seen.effective_samples);
        if short {
            doubts.push(Doubt::ShortRun(measured / seen.tau));
        }
        let [before, after] = seen.round_trips;
        if before < FIRST_TRIPS || after < ENOUGH_TRIPS {
            doubts.push(Doubt::FewRoundTrips(after));
        }
        let (difference, without) = &seen.drift;
        if let Some(error) = left_out_error(without) {
            // Few ladders know the error of their difference badly: the same level by Student's law.
            let limit = student_threshold(self.ladders, 1, DRIFT_LEVEL);
            let z = difference.abs() / error;
            doubts.extend((z > limit).then_some(Doubt::Drifting(z)));
        }
        doubts
    }

    /// Refuses a run that leaves no error.
    pub(super) fn check(&self) -> Result<()> {
        if self.ladders >= 2 {
            return Ok(());
        }
        Err(Error::invalid(
            "parallel tempering for ln Z",
            format!("{} ladders give no error", self.ladders),
            "take at least 2 ladders, better 16",
        ))
    }

    /// The betas on a path.
    pub(super) fn resolve(&self, path: &dyn Path, seed: Seed) -> Result<Resolved> {
        self.betas.resolve(path, seed.child("pilot", 0))
    }

    /// Runs chains on a ladder of laws from draws of its first, or from `rows`, one a ladder. After every measured round `measure` sees those of a group
    /// and its own notes on that group.
    pub fn run<Notes: Send>(
        &self,
        ladder: &dyn Ladder,
        rows: Option<&Configurations>,
        seed: Seed,
        notes: impl Fn(usize, usize) -> Notes,
        measure: impl Fn(&ParallelTempering, &mut Notes) + Sync,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<Measured<Notes>> {
        if self.measured() == 0 {
            return Err(Error::invalid(
                "parallel tempering for ln Z",
                "no round is measured",
                "take more rounds, or measure more often",
            ));
        }
        let mut groups = Vec::new();
        for (number, first) in (0..self.ladders).step_by(GROUP).enumerate() {
            let ladders = GROUP.min(self.ladders - first);
            let seed = seed.child("group", number as u64);
            let starts = match rows {
                Some(rows) => rows.select(&(first..first + ladders).collect::<Vec<_>>()),
                None => ladder.draw(0, ladders, seed.child("starts", 0)).ok_or_else(|| {
                    Error::invalid(
                        "parallel tempering for ln Z",
                        "its first law cannot be drawn from",
                        "begin at a base",
                    )
                })?,
            };
            let tempering = ParallelTempering::new(ladder, &starts, seed)?;
            groups.push((tempering, notes(ladder.rungs(), ladders), 0));
        }
        let total = self.burn_in + self.rounds;
        for first in (0..total).step_by(SECTION) {
            let last = (first + SECTION).min(total);
            groups.par_iter_mut().for_each(|(tempering, notes, before)| {
                for round in first..last {
                    if round == self.burn_in {
                        *before = tempering.round_trips().iter().sum();
                    }
                    let since = (round + 1).saturating_sub(self.burn_in);
                    let measured = since > 0 && since.is_multiple_of(self.every);
                    tempering.advance_and_weigh(ladder, 1, measured);
                    if measured {
                        measure(tempering, notes);
                    }
                }
            });
            report(last, total);
        }
        let drawn = (ladder.rungs() * self.ladders * ladder.units()) as u64 * total as u64;
        let mut ends = Configurations::zeros(ladder.units(), self.ladders);
        let (mut before, mut after) = (0, 0);
        for (number, (tempering, _, burnt)) in groups.iter().enumerate() {
            let states = tempering.last().states();
            for ladder in 0..states.len() {
                let row = ends.row_mut(number * GROUP + ladder);
                row.copy_from_slice(states.row(ladder));
            }
            before += burnt;
            after += tempering.round_trips().iter().sum::<u64>() - burnt;
        }
        let of_a_ladder = |trips: u64| trips as f64 / self.ladders as f64;
        Ok(Measured {
            notes: groups.into_iter().map(|(_, notes, _)| notes).collect(),
            ends,
            gibbs_updates: drawn,
            round_trips: [of_a_ladder(before), of_a_ladder(after)],
        })
    }
}

/// What a run has left.
#[derive(Debug)]
pub struct Measured<Notes> {
    /// On each group of ladders, in order.
    pub notes: Vec<Notes>,
    /// The last states at the last rung, a row a ladder.
    pub ends: Configurations,
    /// Units drawn.
    pub gibbs_updates: u64,
    /// Round trips of the states of a ladder in the burn-in and after it, on average over the ladders.
    pub round_trips: [f64; 2],
}

/// What an estimator has seen of its run.
pub(super) struct Seen {
    pub standard_error: Option<f64>,
    pub effective_samples: f64,
    /// The autocorrelation time of the slowest series, in measured rounds.
    pub tau: f64,
    /// Round trips of a ladder in the burn-in and after it.
    pub round_trips: [f64; 2],
    /// The value by the first half of the measured rounds less that by the second, and the same without each ladder in
    /// turn.
    pub drift: (f64, Vec<f64>),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// tau counts measurements, of which one is made every fourth round: 2 tau of them are 8 tau rounds of burn-in, and a run is
    /// long where it has enough tau of measurements.
    #[test]
    fn a_run_is_short_by_its_own_measurements() {
        let seen = |tau| Seen {
            standard_error: Some(0.1),
            effective_samples: 1e4,
            tau,
            round_trips: [1e3, 1e3],
            drift: (0.0, vec![0.0; 8]),
        };
        let run = |burn_in, measured| TemperedRun {
            betas: Betas::Linear(4),
            ladders: 8,
            burn_in,
            rounds: 4 * measured,
            every: 4,
        };
        let is_short = |burn_in, measured, tau| {
            run(burn_in, measured).doubts(&seen(tau)).iter().any(|doubt| matches!(doubt, Doubt::ShortRun(_)))
        };
        let enough = (10.0 * ENOUGH_TIMES) as usize;
        assert_eq!([79, 80].map(|burn_in| is_short(burn_in, enough, 10.0)), [true, false]);
        assert_eq!([enough - 1, enough].map(|measured| is_short(80, measured, 10.0)), [true, false]);
    }
}
