//! What several test files share: reference values, a naive machine, laws and thresholds.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

pub mod machines;

use gibbsite::configuration::{Configurations, set_bit};
use gibbsite::law::Law;
use gibbsite::model::rbm::Rbm;
use nalgebra::DMatrix;
use serde_json::Value;
use statrs::distribution::{Binomial, DiscreteCDF};
use std::path::Path;

/// The JSON file `tests/data/<name>.json`.
pub fn reference(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("{name}.json"));
    let text = std::fs::read_to_string(path).expect("the reference file is there");
    serde_json::from_str(&text).expect("the reference file is JSON")
}

/// A number, plain or as an object with its nearest double.
pub fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value["f64"].as_f64()).unwrap_or_else(|| panic!("{value} is not a number"))
}

/// The entries of a JSON list.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is not a list"))
}

/// A list of numbers.
pub fn vector(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

/// A list of lists of numbers, one after another.
pub fn matrix(value: &Value) -> Vec<f64> {
    list(value).iter().flat_map(vector).collect()
}

/// Numbers in the order of a machine's parameters, from three named entries.
pub fn in_parameter_order(value: &Value, [pairs, visible, hidden]: [&str; 3]) -> Vec<f64> {
    [matrix(&value[pairs]), vector(&value[visible]), vector(&value[hidden])].concat()
}

/// The machine of a reference file.
pub fn machine(file: &Value) -> Rbm {
    let (b, c) = (vector(&file["b"]), vector(&file["c"]));
    let weights = DMatrix::from_row_slice(b.len(), c.len(), &matrix(&file["W"]));
    Rbm::from_parts(&weights, &b, &c).expect("shapes agree")
}

/// A list of rows of 0 and 1.
pub fn configurations(value: &Value) -> Configurations {
    let rows = list(value);
    let mut data = Configurations::zeros(list(&rows[0]).len(), rows.len());
    for (s, row) in rows.iter().enumerate() {
        for (i, entry) in list(row).iter().enumerate() {
            set_bit(data.row_mut(s), i, number(entry) == 1.0);
        }
    }
    data
}

/// Fails unless |ours - truth| <= tolerance (1 + |truth|).
pub fn assert_close(what: &str, ours: f64, truth: f64, tolerance: f64) {
    assert!((ours - truth).abs() <= tolerance * (1.0 + truth.abs()), "{what}: {ours} instead of {truth}");
}

/// [`assert_close`] entry by entry.
pub fn assert_all_close(what: &str, ours: &[f64], truth: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), truth.len(), "{what}");
    for (k, (ours, truth)) in ours.iter().zip(truth).enumerate() {
        assert_close(&format!("{what}, entry {k}"), *ours, *truth, tolerance);
    }
}

/// Fails unless `count` successes in `trials` independent trials of probability `p` are within the
/// two tails that together have probability `level`: the exact binomial law.
pub fn assert_binomial(what: &str, count: u64, trials: u64, p: f64, level: f64) {
    let law = Binomial::new(p, trials).expect("a probability");
    let upper = if count == 0 { 1.0 } else { law.sf(count - 1) };
    let tail = law.cdf(count).min(upper);
    assert!(tail >= level / 2.0, "{what}: {count} of {trials}, probability {p}: tail {tail:e}");
}

/// The bit of a whole number.
pub fn bit_of(state: usize, i: usize) -> bool {
    state >> i & 1 == 1
}

/// A machine written out as its definition, without any of the crate's formulas.
#[derive(Clone)]
pub struct NaiveMachine {
    /// W[i][j].
    pub weights: Vec<Vec<f64>>,
    /// b.
    pub visible_bias: Vec<f64>,
    /// c.
    pub hidden_bias: Vec<f64>,
}

impl NaiveMachine {
    /// From parameters in the order W row by row, b, c.
    pub fn new(visible: usize, hidden: usize, parameters: &[f64]) -> Self {
        let (weights, biases) = parameters.split_at(visible * hidden);
        Self {
            weights: weights.chunks(hidden).map(<[f64]>::to_vec).collect(),
            visible_bias: biases[..visible].to_vec(),
            hidden_bias: biases[visible..].to_vec(),
        }
    }

