//! How wrong is an estimate of ln Z, and does its error bar know?
//!
//! Forty fixed machines whose ln Z can be enumerated, the Ising model itself, whose ln Z Kaufman gives, and machines that
//! learned the 8x8 Ising model: every estimator against the exact value as the work grows. Salakhutdinov and Murray,
//! ICML 2008; Grosse, Ghahramani and Adams, arXiv:1511.02543; Krause, Fischer and Igel, Artif. Intell. 278 (2020) 103195.

mod figures;
mod groups;
mod options;
mod runs;
mod subjects;
mod table;

use gibbsite::log_partition::bracket::Bracket;
use gibbsite::log_partition::{LogPartition, Side, names};
use gibbsite::random::Seed;
use laboratory::error::Result;
use laboratory::harness;
use laboratory::harness::expectation::announce;
use laboratory::harness::options::ExperimentOptions;
use laboratory::harness::sweep::{Progress, Sweep};
use laboratory::report::file;
use laboratory::report::manifest::{Clock, Manifest};
use options::{Cell, Options};
use runs::{Found, Run};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::ExitCode;

/// The estimator that forward and reverse annealing make together.
const BOTH_SIDES: &str = "both_sides";

/// A row of rows.csv: one estimate.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    model: String,
    visible: usize,
    /// Empty for the Ising model itself.
    hidden: Option<usize>,
    estimator: String,
    schedule: String,
    /// Transitions of annealing, steps of a tempering ladder.
    temperatures: usize,
    /// Chains of annealing, ladders of tempering.
    chains: usize,
    replica: usize,
    gibbs_updates: u64,
    log_partition: f64,
    standard_error: Option<f64>,
    exact: f64,
    /// Of both sides the draws that they share.
    effective_samples: Option<f64>,
    /// Of both sides together; empty for a single run, which cannot tell.
    trusted: Option<bool>,
    /// What speaks against it, joined by "; ".
    doubts: String,
}

impl Row {
    /// Gibbs updates of every unit.
    fn steps(&self) -> u64 {
        self.gibbs_updates / (self.visible + self.hidden.unwrap_or(0)) as u64
    }

    fn error(&self) -> f64 {
        self.log_partition - self.exact
    }

    /// Whether nothing speaks against it.
    fn undoubted(&self) -> bool {
        self.doubts.is_empty()
    }

    /// Whether the error is within so many standard errors, and 1e-9 for rounding.
    fn within(&self, standard_errors: f64) -> bool {
        self.error().abs() <= standard_errors * self.standard_error.unwrap_or(0.0) + 1e-9
    }
}

fn main() -> ExitCode {
    harness::options::main(run)
}

fn run(options: &Options) -> Result<()> {
    let clock = Clock::start();
    let out = harness::options::output_folder(options);
    file::create_folder(&out)?;
    let sweep = Sweep::open(&out, &options.made_with(), options.common.resume)?;
    let cells = options.cells();
    announce(sweep.work_left(&cells));
    let (rows, cells_resumed) = sweep.run(&cells, |cell, progress| Ok(measure(options, cell, progress)?))?;
    file::write_table(&out.join("rows.csv"), &rows)?;
    let figures = figures::write(options, &rows, &out)?;
    Manifest::new(Options::NAME, options, cells.len(), cells_resumed, &clock).write(&out)?;
    let text = table::text(options, &rows, &figures, &out, clock.elapsed());
    // A reader that closes the pipe early has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Every run on one subject, replica by replica.
fn measure(options: &Options, cell: &Cell, progress: &mut Progress) -> gibbsite::error::Result<Vec<Row>> {
    let seed = Seed::root(options.common.seed).child(&cell.subject.name(), 0);
    let prepared = cell.subject.prepare(seed.child("subject", 0))?;
    let exact = prepared.exact()?;
    let runs = options.runs(&cell.subject);
    let mut done = 0;
    let total: u64 = runs.iter().map(|run| run.work(cell.subject.units())).sum();
    let total = total as usize * options.replicas;
    prepared.with_path(|path| {
        let mut rows = Vec::new();
        for replica in 0..options.replicas {
            let mut found = Vec::new();
            for run in &runs {
                let seed = seed.child(&run.id(), replica as u64);
                let work = run.work(path.units()) as usize;
                let report = &mut |part: usize, of: usize| {
                    let share = work as f64 * part as f64 / of as f64;
                    progress.report(done + share as usize, total);
                };
                found.push(run.find(path, seed, report)?);
                done += work;
            }
            let row = |run: &Run, estimator: &str, found: &LogPartition| Row {
                model: cell.subject.name(),
                visible: cell.subject.visible(),
                hidden: cell.subject.hidden(),
                estimator: estimator.to_string(),
                schedule: run.schedule.to_string(),
                temperatures: run.temperatures,
                chains: run.chains,
                replica,
                gibbs_updates: found.gibbs_updates,
                log_partition: found.value,
                standard_error: found.standard_error,
                exact,
                effective_samples: found.effective_samples,
                trusted: None,
                doubts: names(&found.doubts),
            };
            let single = runs.iter().zip(&found);
            rows.extend(single.map(|(run, found)| row(run, run.name(), found.estimate())));
            for (run, bracket) in brackets(&runs, &found) {
                let both = LogPartition {
                    value: bracket.value,
                    standard_error: bracket.standard_error,
                    effective_samples: Some(bracket.shared),
                    gibbs_updates: bracket.gibbs_updates(),
                    side: Side::Estimate,
                    doubts: bracket.doubts.clone(),
                };
                rows.push(Row { trusted: Some(bracket.trusted()), ..row(run, BOTH_SIDES, &both) });
            }
        }
        Ok(rows)
    })
}

/// Forward and reverse annealing with the same temperatures, together, with the forward run.
fn brackets<'a>(runs: &'a [Run], found: &[Found]) -> Vec<(&'a Run, Bracket)> {
    let mut brackets = Vec::new();
    for (forward, below) in runs.iter().zip(found) {
        for (reverse, above) in runs.iter().zip(found) {
            if let (Found::Forward(below), Found::Reverse(above)) = (below, above)
                && forward.is_forward_of(reverse)
            {
                let bracket = Bracket::new(below.clone(), above.clone(), None);
                brackets.push((forward, bracket));
            }
        }
    }
    brackets
}
