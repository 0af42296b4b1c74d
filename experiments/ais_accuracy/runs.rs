//! Which estimators run on a subject, and with how much work.

use super::AisAccuracy;
use super::subjects::{Family, Subject};
use gibbsite::error::Result;
use gibbsite::log_partition::annealing::{AnnealingRun, ForwardAnnealing, ReverseAnnealing, Starts};
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracket;
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::log_partition::thermodynamic_integration::ThermodynamicIntegration;
use gibbsite::log_partition::{LogPartition, LogPartitionEstimator};
use gibbsite::path::Path;
use gibbsite::random::Seed;
use itertools::Itertools;
use laboratory::prelude::{choice, iproduct};

choice! {
    /// An estimator of ln Z by name.
    pub Estimator {
        Forward = "forward_ais",
        Reverse = "reverse_ais",
        Bennett = "bennett",
        Integration = "thermodynamic_integration",
        BothSides = "both_sides",
    }
}

/// An estimator with its settings.
pub struct Run {
    pub estimator: Estimator,
    pub betas: Betas,
    /// Chains of annealing, ladders of tempering.
    pub chains: usize,
    /// Rounds of tempering, burn-in included, and how many of them pass between measurements.
    rounds: (usize, usize),
}

impl Run {
    /// Runs it; `report(done, of)` is called now and then. Annealing hands over its weights: both ways together make a value of
    /// their own.
    pub fn find(
        &self,
        path: &dyn Path,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<(LogPartition, Option<AnnealingRun>)> {
        let (betas, chains, tempering) = (self.betas.clone(), self.chains, self.tempering());
        let annealed = match self.estimator {
            Estimator::Bennett => return Ok((BennettRatio(tempering).estimate(path, seed, report)?, None)),
            Estimator::Integration => {
                return Ok((ThermodynamicIntegration(tempering).estimate(path, seed, report)?, None));
            }
            Estimator::Reverse => ReverseAnnealing { betas, starts: Starts::Exact(chains) }.run(path, seed, report)?,
            // Both sides are no run of their own.
            Estimator::Forward | Estimator::BothSides => ForwardAnnealing { betas, chains }.run(path, seed, report)?,
        };
        Ok((annealed.estimate.clone(), Some(annealed)))
    }

    /// The tempering, a fifth of it as burn-in.
    fn tempering(&self) -> TemperedRun {
        let (betas, ladders, (rounds, every)) = (self.betas.clone(), self.chains, self.rounds);
        let burn_in = rounds / 5;
        TemperedRun { betas, ladders, burn_in, rounds: rounds - burn_in, every }
    }

    /// Steps of all chains together, without a pilot's.
    pub fn steps(&self) -> u64 {
        let steps = match self.rounds {
            (0, _) => self.betas.temperatures(),
            (rounds, _) => rounds * (self.betas.temperatures() + 1),
        };
        (steps * self.chains) as u64
    }

    /// A name for its seed.
    pub fn id(&self) -> String {
        let (schedule, temperatures) = (self.betas.name(), self.betas.temperatures());
        format!("{} {schedule} {temperatures} {} {}", self.estimator, self.chains, self.steps())
    }
}

/// Forward and reverse annealing with the same temperatures, together, with the forward run.
pub fn brackets<'a>(annealed: &[(&'a Run, AnnealingRun)]) -> Vec<(&'a Run, Bracket)> {
    let ways = iproduct!(annealed, annealed).filter(|((forward, _), (reverse, _))| {
        (forward.estimator, reverse.estimator) == (Estimator::Forward, Estimator::Reverse)
            && (&forward.betas, forward.chains) == (&reverse.betas, reverse.chains)
    });
    ways.map(|((forward, below), (_, above))| (*forward, Bracket::new(below.clone(), above.clone(), None))).collect()
}

/// Ladders of a tempering run: errors come from their scatter.
const LADDERS: usize = 32;

/// The runs on a subject, the same in every replica.
pub fn runs(options: &AisAccuracy, subject: &Subject) -> Vec<Run> {
    if subject.cell.family() == Family::Spins {
        return on_spins(subject.cell.visible.isqrt());
    }
    let chains = options.ais_chains;
    let forward = |betas| annealing(Estimator::Forward, betas, chains);
    let reverse = |betas| annealing(Estimator::Reverse, betas, chains);
    let mut runs: Vec<Run> = Vec::new();
    for temperatures in options.ais_temperatures.iter().map(|n| n.0) {
        runs.push(forward(Betas::Linear(temperatures)));
        runs.push(forward(Betas::Geometric { temperatures, first: 0.01 }));
        runs.push(forward(Betas::Adaptive(temperatures)));
        runs.push(reverse(Betas::Linear(temperatures)));
        // The same work, a fifth of it as burn-in.
        let rungs = if subject.cell.family() == Family::Lattice { 16 } else { 10 };
        runs.extend(tempered(Betas::Linear(rungs), temperatures * chains, 1));
    }
    if !options.without_14500 {
        runs.extend([forward(Betas::SalakhutdinovMurray), reverse(Betas::SalakhutdinovMurray)]);
    }
    // Short runs of tempering have one least length: the same run twice would count as two.
    runs.into_iter().unique_by(Run::id).collect()
}

fn annealing(estimator: Estimator, betas: Betas, chains: usize) -> Run {
    Run { estimator, betas, chains, rounds: (0, 0) }
}

/// Bennett's ratio and integration over ladders that together make about `steps` steps, at least five rounds.
fn tempered(betas: Betas, steps: usize, every: usize) -> [Run; 2] {
    let rungs = betas.temperatures() + 1;
    let rounds = ((steps as f64 / (rungs * LADDERS) as f64).round() as usize).max(5 * every);
    // What is measured is kept in memory: about 10,000 rounds at most.
    let rounds = (rounds, every.max(rounds / 10_000));
    let run = |estimator| Run { estimator, betas: betas.clone(), chains: LADDERS, rounds };
    [Estimator::Bennett, Estimator::Integration].map(run)
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
        runs.push(annealing(Estimator::Forward, Betas::Adaptive(temperatures / share), chains));
        let rungs = side.next_multiple_of(2);
        runs.extend(tempered(Betas::Adaptive(rungs), rounds / share * (rungs + 1) * LADDERS, every));
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds of tempering are those that the work is counted by: a fifth of them burn-in, the rest measured.
    #[test]
    fn a_fifth_of_tempering_is_burn_in() {
        let rounds = 283;
        for run in tempered(Betas::Linear(10), rounds * 11 * LADDERS, 4) {
            let tempering = run.tempering();
            assert_eq!((tempering.burn_in, tempering.burn_in + tempering.rounds), (rounds / 5, rounds));
            assert_eq!((tempering.ladders, tempering.every), (LADDERS, 4));
            assert_eq!(run.steps(), (rounds * 11 * LADDERS) as u64);
        }
    }
}
