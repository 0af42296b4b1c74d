//! How well a model has learned: a model and its target meet here.
//!
//! | question | where | how |
//! |---|---|---|
//! | how far from the law? | [`ExactTarget`], [`sampled_kl`] | enumeration; ln Z from both sides and fresh configurations |
//! | how likely are the data? | [`likelihood`] | exactly or from both sides |
//! | are energy and magnetisation right? | [`observables`] | sampled with errors, or exactly |
//! | are the couplings right? | [`couplings`] | with standard errors |
//! | is the gradient right? | [`gradients`] | against the exact one |
//!
//! ```
//! use gibbsite::monitor::observables::{Sampling, sample_model};
//! use gibbsite::prelude::*;
//! use gibbsite::targets::observable::Observable;
//!
//! # fn main() -> gibbsite::error::Result<()> {
//! let ising = Ising::on_lattice(Lattice::Square(3, 3), 1.0, 0.0, 3.0)?;
//! let data = draw_configurations(&ising, 500, Seed::root(1))?.configurations;
//! let machine = Rbm::for_data(&data, 4, Seed::root(2))?; // not trained yet
//! let kl = ExactTarget::new(&ising)?.measure(&machine, None)?.kl;
//! let sampling = Sampling { chains: 16, equilibration: 100, measured: 500 };
//! let seen = sample_model(&ising, &machine, &data, sampling, Seed::root(3), &mut |_, _| ())?;
//! let energy = seen.estimate(Observable::Energy);
//! assert!(kl > 0.1 && energy.converged() && energy.value.abs() < 0.1);
//! # Ok(())
//! # }
//! ```

pub mod couplings;
pub mod gradients;
pub mod ladder_mean;
pub mod likelihood;
pub mod observables;
pub mod pseudo_likelihood;
pub mod sampled_kl;

use crate::configuration::Configurations;
use crate::enumerate::{kl_divergence, log_partition, log_probabilities, mean_log_weight};
use crate::error::Result;
use crate::law::Law;

/// What exact enumeration says of a model, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactRecord {
    /// D_KL(P || P_model) against the target P, however many configurations trained the model.
    pub kl: f64,
    /// mean ln P_model over the training configurations (over P itself where the data are the law).
    pub log_likelihood: f64,
    /// ln Z of the model.
    pub log_partition: f64,
}

/// A target law as a table of ln P: 8 bytes x 2^sites.
#[derive(Debug)]
pub struct ExactTarget {
    log_probabilities: Vec<f64>,
    entropy: f64,
}

impl ExactTarget {
    /// For a law of at most [`crate::enumerate::VISIBLE_LIMIT`] sites.
    pub fn new(target: &dyn Law) -> Result<Self> {
        let log_probabilities = log_probabilities(target)?;
        Ok(Self { entropy: entropy(&log_probabilities), log_probabilities })
    }

    /// -sum P ln P in nats; less it is the largest log-likelihood of a configuration that any model can have on average.
    pub fn entropy(&self) -> f64 {
        self.entropy
    }

    /// Measures the law of a model's visible units ([`crate::model::Model::marginal`]) by enumeration. `sample` holds the training configurations (each once, with
    /// its weight: [`Configurations::distinct`] saves work); without it they are the target itself.
    pub fn measure(&self, model: &dyn Law, sample: Option<&Configurations>) -> Result<ExactRecord> {
        let log_partition = log_partition(model)?;
        let kl = kl_divergence(&self.log_probabilities, model, log_partition);
        let log_likelihood = match sample {
            Some(sample) => mean_log_weight(model, sample) - log_partition,
            // sum_v P ln P_model = -H - KL.
            None => -self.entropy - kl,
        };
        Ok(ExactRecord { kl, log_likelihood, log_partition })
    }
}

/// -sum_x p(x) ln p(x) in nats, from a table of ln p.
pub fn entropy(log_probabilities: &[f64]) -> f64 {
    log_probabilities.iter().filter(|log_p| **log_p > f64::NEG_INFINITY).map(|log_p| -log_p.exp() * log_p).sum()
}

/// The divergence of a model from a data set's own law: -H_D - mean ln P_model, where H_D is the
/// entropy of the frequencies; for N different configurations it is -ln N - mean ln P_model. Equal
/// to the cost C = -mean ln P_model up to the constant H_D.
pub fn data_set_kl(data: &Configurations, model: &dyn Law, model_log_partition: f64) -> f64 {
    let distinct = data.distinct();
    let negative_entropy: f64 =
        (0..distinct.len()).map(|s| distinct.weight(s)).filter(|w| *w > 0.0).map(|w| w * w.ln()).sum();
    negative_entropy - (mean_log_weight(model, &distinct) - model_log_partition)
}
