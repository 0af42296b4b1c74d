//! What hidden probabilities are worth to a linear classifier.

use super::digits::{Binarisation, Database, LABELS};
use super::measuring::{Exam, Machine};
use gibbsite::configuration::{bit, copy_bits};
use gibbsite::prelude::*;
use gibbsite_files::numbers;
use laboratory::prelude::*;
use rand::seq::SliceRandom;
use rayon::prelude::*;

/// How a linear classifier does with the pixels, and with what a machine makes of them.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
pub struct Worth {
    /// Digits that the classifier has learned from.
    pub digits: usize,
    /// Share of test digits that it takes for another by their pixels.
    pub error_of_pixels: f64,
    /// The same by their hidden probabilities.
    pub error_of_features: f64,
}

/// Rows of numbers.
struct Table {
    width: usize,
    values: Vec<f32>,
}

impl Table {
    fn row(&self, s: usize) -> &[f32] {
        &self.values[s * self.width..][..self.width]
    }

    /// As a NumPy array.
    fn bytes(&self) -> Vec<u8> {
        let (mut bytes, rows) = (Vec::new(), self.values.len() / self.width);
        let row = &mut |s: usize| self.row(s).iter().map(|x| f64::from(*x)).collect();
        // Writing to memory cannot fail.
        let _ = numbers::write(&mut bytes, (rows, self.width), row);
        bytes
    }
}

/// The pixels of digits, and p(h_j = 1 | pixels), label units being 0.
fn tables<M: Machine>(machine: &M, rows: &Configurations, pixels: usize) -> (Table, Table) {
    let (rbm, words) = (machine.rbm(), gibbsite::configuration::words_for(machine.visible()));
    let of_row = |s: usize| {
        let mut row = vec![0; words];
        copy_bits(rows.row(s), 0, pixels, &mut row, 0);
        let features: Vec<f32> = rbm.hidden_probabilities(&row).into_iter().map(|p| p as f32).collect();
        ((0..pixels).map(|i| f32::from(u8::from(bit(&row, i)))).collect::<Vec<f32>>(), features)
    };
    let all: Vec<_> = (0..rows.len()).into_par_iter().map(of_row).collect();
    let (of_pixels, of_features): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let table = |width, rows: Vec<Vec<f32>>| Table { width, values: rows.concat() };
    (table(pixels, of_pixels), table(machine.hidden(), of_features))
}

/// Softmax regression, p(l | x) proportional to exp(sum_j x_j w_jl + w_l): a row of weights a number, and one more.
struct Linear(Vec<[f32; LABELS]>);

/// Passes over the digits.
const PASSES: usize = 12;

impl Linear {
    /// By stochastic descent of -ln p(l | x), digit by digit, at a rate that falls to 0 from one over the mean of |x|^2.
    fn learn(table: &Table, labels: &[usize], seed: Seed) -> Self {
        let mut own = Self(vec![[0.0; LABELS]; table.width + 1]);
        let squares: f64 = table.values.iter().map(|x| f64::from(x * x)).sum();
        let first = 1.0 / (1.0 + squares / labels.len() as f64);
        let mut order: Vec<usize> = (0..labels.len()).collect();
        let updates = (PASSES * labels.len()) as f64;
        for pass in 0..PASSES {
            order.shuffle(&mut seed.child("pass", pass as u64).generator());
            for (number, s) in order.iter().enumerate() {
                let rate = (first * (1.0 - (pass * labels.len() + number) as f64 / updates)) as f32;
                let mut step = own.probabilities(table.row(*s));
                step[labels[*s]] -= 1.0;
                step.iter_mut().for_each(|x| *x *= rate);
                own.inputs_mut(table.row(*s), |x, weights| {
                    weights.iter_mut().zip(step).for_each(|(w, step)| *w -= x * step);
                });
            }
        }
        own
    }

    /// Calls `act` with every number that is not 0, and with 1, and their weights.
    fn inputs_mut(&mut self, row: &[f32], mut act: impl FnMut(f32, &mut [f32; LABELS])) {
        let inputs = row.iter().chain(&[1.0]).zip(&mut self.0);
        inputs.filter(|(x, _)| **x != 0.0).for_each(|(x, weights)| act(*x, weights));
    }

    fn probabilities(&self, row: &[f32]) -> [f32; LABELS] {
        let mut sums = [0.0_f32; LABELS];
        for (x, weights) in row.iter().chain(&[1.0]).zip(&self.0).filter(|(x, _)| **x != 0.0) {
            sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += x * w);
        }
        let largest = sums.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights = sums.map(|sum| (sum - largest).exp());
        let total: f32 = weights.iter().sum();
        weights.map(|weight| weight / total)
    }

    /// The share of rows whose likeliest label is another.
    fn error(&self, table: &Table, labels: &[usize]) -> f64 {
        let wrong = |s: &usize| {
            let p = self.probabilities(table.row(*s));
            p.iter().any(|other| *other > p[labels[*s]])
        };
        (0..labels.len()).into_par_iter().filter(wrong).count() as f64 / labels.len() as f64
    }
}

