//! What is measured while a machine learns.

use documented::DocumentedFields;
use gibbsite::configuration::Configurations;
use gibbsite::enumerate::{log_partition, mean_log_weight};
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use gibbsite::monitor::pseudo_likelihood::pseudo_log_likelihood_of_rbm;
use gibbsite::training::mixing::Mixing;
use laboratory::report::figure::{Axis, Figure, Mark, Panel, Point, Series};
use laboratory::report::look::Look;
use serde::{Deserialize, Serialize};

/// A machine after some epochs. Likelihoods are means over configurations, in nats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DocumentedFields)]
pub struct Row {
    /// Passes over the data so far, those of runs before this one included.
    pub epoch: usize,
    /// Updates of the trainer so far.
    pub update: u64,
    /// Units drawn by it so far.
    pub gibbs_updates: u64,
    /// ln Z; missing where the smaller layer has more than 20 units.
    pub log_partition: Option<f64>,
    /// mean ln p of the data, where ln Z is there.
    pub log_likelihood: Option<f64>,
    /// mean ln p of the validation data.
    pub validation_log_likelihood: Option<f64>,
    /// mean sum_i ln p(v_i | the others) of the first 1000 rows of the data: no bound of the likelihood.
    pub pseudo_log_likelihood: f64,
    /// Of the first 1000 rows of the validation data.
    pub validation_pseudo_log_likelihood: Option<f64>,
    /// Autocorrelation time of the estimator's chains, in Gibbs steps; missing where it has none.
    pub mixing_time: Option<f64>,
    /// The largest magnitude of a weight.
    pub largest_weight: f64,
}

/// Most units of the smaller layer that are summed for a row: some hundredths of a second.
const EXACT: usize = 20;

/// Rows of data whose pseudo-likelihood is told.
const ROWS: usize = 1000;

/// What is measured on.
pub(super) struct Measured<'a> {
    data: &'a Configurations,
    validation: Option<&'a Configurations>,
    /// The first rows of each.
    few: Configurations,
    few_of_validation: Option<Configurations>,
}

fn first(data: &Configurations) -> Configurations {
    match data.weights() {
        // The first rows of a weighted list stand for nothing.
        Some(_) => data.clone(),
        None => data.select(&(0..data.len().min(ROWS)).collect::<Vec<_>>()),
    }
}

impl<'a> Measured<'a> {
    pub(super) fn new(data: &'a Configurations, validation: Option<&'a Configurations>) -> Self {
        Self { data, validation, few: first(data), few_of_validation: validation.map(first) }
    }

    /// A row for this machine.
    pub(super) fn row(
        &self,
        machine: &Rbm,
        mixing: Option<Mixing>,
        (epoch, update, gibbs_updates): (usize, u64, u64),
    ) -> gibbsite::error::Result<Row> {
        let (n, m) = (machine.visible(), machine.hidden());
        let ln_z = if n.min(m) <= EXACT { Some(log_partition(machine)?) } else { None };
        let weights = machine.parameters()[..n * m].iter();
        Ok(Row {
            epoch,
            update,
            gibbs_updates,
            log_partition: ln_z,
            log_likelihood: ln_z.map(|ln_z| mean_log_weight(machine, self.data) - ln_z),
            validation_log_likelihood: self
                .validation
                .zip(ln_z)
                .map(|(rows, ln_z)| mean_log_weight(machine, rows) - ln_z),
            pseudo_log_likelihood: pseudo_log_likelihood_of_rbm(machine, &self.few),
            validation_pseudo_log_likelihood: self
                .few_of_validation
                .as_ref()
                .map(|rows| pseudo_log_likelihood_of_rbm(machine, rows)),
            mixing_time: mixing.map(|mixing| mixing.tau),
            largest_weight: weights.fold(0.0, |largest: f64, w| largest.max(w.abs())),
        })
    }
}

impl Row {
    /// What the live line says.
    pub(super) fn words(&self) -> String {
        let (name, value, validation) = match self.log_likelihood {
            Some(value) => ("ln p", value, self.validation_log_likelihood),
            None => ("pseudo ln p", self.pseudo_log_likelihood, self.validation_pseudo_log_likelihood),
        };
        let validation = validation.map_or(String::new(), |value| format!(" ({value:.3} of validation)"));
        let mixing = self.mixing_time.map_or(String::new(), |tau| format!(" · tau {tau:.1} steps"));
        format!("{name} {value:.3}{validation}{mixing}")
    }
}

