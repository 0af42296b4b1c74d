//! How fast is this machine, and how does that compare with what others use?
//!
//! The kernels that training, sampling and exact sums live on, at the sizes that papers use, in microseconds a
//! sample or a state. Here times are the result, so this experiment's rows differ from run to run.

mod cases;
mod compare;

use cases::{Case, Kernel, Row};
use gibbsite::statistics::summary::Summary;
use laboratory::prelude::*;
use laboratory::report::file;
use std::path::{Path, PathBuf};

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
#[command(after_help = EXAMPLES)]
struct Throughput {
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
    kernels: List<Kernel>,

    /// Leave out what takes longer than this many seconds: ln Z of an RBM of 784x30 takes most of a minute
    #[arg(long, value_name = "SECONDS", default_value_t = 600, help_heading = "Measuring")]
    longest: u64,

    /// Times of other programs, as benches/peers/peers.py writes them: print and draw ratios
    #[arg(long, value_name = "FILE", help_heading = "Measuring")]
    peers: Option<PathBuf>,

    /// Ratios of times in many sittings, as benches/peers/sittings.py writes them: draw their medians and ranges
    #[arg(long, value_name = "LIST", help_heading = "Measuring")]
    sittings: Option<List<String>>,

    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "Examples:
  throughput --threads 2
  throughput --threads 1 --kernels log_partition --rounds 50
  python benches/peers/peers.py --threads 2 --out peers.csv && throughput --threads 2 --peers peers.csv
  throughput --redraw --sittings results/throughput/sittings.csv,results/throughput/sittings_ais.csv";

/// All sizes are measured in turn, so that they are one cell.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// Threads that work.
    threads: usize,
}

impl Experiment for Throughput {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "throughput";
    const AXES: &'static [&'static str] = &[];
    const REPEATABLE: bool = false;
    const QUICK: Preset = "--rounds 2 --longest 1";
    const PAPER: Preset = "--rounds 51";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        self.peers()?;
        self.sittings().map(|_| ())
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let own = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(vec![Cell { threads: if self.common.threads == 0 { own } else { self.common.threads } }])
    }

    /// The median time of every size over the rounds.
    fn run(&self, _: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let mut cases: Vec<Case> = cases::all(self.common.seed)?
            .into_iter()
            .filter(|case| self.kernels.contains(&case.kernel()))
            .filter(|case| case.expected_seconds() <= self.longest)
            .collect();
        let total: usize = cases.iter().map(|case| case.rounds(self.rounds) * case.weight()).sum();
        let (mut times, mut done) = (vec![Vec::new(); cases.len()], 0);
        for round in 0..self.rounds {
            for (case, times) in cases.iter_mut().zip(&mut times) {
                if round < case.rounds(self.rounds) {
                    times.push(case.microseconds()?);
                    done += case.weight();
                    lab.progress(done, total);
                }
            }
        }
        Ok(cases.iter().zip(times).map(|(case, times)| case.row(Summary::of(times).median)).collect())
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let (all, peers) = (rows.iter().map(|(_, row)| row).collect::<Vec<_>>(), self.peers()?);
        let threads = rows.iter().map(|(cell, _)| cell.threads).max().unwrap_or(0);
        publication.dot_chart("throughput", &compare::chart(threads, &all, &peers, &self.sittings()?))?;
        publication.print(compare::table(threads, &all, &peers));
        if peers.is_empty() {
            publication
                .say("benches/peers/peers.py measures numpy and torch; --peers FILE holds these times against theirs.");
        }
        Ok(())
    }
}

impl Throughput {
    fn peers(&self) -> Result<Vec<compare::PeerRow>> {
        self.peers.as_ref().map_or(Ok(Vec::new()), |path| file::read_table(path))
    }

    fn sittings(&self) -> Result<Vec<compare::Sitting>> {
        let files = self.sittings.iter().flat_map(|files| files.iter());
        let tables = files.map(|path| file::read_table(Path::new(path))).collect::<Result<Vec<_>>>()?;
        Ok(tables.into_iter().flatten().collect())
    }
}

fn main() -> ExitCode {
    laboratory::experiment::main::<Throughput>()
}

#[cfg(test)]
mod tests {
    /// Times differ from run to run; the figure of some times does not, and options are written down.
    #[test]
    fn what_is_no_time_keeps_the_contract() {
        laboratory::contract::figures_are_redrawn::<super::Throughput>();
        laboratory::contract::options_leave_traces::<super::Throughput>();
    }
}
