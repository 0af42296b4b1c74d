//! Learning an Ising model: target x machine x estimator x replicas, which half of the experiments sweep over.

use crate::error::Result;
use crate::groups::{EstimatorOptions, IsingOptions, MachineOptions, TrainingOptions};
use crate::lab::Lab;
use crate::options::CommonOptions;
use documented::DocumentedFields;
use gibbsite::prelude::*;
use itertools::iproduct;
use serde::{Deserialize, Serialize};

/// Options of experiments in which machines learn Ising models.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct LearningOptions {
    /// What is learned.
    #[command(flatten)]
    #[serde(flatten)]
    pub target: IsingOptions,

    /// How the gradient is estimated.
    #[command(flatten)]
    #[serde(flatten)]
    pub estimators: EstimatorOptions,

    /// What learns, and how often.
    #[command(flatten)]
    #[serde(flatten)]
    pub machines: MachineOptions,

    /// How it learns.
    #[command(flatten)]
    #[serde(flatten)]
    pub training: TrainingOptions,

    /// What every experiment has.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,
}

/// One machine that learns.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
pub struct LearningCell {
    /// The lattice of the Ising model that is learned.
    pub lattice: Lattice,
    /// Its temperature, in units of J.
    pub temperature: f64,
    /// The gradient by its name, such as exact, cd or pcd.
    pub estimator: EstimatorName,
    /// Gibbs steps k; empty for the exact gradient, which takes none.
    pub gibbs_steps: Option<usize>,
    /// Hidden units given visible ones: analytic, sampled, or POSITIVE/NEGATIVE phase.
    pub hidden_statistics: HiddenStatistics,
    /// Hidden units.
    pub hidden: usize,
    /// Replicas have data, weights and chains of their own.
    pub replica: usize,
}

/// The options that only choose cells.
pub const LEARNING_AXES: &[&str] =
    &["lattices", "temperatures", "estimators", "gibbs_steps", "hidden_statistics", "hidden", "replicas"];

impl LearningOptions {
    /// Every cell; the exact gradient takes hidden units in closed form, so that it comes once.
    pub fn cells(&self) -> Vec<LearningCell> {
        let replicas = 0..self.machines.replicas;
        let all = iproduct!(self.target.all(), self.estimators.all(), self.machines.hidden(), replicas);
        all.map(|((lattice, temperature), recipe, hidden, replica)| {
            let Recipe { name: estimator, gibbs_steps, hidden_statistics, .. } = recipe;
            LearningCell { lattice, temperature, estimator, gibbs_steps, hidden_statistics, hidden, replica }
        })
        .collect()
    }

    /// The same, and lattices of more than `limit` sites, since `purpose` visits all their states.
    pub fn check_enumerable(&self, purpose: &str, limit: usize) -> Result<()> {
        self.check()?;
        self.target.check_enumerable(purpose, limit)
    }

    /// Refuses what no memory holds.
    pub fn check(&self) -> Result<()> {
        self.machines.check()?;
        self.training.check()
    }
}

impl LearningCell {
    /// The estimator with its settings.
    pub fn recipe(&self) -> Recipe {
        let Self { estimator: name, gibbs_steps, hidden_statistics, .. } = *self;
        Recipe::new(name, gibbs_steps, hidden_statistics)
    }

    /// The Ising model without field.
    pub fn ising(&self) -> Result<Ising> {
        Ok(Ising::on_lattice(self.lattice, 1.0, 0.0, self.temperature)?)
    }

    /// The seed of this machine and replica, the same for every estimator.
    pub fn machine_seed(&self, lab: &Lab) -> Seed {
        let name = format!("{} T={}", self.lattice, self.temperature);
        lab.seed(&name, 0).child("hidden", self.hidden as u64).child("replica", self.replica as u64)
    }

    /// The machine with its first weights.
    pub fn machine(&self, how: InitialWeights, lab: &Lab) -> Result<Rbm> {
        let mut machine = Rbm::new(self.lattice.sites(), self.hidden)?;
        machine.initialize(how, self.machine_seed(lab).child("weights", 0))?;
        Ok(machine)
    }

    /// The same machine and estimator, whichever the replica.
    pub fn without_replica(&self) -> Self {
        Self { replica: 0, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::in_a_lab;

    /// First weights differ between lattices, temperatures, hidden units and replicas, and estimators start alike.
    #[test]
    fn first_weights_are_of_the_target_the_machine_and_the_replica() {
        let cell = LearningCell {
            lattice: Lattice::Ring(6),
            temperature: 1.0,
            estimator: EstimatorName::Cd,
            gibbs_steps: Some(1),
            hidden_statistics: HiddenStatistics::default(),
            hidden: 2,
            replica: 0,
        };
        in_a_lab(|lab| {
            let weights =
                |cell: &LearningCell| cell.machine(InitialWeights::Gaussian(0.1), lab).unwrap().parameters().to_vec();
            let (first, other) = (weights(&cell), || cell.clone());
            let same = LearningCell { estimator: EstimatorName::Exact, gibbs_steps: None, ..other() };
            assert_eq!(weights(&same), first);
            for other in [
                LearningCell { lattice: Lattice::Chain(6), ..other() },
                LearningCell { temperature: 2.0, ..other() },
                LearningCell { replica: 1, ..other() },
            ] {
                assert_ne!(weights(&other), first, "{other:?}");
            }
            // Weights of the hidden units that both have.
            let more = weights(&LearningCell { hidden: 3, ..other() });
            assert!(first[..4].iter().all(|weight| !more.contains(weight)));
        });
    }
}
