//! The inverse Ising problem: couplings and fields that a fully visible machine has learned, with
//! their standard errors.

use crate::configuration::{Configurations, bit};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::model::boltzmann_machine::BoltzmannMachine;
use crate::numerics::sigmoid;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// One coupling J_ij / T, or one field h_i / T (without j), for spins +-1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnedCoupling {
    /// One site.
    pub i: usize,
    /// The other site; none for a field.
    pub j: Option<usize>,
    /// The learned value.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
}

/// The estimator whose maximum the parameters are: it decides how they scatter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Scores phi - mean phi: the covariance is F^-1 / M, F the Fisher information = Cov(phi).
    Likelihood,
    /// The covariance is H^-1 V H^-1 / M, H the mean Hessian and V the covariance of the score of the
    /// log-pseudo-likelihood (Godambe 1960; Lindsay 1988): its terms are not independent.
    PseudoLikelihood,
}

/// Rows whose scores are multiplied together.
const BLOCK: usize = 1024;

/// The couplings and fields of spins s = 2 v - 1 = +-1 behind the machine's parameters:
/// J_ij / T = W_ij / 4 and h_i / T = d_i / 2 + sum_j W_ij / 4. Standard errors are those of the maximum
/// of `criterion` over `data`, taken as independent draws; edges first, in the machine's order.
///
/// Takes 2 M P^2 operations for M rows and P parameters: seconds for 10^5 rows of 64 sites.
pub fn learned_couplings(
    machine: &BoltzmannMachine,
    data: &Configurations,
    criterion: Criterion,
) -> Result<Vec<LearnedCoupling>> {
    if machine.hidden() > 0 {
        return Err(Error::invalid(
            "couplings of the inverse Ising problem",
            format!("the machine has {} hidden units", machine.hidden()),
            "learn with a fully visible machine",
        ));
    }
    let covariance = covariance(machine, data, criterion)?;
    let (parameters, edges) = (machine.parameters(), machine.edges());
    let mut learned = Vec::with_capacity(parameters.len());
    for (k, &(i, j)) in edges.iter().enumerate() {
        learned.push(LearnedCoupling {
            i,
            j: Some(j),
            value: parameters[k] / 4.0,
            standard_error: covariance[(k, k)].sqrt() / 4.0,
        });
    }
    for i in 0..machine.visible() {
        let mut factors = DVector::zeros(parameters.len());
        factors[edges.len() + i] = 0.5;
        for (k, _) in edges.iter().enumerate().filter(|(_, (a, b))| i == *a || i == *b) {
            factors[k] = 0.25;
        }
        learned.push(LearnedCoupling {
            i,
            j: None,
            value: factors.dot(&DVector::from_column_slice(parameters)),
            standard_error: factors.dot(&(&covariance * &factors)).sqrt(),
        });
    }
    Ok(learned)
}

/// The covariance of the parameters (edges, then biases).
fn covariance(machine: &BoltzmannMachine, data: &Configurations, criterion: Criterion) -> Result<DMatrix<f64>> {
    let size = machine.parameters().len();
    let refuse = || {
        Error::invalid(
            "standard errors of the couplings",
            format!("{} configurations do not determine {size} parameters", data.len()),
            "take more configurations",
        )
    };
    // A matrix that is singular but for rounding can still seem to be positive: F has a rank of at most
    // the number of rows, H as much from every site.
    let needed = match criterion {
        Criterion::Likelihood => size,
        Criterion::PseudoLikelihood => machine.visible(),
    };
    if data.len() <= needed {
        return Err(refuse());
    }
    let starts: Vec<usize> = (0..data.len()).step_by(BLOCK).collect();
    // A bounded number of partial sums, whatever the number of rows; added in order.
    let tasks: Vec<&[usize]> = starts.chunks(starts.len().div_ceil(4).max(1)).collect();
    let partial: Vec<Moments> = tasks
        .par_iter()
        .map(|starts| {
            let mut moments = Moments::new(size);
            for &from in *starts {
                moments.add_block(machine, data, from, (from + BLOCK).min(data.len()), criterion);
            }
            moments
        })
        .collect();
    let mut total = Moments::new(size);
    for partial in &partial {
        total.score += &partial.score;
        total.squares += &partial.squares;
        total.hessian += &partial.hessian;
    }
    let rows = data.len() as f64;
    let mean = total.score / rows;
    let scores = total.squares / rows - &mean * mean.transpose();
    let invert = |matrix: DMatrix<f64>| matrix.cholesky().map(|factor| factor.inverse()).ok_or_else(refuse);
    Ok(match criterion {
        Criterion::Likelihood => invert(scores)? / rows,
        Criterion::PseudoLikelihood => {
            let inverse = invert(total.hessian / rows)?;
            &inverse * scores * &inverse / rows
        }
    })
}

