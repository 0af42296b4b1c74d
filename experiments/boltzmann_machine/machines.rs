//! The sweep over targets, machines and the grid of how they are trained.

use super::options::{Estimator, Kind, Options, Target, general_hidden};
use gibbsite::configuration::Configurations;
use gibbsite::enumerate::whole_law;
use gibbsite::model::Model;
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monitor::ExactTarget;
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{
    Exact, GradientEstimator, HiddenStatistics, PersistentContrastiveDivergence, Phase, TwoGibbsRuns,
};
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::{Training, train};
use laboratory::error::Result;
use laboratory::harness::sweep::{self, Progress};
use serde::{Deserialize, Serialize};

/// A row of rows.csv: one machine after some updates.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub target: String,
    pub model: String,
    pub visible: usize,
    pub hidden: usize,
    pub parameters: usize,
    /// The estimator with its place in the grid, such as `pcd(burn_in=3;chains=50;rate=0.2)`.
    pub estimator: String,
    /// Empty for the exact gradient.
    pub gibbs_steps: Option<usize>,
    pub replica: usize,
    pub updates: u64,
    /// Units drawn x chains so far, both phases, analytic probabilities counted as draws.
    pub gibbs_updates: u64,
    /// D_KL(P || P_model) in nats.
    pub kl: f64,
    /// Mean ln P_model under the target, in nats.
    pub log_likelihood: f64,
}

/// One machine, trained in one way.
#[derive(Clone, Debug)]
pub struct Cell {
    target: Target,
    kind: Kind,
    visible: usize,
    hidden: usize,
    estimator: Estimator,
    gibbs_steps: Option<usize>,
    burn_in: usize,
    chains: usize,
    rate: f64,
    replica: usize,
    updates: usize,
}

impl Cell {
    /// How the machine is trained, less the Gibbs steps, which have a column of their own.
    fn training_name(&self) -> String {
        let burn_in = match self.kind {
            Kind::General => format!("burn_in={};", self.burn_in),
            _ if self.estimator == Estimator::TwoRuns => format!("burn_in={};", self.burn_in),
            _ => String::new(),
        };
        match self.estimator {
            Estimator::Exact => format!("exact(rate={})", self.rate),
            name => format!("{name}({burn_in}chains={};rate={})", self.chains, self.rate),
        }
    }
}

/// The updates after which a machine is measured: 0, 1, 2, ..., ever farther apart, and the last.
fn measured(updates: usize) -> Vec<usize> {
    let next = |&at: &usize| (at < updates).then(|| (at + 1).max((at as f64 * 1.2) as usize).min(updates));
    std::iter::successors(Some(0), next).collect()
}

impl sweep::Cell for Cell {
    fn rows(&self) -> usize {
        measured(self.updates).len()
    }

    fn id(&self) -> String {
        let Self { target, kind, hidden, replica, .. } = self;
        let steps = self.gibbs_steps.map_or(String::new(), |k| format!("_k{k}"));
        let name = format!("{target}_{kind}_h{hidden}_{}{steps}_r{replica}", self.training_name());
        name.replace([':', ';', '(', ')', '='], "-")
    }

    fn work(&self) -> u64 {
        let units = self.visible + self.hidden;
        let steps = self.gibbs_steps.unwrap_or(self.burn_in) + self.burn_in;
        let per_update = match self.estimator {
            Estimator::Exact => (1_u64 << units.min(20)) as f64 / 4.0,
            _ => self.chains as f64 * (units * units) as f64 * steps as f64 / 4.0,
        };
        // Bounded, so that the sum over cells is a number too.
        (self.updates as f64 * (per_update + 2000.0)).min(1e12) as u64
    }
}

