//! Parallel tempering: chains on the rungs of a ladder of laws that exchange their places.

use super::ladder::Ladder;
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Chains;
use crate::random::{Seed, uniform};
use serde::{Deserialize, Serialize};

/// Parallel tempering, or replica exchange (Swendsen and Wang 1986; Geyer 1991; Hukushima and Nemoto 1996).
///
/// Ladders of chains, one chain a rung, each moved so that the law of its rung stays unchanged. After every round
/// neighbours on a ladder, in turn the pairs (0,1), (2,3), .. and (1,2), (3,4), .., exchange their states x and y with
/// probability min(1, f_a(y) f_b(x) / (f_a(x) f_b(y))), which leaves the product of all laws unchanged.
///
/// Whether the ladders mix shows in the round trips of their states from the first rung to the last and back (Katzgraber,
/// Trebst, Huse and Troyer 2006): modes exchange their weights only as fast as states travel, though every rung may look
/// at rest.
///
/// The laws are handed over anew in every round, so that they may change between rounds, as those of a machine that learns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParallelTempering {
    /// One chain a ladder, for every rung.
    chains: Vec<Chains>,
    seed: Seed,
    rounds: u64,
    pairs: Vec<Pair>,
    /// Which end the state at each rung has visited last, on every ladder.
    last_end: Vec<Vec<Option<End>>>,
    /// Round trips on every ladder.
    round_trips: Vec<u64>,
    /// Rungs put in after the start.
    inserted: u64,
}

/// An end of a ladder that a state comes from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum End {
    /// The first rung.
    First,
    /// The last rung, after the first.
    Last,
}

/// Two neighbours on the ladders.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Pair {
    /// ln f_b - ln f_a of the state at the first, on every ladder, as it stood before the last exchange.
    onward: Vec<f64>,
    /// ln f_a - ln f_b of the state at the second.
    back: Vec<f64>,
    accepted: u64,
    offered: u64,
}

impl ParallelTempering {
    /// All ladders start from the rows of `states`, every rung of a ladder from the same row.
    pub fn new(ladder: &dyn Ladder, states: &Configurations, seed: Seed) -> Result<Self> {
        let refuse = |problem: &str, mend: &str| Err(Error::invalid("parallel tempering", problem, mend));
        if states.sites() != ladder.units() {
            return refuse("the states and the ladder differ in their units", "give both the same");
        }
        if states.is_empty() {
            return refuse("there is no ladder", "give at least one state to start from");
        }
        let rungs = ladder.rungs();
        let rung = |k: usize| Chains::new(states.clone(), seed.child("rung", k as u64));
        Ok(Self {
            chains: (0..rungs).map(rung).collect(),
            seed,
            rounds: 0,
            pairs: vec![Pair::default(); rungs - 1],
            last_end: vec![vec![None; states.len()]; rungs],
            round_trips: vec![0; states.len()],
            inserted: 0,
        })
    }

    /// Puts a rung in, so that it has number `rung`, with chains that start where those of `like` stand. The shares of
    /// exchanges are counted anew.
    pub fn insert(&mut self, rung: usize, like: usize) {
        let states = self.chains[like].states().clone();
        self.inserted += 1;
        let count = states.len();
        self.chains.insert(rung, Chains::new(states, self.seed.child("inserted", self.inserted)));
        self.last_end.insert(rung, vec![None; count]);
        self.pairs = vec![Pair::default(); self.chains.len() - 1];
    }

    /// Takes a rung out that is neither the first nor the last, with its chains.
    pub fn remove(&mut self, rung: usize) {
        assert!(rung > 0 && rung + 1 < self.chains.len(), "the ends stay");
        self.chains.remove(rung);
        self.last_end.remove(rung);
        self.pairs = vec![Pair::default(); self.chains.len() - 1];
    }

    /// Counts the shares of exchanges anew.
    pub fn forget_exchanges(&mut self) {
        self.pairs.iter_mut().for_each(|pair| (pair.accepted, pair.offered) = (0, 0));
    }

    /// Moves every chain by `steps` steps and then offers one exchange to every other pair.
    pub fn advance(&mut self, ladder: &dyn Ladder, steps: usize) {
        self.advance_and_weigh(ladder, steps, false);
    }

