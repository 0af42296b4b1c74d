//! `gibbsite features`: what the hidden units make of data.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::options::ReadingOptions;
use gibbsite::model::Model;
use gibbsite_files::model::read_machine;
use gibbsite_files::numbers;
use std::path::PathBuf;

/// Hidden probabilities of your data, as features for another program
///
/// A .npy array of float32 with a row for each configuration and a column for each hidden unit, p(h = 1 | v): what a classifier
/// of another program may take in the place of v.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Features {
    /// The machine
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,

    /// The configurations; - is standard input
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,

    /// The array; - is standard output
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// Take visible units past the last column of the data for 0, such as labels that nobody has given
    #[arg(long)]
    pub absent_off: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub reading: ReadingOptions,
}

const EXAMPLES: &str = "\
Examples:
  gibbsite features m.safetensors --data spins.txt --out features.npy
  gibbsite features digits.safetensors --data t10k-images-idx3-ubyte.gz --absent-off --out features.npy";

impl Features {
    /// Reads and writes.
    pub fn run(&self, context: &mut Context) -> Result<()> {
        let machine = read_machine(&self.model)?.machine;
        let rows = self.reading.read(&self.data, None, context)?;
        let (sites, visible) = (rows.sites(), machine.visible());
        if sites > visible || (sites < visible && !self.absent_off) {
            let mend =
                if sites > visible { "take data of the machine" } else { "take the rest for 0 with --absent-off" };
            return Err(Error::invalid(
                self.data.display().to_string(),
                format!("it has {sites} columns, and the machine {visible} visible units"),
                mend,
            ));
        }
        let rows = rows.widened(visible - sites);
        context.write(&self.out, &mut |output| {
            numbers::write(output, (rows.len(), machine.hidden()), &mut |s| machine.hidden_probabilities(rows.row(s)))
        })
    }
}
