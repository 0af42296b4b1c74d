//! Parallel tempering: chains along a path that exchange their places.

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Chains;
use crate::path::Path;
use crate::random::{Seed, uniform};

/// Parallel tempering, or replica exchange (Swendsen and Wang 1986; Geyer 1991; Hukushima and Nemoto 1996).
///
/// Ladders of chains, one chain a beta, each moved so that f_beta stays unchanged. After every round neighbours on a
/// ladder, in turn the pairs (0,1), (2,3), .. and (1,2), (3,4), .., exchange their states x and y with probability
/// min(1, f_beta(y) f_beta'(x) / (f_beta(x) f_beta'(y))), which leaves the product of all laws unchanged.
///
/// Whether the ladders mix shows in the round trips of their states from the first beta to the last and back (Katzgraber,
/// Trebst, Huse and Troyer 2006): modes exchange their weights only as fast as states travel, though every rung may look
/// at rest.
pub struct ParallelTempering<'a> {
    path: &'a dyn Path,
    betas: Vec<f64>,
    /// One chain a ladder, for every beta.
    chains: Vec<Chains>,
    seed: Seed,
    rounds: u64,
    pairs: Vec<Pair>,
    /// Which end the state at each beta has visited last, on every ladder.
    last_end: Vec<Vec<Option<End>>>,
    /// Round trips on every ladder.
    round_trips: Vec<u64>,
}

/// An end of a ladder that a state comes from.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// The first beta.
    First,
    /// The last beta, after the first.
    Last,
}

/// Two neighbours on the ladders.
#[derive(Clone, Default)]
struct Pair {
    /// ln f_beta' - ln f_beta of the state at beta, on every ladder, as it stood before the last exchange.
    onward: Vec<f64>,
    /// ln f_beta - ln f_beta' of the state at beta'.
    back: Vec<f64>,
    accepted: u64,
    offered: u64,
}

impl<'a> ParallelTempering<'a> {
    /// All ladders start from the rows of `states`, every beta of a ladder from the same row. `betas` are distinct, not
    /// negative and in order, rising or falling; at 0 the base is drawn anew in every round.
    pub fn new(path: &'a dyn Path, betas: &[f64], states: &Configurations, seed: Seed) -> Result<Self> {
        let refuse = |problem: &str, mend: &str| Err(Error::invalid("parallel tempering", problem, mend));
        if states.sites() != path.units() {
            return refuse("the states and the path differ in their units", "give both the same");
        }
        let steps: Vec<f64> = betas.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let ordered = steps.iter().all(|step| *step > 0.0) || steps.iter().all(|step| *step < 0.0);
        let fits = |beta: &f64| beta.is_finite() && *beta >= 0.0;
        if betas.is_empty() || !betas.iter().all(fits) || !ordered {
            return refuse(
                "its betas are negative or not in order",
                "give finite values that rise, or fall, throughout",
            );
        }
        if states.is_empty() {
            return refuse("there is no ladder", "give at least one state to start from");
        }
        let rung = |k: usize| Chains::new(states.clone(), seed.child("rung", k as u64));
        Ok(Self {
            path,
            betas: betas.to_vec(),
            chains: (0..betas.len()).map(rung).collect(),
            seed,
            rounds: 0,
            pairs: vec![Pair::default(); betas.len() - 1],
            last_end: vec![vec![None; states.len()]; betas.len()],
            round_trips: vec![0; states.len()],
        })
    }

    /// Moves every chain by `steps` steps and then offers one exchange to every other pair.
    pub fn advance(&mut self, steps: usize) {
        self.advance_and_weigh(steps, false);
    }