/// Every cell, in the order of rows.csv. Only the general machine has a burn-in with the data clamped: a
/// restricted machine's hidden units are independent given the data, a fully visible one has none.
pub fn cells(options: &Options) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    for target in options.targets.iter() {
        let visible = target.law(options.temperature)?.sites();
        for &kind in options.models.iter() {
            let hidden: Vec<usize> = match kind {
                Kind::Visible => vec![0],
                Kind::General => options.hidden.iter().map(|h| general_hidden(visible, h.0)).collect(),
                Kind::Restricted => options.hidden.iter().map(|h| h.0).collect(),
            };
            let mut sizes: Vec<usize> = Vec::new();
            hidden.into_iter().for_each(|h| {
                if !sizes.contains(&h) {
                    sizes.push(h)
                }
            });
            for hidden in sizes {
                for &estimator in options.estimators.iter() {
                    let template = Cell {
                        target: target.clone(),
                        kind,
                        visible,
                        hidden,
                        estimator,
                        gibbs_steps: None,
                        burn_in: 1,
                        chains: 1,
                        rate: 0.0,
                        replica: 0,
                        updates: options.updates,
                    };
                    add_grid(options, &template, &mut cells);
                }
            }
        }
    }
    Ok(cells)
}

fn add_grid(options: &Options, template: &Cell, cells: &mut Vec<Cell>) {
    let samples = template.estimator != Estimator::Exact;
    let persistent = template.estimator == Estimator::Pcd;
    let burns = samples && (template.kind == Kind::General || !persistent);
    let steps: Vec<Option<usize>> = match persistent {
        true => options.gibbs_steps.iter().map(|k| Some(k.0)).collect(),
        false => vec![None],
    };
    let one = [laboratory::value::Positive(1)];
    let burn_ins = if burns { &options.burn_in[..] } else { &one[..] };
    let chains = if samples { &options.chains[..] } else { &one[..] };
    for gibbs_steps in steps {
        for burn_in in burn_ins {
            for chains in chains {
                for rate in options.learning_rate.iter() {
                    for replica in 0..options.replicas {
                        cells.push(Cell {
                            gibbs_steps,
                            burn_in: burn_in.0,
                            chains: chains.0,
                            rate: rate.0,
                            replica,
                            ..template.clone()
                        });
                    }
                }
            }
        }
    }
}

/// A target with its exact tables.
pub struct Task {
    target: Target,
    table: ExactTarget,
    law: Configurations,
}

/// One for each target.
pub fn tasks(options: &Options) -> Result<Vec<Task>> {
    let task = |target: &Target| {
        let law = target.law(options.temperature)?;
        Ok(Task { target: target.clone(), table: ExactTarget::new(&*law)?, law: whole_law(&*law)? })
    };
    options.targets.iter().map(task).collect()
}

/// Trains one cell and measures it after 0, 1, 2, ... updates, ever farther apart.
pub fn learn(options: &Options, tasks: &[Task], cell: &Cell, progress: &mut Progress) -> Result<Vec<Row>> {
    let Some(task) = tasks.iter().find(|task| task.target == cell.target) else {
        return Ok(Vec::new());
    };
    let target_seed = Seed::root(options.common.seed).child(&cell.target.to_string(), 0);
    // First weights depend on the machine and the replica only.
    let weights_seed = target_seed.child(&format!("{} {} weights", cell.kind, cell.hidden), cell.replica as u64);
    let seed = target_seed.child(&sweep::Cell::id(cell), 0);
    let mut model = make_model(options, cell, weights_seed)?;
    let sampler = RowSampler::new(&task.law)?;
    let mut estimator = DrawnData {
        inner: make_estimator(cell, &sampler, seed)?,
        sampler: &sampler,
        // The exact gradient, and a law of few configurations, take all of them.
        draws: (cell.estimator != Estimator::Exact && task.law.len() > cell.chains).then_some(cell.chains),
    };
    let whole = Batch::Law { law: &task.law, sampler: &sampler, chains: cell.chains };
    let work = estimator.gibbs_updates(&*model, &whole);
    let parameters = model.parameters().len();
    let training = Training {
        epochs: options.updates,
        batch: cell.chains,
        learning_rate: cell.rate,
        decay: Decay::None,
        momentum: 0.0,
        weight_decay: 0.0,
    };
    let mut rows = Vec::new();
    let measured = measured(options.updates);
    train(
        &mut *model,
        &mut estimator,
        &task.law,
        &training,
        seed.child("training", 0),
        &mut |epoch, updates, model| {
            if measured.binary_search(&epoch).is_err() {
                return Ok(());
            }
            progress.report(epoch, options.updates);
            let record = task.table.measure(&*model.marginal()?, None)?;
            rows.push(Row {
                target: cell.target.to_string(),
                model: cell.kind.to_string(),
                visible: cell.visible,
                hidden: cell.hidden,
                parameters,
                estimator: cell.training_name(),
                gibbs_steps: cell.gibbs_steps,
                replica: cell.replica,
                updates,
                gibbs_updates: updates * work,
                kl: record.kl,
                log_likelihood: record.log_likelihood,
            });
            Ok(())
        },
    )?;
    Ok(rows)
}

