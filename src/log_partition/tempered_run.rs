//! A run of parallel tempering along a path: what Bennett's ratio and thermodynamic integration are made from.

use super::betas::{Betas, Resolved};
use super::{Doubt, ENOUGH_TIMES, own_doubt};
use crate::error::{Error, Result};
use crate::monte_carlo::tempering::ParallelTempering;
use crate::path::Path;
use crate::random::Seed;
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

/// Ladders that move together. Groups are independent, and threads take groups.
const GROUP: usize = 16;

/// Rounds between two reports.
const SECTION: usize = 32;

impl TemperedRun {
    /// Rounds that are measured.
    pub fn measured(&self) -> usize {
        self.rounds.checked_div(self.every).unwrap_or(0)
    }

    /// What speaks against an estimate from the run whose slowest series has the autocorrelation time `tau`, in measured
    /// rounds.
    pub(super) fn doubt(
        &self,
        standard_error: Option<f64>,
        effective_samples: f64,
        tau: f64,
    ) -> Option<Doubt> {
        let measured = self.measured() as f64;
        let short =
            measured < ENOUGH_TIMES * tau || (self.burn_in as f64) < 2.0 * tau * self.every as f64;
        own_doubt(standard_error, effective_samples)
            .or_else(|| short.then_some(Doubt::ShortRun(measured / tau)))
    }

    /// Runs the ladders from draws of the base. After every measured round `measure` sees the ladders of a group and its
    /// own notes on that group; returns the notes in order, with the ladders of each group, the betas and the units drawn.
    pub fn run<Notes: Send>(
        &self,
        path: &dyn Path,
        seed: Seed,
        notes: impl Fn(usize, usize) -> Notes,
        measure: impl Fn(&ParallelTempering, &mut Notes) + Sync,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<(Vec<Notes>, Vec<f64>, u64)> {
        if self.ladders < 2 || self.measured() == 0 {
            return Err(Error::invalid(
                "parallel tempering for ln Z",
                format!(
                    "{} ladders and {} measured rounds give no error",
                    self.ladders,
                    self.measured()
                ),
                "take at least 2 ladders, better 16, and one round",
            ));
        }
        let Resolved {
            betas,
            gibbs_updates,
        } = self.betas.resolve(path, seed.child("pilot", 0))?;
        let mut groups = Vec::new();
        for (number, first) in (0..self.ladders).step_by(GROUP).enumerate() {
            let ladders = GROUP.min(self.ladders - first);
            let seed = seed.child("group", number as u64);
            let starts = path.draw_base(ladders, seed.child("starts", 0));
            let tempering = ParallelTempering::new(path, &betas, &starts, seed)?;
            groups.push((tempering, notes(betas.len(), ladders)));
        }
        let total = self.burn_in + self.rounds;
        for first in (0..total).step_by(SECTION) {
            let last = (first + SECTION).min(total);
            groups.par_iter_mut().for_each(|(tempering, notes)| {
                for round in first..last {
                    tempering.advance(1);
                    let since = (round + 1).saturating_sub(self.burn_in);
                    if since > 0 && since.is_multiple_of(self.every) {
                        measure(tempering, notes);
                    }
                }
            });
            report(last, total);
        }
        let drawn = (betas.len() * self.ladders * path.units()) as u64 * total as u64;
        let notes = groups.into_iter().map(|(_, notes)| notes).collect();
        Ok((notes, betas, gibbs_updates + drawn))
    }
}
