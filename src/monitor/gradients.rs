//! How far estimates of a gradient are from the exact one, and how far contrastive divergence is in expectation.

use crate::configuration::Configurations;
use crate::enumerate::{check_limit, log_probabilities};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::rbm::Rbm;
use crate::numerics::sigmoid;
use crate::random::Seed;
use crate::training::batch::Batch;
use crate::training::gradient::GradientEstimator;

/// Independent estimates of a gradient g, each a vector, against g. Lengths are in units of |g|.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientErrors {
    /// |mean - g|.
    pub bias: f64,
    /// What noise alone makes of it: sqrt(sum_a var_a / N) for N estimates, the length that an unbiased estimator would have.
    pub bias_floor: f64,
    /// sqrt(sum_a var_a) of one estimate.
    pub noise: f64,
    /// The angle between the mean and g.
    pub angle_degrees: f64,
    /// |mean| / |g|.
    pub norm_ratio: f64,
}

impl GradientErrors {
    /// Of at least two estimates.
    pub fn of(estimates: &[Vec<f64>], exact: &[f64]) -> Result<Self> {
        if estimates.len() < 2 || estimates.iter().any(|estimate| estimate.len() != exact.len()) {
            return Err(Error::invalid(
                "estimates of a gradient",
                format!("{} of them tell no variance, or their lengths differ", estimates.len()),
                "give two or more, as long as the exact one",
            ));
        }
        let count = estimates.len() as f64;
        let mut mean = vec![0.0; exact.len()];
        for estimate in estimates {
            mean.iter_mut().zip(estimate).for_each(|(sum, x)| *sum += x / count);
        }
        let squares = |estimate: &Vec<f64>| distance(estimate, &mean).powi(2);
        let variance = estimates.iter().map(squares).sum::<f64>() / (count - 1.0);
        let length = norm(exact);
        let product: f64 = mean.iter().zip(exact).map(|(a, b)| a * b).sum();
        Ok(Self {
            bias: distance(&mean, exact) / length,
            bias_floor: (variance / count).sqrt() / length,
            noise: variance.sqrt() / length,
            angle_degrees: (product / (norm(&mean) * length)).clamp(-1.0, 1.0).acos().to_degrees(),
            norm_ratio: norm(&mean) / length,
        })
    }
}

/// Euclidean length.
fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum::<f64>().sqrt()
}

/// The gradient that an estimator gives, as a vector.
pub fn gradient(
    estimator: &mut dyn GradientEstimator,
    model: &dyn Model,
    batch: &Batch,
    seed: Seed,
) -> Result<Vec<f64>> {
    let mut gradient = vec![0.0; model.parameters().len()];
    estimator.estimate(model, batch, seed, &mut gradient)?.write(model, &mut gradient)?;
    Ok(gradient)
}

/// The gradients that several estimators give, each with a seed of its own.
pub fn gradients(
    estimators: &mut [Box<dyn GradientEstimator>],
    model: &dyn Model,
    batch: &Batch,
    seed: Seed,
) -> Result<Vec<Vec<f64>>> {
    let one = |(n, estimator): (usize, &mut Box<dyn GradientEstimator>)| {
        gradient(&mut **estimator, model, batch, seed.child("estimator", n as u64))
    };
    estimators.iter_mut().enumerate().map(one).collect()
}

/// Units of each layer up to which all states of both are multiplied with each other.
pub const LAYER_LIMIT: usize = 10;

/// What contrastive divergence does in expectation, for machines whose states can be multiplied.
#[derive(Debug)]
pub struct ExpectedContrastiveDivergence<'a> {
    machine: &'a Rbm,
    /// The law of the data, by the bits of v.
    start: Vec<f64>,
    /// p(h | v), a row a v.
    up: Vec<f64>,
    /// p(v | h), a row a h.
    down: Vec<f64>,
}

impl<'a> ExpectedContrastiveDivergence<'a> {
    /// From a law with a probability for each of the 2^visible configurations.
    pub fn new(machine: &'a Rbm, start: &[f64]) -> Result<Self> {
        for units in [machine.visible(), machine.hidden()] {
            check_limit("the transition matrix of a layer", units, LAYER_LIMIT, "sample the chains instead")?;
        }
        let transposed = machine.transposed();
        Ok(Self { machine, start: start.to_vec(), up: conditional(machine), down: conditional(&transposed) })
    }

    /// p_k = P T^k, the law of the visible units after k steps of block Gibbs.
    fn after(&self, gibbs_steps: usize) -> Vec<f64> {
        let step = |law: Vec<f64>| product(&product(&law, &self.up), &self.down);
        (0..gibbs_steps).fold(self.start.clone(), |law, _| step(law))
    }

