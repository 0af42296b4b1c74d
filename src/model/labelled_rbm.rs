//! A restricted machine some of whose visible units are labels, of which exactly one is on.

use super::labelled_path::LabelledPath;
use super::rbm::Rbm;
use super::{Model, Slope};
use crate::configuration::{Configurations, bit, flip_bit, set_bit, set_sites, words_for};
use crate::error::{Error, Result};
use crate::kernels::descent::Descent;
use crate::law::{Chains, Clamp, Kernel, Law, check_held};
use crate::numerics::{log_sum_exp, sigmoid, softplus};
use crate::path::Path;
use crate::random::{Generator, uniform};

/// An RBM over n pixels and L labels, of which exactly one is on: a softmax unit (Hinton, Osindero and Teh 2006; Larochelle
/// and Bengio 2008). The law of (v, l) is that of an RBM of n + L visible units on the states with one label,
/// ln f(v, l) = b.v + d_l + sum_j softplus(c_j + (v'W)_j + U_lj), and 0 on all others. Parameters are those of that RBM:
/// W row by row, then U, then b, d and c.
///
/// Which label a picture has is known exactly, p(l | v) = f(v, l) / sum_l' f(v, l'), and Gibbs sampling draws the label from
/// p(l | h), proportional to exp(d_l + sum_j U_lj h_j), beside the pixels. A softmax group and not L plain units: those would
/// give weight to states with no label or with several, which data never show and recognition never asks about.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledRbm {
    rbm: Rbm,
    labels: usize,
}

impl LabelledRbm {
    /// Takes the last `labels` visible units of an RBM for labels; some pixels must be left.
    pub fn new(rbm: Rbm, labels: usize) -> Result<Self> {
        if labels > 0 && labels < rbm.visible() {
            return Ok(Self { rbm, labels });
        }
        Err(Error::invalid(
            format!("{labels} labels among {} visible units", rbm.visible()),
            "there must be a label, and a pixel",
            "take at least one of each",
        ))
    }

    /// The RBM that it is on the states with one label.
    pub fn rbm(&self) -> &Rbm {
        &self.rbm
    }

    /// n, the visible units that are no labels: the first ones.
    pub fn pixels(&self) -> usize {
        self.rbm.visible() - self.labels
    }

    /// L.
    pub fn labels(&self) -> usize {
        self.labels
    }

    /// U, a row a label.
    fn label_weights(&self, label: usize) -> &[f64] {
        let m = self.rbm.hidden();
        &self.rbm.parameters()[(self.pixels() + label) * m..][..m]
    }

    /// d.
    fn label_bias(&self) -> &[f64] {
        &self.rbm.visible_bias()[self.pixels()..]
    }

    /// b.v and the inputs c_j + (v'W)_j of the hidden units, without a label.
    fn inputs(&self, row: &[u64]) -> (f64, Vec<f64>) {
        let (m, b) = (self.rbm.hidden(), self.rbm.visible_bias());
        let (mut bias, mut inputs) = (0.0, self.rbm.hidden_bias().to_vec());
        for i in set_sites(row, self.pixels()) {
            bias += b[i];
            let weights = &self.rbm.parameters()[i * m..(i + 1) * m];
            inputs.iter_mut().zip(weights).for_each(|(x, w)| *x += w);
        }
        (bias, inputs)
    }

    /// ln f(v, l) of every label l; label bits of the row do not matter.
    pub fn log_weights_of_labels(&self, row: &[u64]) -> Vec<f64> {
        let (bias, inputs) = self.inputs(row);
        let of_label = |label: usize| {
            let hidden = inputs.iter().zip(self.label_weights(label)).map(|(x, u)| softplus(x + u));
            bias + self.label_bias()[label] + hidden.sum::<f64>()
        };
        (0..self.labels).map(of_label).collect()
    }

    /// p(l | v) of every label l; label bits of the row do not matter.
    pub fn label_probabilities(&self, row: &[u64]) -> Vec<f64> {
        let mut log_weights = self.log_weights_of_labels(row);
        let total = log_sum_exp(&log_weights);
        log_weights.iter_mut().for_each(|x| *x = (*x - total).exp());
        log_weights
    }

