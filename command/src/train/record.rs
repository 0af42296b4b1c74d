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
    let series = |label: &str, look: usize, of: &dyn Fn(&Row) -> Option<f64>| Series {
        label: label.to_string(),
        look: Look::numbered(look),
        mark: Mark::Band,
        points: rows
            .iter()
            .filter_map(|row| of(row).map(|y| Point { x: row.epoch as f64, y, low: y, high: y }))
            .collect(),
    };
    let both = match exact {
        true => [
            series("data", 5, &|row| row.log_likelihood),
            series("validation", 4, &|row| row.validation_log_likelihood),
        ],
        false => [
            series("data", 5, &|row| Some(row.pseudo_log_likelihood)),
            series("validation", 4, &|row| row.validation_pseudo_log_likelihood),
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
