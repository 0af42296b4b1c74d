//! `gibbsite sample`: configurations of a law or of a machine.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::options::{ReadingOptions, WritingOptions};
use crate::subject::{Drawing, IsingOptions, refuse_said};
use gibbsite::configuration::{Configurations, bit, copy_bits, set_bit};
use gibbsite::law::{Chains, Clamp};
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use gibbsite::monte_carlo::sampler::SAMPLERS;
use gibbsite::path::uniform_configurations;
use gibbsite::random::Seed;
use gibbsite_files::error::Error as FileError;
use gibbsite_files::model::read_machine;
use gibbsite_files::source::Source;
use laboratory::groups::targets_in_words;
use laboratory::options::check_at_most;
use laboratory::value::at_least_one;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// Configurations of an Ising model, of another law with a name, or of a machine
///
/// Laws of at most 20 sites are drawn from exactly. Larger Ising models are sampled along eight chains from different places,
/// which must agree before anything is drawn; frustrated ones by parallel tempering. A machine's configurations are the ends of
/// chains of block Gibbs, each by itself: independent, and as close to its law as --gibbs-steps brings them.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Sample {
    /// A machine, or the name of a law
    #[arg(value_name = "MODEL|TARGET", long_help = long_help())]
    pub what: Option<String>,

    /// Configurations
    #[arg(long, short = 'n', value_name = "NUMBER", value_parser = at_least_one)]
    pub count: usize,

    /// Where they go; - is standard output
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub ising: IsingOptions,

    /// How a law is drawn from: exact (enumeration, up to 20 sites), chains, auto, or chains that a sampler of this name moves [default: auto]
    #[arg(long, value_name = "SAMPLER", help_heading = "Ising models", long_help = samplers_help())]
    pub sampler: Option<Drawing>,

    /// Steps of block Gibbs from the start to each configuration [default: 1000]
    #[arg(long, value_name = "K", value_parser = at_least_one, help_heading = "Machines")]
    pub gibbs_steps: Option<usize>,

    /// Where chains start: random, or a file of configurations, taken in turn [default: random]
    #[arg(long, value_name = "random|FILE", help_heading = "Machines")]
    pub start: Option<PathBuf>,

    /// Visible units that are held: a file with a line of 0, 1 or ? (free) for every unit; each line gives --count configurations
    #[arg(long, value_name = "FILE", help_heading = "Machines", conflicts_with = "start")]
    pub clamp: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub reading: ReadingOptions,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub writing: WritingOptions,
}

fn samplers_help() -> String {
    let names: Vec<String> = SAMPLERS.iter().map(|sampler| format!("{} ({})", sampler.name, sampler.about)).collect();
    format!(
        "How a law is drawn from: exact (enumeration, up to 20 sites), chains, auto (exact where that is possible), or from chains \
         of an Ising model whose step is one of {} [default: auto]",
        names.join(", ")
    )
}

fn long_help() -> String {
    format!("A machine (a safetensors file), or the name of a law: {}", targets_in_words(|_| true))
}

const EXAMPLES: &str = "\
Examples:
  gibbsite sample square:6x6 --temperature 2.5 --count 5000 --out spins.txt
  gibbsite sample --couplings glass.csv --temperature 0.8 --count 10000 --as spins --out glass.npy
  gibbsite sample m.safetensors --count 1000 --gibbs-steps 5000 --out new.txt
  gibbsite sample m.safetensors --count 10 --clamp held.txt";

/// Bits of all chains together: 16 GiB.
const MOST_BITS: usize = 1 << 37;

/// Steps between two looks at the time.
const SECTION: usize = 16;

impl Sample {
    /// Draws, and writes.
    pub fn run(&self, context: &mut Context) -> Result<()> {
        let seed = context.seed.child("sample", 0);
        let machine = self.what.as_deref().filter(|what| !what.contains(':') || Path::new(what).is_file());
        let rows = match machine {
            Some(path) => {
                self.ising.check_unused("a machine")?;
                refuse_said(&[("--sampler", self.sampler.is_some())], "a machine")?;
                if self.start.as_deref().is_none_or(|start| start == Path::new("random")) {
                    let (spins, reading) = (self.reading.spins, &self.reading);
                    let said = [
                        ("--spins", spins),
                        ("--weights", reading.weights.is_some()),
                        ("--header", reading.header.is_some()),
                    ];
                    refuse_said(&said, "a machine without --start FILE")?;
                }
                let machine = read_machine(Path::new(path))?.machine;
                self.check_size(machine.visible() + machine.hidden())?;
                match &self.clamp {
                    Some(clamp) => self.clamped(&machine, path, clamp, seed, context)?,
                    None => {
                        let starts = self.starts(&machine, path, context)?;
                        self.of_machine(&machine, starts.as_ref(), seed, context)
                    }
                }
            }
            None => {
                let said = [
                    ("--gibbs-steps", self.gibbs_steps.is_some()),
                    ("--start", self.start.is_some()),
                    ("--clamp", self.clamp.is_some()),
                    ("--spins", self.reading.spins),
                    ("--weights", self.reading.weights.is_some()),
                    ("--header", self.reading.header.is_some()),
                ];
                refuse_said(&said, "a law")?;
                let subject = self.ising.subject(self.what.as_deref())?;
                self.check_size(subject.law().sites())?;
                subject.draw(self.count, self.sampler.unwrap_or(Drawing::Auto), seed)?
            }
        };
        self.writing.write(&self.out, &rows, context)
    }

