//! The options of the experiment, its targets and machines by name.

use clap::Parser;
use gibbsite::enumerate::{VISIBLE_LIMIT, WHOLE_LAW_LIMIT};
use gibbsite::law::Law;
use gibbsite::targets::bars_and_stripes::BarsAndStripes;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use laboratory::error::{Error, Result};
use laboratory::harness::options::{CommonOptions, ExperimentOptions};
use laboratory::list::List;
use laboratory::value::{Positive, PositiveNumber, at_least_one, check_at_most, not_negative, positive};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// The general Boltzmann machine, and why the restricted one was invented
///
/// Three machines learn the same laws: a fully visible one, a general one with hidden units that are all
/// coupled, and a restricted one with as nearly the same number of parameters as integers allow. Each
/// learns by two runs of Gibbs sampling, one clamped at the data and one free; the work is counted in
/// units drawn, so that it does not depend on the computer. The general machine must let its hidden
/// units forget their start at every datum; the restricted one draws them exactly in one step.
///
/// Then the inverse Ising problem: a fully visible machine learns the couplings of a lattice from its
/// configurations by the exact gradient, by Gibbs sampling and by pseudo-likelihood.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "boltzmann_machine", version, after_help = EXAMPLES)]
#[command(args_override_self = true)]
pub struct Options {
    /// What is learned: ring:N, chain:N, square:LxM, square-open:LxM (Ising models), bars:RxC (each of the 2^R + 2^C patterns with its repeats) or bars-distinct:RxC
    #[arg(long, value_name = "LIST", default_value = "bars:3x3,ring:9,square:3x3", help_heading = "Machines")]
    pub targets: List<Target>,

    /// Temperature of the Ising targets
    #[arg(long, value_name = "T", default_value_t = 2.269, value_parser = positive, allow_negative_numbers = true, help_heading = "Machines")]
    pub temperature: f64,

    /// Which machines: visible (no hidden unit), general (every pair coupled), restricted
    #[arg(long, value_name = "LIST", default_value = "visible,general,restricted", help_heading = "Machines")]
    pub models: List<Kind>,

    /// Hidden units of the restricted machine; the general one gets the number with the nearest count of parameters
    #[arg(long, value_name = "LIST", default_value = "8", help_heading = "Machines")]
    pub hidden: List<Positive>,

    /// Gradient: exact (enumeration), pcd (clamped runs and persistent free chains), two-runs (clamped and fresh free runs, each of the burn-in)
    #[arg(long, value_name = "LIST", default_value = "exact,pcd", help_heading = "Grid")]
    pub estimators: List<Estimator>,

    /// Gibbs steps of the persistent free chains an update
    #[arg(long, value_name = "LIST", default_value = "1,5", help_heading = "Grid")]
    pub gibbs_steps: List<Positive>,

    /// Gibbs steps with a datum clamped (general machine), and of fresh free runs
    #[arg(long, value_name = "LIST", default_value = "1,3,10", help_heading = "Grid")]
    pub burn_in: List<Positive>,

    /// Free chains, and data of an update: draws of the target, or all of it where it has no more configurations
    #[arg(long, value_name = "LIST", default_value = "20,200", help_heading = "Grid")]
    pub chains: List<Positive>,

    /// Learning rates
    #[arg(long, value_name = "LIST", default_value = "0.1,0.4", help_heading = "Grid")]
    pub learning_rate: List<PositiveNumber>,

    /// Standard deviation of the first weights
    #[arg(long, value_name = "STD", default_value_t = 0.3, value_parser = not_negative, allow_negative_numbers = true, help_heading = "Grid")]
    pub initial_weights: f64,

    /// Updates of each machine
    #[arg(long, value_name = "NUMBER", default_value_t = 2000, value_parser = at_least_one, help_heading = "Grid")]
    pub updates: usize,

    /// Replicas of each cell, with weights, data and chains of their own
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = at_least_one, help_heading = "Grid")]
    pub replicas: usize,

    /// Lattices whose couplings are learned back; the exact gradient joins up to 16 sites, and exact and gibbs where there are more configurations than parameters
    #[arg(long, value_name = "LIST", default_value = "square:4x4", help_heading = "Inverse Ising problem")]
    pub couplings_lattices: List<Lattice>,

    /// Temperature of these lattices
    #[arg(long, value_name = "T", default_value_t = 3.0, value_parser = positive, allow_negative_numbers = true, help_heading = "Inverse Ising problem")]
    pub couplings_temperature: f64,

    /// Numbers of configurations to learn from
    #[arg(long, value_name = "LIST", default_value = "1000,10000,100000", help_heading = "Inverse Ising problem")]
    pub couplings_samples: List<Positive>,

    /// Estimators of the couplings: exact, gibbs (persistent free chains), pseudo-likelihood
    #[arg(
        long,
        value_name = "LIST",
        default_value = "exact,gibbs,pseudo-likelihood",
        help_heading = "Inverse Ising problem"
    )]
    pub couplings_estimators: List<CouplingEstimator>,

    /// Full-batch updates of each fit
    #[arg(long, value_name = "NUMBER", default_value_t = 2000, value_parser = at_least_one, help_heading = "Inverse Ising problem")]
    pub couplings_updates: usize,

    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  boltzmann_machine                the figures of the README, two minutes on two cores
  boltzmann_machine --quick        every file in seconds
  boltzmann_machine --paper        a wider grid, and all 2,016 couplings of an 8x8 lattice
                                   from 100,000 configurations
  boltzmann_machine --targets bars-distinct:4x4 --hidden 8,16 --updates 10000";