    /// E[CD-k] = sum_v p_k(v) E[phi | v] - sum_v P(v) E[phi | v], with p_k after `gibbs_steps` steps from the data's law P.
    pub fn gradient(&self, gibbs_steps: usize) -> Result<Vec<f64>> {
        let mean = |law: Vec<f64>| {
            let mut sums = vec![0.0; self.machine.parameters().len()];
            let rows = Configurations::whole_law(self.machine.visible(), law);
            self.machine.add_expected_statistics(&rows, &mut sums).map(|()| sums)
        };
        let (chains, data) = (mean(self.after(gibbs_steps))?, mean(self.start.clone())?);
        Ok(chains.iter().zip(&data).map(|(chains, data)| chains - data).collect())
    }

    /// The bias of CD-k in units of the exact gradient's length, its largest component, and the [`Self::bound`] on that.
    pub fn bias(&self, gibbs_steps: usize, exact: &[f64]) -> Result<[f64; 3]> {
        let mean = self.gradient(gibbs_steps)?;
        let largest = mean.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        Ok([distance(&mean, exact) / norm(exact), largest, self.bound(gibbs_steps)?])
    }

    /// An upper bound on the bias of every component, 1/2 |P - p| (1 - e^{-N Delta})^k with the distance sum_v |P(v) - p(v)|,
    /// N units and Delta the largest change of energy by a single one (Fischer and Igel, Neural Computation 23, 664 (2011),
    /// theorem 3).
    pub fn bound(&self, gibbs_steps: usize) -> Result<f64> {
        let model = log_probabilities(self.machine)?;
        let distance: f64 = self.start.iter().zip(model).map(|(start, log_p)| (start - log_p.exp()).abs()).sum();
        let units = (self.machine.visible() + self.machine.hidden()) as f64;
        let transposed = self.machine.transposed();
        let change = largest_change(self.machine).max(largest_change(&transposed));
        Ok(0.5 * distance * (1.0 - (-units * change).exp()).powi(gibbs_steps.try_into().unwrap_or(i32::MAX)))
    }
}

/// p(h | v) of the hidden units for every v, a row a v.
fn conditional(machine: &Rbm) -> Vec<f64> {
    let mut rows = Vec::with_capacity(1 << (machine.visible() + machine.hidden()));
    for v in 0..1_u64 << machine.visible() {
        let mut row = vec![1.0];
        for j in 0..machine.hidden() {
            let input = input(machine, j, |i, _| v >> i & 1 == 1);
            let (on, off) = (sigmoid(input), sigmoid(-input));
            row = row.iter().map(|p| p * off).chain(row.iter().map(|p| p * on)).collect();
        }
        rows.extend(row);
    }
    rows
}

/// c_j + sum of the W_ij that `keep` keeps.
fn input(machine: &Rbm, j: usize, keep: impl Fn(usize, f64) -> bool) -> f64 {
    let weights = machine.parameters();
    let column = (0..machine.visible()).map(|i| (i, weights[i * machine.hidden() + j]));
    machine.hidden_bias()[j] + column.filter(|(i, w)| keep(*i, *w)).map(|(_, w)| w).sum::<f64>()
}

/// The largest change of energy that one hidden unit can make, whatever the visible ones are.
fn largest_change(machine: &Rbm) -> f64 {
    let of = |j| input(machine, j, |_, w| w > 0.0).abs().max(input(machine, j, |_, w| w < 0.0).abs());
    (0..machine.hidden()).map(of).fold(0.0, f64::max)
}