    /// The law of the pixels alone, ln f(v) = ln sum_l f(v, l).
    pub fn pixel_law(&self) -> impl Law + '_ {
        PixelLaw(self)
    }

    /// The label of a row, where exactly one is on.
    pub fn label(&self, row: &[u64]) -> Option<usize> {
        let mut on = set_sites(row, self.rbm.visible()).skip_while(|site| *site < self.pixels());
        let first = on.next()?;
        on.next().is_none().then_some(first - self.pixels())
    }

    /// The label of row `s` of the data, which must have one.
    fn label_of(&self, rows: &Configurations, s: usize) -> Result<usize> {
        self.label(&rows.row(s)[..words_for(self.rbm.visible())]).ok_or_else(|| {
            let mend = "put exactly one label on every row";
            Error::invalid(format!("row {s} of the data"), "it has no label, or several", mend)
        })
    }

    /// Puts a label on a row, in place of those that it has.
    pub fn set_label(&self, row: &mut [u64], label: usize) {
        (0..self.labels).for_each(|l| set_bit(row, self.pixels() + l, l == label));
    }

    /// The machine of the pixels where the label is given: c + U_l in the place of c.
    fn given(&self, label: usize) -> Result<Rbm> {
        let labels = (0..self.labels).map(|l| Some(l == label));
        let held: Vec<Option<bool>> = std::iter::repeat_n(None, self.pixels()).chain(labels).collect();
        self.rbm.given(&held)
    }

    /// ln of the sum over all states, label by label: over hidden ones, or over pixels.
    fn log_sum_over(&self, hidden: bool) -> Option<f64> {
        let of_label = |label: usize| {
            let given = self.given(label).ok()?;
            let sum = if hidden { given.transposed().log_sum() } else { given.log_sum() };
            Some(self.label_bias()[label] + sum?)
        };
        (0..self.labels).map(of_label).collect::<Option<Vec<f64>>>().map(|sums| log_sum_exp(&sums))
    }

    /// Draws the labels of chains from p(l | h)^beta, among those that are not held; a label that is held on stays.
    pub(super) fn draw_labels(&self, chains: &mut Chains, beta: f64, held: Option<&[u64]>) {
        let (visible, units, m) = (self.rbm.visible(), self.rbm.visible() + self.rbm.hidden(), self.rbm.hidden());
        let (labels, words) = (self.labels, words_for(units));
        let held: Vec<bool> = (0..labels).map(|l| held.is_some_and(|row| bit(row, self.pixels() + l))).collect();
        // U with a row a hidden unit.
        let weights: Vec<f64> = (0..m).flat_map(|j| (0..labels).map(move |l| self.label_weights(l)[j])).collect();
        chains.for_each_block(m * labels / 4, |rows, seed| {
            let mut generator = seed.generator();
            for row in rows.chunks_exact_mut(words) {
                if let Some(label) = (0..labels).find(|l| held[*l] && bit(row, self.pixels() + l)) {
                    self.set_label(row, label);
                    continue;
                }
                let mut inputs = self.label_bias().to_vec();
                for j in set_sites(row, units).skip_while(|site| *site < visible) {
                    let weights = &weights[(j - visible) * labels..][..labels];
                    inputs.iter_mut().zip(weights).for_each(|(x, u)| *x += u);
                }
                let weight = |(x, held): (&f64, &bool)| if *held { f64::NEG_INFINITY } else { beta * x };
                let log_weights: Vec<f64> = inputs.iter().zip(&held).map(weight).collect();
                self.set_label(row, draw_among(&log_weights, &mut generator));
            }
        });
    }

    /// d_l + sum_j U_lj h_j; `h` holds the hidden units from bit 0 on.
    pub(super) fn label_input(&self, h: &[u64], label: usize) -> f64 {
        self.label_bias()[label] + set_sites(h, self.rbm.hidden()).map(|j| self.label_weights(label)[j]).sum::<f64>()
    }
}

/// An index with probability in proportion to e^x.
pub(super) fn draw_among(log_weights: &[f64], generator: &mut Generator) -> usize {
    let mut left = uniform(generator);
    let total = log_sum_exp(log_weights);
    let mut last = 0;
    for (index, x) in log_weights.iter().enumerate().filter(|(_, x)| **x > f64::NEG_INFINITY) {
        last = index;
        left -= (x - total).exp();
        if left < 0.0 {
            break;
        }
    }
    last
}

impl Law for LabelledRbm {
    fn sites(&self) -> usize {
        self.rbm.visible()
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        match self.label(state) {
            Some(_) => self.rbm.log_weight(state),
            None => f64::NEG_INFINITY,
        }
    }

