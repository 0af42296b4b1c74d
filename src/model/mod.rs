//! What learns: laws with parameters.

pub mod boltzmann_machine;
pub mod labelled_path;
pub mod labelled_rbm;
pub mod rbm;
pub mod rbm_path;
pub mod trajectory;

use crate::configuration::{Configurations, flip_bit, set_sites, words_for};
use crate::error::{Error, Result};
use crate::kernels::descent::Descent;
use crate::law::{Kernel, Law};
use crate::numerics::sigmoid;
use crate::path::Path;

/// A family of laws over visible units, ln f(v) = ln sum_h exp(theta . phi(v, h)), with parameters theta and
/// complete statistics phi.
///
/// For every such model d ln f(v) / d theta = E[phi | v], and the cost C = -mean ln p(v) has
/// `dC/d theta = E_model[phi] - mean_data E[phi | v]`: this one formula is the trainer. Statistics are products of
/// units, within [0, 1]: the trainer bounds a difference of their means by 1. All sums of
/// statistics have one entry a parameter, in the order of [`Model::parameters`]: couplings first,
/// then biases.
pub trait Model: Send + Sync {
    /// Number of visible units.
    fn visible(&self) -> usize;

    /// Number of hidden units.
    fn hidden(&self) -> usize;

    /// How many of the parameters, from the first on, are couplings: those that weight decay acts on.
    fn couplings(&self) -> usize;

    /// The law of the visible units, ln f(v). Refused where the hidden units cannot be summed.
    fn marginal(&self) -> Result<Box<dyn Law + '_>>;

    /// theta.
    fn parameters(&self) -> &[f64];

    /// theta, to be changed.
    fn parameters_mut(&mut self) -> &mut [f64];

    /// A copy of its own.
    fn boxed(&self) -> Box<dyn Model>;

    /// The two units that a coupling couples, visible ones counted first.
    fn pair(&self, coupling: usize) -> (usize, usize);

    /// The name of a parameter, such as `W[3,7]`.
    fn parameter_name(&self, index: usize) -> String;

    /// Adds sum_s w_s phi(v_s, h_s) over complete rows (v, h) to `sums`.
    fn add_statistics(&self, rows: &Configurations, sums: &mut [f64]);

