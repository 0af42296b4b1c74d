//! The options of the experiment, and its cells.

use super::measure::{KL_LIMIT, LOG_PARTITION, OBSERVABLES};
use clap::Parser;
use gibbsite::battery::{Family, Member, members};
use gibbsite::log_partition::annealing::Tempering;
use gibbsite::monitor::observables::Sampling;
use laboratory::error::Result;
use laboratory::harness::expectation::step_work;
use laboratory::harness::options::{CommonOptions, ExperimentOptions};
use laboratory::harness::sweep;
use laboratory::list::List;
use laboratory::value::{at_least_one, check_at_most};
use serde::Serialize;

/// How often does `converged` or `trusted` say yes when the number is wrong, and no when it is right?
///
/// Thirty machines whose ln Z, observables and KL divergence can be summed, from easy ones to some that are built to fool,
/// are measured again and again: ln Z by annealing from both sides, Bennett's ratio and integration, observables by Gibbs
/// chains, the KL divergence from the Ising model. Each number is held against the exact one. Another --seed makes other
/// machines.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "calibration", version, after_help = EXAMPLES)]
#[command(args_override_self = true)]
pub struct Options {
    /// Families of machines: easy, separated (modes of unequal mass), narrow (a mode that no annealed chain meets),
    /// ferromagnet and glass (4x4 spins), cold (learned below the critical temperature), large_weights
    #[arg(
        long,
        value_name = "LIST",
        default_value = "easy,separated,narrow,ferromagnet,glass,cold,large_weights",
        help_heading = "Machines"
    )]
    pub families: List<Family>,

    /// Repetitions of every measurement
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = at_least_one, help_heading = "Measuring")]
    pub replicas: usize,

    /// Temperatures of annealing, equally spaced
    #[arg(long, value_name = "NUMBER", default_value_t = 500, value_parser = at_least_one, help_heading = "Measuring")]
    pub temperatures: usize,

    /// Chains of each run of annealing
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = at_least_one, help_heading = "Measuring")]
    pub chains: usize,

    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  calibration                 the table and the figure, a few minutes on two cores
  calibration --quick         every file in seconds
  calibration --seed 2        the same kinds of machines, all of them new
  calibration --families narrow,cold --replicas 100
  calibration --paper         200 repetitions";

/// What starts reverse annealing in place of exact draws; Bennett's ratio and integration have as many rungs and rounds.
pub const TEMPERING: Tempering = Tempering { rungs: 16, rounds: 200 };

/// Ladders of Bennett's ratio and of integration.
pub const LADDERS: usize = 32;

/// Steps of the machine on data before reverse annealing starts there.
pub const DATA_STEPS: usize = 1000;

/// Gibbs chains that measure observables.
pub const SAMPLING: Sampling = Sampling { chains: 32, equilibration: 500, measured: 2000 };

/// Fresh configurations of the Ising model for the KL divergence.
pub const TARGET_SAMPLING: Sampling = Sampling { chains: 64, equilibration: 100, measured: 200 };

impl ExperimentOptions for Options {
    const NAME: &'static str = "calibration";

    const QUICK: &'static [&'static str] = &["--replicas", "1", "--temperatures", "200"];

    const PAPER: &'static [&'static str] = &["--replicas", "200"];

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        check_at_most("--replicas", self.replicas, 100_000)?;
        check_at_most("--temperatures", self.temperatures, 10_000_000)?;
        check_at_most("--chains", self.chains, 1_000_000)
    }
}

impl Options {
    /// Every cell, in the order of rows.csv.
    pub fn cells(&self) -> Vec<Cell> {
        let all = self.families.iter().flat_map(|family| members(*family));
        all.map(|member| Cell { member, replicas: self.replicas, steps: self.steps() }).collect()
    }

    /// Steps of all chains in a replica.
    fn steps(&self) -> u64 {
        let Tempering { rungs, rounds } = TEMPERING;
        let annealing = 4 * self.chains * self.temperatures + self.chains * DATA_STEPS;
        let tempering = (self.chains + 2 * LADDERS * 6 / 5) * (rungs + 1) * rounds;
        let observables = SAMPLING.chains * (SAMPLING.equilibration + SAMPLING.measured);
        (annealing + tempering + observables) as u64
    }

    /// The options that decide what a cell holds.
    pub fn made_with(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct MadeWith {
            replicas: usize,
            temperatures: usize,
            chains: usize,
            seed: u64,
        }
        MadeWith {
            replicas: self.replicas,
            temperatures: self.temperatures,
            chains: self.chains,
            seed: self.common.seed,
        }
    }
}

/// All measurements of one machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub member: Member,
    replicas: usize,
    /// Steps of all chains in a replica.
    steps: u64,
}

impl Cell {
    /// Whether its divergence from the Ising model can be summed.
    pub fn has_kl(&self) -> bool {
        self.member.lattice().is_some() && self.member.shape().0 <= KL_LIMIT
    }
}

impl sweep::Cell for Cell {
    fn id(&self) -> String {
        format!("{}_{}", self.member.family, self.member.name())
    }

    /// Units drawn.
    fn work(&self) -> u64 {
        let (visible, hidden) = self.member.shape();
        self.replicas as u64 * self.steps * step_work(visible, hidden) + self.member.preparation()
    }

    fn rows(&self) -> usize {
        let kl = usize::from(self.has_kl());
        self.replicas * (LOG_PARTITION.len() + OBSERVABLES.len() + kl)
    }
}