/// A row vector times a matrix of as many rows.
fn product(law: &[f64], matrix: &[f64]) -> Vec<f64> {
    let width = matrix.len() / law.len();
    let mut result = vec![0.0; width];
    for (p, row) in law.iter().zip(matrix.chunks_exact(width)) {
        result.iter_mut().zip(row).for_each(|(sum, q)| *sum += p * q);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumerate::whole_law;
    use crate::model::rbm::InitialWeights;
    use crate::row_sampler::RowSampler;
    use crate::targets::ising::Ising;
    use crate::targets::lattice::Lattice;
    use crate::training::gradient::{ContrastiveDivergence, Exact, HiddenStatistics};
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn errors_of_estimates_made_by_hand() {
        let found = GradientErrors::of(&[vec![3.0, 5.0], vec![3.0, 3.0]], &[0.0, 2.0]).unwrap();
        // The mean is (3, 4), its distance sqrt(13), the variance 2.
        let expected = GradientErrors {
            bias: 13_f64.sqrt() / 2.0,
            bias_floor: 0.5,
            noise: 2_f64.sqrt() / 2.0,
            angle_degrees: (4.0_f64 / 5.0).acos().to_degrees(),
            norm_ratio: 2.5,
        };
        for (a, b) in [
            (found.bias, expected.bias),
            (found.bias_floor, expected.bias_floor),
            (found.noise, expected.noise),
            (found.angle_degrees, expected.angle_degrees),
            (found.norm_ratio, expected.norm_ratio),
        ] {
            assert!((a - b).abs() < 1e-12, "{found:?}");
        }
        assert!(GradientErrors::of(&[vec![1.0]], &[1.0]).is_err());
    }

    /// The floor is the root mean square of the bias of an unbiased estimator: over 400 repetitions the mean of
    /// (bias / floor)^2 is 1 within 0.1 (17 components each, so that its error is 0.018).
    #[test]
    fn an_unbiased_estimator_lies_on_the_floor() {
        let mut generator = Seed::root(4).generator();
        let exact: Vec<f64> = (0..17).map(|a| f64::from(a) - 5.0).collect();
        let mut ratio = || {
            let draw = |x: &f64, a: usize, noise: f64| x + (1.0 + a as f64) * noise;
            let estimates: Vec<Vec<f64>> = (0..50)
                .map(|_| {
                    let noisy = |(a, x)| draw(x, a, StandardNormal.sample(&mut generator));
                    exact.iter().enumerate().map(noisy).collect()
                })
                .collect();
            let found = GradientErrors::of(&estimates, &exact).unwrap();
            (found.bias / found.bias_floor).powi(2)
        };
        let mean = (0..400).map(|_| ratio()).sum::<f64>() / 400.0;
        assert!((mean - 1.0).abs() < 0.1, "{mean}");
    }

    /// Six spins and three hidden units of large weights.
    fn machine() -> (Ising, Rbm) {
        let ising = Ising::on_lattice(Lattice::Ring(6), 1.0, 0.2, 1.5).unwrap();
        let mut machine = Rbm::new(6, 3).unwrap();
        machine.initialize(InitialWeights::Gaussian(1.0), Seed::root(7)).unwrap();
        machine.parameters_mut()[18..].iter_mut().enumerate().for_each(|(k, x)| *x = 0.1 * k as f64 - 0.3);
        (ising, machine)
    }

    /// Every component of the mean of 4,000 estimates of CD-k, of 20 chains each, lies within 5.3 standard errors of the
    /// expectation by the transition matrix (27 components, three values of k; 1e-7 each), with hidden units in closed form
    /// and drawn; and k + 1 steps are excluded for k = 1.
    #[test]
    fn means_of_contrastive_divergence_are_those_of_the_transition_matrix() {
        let (ising, machine) = machine();
        let law = whole_law(&ising).unwrap();
        let sampler = RowSampler::new(&law).unwrap();
        let batch = Batch::Law { law: &law, sampler: &sampler, chains: 20 };
        let start: Vec<f64> = log_probabilities(&ising).unwrap().iter().map(|log_p| log_p.exp()).collect();
        let expected = ExpectedContrastiveDivergence::new(&machine, &start).unwrap();
        for (gibbs_steps, how) in [(1, "analytic"), (1, "sampled"), (3, "analytic"), (10, "sampled/analytic")] {
            let hidden_statistics: HiddenStatistics = how.parse().unwrap();
            let mut estimator = ContrastiveDivergence::new(gibbs_steps, 0, hidden_statistics);
            let count = machine.parameters().len();
            let (mut sums, mut squares) = (vec![0.0; count], vec![0.0; count]);
            for run in 0..4000 {
                let mut gradient = vec![0.0; count];
                let seed = Seed::root(8).child(how, gibbs_steps as u64).child("run", run);
                estimator
                    .estimate(&machine, &batch, seed, &mut gradient)
                    .unwrap()
                    .write(&machine, &mut gradient)
                    .unwrap();
                for (a, x) in gradient.iter().enumerate() {
                    sums[a] += x;
                    squares[a] += x * x;
                }
            }
            let largest = |exact: Vec<f64>| {
                let z = |a: usize| {
                    let mean = sums[a] / 4000.0;
                    let variance = squares[a] / 4000.0 - mean * mean;
                    ((mean - exact[a]) / (variance / 4000.0).sqrt()).abs()
                };
                (0..count).map(z).fold(0.0, f64::max)
            };
            let found = largest(expected.gradient(gibbs_steps).unwrap());
            assert!(found < 5.3, "{gibbs_steps} {how}: {found}");
            if gibbs_steps == 1 {
                assert!(largest(expected.gradient(2).unwrap()) > 10.0);
            }
        }
    }

    /// After many steps the expectation is the exact gradient; before, its bias lies below the bound.
    #[test]
    fn the_bias_falls_to_zero_below_the_bound() {
        let (ising, machine) = machine();
        let law = whole_law(&ising).unwrap();
        let sampler = RowSampler::new(&law).unwrap();
        let batch = Batch::Law { law: &law, sampler: &sampler, chains: 1 };
        let exact = gradient(&mut Exact, &machine, &batch, Seed::root(1)).unwrap();
        let start: Vec<f64> = log_probabilities(&ising).unwrap().iter().map(|log_p| log_p.exp()).collect();
        let expected = ExpectedContrastiveDivergence::new(&machine, &start).unwrap();
        let bias = |k| expected.bias(k, &exact).unwrap()[1];
        let all: Vec<f64> = [0, 1, 3, 10, 30].map(bias).to_vec();
        assert!(all.windows(2).all(|pair| pair[1] < pair[0]), "{all:?}");
        assert!(bias(2000) < 1e-9, "{}", bias(2000));
        for k in [0, 1, 3, 10, 30] {
            assert!(bias(k) <= expected.bound(k).unwrap(), "{k}");
        }
        // One weight of 2: the energy changes by 2 at most, of two units, and p is that of the table.
        let mut small = Rbm::new(1, 1).unwrap();
        small.parameters_mut()[0] = 2.0;
        let p = [2.0, 1.0 + 2_f64.exp()].map(|f| f / (3.0 + 2_f64.exp()));
        let bound = ExpectedContrastiveDivergence::new(&small, &[1.0, 0.0]).unwrap().bound(3).unwrap();
        let by_hand = 0.5 * 2.0 * p[1] * (1.0 - (-4_f64).exp()).powi(3);
        assert!((bound - by_hand).abs() < 1e-12, "{bound} {by_hand}");
    }

    /// Against a bound that looks at one layer only: the largest change of energy by a single unit, over all states of
    /// a machine of 2 and 6 units and over all units of both layers, is that of a visible unit, and of a hidden one in
    /// the machine with its layers exchanged.
    #[test]
    fn the_bound_looks_at_both_layers() {
        let mut machine = Rbm::new(2, 6).unwrap();
        let weights = [0.02, 0.05, 0.03, 0.04, 0.01, 0.05, -0.02, 0.01, -0.03, 0.02, -0.01, 0.02];
        machine.parameters_mut()[..12].copy_from_slice(&weights);
        machine.parameters_mut()[12..].iter_mut().enumerate().for_each(|(k, x)| *x = 0.01 * k as f64 - 0.03);
        for machine in [machine.transposed(), machine] {
            let (n, m) = (machine.visible(), machine.hidden());
            let energy = |state: usize| {
                let on = |unit: usize| (state >> unit & 1) as f64;
                let pairs: f64 = (0..n * m).map(|k| machine.parameters()[k] * on(k / m) * on(n + k % m)).sum();
                pairs + (0..n + m).map(|unit| machine.parameters()[n * m + unit] * on(unit)).sum::<f64>()
            };
            let changes = |units: std::ops::Range<usize>| {
                let all = (0..1 << (n + m))
                    .flat_map(|state: usize| units.clone().map(move |unit| (state, state ^ 1 << unit)));
                all.map(|(a, b)| (energy(a) - energy(b)).abs()).fold(0.0, f64::max)
            };
            let (visible, hidden) = (changes(0..n), changes(n..n + m));
            assert!(if n == 2 { visible > 1.3 * hidden } else { hidden > 1.3 * visible }, "{visible} {hidden}");
            let start: Vec<f64> = (0..1 << n).map(|v: u32| f64::from(v + 1)).collect();
            let sum: f64 = start.iter().sum();
            let start: Vec<f64> = start.iter().map(|p| p / sum).collect();
            let model: Vec<f64> =
                (0..1_usize << n).map(|v| (0..1 << m).map(|h: usize| energy(v | h << n).exp()).sum::<f64>()).collect();
            let z: f64 = model.iter().sum();
            let apart: f64 = start.iter().zip(&model).map(|(a, b)| (a - b / z).abs()).sum();
            let expected = 0.5 * apart * (1.0 - (-8.0 * visible.max(hidden)).exp()).powi(3);
            let bound = ExpectedContrastiveDivergence::new(&machine, &start).unwrap().bound(3).unwrap();
            assert!((bound / expected - 1.0).abs() < 1e-10, "{n}: {bound} instead of {expected}");
        }
    }
}