    /// The same; the log ratios of the pairs that were not offered an exchange are there only where they are asked for.
    pub fn advance_and_weigh(&mut self, ladder: &dyn Ladder, steps: usize, all: bool) {
        assert_eq!(ladder.rungs(), self.chains.len(), "a ladder of as many rungs as there are chains on it");
        let seed = self.seed.child("base", self.rounds);
        for (rung, chains) in self.chains.iter_mut().enumerate() {
            match ladder.draw(rung, chains.states().len(), seed) {
                Some(states) => *chains = Chains::new(states, seed),
                None => ladder.advance(rung, chains, steps),
            }
        }
        self.weigh(ladder, all);
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

    /// Notes which states are at an end, and counts those that have come back to the first rung from the last.
    fn count_trips(&mut self) {
        let last = self.chains.len() - 1;
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
    fn weigh(&mut self, ladder: &dyn Ladder, all: bool) {
        self.pairs.iter_mut().for_each(|pair| {
            pair.onward.clear();
            pair.back.clear();
        });
        let pairs = self.pairs.len();
        let parity = (self.rounds % 2) as usize;
        let wanted = |pair: usize| pair < pairs && (all || pair % 2 == parity);
        for (rung, chains) in self.chains.iter().enumerate() {
            let (before, after) = (rung > 0 && wanted(rung - 1), wanted(rung));
            let near = rung - usize::from(before)..rung + usize::from(after) + 1;
            let width = near.len();
            if width < 2 {
                continue;
            }
            for weights in ladder.log_weights(near, chains.states()).chunks_exact(width) {
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

    /// Whether the parts fit together, as those of one that was read from a file may not, for states of `units` units.
    pub fn is_whole(&self, units: usize) -> bool {
        let (rungs, ladders) = (self.chains.len(), self.round_trips.len());
        let fits = |chains: &Chains| (chains.states().len(), chains.states().sites()) == (ladders, units);
        ladders > 0
            && self.pairs.len() + 1 == rungs
            && self.last_end.len() == rungs
            && self.last_end.iter().all(|ends| ends.len() == ladders)
            && self.chains.iter().all(fits)
    }

    /// How many rungs there are.
    pub fn rungs(&self) -> usize {
        self.chains.len()
    }

    /// The chains at a rung, one a ladder.
    pub fn chains(&self, rung: usize) -> &Chains {
        &self.chains[rung]
    }

    /// The chains at the last rung.
    pub fn last(&self) -> &Chains {
        &self.chains[self.chains.len() - 1]
    }

    /// For the laws a of a rung and b of the next, an entry a ladder: ln f_b - ln f_a of the state at a, and ln f_a - ln f_b
    /// of the state at b, both as they stood before the last exchange; empty for a pair that was not weighed.
    pub fn log_ratios(&self, rung: usize) -> (&[f64], &[f64]) {
        (&self.pairs[rung].onward, &self.pairs[rung].back)
    }

    /// Round trips of states from the first rung to the last and back that each ladder has seen.
    pub fn round_trips(&self) -> &[u64] {
        &self.round_trips
    }

    /// The share of exchanges accepted between each rung and the next; `None` where none was offered yet. Where it is
    /// below about 0.2 the rungs are too far apart.
    pub fn acceptance(&self) -> Vec<Option<f64>> {
        let share = |pair: &Pair| (pair.offered > 0).then(|| pair.accepted as f64 / pair.offered as f64);
        self.pairs.iter().map(share).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rbm::Rbm;
    use crate::model::rbm_path::RbmPath;
    use crate::monte_carlo::ladder::AlongPath;
    use crate::path::uniform_configurations;

    /// Rungs that are put in where the same chains stand part at once: each has random numbers of its own.
    #[test]
    fn rungs_that_are_put_in_part() {
        let machine = Rbm::new(20, 5).unwrap();
        let path = RbmPath::from_uniform(&machine).unwrap();
        let starts = uniform_configurations(20, 3, Seed::root(1)).widened(5);
        let ends = AlongPath::new(&path, &[0.0, 1.0]).unwrap();
        let mut tempering = ParallelTempering::new(&ends, &starts, Seed::root(2)).unwrap();
        tempering.insert(1, 1);
        tempering.insert(1, 2);
        let ladder = AlongPath::new(&path, &[0.0, 0.3, 0.6, 1.0]).unwrap();
        let moved = |rung: usize| {
            let mut chains = tempering.chains(rung).clone();
            ladder.advance(rung, &mut chains, 1);
            chains.states().clone()
        };
        let moved = [1, 2, 3].map(moved);
        assert!(moved[0] != moved[1] && moved[1] != moved[2] && moved[0] != moved[2]);
    }

    /// A rung that is put in has been nowhere yet, and one that is taken out takes its own memory with it: those of the others
    /// stay.
    #[test]
    fn rungs_keep_where_their_states_have_been() {
        let machine = Rbm::new(2, 1).unwrap();
        let path = RbmPath::from_uniform(&machine).unwrap();
        let ladder = AlongPath::new(&path, &[0.0, 0.4, 1.0]).unwrap();
        let mut tempering =
            ParallelTempering::new(&ladder, &uniform_configurations(3, 2, Seed::root(1)), Seed::root(2)).unwrap();
        let ends = [[None, Some(End::First)], [Some(End::First), None], [Some(End::Last); 2]].map(|ends| ends.to_vec());
        tempering.last_end = ends.to_vec();
        tempering.insert(1, 0);
        let nowhere = vec![None; 2];
        assert_eq!(tempering.last_end, [ends[0].clone(), nowhere, ends[1].clone(), ends[2].clone()]);
        tempering.remove(2);
        assert_eq!(tempering.last_end, [ends[0].clone(), vec![None; 2], ends[2].clone()]);
        tempering.remove(1);
        assert_eq!(tempering.last_end, [ends[0].clone(), ends[2].clone()]);
    }
}