    fn check_size(&self, units: usize) -> Result<()> {
        Ok(check_at_most("--count", self.count, MOST_BITS / units.max(64))?)
    }

    fn starts(&self, machine: &Rbm, name: &str, context: &Context) -> Result<Option<Configurations>> {
        match self.start.as_deref() {
            None => Ok(None),
            Some(path) if path == Path::new("random") => Ok(None),
            Some(path) => self.reading.read(path, Some((machine.visible(), name.to_string())), context).map(Some),
        }
    }

    /// The visible units of chains that have taken all steps.
    fn of_machine(
        &self,
        machine: &Rbm,
        starts: Option<&Configurations>,
        seed: Seed,
        context: &Context,
    ) -> Configurations {
        let (n, m, count) = (machine.visible(), machine.hidden(), self.count);
        let mut states = match starts {
            None => uniform_configurations(n + m, count, seed.child("starts", 0)),
            Some(_) => Configurations::zeros(n + m, count),
        };
        if let Some(starts) = starts {
            (0..count).for_each(|s| copy_bits(starts.row(s % starts.len()), 0, n, states.row_mut(s), 0));
        }
        let (mut chains, steps) = (Chains::new(states, seed.child("chains", 0)), self.gibbs_steps.unwrap_or(1000));
        let (kernel, mut live) = (machine.kernel(), context.live());
        for done in (0..steps).step_by(SECTION) {
            kernel.advance(&mut chains, 1.0, SECTION.min(steps - done), Clamp::Nothing);
            live.at(done as f64 / steps as f64, "sampling");
        }
        let states = chains.into_states();
        let mut rows = Configurations::zeros(n, count);
        (0..count).for_each(|s| copy_bits(states.row(s), 0, n, rows.row_mut(s), 0));
        rows
    }

    /// For every line of held units, chains of the machine of the others.
    fn clamped(&self, machine: &Rbm, name: &str, path: &Path, seed: Seed, context: &Context) -> Result<Configurations> {
        let lines = read_held(path, machine.visible(), name)?;
        let most = MOST_BITS / machine.visible().max(64);
        check_at_most("--count times the lines of --clamp", self.count.saturating_mul(lines.len()), most)?;
        let mut all = Configurations::zeros(machine.visible(), self.count * lines.len());
        for (number, held) in lines.iter().enumerate() {
            let free: Vec<usize> = (0..held.len()).filter(|i| held[*i].is_none()).collect();
            let rest = match free.len() {
                0 => None,
                _ => {
                    let rest = machine.given(held)?;
                    Some(self.of_machine(&rest, None, seed.child("held", number as u64), context))
                }
            };
            for s in 0..self.count {
                let row = all.row_mut(number * self.count + s);
                held.iter().enumerate().for_each(|(i, value)| set_bit(row, i, *value == Some(true)));
                for (k, i) in free.iter().enumerate() {
                    set_bit(row, *i, rest.as_ref().is_some_and(|rest| bit(rest.row(s), k)));
                }
            }
        }
        Ok(all)
    }
}

/// Lines of 0, 1 and ?, with or without spaces or commas between them.
fn read_held(path: &Path, visible: usize, name: &str) -> Result<Vec<Vec<Option<bool>>>> {
    let source = Source::from(path);
    let (input, path) = (source.open()?, source.path());
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(input.bytes.split(b'\n')) {
        let line = line.map_err(|reason| FileError::cannot_read(path, reason))?;
        let words = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let words: Vec<u8> = words.iter().copied().filter(|byte| !b" \t\r,;".contains(byte)).collect();
        if words.is_empty() {
            continue;
        }
        let mend = "write 0, 1 or ? for every visible unit";
        if let Some(other) = words.iter().find(|byte| !b"01?".contains(byte)) {
            let problem = format!("`{}` is neither 0, 1 nor ?", other.escape_ascii());
            return Err(FileError::at_line(path, number, problem, mend).into());
        }
        if words.len() != visible {
            let problem = format!("{} values, and {name} has {visible} visible units", words.len());
            return Err(FileError::at_line(path, number, problem, mend).into());
        }
        lines.push(words.iter().map(|byte| (*byte != b'?').then_some(*byte == b'1')).collect());
    }
    if lines.is_empty() {
        return Err(FileError::content(path, "it holds no line", "write 0, 1 or ? for every visible unit").into());
    }
    if lines.len() > 1_000_000 {
        return Err(Error::invalid("--clamp", "it has more than a million lines", "take fewer"));
    }
    Ok(lines)
}
