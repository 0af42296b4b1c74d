//! How far, in nats a spin, is an RBM from the Ising model at sizes where nobody can enumerate?
//!
//! The divergence D_KL(P || P_model) = ln Z_model - ln Z_Ising + <F - E/T>_P needs no enumeration: ln Z_Ising is
//! Kaufman's (Phys. Rev. 76, 1232 (1949)), ln Z_model comes from annealed importance sampling from both sides
//! (Salakhutdinov and Murray, ICML 2008; Burda, Grosse and Salakhutdinov, AISTATS 2015), and the average is over fresh
//! configurations, so that a machine that has learned its training set by heart is not flattered. ising_kl asks the
//! same where all states can be visited.

mod figures;
mod measure;
mod options;
mod table;

use gibbsite::configuration::Configurations;
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::random::Seed;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::gradient::{ContrastiveDivergence, HiddenStatistics};
use gibbsite::training::trainer::train;
use laboratory::error::Result;
use laboratory::harness;
use laboratory::harness::expectation::announce;
use laboratory::harness::options::ExperimentOptions;
use laboratory::harness::sweep::{Cell as _, Progress, Sweep};
use laboratory::report::file;
use laboratory::report::manifest::{Clock, Manifest};
use measure::Ruler;
use options::{Cell, Options};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::ExitCode;
use std::sync::OnceLock;

/// A row of rows.csv: one machine at one epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    lattice: String,
    temperature: f64,
    hidden: usize,
    replica: usize,
    epoch: usize,
    /// D_KL(P || P_model) in nats, with ln Z from both sides; within its error it may be negative.
    kl: f64,
    /// Of ln Z and of the average over fresh configurations together; missing where one of them cannot be told.
    kl_standard_error: Option<f64>,
    kl_per_site: f64,
    /// With the smallest ln Z of the runs of annealing.
    kl_lower: f64,
    /// With the largest.
    kl_upper: f64,
    /// ln Z of the machine from both sides.
    log_partition: f64,
    log_partition_standard_error: Option<f64>,
    /// ln Z by forward annealing: below it in expectation.
    log_partition_forward: f64,
    /// ln Z by reverse annealing: above it in expectation where the machine can be drawn from exactly.
    log_partition_reverse: f64,
    /// Of the forward run's chains.
    effective_samples: Option<f64>,
    /// Whether the error bar of ln Z is right and the average has converged.
    trusted: bool,
    /// What speaks against that, joined by "; ".
    doubts: String,
}

fn main() -> ExitCode {
    harness::options::main(run)
}

fn run(options: &Options) -> Result<()> {
    let clock = Clock::start();
    let out = harness::options::output_folder(options);
    file::create_folder(&out)?;
    let sweep = Sweep::open(&out, &options.made_with(), options.common.resume)?;
    let cells = options.cells();
    let targets = targets(options)?;
    announce(sweep.work_left(&cells));
    let (rows, cells_resumed) = sweep.run(&cells, |cell, progress| {
        let target = targets.iter().find(|target| target.is_of(cell));
        target.map_or(Ok(Vec::new()), |target| learn(options, target, cell, progress))
    })?;
    file::write_table(&out.join("rows.csv"), &rows)?;
    figures::write(options, &rows, &out)?;
    Manifest::new(Options::NAME, options, cells.len(), cells_resumed, &clock).write(&out)?;
    let text = table::text(options, &rows, &out, clock.elapsed());
    // A reader that closes the pipe early has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// An Ising model, with the training configurations of each replica, which the machines of all sizes share.
struct Target {
    lattice: Lattice,
    ising: Ising,
    seed: Seed,
    /// Drawn when they are first asked for.
    data: Vec<OnceLock<Configurations>>,
}

fn targets(options: &Options) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for &lattice in options.lattices.iter() {
        for temperature in options.temperatures.iter() {
            let name = format!("{lattice} T={temperature} M={}", options.samples);
            targets.push(Target {
                lattice,
                ising: Ising::on_lattice(lattice, 1.0, 0.0, temperature.0)?,
                seed: Seed::root(options.common.seed).child(&name, 0),
                data: (0..options.replicas).map(|_| OnceLock::new()).collect(),
            });
        }
    }
    Ok(targets)
}

impl Target {
    fn is_of(&self, cell: &Cell) -> bool {
        (self.lattice, self.ising.temperature()) == (cell.lattice, cell.temperature)
    }

    /// The training configurations: they depend on the target and the replica alone. Threads that ask at once draw the
    /// same ones, where they would wait otherwise.
    fn data(&self, options: &Options, replica: usize) -> Result<&Configurations> {
        let place = &self.data[replica];
        if let Some(drawn) = place.get() {
            return Ok(drawn);
        }
        let seed = self.seed.child("data", replica as u64);
        let drawn = draw_configurations(&self.ising, options.samples, seed)?;
        Ok(place.get_or_init(|| drawn.configurations))
    }
}

/// Trains a machine and measures it on the way.
fn learn(options: &Options, target: &Target, cell: &Cell, progress: &mut Progress) -> Result<Vec<Row>> {
    let data = target.data(options, cell.replica)?;
    let seed = target.seed.child("hidden", cell.hidden as u64).child("replica", cell.replica as u64);
    let ruler = Ruler::new(options, cell, &target.ising, data, seed)?;
    let mut machine = Rbm::new(target.lattice.sites(), cell.hidden)?;
    machine.initialize(InitialWeights::Gaussian(0.01), seed.child("weights", 0))?;
    let mut measured = machine.clone();
    let mut estimator = ContrastiveDivergence {
        gibbs_steps: options.gibbs_steps,
        clamped_steps: 0,
        hidden_statistics: HiddenStatistics::default(),
    };
    let mut rows = Vec::new();
    train(
        &mut machine,
        &mut estimator,
        data,
        &options.training(),
        seed.child("training", 0),
        &mut |epoch, _, machine| {
            let before = epoch as u64 * cell.epoch_work + rows.len() as u64 * cell.measurement_work;
            let total = cell.work() as usize;
            progress.report(before as usize, total);
            if options.measures(epoch) {
                let parameters = measured.parameters_mut();
                parameters.copy_from_slice(machine.parameters());
                let row = ruler.measure(&measured, epoch, &mut |done, of| {
                    let share = cell.measurement_work as f64 * done as f64 / of.max(1) as f64;
                    progress.report((before + share as u64) as usize, total);
                })?;
                rows.push(row);
            }
            Ok(())
        },
    )?;
    Ok(rows)
}
