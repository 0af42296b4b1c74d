//! Which estimators run on a subject, and with how much work.

use super::options::Options;
use super::subjects::{Family, Subject};
use gibbsite::error::Result;
use gibbsite::log_partition::annealing::{AnnealingRun, ForwardAnnealing, ReverseAnnealing, Starts};
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::log_partition::thermodynamic_integration::ThermodynamicIntegration;
use gibbsite::log_partition::{LogPartition, LogPartitionEstimator};
use gibbsite::path::Path;
use gibbsite::random::Seed;

/// An estimator with its settings.
pub struct Run {
    estimator: Estimator,
    pub schedule: &'static str,
    pub temperatures: usize,
    pub chains: usize,
    /// Steps of all chains together, without a pilot's.
    steps: u64,
}

/// Annealing hands over its weights: both ways together make a value of their own.
enum Estimator {
    Forward(ForwardAnnealing),
    Reverse(ReverseAnnealing),
    Tempered(Box<dyn LogPartitionEstimator>),
}

/// What a run has found.
pub enum Found {
    Forward(AnnealingRun),
    Reverse(AnnealingRun),
    Tempered(LogPartition),
}

impl Found {
    pub fn estimate(&self) -> &LogPartition {
        match self {
            Found::Forward(run) | Found::Reverse(run) => &run.estimate,
            Found::Tempered(estimate) => estimate,
        }
    }
}

impl Run {
    /// Its estimator's name.
    pub fn name(&self) -> &'static str {
        match &self.estimator {
            Estimator::Forward(estimator) => estimator.name(),
            Estimator::Reverse(estimator) => estimator.name(),
            Estimator::Tempered(estimator) => estimator.name(),
        }
    }

    /// Runs it; `report(done, of)` is called now and then.
    pub fn find(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<Found> {
        Ok(match &self.estimator {
            Estimator::Forward(estimator) => Found::Forward(estimator.run(path, seed, report)?),
            Estimator::Reverse(estimator) => Found::Reverse(estimator.run(path, seed, report)?),
            Estimator::Tempered(estimator) => Found::Tempered(estimator.estimate(path, seed, report)?),
        })
    }

    /// Whether two runs are the two ways of annealing with the same temperatures.
    pub fn is_forward_of(&self, reverse: &Self) -> bool {
        let settings = |run: &Self| (run.schedule, run.temperatures, run.chains);
        matches!(self.estimator, Estimator::Forward(_))
            && matches!(reverse.estimator, Estimator::Reverse(_))
            && settings(self) == settings(reverse)
    }

    /// A name for its seed.
    pub fn id(&self) -> String {
        format!("{} {} {} {} {}", self.name(), self.schedule, self.temperatures, self.chains, self.steps)
    }

    /// Units drawn, roughly.
    pub fn work(&self, units: usize) -> u64 {
        self.steps * units as u64
    }
}

/// beta_min of the geometric schedule.
const FIRST: f64 = 0.01;

/// Ladders of a tempering run: errors come from their scatter.
const LADDERS: usize = 32;

/// Rounds of tempering that are measured, at most.
const MOST_MEASURED: usize = 10_000;

impl Options {
    /// The runs on a subject, the same in every replica.
    pub fn runs(&self, subject: &Subject) -> Vec<Run> {
        if let Subject::Spins { side, .. } = *subject {
            return on_spins(side);
        }
        let mut runs = Vec::new();
        for &temperatures in self.temperatures.iter().map(|n| &n.0) {
            runs.push(self.forward(Betas::Linear(temperatures)));
            runs.push(self.forward(Betas::Geometric { temperatures, first: FIRST }));
            runs.push(self.forward(Betas::Adaptive(temperatures)));
            runs.push(self.reverse(Betas::Linear(temperatures)));
            // The same work, a fifth of it as burn-in.
            let rungs = if subject.family() == Family::Lattice { 16 } else { 10 };
            let steps = (temperatures * self.chains) as u64;
            for run in tempered(Betas::Linear(rungs), LADDERS, steps, 1) {
                // Short runs of tempering have one least length: the same run twice would count as two.
                if runs.iter().all(|other| other.id() != run.id()) {
                    runs.push(run);
                }
            }
        }
        if self.with_salakhutdinov_murray {
            runs.push(self.forward(Betas::SalakhutdinovMurray));
            runs.push(self.reverse(Betas::SalakhutdinovMurray));
        }
        runs
    }

    fn forward(&self, betas: Betas) -> Run {
        forward(betas, self.chains)
    }

    fn reverse(&self, betas: Betas) -> Run {
        Run {
            schedule: betas.name(),
            temperatures: betas.temperatures(),
            chains: self.chains,
            steps: (betas.temperatures() * self.chains) as u64,
            estimator: Estimator::Reverse(ReverseAnnealing { betas, starts: Starts::Exact(self.chains) }),
        }
    }
}

fn forward(betas: Betas, chains: usize) -> Run {
    Run {
        schedule: betas.name(),
        temperatures: betas.temperatures(),
        chains,
        steps: (betas.temperatures() * chains) as u64,
        estimator: Estimator::Forward(ForwardAnnealing { betas, chains }),
    }
}

/// Bennett's ratio and integration over ladders that together make about `steps` steps, at least five rounds.
fn tempered(betas: Betas, ladders: usize, steps: u64, every: usize) -> [Run; 2] {
    let rungs = betas.temperatures() + 1;
    let rounds = ((steps as f64 / (rungs * ladders) as f64).round() as usize).max(5 * every);
    // What is measured is kept in memory.
    let every = every.max(rounds / MOST_MEASURED);
    let burn_in = rounds / 5;
    let run = || TemperedRun { betas: betas.clone(), ladders, burn_in, rounds: rounds - burn_in, every };
    let estimators: [Box<dyn LogPartitionEstimator>; 2] =
        [Box::new(BennettRatio(run())), Box::new(ThermodynamicIntegration(run()))];
    estimators.map(|estimator| Run {
        estimator: Estimator::Tempered(estimator),
        schedule: betas.name(),
        temperatures: betas.temperatures(),
        chains: ladders,
        steps: (rounds * rungs * ladders) as u64,
    })
}

/// The Ising model: enough work for an error of 0.015 nats, and a tenth of it.
fn on_spins(side: usize) -> Vec<Run> {
    // Transitions and chains of annealing; rounds of tempering. Critical slowing down makes the work grow like
    // side^2 x side^2 x side^2.17 or more.
    let (temperatures, chains, rounds, every) = match side {
        0..=8 => (2_000, 1024, 10_000, 4),
        9..=16 => (10_000, 2048, 40_000, 8),
        _ => (50_000, 4096, 300_000, 32),
    };
    let mut runs = Vec::new();
    for share in [10, 1] {
        runs.push(forward(Betas::Adaptive(temperatures / share), chains));
        let rungs = side.next_multiple_of(2);
        let steps = (rounds / share * (rungs + 1) * LADDERS) as u64;
        runs.extend(tempered(Betas::Adaptive(rungs), LADDERS, steps, every));
    }
    runs
}
