//! How often does `converged` or `trusted` say yes when the number is wrong, and no when it is right?
//!
//! Machines whose answers can be summed ([`gibbsite::battery`]), easy and built to fool, measured again and again by
//! every estimator of ln Z, of observables and of the KL divergence, with the settings of a user who has not looked
//! closer. Of the numbers that are called converged or trusted at most one in 200 should be beyond four standard errors
//! and nine in ten within two.

mod figures;
mod measure;
mod options;
mod table;

use laboratory::error::Result;
use laboratory::harness;
use laboratory::harness::expectation::announce;
use laboratory::harness::options::ExperimentOptions;
use laboratory::harness::sweep::Sweep;
use laboratory::report::file;
use laboratory::report::manifest::{Clock, Manifest};
use options::Options;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::process::ExitCode;

/// A row of rows.csv: one number.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    family: String,
    machine: String,
    visible: usize,
    hidden: usize,
    quantity: String,
    estimator: String,
    replica: usize,
    value: f64,
    /// Missing where it cannot be told; observables that are refused have none.
    standard_error: Option<f64>,
    exact: f64,
    /// Of both sides and the KL divergence whether it is trusted, of an observable whether it has converged, of a single
    /// run whether it has no doubt.
    said: Said,
    /// What speaks against it, joined by "; ".
    doubts: String,
}

/// Whether the library stands by a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Yes,
    No,
}

impl From<bool> for Said {
    fn from(yes: bool) -> Self {
        if yes { Said::Yes } else { Said::No }
    }
}

/// How a number did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Said yes, and within two standard errors.
    Within,
    /// Said yes, and between two and four.
    Between,
    /// Said yes, and beyond four, or without an error.
    Beyond,
    /// Said no, though within two.
    RefusedThoughWithin,
    /// Said no, and farther off or without an error.
    Refused,
}

impl Row {
    fn outcome(&self) -> Outcome {
        // A quantity that does not fluctuate is exact up to rounding.
        let rounding = 1e-9 * (1.0 + self.exact.abs());
        let within = |errors: f64| {
            self.standard_error.is_some_and(|error| (self.value - self.exact).abs() <= errors * error + rounding)
        };
        match self.said {
            Said::Yes if within(2.0) => Outcome::Within,
            Said::Yes if within(4.0) => Outcome::Between,
            Said::Yes => Outcome::Beyond,
            Said::No if within(2.0) => Outcome::RefusedThoughWithin,
            Said::No => Outcome::Refused,
        }
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
    let (rows, cells_resumed) = sweep.run(&cells, |cell, progress| measure::rows(options, cell, progress))?;
    file::write_table(&out.join("rows.csv"), &rows)?;
    figures::write(options, &rows, &out)?;
    Manifest::new(Options::NAME, options, cells.len(), cells_resumed, &clock).write(&out)?;
    let text = table::text(options, &rows, &out, clock.elapsed());
    // A reader that closes the pipe early has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}
