//! An experiment: a question, its cells, what is measured in each, and what the answer looks like.

use crate::error::{Error, Result};
use crate::lab::Lab;
use crate::options::{self, CommonOptions, Preset};
use crate::publication::Publication;
use crate::record::{self, Record};
use crate::rows::Rows;
use crate::sweep::{self, Folder};
use serde::Serialize;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// One question, one binary, one folder of results. The struct holds the options, and its comment is the --help.
pub trait Experiment: clap::Parser + Serialize + Sync {
    /// What tells cells apart: the first columns of rows.csv. Its values make the name of the cell.
    type Cell: Record;
    /// What is measured: the other columns.
    type Row: Record;
    /// The name of the binary, and of the folder of its results.
    const NAME: &'static str;
    /// Options that only choose cells, as they are serialised: a finished cell is kept when they change.
    const AXES: &'static [&'static str];
    /// Defaults of shared options that are this experiment's own.
    const DEFAULTS: Preset = "";
    /// Shared options that mean nothing here: not in --help, and refused.
    const UNUSED: &'static [&'static str] = &[];
    /// Options that leave the rows of a quick run as they are.
    const INERT: &'static [&'static str] = &[];
    /// Whether a finished cell is the same in every run; times are not.
    const REPEATABLE: bool = true;
    /// Whether the cheapest cell takes seconds, so that a test may compute it again.
    const CELLS_TAKE_SECONDS: bool = true;
    /// Other defaults: finish in seconds, and write every file.
    const QUICK: Preset;
    /// Other defaults: the published protocol.
    const PAPER: Preset;

    /// The options that every experiment has.
    fn common(&self) -> &CommonOptions;

    /// Refuses combinations that no single option can refuse, naming the option and the mend.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Every cell, in the order of rows.csv.
    fn cells(&self) -> Result<Vec<Self::Cell>>;

    /// What a cell costs beside others, for the time left.
    fn work(&self, _cell: &Self::Cell) -> f64 {
        1.0
    }

    /// The rows of a cell, from its own values, the options and the seeds of `lab` alone.
    fn run(&self, cell: &Self::Cell, lab: &Lab) -> Result<Vec<Self::Row>>;

    /// Figures, tables and sentences that answer the question.
    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()>;
}

/// Cells that a sweep may have: more would take longer to list than anyone waits.
const MOST_CELLS: usize = 1_000_000;

/// The main function of an experiment, and the test that it keeps its contract.
#[macro_export]
macro_rules! main {
    ($experiment:ident) => {
        fn main() -> std::process::ExitCode {
            $crate::experiment::main::<$experiment>()
        }

        #[cfg(test)]
        mod contract {
            #[test]
            fn the_experiment_keeps_its_contract() {
                $crate::contract::check::<super::$experiment>();
            }
        }
    };
}

/// The main function of an experiment: options, cells, files, and the exit code. 0 when all is done, 2 for what the user
/// can mend, said in one line.
pub fn main<E: Experiment>() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let experiment: E = match options::parse(&arguments) {
        Ok(experiment) => experiment,
        Err(error) => error.exit(),
    };
    if experiment.common().columns {
        return said(&columns::<E>());
    }
    if !experiment.common().redraw {
        say_how_to_go_on(&options::output_folder(E::NAME, experiment.common()));
    }
    match conduct(&experiment) {
        Ok(text) => said(&text),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Lets Ctrl-C end the program with a word on what is kept. Where the system allows no handler it just ends.
fn say_how_to_go_on(out: &Path) {
    let cells = out.join("cells");
    let _ = ctrlc::set_handler(move || {
        let text = "finished cells are kept, and the same command goes on with them";
        eprintln!("\nstopped; {text} ({})", cells.display());
        // What a shell expects of a program that an interrupt has ended.
        std::process::exit(130);
    });
}

/// Writes to standard output. A reader that closes the pipe early has seen enough; a full disk has not.
fn said(text: &str) -> ExitCode {
    use std::io::{ErrorKind, Write};
    let mut output = std::io::stdout();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("error: standard output: {error}; the files are written");
            ExitCode::from(2)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Runs all cells, or reads their rows again, writes all files and returns what is to be printed.
pub fn conduct<E: Experiment>(experiment: &E) -> Result<String> {
    let (start, common) = (Instant::now(), experiment.common());
    options::check_environment()?;
    experiment.check()?;
    let count = experiment.cells()?.len();
    if count == 0 || count > MOST_CELLS {
        return Err(Error::invalid(
            "the lists of options",
            format!("they make {count} cells"),
            format!("choose values that make 1 to {MOST_CELLS}"),
        ));
    }
    let (pool, out) = (options::thread_pool(common.threads)?, options::output_folder(E::NAME, common));
    if common.redraw {
        let finished = sweep::finished_earlier(&out)?;
        let folder = Folder::enter(&out)?;
        let mut publication = Publication::begin(&folder.out, E::NAME)?;
        pool.install(|| experiment.show(&Rows::of(&finished), &mut publication))?;
        return publication.finish_redrawn(&options::settings(experiment)?);
    }
    let folder = Folder::enter(&out)?;
    pool.install(|| {
        let mut publication = Publication::begin(&folder.out, E::NAME)?;
        let finished = sweep::run(experiment, &folder)?;
        let rows = Rows::of(&finished);
        publication.rows(&rows)?;
        experiment.show(&rows, &mut publication)?;
        let preset = options::preset_line::<E>(common);
        let settings = options::settings(experiment)?;
        publication.finish(E::NAME, settings, (finished.cells, finished.kept), preset, start)
    })
}

/// The columns of rows.csv as a table in Markdown.
pub fn columns<E: Experiment>() -> String {
    let all = record::columns::<E::Cell>().chain(record::columns::<E::Row>());
    let lines = all.map(|(name, text)| format!("| `{name}` | {} |\n", text.replace('\n', " ").replace('|', "\\|")));
    format!("| column | |\n|---|---|\n{}", lines.collect::<String>())
}
