//! Estimators of ln Z by name.

use super::LogPartitionEstimator;
use super::annealing::{ForwardAnnealing, ReverseAnnealing, Starts, Tempering};
use super::bennett::BennettRatio;
use super::betas::Betas;
use super::enumeration::Enumeration;
use super::tempered_run::TemperedRun;
use super::thermodynamic_integration::ThermodynamicIntegration;
use crate::error::{Error, Result};

/// A way to ln Z. A new one has an entry in [`METHODS`], through which its contract's test and the experiment `calibration` run.
pub struct Method {
    /// Its name in tables.
    pub name: &'static str,
    /// What it is, for --help.
    pub about: &'static str,
    make: fn(Effort) -> Box<dyn LogPartitionEstimator>,
}

/// How much work a method does: as many steps as `chains` chains that are annealed through so many `temperatures`, pilot
/// runs and the tempering before reverse annealing aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Transitions of annealing, better 300 or more.
    pub temperatures: usize,
    /// Chains, better 100 or more.
    pub chains: usize,
}

impl Effort {
    /// The same steps on ladders of 8 transitions, from whose scatter errors come.
    fn tempered(self) -> TemperedRun {
        let (rungs, ladders) = (8, 40);
        let rounds = (self.temperatures * self.chains / ((rungs + 1) * ladders)).max(10);
        let burn_in = rounds / 5;
        TemperedRun { betas: Betas::Linear(rungs), ladders, burn_in, rounds: rounds - burn_in, every: 1 }
    }
}

/// Every method. Reverse annealing is listed by its two kinds of starts; from rows of data it is for
/// [`super::bracket::Bracketing`].
pub const METHODS: [Method; 6] = [
    Method {
        name: "enumeration",
        about: "a sum over the states of the smaller layer",
        make: |_| Box::new(Enumeration),
    },
    Method {
        name: "forward_ais",
        about: "annealed importance sampling from the base",
        make: |Effort { temperatures, chains }| {
            Box::new(ForwardAnnealing { betas: Betas::Adaptive(temperatures), chains })
        },
    },
    Method {
        name: "reverse_ais",
        about: "annealing back from exact draws",
        make: |Effort { temperatures, chains }| {
            Box::new(ReverseAnnealing { betas: Betas::Adaptive(temperatures), starts: Starts::Exact(chains) })
        },
    },
    Method {
        name: "reverse_ais_tempered",
        about: "annealing back from parallel tempering",
        make: |Effort { temperatures, chains }| {
            let starts = Starts::Tempered { chains, tempering: Tempering { rungs: 8, rounds: 100 } };
            Box::new(ReverseAnnealing { betas: Betas::Adaptive(temperatures), starts })
        },
    },
    Method {
        name: "bennett",
        about: "Bennett's acceptance ratio between the rungs of parallel tempering",
        make: |effort| Box::new(BennettRatio(effort.tempered())),
    },
    Method {
        name: "thermodynamic_integration",
        about: "the integral of d ln Z / d beta along parallel tempering",
        make: |effort| Box::new(ThermodynamicIntegration(effort.tempered())),
    },
];

impl Method {
    /// The method of this name.
    pub fn named(name: &str) -> Result<&'static Self> {
        METHODS.iter().find(|method| method.name == name).ok_or_else(|| {
            let names = METHODS.map(|method| method.name).join(", ");
            Error::invalid(format!("the method {name}"), "there is none", format!("take one of {names}"))
        })
    }

    /// With so much work.
    pub fn estimator(&self, effort: Effort) -> Box<dyn LogPartitionEstimator> {
        (self.make)(effort)
    }
}
