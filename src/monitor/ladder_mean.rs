//! Means over the last law of a ladder, from its modes in their weights.

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::log_partition::{ENOUGH_TRIPS_TO_START, FAR_APART};
use crate::monte_carlo::ladder::Ladder;
use crate::monte_carlo::tempering::ParallelTempering;
use crate::path::Path;
use crate::random::Seed;
use crate::row_sampler::RowSampler;

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
    let rows = RowSampler::new(data)?.draw(half, seed.child("data", 0));
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
        trusted: round_trips >= ENOUGH_TRIPS_TO_START && apart <= FAR_APART * error,
    })
}

/// The mean of f(row) over so many exact draws of the law of a path, whose smaller layer must be few units.
pub fn drawn_mean(path: &dyn Path, draws: usize, seed: Seed, f: &dyn Fn(&[u64]) -> f64) -> Result<f64> {
    let rows = path.draw_target(draws, seed)?;
    Ok((0..draws).map(|s| f(rows.row(s))).sum::<f64>() / draws as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{bit, set_bit};
    use crate::enumerate::whole_law;
    use crate::law::Chains;
    use crate::model::Model;
    use crate::model::rbm::{InitialWeights, Rbm};
    use crate::model::rbm_path::RbmPath;
    use crate::monte_carlo::ladder::AlongPath;
    use crate::path::uniform_configurations;
    use crate::random::uniform;
    use rayon::prelude::*;
    use std::ops::Range;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Round trips are a ladder's, those of the burn-in included: as many as tempering with the same seeds counts.
    #[test]
    fn round_trips_are_those_of_a_ladder() {
        let mut machine = Rbm::new(6, 3).unwrap();
        machine.initialize(InitialWeights::Gaussian(0.5), Seed::root(1)).unwrap();
        let path = RbmPath::from_uniform(&machine).unwrap();
        let ladder = AlongPath::new(&path, &[0.0, 0.5, 1.0]).unwrap();
        let (data, seed) = (Configurations::zeros(6, 3), Seed::root(2));
        let run = LadderRun { ladders: 8, burn_in: 30, rounds: 70 };
        let found = ladder_mean(&ladder, &data, run, seed, &|_| 0.0).unwrap();
        let from_data = Configurations::zeros(9, 4);
        let from_base = ladder.draw(0, 4, seed.child("base", 0)).unwrap();
        let halves = [from_base, from_data];
        let trips = halves.iter().enumerate().map(|(half, starts)| {
            let mut chains = ParallelTempering::new(&ladder, starts, seed.child("half", half as u64)).unwrap();
            (0..100).for_each(|_| chains.advance(&ladder, 1));
            chains.round_trips().iter().sum::<u64>()
        });
        assert_eq!(found.round_trips, trips.sum::<u64>() as f64 / 8.0);
        assert!(found.round_trips > 1.0);
    }

    /// Against enumeration: the mean of a site of a small machine, in 800 runs from rows that are not of its law. Where
    /// both halves have one law, value and difference are independent, and the mean square of z is that of x^2 / (u +
    /// y^2) for normal x and y and u a chi square of 14 degrees over 14, 0.72.
    #[test]
    fn means_are_those_of_enumeration_with_their_errors() {
        let mut machine = Rbm::new(6, 3).unwrap();
        machine.initialize(InitialWeights::Gaussian(1.5), Seed::root(1)).unwrap();
        machine.parameters_mut()[18..].iter_mut().enumerate().for_each(|(k, x)| *x = 0.3 - 0.1 * k as f64);
        let law = whole_law(&machine).unwrap();
        let exact: f64 = (0..law.len()).filter(|s| bit(law.row(*s), 2)).map(|s| law.weight(s)).sum();
        let path = RbmPath::from_uniform(&machine).unwrap();
        let ladder = AlongPath::new(&path, &[0.0, 0.5, 1.0]).unwrap();
        let data = Configurations::zeros(6, 3);
        let run = LadderRun { ladders: 16, burn_in: 20, rounds: 60 };
        let z: Vec<f64> = (0..800_u64)
            .into_par_iter()
            .map(|number| {
                let seed = Seed::root(2).child("run", number);
                let found = ladder_mean(&ladder, &data, run, seed, &|row| f64::from(u8::from(bit(row, 2)))).unwrap();
                assert!(found.round_trips > ENOUGH_TRIPS_TO_START, "{found:?}");
                (found.value - exact) / found.standard_error
            })
            .collect();
        let mean = z.iter().sum::<f64>() / 800.0;
        let squares = z.iter().map(|z| z * z).sum::<f64>() / 800.0;
        assert!(mean.abs() < 4.9 * (0.72_f64 / 800.0).sqrt(), "{mean}");
        // Known to 0.045.
        assert!((squares - 0.72).abs() < 0.22, "{squares}");
    }

    /// Rungs of one law over two sites, of which moves redraw the second and leave the first; a third, which each rung
    /// sets to its number, keeps states where they are, if they are not to travel.
    struct Sectors {
        rungs: usize,
        travels: bool,
        drawn: AtomicBool,
    }

    impl Sectors {
        fn new(travels: bool) -> Self {
            Self { rungs: 2, travels, drawn: AtomicBool::new(false) }
        }
    }

    impl Ladder for Sectors {
        fn rungs(&self) -> usize {
            self.rungs
        }

        fn units(&self) -> usize {
            3
        }

        /// The first site is 0 at the start, and nobody draws it afterwards.
        fn draw(&self, _: usize, count: usize, _: Seed) -> Option<Configurations> {
            (!self.drawn.swap(true, Ordering::Relaxed)).then(|| Configurations::zeros(3, count))
        }

        fn advance(&self, rung: usize, chains: &mut Chains, _: usize) {
            chains.for_each_block(0, |rows, seed| {
                let mut generator = seed.generator();
                for row in rows.chunks_exact_mut(1) {
                    set_bit(row, 1, uniform(&mut generator) < 0.5);
                    set_bit(row, 2, rung == 1);
                }
            });
        }

        fn log_weights(&self, rungs: Range<usize>, rows: &Configurations) -> Vec<f64> {
            let own = |s: usize, rung: usize| self.travels || bit(rows.row(s), 2) == (rung == 1);
            let of_row = |s: usize| rungs.clone().map(move |rung| if own(s, rung) { 0.0 } else { -1e3 });
            (0..rows.len()).flat_map(of_row).collect()
        }
    }

    /// The number of ones of the first two sites, with the first site of all data as told.
    fn ones(travels: bool, first: bool) -> LadderMean {
        let mut data = uniform_configurations(3, 50, Seed::root(3));
        (0..50).for_each(|s| set_bit(data.row_mut(s), 0, first));
        let f = |row: &[u64]| [0, 1].iter().filter(|i| bit(row, **i)).count() as f64;
        let run = LadderRun { ladders: 20, burn_in: 10, rounds: 100 };
        ladder_mean(&Sectors::new(travels), &data, run, Seed::root(4), &f).unwrap()
    }

    /// Against round trips alone: states that travel, and yet half of them are in one part of the space and half in
    /// another. The value lies in the middle, its error holds both, and it is not trusted; from one part it is.
    #[test]
    fn half_of_a_difference_between_starts_is_in_the_error() {
        let found = ones(true, true);
        assert!(found.round_trips > 10.0 && !found.trusted, "{found:?}");
        assert!((found.value - 1.0).abs() < 0.1, "{found:?}");
        assert!((found.standard_error - 0.5).abs() < 0.1, "{found:?}");
        let found = ones(true, false);
        assert!(found.round_trips > 10.0 && found.trusted, "{found:?}");
        // 20 ladders of 100 draws of a site.
        let plain = 0.5 / 2000_f64.sqrt();
        assert!((found.value - 0.5).abs() < 4.9 * plain, "{found:?}");
        assert!(found.standard_error > 0.4 * plain && found.standard_error < 3.0 * plain, "{found:?}");
    }

    /// Against agreement alone: a ladder that carries no state knows the weight of no mode.
    #[test]
    fn a_ladder_without_round_trips_is_not_trusted() {
        let found = ones(false, false);
        assert_eq!(found.round_trips, 0.0);
        assert!((found.value - 0.5).abs() < 0.1 && !found.trusted, "{found:?}");
    }
}
