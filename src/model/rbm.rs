//! The restricted Boltzmann machine.

use super::rbm_path::RbmPath;
use super::{Model, Slope, check_finite, log_odds};
use crate::configuration::{Configurations, bit, set_sites};
use crate::enumerate::{SMALLER_LIMIT, check_limit};
use crate::error::{Error, Result};
use crate::kernels::block_gibbs::BlockGibbs;
use crate::kernels::descent::Descent;
use crate::kernels::two_layers::TwoLayers;
use crate::law::{Kernel, Law};
use crate::numerics::sigmoid;
use crate::path::Path;
use crate::random::Seed;
use nalgebra::{DMatrix, Dyn, MatrixView, U1};
use rand_distr::{Distribution, Normal, Uniform};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// E(v, h) = -b.v - c.h - v'W h with units 0 and 1 (Smolensky 1986); W is visible x hidden.
///
/// Its visible marginal is the law ln f(v) = -F(v), with the free energy
/// F(v) = -b.v - sum_j softplus(c_j + (v'W)_j). Parameters are kept as W row by row, then b, then c.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Rbm {
    visible: usize,
    hidden: usize,
    parameters: Vec<f64>,
    #[serde(skip)]
    sampler: Prepared,
}

/// As it was read, before anyone has looked whether it fits together.
#[derive(Deserialize)]
struct Unchecked {
    visible: usize,
    hidden: usize,
    parameters: Vec<f64>,
}

impl TryFrom<Unchecked> for Rbm {
    type Error = Error;

    fn try_from(Unchecked { visible, hidden, parameters }: Unchecked) -> Result<Self> {
        let count = visible.checked_mul(hidden).and_then(|weights| weights.checked_add(visible)?.checked_add(hidden));
        if visible == 0 || hidden == 0 || count != Some(parameters.len()) {
            return Err(Error::invalid(
                "an RBM",
                format!("{} numbers for {visible} visible and {hidden} hidden units", parameters.len()),
                "give W row by row, then a bias to every visible and every hidden unit",
            ));
        }
        let rbm = Self { visible, hidden, parameters, sampler: Prepared::default() };
        check_finite(&rbm)?;
        Ok(rbm)
    }
}

/// The sampler of the present parameters, made when it is first asked for and thrown away when they change.
/// Two machines with the same parameters are equal whether or not theirs is made.
#[derive(Default)]
struct Prepared(OnceLock<BlockGibbs>);

impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Prepared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "made" } else { "not made" })
    }
}

/// W as it is stored: row by row.
pub type Weights<'a> = MatrixView<'a, f64, Dyn, Dyn, Dyn, U1>;

/// How the weights start. Biases start at zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InitialWeights {
    /// Normal with mean 0 and this standard deviation (Hinton 2010 advises 0.01).
    Gaussian(f64),
    /// Uniform within +-4 sqrt(6 / (n_v + n_h)) (Glorot and Bengio 2010, for sigmoid units).
    Uniform,
}

impl fmt::Display for InitialWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InitialWeights::Gaussian(deviation) => write!(f, "gaussian:{deviation}"),
            InitialWeights::Uniform => write!(f, "uniform"),
        }
    }
}

impl FromStr for InitialWeights {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let deviation = |word: &str| word.parse().ok().filter(|x: &f64| *x >= 0.0 && x.is_finite());
        let (kind, word) = text.split_once(':').unwrap_or((text, ""));
        match (kind, deviation(word)) {
            ("uniform", _) if word.is_empty() => Ok(InitialWeights::Uniform),
            ("gaussian", Some(deviation)) => Ok(InitialWeights::Gaussian(deviation)),
            _ => Err(Error::invalid(
                format!("initial weights {text}"),
                "there is no such law",
                "write uniform, or gaussian:STD with STD >= 0 such as gaussian:0.01",
            )),
        }
    }
}