    /// -E(v, h).
    pub fn exponent(&self, v: usize, h: usize) -> f64 {
        let mut sum = 0.0;
        for (i, b) in self.visible_bias.iter().enumerate() {
            if bit_of(v, i) {
                sum += b;
            }
        }
        for (j, c) in self.hidden_bias.iter().enumerate() {
            if bit_of(h, j) {
                sum += c;
            }
        }
        for (i, row) in self.weights.iter().enumerate() {
            for (j, w) in row.iter().enumerate() {
                if bit_of(v, i) && bit_of(h, j) {
                    sum += w;
                }
            }
        }
        sum
    }

    /// The probabilities of the joint law f^beta; row k has the bits of v first, then those of h.
    pub fn joint_law(&self, beta: f64) -> Vec<f64> {
        let (n, m) = (self.visible_bias.len(), self.hidden_bias.len());
        let weights: Vec<f64> =
            (0..1 << (n + m)).map(|k| (beta * self.exponent(k & ((1 << n) - 1), k >> n)).exp()).collect();
        let z: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / z).collect()
    }

    /// F(v), for moderate parameters.
    pub fn free_energy(&self, v: usize) -> f64 {
        let mut energy = 0.0;
        for (i, b) in self.visible_bias.iter().enumerate() {
            if bit_of(v, i) {
                energy -= b;
            }
        }
        for (j, c) in self.hidden_bias.iter().enumerate() {
            let mut input = *c;
            for (i, row) in self.weights.iter().enumerate() {
                if bit_of(v, i) {
                    input += row[j];
                }
            }
            energy -= (1.0 + input.exp()).ln();
        }
        energy
    }

    /// ln Z as a sum over the hidden layer.
    pub fn log_partition(&self) -> f64 {
        let sum: f64 = (0..1 << self.hidden_bias.len())
            .map(|h| {
                let mut weight = 1.0;
                for (j, c) in self.hidden_bias.iter().enumerate() {
                    if bit_of(h, j) {
                        weight *= c.exp();
                    }
                }
                for (row, b) in self.weights.iter().zip(&self.visible_bias) {
                    let input = b + row.iter().enumerate().filter(|(j, _)| bit_of(h, *j)).map(|(_, w)| w).sum::<f64>();
                    weight *= 1.0 + input.exp();
                }
                weight
            })
            .sum();
        sum.ln()
    }

    /// -mean ln p(v) over rows, each one word.
    pub fn cost(&self, rows: &[usize]) -> f64 {
        let mean: f64 = rows.iter().map(|v| self.free_energy(*v)).sum::<f64>() / rows.len() as f64;
        mean + self.log_partition()
    }
}

/// The rows of a data set of at most 64 sites as whole numbers.
pub fn as_numbers(data: &Configurations) -> Vec<usize> {
    (0..data.len()).map(|s| data.row(s)[0] as usize).collect()
}

/// A law given by the table of its probabilities.
pub struct Table {
    /// Number of sites.
    pub sites: usize,
    /// p(x), x = 0 .. 2^sites - 1.
    pub probabilities: Vec<f64>,
}

impl Law for Table {
    fn sites(&self) -> usize {
        self.sites
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        self.probabilities[state[0] as usize].ln()
    }
}

/// Splits states into classes: the class of every state, and the number of classes.
pub fn classes<K: Ord>(states: usize, key: impl Fn(usize) -> K) -> (Vec<usize>, usize) {
    let keys: Vec<K> = (0..states).map(key).collect();
    let mut numbers = std::collections::BTreeMap::new();
    for key in &keys {
        let next = numbers.len();
        numbers.entry(key).or_insert(next);
    }
    let class = keys.iter().map(|key| numbers[key]).collect();
    let count = numbers.len();
    (class, count)
}
