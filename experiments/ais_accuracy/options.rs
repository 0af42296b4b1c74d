//! The options of the experiment, and its cells.

use super::runs::Run;
use super::subjects::{Family, Subject};
use clap::Parser;
use laboratory::error::{Error, Result};
use laboratory::harness::options::{CommonOptions, ExperimentOptions};
use laboratory::harness::sweep;
use laboratory::list::List;
use laboratory::value::{Positive, at_least_one, check_at_most};
use serde::Serialize;

/// How wrong is an estimate of ln Z, and does its error bar know?
///
/// Annealed importance sampling from both sides, Bennett's acceptance ratio and thermodynamic integration, each against
/// the exact ln Z of forty small machines (enumerated), of machines that learned the 8x8 Ising model (hidden layer
/// enumerated) and of the Ising model itself (Kaufman), as the work grows. Gibbs updates count every unit drawn, burn-in
/// and pilot runs included.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "ais_accuracy", version, after_help = EXAMPLES)]
#[command(args_override_self = true)]
pub struct Options {
    /// Whose ln Z: trained and random (twenty small machines each), lattice (machines that learned 8x8 spins), spins (the
    /// Ising model itself)
    #[arg(long, value_name = "LIST", default_value = "trained,random,lattice,spins", help_heading = "Subjects")]
    pub families: List<Family>,

    /// Sides of the Ising model itself
    #[arg(long, value_name = "LIST", default_value = "8,16", help_heading = "Subjects")]
    pub sides: List<Positive>,

    /// Transitions of annealing on machines; tempering does the same work
    #[arg(long, value_name = "LIST", default_value = "10,100,1000,10000", help_heading = "Estimators")]
    pub temperatures: List<Positive>,

    /// Leave out Salakhutdinov and Murray's schedule of 14,500 transitions
    #[arg(long = "without-14500", action = clap::ArgAction::SetFalse, help_heading = "Estimators")]
    pub with_salakhutdinov_murray: bool,

    /// Chains of annealing on machines
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = at_least_one, help_heading = "Estimators")]
    pub chains: usize,

    /// Repetitions of every run
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = at_least_one, help_heading = "Estimators")]
    pub replicas: usize,

    #[command(flatten)]
    #[serde(flatten)]
    pub common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  ais_accuracy                   the figures of the README, a few minutes on two cores
  ais_accuracy --quick           every file in seconds
  ais_accuracy --families random --temperatures 100,1000 --replicas 20
  ais_accuracy --families lattice --temperatures 1000,10000 --replicas 40
  ais_accuracy --families spins --sides 8,16,32 --replicas 2
  ais_accuracy --paper           20 repetitions and 32x32 spins, hours";

impl ExperimentOptions for Options {
    const NAME: &'static str = "ais_accuracy";

    #[rustfmt::skip]
    const QUICK: &'static [&'static str] = &[
        "--families", "random,spins", "--sides", "4,6", "--temperatures", "10,100", "--without-14500",
        "--replicas", "2",
    ];

    const PAPER: &'static [&'static str] = &["--sides", "8,16,32", "--replicas", "20"];

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        for temperatures in self.temperatures.iter() {
            check_at_most("--temperatures", temperatures.0, 10_000_000)?;
        }
        check_at_most("--chains", self.chains, 1_000_000)?;
        check_at_most("--replicas", self.replicas, 100_000)?;
        for side in self.sides.iter() {
            check_at_most("--sides", side.0, 128)?;
            if side.0 < 3 {
                return Err(Error::invalid(
                    format!("--sides {side}"),
                    "a periodic side below 3 has double bonds",
                    "take 3 or more",
                ));
            }
        }
        Ok(())
    }
}

impl Options {
    /// Every cell, in the order of rows.csv.
    pub fn cells(&self) -> Vec<Cell> {
        let sides: Vec<usize> = self.sides.iter().map(|side| side.0).collect();
        let subjects = self.families.iter().flat_map(|family| Subject::of(*family, &sides));
        let cell = |subject: Subject| {
            let runs = self.runs(&subject);
            let drawn: u64 = runs.iter().map(|run| run.work(subject.units())).sum();
            // Many spins move at a time; in small machines weighing costs more than moving.
            let work = match subject.family() {
                Family::Spins => drawn,
                _ => 4 * drawn,
            };
            Cell {
                subject,
                work: self.replicas as u64 * work + subject.preparation(),
                rows: self.replicas * (runs.len() + pairs(&runs)),
            }
        };
        subjects.map(cell).collect()
    }

    /// The options that decide what a cell holds.
    pub fn made_with(&self) -> impl Serialize {
        #[derive(Serialize)]
        struct MadeWith {
            temperatures: String,
            with_salakhutdinov_murray: bool,
            chains: usize,
            replicas: usize,
            seed: u64,
        }
        MadeWith {
            temperatures: self.temperatures.to_string(),
            with_salakhutdinov_murray: self.with_salakhutdinov_murray,
            chains: self.chains,
            replicas: self.replicas,
            seed: self.common.seed,
        }
    }
}

/// Pairs of forward and reverse annealing: each has a row of its own.
fn pairs(runs: &[Run]) -> usize {
    let partners = |forward: &Run| runs.iter().filter(|run| forward.is_forward_of(run)).count();
    runs.iter().map(partners).sum()
}

/// All runs on one subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub subject: Subject,
    work: u64,
    rows: usize,
}

impl sweep::Cell for Cell {
    fn id(&self) -> String {
        self.subject.name()
    }

    fn work(&self) -> u64 {
        self.work
    }

    fn rows(&self) -> usize {
        self.rows
    }
}