impl Rbm {
    /// All parameters zero: the uniform law.
    pub fn new(visible: usize, hidden: usize) -> Result<Self> {
        if visible == 0 || hidden == 0 {
            return Err(Error::invalid(
                format!("an RBM with {visible} visible and {hidden} hidden units"),
                "a layer is empty",
                "give each layer at least one unit",
            ));
        }
        Ok(Self {
            visible,
            hidden,
            parameters: vec![0.0; visible * hidden + visible + hidden],
            sampler: Prepared::default(),
        })
    }

    /// The usual start (Hinton 2010, section 8): weights normal with standard deviation 0.01, visible biases from how often
    /// each site of `data` is 1.
    pub fn for_data(data: &Configurations, hidden: usize, seed: Seed) -> Result<Self> {
        let mut rbm = Self::new(data.sites(), hidden)?;
        rbm.initialize(InitialWeights::Gaussian(0.01), seed)?;
        rbm.set_visible_bias_from(data);
        Ok(rbm)
    }

    /// From W (visible x hidden), b and c.
    pub fn from_parts(weights: &DMatrix<f64>, b: &[f64], c: &[f64]) -> Result<Self> {
        let mut rbm = Self::new(weights.nrows(), weights.ncols())?;
        if b.len() != rbm.visible || c.len() != rbm.hidden {
            return Err(Error::invalid(
                "biases of an RBM",
                format!("{} and {} for W of {} x {}", b.len(), c.len(), rbm.visible, rbm.hidden),
                "give a bias to each row (visible) and each column (hidden) of W",
            ));
        }
        let (n, m) = (rbm.visible, rbm.hidden);
        for i in 0..n {
            for j in 0..m {
                rbm.parameters[i * m + j] = weights[(i, j)];
            }
        }
        rbm.parameters[n * m..n * m + n].copy_from_slice(b);
        rbm.parameters[n * m + n..].copy_from_slice(c);
        Ok(rbm)
    }

    /// Draws the weights anew and sets the biases to zero.
    pub fn initialize(&mut self, how: InitialWeights, seed: Seed) -> Result<()> {
        self.parameters_mut().fill(0.0);
        let couplings = self.couplings();
        let mut generator = seed.generator();
        let weights = &mut self.parameters[..couplings];
        let refuse = |deviation: f64| {
            Error::invalid(
                "initial weights",
                format!("{deviation} is not a standard deviation"),
                "take a finite number >= 0, such as 0.01",
            )
        };
        match how {
            InitialWeights::Gaussian(deviation) => {
                if !(deviation >= 0.0 && deviation.is_finite()) {
                    return Err(refuse(deviation));
                }
                let normal = Normal::new(0.0, deviation).map_err(|_| refuse(deviation))?;
                weights.fill_with(|| normal.sample(&mut generator));
            }
            InitialWeights::Uniform => {
                let bound = 4.0 * (6.0 / (self.visible + self.hidden) as f64).sqrt();
                let uniform = Uniform::new(-bound, bound).map_err(|_| refuse(bound))?;
                weights.fill_with(|| uniform.sample(&mut generator));
            }
        }
        Ok(())
    }

    /// Sets b_i = ln(q_i / (1 - q_i)), where q_i is how often site i is 1 in the data (Hinton 2010,
    /// section 8), kept within [0.001, 0.999].
    pub fn set_visible_bias_from(&mut self, data: &Configurations) {
        let start = self.couplings();
        let biases = self.visible;
        for (b, odds) in self.parameters_mut()[start..start + biases].iter_mut().zip(log_odds(data, 0.001)) {
            *b = odds;
        }
    }

