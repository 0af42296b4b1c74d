//! Exact sums of a pairwise law over all its units: the general Boltzmann machine's enumerations.

use super::elementary::{exp_of_negative, fold_over_set_bits, sums_over_set_bits};
use super::level::Level;
use pulp::NullaryFnOnce;

/// ln f(x) = sum_a d_a x_a + sum_{a < b} J_ab x_a x_b over K binary units.
#[derive(Debug, Clone, Copy)]
pub struct Pairwise<'a> {
    /// d.
    pub biases: &'a [f64],
    /// J as K x K numbers, row by row; only the entries above the diagonal are read.
    pub couplings: &'a [f64],
}

impl Pairwise<'_> {
    /// ln f of all 2^K states: state s has the units of its set bits.
    pub fn log_weights(&self) -> Vec<f64> {
        assert_eq!(self.couplings.len(), self.biases.len().pow(2), "J is K x K");
        Level::get().run(LogWeights(*self))
    }

    /// ln Z, with `E[x_a]` written to `means` and `E[x_a x_b]` (a < b) to `products` (K x K; other entries
    /// are left alone).
    pub fn moments(&self, means: &mut [f64], products: &mut [f64]) -> f64 {
        assert_eq!(self.couplings.len(), self.biases.len().pow(2), "J is K x K");
        assert_eq!((means.len(), products.len()), (self.biases.len(), self.couplings.len()));
        Level::get().run(Moments { law: *self, means, products })
    }
}

struct LogWeights<'a>(Pairwise<'a>);

impl NullaryFnOnce for LogWeights<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn call(self) -> Vec<f64> {
        let Pairwise { biases, couplings } = self.0;
        let k = biases.len();
        let mut table = vec![0.0; 1 << k];
        for b in 0..k {
            // Adding unit b to a state of the units below it adds d_b + sum_a J_ab x_a.
            let (known, new) = table[..2 << b].split_at_mut(1 << b);
            sums_over_set_bits(biases[b], (0..b).map(|a| couplings[a * k + b]), new);
            for (new, known) in new.iter_mut().zip(known) {
                *new += *known;
            }
        }
        table
    }
}

struct Moments<'a> {
    law: Pairwise<'a>,
    means: &'a mut [f64],
    products: &'a mut [f64],
}

impl NullaryFnOnce for Moments<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let k = self.law.biases.len();
        let mut weights = LogWeights(self.law).call();
        let largest = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for weight in &mut weights {
            *weight = exp_of_negative(*weight - largest);
        }
        // Unit b is the highest that is left; folding it away sums over it, so that the table of the
        // units below shrinks by half each time.
        for b in (0..k).rev() {
            let (lower, upper) = weights[..2 << b].split_at_mut(1 << b);
            for (lower, upper) in lower.iter_mut().zip(upper.iter()) {
                *lower += upper;
            }
            self.means[b] = fold_over_set_bits(upper, |a, sum| self.products[a * k + b] = sum);
        }
        // With every unit folded away, the sum over all states is left.
        let total = weights[0];
        self.means.iter_mut().for_each(|mean| *mean /= total);
        for b in 0..k {
            (0..b).for_each(|a| self.products[a * k + b] /= total);
        }
        largest + total.ln()
    }
}