fn make_model(options: &Options, cell: &Cell, seed: Seed) -> Result<Box<dyn Model>> {
    Ok(match cell.kind {
        Kind::Restricted => {
            let mut rbm = Rbm::new(cell.visible, cell.hidden)?;
            rbm.initialize(InitialWeights::Gaussian(options.initial_weights), seed)?;
            Box::new(rbm)
        }
        Kind::Visible | Kind::General => {
            let edges = full_graph(cell.visible + cell.hidden);
            let mut machine = BoltzmannMachine::new(cell.visible, cell.hidden, &edges)?;
            machine.initialize(options.initial_weights, seed)?;
            Box::new(machine)
        }
    })
}

fn make_estimator(cell: &Cell, sampler: &RowSampler, seed: Seed) -> Result<Box<dyn GradientEstimator>> {
    let hidden_statistics = match cell.kind {
        Kind::General => HiddenStatistics {
            positive: Phase::Sampled { clamped_steps: cell.burn_in },
            negative: Phase::Sampled { clamped_steps: 1 },
        },
        // Independent given the data: one step is exact, and needs no random number.
        Kind::Visible | Kind::Restricted => HiddenStatistics::default(),
    };
    Ok(match cell.estimator {
        Estimator::Exact => Box::new(Exact),
        Estimator::TwoRuns => Box::new(TwoGibbsRuns { chains: cell.chains, burn_in: cell.burn_in, hidden_statistics }),
        Estimator::Pcd => {
            let starts = sampler.draw(cell.chains, seed.child("starts", 0));
            let steps = cell.gibbs_steps.unwrap_or(1);
            let seed = seed.child("chains", 0);
            Box::new(PersistentContrastiveDivergence::new(steps, hidden_statistics, &starts, cell.hidden, seed)?)
        }
    })
}

/// Data drawn afresh from the target for every update.
struct DrawnData<'a> {
    inner: Box<dyn GradientEstimator>,
    sampler: &'a RowSampler<'a>,
    draws: Option<usize>,
}

impl GradientEstimator for DrawnData<'_> {
    fn estimate(
        &mut self,
        model: &dyn Model,
        batch: &Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> gibbsite::error::Result<()> {
        match self.drawn(seed.child("data", 0)) {
            Some(drawn) => self.inner.estimate(model, &drawn, seed, gradient),
            None => self.inner.estimate(model, batch, seed, gradient),
        }
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        // Every batch is as large as any other.
        match self.drawn(Seed::root(0)) {
            Some(drawn) => self.inner.gibbs_updates(model, &drawn),
            None => self.inner.gibbs_updates(model, batch),
        }
    }
}

impl DrawnData<'_> {
    fn drawn(&self, seed: Seed) -> Option<Batch<'static>> {
        let draws = self.draws?;
        Some(Batch::Rows(self.sampler.draw(draws, seed)))
    }
}