    /// W, visible x hidden.
    pub fn weights(&self) -> Weights<'_> {
        let (n, m) = (self.visible, self.hidden);
        let entries = &self.parameters[..n * m];
        MatrixView::from_slice_with_strides_generic(entries, Dyn(n), Dyn(m), Dyn(m), U1)
    }

    /// b, the visible biases.
    pub fn visible_bias(&self) -> &[f64] {
        &self.parameters[self.visible * self.hidden..][..self.visible]
    }

    /// c, the hidden biases.
    pub fn hidden_bias(&self) -> &[f64] {
        &self.parameters[self.visible * self.hidden + self.visible..]
    }

    /// F(v) = -b.v - sum_j softplus(c_j + (v'W)_j), so that p(v) = e^{-F(v)} / Z.
    pub fn free_energy(&self, v: &[u64]) -> f64 {
        -self.log_weight(v)
    }

    /// E(v, h) of a complete row.
    pub fn energy(&self, row: &[u64]) -> f64 {
        let (n, m) = (self.visible, self.hidden);
        let pairs: f64 = set_sites(row, n)
            .map(|i| (0..m).filter(|j| bit(row, n + j)).map(|j| self.parameters[i * m + j]).sum::<f64>())
            .sum();
        let biases: f64 = set_sites(row, n + m).map(|k| self.parameters[n * m + k]).sum();
        -pairs - biases
    }

    /// p(h_j = 1 | v) = sigmoid(c_j + sum_i v_i W_ij).
    pub fn hidden_probability(&self, v: &[u64], j: usize) -> f64 {
        let input: f64 = set_sites(v, self.visible).map(|i| self.parameters[i * self.hidden + j]).sum();
        sigmoid(self.hidden_bias()[j] + input)
    }

    /// The same of every hidden unit: what another program may take for features of v.
    pub fn hidden_probabilities(&self, v: &[u64]) -> Vec<f64> {
        let mut inputs = vec![0.0; self.hidden];
        for i in set_sites(v, self.visible) {
            let weights = &self.parameters[i * self.hidden..][..self.hidden];
            inputs.iter_mut().zip(weights).for_each(|(x, w)| *x += w);
        }
        inputs.iter_mut().zip(self.hidden_bias()).for_each(|(x, c)| *x = sigmoid(c + *x));
        inputs
    }

    /// p(v_i = 1 | h) = sigmoid(b_i + sum_j W_ij h_j); `h` holds the hidden units from bit 0 on.
    pub fn visible_probability(&self, h: &[u64], i: usize) -> f64 {
        let input: f64 = set_sites(h, self.hidden).map(|j| self.parameters[i * self.hidden + j]).sum();
        sigmoid(self.visible_bias()[i] + input)
    }

    /// How far units are from their reconstruction in mean field: the weighted mean over rows and visible units of
    /// (v_i - sigmoid(b_i + sum_j W_ij p_j))^2 with p_j = p(h_j = 1 | v). It is no measure of what has been learned, though
    /// often taken for one (Fischer and Igel 2010).
    pub fn reconstruction_error(&self, rows: &Configurations) -> f64 {
        let (n, m) = (self.visible, self.hidden);
        let of_row = |s: usize| {
            let row = rows.row(s);
            let p = self.hidden_probabilities(row);
            let squares = (0..n).map(|i| {
                let weights = self.parameters[i * m..(i + 1) * m].iter();
                let input = self.visible_bias()[i] + weights.zip(&p).map(|(w, p)| w * p).sum::<f64>();
                (f64::from(u8::from(bit(row, i))) - sigmoid(input)).powi(2)
            });
            rows.weight(s) * squares.sum::<f64>() / n as f64
        };
        (0..rows.len()).map(of_row).sum()
    }

    /// The machine of the visible units that are left when others are held: given v_C the law of (v_F, h) is that of a machine
    /// with the rows of W that belong to F and hidden biases c_j + sum_{i in C} v_i W_ij. `held` has an entry for every visible
    /// unit, and one of them at least must be free.
    pub fn given(&self, held: &[Option<bool>]) -> Result<Self> {
        if held.len() != self.visible {
            return Err(Error::invalid(
                "units that are held",
                format!("{} of them for {} visible units", held.len(), self.visible),
                "say of every visible unit whether it is held",
            ));
        }
        let free: Vec<usize> = (0..self.visible).filter(|i| held[*i].is_none()).collect();
        let (n, m) = (free.len(), self.hidden);
        let mut rest = Self::new(n, m)?;
        let row = |i: usize| &self.parameters[i * m..(i + 1) * m];
        for (k, i) in free.iter().enumerate() {
            rest.parameters[k * m..(k + 1) * m].copy_from_slice(row(*i));
            rest.parameters[n * m + k] = self.visible_bias()[*i];
        }
        let bias = &mut rest.parameters[n * m + n..];
        bias.copy_from_slice(self.hidden_bias());
        for (i, _) in held.iter().enumerate().filter(|(_, value)| **value == Some(true)) {
            bias.iter_mut().zip(row(i)).for_each(|(c, w)| *c += w);
        }
        Ok(rest)
    }

    /// The machine with its layers exchanged: its visible marginal is this one's hidden marginal.
    pub fn transposed(&self) -> Self {
        let (n, m) = (self.visible, self.hidden);
        let mut parameters = Vec::with_capacity(self.parameters.len());
        for j in 0..m {
            parameters.extend((0..n).map(|i| self.parameters[i * m + j]));
        }
        parameters.extend_from_slice(self.hidden_bias());
        parameters.extend_from_slice(self.visible_bias());
        Self { visible: m, hidden: n, parameters, sampler: Prepared::default() }
    }

    pub(super) fn sampler(&self) -> &BlockGibbs {
        self.sampler.0.get_or_init(|| {
            let layers = self.layers();
            BlockGibbs::new(layers.weights, layers.first_bias, layers.second_bias)
        })
    }

    /// The biases' part of a descent, after the weights' part has moved the sampler along.
    fn descend_biases(&mut self, descent: &Descent, gradient: &[f64], velocity: &mut [f64]) {
        let couplings = self.visible * self.hidden;
        let biases = &mut self.parameters[couplings..];
        super::descend_from(biases, 0, descent, gradient, velocity);
        if let Some(sampler) = self.sampler.0.get_mut() {
            let (visible, hidden) = biases.split_at(self.visible);
            sampler.set_biases(visible, hidden);
        }
    }

    fn layers(&self) -> TwoLayers<'_> {
        TwoLayers {
            weights: &self.parameters[..self.visible * self.hidden],
            first_bias: self.visible_bias(),
            second_bias: self.hidden_bias(),
        }
    }
}

