//! Does a machine that dreams of spins have their energy, specific heat, magnetisation and susceptibility?
//!
//! One RBM a temperature is trained on configurations of the Ising model and generates its own; their observables are
//! held against Monte Carlo and against the exact solution. The second figure of the field after KL: Torlai and Melko,
//! Phys. Rev. B 94, 165134 (2016); Morningstar and Melko, JMLR 18, 163 (2018).

mod exact;
mod figures;
mod options;
mod table;

use exact::Exact;
use gibbsite::configuration::{Configurations, used_bits};
use gibbsite::law::{Chains, Law};
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monitor::observables::{
    Coordinates, HIDDEN_LIMIT, Sampled, exact_moments, kinds_of_starts, mixed_starts, sample, sample_model,
};
use gibbsite::monte_carlo::cluster::Wolff;
use gibbsite::monte_carlo::coloured::multi_spin_metropolis;
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::monte_carlo::schedule::Schedule;
use gibbsite::random::Seed;
use gibbsite::statistics::doubt::Doubt;
use gibbsite::statistics::estimate::Estimate;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::observable::Observable;
use gibbsite::training::gradient::{ContrastiveDivergence, HiddenStatistics};
use gibbsite::training::trainer::train;
use laboratory::error::Result;
use laboratory::harness;
use laboratory::harness::options::ExperimentOptions;
use laboratory::harness::sweep::{Progress, Sweep};
use laboratory::report::file;
use laboratory::report::manifest::{Clock, Manifest};
use options::{Cell, Options, Source};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::ExitCode;
use std::sync::OnceLock;

/// A row of rows.csv: an observable of one source at one temperature.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    lattice: String,
    temperature: f64,
    /// exact, monte_carlo, rbm (its block Gibbs sampler) or rbm_exact (its hidden units enumerated).
    source: String,
    hidden: Option<usize>,
    replica: Option<usize>,
    observable: String,
    value: f64,
    /// Of sampling, not of training.
    standard_error: Option<f64>,
    /// In steps of the sampler.
    tau: Option<f64>,
    effective_samples: Option<f64>,
    converged: bool,
    /// Why there is no standard error.
    doubt: Option<Doubt>,
}

/// A row of energy_histogram.csv, and how a cell keeps it: the probability of an energy.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct HistogramRow {
    lattice: String,
    temperature: f64,
    source: String,
    hidden: Option<usize>,
    replica: Option<usize>,
    energy: f64,
    probability: f64,
}

/// What stands for an observable's name where a cell keeps the probability of an energy.
const HISTOGRAM: &str = "probability of energy ";

fn main() -> ExitCode {
    harness::options::main(run)
}

fn run(options: &Options) -> Result<()> {
    let clock = Clock::start();
    let out = harness::options::output_folder(options);
    file::create_folder(&out)?;
    let sweep = Sweep::open(&out, &options.made_with(), options.common.resume)?;
    let cells = options.cells();
    let data = Data::new(options);
    let exact = Exact::of(options.lattice)?;
    let (kept, cells_resumed) = sweep.run(&cells, |cell, progress| match cell.source {
        Source::Exact => known(options, cell, &exact),
        Source::MonteCarlo => monte_carlo(options, cell, progress),
        Source::Machine { hidden, replica } => dream(options, cell, (hidden, replica), &data, progress),
    })?;
    let (rows, histogram) = assemble(options, kept, &exact);
    file::write_table(&out.join("rows.csv"), &rows)?;
    file::write_table(&out.join("energy_histogram.csv"), &histogram)?;
    figures::write(options, &rows, &histogram, &exact, &out)?;
    Manifest::new(Options::NAME, options, cells.len(), cells_resumed, &clock).write(&out)?;
    let text = table::text(options, &rows, &out, clock.elapsed());
    // A reader that closes the pipe early has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Training configurations, drawn when they are first asked for.
struct Data<'a> {
    options: &'a Options,
    /// For every temperature, its replicas.
    drawn: Vec<Vec<OnceLock<Configurations>>>,
}

impl<'a> Data<'a> {
    fn new(options: &'a Options) -> Self {
        let replicas = || (0..options.replicas).map(|_| OnceLock::new()).collect();
        Self { options, drawn: options.temperatures.iter().map(|_| replicas()).collect() }
    }

    /// They depend on the target and the replica alone. Threads that ask at once draw the same ones, where they would wait
    /// otherwise.
    fn get(&self, ising: &Ising, replica: usize) -> Result<Option<&Configurations>> {
        let temperatures = &self.options.temperatures;
        let place = temperatures.iter().position(|t| t.0 == ising.temperature());
        let Some(place) = place.map(|place| &self.drawn[place][replica]) else {
            return Ok(None);
        };
        if let Some(drawn) = place.get() {
            return Ok(Some(drawn));
        }
        let seed = target_seed(self.options, ising.temperature()).child("data", replica as u64);
        let drawn = draw_configurations(ising, self.options.samples, seed)?;
        Ok(Some(place.get_or_init(|| drawn.configurations)))
    }
}

fn target(options: &Options, temperature: f64) -> gibbsite::error::Result<Ising> {
    Ising::on_lattice(options.lattice, 1.0, 0.0, temperature)
}

fn target_seed(options: &Options, temperature: f64) -> Seed {
    let name = format!("{} T={temperature} M={}", options.lattice, options.samples);
    Seed::root(options.common.seed).child(&name, 0)
}

/// What is known exactly.
fn known(options: &Options, cell: &Cell, exact: &Exact) -> Result<Vec<Row>> {
    let values = exact.observables(cell.temperature)?.into_iter();
    let row =
        |(observable, value): (Observable, f64)| row(options, cell, "exact", observable.name(), Estimate::exact(value));
    Ok(values.map(row).collect())
}

