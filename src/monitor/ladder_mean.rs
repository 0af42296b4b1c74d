//! Means over the last law of a ladder, from its modes in their weights.

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::monte_carlo::ladder::Ladder;
use crate::monte_carlo::tempering::ParallelTempering;
use crate::random::Seed;

/// How long, and on how many ladders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LadderRun {
    /// Independent ladders: the error comes from their scatter.
    pub ladders: usize,
    /// Rounds before the first measurement.
    pub burn_in: usize,
    /// Rounds after it, each measured.
    pub rounds: usize,
}

/// A mean with its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LadderMean {
    /// The mean.
    pub value: f64,
    /// From the scatter of the ladders, half the difference between the two kinds of starts included.
    pub standard_error: f64,
    /// Round trips of a ladder, on average, the burn-in included.
    pub round_trips: f64,
    /// Whether states have gone round often enough for the weights of modes to be believed, and both kinds of starts agree.
    pub trusted: bool,
}

/// Round trips of a ladder that a mean needs.
const ENOUGH_TRIPS: f64 = 4.0;

/// Standard errors by which the halves may differ.
const FAR_APART: f64 = 4.0;

/// The mean of f(row) over the last law of a ladder. Half of the ladders start from draws of the first law at every rung, and
/// half from `data`; where the two halves differ, the difference is part of the error.
pub fn ladder_mean(
    ladder: &dyn Ladder,
    data: &Configurations,
    run: LadderRun,
    seed: Seed,
    f: &(dyn Fn(&[u64]) -> f64 + Sync),
) -> Result<LadderMean> {
    if run.rounds == 0 {
        return Err(Error::invalid("a mean over ladders", "no round is measured", "take at least one, better 1000"));
    }
    let half = run.ladders.div_ceil(2).max(2);
    let rows = crate::row_sampler::RowSampler::new(data)?.draw(half, seed.child("data", 0));
    let from_data = rows.widened(ladder.units() - data.sites());
    let from_base = ladder.draw(0, half, seed.child("base", 0)).unwrap_or_else(|| from_data.clone());
    let (mut halves, mut trips) = (Vec::new(), 0);
    for (number, starts) in [from_base, from_data].iter().enumerate() {
        let mut chains = ParallelTempering::new(ladder, starts, seed.child("half", number as u64))?;
        let mut sums = vec![0.0; half];
        for round in 0..run.burn_in + run.rounds {
            chains.advance(ladder, 1);
            if round >= run.burn_in {
                let states = chains.last().states();
                sums.iter_mut().enumerate().for_each(|(s, sum)| *sum += f(states.row(s)) / run.rounds as f64);
            }
        }
        trips += chains.round_trips().iter().sum::<u64>();
        let mean = sums.iter().sum::<f64>() / half as f64;
        let squares = sums.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        halves.push((mean, squares / (half - 1) as f64 / half as f64));
    }
    let [(a, variance_a), (b, variance_b)] = [halves[0], halves[1]];
    let error = (variance_a + variance_b).sqrt();
    let apart = (a - b).abs();
    let round_trips = trips as f64 / (2 * half) as f64;
    Ok(LadderMean {
        value: 0.5 * (a + b),
        standard_error: (0.5 * error).hypot(0.5 * apart),
        round_trips,
        trusted: round_trips >= ENOUGH_TRIPS && apart <= FAR_APART * error,
    })
}