    /// Adds sum_s w_s E[phi | v_s] to `sums`; rows may be wider than the visible layer.
    fn add_expected_statistics(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()>;

    /// Sets `gradient` to mean_chains E[phi | v] - mean_data E[phi | v], in single precision where that is
    /// faster: for a gradient that sampling has made noisy anyway.
    fn set_difference_of_expectations(
        &self,
        chains: &Configurations,
        data: &Configurations,
        gradient: &mut [f64],
    ) -> Result<()> {
        gradient.fill(0.0);
        self.add_expected_statistics(data, gradient)?;
        gradient.iter_mut().for_each(|x| *x = -*x);
        self.add_expected_statistics(chains, gradient)
    }

    /// Sets `means`, a number a unit with visible ones first, to sum_s w_s E[unit | v_s], in single precision where that is
    /// faster: what a gradient has for biases, without its couplings.
    fn set_expected_units(&self, rows: &Configurations, means: &mut [f64]) -> Result<()> {
        let mut sums = vec![0.0; self.parameters().len()];
        let none = Configurations::zeros(rows.sites(), 0);
        self.set_difference_of_expectations(rows, &none, &mut sums)?;
        means.copy_from_slice(&sums[self.couplings()..]);
        Ok(())
    }

    /// Turns a gradient g of couplings w_ab and biases d_a into the one with units less mu_a (Melchior, Fischer and Wiskott
    /// 2016, algorithm 1): g'_ab = g_ab - mu_a g_b - mu_b g_a, then g'_a = g_a - sum_b mu_b g'_ab, couplings in order.
    fn centre(&self, mu: &[f64], gradient: &mut [f64]) {
        let (pairs, biases) = gradient.split_at_mut(self.couplings());
        let plain = biases.to_vec();
        for (coupling, g) in pairs.iter_mut().enumerate() {
            let (a, b) = self.pair(coupling);
            *g -= mu[a] * plain[b] + mu[b] * plain[a];
            biases[a] -= mu[b] * *g;
            biases[b] -= mu[a] * *g;
        }
    }

    /// Of a machine with labels: adds `share` times the gradient of -sum_s w_s ln p(l_s | v_s) to `gradient`, in single
    /// precision where that is faster.
    fn add_label_gradient(&self, _rows: &Configurations, _share: f64, _gradient: &mut [f64]) -> Result<()> {
        Err(Error::invalid(
            "learning to tell labels",
            "the machine has none",
            "take a machine with labels, or leave the discriminative part of the cost at 0",
        ))
    }

    /// Takes one step down a gradient; weight decay acts on the couplings. Without momentum `velocity` may be empty.
    fn descend(&mut self, descent: &Descent, slope: Slope, velocity: &mut [f64]) -> Result<()> {
        let couplings = self.couplings();
        let gradient = slope.written(self)?;
        descend_from(self.parameters_mut(), couplings, descent, gradient, velocity);
        Ok(())
    }

    /// Adds `E_model[phi]`, by enumeration, to `sums` and returns ln Z.
    fn add_model_statistics(&self, sums: &mut [f64]) -> Result<f64>;

    /// Adds the gradient of the negative log-pseudo-likelihood -sum_s w_s sum_i ln p(v_si | v_s,-i)
    /// (Besag 1975) to `sums`. No partition function is needed: flipping site i alone changes ln f by d_i,
    /// and -ln p = ln(1 + e^{d_i}) has the gradient `sigmoid(d_i) (E[phi | v flipped at i] - E[phi | v])`.
    fn add_pseudo_likelihood_gradient(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()>;

    /// The Gibbs sampler of the joint law of (v, h).
    fn kernel(&self) -> Box<dyn Kernel + '_>;

    /// The path to the model, for ln Z, from the uniform law or, of a restricted machine, from independent units that are 1 as
    /// often as in `data`: with the hidden units summed where they can be at every beta, else over all units.
    fn path(&self, data: Option<&Configurations>) -> Result<Box<dyn Path + '_>>;
}

/// The gradient that a model descends.
pub enum Slope<'a> {
    /// Written out, an entry a parameter.
    Written(&'a [f64]),
    /// The one that [`Model::set_difference_of_expectations`] gives.
    Phases {
        /// Rows that stand for the model.
        chains: &'a Configurations,
        /// Rows that stand for the data.
        data: &'a Configurations,
        /// Room for the gradient; what stands there afterwards is of no use.
        memory: &'a mut [f64],
    },
}

impl<'a> Slope<'a> {
    /// Written out in any case.
    fn written<M: Model + ?Sized>(self, model: &M) -> Result<&'a [f64]> {
        match self {
            Slope::Written(gradient) => Ok(gradient),
            Slope::Phases { chains, data, memory } => {
                model.set_difference_of_expectations(chains, data, memory)?;
                Ok(memory)
            }
        }
    }
}

/// [`Model::descend`] on plain parameters.
fn descend_from(parameters: &mut [f64], couplings: usize, descent: &Descent, gradient: &[f64], velocity: &mut [f64]) {
    let (pairs, biases) = parameters.split_at_mut(couplings);
    let (pair_gradient, bias_gradient) = gradient.split_at(couplings);
    let (pair_velocity, bias_velocity) = velocity.split_at_mut(couplings.min(velocity.len()));
    descent.step_in_parallel(pairs, pair_gradient, pair_velocity);
    let free = Descent { weight_decay: 0.0, ..*descent };
    free.step(biases, bias_gradient, bias_velocity);
}

/// [`Model::add_pseudo_likelihood_gradient`] for any model whose hidden units can be summed.
fn flip_each_site(model: &dyn Model, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
    let law = model.marginal()?;
    let (sites, words) = (model.visible(), words_for(model.visible()));
    for s in 0..rows.len() {
        let row = &rows.row(s)[..words];
        for site in 0..sites {
            let weight = rows.weight(s) * sigmoid(law.log_weight_change(row, site));
            let mut both = [row, row].concat();
            flip_bit(&mut both, site);
            let pair = Configurations::with_any_weights(sites, both, vec![weight, -weight]);
            model.add_expected_statistics(&pair, sums)?;
        }
    }
    Ok(())
}

/// Refuses numbers that are not one a parameter.
pub(crate) fn check_count(what: &str, numbers: &[f64], model: &dyn Model) -> Result<()> {
    let (count, wanted) = (numbers.len(), model.parameters().len());
    if count == wanted {
        return Ok(());
    }
    Err(Error::invalid(
        what,
        format!("{count} numbers for a machine of {wanted} parameters"),
        "take the state of a run with a machine of the same size",
    ))
}

/// Refuses a model with a parameter that is not a finite number, as training that diverges leaves it.
pub(crate) fn check_finite(model: &dyn Model) -> Result<()> {
    let parameters = model.parameters();
    match parameters.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Error::invalid(
            format!("{} of the machine", model.parameter_name(index)),
            format!("it is {}", parameters[index]),
            "ln Z needs finite parameters: train with a lower learning rate",
        )),
        None => Ok(()),
    }
}

/// ln(q_i / (1 - q_i)), where q_i is how often site i is 1 in the data, kept within [least, 1 - least].
fn log_odds(data: &Configurations, least: f64) -> Vec<f64> {
    let mut frequencies = vec![0.0; data.sites()];
    for s in 0..data.len() {
        for i in set_sites(data.row(s), data.sites()) {
            frequencies[i] += data.weight(s);
        }
    }
    let odds = |q: f64| {
        let q = q.clamp(least, 1.0 - least);
        (q / (1.0 - q)).ln()
    };
    frequencies.into_iter().map(odds).collect()
}
