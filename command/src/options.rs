//! Options that several subcommands share: the same thing has the same name and text everywhere.

use crate::context::Context;
use crate::error::{Error, Result};
use gibbsite::configuration::Configurations;
use gibbsite_files::data::{self, Column, Reading, Writing};
use gibbsite_files::source::Source;
use laboratory::choice;
use std::path::Path;

/// What all subcommands have.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Root of all random numbers: the same seed and options give the same bytes
    #[arg(long, global = true, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Threads; 0 takes every core. Does not change any result
    #[arg(long, global = true, value_name = "NUMBER", default_value_t = 0)]
    pub threads: usize,

    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

choice! {
    /// An answer.
    pub YesNo { Yes = "yes", No = "no" }
}

choice! {
    /// What values stand for a site.
    pub Values { Binary = "binary", Spins = "spins" }
}

/// How data are read.
#[derive(Clone, Debug, Default, clap::Args, serde::Serialize)]
#[command(next_help_heading = "Data")]
pub struct ReadingOptions {
    /// Values are -1 and 1, not 0 and 1
    #[arg(long)]
    pub spins: bool,

    /// Column with the weights of the rows, such as counts: last, its number from 1 on, or its name. A weighted data set is
    /// learned as a whole law, an update an epoch
    #[arg(long, value_name = "COLUMN")]
    #[serde(serialize_with = "column")]
    pub weights: Option<Column>,

    /// Whether a text begins with a line of names [default: found out]
    #[arg(long, value_name = "YES|NO")]
    pub header: Option<YesNo>,
}

fn column<S: serde::Serializer>(column: &Option<Column>, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    match column {
        Some(column) => serializer.collect_str(column),
        None => serializer.serialize_none(),
    }
}

impl ReadingOptions {
    /// Reads configurations; `sites` is how many sites they must have, and what says so.
    pub fn read(&self, path: &Path, sites: Option<(usize, String)>, context: &Context) -> Result<Configurations> {
        let reading = Reading {
            spins: self.spins,
            weights: self.weights.clone(),
            header: self.header.map(|answer| answer == YesNo::Yes),
            sites,
        };
        let mut live = context.live();
        let read = data::read(&Source::from(path), &reading, &mut |done, of| {
            let share = of.map_or(0.0, |of| done as f64 / of.max(1) as f64);
            live.at(share, &format!("reading {}, {} MB", path.display(), done >> 20));
        });
        Ok(read?)
    }
}

/// How data are written.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct WritingOptions {
    /// Values of the sites: binary (0 and 1) or spins (-1 and 1)
    #[arg(long = "as", value_name = "VALUES", default_value = "binary")]
    pub values: Values,

    /// Format: text, csv or npy [default: by the name of the file; text for -]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<FormatName>,
}

choice! {
    /// A format by name.
    pub FormatName { Text = "text", Csv = "csv", Npy = "npy" }
}

impl WritingOptions {
    /// Writes configurations to a file, or to standard output where it is `-`.
    pub fn write(&self, path: &Path, data: &Configurations, context: &mut Context) -> Result<()> {
        let name = self.format.map_or(path, |format| match format {
            FormatName::Text => Path::new("x.txt"),
            FormatName::Csv => Path::new("x.csv"),
            FormatName::Npy => Path::new("x.npy"),
        });
        let writing = Writing::of_name(name, self.values == Values::Spins);
        if data.weights().is_some() && writing.format == data::Format::Npy {
            return Err(Error::invalid(
                format!("--out {}", path.display()),
                "an array of bits has no place for weights",
                "write text, whose last column they are",
            ));
        }
        context.write(path, &mut |output| data::write(output, data, writing))
    }
}
