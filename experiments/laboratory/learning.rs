//! Learning an Ising model, which most of the experiments do: target x machine x estimator x replicas where the whole law is
//! known, and machines that learn configurations drawn from it.

use crate::error::Result;
use crate::groups::{DataOptions, EstimatorOptions, IsingOptions, MachineOptions, TrainingOptions};
use crate::lab::Lab;
use crate::options::CommonOptions;
use documented::DocumentedFields;
use gibbsite::prelude::*;
use itertools::iproduct;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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

/// Options of experiments in which machines learn configurations drawn from Ising models.
#[derive(Clone, Debug, clap::Args, Serialize)]
pub struct LessonOptions {
    /// What is learned.
    #[command(flatten)]
    #[serde(flatten)]
    pub target: IsingOptions,

    /// From how many configurations.
    #[command(flatten)]
    #[serde(flatten)]
    pub data: DataOptions,

    /// What learns, and how often.
    #[command(flatten)]
    #[serde(flatten)]
    pub machines: MachineOptions,

    /// How it learns.
    #[command(flatten)]
    #[serde(flatten)]
    pub training: TrainingOptions,
}

/// A machine before its first update, and what it learns.
pub struct Lesson {
    /// The law.
    pub ising: Ising,
    /// Configurations of it, the same for machines of all sizes.
    pub data: Arc<Configurations>,
    /// With its first weights.
    pub machine: Rbm,
    /// Of this machine and replica.
    pub seed: Seed,
}

impl LessonOptions {
    /// Every lattice and temperature with every number of hidden units and replica.
    pub fn all(&self) -> impl Iterator<Item = ((Lattice, f64), usize, usize)> + '_ {
        iproduct!(self.target.all(), self.machines.hidden(), 0..self.machines.replicas)
    }

    /// What a replica of so many hidden units begins with.
    pub fn begin(
        &self,
        (lattice, temperature): (Lattice, f64),
        hidden: usize,
        replica: usize,
        lab: &Lab,
    ) -> Result<Lesson> {
        let ising = Ising::on_lattice(lattice, 1.0, 0.0, temperature)?;
        let data = self.data.shared(lattice, temperature, replica, lab)?;
        let seed = lab.seed(&self.data.name(lattice, temperature), 0);
        let seed = seed.child("hidden", hidden as u64).child("replica", replica as u64);
        let mut machine = Rbm::new(lattice.sites(), hidden)?;
        machine.initialize(self.training.initial_weights, seed.child("weights", 0))?;
        Ok(Lesson { ising, data, machine, seed })
    }

    /// Refuses lattices of more than `most` sites, and what no memory holds.
    pub fn check(&self, most: usize) -> Result<()> {
        self.machines.check()?;
        self.training.check()?;
        self.data.check()?;
        self.target.check(most, (1.0, 0.0))
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