    /// The same; the log ratios of the pairs that were not offered an exchange are there only where they are asked for.
    pub fn advance_and_weigh(&mut self, steps: usize, all: bool) {
        let seed = self.seed.child("base", self.rounds);
        for (chains, beta) in self.chains.iter_mut().zip(&self.betas) {
            if *beta > 0.0 {
                self.path.advance(chains, *beta, steps);
            } else {
                let count = chains.states().len();
                *chains = Chains::new(self.path.draw_base(count, seed), seed);
            }
        }
        self.weigh(all);
        let mut generator = self.seed.child("exchange", self.rounds).generator();
        for lower in ((self.rounds % 2) as usize..self.pairs.len()).step_by(2) {
            let pair = &mut self.pairs[lower];
            let (left, right) = self.chains.split_at_mut(lower + 1);
            let (a, b) = (&mut left[lower], &mut right[0]);
            let (below, above) = self.last_end.split_at_mut(lower + 1);
            for (ladder, (onward, back)) in pair.onward.iter().zip(&pair.back).enumerate() {
                let log_ratio = onward + back;
                pair.offered += 1;
                if log_ratio >= 0.0 || uniform(&mut generator) < log_ratio.exp() {
                    a.exchange(b, ladder);
                    std::mem::swap(&mut below[lower][ladder], &mut above[0][ladder]);
                    pair.accepted += 1;
                }
            }
        }
        self.count_trips();
        self.rounds += 1;
    }

    /// Notes which states are at an end, and counts those that have come back to the first beta from the last.
    fn count_trips(&mut self) {
        let last = self.betas.len() - 1;
        if last == 0 {
            return;
        }
        for (ladder, trips) in self.round_trips.iter_mut().enumerate() {
            let at_last = &mut self.last_end[last][ladder];
            if at_last.is_some() {
                *at_last = Some(End::Last);
            }
            let at_first = &mut self.last_end[0][ladder];
            *trips += u64::from(*at_first == Some(End::Last));
            *at_first = Some(End::First);
        }
    }

    /// The log ratios of the pairs that are offered an exchange in this round, or of all.
    fn weigh(&mut self, all: bool) {
        self.pairs.iter_mut().for_each(|pair| {
            pair.onward.clear();
            pair.back.clear();
        });
        let pairs = self.pairs.len();
        let parity = (self.rounds % 2) as usize;
        let wanted = |pair: usize| pair < pairs && (all || pair % 2 == parity);
        for (rung, chains) in self.chains.iter().enumerate() {
            let (before, after) = (rung > 0 && wanted(rung - 1), wanted(rung));
            let near = &self.betas[rung - usize::from(before)..=rung + usize::from(after)];
            if near.len() < 2 {
                continue;
            }
            for weights in self.path.log_weights(chains.states(), near).chunks_exact(near.len()) {
                let own = usize::from(before);
                if before {
                    self.pairs[rung - 1].back.push(weights[0] - weights[1]);
                }
                if after {
                    self.pairs[rung].onward.push(weights[own + 1] - weights[own]);
                }
            }
        }
    }

    /// The betas of the rungs.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }

    /// The chains at the beta of this number, one a ladder.
    pub fn chains(&self, rung: usize) -> &Chains {
        &self.chains[rung]
    }

    /// For a beta and the next, beta', an entry a ladder: ln f_beta' - ln f_beta of the state at beta, and
    /// ln f_beta - ln f_beta' of the state at beta', both as they stood before the last exchange; empty for a pair that was
    /// not weighed.
    pub fn log_ratios(&self, rung: usize) -> (&[f64], &[f64]) {
        (&self.pairs[rung].onward, &self.pairs[rung].back)
    }

    /// Round trips of states from the first beta to the last and back that each ladder has seen.
    pub fn round_trips(&self) -> &[u64] {
        &self.round_trips
    }

    /// The share of exchanges accepted between each beta and the next; `None` where none was offered yet. Where it is
    /// below about 0.2 the betas are too far apart.
    pub fn acceptance(&self) -> Vec<Option<f64>> {
        let share = |pair: &Pair| (pair.offered > 0).then(|| pair.accepted as f64 / pair.offered as f64);
        self.pairs.iter().map(share).collect()
    }
}
