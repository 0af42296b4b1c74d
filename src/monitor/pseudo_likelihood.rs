//! The pseudo-likelihood of data: a proxy for the likelihood that needs no partition function.

use crate::configuration::{Configurations, bit, set_sites};
use crate::law::Law;
use crate::model::Model;
use crate::model::rbm::Rbm;
use crate::numerics::softplus;
use crate::random::Seed;
use rand::RngExt;
use rayon::prelude::*;

/// Rows that a task sums, whatever the number of threads.
const ROWS: usize = 64;

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

/// The same of a restricted machine, exact and n times as fast: all changes of a row share the inputs of its hidden units, so
/// that a row takes n x n_h softplus.
pub fn pseudo_log_likelihood_of_rbm(machine: &Rbm, rows: &Configurations) -> f64 {
    let (n, m) = (machine.visible(), machine.hidden());
    let (weights, b) = (&machine.parameters()[..n * m], machine.visible_bias());
    let of_row = |s: usize| {
        let row = rows.row(s);
        let mut inputs = machine.hidden_bias().to_vec();
        for i in set_sites(row, n) {
            inputs.iter_mut().zip(&weights[i * m..]).for_each(|(x, w)| *x += w);
        }
        let before: f64 = inputs.iter().map(|x| softplus(*x)).sum();
        let of_site = |i: usize| {
            let sign = if bit(row, i) { -1.0 } else { 1.0 };
            let flipped = inputs.iter().zip(&weights[i * m..]).map(|(x, w)| softplus(x + sign * w));
            -softplus(sign * b[i] + flipped.sum::<f64>() - before)
        };
        rows.weight(s) * (0..n).map(of_site).sum::<f64>()
    };
    let tasks: Vec<usize> = (0..rows.len()).step_by(ROWS).collect();
    let sums: Vec<f64> =
        tasks.into_par_iter().map(|from| (from..(from + ROWS).min(rows.len())).map(of_row).sum()).collect();
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumerate::{log_probabilities, whole_law};
    use crate::model::rbm::InitialWeights;
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

    /// Of a restricted machine with large weights, on weighted rows, by both ways.
    #[test]
    fn a_restricted_machine_has_it_by_both_ways() {
        let mut machine = Rbm::new(7, 4).unwrap();
        machine.initialize(InitialWeights::Gaussian(1.0), Seed::root(1)).unwrap();
        machine.parameters_mut()[28..].iter_mut().enumerate().for_each(|(k, x)| *x = (k as f64 - 5.0) / 4.0);
        let rows = Configurations::weighted(7, vec![0b101_1001, 0, 0b111_1111], vec![0.5, 0.3, 0.2]).unwrap();
        let expected = pseudo_log_likelihood(&machine, &rows, None, Seed::root(1));
        let found = pseudo_log_likelihood_of_rbm(&machine, &rows);
        assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
    }
}
