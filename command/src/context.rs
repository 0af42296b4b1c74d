//! What a subcommand works with: disk, standard output, progress, and whether it is to stop.

use crate::error::Result;
use crate::options::Common;
use gibbsite::random::Seed;
use gibbsite_files::source::Source;
use gibbsite_files::write::{self, Disk};
use indicatif::{ProgressBar, ProgressStyle};
use laboratory::progress::words;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);
/// Whether somebody looks at [`STOP`] and will end the program in order.
static ORDERLY: AtomicBool = AtomicBool::new(false);

/// Lets Ctrl-C, and the system's wish to end, stop a training run at its next update. Anything else ends at once, as does
/// training at the second time. Where the system allows no handler the program just ends.
pub fn stop_on_interrupt() {
    let _ = ctrlc::set_handler(|| {
        let again = STOP.swap(true, Ordering::SeqCst);
        if again || !ORDERLY.load(Ordering::SeqCst) {
            std::process::exit(130);
        }
    });
}

/// From here on [`is_stopped`] is asked.
pub fn stop_in_order() {
    ORDERLY.store(true, Ordering::SeqCst);
}

/// Whether the program is to end.
pub fn is_stopped() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// What a subcommand works with.
pub struct Context<'a> {
    /// Where files are written.
    pub disk: &'a dyn Disk,
    /// Standard output.
    pub output: &'a mut (dyn Write + Send),
    /// Whether only results and errors are told.
    pub quiet: bool,
    /// Of all random numbers.
    pub seed: Seed,
}

impl<'a> Context<'a> {
    /// With these options.
    pub fn new(disk: &'a dyn Disk, output: &'a mut (dyn Write + Send), common: &Common) -> Self {
        Self { disk, output, quiet: common.quiet, seed: Seed::root(common.seed) }
    }

    /// A sentence for whoever looks on.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            eprintln!("note: {text}");
        }
    }

    /// Writes a file, or standard output where it is `-`.
    pub fn write(&mut self, path: &Path, content: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<()> {
        if Source::from(path) == Source::Standard {
            let mut output = io::BufWriter::new(&mut *self.output);
            content(&mut output)?;
            return Ok(output.flush()?);
        }
        Ok(write::write(self.disk, path, content)?)
    }

    /// Prints a value as JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
        Ok(writeln!(self.output, "{text}")?)
    }

    /// Writes `STEM.png` and `STEM.svg`, which `draw` leaves in a folder under the name that it is given.
    pub fn figure(&mut self, stem: &Path, draw: &dyn Fn(&Path, &str) -> laboratory::error::Result<()>) -> Result<()> {
        let folder = tempfile::tempdir()?;
        draw(folder.path(), "figure")?;
        for ending in ["png", "svg"] {
            let bytes = std::fs::read(folder.path().join(format!("figure.{ending}")))?;
            write::write_bytes(self.disk, &laboratory::report::file::ending(stem, ending), &bytes)?;
        }
        Ok(())
    }

    /// A bar for what may take long.
    pub fn live(&self) -> Live {
        Live { quiet: self.quiet, start: Instant::now(), told: None, bar: None }
    }
}

/// What takes less is over before anybody looks.
const SOON: Duration = Duration::from_secs(1);
/// Between two lines.
const PERIOD: Duration = Duration::from_millis(200);

/// A line on stderr that says how far something is, and how long it will take; silent where nobody looks on.
pub struct Live {
    quiet: bool,
    start: Instant,
    told: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Live {
    /// Whether a line would be shown now: what is costly to say can be left out.
    pub fn is_due(&self) -> bool {
        !self.quiet && self.start.elapsed() > SOON && self.told.is_none_or(|told| told.elapsed() > PERIOD)
    }

    /// So much is done, of 1.
    pub fn at(&mut self, share: f64, text: &str) {
        if !self.is_due() {
            return;
        }
        self.told = Some(Instant::now());
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(1000);
            if let Ok(style) = ProgressStyle::with_template("{bar:20} {percent:>3} %  {msg}") {
                bar.set_style(style);
            }
            bar
        });
        let left = match share {
            share if share > 1e-4 => {
                let left = self.start.elapsed().mul_f64((1.0 - share).max(0.0) / share);
                format!("{} left", words(left))
            }
            _ => String::new(),
        };
        bar.set_position((share * 1000.0) as u64);
        bar.set_message(if text.is_empty() { left } else { format!("{text} · {left}") });
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.finish();
    }
}