/// Compares pixels and hidden probabilities, which it leaves as the files `features_train.npy` and `features_test.npy`.
pub fn compare<M: Machine>(
    machine: &M,
    database: &Database,
    (digits, how): (usize, Binarisation),
    exam: &Exam,
    lab: &Lab,
) -> Result<Worth> {
    let training = &database.training;
    let seed = Seed::root(784).child("classifier", 0);
    let rows = training.rows(digits, how, false, seed.child("digits", 0));
    let (pixels, features) = tables(machine, &rows, exam.pixels);
    let (test_pixels, test_features) = tables(machine, &exam.test, exam.pixels);
    lab.file("features_train.npy", &features.bytes())?;
    lab.file("features_test.npy", &test_features.bytes())?;
    let labels: Vec<usize> = (0..digits).map(|s| training.label(s)).collect();
    let error = |(table, test): (&Table, &Table)| {
        Linear::learn(table, &labels, seed.child("order", 0)).error(test, &exam.labels)
    };
    let (error_of_pixels, error_of_features) =
        rayon::join(|| error((&pixels, &test_pixels)), || error((&features, &test_features)));
    Ok(Worth { digits, error_of_pixels, error_of_features })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digits::Database;
    use laboratory::contract::in_a_lab;

    /// The files have a row a digit and a column a hidden unit, p(h_j = 1 | pixels); and pixels are compared with them.
    #[test]
    fn features_are_hidden_probabilities_of_the_pixels() {
        let database = Database::read(None).unwrap();
        let exam = Exam::new(&database, 30, Binarisation::Threshold);
        let mut machine = Rbm::new(794, 3).unwrap();
        machine.initialize(InitialWeights::Gaussian(0.1), Seed::root(2)).unwrap();
        in_a_lab(|lab| {
            let worth = compare(&machine, &database, (30, Binarisation::Threshold), &exam, lab).unwrap();
            assert!(worth.digits == 30 && worth.error_of_pixels != worth.error_of_features);
            let rows = database.training.rows(30, Binarisation::Threshold, false, Seed::root(0));
            let test = exam.test.select(&(0..10_000).collect::<Vec<_>>());
            for (name, count, rows) in [("features_train.npy", 30, rows), ("features_test.npy", 10_000, test)] {
                let bytes = lab.read(name).unwrap();
                assert_eq!(bytes.len(), 128 + 4 * 3 * count, "{name}");
                let numbers = bytes[128..].chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
                for (number, found) in numbers.enumerate().step_by(7) {
                    let mut row = vec![0; 13];
                    copy_bits(rows.row(number / 3), 0, 784, &mut row, 0);
                    let p = machine.hidden_probability(&row, number % 3);
                    assert!((f64::from(found) - p).abs() < 1e-6, "{name}: {found} for {p}");
                }
            }
        });
    }

    /// Where the law of labels is such a regression itself, its probabilities are found: of two numbers, label 1 with odds
    /// e^{2 x_0 - 1}, label 2 with e^{3 x_1 - 2}, in a data set that has each as often as it is expected.
    #[test]
    fn a_regression_is_found() {
        let exact = |x: [f32; 2]| {
            let weights = [1.0, (2.0 * x[0] - 1.0).exp(), (3.0 * x[1] - 2.0).exp()];
            weights.map(|weight| weight / weights.iter().sum::<f32>())
        };
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for x in [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 1.0]] {
            for (label, p) in exact(x).into_iter().enumerate() {
                let count = (p * 3000.0).round() as usize;
                values.extend(x.repeat(count));
                labels.extend(vec![label; count]);
            }
        }
        let table = Table { width: 2, values };
        let found = Linear::learn(&table, &labels, Seed::root(1));
        for x in [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 1.0]] {
            for (found, exact) in found.probabilities(&x).into_iter().zip(exact(x)) {
                assert!((found - exact).abs() < 0.03, "{x:?}: {found} for {exact}");
            }
        }
        let wrong = labels.iter().enumerate().filter(|(s, label)| {
            let p = exact([table.row(*s)[0], table.row(*s)[1]]);
            p.iter().any(|other| *other > p[**label])
        });
        assert_eq!(found.error(&table, &labels), wrong.count() as f64 / labels.len() as f64);
    }
}