/// Sums over rows of the score, of its outer square, and of the Hessian.
struct Moments {
    score: DVector<f64>,
    squares: DMatrix<f64>,
    hessian: DMatrix<f64>,
}

impl Moments {
    fn new(size: usize) -> Self {
        Self { score: DVector::zeros(size), squares: DMatrix::zeros(size, size), hessian: DMatrix::zeros(size, size) }
    }

    fn add_block(
        &mut self,
        machine: &BoltzmannMachine,
        data: &Configurations,
        from: usize,
        to: usize,
        criterion: Criterion,
    ) {
        let (n, couplings) = (machine.visible(), machine.edges().len());
        let v = DMatrix::from_fn(n, to - from, |i, s| f64::from(u8::from(bit(data.row(from + s), i))));
        // A column a row of data, since nalgebra multiplies fastest without a transposed left factor.
        let scores = match criterion {
            Criterion::Likelihood => DMatrix::from_fn(couplings + n, to - from, |k, s| {
                machine.edges().get(k).map_or_else(|| v[(k - couplings, s)], |&(a, b)| v[(a, s)] * v[(b, s)])
            }),
            Criterion::PseudoLikelihood => {
                let p = self.add_hessian(machine, &v);
                let residual = &v - &p;
                DMatrix::from_fn(couplings + n, to - from, |k, s| match machine.edges().get(k) {
                    Some(&(a, b)) => residual[(a, s)] * v[(b, s)] + residual[(b, s)] * v[(a, s)],
                    None => residual[(k - couplings, s)],
                })
            }
        };
        self.score += scores.column_sum();
        self.squares.gemm(1.0, &scores, &scores.transpose(), 1.0);
    }

    /// Adds the Hessian sum_i p_i (1 - p_i) u_i u_i' of -ln of the pseudo-likelihood, where u_i is the
    /// gradient of site i's input, and returns all p_i.
    fn add_hessian(&mut self, machine: &BoltzmannMachine, v: &DMatrix<f64>) -> DMatrix<f64> {
        let (n, couplings) = (machine.visible(), machine.edges().len());
        let mut weights = DMatrix::zeros(n, n);
        let mut parameter = DMatrix::from_element(n, n, None);
        for (k, &(a, b)) in machine.edges().iter().enumerate() {
            for (a, b) in [(a, b), (b, a)] {
                weights[(a, b)] = machine.weights()[k];
                parameter[(a, b)] = Some(k);
            }
        }
        let mut p = &weights * v;
        for (i, bias) in machine.biases().iter().enumerate() {
            p.row_mut(i).apply(|x| *x = sigmoid(*x + bias));
        }
        for i in 0..n {
            // Inputs of site i: 1 for its bias, v_j for its couplings.
            let mut features = v.clone();
            features.row_mut(i).fill(1.0);
            let mut weighted = features.transpose();
            for (s, mut row) in weighted.row_iter_mut().enumerate() {
                row *= p[(i, s)] * (1.0 - p[(i, s)]);
            }
            let block = features * weighted;
            let place = |j: usize| {
                if j == i { Some(couplings + i) } else { parameter[(i, j)] }
            };
            for a in 0..n {
                for b in 0..n {
                    if let (Some(first), Some(second)) = (place(a), place(b)) {
                        self.hessian[(first, second)] += block[(a, b)];
                    }
                }
            }
        }
        p
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::boltzmann_machine::full_graph;
    use crate::path::uniform_configurations;
    use crate::random::Seed;

    /// More rows than one block takes, and not a whole number of blocks: the errors are the same whichever row comes first.
    #[test]
    fn every_row_counts_in_an_error() {
        let mut machine = BoltzmannMachine::new(3, 0, &full_graph(3)).unwrap();
        machine.parameters_mut().copy_from_slice(&[0.3, -0.2, 0.5, 0.1, -0.4, 0.2]);
        let rows = uniform_configurations(3, BLOCK + 700, Seed::root(1));
        // The end of the list is of other rows than its beginning.
        let mut bits = rows.bits().to_vec();
        bits.sort_unstable();
        let ordered = Configurations::from_bits(3, bits.clone()).unwrap();
        bits.reverse();
        let reversed = Configurations::from_bits(3, bits).unwrap();
        for criterion in [Criterion::Likelihood, Criterion::PseudoLikelihood] {
            let of = |data: &Configurations| learned_couplings(&machine, data, criterion).unwrap();
            for (one, other) in of(&ordered).into_iter().zip(of(&reversed)) {
                assert!((one.standard_error / other.standard_error - 1.0).abs() < 1e-9, "{one:?}, {other:?}");
            }
        }
    }
}