/// The Ising model by one Wolff cluster and one Metropolis sweep in turn, from random states and from all spins up.
fn monte_carlo(options: &Options, cell: &Cell, progress: &mut Progress) -> Result<Vec<Row>> {
    let ising = target(options, cell.temperature)?;
    let seed = target_seed(options, cell.temperature).child("monte carlo", 0);
    let kernel = Schedule::new(vec![(Box::new(Wolff::new(&ising)), 1), (Box::new(multi_spin_metropolis(&ising)?), 1)]);
    let sites = ising.sites();
    let mut up = Configurations::zeros(sites, 1);
    for (word, bits) in up.row_mut(0).iter_mut().enumerate() {
        *bits = used_bits(sites, word);
    }
    let sampling = options.sampling();
    let starts = mixed_starts(&up, sites, sampling.chains, seed.child("starts", 0))?;
    let mut chains = Chains::new(starts, seed.child("chains", 0));
    let report = &mut |done, of| progress.report(done, of);
    let kinds = kinds_of_starts(sampling.chains);
    let coordinates = Coordinates::of_law(&ising);
    let chains = (&mut chains, &kinds[..]);
    let sampled = sample(&ising, &kernel, chains, &coordinates, sampling, report);
    Ok(rows_of(options, cell, "monte_carlo", &sampled))
}

/// Trains a machine and measures what it generates.
fn dream(
    options: &Options,
    cell: &Cell,
    (hidden, replica): (usize, usize),
    data: &Data,
    progress: &mut Progress,
) -> Result<Vec<Row>> {
    let ising = target(options, cell.temperature)?;
    let Some(data) = data.get(&ising, replica)? else {
        return Ok(Vec::new());
    };
    let seed = target_seed(options, cell.temperature).child("hidden", hidden as u64).child("replica", replica as u64);
    let mut model = Rbm::new(ising.sites(), hidden)?;
    model.initialize(InitialWeights::Gaussian(0.01), seed.child("weights", 0))?;
    let mut estimator = ContrastiveDivergence {
        gibbs_steps: options.gibbs_steps,
        clamped_steps: 0,
        hidden_statistics: HiddenStatistics::default(),
    };
    let sampling = options.sampling();
    // Steps of all chains, in training and after it.
    let training = options.epochs * options.samples * (options.gibbs_steps + 3);
    let steps = sampling.equilibration + sampling.measured;
    let total = training + steps * sampling.chains;
    train(&mut model, &mut estimator, data, &options.training(), seed.child("training", 0), &mut |epoch, _, _| {
        progress.report(training / options.epochs * epoch, total);
        Ok(())
    })?;
    let report = &mut |done: usize, _| progress.report(training + done * sampling.chains, total);
    let sampled = sample_model(&ising, &model, data, sampling, seed.child("sampling", 0), report)?;
    let mut rows = rows_of(options, cell, "rbm", &sampled);
    if hidden <= HIDDEN_LIMIT {
        let expectations = exact_moments(&ising, &model)?;
        let exact = Observable::ALL.map(|observable| {
            let value = observable.exactly(&expectations, ising.sites(), cell.temperature);
            row(options, cell, "rbm_exact", observable.name(), Estimate::exact(value))
        });
        rows.extend(exact);
    }
    Ok(rows)
}

fn rows_of(options: &Options, cell: &Cell, source: &str, sampled: &Sampled) -> Vec<Row> {
    let mut rows: Vec<Row> = Observable::ALL
        .iter()
        .map(|observable| {
            let estimate = sampled.estimate(*observable);
            row(options, cell, source, observable.name(), estimate)
        })
        .collect();
    if cell.temperature == options.histogram_temperature() {
        rows.extend(options.energies().map(|energy| {
            let probability = Estimate::exact(sampled.energy_probability(energy));
            row(options, cell, source, &format!("{HISTOGRAM}{energy}"), probability)
        }));
    }
    rows
}

fn row(options: &Options, cell: &Cell, source: &str, observable: &str, estimate: Estimate) -> Row {
    let (hidden, replica) = match cell.source {
        Source::Exact | Source::MonteCarlo => (None, None),
        Source::Machine { hidden, replica } => (Some(hidden), Some(replica)),
    };
    Row {
        lattice: options.lattice.to_string(),
        temperature: cell.temperature,
        source: source.to_string(),
        hidden,
        replica,
        observable: observable.to_string(),
        value: estimate.value,
        standard_error: estimate.standard_error,
        tau: estimate.tau,
        effective_samples: estimate.effective_samples,
        converged: estimate.converged(),
        doubt: estimate.doubt,
    }
}

/// Parts observables from histograms, and adds the exact one.
fn assemble(options: &Options, kept: Vec<Row>, exact: &Exact) -> (Vec<Row>, Vec<HistogramRow>) {
    let temperature = options.histogram_temperature();
    let exact_law = exact.energy_law(temperature).into_iter();
    let mut histogram: Vec<HistogramRow> = exact_law
        .map(|(energy, probability)| HistogramRow {
            lattice: options.lattice.to_string(),
            temperature,
            source: "exact".to_string(),
            hidden: None,
            replica: None,
            energy,
            probability,
        })
        .collect();
    let mut rows = Vec::new();
    for row in kept {
        match row.observable.strip_prefix(HISTOGRAM).map(str::parse) {
            Some(Ok(energy)) if row.value > 0.0 => histogram.push(HistogramRow {
                lattice: row.lattice,
                temperature,
                source: row.source,
                hidden: row.hidden,
                replica: row.replica,
                energy,
                probability: row.value,
            }),
            Some(_) => {}
            None => rows.push(row),
        }
    }
    (rows, histogram)
}
