//! What is measured of a machine of digits.

use super::digits::{Binarisation, Database, LABELS};
use gibbsite::enumerate::{log_partition, mean_log_weight};
use gibbsite::log_partition::annealing::Tempering;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracketing;
use gibbsite::model::labelled_rbm::LabelledRbm;
use gibbsite::monitor::pseudo_likelihood::pseudo_log_likelihood;
use gibbsite::prelude::*;
use laboratory::prelude::*;
use rayon::prelude::*;

/// A machine of digits, with or without labels.
pub trait Machine: Model + Clone {
    /// The RBM that it is.
    fn rbm(&self) -> &Rbm;

    /// The law of the pixels: labels are summed over.
    fn pixel_law(&self) -> Box<dyn Law + '_>;

    /// Itself, where it has labels.
    fn labelled(&self) -> Option<&LabelledRbm>;
}

impl Machine for Rbm {
    fn rbm(&self) -> &Rbm {
        self
    }

    fn pixel_law(&self) -> Box<dyn Law + '_> {
        Box::new(self)
    }

    fn labelled(&self) -> Option<&LabelledRbm> {
        None
    }
}

impl Machine for LabelledRbm {
    fn rbm(&self) -> &Rbm {
        LabelledRbm::rbm(self)
    }

    fn pixel_law(&self) -> Box<dyn Law + '_> {
        Box::new(LabelledRbm::pixel_law(self))
    }

    fn labelled(&self) -> Option<&LabelledRbm> {
        Some(self)
    }
}

/// Hidden units up to which ln Z is summed exactly at every measurement: at 25 that takes two seconds on two cores.
const SUMMED: usize = 25;

/// Digits of the training set whose likelihood is measured.
const SEEN: usize = 10_000;

/// Digits for the reconstruction error.
const FEW: usize = 500;

/// Steps of the machine on data before reverse annealing starts there.
const DATA_STEPS: usize = 500;

/// The digits that every machine of a run is measured on, made binary once and for all.
pub struct Exam {
    /// Training digits, those that were seen.
    seen: Configurations,
    /// Test digits with their labels behind the pixels, whether or not the machine has any.
    pub test: Configurations,
    /// What the test digits show.
    pub labels: Vec<usize>,
    /// Pixels of a digit.
    pub pixels: usize,
}

/// A machine at one epoch.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
pub struct Row {
    /// Passes over the training digits so far.
    pub epoch: usize,
    /// Updates so far.
    pub updates: u64,
    /// Mean over test digits of sum_i ln p(v_i | v_-i) in nats, by one pixel a digit, the same for all machines; labels are summed over.
    pub pseudo_log_likelihood: f64,
    /// Mean squared distance of a unit from its reconstruction in mean field, over 500 test digits.
    pub reconstruction_error: f64,
    /// Mean free energy of test digits less that of training digits, in nats: grows where a machine learns by heart.
    pub free_energy_gap: f64,
    /// Mean ln p(v) of the first 10,000 training digits, in nats; labels are summed over.
    pub train_log_likelihood: f64,
    /// The same of the test digits.
    pub test_log_likelihood: f64,
    /// The same with the largest ln Z of all runs.
    pub test_log_likelihood_lower: f64,
    /// The same with the smallest ln Z of all runs.
    pub test_log_likelihood_upper: f64,
    /// The same with ln Z by forward annealing alone, as it is often published: too high in expectation.
    pub test_log_likelihood_forward: f64,
    /// ln Z: summed exactly up to 25 hidden units, else annealed from both sides.
    pub log_partition: f64,
    /// Its standard error; empty where it is exact, or where it cannot be told.
    pub log_partition_standard_error: Option<f64>,
    /// Whether ln Z is exact, or its error bar is right.
    pub trusted: bool,
    /// What speaks against that, joined by "; ".
    pub doubts: String,
    /// Share of test digits whose likeliest label, by p(l | v), is another; empty for machines without labels.
    pub label_error: Option<f64>,
}

/// How ln Z is annealed.
pub struct Annealing {
    /// Temperatures.
    pub temperatures: usize,
    /// Chains of each run.
    pub chains: usize,
    /// What starts reverse annealing.
    pub tempering: Tempering,
}

/// ln Z with its ends.
struct LogZ {
    value: f64,
    lower: f64,
    upper: f64,
    forward: f64,
    standard_error: Option<f64>,
    doubts: String,
}

