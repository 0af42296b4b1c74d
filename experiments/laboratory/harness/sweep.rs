//! A sweep over independent cells: in parallel, kept as they finish, and resumable.

use crate::error::{Error, Result};
use crate::report::file;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Where a sweep keeps its finished cells, and what they were made with.
pub struct Sweep {
    folder: PathBuf,
    resumed: bool,
}

/// One cell of a sweep.
pub trait Cell: Sync {
    /// A name made of the cell's own values, fit for a file: `cd_k10_h8_r2`.
    fn id(&self) -> String;

    /// A rough count of operations, for the time left.
    fn work(&self) -> u64;

    /// The rows that the cell has when it is finished.
    fn rows(&self) -> usize;
}

/// Reports the share of a cell that is done.
pub struct Progress<'a> {
    bar: &'a ProgressBar,
    work: u64,
    reported: u64,
}

impl Progress<'_> {
    /// Says that `done` of `total` parts of the cell are done.
    pub fn report(&mut self, done: usize, total: usize) {
        let reached = (self.work as f64 * done as f64 / total.max(1) as f64) as u64;
        self.bar.inc(reached.saturating_sub(self.reported));
        self.reported = reached;
    }
}

impl Sweep {
    /// Opens `OUT/cells`. `made_with` holds every option that decides a cell's result and is not a
    /// value of the cell itself: with `resume`, cells made with others are refused; without, the
    /// cells of an earlier run are removed.
    pub fn open(out: &Path, made_with: &impl Serialize, resume: bool) -> Result<Self> {
        let folder = out.join("cells");
        let record = folder.join("made_with.json");
        let mut now = to_map(made_with);
        now.insert("version".to_string(), env!("CARGO_PKG_VERSION").into());
        if folder.exists() && !record.exists() {
            return Err(Error::invalid(
                format!("--out {}", out.display()),
                format!("{} is not a sweep's: it has no made_with.json", folder.display()),
                "name another folder with --out, or move that one away",
            ));
        }
        let resumed = resume && folder.exists();
        if resumed {
            let then: Map<String, Value> = file::read_json(&record)?;
            refuse_other_options(out, &then, &now)?;
        } else if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|source| Error::cannot_write(&folder, "remove the folder", source))?;
        }
        file::create_folder(&folder)?;
        file::write_json(&record, &now)?;
        Ok(Self { folder, resumed })
    }

    /// The file of a finished cell.
    fn path(&self, cell: &impl Cell) -> PathBuf {
        self.folder.join(format!("{}.csv", cell.id()))
    }

    /// Whether a cell is there from a run before.
    fn keeps(&self, cell: &impl Cell) -> bool {
        self.resumed && self.path(cell).exists()
    }

    /// The work of all cells that are not there yet.
    pub fn work_left(&self, cells: &[impl Cell]) -> u64 {
        let left = cells.iter().filter(|cell| !self.keeps(*cell));
        left.map(|cell| cell.work()).sum()
    }

    /// The rows of all cells in the order of `cells`, and how many cells were there already. Every
    /// finished cell is on disk before the next begins, so a run that stops loses only what was
    /// under way.
    pub fn run<C: Cell, Row: Serialize + DeserializeOwned + Send>(
        &self,
        cells: &[C],
        compute: impl Fn(&C, &mut Progress) -> Result<Vec<Row>> + Sync,
    ) -> Result<(Vec<Row>, usize)> {
        let resumed = cells.iter().filter(|cell| self.keeps(*cell)).count();
        let bar = progress_bar(self.work_left(cells));
        let rows: Result<Vec<Vec<Row>>> = cells
            .par_iter()
            .with_max_len(1)
            .map(|cell| {
                if self.keeps(cell) {
                    let rows: Vec<Row> = file::read_table(&self.path(cell))?;
                    if rows.len() == cell.rows() {
                        return Ok(rows);
                    }
                    // A damaged file: compute the cell anew.
                }
                let mut progress = Progress { bar: &bar, work: cell.work(), reported: 0 };
                let rows = compute(cell, &mut progress)
                    .map_err(|error| Error::InCell { cell: cell.id(), source: Box::new(error) })?;
                progress.report(1, 1);
                file::write_table(&self.path(cell), &rows)?;
                Ok(rows)
            })
            .collect();
        bar.finish_and_clear();
        Ok((rows?.into_iter().flatten().collect(), resumed))
    }
}

/// A bar with the time left, on the terminal's standard error only.
fn progress_bar(work: u64) -> ProgressBar {
    let bar = ProgressBar::new(work);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(500));
    bar
}

fn to_map(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        other => Map::from_iter([("options".to_string(), other.unwrap_or(Value::Null))]),
    }
}

fn refuse_other_options(out: &Path, then: &Map<String, Value>, now: &Map<String, Value>) -> Result<()> {
    let keys = then.keys().chain(now.keys());
    for key in keys {
        let (old, new) = (then.get(key), now.get(key));
        if old != new {
            let text = |value: Option<&Value>| value.map_or("absent".to_string(), Value::to_string);
            return Err(Error::invalid(
                "--resume",
                format!(
                    "the cells in {} were made with {key} = {}, and now it is {}",
                    out.join("cells").display(),
                    text(old),
                    text(new)
                ),
                "use the same value, another --out, or no --resume to begin anew",
            ));
        }
    }
    Ok(())
}