    fn log_sum(&self) -> Option<f64> {
        self.log_sum_over(false)
    }

    fn smaller(&self) -> Option<Box<dyn Law + '_>> {
        (self.rbm.hidden() < self.rbm.visible()).then(|| Box::new(HiddenLaw(self)) as Box<dyn Law>)
    }

    fn has_forbidden_states(&self) -> bool {
        // One label alone is always on: a state without it is forbidden too.
        true
    }
}

/// The law of the pixels.
struct PixelLaw<'a>(&'a LabelledRbm);

impl Law for PixelLaw<'_> {
    fn sites(&self) -> usize {
        self.0.pixels()
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        log_sum_exp(&self.0.log_weights_of_labels(state))
    }

    fn log_sum(&self) -> Option<f64> {
        self.0.log_sum_over(false)
    }

    fn smaller(&self) -> Option<Box<dyn Law + '_>> {
        (self.0.hidden() < self.0.pixels()).then(|| Box::new(HiddenLaw(self.0)) as Box<dyn Law>)
    }
}

/// The law of the hidden units, ln f(h) = c.h + sum_i softplus(b_i + (W h)_i) + ln sum_l exp(d_l + (U h)_l).
pub(super) struct HiddenLaw<'a>(pub(super) &'a LabelledRbm);

impl Law for HiddenLaw<'_> {
    fn sites(&self) -> usize {
        self.0.rbm.hidden()
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        let (rbm, pixels) = (&self.0.rbm, self.0.pixels());
        let sum = |weights: &[f64]| set_sites(state, rbm.hidden()).map(|j| weights[j]).sum::<f64>();
        let row = |i: usize| &rbm.parameters()[i * rbm.hidden()..(i + 1) * rbm.hidden()];
        let of_pixels: f64 = (0..pixels).map(|i| softplus(rbm.visible_bias()[i] + sum(row(i)))).sum();
        let labels: Vec<f64> = (pixels..rbm.visible()).map(|i| rbm.visible_bias()[i] + sum(row(i))).collect();
        sum(rbm.hidden_bias()) + of_pixels + log_sum_exp(&labels)
    }

    fn log_sum(&self) -> Option<f64> {
        self.0.log_sum_over(true)
    }
}

/// Block Gibbs sampling of hidden units, then of pixels and label, which are independent given them.
struct LabelledGibbs<'a> {
    block: Box<dyn Kernel + 'a>,
    machine: &'a LabelledRbm,
}

impl Kernel for LabelledGibbs<'_> {
    fn units(&self) -> usize {
        self.block.units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        if clamp == Clamp::Visible {
            return self.block.advance(chains, beta, steps, clamp);
        }
        // The labels that the block has drawn, each for itself, are drawn anew given the same hidden units.
        for _ in 0..steps {
            self.block.advance(chains, beta, 1, clamp);
            self.machine.draw_labels(chains, beta, None);
        }
    }

    fn advance_holding(&self, chains: &mut Chains, beta: f64, steps: usize, held: &[u64]) -> Result<()> {
        check_held(held, self.units())?;
        let machine = self.machine;
        let labels = machine.pixels()..machine.visible();
        let nothing_is_left = |s: &usize| {
            let on = |site: usize| bit(chains.states().row(*s), site);
            labels.clone().all(|site| bit(held, site)) && !labels.clone().any(on)
        };
        if let Some(s) = (0..chains.states().len()).find(nothing_is_left) {
            let problem = "all of them are held, and none is on";
            return Err(Error::invalid(format!("the labels of chain {s}"), problem, "leave one free, or put one on"));
        }
        for _ in 0..steps {
            self.block.advance_holding(chains, beta, 1, held)?;
            self.machine.draw_labels(chains, beta, Some(held));
        }
        Ok(())
    }
}

impl Model for LabelledRbm {
    fn visible(&self) -> usize {
        self.rbm.visible()
    }

    fn hidden(&self) -> usize {
        self.rbm.hidden()
    }

    fn couplings(&self) -> usize {
        self.rbm.couplings()
    }

