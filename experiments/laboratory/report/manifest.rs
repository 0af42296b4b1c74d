//! run.json: what made the files beside it, and how long it took.

use super::file;
use crate::error::Result;
use gibbsite::kernels::level::Level;
use serde::Serialize;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The record of one run.
#[derive(Debug, Serialize)]
pub struct Manifest<'a, Options> {
    /// The binary's name.
    pub program: &'a str,
    /// The crate's version.
    pub version: &'a str,
    /// Every option with the value that was used.
    pub options: &'a Options,
    /// Cells that an earlier run had finished.
    pub cells_resumed: usize,
    /// Cells in all.
    pub cells: usize,
    /// When the run started, in seconds since 1970-01-01 UTC.
    pub started_unix_seconds: u64,
    /// How long it took.
    pub seconds: f64,
    /// Threads that worked.
    pub threads: usize,
    /// Where it ran.
    pub host: Host,
}

/// The machine, as far as results and times depend on it.
#[derive(Debug, Serialize)]
pub struct Host {
    operating_system: &'static str,
    architecture: &'static str,
    cores: usize,
    kernel_level: &'static str,
}

impl Host {
    /// This machine.
    pub fn this() -> Self {
        Self {
            operating_system: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel_level: Level::get().name(),
        }
    }
}

/// When a run started.
pub struct Clock(SystemTime, Instant);

impl Clock {
    /// Now.
    pub fn start() -> Self {
        Self(SystemTime::now(), Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.1.elapsed()
    }
}

impl<'a, Options: Serialize> Manifest<'a, Options> {
    /// The record of a run that ends now.
    pub fn new(program: &'a str, options: &'a Options, cells: usize, cells_resumed: usize, clock: &Clock) -> Self {
        let since_1970 = clock.0.duration_since(UNIX_EPOCH);
        Self {
            program,
            version: env!("CARGO_PKG_VERSION"),
            options,
            cells_resumed,
            cells,
            started_unix_seconds: since_1970.unwrap_or(Duration::ZERO).as_secs(),
            seconds: clock.elapsed().as_secs_f64(),
            threads: rayon::current_num_threads(),
            host: Host::this(),
        }
    }

    /// Writes `run.json` into `folder`.
    pub fn write(&self, folder: &Path) -> Result<()> {
        file::write_json(&folder.join("run.json"), self)
    }
}
