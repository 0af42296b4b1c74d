//! How fast is this machine, and how does that compare with what others use?
//!
//! The kernels that training, sampling and exact sums live on, at the sizes that papers use, in microseconds a
//! sample or a state. Here times are the result, so this experiment's rows differ from run to run.

mod cases;
mod compare;

use cases::{Case, Row};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use laboratory::error::{Error, Result};
use laboratory::harness;
use laboratory::harness::options::{CommonOptions, ExperimentOptions, output_folder, preset_line};
use laboratory::list::List;
use laboratory::report::file;
use laboratory::report::manifest::{Clock, Manifest};
use laboratory::value::at_least_one;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How fast is this machine, and how does that compare with what others use?
///
/// Measures the kernels that everything here lives on: training by contrastive divergence (cd) and
/// persistent chains (pcd), whole updates included; exact ln Z (log_partition); the exact gradient; spin
/// updates of the Ising model (metropolis); a temperature of annealed importance sampling with 100 chains (ais).
/// Every size is measured in turn, round after round, and the median is reported, so that a
/// neighbour's burst of work spoils a round and not a size.
///
/// With --peers it holds the times against those of benches/peers/peers.py, and prints ratios.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(name = "throughput", version, after_help = EXAMPLES)]
#[command(args_override_self = true)]
struct Options {
    /// Rounds; each measures every size once
    #[arg(long, value_name = "NUMBER", default_value_t = 15, value_parser = at_least_one, help_heading = "Measuring")]
    rounds: usize,

    /// Which kernels: cd, pcd, log_partition, exact_gradient, metropolis, ais
    #[arg(
        long,
        value_name = "LIST",
        default_value = "cd,pcd,log_partition,exact_gradient,metropolis,ais",
        help_heading = "Measuring"
    )]
    kernels: List<cases::Kernel>,

    /// Leave out what takes longer than this many seconds: ln Z of an RBM of 784x30 takes most of a minute
    #[arg(long, value_name = "SECONDS", default_value_t = 600, help_heading = "Measuring")]
    longest: u64,

    /// Times of other programs, as benches/peers/peers.py writes them: print ratios and draw their bars too
    #[arg(long, value_name = "FILE", help_heading = "Measuring")]
    peers: Option<PathBuf>,

    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "Examples:
  throughput --threads 2
  throughput --threads 1 --kernels log_partition --rounds 50
  python benches/peers/peers.py --threads 2 --out peers.csv && throughput --threads 2 --peers peers.csv";

impl ExperimentOptions for Options {
    const NAME: &'static str = "throughput";
    const QUICK: &'static [&'static str] = &["--rounds=2", "--longest=1"];
    const PAPER: &'static [&'static str] = &["--rounds=51"];

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        if self.common.resume {
            return Err(Error::invalid("--resume", "times are measured anew in every run", "leave it out"));
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    harness::options::main(run)
}

fn run(options: &Options) -> Result<()> {
    let clock = Clock::start();
    let out = output_folder(options);
    file::create_folder(&out)?;
    let peers = match &options.peers {
        Some(path) => file::read_table::<compare::PeerRow>(path)?,
        None => Vec::new(),
    };
    let mut cases: Vec<Case> = cases::all(options.common.seed)?
        .into_iter()
        .filter(|case| options.kernels.contains(&case.kernel()))
        .filter(|case| case.expected_seconds() <= options.longest)
        .collect();
    let rows = measure(&mut cases, options.rounds)?;
    file::write_table(&out.join("rows.csv"), &rows)?;
    compare::chart(&rows, &peers).write(&out, "throughput")?;
    Manifest::new(Options::NAME, options, rows.len(), 0, &clock).write(&out)?;
    let mut text = preset_line(options).map_or(String::new(), |line| line + "\n");
    text += &format!(
        "Wrote rows.csv, throughput (.png, .svg) and run.json to {} in {:.0} s.\n\n",
        out.display(),
        clock.elapsed().as_secs_f64()
    );
    text += &compare::text(&rows, &peers);
    // A reader that closes the pipe early has seen enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// The median time of every case over the rounds.
fn measure(cases: &mut [Case], rounds: usize) -> Result<Vec<Row>> {
    let style = ProgressStyle::with_template("{msg:24} {wide_bar} {percent:>3} %, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let steps: u64 = cases.iter().map(|case| case.rounds(rounds) as u64 * case.weight()).sum();
    let bar = ProgressBar::new(steps).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut times = vec![Vec::new(); cases.len()];
    for round in 0..rounds {
        for (case, times) in cases.iter_mut().zip(&mut times) {
            if round < case.rounds(rounds) {
                bar.set_message(case.name());
                times.push(case.microseconds()?);
                bar.inc(case.weight());
            }
        }
    }
    bar.finish_and_clear();
    let median = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    Ok(cases.iter().zip(&mut times).map(|(case, times)| case.row(median(times))).collect())
}
