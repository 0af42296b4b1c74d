//! How well the chains of an estimator mix.

use crate::configuration::{Configurations, set_sites, words_for};

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
    /// The smallest share of exchanges accepted between neighbours, since the rungs were last changed.
    pub swap_rate: f64,
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
#[derive(Clone, Debug, Default)]
pub struct Overlap {
    rows: f64,
    /// sum over rows and sites of s s'.
    products: f64,
    /// How often each site was 1 before and after.
    before: Vec<f64>,
    after: Vec<f64>,
}

impl Overlap {
    /// Takes rows in; `sites` of them, from the first on, are visible.
    pub fn record(&mut self, before: &Configurations, after: &Configurations, sites: usize) {
        self.before.resize(sites, 0.0);
        self.after.resize(sites, 0.0);
        let words = words_for(sites);
        let last = crate::configuration::used_bits(sites, words - 1);
        for s in 0..before.len().min(after.len()) {
            let (a, b) = (before.row(s), after.row(s));
            let differ: u32 =
                (0..words).map(|k| ((a[k] ^ b[k]) & if k + 1 == words { last } else { u64::MAX }).count_ones()).sum();
            self.products += sites as f64 - 2.0 * f64::from(differ);
            set_sites(a, sites).for_each(|i| self.before[i] += 1.0);
            set_sites(b, sites).for_each(|i| self.after[i] += 1.0);
            self.rows += 1.0;
        }
    }

    /// C; `None` where no site varies.
    pub fn correlation(&self) -> Option<f64> {
        let spin = |ones: &f64| 2.0 * ones / self.rows - 1.0;
        let (mut means, mut scale) = (0.0, 0.0);
        for (a, b) in self.before.iter().map(spin).zip(self.after.iter().map(spin)) {
            means += a * b;
            scale += ((1.0 - a * a) * (1.0 - b * b)).max(0.0).sqrt();
        }
        (scale > 0.0).then(|| (self.products / self.rows - means) / scale)
    }

    /// tau after `steps` steps, and starts anew; `None` where no site varies or nothing was recorded.
    pub fn take_tau(&mut self, steps: usize) -> Option<f64> {
        let correlation = std::mem::take(self).correlation()?;
        Some(match correlation {
            // Sums of rounded numbers.
            c if c > 1.0 - 1e-12 => f64::INFINITY,
            c if c > 0.0 => -(steps as f64) / c.ln(),
            _ => 0.0,
        })
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
        let tau = overlap.take_tau(steps).unwrap();
        assert!((tau / expected - 1.0).abs() < 0.05, "{tau}, {expected}");
        assert_eq!(overlap.take_tau(steps), None);
        // Independent rows of a strong bias.
        for rows in [&mut before, &mut after] {
            for s in 0..rows.len() {
                (0..sites).for_each(|i| set_bit(rows.row_mut(s), i, uniform(&mut generator) < 0.9));
            }
        }
        overlap.record(&before, &after, sites);
        assert!(overlap.correlation().unwrap().abs() < 0.012);
        overlap.record(&before, &before, sites);
        overlap = Overlap::default();
        overlap.record(&before, &before, sites);
        assert_eq!(overlap.take_tau(1), Some(f64::INFINITY));
    }

    #[test]
    fn chains_are_slow_where_k_is_below_tau() {
        let mixing = |gibbs_steps, tau| Mixing { gibbs_steps, tau, ladders: None };
        assert!(mixing(1, 1.5).is_slow() && !mixing(2, 1.5).is_slow() && mixing(5, f64::INFINITY).is_slow());
    }
}
