//! The natural gradient.

use super::{Direction, Update};
use crate::configuration::Configurations;
use crate::enumerate::{WHOLE_LAW_LIMIT, check_limit, whole_law};
use crate::error::{Error, Result};
use crate::model::Model;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// The natural gradient (Amari 1998), (F + damping) x = g, with the Fisher information of the law of the visible units,
/// F = Cov_model(E[phi | v]).
///
/// Where the estimator hands over its chains F is their covariance, and the system is solved by conjugate gradients without
/// F ever being formed: stochastic reconfiguration (Sorella 1998). Else the states are enumerated, and the system is solved
/// by Cholesky's decomposition. A direction longer than 0.3 in the metric F + damping is shortened to that.
#[derive(Clone, Copy, Debug)]
pub struct Natural {
    /// What is added to the diagonal: directions that move the law less than this are not stretched further.
    pub damping: f64,
}

/// The longest direction in the metric F + damping: a law far from that of the data is not left in leaps, for which F knows
/// too little of the way. An update moves the law by at most (learning rate x this)^2 / 2 nats to leading order.
const RADIUS: f64 = 0.3;

/// Most parameters of a matrix that is formed.
const PARAMETERS_LIMIT: usize = 4000;

/// States whose probability is so small are left out: all of them together, of 2^20 at most, have 1e-12 at most.
const NEGLIGIBLE: f64 = 1e-18;

/// Rows of a block.
const BLOCK: usize = 1024;

/// Conjugate gradients end where the residual has fallen by this factor, or after so many steps.
const TOLERANCE: f64 = 1e-10;
const STEPS: usize = 500;

impl Direction for Natural {
    fn turn(&mut self, update: &Update, gradient: &mut [f64]) -> Result<()> {
        let solution = match update.chains {
            Some(chains) => by_conjugate_gradients(update.model, chains, self.damping, gradient)?,
            None => {
                let mut matrix = fisher_information(update.model)?;
                (0..gradient.len()).for_each(|k| matrix[(k, k)] += self.damping);
                let factors = matrix.cholesky().ok_or_else(|| {
                    Error::invalid("the natural gradient", "F + damping is not positive", "take a larger damping")
                })?;
                factors.solve(&DVector::from_column_slice(gradient)).as_slice().to_vec()
            }
        };
        // x (F + damping) x = x g.
        let length = solution.iter().zip(&*gradient).map(|(x, g)| x * g).sum::<f64>().max(0.0).sqrt();
        let share = if length > RADIUS { RADIUS / length } else { 1.0 };
        gradient.iter_mut().zip(solution).for_each(|(g, x)| *g = share * x);
        Ok(())
    }
}

/// E[phi | v] of every row, row after row.
fn expectations(model: &dyn Model, rows: &Configurations) -> Result<Vec<f64>> {
    let count = model.parameters().len();
    let mut all = vec![0.0; rows.len() * count];
    let one = |(s, sums): (usize, &mut [f64])| {
        let mut row = Configurations::zeros(rows.sites(), 1);
        row.row_mut(0).copy_from_slice(rows.row(s));
        model.add_expected_statistics(&row, sums)
    };
    all.par_chunks_mut(count).enumerate().try_for_each(one)?;
    Ok(all)
}

/// F = Cov_model(E[phi | v]), by enumeration of at most 20 visible units.
pub fn fisher_information(model: &dyn Model) -> Result<DMatrix<f64>> {
    let count = model.parameters().len();
    let alternative = "use an estimator that samples, whose chains give the matrix";
    check_limit("the Fisher information", model.visible(), WHOLE_LAW_LIMIT, alternative)?;
    if count > PARAMETERS_LIMIT {
        return Err(Error::invalid(
            "the Fisher information",
            format!("{count} parameters give a matrix that is too large"),
            "take fewer hidden units, or an estimator that samples",
        ));
    }
    let law = whole_law(&*model.marginal()?)?;
    let states: Vec<usize> = (0..law.len()).filter(|s| law.weight(*s) > NEGLIGIBLE).collect();
    let block = |states: &[usize]| -> Result<(DMatrix<f64>, DVector<f64>)> {
        let rows = law.select(states);
        let mut scaled = DMatrix::from_vec(count, states.len(), expectations(model, &rows)?);
        let mut mean = DVector::zeros(count);
        for (mut column, state) in scaled.column_iter_mut().zip(states) {
            let weight = law.weight(*state);
            mean.axpy(weight, &column, 1.0);
            column *= weight.sqrt();
        }
        Ok((&scaled * scaled.transpose(), mean))
    };
    let blocks: Vec<_> = states.par_chunks(BLOCK).map(block).collect::<Result<_>>()?;
    let (mut second, mut mean) = (DMatrix::zeros(count, count), DVector::zeros(count));
    for (products, part) in blocks {
        second += products;
        mean += part;
    }
    second.ger(-1.0, &mean, &mean, 1.0);
    Ok(second)
}

