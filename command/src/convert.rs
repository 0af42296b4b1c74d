//! `gibbsite convert`: data from one format to another, and machines of other programs to F64.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::options::{ReadingOptions, WritingOptions};
use gibbsite_files::model::{About, machine_to_bytes, read_machine};
use std::path::{Path, PathBuf};

/// Data from one format to another
///
/// Reads text (spaces, tabs, commas) and .npy arrays, and writes text, .csv or .npy, by the name of the file. A machine, by its
/// ending .safetensors, is written anew in F64.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Convert {
    /// What is read; - is standard input
    #[arg(value_name = "FROM")]
    pub from: PathBuf,

    /// What is written; - is standard output
    #[arg(value_name = "TO", default_value = "-")]
    pub to: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub reading: ReadingOptions,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub writing: WritingOptions,
}

const EXAMPLES: &str = "\
Examples:
  gibbsite convert spins.npy spins.txt
  gibbsite convert --spins spins.csv - | head -3
  gibbsite convert counts.csv rows.txt --weights last";

fn is_machine(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
}

impl Convert {
    /// Reads and writes.
    pub fn run(&self, context: &mut Context) -> Result<()> {
        match (is_machine(&self.from), is_machine(&self.to)) {
            (true, true) => {
                let file = read_machine(&self.from)?;
                let about = file.about.unwrap_or_else(|| About::new(Vec::new()));
                let bytes = machine_to_bytes(&file.machine, &about)?;
                context.write(&self.to, &mut |output| output.write_all(&bytes))
            }
            (false, false) => {
                let rows = self.reading.read(&self.from, None, context)?;
                self.writing.write(&self.to, &rows, context)
            }
            _ => Err(Error::invalid(
                format!("{} to {}", self.from.display(), self.to.display()),
                "one is a machine and the other is not",
                "name two files of one kind",
            )),
        }
    }
}
