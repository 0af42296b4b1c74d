//! How fast, and how well, does a restricted Boltzmann machine learn an Ising model?
//!
//! Trains RBMs on an Ising law (exact, or sampled by Metropolis) with the exact gradient, CD-k and
//! PCD-k over a range of hidden-unit counts, and follows the exact Kullback-Leibler divergence
//! D_KL(P || P_model) to the target. The setting is that of Torlai and Melko, Phys. Rev. B 94, 165134
//! (2016); the question of bias in the estimator that of Fischer and Igel, ICANN 2010.

mod figures;
mod options;
mod table;

use gibbsite::configuration::Configurations;
use gibbsite::enumerate::whole_law;
use gibbsite::model::rbm::Rbm;
use gibbsite::monitor::ExactTarget;
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::gradient::{
    ContrastiveDivergence, Exact, GradientEstimator, PersistentContrastiveDivergence,
};
use gibbsite::training::trainer::train;
use laboratory::error::Result;
use laboratory::harness;
use laboratory::harness::options::ExperimentOptions;
use laboratory::harness::sweep::{Cell as _, Progress, Sweep};
use laboratory::report::file;
use laboratory::report::manifest::{Clock, Manifest};
use options::{Cell, Estimator, Options, Samples, VisibleBias};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::ExitCode;

/// A row of rows.csv: one model at one epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    lattice: String,
    temperature: f64,
    estimator: String,
    /// Empty for the exact gradient, which takes no Gibbs step.
    gibbs_steps: Option<usize>,
    hidden: usize,
    replica: usize,
    epoch: usize,
    updates: u64,
    /// D_KL(P || P_model) in nats, always against the target.
    kl: f64,
    /// Mean ln P_model of a training configuration, in nats.
    log_likelihood: f64,
    /// ln Z of the model.
    log_partition: f64,
}

/// A target with its training data, one set a replica.
struct Task {
    lattice: Lattice,
    target: ExactTarget,
    data: Vec<Data>,
}

struct Data {
    training: Configurations,
    /// The distinct training configurations; none where the data are the law itself.
    sample: Option<Configurations>,
}

fn main() -> ExitCode {
    harness::options::main(run)
}

fn run(options: &Options) -> Result<()> {
    let clock = Clock::start();
    let out = harness::options::output_folder(options);
    file::create_folder(&out)?;
    let sweep = Sweep::open(&out, &options.made_with(), options.common.resume)?;
    let tasks: Vec<Task> = options
        .lattice
        .iter()
        .map(|l| prepare(options, *l))
        .collect::<Result<_>>()?;
    let cells = options.cells();
    let (rows, cells_resumed) = sweep.run(&cells, |cell, progress| {
        let task = tasks.iter().find(|task| task.lattice == cell.lattice);
        task.map_or(Ok(Vec::new()), |task| learn(options, task, cell, progress))
    })?;
    file::write_table(&out.join("rows.csv"), &rows)?;
    figures::write(options, &rows, &out)?;
    Manifest::new(Options::NAME, options, cells.len(), cells_resumed, &clock).write(&out)?;
    let text = table::text(options, &rows, &out, clock.elapsed());
    // A reader that closes the pipe early has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

fn prepare(options: &Options, lattice: Lattice) -> Result<Task> {
    let ising = Ising::on_lattice(
        lattice,
        options.coupling,
        options.field,
        options.temperature,
    )?;
    let seed = Seed::root(options.common.seed).child(&options.target_name(lattice), 0);
    let data = (0..options.replicas)
        .into_par_iter()
        .map(|replica| match options.samples {
            Samples::Exact => Ok(Data {
                training: whole_law(&ising)?,
                sample: None,
            }),
            Samples::Count(count) => {
                let seed = seed.child("data", replica as u64);
                let training = draw_configurations(&ising, count, seed)?.configurations;
                Ok(Data {
                    sample: Some(training.distinct()),
                    training,
                })
            }
        });
    Ok(Task {
        lattice,
        target: ExactTarget::new(&ising)?,
        data: data.collect::<Result<_>>()?,
    })
}

fn learn(options: &Options, task: &Task, cell: &Cell, progress: &mut Progress) -> Result<Vec<Row>> {
    let data = &task.data[cell.replica];
    let target_seed = Seed::root(options.common.seed).child(&options.target_name(cell.lattice), 0);
    // Weights depend on the model and the replica only, so that estimators start alike.
    let weights_seed = target_seed
        .child("hidden", cell.hidden as u64)
        .child("weights", cell.replica as u64);
    let seed = target_seed.child(&cell.id(), 0);

    let mut model = Rbm::new(cell.lattice.sites(), cell.hidden)?;
    model.initialize(options.initial_weights, weights_seed)?;
    if options.visible_bias == VisibleBias::Data {
        model.set_visible_bias_from(&data.training);
    }
    let mut estimator = make_estimator(options, cell, &data.training, seed)?;
    let mut rows = Vec::new();
    let seed = seed.child("training", 0);
    train(
        &mut model,
        &mut *estimator,
        &data.training,
        &options.training(),
        seed,
        &mut |epoch, updates, model| {
            if epoch % options.every == 0 || epoch == options.epochs {
                let record = task
                    .target
                    .measure(&*model.marginal()?, data.sample.as_ref())?;
                rows.push(Row {
                    lattice: cell.lattice.to_string(),
                    temperature: options.temperature,
                    estimator: cell.estimator.to_string(),
                    gibbs_steps: cell.gibbs_steps,
                    hidden: cell.hidden,
                    replica: cell.replica,
                    epoch,
                    updates,
                    kl: record.kl,
                    log_likelihood: record.log_likelihood,
                    log_partition: record.log_partition,
                });
                progress.report(epoch, options.epochs);
            }
            Ok(())
        },
    )?;
    Ok(rows)
}

fn make_estimator(
    options: &Options,
    cell: &Cell,
    data: &Configurations,
    seed: Seed,
) -> Result<Box<dyn GradientEstimator>> {
    let hidden_statistics = options.hidden_statistics;
    let gibbs_steps = cell.gibbs_steps.unwrap_or(0);
    Ok(match cell.estimator {
        Estimator::Exact => Box::new(Exact),
        Estimator::Cd => Box::new(ContrastiveDivergence {
            gibbs_steps,
            clamped_steps: 0,
            hidden_statistics,
        }),
        Estimator::Pcd => {
            let starts = RowSampler::new(data)?.draw(options.chains, seed.child("starts", 0));
            let seed = seed.child("chains", 0);
            Box::new(PersistentContrastiveDivergence::new(
                gibbs_steps,
                hidden_statistics,
                &starts,
                cell.hidden,
                seed,
            )?)
        }
    })
}
