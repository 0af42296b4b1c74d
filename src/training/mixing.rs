//! How well the chains of an estimator mix.

use crate::configuration::{Configurations, set_sites, used_bits, words_for};
use serde::{Deserialize, Serialize};

/// What the chains of an estimator have done since it was last asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixing {
    /// Gibbs steps that an update gives the chains: k.
    pub gibbs_steps: usize,
    /// The autocorrelation time of the visible units in Gibbs steps, tau = -k / ln C(k); infinite where they do not change,
    /// 0 where nothing is left of them after k steps.
    pub tau: f64,
    /// Where chains are on ladders.
    pub ladders: Option<Ladders>,
}

/// What ladders of laws have done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ladders {
    /// Rungs of a ladder.
    pub rungs: usize,
    /// The smallest share of exchanges accepted between neighbours in the last period between two looks at the rungs; none
    /// before the first look.
    pub swap_rate: Option<f64>,
    /// Round trips of a ladder's states, on average, since the start.
    pub round_trips: f64,
}

impl Mixing {
    /// Whether an update gives the chains fewer steps than they take to forget: the estimate then rests on where they were.
    pub fn is_slow(&self) -> bool {
        self.tau > self.gibbs_steps as f64
    }
}

/// Pairs of rows, before and after k steps, as sums: the connected autocorrelation of the visible spins s = +-1,
/// C(k) = sum_i [<s_i s_i'> - <s_i><s_i'>] / sum_i sqrt(Var s_i Var s_i'), over chains and updates. It is 1 where nothing
/// moves and 0 where everything has been forgotten.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Overlap {
    /// Moves seen since the start or the last answer.
    moves: u64,
    rows: f64,
    /// sum over rows and sites of s s'.
    products: f64,
    /// How often each site was 1 before and after.
    before: Vec<f64>,
    after: Vec<f64>,
}

/// One move in so many is looked at, so that what a sum over rows costs is not seen beside the move itself. An odd number: on
/// ladders the last rung is offered an exchange in every second move, and both kinds of moves are to be seen alike.
const EVERY: u64 = 17;

impl Overlap {
    /// The rows before a move, where the move is one that is looked at.
    pub fn before(&mut self, rows: &Configurations) -> Option<Configurations> {
        self.moves += 1;
        (self.moves % EVERY == 1).then(|| rows.clone())
    }

    /// The rows after the move; `sites` of a row, from the first on, are visible.
    pub fn after(&mut self, before: Option<Configurations>, rows: &Configurations, sites: usize) {
        if let Some(before) = before {
            self.record(&before, rows, sites);
        }
    }

    fn record(&mut self, before: &Configurations, after: &Configurations, sites: usize) {
        self.before.resize(sites, 0.0);
        self.after.resize(sites, 0.0);
        let words = words_for(sites);
        for s in 0..before.len().min(after.len()) {
            let (a, b) = (before.row(s), after.row(s));
            let differ: u32 = (0..words).map(|k| ((a[k] ^ b[k]) & used_bits(sites, k)).count_ones()).sum();
            self.products += sites as f64 - 2.0 * f64::from(differ);
            set_sites(a, sites).for_each(|i| self.before[i] += 1.0);
            set_sites(b, sites).for_each(|i| self.after[i] += 1.0);
            self.rows += 1.0;
        }
    }

    /// C; `None` where no site varies.
    fn correlation(&self) -> Option<f64> {
        let spin = |ones: &f64| 2.0 * ones / self.rows - 1.0;
        let (mut means, mut scale) = (0.0, 0.0);
        for (a, b) in self.before.iter().map(spin).zip(self.after.iter().map(spin)) {
            means += a * b;
            scale += ((1.0 - a * a) * (1.0 - b * b)).max(0.0).sqrt();
        }
        (scale > 0.0).then(|| (self.products / self.rows - means) / scale)
    }

    /// What moves of `steps` steps have done, on these ladders if on any, and starts anew; `None` where no site varies or
    /// nothing was looked at.
    pub fn take(&mut self, steps: usize, ladders: Option<Ladders>) -> Option<Mixing> {
        let tau = match std::mem::take(self).correlation()? {
            // Sums of rounded numbers.
            c if c > 1.0 - 1e-12 => f64::INFINITY,
            c if c > 0.0 => -(steps as f64) / c.ln(),
            _ => 0.0,
        };
        Some(Mixing { gibbs_steps: steps, tau, ladders })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::set_bit;
    use crate::random::{Seed, uniform};

    /// Spins that flip with probability p a step have C(k) = (1 - 2p)^k, whatever their mean; a bias is not taken for memory.
    #[test]
    fn tau_is_that_of_spins_that_flip_by_themselves() {
        let (sites, rows, steps) = (70, 2000, 3_usize);
        let p: f64 = 0.1;
        let expected = -1.0 / (1.0 - 2.0 * p).ln();
        let mut generator = Seed::root(1).generator();
        let mut before = Configurations::zeros(sites + 5, rows);
        let mut after = before.clone();
        for s in 0..rows {
            for i in 0..sites + 5 {
                let mut spin = uniform(&mut generator) < 0.5;
                set_bit(before.row_mut(s), i, spin);
                (0..steps).for_each(|_| spin ^= uniform(&mut generator) < p);
                set_bit(after.row_mut(s), i, spin);
            }
        }
        let mut overlap = Overlap::default();
        overlap.record(&before, &after, sites);
        let c = overlap.correlation().unwrap();
        // 140,000 products: known to 4.9 x 0.0023.
        assert!((c - (1.0 - 2.0 * p).powi(3)).abs() < 0.012, "{c}");
        let tau = overlap.take(steps, None).unwrap().tau;
        assert!((tau / expected - 1.0).abs() < 0.05, "{tau}, {expected}");
        assert_eq!(overlap.take(steps, None), None);
        // Independent rows of a strong bias.
        for rows in [&mut before, &mut after] {
            for s in 0..rows.len() {
                (0..sites).for_each(|i| set_bit(rows.row_mut(s), i, uniform(&mut generator) < 0.9));
            }
        }
        overlap.record(&before, &after, sites);
        assert!(overlap.correlation().unwrap().abs() < 0.012);
        overlap = Overlap::default();
        overlap.record(&before, &before, sites);
        assert_eq!(overlap.take(1, None).unwrap().tau, f64::INFINITY);
    }

    /// The first move and every seventeenth after it are looked at, and the first again once somebody has asked: even and odd
    /// ones alike.
    #[test]
    fn one_move_in_seventeen_is_looked_at() {
        let (still, mut overlap) = (Configurations::zeros(3, 2), Overlap::default());
        let mut seen =
            |moves: usize| -> Vec<usize> { (0..moves).filter(|_| overlap.before(&still).is_some()).collect() };
        assert_eq!(seen(70), [0, 17, 34, 51, 68]);
        assert_eq!(overlap.take(1, None), None);
        assert!(overlap.before(&still).is_some());
    }

    #[test]
    fn chains_are_slow_where_k_is_below_tau() {
        let mixing = |gibbs_steps, tau| Mixing { gibbs_steps, tau, ladders: None };
        assert!(mixing(1, 1.5).is_slow() && !mixing(2, 1.5).is_slow() && mixing(5, f64::INFINITY).is_slow());
    }
}