impl Exam {
    /// One test set for all machines and all seeds: how it is drawn depends on `how` alone.
    pub fn new(database: &Database, digits: usize, how: Binarisation) -> Self {
        let seed = Seed::root(784).child("exam", 0);
        let test = &database.test;
        Self {
            seen: database.training.rows(digits.min(SEEN), how, true, seed.child("seen", 0)),
            test: test.rows(test.len(), how, true, seed.child("test", 0)),
            labels: (0..test.len()).map(|s| test.label(s)).collect(),
            pixels: test.pixels(),
        }
    }

    /// The first test digits, with labels where the machine has some.
    pub fn first<M: Machine>(&self, machine: &M, count: usize) -> Configurations {
        let mut rows = Configurations::zeros(machine.visible(), count.min(self.test.len()));
        let words = rows.words();
        for s in 0..rows.len() {
            let sites = machine.visible();
            let row = rows.row_mut(s);
            row.copy_from_slice(&self.test.row(s)[..words]);
            if let Some(last) = row.last_mut() {
                *last &= gibbsite::configuration::used_bits(sites, words - 1);
            }
        }
        rows
    }

    /// The likeliest label of every test digit.
    pub fn recognised(&self, machine: &LabelledRbm) -> Vec<usize> {
        let best = |s: usize| {
            let weights = machine.log_weights_of_labels(self.test.row(s));
            (0..LABELS).fold(0, |best, label| if weights[label] > weights[best] { label } else { best })
        };
        (0..self.test.len()).into_par_iter().map(best).collect()
    }

    /// Measures a machine; `report(share)` is called now and then.
    pub fn measure<M: Machine>(
        &self,
        machine: &M,
        (epoch, updates): (usize, u64),
        annealing: &Annealing,
        seed: Seed,
        report: &mut dyn FnMut(f64),
    ) -> Result<Row> {
        let law = machine.pixel_law();
        let (train, test) = (mean_log_weight(&*law, &self.seen), mean_log_weight(&*law, &self.test));
        let ln_z = self.log_partition(machine, annealing, seed, report)?;
        let label_error = machine.labelled().map(|machine| {
            let wrong =
                self.recognised(machine).iter().zip(&self.labels).filter(|(found, label)| found != label).count();
            wrong as f64 / self.labels.len() as f64
        });
        Ok(Row {
            epoch,
            updates,
            // The same pixels for every machine, so that machines compare.
            pseudo_log_likelihood: pseudo_log_likelihood(&*law, &self.test, Some(1), Seed::root(784).child("sites", 0)),
            reconstruction_error: machine.rbm().reconstruction_error(&self.first(machine, FEW)),
            free_energy_gap: train - test,
            train_log_likelihood: train - ln_z.value,
            test_log_likelihood: test - ln_z.value,
            test_log_likelihood_lower: test - ln_z.upper,
            test_log_likelihood_upper: test - ln_z.lower,
            test_log_likelihood_forward: test - ln_z.forward,
            log_partition: ln_z.value,
            log_partition_standard_error: ln_z.standard_error,
            trusted: ln_z.doubts.is_empty(),
            doubts: ln_z.doubts,
            label_error,
        })
    }

    fn log_partition<M: Machine>(
        &self,
        machine: &M,
        annealing: &Annealing,
        seed: Seed,
        report: &mut dyn FnMut(f64),
    ) -> Result<LogZ> {
        if machine.hidden() <= SUMMED {
            let value = log_partition(&*machine.marginal()?)?;
            return Ok(LogZ {
                value,
                lower: value,
                upper: value,
                forward: value,
                standard_error: None,
                doubts: String::new(),
            });
        }
        let data = self.first(machine, self.test.len());
        let bracketing = Bracketing {
            betas: Betas::Adaptive(annealing.temperatures),
            chains: annealing.chains,
            tempering: annealing.tempering,
            data: Some((&data, DATA_STEPS)),
        };
        let path = machine.path(Some(&data))?;
        let found = bracketing.measure(&*path, seed.child("annealing", 0), &mut |done, of: usize| {
            report(done as f64 / of.max(1) as f64);
        })?;
        Ok(LogZ {
            value: found.value,
            lower: found.lower(),
            upper: found.upper(),
            forward: found.forward.value,
            standard_error: found.standard_error,
            doubts: gibbsite::log_partition::names(&found.doubts),
        })
    }
}