impl Law for Rbm {
    fn sites(&self) -> usize {
        self.visible
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        self.layers().log_weight(state)
    }

    fn log_weights(&self, first: u64, out: &mut [f64]) {
        self.layers().log_weights(first, out);
    }

    fn log_sum(&self) -> Option<f64> {
        self.layers().log_sum()
    }

    fn smaller(&self) -> Option<Box<dyn Law + '_>> {
        (self.hidden < self.visible).then(|| Box::new(self.transposed()) as Box<dyn Law>)
    }
}

impl Model for Rbm {
    fn visible(&self) -> usize {
        self.visible
    }

    fn marginal(&self) -> Result<Box<dyn Law + '_>> {
        Ok(Box::new(self))
    }

    fn hidden(&self) -> usize {
        self.hidden
    }

    fn couplings(&self) -> usize {
        self.visible * self.hidden
    }

    fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [f64] {
        self.sampler = Prepared::default();
        &mut self.parameters
    }

    fn parameter_name(&self, index: usize) -> String {
        let (n, m) = (self.visible, self.hidden);
        match index {
            _ if index < n * m => format!("W[{},{}]", index / m, index % m),
            _ if index < n * m + n => format!("b[{}]", index - n * m),
            _ => format!("c[{}]", index - n * m - n),
        }
    }

    fn add_statistics(&self, rows: &Configurations, sums: &mut [f64]) {
        let (n, m) = (self.visible, self.hidden);
        assert_eq!(rows.sites(), n + m, "rows are (v, h)");
        for s in 0..rows.len() {
            let (row, weight) = (rows.row(s), rows.weight(s));
            for k in set_sites(row, n + m) {
                sums[n * m + k] += weight;
            }
            for i in set_sites(row, n) {
                for j in (0..m).filter(|j| bit(row, n + j)) {
                    sums[i * m + j] += weight;
                }
            }
        }
    }

    fn add_expected_statistics(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
        self.layers().add_expectations(rows, sums);
        Ok(())
    }

    fn add_model_statistics(&self, sums: &mut [f64]) -> Result<f64> {
        let (n, m) = (self.visible, self.hidden);
        check_limit(
            "the exact gradient",
            n.min(m),
            SMALLER_LIMIT,
            "use cd or pcd, or fewer units in the smaller layer",
        )?;
        if n <= m {
            return Ok(self.layers().add_moments(sums));
        }
        let mut exchanged = vec![0.0; sums.len()];
        let log_partition = self.transposed().layers().add_moments(&mut exchanged);
        for i in 0..n {
            for j in 0..m {
                sums[i * m + j] += exchanged[j * n + i];
            }
            sums[n * m + i] += exchanged[n * m + m + i];
        }
        for j in 0..m {
            sums[n * m + n + j] += exchanged[n * m + j];
        }
        Ok(log_partition)
    }

    fn add_pseudo_likelihood_gradient(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
        super::flip_each_site(self, rows, sums)
    }

    fn set_difference_of_expectations(
        &self,
        chains: &Configurations,
        data: &Configurations,
        gradient: &mut [f64],
    ) -> Result<()> {
        self.sampler().set_expectations(&[(chains, 1.0), (data, -1.0)], gradient);
        Ok(())
    }

    fn set_expected_units(&self, rows: &Configurations, means: &mut [f64]) -> Result<()> {
        self.sampler().set_expected_units(rows, means);
        Ok(())
    }

    /// Row by row of W: the same operations in the same order, without looking up which units a coupling couples.
    fn centre(&self, mu: &[f64], gradient: &mut [f64]) {
        let m = self.hidden;
        let (pairs, biases) = gradient.split_at_mut(self.couplings());
        let plain = biases.to_vec();
        let (visible, hidden) = biases.split_at_mut(self.visible);
        let (mu_visible, mu_hidden) = mu.split_at(self.visible);
        let (plain_visible, plain_hidden) = plain.split_at(self.visible);
        for (i, pairs) in pairs.chunks_exact_mut(m).enumerate() {
            let (mu, plain) = (mu_visible[i], plain_visible[i]);
            for ((g, mu_hidden), plain_hidden) in pairs.iter_mut().zip(mu_hidden).zip(plain_hidden) {
                *g -= mu * plain_hidden + mu_hidden * plain;
            }
            hidden.iter_mut().zip(&*pairs).for_each(|(bias, g)| *bias -= mu * g);
        }
        // Rows side by side, since each of these sums waits for its last addition.
        const TOGETHER: usize = 8;
        for (biases, rows) in visible.chunks_mut(TOGETHER).zip(pairs.chunks(TOGETHER * m)) {
            for (j, mu) in mu_hidden.iter().enumerate() {
                biases.iter_mut().enumerate().for_each(|(r, bias)| *bias -= mu * rows[r * m + j]);
            }
        }
    }

    /// Along phases the gradient of a large machine never leaves the cache.
    fn descend(&mut self, descent: &Descent, slope: Slope, velocity: &mut [f64]) -> Result<()> {
        let couplings = self.couplings();
        let slope = match slope {
            Slope::Phases { chains, data, memory } => {
                self.sampler();
                let phases = [(chains, 1.0), (data, -1.0)];
                let weights = &mut self.parameters[..couplings];
                let (velocity, bias_velocity) = velocity.split_at_mut(couplings.min(velocity.len()));
                let biases = &mut memory[couplings..];
                if let Some(sampler) = self.sampler.0.get_mut()
                    && sampler.descend_along(&phases, descent, weights, velocity, biases)
                {
                    self.descend_biases(descent, biases, bias_velocity);
                    return Ok(());
                }
                Slope::Phases { chains, data, memory }
            }
            written => written,
        };
        let gradient = slope.written(self)?;
        let Some(sampler) = self.sampler.0.get_mut() else {
            super::descend_from(&mut self.parameters, couplings, descent, gradient, velocity);
            return Ok(());
        };
        let (gradient, bias_gradient) = gradient.split_at(couplings);
        let (velocity, bias_velocity) = velocity.split_at_mut(couplings.min(velocity.len()));
        let weights = &mut self.parameters[..couplings];
        sampler.descend(descent, weights, gradient, velocity);
        self.descend_biases(descent, bias_gradient, bias_velocity);
        Ok(())
    }

    fn kernel(&self) -> Box<dyn Kernel + '_> {
        Box::new(self.sampler())
    }

    fn path(&self, data: Option<&Configurations>) -> Result<Box<dyn Path + '_>> {
        Ok(Box::new(match data {
            Some(data) => RbmPath::from_data(self, data)?,
            None => RbmPath::from_uniform(self)?,
        }))
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }

    fn pair(&self, coupling: usize) -> (usize, usize) {
        (coupling / self.hidden, self.visible + coupling % self.hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::set_bit;

    fn initialized(how: InitialWeights) -> Rbm {
        let mut rbm = Rbm::new(200, 250).unwrap();
        rbm.parameters.fill(7.0);
        rbm.initialize(how, Seed::root(9)).unwrap();
        assert!(rbm.parameters[200 * 250..].iter().all(|bias| *bias == 0.0));
        rbm
    }

    /// By hand: W = (2, -1) on two visible and one hidden unit, b = (0.5, 0), c = -1, at v = (1, 0) and (1, 1).
    #[test]
    fn reconstruction_errors_are_those_of_the_formula() {
        let mut rbm = Rbm::new(2, 1).unwrap();
        rbm.parameters.copy_from_slice(&[2.0, -1.0, 0.5, 0.0, -1.0]);
        let mut rows = Configurations::zeros(2, 2);
        rows.row_mut(0)[0] = 0b01;
        rows.row_mut(1)[0] = 0b11;
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (p, q) = (s(1.0), s(0.0));
        let first = (1.0 - s(0.5 + 2.0 * p)).powi(2) + s(-p).powi(2);
        let second = (1.0 - s(0.5 + 2.0 * q)).powi(2) + (1.0 - s(-q)).powi(2);
        assert!((rbm.reconstruction_error(&rows) - (first + second) / 4.0).abs() < 1e-12);
        let rbm = initialized(InitialWeights::Gaussian(0.3));
        let v = [0x5a5a, u64::MAX, 3, 1 << 7];
        let one_by_one: Vec<f64> = (0..rbm.hidden()).map(|j| rbm.hidden_probability(&v, j)).collect();
        assert_eq!(rbm.hidden_probabilities(&v), one_by_one);
    }

    /// 50,000 weights: the variance is known to 4.9 standard errors, 4.9 sqrt(2 / 50,000) = 3.1 % for a
    /// normal law and 4.9 sqrt(0.8 / 50,000) = 2 % for a uniform one.
    #[test]
    fn first_weights_follow_their_law() {
        let variance = |rbm: &Rbm| rbm.weights().map(|w| w * w).mean();
        let mean = |rbm: &Rbm| rbm.weights().mean();
        let normal = initialized(InitialWeights::Gaussian(0.3));
        assert!((variance(&normal) / 0.09 - 1.0).abs() < 0.031);
        assert!(mean(&normal).abs() < 4.9 * 0.3 / 50_000_f64.sqrt());
        let uniform = initialized(InitialWeights::Uniform);
        let bound = 4.0 * (6.0_f64 / 450.0).sqrt();
        assert!((variance(&uniform) / (bound * bound / 3.0) - 1.0).abs() < 0.02);
        assert!(mean(&uniform).abs() < 4.9 * bound / 3_f64.sqrt() / 50_000_f64.sqrt());
        let largest = uniform.weights().amax();
        assert!(largest <= bound && largest > 0.999 * bound);
        assert!(normal.weights() != uniform.weights());
    }

    /// A site that is 1 in three rows of four starts with odds 3; one that never is, with the least.
    #[test]
    fn visible_biases_can_start_from_the_data() {
        let mut data = Configurations::zeros(3, 4);
        for s in 0..3 {
            set_bit(data.row_mut(s), 1, true);
        }
        (0..4).for_each(|s| set_bit(data.row_mut(s), 2, true));
        let mut rbm = Rbm::new(3, 2).unwrap();
        rbm.set_visible_bias_from(&data);
        let expected = [(0.001_f64 / 0.999).ln(), 3_f64.ln(), (0.999_f64 / 0.001).ln()];
        for (b, expected) in rbm.visible_bias().iter().zip(expected) {
            assert!((b - expected).abs() < 1e-12);
        }
        assert_eq!(rbm.hidden_bias(), [0.0; 2]);
        // The same four rows as two with weights of 3/4 and 1/4.
        let bits = vec![data.row(0)[0], data.row(3)[0]];
        rbm.set_visible_bias_from(&Configurations::weighted(3, bits, vec![0.75, 0.25]).unwrap());
        for (b, expected) in rbm.visible_bias().iter().zip(expected) {
            assert!((b - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn parts_go_in_and_come_out() {
        let weights = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let rbm = Rbm::from_parts(&weights, &[7.0, 8.0], &[9.0, 10.0, 11.0]).unwrap();
        assert_eq!(rbm.weights(), weights);
        assert_eq!(rbm.transposed().weights(), weights.transpose());
        assert_eq!(rbm.transposed().transposed(), rbm);
        let names: Vec<String> = [5, 6, 8].map(|index| rbm.parameter_name(index)).into();
        assert_eq!(names, ["W[1,2]", "b[0]", "c[0]"]);
        // v = (1, 1), h = (0, 1, 1).
        assert_eq!(rbm.energy(&[0b11011]), -(2.0 + 3.0 + 5.0 + 6.0) - 15.0 - 21.0);
        assert!(Rbm::from_parts(&weights, &[0.0], &[0.0; 3]).is_err());
        assert!(Rbm::new(0, 3).is_err() && Rbm::new(3, 0).is_err());
    }

    /// Against ratios of the whole machine's weights, over all states of the free units.
    #[test]
    fn held_units_leave_a_machine_of_the_others() {
        let mut machine = Rbm::new(5, 3).unwrap();
        machine.initialize(InitialWeights::Gaussian(1.0), Seed::root(4)).unwrap();
        machine.parameters_mut()[15..].iter_mut().enumerate().for_each(|(k, x)| *x = k as f64 / 5.0 - 0.6);
        let rest = machine.given(&[None, Some(true), None, Some(false), Some(true)]).unwrap();
        let whole = |state: u64| machine.log_weight(&[state & 1 | 0b10 | (state >> 1 & 1) << 2 | 0b10000]);
        let first = rest.log_weight(&[0]) - whole(0);
        for state in 1..4 {
            assert!((rest.log_weight(&[state]) - whole(state) - first).abs() < 1e-12, "{state}");
        }
        assert!(machine.given(&[Some(true); 5]).is_err() && machine.given(&[None; 4]).is_err());
    }
}
