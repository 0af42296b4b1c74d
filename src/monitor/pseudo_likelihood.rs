//! The pseudo-likelihood of a machine: what can be told of its likelihood without ln Z.

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

/// sum_s w_s sum_i ln p(v_si | v_s without i) in nats (Besag 1975): -ln(1 + e^d) for every site, d the change of ln f when it
/// flips. It is no bound of the likelihood, and rises with it only as long as correlations are short.
///
/// rows x visible x hidden softplus.
pub fn log_pseudo_likelihood(machine: &Rbm, rows: &Configurations) -> f64 {
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

/// The same of any law, without bias by one site a row, drawn at random: n ln p(v_i | v without i), the stochastic proxy of the
/// Deep Learning Tutorial. A seed draws the same sites for every law.
pub fn drawn_log_pseudo_likelihood(law: &dyn Law, rows: &Configurations, seed: Seed) -> f64 {
    let sites = law.sites();
    let of_row = |s: usize| {
        let site = seed.child("row", s as u64).generator().random_range(0..sites);
        -rows.weight(s) * sites as f64 * softplus(law.log_weight_change(rows.row(s), site))
    };
    // In order, so that the sum does not depend on the threads.
    let all: Vec<f64> = (0..rows.len()).into_par_iter().map(of_row).collect();
    all.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::flip_bit;
    use crate::model::rbm::InitialWeights;

    /// Against the exact sum, over many seeds, to 4.9 standard errors of their mean.
    #[test]
    fn one_site_a_row_has_the_right_mean() {
        let mut machine = Rbm::new(7, 4).unwrap();
        machine.initialize(InitialWeights::Gaussian(1.0), Seed::root(1)).unwrap();
        let rows = Configurations::weighted(7, vec![0b101_1001, 0, 0b111_1111], vec![0.5, 0.3, 0.2]).unwrap();
        let expected = log_pseudo_likelihood(&machine, &rows);
        let drawn = |seed| drawn_log_pseudo_likelihood(&machine, &rows, Seed::root(seed));
        let drawn: Vec<f64> = (0..20_000).map(drawn).collect();
        let mean = drawn.iter().sum::<f64>() / 2e4;
        let error = (drawn.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e4 / 2e4).sqrt();
        assert!((mean - expected).abs() < 4.9 * error && error < 0.05, "{mean} +- {error} for {expected}");
    }

    /// Against p(v_i | rest) = f(v) / (f(v) + f(flipped)), for weighted rows.
    #[test]
    fn it_is_the_sum_of_the_logarithms_of_conditional_probabilities() {
        let mut machine = Rbm::new(7, 4).unwrap();
        machine.initialize(InitialWeights::Gaussian(1.0), Seed::root(1)).unwrap();
        machine.parameters_mut()[28..].iter_mut().enumerate().for_each(|(k, x)| *x = (k as f64 - 5.0) / 4.0);
        let rows = Configurations::weighted(7, vec![0b101_1001, 0, 0b111_1111], vec![0.5, 0.3, 0.2]).unwrap();
        let mut expected = 0.0;
        for s in 0..rows.len() {
            for i in 0..7 {
                let mut flipped = rows.row(s).to_vec();
                flip_bit(&mut flipped, i);
                let (one, other) = (machine.log_weight(rows.row(s)).exp(), machine.log_weight(&flipped).exp());
                expected += rows.weight(s) * (one / (one + other)).ln();
            }
        }
        let found = log_pseudo_likelihood(&machine, &rows);
        assert!((found - expected).abs() < 1e-12, "{found}, {expected}");
    }
}
