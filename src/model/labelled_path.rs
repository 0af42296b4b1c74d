//! The path of a restricted machine with labels, for its partition function.

use super::Model;
use super::labelled_rbm::{HiddenLaw, LabelledRbm, draw_among};
use super::rbm_path::{RbmPath, base_bias};
use crate::configuration::{Configurations, set_bit};
use crate::enumerate::{WHOLE_LAW_LIMIT, check_limit, whole_law};
use crate::error::Result;
use crate::law::{Chains, Law};
use crate::path::Path;
use crate::random::{Seed, uniform};
use crate::row_sampler::RowSampler;

/// [`RbmPath`] on the states with one label. In the base the label is any of the L, one as likely as the other, so that
/// Z_0 = L 2^{n_h} prod_i (1 + e^{a_i}) over the pixels i.
#[derive(Debug)]
pub struct LabelledPath<'a> {
    machine: &'a LabelledRbm,
    /// The path of the RBM; its base has labels of bias 0.
    path: RbmPath<'a>,
}

impl<'a> LabelledPath<'a> {
    /// From independent pixels: uniform, or 1 as often as in `data`.
    pub fn new(machine: &'a LabelledRbm, data: Option<&Configurations>) -> Result<Self> {
        let mut bias = data.map_or_else(|| vec![0.0; machine.visible()], base_bias);
        bias.iter_mut().skip(machine.pixels()).for_each(|a| *a = 0.0);
        Ok(Self { machine, path: RbmPath::from_bias(machine.rbm(), &bias)? })
    }
}

impl Path for LabelledPath<'_> {
    fn law(&self) -> &dyn Law {
        self.machine
    }

    fn units(&self) -> usize {
        self.path.units()
    }

    fn base_log_partition(&self) -> f64 {
        let labels = self.machine.labels() as f64;
        self.path.base_log_partition() - labels * std::f64::consts::LN_2 + labels.ln()
    }

    fn draw_base(&self, count: usize, seed: Seed) -> Configurations {
        let mut rows = self.path.draw_base(count, seed.child("pixels", 0));
        let mut generator = seed.child("labels", 0).generator();
        let alike = vec![0.0; self.machine.labels()];
        for s in 0..count {
            self.machine.set_label(rows.row_mut(s), draw_among(&alike, &mut generator));
        }
        rows
    }

    fn draw_target(&self, count: usize, seed: Seed) -> Result<Configurations> {
        let (machine, rbm) = (self.machine, self.machine.rbm());
        let (n, m) = (rbm.visible(), rbm.hidden());
        let alternative = "start from long runs of the machine, which are no exact draws";
        check_limit("exact draws", n.min(m), WHOLE_LAW_LIMIT, alternative)?;
        if n <= m {
            let law = whole_law(machine)?;
            return Ok(RowSampler::new(&law)?.draw(count, seed).widened(m));
        }
        let law = whole_law(&HiddenLaw(machine))?;
        let hidden = RowSampler::new(&law)?.draw(count, seed.child("hidden", 0));
        let mut generator = seed.child("visible", 0).generator();
        let mut rows = Configurations::zeros(n + m, count);
        for s in 0..count {
            for i in 0..machine.pixels() {
                let p = rbm.visible_probability(hidden.row(s), i);
                set_bit(rows.row_mut(s), i, uniform(&mut generator) < p);
            }
            let inputs: Vec<f64> = (0..machine.labels()).map(|l| machine.label_input(hidden.row(s), l)).collect();
            machine.set_label(rows.row_mut(s), draw_among(&inputs, &mut generator));
        }
        Ok(rows)
    }

    fn log_weight(&self, row: &[u64], beta: f64) -> f64 {
        self.path.log_weight(row, beta)
    }

    fn slopes(&self, row: &[u64], beta: f64) -> [f64; 2] {
        self.path.slopes(row, beta)
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize) {
        for _ in 0..steps {
            self.path.advance(chains, beta, 1);
            self.machine.draw_labels(chains, beta, None);
        }
    }

    fn log_weights(&self, states: &Configurations, betas: &[f64]) -> Vec<f64> {
        self.path.log_weights(states, betas)
    }
}