/// Solves (Cov_chains(E[phi | v]) + damping) x = g.
fn by_conjugate_gradients(
    model: &dyn Model,
    chains: &Configurations,
    damping: f64,
    gradient: &[f64],
) -> Result<Vec<f64>> {
    let count = gradient.len();
    let all = expectations(model, chains)?;
    let rows = chains.len() as f64;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // Sums over blocks of rows in order, so that the number of threads does not matter.
    let weighted = |weight: &(dyn Fn(&[f64]) -> f64 + Sync)| {
        let block = |block: &[f64]| {
            let mut sum = vec![0.0; count];
            for row in block.chunks_exact(count) {
                let w = weight(row) / rows;
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += w * x);
            }
            sum
        };
        let parts: Vec<Vec<f64>> = all.par_chunks(64 * count).map(block).collect();
        let mut sum = vec![0.0; count];
        parts.iter().for_each(|part| sum.iter_mut().zip(part).for_each(|(sum, x)| *sum += x));
        sum
    };
    let mean = weighted(&|_| 1.0);
    let product = |x: &[f64]| {
        let at_mean = dot(&mean, x);
        let mut y = weighted(&|row| dot(row, x) - at_mean);
        y.iter_mut().zip(x).for_each(|(y, x)| *y += damping * x);
        y
    };
    let (mut x, mut residual) = (vec![0.0; count], gradient.to_vec());
    let mut search = residual.clone();
    let mut square = dot(&residual, &residual);
    let enough = square * TOLERANCE * TOLERANCE;
    for _ in 0..STEPS {
        if square <= enough {
            break;
        }
        let image = product(&search);
        let length = square / dot(&search, &image);
        x.iter_mut().zip(&search).for_each(|(x, p)| *x += length * p);
        residual.iter_mut().zip(&image).for_each(|(r, q)| *r -= length * q);
        let next = dot(&residual, &residual);
        let kept = next / square;
        square = next;
        search.iter_mut().zip(&residual).for_each(|(p, r)| *p = r + kept * *p);
    }
    Ok(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::rbm::{InitialWeights, Rbm};
    use crate::path::uniform_configurations;
    use crate::random::Seed;

    /// A direction of length 0.2 in the metric F + damping stays as it is; longer ones come back with 0.3 and the same direction.
    #[test]
    fn a_long_direction_is_shortened_to_the_radius() {
        let mut machine = Rbm::new(4, 2).unwrap();
        machine.initialize(InitialWeights::Gaussian(0.5), Seed::root(1)).unwrap();
        let mut metric = fisher_information(&machine).unwrap();
        (0..metric.nrows()).for_each(|k| metric[(k, k)] += 0.01);
        let solution = DVector::from_fn(metric.nrows(), |k, _| (k as f64 - 5.0) / 7.0);
        let length = |x: &DVector<f64>| x.dot(&(&metric * x)).sqrt();
        let data = uniform_configurations(4, 3, Seed::root(2));
        for (wanted, expected) in [(0.2, 0.2), (0.5, 0.3), (20.0, 0.3)] {
            let x = &solution * (wanted / length(&solution));
            let mut gradient = (&metric * &x).as_slice().to_vec();
            let update = Update { model: &machine, data: &data, chains: None };
            Natural { damping: 0.01 }.turn(&update, &mut gradient).unwrap();
            let turned = DVector::from_vec(gradient);
            assert!((length(&turned) - expected).abs() < 1e-9, "{wanted}: {}", length(&turned));
            assert!((turned * (wanted / expected) - x).norm() < 1e-9 * wanted);
        }
    }
}