/// The table, with a header.
pub(super) fn table(rows: &[Row]) -> csv::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(Row::FIELD_NAMES)?;
    rows.iter().try_for_each(|row| writer.serialize(row))?;
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// How the machine has learned.
pub(super) fn figure(rows: &[Row], subtitle: String) -> Figure {
    let exact = rows.iter().all(|row| row.log_likelihood.is_some());
    let series = |label: &str, look: Look, of: &dyn Fn(&Row) -> Option<f64>| Series {
        label: label.to_string(),
        look,
        mark: Mark::Band,
        points: rows.iter().filter_map(|row| of(row).map(|y| Point::at(row.epoch as f64, y))).collect(),
    };
    let both = match exact {
        true => [
            series("data", Look::numbered(5), &|row| row.log_likelihood),
            series("validation", Look::numbered(4), &|row| row.validation_log_likelihood),
        ],
        false => [
            series("data", Look::numbered(5), &|row| Some(row.pseudo_log_likelihood)),
            series("validation", Look::numbered(4), &|row| row.validation_pseudo_log_likelihood),
        ],
    };
    let series: Vec<Series> = both.into_iter().filter(|series| !series.points.is_empty()).collect();
    let title = if exact { "How the machine learned" } else { "How the machine learned, by its pseudo-likelihood" };
    let y = if exact { "mean ln p of a configuration (nats)" } else { "mean sum of ln p(v_i | others) (nats)" };
    Figure {
        title: title.to_string(),
        subtitle,
        panels: vec![Panel { series, ..Panel::default() }],
        columns: 1,
        x: Axis::linear("epoch (passes over the data)"),
        y: Axis::linear(y),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsite::law::Law;
    use gibbsite::random::Seed;

    /// ln p(v), and sum_i ln p(v_i | the others), by weights of all states.
    fn by_hand(machine: &Rbm, state: u64) -> (f64, f64) {
        let weight = |state: u64| machine.log_weight(&[state]).exp();
        let flips = (0..machine.visible()).map(|site| weight(state ^ (1 << site)));
        let all: f64 = (0..1 << machine.visible()).map(weight).sum();
        ((weight(state) / all).ln(), flips.map(|flipped| (weight(state) / (weight(state) + flipped)).ln()).sum())
    }

    /// Every number is of the data that its column names: the data are all 0, those for validation all 1.
    #[test]
    fn a_row_is_what_its_columns_say() {
        let mut machine = Rbm::new(3, 2).unwrap();
        let parameters = [0.5, -1.5, 0.25, 2.0, 0.125, -0.75, 0.3, -0.2, 0.1, 0.4, -0.6];
        machine.parameters_mut().copy_from_slice(&parameters);
        let (zeros, mut ones) = (Configurations::zeros(3, 4), Configurations::zeros(3, 2));
        (0..2).for_each(|s| ones.row_mut(s)[0] = 0b111);
        let mixing = Mixing { gibbs_steps: 1, tau: 7.0, ladders: None };
        let row = Measured::new(&zeros, Some(&ones)).row(&machine, Some(mixing), (2, 30, 400)).unwrap();
        let ((data, pseudo), (validation, pseudo_of_validation)) = (by_hand(&machine, 0), by_hand(&machine, 0b111));
        let close = |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-9, "{row:?}");
        close(row.log_likelihood, data);
        close(row.validation_log_likelihood, validation);
        close(Some(row.pseudo_log_likelihood), pseudo);
        close(row.validation_pseudo_log_likelihood, pseudo_of_validation);
        let ln_z: f64 = (0..8).map(|state| machine.log_weight(&[state]).exp()).sum::<f64>().ln();
        close(row.log_partition, ln_z);
        let counts = (row.epoch, row.update, row.gibbs_updates);
        assert_eq!((counts, row.mixing_time, row.largest_weight), ((2, 30, 400), Some(7.0), 2.0));
        assert!(row.words().starts_with(&format!("ln p {data:.3} ({validation:.3} of validation)")), "{}", row.words());
        // Where no layer is small the pseudo-likelihoods are told, and ln Z is not.
        let mut large = Rbm::new(21, 21).unwrap();
        large.initialize(gibbsite::model::rbm::InitialWeights::Gaussian(0.3), Seed::root(1)).unwrap();
        let (zeros, mut ones) = (Configurations::zeros(21, 1), Configurations::zeros(21, 1));
        ones.row_mut(0)[0] = (1 << 21) - 1;
        let row = Measured::new(&zeros, Some(&ones)).row(&large, None, (0, 0, 0)).unwrap();
        assert_eq!((row.log_partition, row.log_likelihood, row.validation_log_likelihood), (None, None, None));
        let (first, second) = (row.pseudo_log_likelihood, row.validation_pseudo_log_likelihood.unwrap());
        assert!(first != second && row.words().starts_with(&format!("pseudo ln p {first:.3} ({second:.3} of")));
        let points = |rows: &[Row]| {
            let figure = figure(rows, String::new());
            figure.panels[0].series.iter().map(|series| (series.label.clone(), series.points[0].y)).collect::<Vec<_>>()
        };
        assert_eq!(points(&[row]), [("data".to_string(), first), ("validation".to_string(), second)]);
    }
}