    fn marginal(&self) -> Result<Box<dyn Law + '_>> {
        Ok(Box::new(self))
    }

    fn parameters(&self) -> &[f64] {
        self.rbm.parameters()
    }

    fn parameters_mut(&mut self) -> &mut [f64] {
        self.rbm.parameters_mut()
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }

    fn pair(&self, coupling: usize) -> (usize, usize) {
        self.rbm.pair(coupling)
    }

    fn parameter_name(&self, index: usize) -> String {
        self.rbm.parameter_name(index)
    }

    fn add_statistics(&self, rows: &Configurations, sums: &mut [f64]) {
        self.rbm.add_statistics(rows, sums);
    }

    fn add_expected_statistics(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
        self.rbm.add_expected_statistics(rows, sums)
    }

    fn set_difference_of_expectations(
        &self,
        chains: &Configurations,
        data: &Configurations,
        gradient: &mut [f64],
    ) -> Result<()> {
        self.rbm.set_difference_of_expectations(chains, data, gradient)
    }

    fn set_expected_units(&self, rows: &Configurations, means: &mut [f64]) -> Result<()> {
        self.rbm.set_expected_units(rows, means)
    }

    fn centre(&self, mu: &[f64], gradient: &mut [f64]) {
        self.rbm.centre(mu, gradient);
    }

    fn add_label_gradient(&self, rows: &Configurations, share: f64, gradient: &mut [f64]) -> Result<()> {
        let labels: Result<Vec<usize>> = (0..rows.len()).map(|s| self.label_of(rows, s)).collect();
        self.rbm.sampler().add_label_gradient(rows, &labels?, self.label_bias(), share, gradient);
        Ok(())
    }

    fn descend(&mut self, descent: &Descent, slope: Slope, velocity: &mut [f64]) -> Result<()> {
        self.rbm.descend(descent, slope, velocity)
    }

    /// The machines that are left where the label is given, in proportion to p(l).
    fn add_model_statistics(&self, sums: &mut [f64]) -> Result<f64> {
        let (n, m, visible) = (self.pixels(), self.rbm.hidden(), self.rbm.visible());
        let mut of_labels = Vec::with_capacity(self.labels);
        let mut log_weights = Vec::with_capacity(self.labels);
        for label in 0..self.labels {
            let mut moments = vec![0.0; n * m + n + m];
            log_weights.push(self.label_bias()[label] + self.given(label)?.add_model_statistics(&mut moments)?);
            of_labels.push(moments);
        }
        let log_partition = log_sum_exp(&log_weights);
        for (label, moments) in of_labels.iter().enumerate() {
            let p = (log_weights[label] - log_partition).exp();
            let (pairs, biases) = moments.split_at(n * m);
            let (pixels, hidden) = biases.split_at(n);
            let mut add = |first: usize, moments: &[f64]| {
                sums[first..].iter_mut().zip(moments).for_each(|(sum, x)| *sum += p * x);
            };
            add(0, pairs);
            add((n + label) * m, hidden);
            add(visible * m, pixels);
            add(visible * m + n + label, &[1.0]);
            add(visible * m + visible, hidden);
        }
        Ok(log_partition)
    }

    /// Of pixels one by one, and of the label as one unit: its part is -ln p(l | v).
    fn add_pseudo_likelihood_gradient(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
        let (sites, words) = (self.visible(), words_for(self.visible()));
        for s in 0..rows.len() {
            let (row, weight) = (&rows.row(s)[..words], rows.weight(s));
            self.label_of(rows, s)?;
            for site in 0..self.pixels() {
                let weight = weight * sigmoid(self.log_weight_change(row, site));
                let mut both = [row, row].concat();
                flip_bit(&mut both, site);
                let pair = Configurations::with_any_weights(sites, both, vec![weight, -weight]);
                self.add_expected_statistics(&pair, sums)?;
            }
            let mut all = row.repeat(self.labels + 1);
            for (label, other) in all.chunks_exact_mut(words).take(self.labels).enumerate() {
                self.set_label(other, label);
            }
            let weights = self.label_probabilities(row).into_iter().map(|p| weight * p).chain([-weight]);
            let all = Configurations::with_any_weights(sites, all, weights.collect());
            self.add_expected_statistics(&all, sums)?;
        }
        Ok(())
    }

    fn kernel(&self) -> Box<dyn Kernel + '_> {
        Box::new(LabelledGibbs { block: self.rbm.kernel(), machine: self })
    }

    fn path(&self, data: Option<&Configurations>) -> Result<Box<dyn Path + '_>> {
        Ok(Box::new(LabelledPath::new(self, data)?))
    }
}
