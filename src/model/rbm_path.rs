//! From independent visible units to a restricted Boltzmann machine.

use super::rbm::Rbm;
use super::{Model, check_finite, log_odds};
use crate::configuration::{Configurations, set_bit, set_sites};
use crate::enumerate::{WHOLE_LAW_LIMIT, check_limit, whole_law};
use crate::error::{Error, Result};
use crate::kernels::annealed_gibbs::AnnealedGibbs;
use crate::law::{Chains, Law};
use crate::numerics::{sigmoid, softplus};
use crate::path::Path;
use crate::random::{Seed, uniform};
use crate::row_sampler::RowSampler;

/// ln f_beta(v) = [(1 - beta) a + beta b].v + sum_j softplus(beta (c_j + (v'W)_j)), with the hidden units summed
/// (Salakhutdinov and Murray 2008): the JOINT energy times beta, so that block Gibbs is valid at every
/// beta. The base has independent visible units, p(v_i = 1) = sigmoid(a_i), and
/// Z_0 = 2^{n_h} prod_i (1 + e^{a_i}). Rows are (v, h); ln f_beta does not depend on h.
#[derive(Debug)]
pub struct RbmPath<'a> {
    rbm: &'a Rbm,
    base_bias: Vec<f64>,
    kernel: AnnealedGibbs<'a>,
}

impl<'a> RbmPath<'a> {
    /// From the uniform law, a = 0.
    pub fn from_uniform(rbm: &'a Rbm) -> Result<Self> {
        Self::from_bias(rbm, &vec![0.0; rbm.visible()])
    }

    /// From independent units that are 1 as often as in the data, frequencies shrunk into [0.01, 0.99]
    /// (Salakhutdinov and Murray 2008).
    pub fn from_data(rbm: &'a Rbm, data: &Configurations) -> Result<Self> {
        Self::from_bias(rbm, &base_bias(data))
    }

    /// From any base: a.
    pub fn from_bias(rbm: &'a Rbm, base_bias: &[f64]) -> Result<Self> {
        if base_bias.len() != rbm.visible() {
            return Err(Error::invalid(
                "the base of a path",
                format!("it has {} units, and the machine {} visible ones", base_bias.len(), rbm.visible()),
                "give one bias, or data with one site, for each visible unit",
            ));
        }
        check_finite(rbm)?;
        if let Some(a) = base_bias.iter().find(|a| !a.is_finite()) {
            return Err(Error::invalid("the base of a path", format!("a bias is {a}"), "give finite biases"));
        }
        Ok(Self {
            rbm,
            base_bias: base_bias.to_vec(),
            kernel: AnnealedGibbs::new(rbm.sampler(), base_bias, rbm.visible_bias()),
        })
    }

    /// c_j + (v'W)_j.
    fn inputs(&self, row: &[u64]) -> Vec<f64> {
        let m = self.rbm.hidden();
        let mut inputs = self.rbm.hidden_bias().to_vec();
        for i in set_sites(row, self.rbm.visible()) {
            let weights = &self.rbm.parameters()[i * m..(i + 1) * m];
            inputs.iter_mut().zip(weights).for_each(|(x, w)| *x += w);
        }
        inputs
    }
}

/// a_i = ln(q_i / (1 - q_i)), with the shrunk frequency q_i of every site.
pub(super) fn base_bias(data: &Configurations) -> Vec<f64> {
    log_odds(data, 0.01)
}

impl Path for RbmPath<'_> {
    fn law(&self) -> &dyn Law {
        self.rbm
    }

    fn units(&self) -> usize {
        self.rbm.visible() + self.rbm.hidden()
    }

    fn base_log_partition(&self) -> f64 {
        let hidden = self.rbm.hidden() as f64 * std::f64::consts::LN_2;
        hidden + self.base_bias.iter().copied().map(softplus).sum::<f64>()
    }

    fn draw_base(&self, count: usize, seed: Seed) -> Configurations {
        let mut generator = seed.generator();
        let mut rows = Configurations::zeros(self.units(), count);
        for s in 0..count {
            for (i, a) in self.base_bias.iter().enumerate() {
                set_bit(rows.row_mut(s), i, uniform(&mut generator) < sigmoid(*a));
            }
        }
        rows
    }

    /// Hidden units of the rows are 0.
    fn draw_target(&self, count: usize, seed: Seed) -> Result<Configurations> {
        let (n, m) = (self.rbm.visible(), self.rbm.hidden());
        let alternative = "start from long runs of the machine, which are no exact draws";
        check_limit("exact draws", n.min(m), WHOLE_LAW_LIMIT, alternative)?;
        if n <= m {
            let law = whole_law(self.rbm)?;
            return Ok(RowSampler::new(&law)?.draw(count, seed).widened(m));
        }
        let law = whole_law(&self.rbm.transposed())?;
        let hidden = RowSampler::new(&law)?.draw(count, seed.child("hidden", 0));
        let mut generator = seed.child("visible", 0).generator();
        let mut rows = Configurations::zeros(n + m, count);
        for s in 0..count {
            for i in 0..n {
                let p = self.rbm.visible_probability(hidden.row(s), i);
                set_bit(rows.row_mut(s), i, uniform(&mut generator) < p);
            }
        }
        Ok(rows)
    }

    fn log_weight(&self, row: &[u64], beta: f64) -> f64 {
        let visible: f64 = set_sites(row, self.rbm.visible())
            .map(|i| (1.0 - beta) * self.base_bias[i] + beta * self.rbm.visible_bias()[i])
            .sum();
        let hidden = self.inputs(row).into_iter().map(|x| softplus(beta * x));
        visible + hidden.sum::<f64>()
    }

    fn slopes(&self, row: &[u64], beta: f64) -> [f64; 2] {
        let mut first: f64 =
            set_sites(row, self.rbm.visible()).map(|i| self.rbm.visible_bias()[i] - self.base_bias[i]).sum();
        let mut second = 0.0;
        for x in self.inputs(row) {
            let p = sigmoid(beta * x);
            first += p * x;
            second += p * (1.0 - p) * x * x;
        }
        [first, second]
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize) {
        assert!(beta > 0.0, "the base is drawn from, not moved");
        self.kernel.advance(chains, beta, steps);
    }

    fn log_weights(&self, states: &Configurations, betas: &[f64]) -> Vec<f64> {
        self.kernel.log_weights(states, betas)
    }

    fn anneal(&self, chains: &mut Chains, betas: &[f64], log_ratios: &mut [f64]) {
        self.kernel.anneal(chains, betas, log_ratios);
    }
}
