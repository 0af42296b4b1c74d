//! The pseudo-likelihood of data: a proxy for the likelihood that needs no partition function.

use crate::configuration::Configurations;
use crate::law::Law;
use crate::numerics::softplus;
use crate::random::Seed;
use rand::RngExt;
use rayon::prelude::*;

/// The weighted mean over rows of sum_i ln p(v_i | v_-i) in nats (Besag 1975), each term -softplus(d_i) with the change
/// d_i = ln f(v flipped at i) - ln f(v). With `sites_a_row` it is n times the mean over so many sites drawn for each row,
/// which is unbiased (the stochastic proxy of the Deep Learning Tutorial takes one); without, exact, at n changes a row.
/// It is above the likelihood for most laws of data and says nothing about which modes a machine has.
pub fn pseudo_log_likelihood(law: &dyn Law, rows: &Configurations, sites_a_row: Option<usize>, seed: Seed) -> f64 {
    let sites = law.sites();
    let of_row = |s: usize| {
        let row = rows.row(s);
        let term = |site: usize| -softplus(law.log_weight_change(row, site));
        let sum: f64 = match sites_a_row {
            None => (0..sites).map(term).sum(),
            Some(count) => {
                let mut generator = seed.child("row", s as u64).generator();
                let drawn: f64 = (0..count).map(|_| term(generator.random_range(0..sites))).sum();
                drawn * sites as f64 / count as f64
            }
        };
        rows.weight(s) * sum
    };
    // In order, so that the sum does not depend on the threads.
    let all: Vec<f64> = (0..rows.len()).into_par_iter().map(of_row).collect();
    all.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumerate::{log_probabilities, whole_law};
    use crate::targets::{ising::Ising, lattice::Lattice};

    /// Against conditionals of the table of ln p; and one site a row, over many seeds, to 4.9 of its standard errors.
    #[test]
    fn conditionals_are_those_of_the_table() {
        let ising = Ising::on_lattice(Lattice::Ring(5), 1.0, 0.3, 1.5).unwrap();
        let table = log_probabilities(&ising).unwrap();
        let data = whole_law(&ising).unwrap().select(&[0, 3, 9, 30]);
        let conditional = |state: usize, site: usize| {
            let (p, other) = (table[state].exp(), table[state ^ 1 << site].exp());
            (p / (p + other)).ln()
        };
        let terms = (0..4).flat_map(|s| (0..5).map(move |site| (s, site)));
        let expected: f64 = terms.map(|(s, site)| 0.25 * conditional(data.row(s)[0] as usize, site)).sum();
        let exact = pseudo_log_likelihood(&ising, &data, None, Seed::root(1));
        assert!((exact - expected).abs() < 1e-12, "{exact} for {expected}");
        let drawn: Vec<f64> =
            (0..20_000).map(|seed| pseudo_log_likelihood(&ising, &data, Some(1), Seed::root(seed))).collect();
        let mean = drawn.iter().sum::<f64>() / 2e4;
        let error = (drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e4 / 2e4).sqrt();
        assert!((mean - expected).abs() < 4.9 * error && error < 0.05, "{mean} +- {error} for {expected}");
    }
}
