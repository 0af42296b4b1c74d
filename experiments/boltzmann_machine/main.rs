//! The general Boltzmann machine, and why the restricted one was invented.
//!
//! How many units must be drawn until a machine has learned a law to a given KL divergence, if every
//! unit may be coupled to every other (Ackley, Hinton and Sejnowski 1985), and if hidden units are not
//! coupled to each other (Smolensky 1986)? And how well are the couplings of an Ising model learned back from
//! its configurations?

mod answer;
mod figures;
mod inverse;
mod machines;
mod options;

use laboratory::error::Result;
use laboratory::harness;
use laboratory::harness::options::ExperimentOptions;
use laboratory::harness::sweep::Sweep;
use laboratory::report::file;
use laboratory::report::manifest::{Clock, Manifest};
use options::Options;
use serde::Serialize;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    harness::options::main(run)
}

fn run(options: &Options) -> Result<()> {
    let clock = Clock::start();
    let out = harness::options::output_folder(options);
    file::create_folder(&out)?;
    let sweep = Sweep::open(&out, &MadeWith::from(options), options.common.resume)?;

    let cells = machines::cells(options)?;
    let tasks = machines::tasks(options)?;
    let (rows, resumed) = sweep.run(&cells, |cell, progress| machines::learn(options, &tasks, cell, progress))?;
    let fits = inverse::cells(options);
    let (couplings, fits_resumed) = sweep.run(&fits, |cell, _| inverse::learn(options, cell))?;

    file::write_table(&out.join("rows.csv"), &rows)?;
    file::write_table(&out.join("couplings.csv"), &couplings)?;
    let answers = answer::answers(options, &rows);
    figures::write(options, &rows, &answers, &couplings, &out)?;
    Manifest::new(Options::NAME, options, cells.len() + fits.len(), resumed + fits_resumed, &clock).write(&out)?;
    let text = answer::text(options, &rows, &answers, &couplings, &out, clock.elapsed());
    // A reader that closes the pipe early has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// The options that decide what a cell holds, less the values that name the cell.
#[derive(Serialize)]
struct MadeWith {
    temperature: f64,
    initial_weights: f64,
    updates: usize,
    couplings_temperature: f64,
    couplings_updates: usize,
    seed: u64,
}

impl From<&Options> for MadeWith {
    fn from(options: &Options) -> Self {
        Self {
            temperature: options.temperature,
            initial_weights: options.initial_weights,
            updates: options.updates,
            couplings_temperature: options.couplings_temperature,
            couplings_updates: options.couplings_updates,
            seed: options.common.seed,
        }
    }
}