impl ExperimentOptions for Options {
    const NAME: &'static str = "boltzmann_machine";

    #[rustfmt::skip]
    const QUICK: &'static [&'static str] = &[
        "--targets", "bars:2x3,ring:5", "--hidden", "3,4", "--gibbs-steps", "1,5", "--burn-in", "1,5",
        "--chains", "20,50", "--learning-rate", "0.1,0.4", "--updates", "400", "--replicas", "2",
        "--couplings-lattices", "ring:5,square:3x3", "--couplings-samples", "300,1000",
        "--couplings-updates", "300",
    ];

    #[rustfmt::skip]
    const PAPER: &'static [&'static str] = &[
        "--gibbs-steps", "1,5", "--burn-in", "1,3,10", "--chains", "20,100,500",
        "--learning-rate", "0.05,0.2,0.5,1", "--updates", "4000", "--replicas", "5",
        "--couplings-lattices", "square:4x4,square:8x8",
        "--couplings-estimators", "exact,pseudo-likelihood",
    ];

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        let too_large = |lattice: &&Lattice| lattice.sites() > COUPLINGS_SITES;
        if let Some(lattice) = self.couplings_lattices.iter().find(too_large) {
            return Err(Error::invalid(
                format!("--couplings-lattices {lattice}"),
                format!("all pairs of its {} sites are too many parameters", lattice.sites()),
                format!("take at most {COUPLINGS_SITES} sites"),
            ));
        }
        for hidden in self.hidden.iter() {
            check_at_most("--hidden", hidden.0, 1000)?;
        }
        for chains in self.chains.iter() {
            check_at_most("--chains", chains.0, 10_000_000)?;
        }
        for samples in self.couplings_samples.iter() {
            check_at_most("--couplings-samples", samples.0, 100_000_000)?;
        }
        for target in self.targets.iter() {
            let sites = target.law(self.temperature)?.sites();
            if sites > WHOLE_LAW_LIMIT {
                return Err(Error::invalid(
                    format!("--targets {target}"),
                    format!("its exact KL and its whole law would visit 2^{sites} configurations"),
                    format!("take at most {WHOLE_LAW_LIMIT} sites"),
                ));
            }
            for hidden in self.hidden.iter().filter(|_| self.models.contains(&Kind::General)) {
                let general = general_hidden(sites, hidden.0);
                if general + sites > VISIBLE_LIMIT {
                    return Err(Error::invalid(
                        format!("--hidden {hidden}"),
                        format!(
                            "the general machine of as many parameters has {general} coupled hidden units for {target}"
                        ),
                        format!("take fewer, so that visible and hidden units are at most {VISIBLE_LIMIT}"),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// Most sites of a lattice whose couplings are learned: 5,050 parameters, whose covariance takes 200 MB.
const COUPLINGS_SITES: usize = 100;

/// Hidden units of the general machine whose number of parameters is nearest to that of a restricted
/// machine with `restricted` hidden units; at least one.
pub fn general_hidden(visible: usize, restricted: usize) -> usize {
    let wanted = visible * restricted + visible + restricted;
    let count = |hidden: usize| (visible + hidden) * (visible + hidden + 1) / 2;
    (1..=restricted).min_by_key(|hidden| count(*hidden).abs_diff(wanted)).unwrap_or(1)
}

/// A law to learn.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Ising(Lattice),
    Bars(BarsAndStripes),
}

impl Target {
    /// The law; `temperature` is that of Ising targets.
    pub fn law(&self, temperature: f64) -> Result<Box<dyn Law>> {
        Ok(match self {
            Target::Ising(lattice) => Box::new(Ising::on_lattice(*lattice, 1.0, 0.0, temperature)?),
            Target::Bars(bars) => Box::new(bars.clone()),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Ising(lattice) => lattice.fmt(f),
            Target::Bars(bars) => bars.fmt(f),
        }
    }
}

impl FromStr for Target {
    type Err = gibbsite::error::Error;

    fn from_str(text: &str) -> gibbsite::error::Result<Self> {
        if text.starts_with("bars") { text.parse().map(Target::Bars) } else { text.parse().map(Target::Ising) }
    }
}

/// A choice among names.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($name::$variant => $text),+ })
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(format!("there is no such choice; take {}", [$($text),+].join(", "))),
                }
            }
        }
    };
}

names! {
    /// A machine by name.
    Kind { Visible = "visible", General = "general", Restricted = "restricted" }
}

names! {
    /// A gradient estimator by name.
    Estimator { Exact = "exact", Pcd = "pcd", TwoRuns = "two-runs" }
}

names! {
    /// An estimator of couplings by name.
    CouplingEstimator { Exact = "exact", Gibbs = "gibbs", PseudoLikelihood = "pseudo-likelihood" }
}
