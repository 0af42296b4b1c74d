//! What learns: laws with parameters.

pub mod rbm;

use crate::configuration::Configurations;
use crate::error::Result;
use crate::law::{Kernel, Law};

/// A law over visible units, ln f(v) = ln sum_h exp(theta . phi(v, h)), with parameters theta and
/// complete statistics phi.
///
/// For every such model d ln f(v) / d theta = E[phi | v], and the cost C = -mean ln p(v) has
/// `dC/d theta = E_model[phi] - mean_data E[phi | v]`: this one formula is the trainer. All sums of
/// statistics have one entry a parameter, in the order of [`Model::parameters`]: couplings first,
/// then biases.
pub trait Model: Law + Send {
    /// Number of hidden units.
    fn hidden(&self) -> usize;

    /// How many of the parameters, from the first on, are couplings: those that weight decay acts on.
    fn couplings(&self) -> usize;

    /// theta.
    fn parameters(&self) -> &[f64];

    /// theta, to be changed.
    fn parameters_mut(&mut self) -> &mut [f64];

    /// The name of a parameter, such as `W[3,7]`.
    fn parameter_name(&self, index: usize) -> String;

    /// Adds sum_s w_s phi(v_s, h_s) over complete rows (v, h) to `sums`.
    fn add_statistics(&self, rows: &Configurations, sums: &mut [f64]);

    /// Adds sum_s w_s E[phi | v_s] to `sums`; rows may be wider than the visible layer.
    fn add_expected_statistics(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()>;

    /// Adds `E_model[phi]`, by enumeration, to `sums` and returns ln Z.
    fn add_model_statistics(&self, sums: &mut [f64]) -> Result<f64>;

    /// The Gibbs sampler of the joint law of (v, h).
    fn kernel(&self) -> Box<dyn Kernel + '_>;
}
