//! A sweep over independent cells: in parallel, kept as they finish, and never mixed.

use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::lab::{Lab, Shared, UNFINISHED, last_line};
use crate::lock::Lock;
use crate::options;
use crate::progress::Progress;
use crate::record::{self, identity};
use crate::report::file;
use gibbsite::random::Seed;
use rayon::prelude::*;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The folder of a run, which no other run can enter until this one has ended.
pub struct Folder {
    /// Where the results go.
    pub out: PathBuf,
    /// Finished cells of all settings, each in a folder of its own.
    cells: PathBuf,
    _lock: Lock,
}

impl Folder {
    /// Enters a folder, and cleans what killed runs have left there.
    pub fn enter(out: &Path) -> Result<Self> {
        file::create_folder(out)?;
        let cells = out.join("cells");
        file::create_folder(&cells)?;
        let lock = Lock::take(&cells.join("lock"), &format!("--out {}", out.display()))?;
        remove_leftovers(out);
        for folder in fs::read_dir(&cells).into_iter().flatten().flatten() {
            remove_leftovers(&folder.path());
        }
        Ok(Self { out: out.to_path_buf(), cells, _lock: lock })
    }

    /// Where the cells with these settings are; other settings, or another program, have other folders.
    fn of(&self, stamp: &Map<String, Value>) -> Result<PathBuf> {
        let text = serde_json::to_string(stamp).unwrap_or_default();
        let mut hash = DefaultHasher::new();
        text.hash(&mut hash);
        let folder = self.cells.join(format!("{:016x}", hash.finish()));
        file::create_folder(&folder)?;
        let record = folder.join("made_with.json");
        if !record.exists() {
            file::write_json(&record, stamp)?;
        }
        Ok(folder)
    }
}

/// Temporary files of runs that were killed.
fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(file::TEMPORARY) {
            // What cannot be removed harms nobody.
            let _ = match entry.path().is_dir() {
                true => fs::remove_dir_all(entry.path()),
                false => fs::remove_file(entry.path()),
            };
        }
    }
}

/// All that decides what a cell holds, beside its own values: the options but for those that only choose cells, and the
/// program.
pub fn stamp<E: Experiment>(experiment: &E) -> Result<Map<String, Value>> {
    let mut stamp = options::settings(experiment)?;
    if let Some(name) = E::AXES.iter().find(|name| !stamp.contains_key(**name)) {
        return Err(Error::invalid(
            format!("the axis {name}"),
            "there is no such option",
            "write its name as it is serialised",
        ));
    }
    stamp.retain(|name, _| !E::AXES.contains(&name.as_str()));
    stamp.insert("experiment".to_string(), E::NAME.into());
    stamp.insert("program".to_string(), program()?.into());
    Ok(stamp)
}

/// A hash of the running program.
fn program() -> Result<String> {
    let refuse = |source| Error::cannot_read(Path::new("the running program"), source);
    let path = std::env::current_exe().map_err(refuse)?;
    let bytes = fs::read(&path).map_err(refuse)?;
    let mut hash = DefaultHasher::new();
    bytes.hash(&mut hash);
    Ok(format!("{:016x}", hash.finish()))
}

/// The finished cells of a sweep.
pub struct Finished<E: Experiment> {
    /// Rows of all cells, in the order of the cells.
    pub rows: Vec<(E::Cell, E::Row)>,
    /// Cells in all.
    pub cells: usize,
    /// Cells that an earlier run had finished.
    pub kept: usize,
    /// Where further files are.
    pub files: Files,
}

/// Where further files are.
pub enum Files {
    /// Nowhere: no run made the rows.
    None,
    /// Beside the cells: their files without what follows the names.
    OfCells(Vec<PathBuf>),
    /// In the folder of an earlier run, as far as it published them.
    Published(PathBuf),
}

impl Files {
    /// The files of one table, which need not be there.
    pub fn tables(&self, name: &str) -> Vec<PathBuf> {
        let name = format!("{name}.csv");
        match self {
            Files::None => Vec::new(),
            Files::OfCells(cells) => cells.iter().map(|cell| file::ending(cell, &name)).collect(),
            Files::Published(folder) => vec![folder.join(name)],
        }
    }

    /// The file that the cell of this identity has left; none where the cells' own files are not there any more.
    pub fn of_cell(&self, identity: &str, name: &str) -> Option<PathBuf> {
        let Files::OfCells(cells) = self else {
            return None;
        };
        let cell = cells.iter().find(|cell| cell.file_name().is_some_and(|file| file == identity))?;
        Some(file::ending(cell, name)).filter(|path| path.exists())
    }
}

/// The rows of an earlier run, as its rows.csv has them.
pub fn finished_earlier<E: Experiment>(out: &Path) -> Result<Finished<E>> {
    let path = out.join("rows.csv");
    let what = format!("--redraw: {}", path.display());
    if !path.exists() {
        return Err(Error::invalid(what, "there is no such file", "name the folder of a finished run with --out"));
    }
    let rows = record::read_csv(&path).map_err(|error| match error {
        Error::Table { source, .. } => {
            Error::invalid(what, source.to_string(), "leave it as it is, and let the experiment run in another folder")
        }
        other => other,
    })?;
    Ok(Finished { rows, cells: 0, kept: 0, files: Files::Published(out.to_path_buf()) })
}

/// Computes all cells that are not there yet. Every finished cell is on disk before the next begins, so that a run that
/// stops loses only what was under way.
pub fn run<E: Experiment>(experiment: &E, folder: &Folder) -> Result<Finished<E>> {
    let cells = experiment.cells()?;
    let paths = paths::<E>(&cells, &folder.of(&stamp(experiment)?)?)?;
    if experiment.common().fresh || !E::REPEATABLE {
        paths.iter().for_each(|path| {
            // What is not there need not go.
            let _ = (fs::remove_file(file_of(path)), fs::remove_file(file::ending(path, UNFINISHED)));
        });
    }
    let work: Vec<f64> = cells.iter().map(|cell| experiment.work(cell).max(1e-9)).collect();
    let found: Vec<Option<Vec<_>>> = paths.iter().map(|path| read::<E>(path)).collect();
    let left = work.iter().zip(&found).filter(|(_, found)| found.is_none());
    let total: f64 = left.map(|(work, _)| work).sum();
    let kept = found.iter().flatten().count();
    let (shared, progress) = (Shared::default(), Progress::new());
    let root = Seed::root(experiment.common().seed);
    let rows: Result<Vec<Vec<_>>> = (cells.par_iter().zip(&paths).zip(&work).zip(found))
        .with_max_len(1)
        .map(|(((cell, path), work), found)| {
            if let Some(rows) = found {
                return Ok(rows);
            }
            let lab = Lab {
                root,
                shared: &shared,
                progress: &progress,
                share: work / total,
                reported: Mutex::new(0.0),
                path: path.clone(),
                files: Mutex::default(),
            };
            let rows = experiment
                .run(cell, &lab)
                .map_err(|error| Error::InCell { cell: identity(cell), source: Box::new(error) })?;
            lab.progress(1, 1);
            let rows: Vec<_> = rows.into_iter().map(|row| (cell.clone(), row)).collect();
            write::<E>(path, &rows, &lab.files.lock().unwrap_or_else(|error| error.into_inner()))?;
            lab.forget_kept();
            Ok(rows)
        })
        .collect();
    progress.finish();
    Ok(Finished { rows: rows?.into_iter().flatten().collect(), cells: cells.len(), kept, files: Files::OfCells(paths) })
}

/// Where each cell is kept; two cells with one name are refused, since one would overwrite the other.
fn paths<E: Experiment>(cells: &[E::Cell], folder: &Path) -> Result<Vec<PathBuf>> {
    let mut names = HashMap::new();
    let mut paths = Vec::new();
    for (number, cell) in cells.iter().enumerate() {
        let name = identity(cell);
        if let Some(other) = names.insert(name.clone(), number) {
            return Err(Error::invalid(
                format!("cells {other} and {number}"),
                format!("both are called {name}"),
                "give the cell a field in which they differ, or name each value once",
            ));
        }
        paths.push(folder.join(name));
    }
    Ok(paths)
}

fn file_of(path: &Path) -> PathBuf {
    file::ending(path, "csv")
}

/// Pairs of a cell and a row.
pub type Pairs<E> = Vec<(<E as Experiment>::Cell, <E as Experiment>::Row)>;

/// The file of a cell names its further files, so that one that is lost is missed.
fn write<E: Experiment>(path: &Path, rows: &Pairs<E>, files: &[(String, usize)]) -> Result<()> {
    let path = file_of(path);
    let refuse = |source| Error::Table { path: path.clone(), source };
    let mut bytes = record::to_csv(rows.iter().map(|(cell, row)| (cell, row))).map_err(refuse)?;
    bytes.extend(files.iter().flat_map(|(name, length)| format!("{FILE}{length} {name}\n").into_bytes()));
    bytes.extend(last_line(rows.len()).bytes());
    file::write(&path, &bytes)
}

/// How the line of a further file begins.
const FILE: &str = "# file ";

/// The rows of a finished cell; `None` where a file is missing or damaged, so that the cell is computed anew.
fn read<E: Experiment>(path: &Path) -> Option<Pairs<E>> {
    let rows: Pairs<E> = record::read_csv(&file_of(path)).ok()?;
    let text = fs::read_to_string(file_of(path)).ok()?;
    // Files are put in place whole, so that one of the right length is the one that was written.
    let is_there = |line: &str| {
        let (length, name) = line.split_once(' ')?;
        let found = fs::metadata(file::ending(path, name)).ok()?.len();
        (found == length.parse::<u64>().ok()?).then_some(())
    };
    let mut files = text.lines().filter_map(|line| line.strip_prefix(FILE));
    let whole = text.ends_with(&format!("\n{}", last_line(rows.len())));
    (whole && files.all(|line| is_there(line).is_some())).then_some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::parsed;
    use crate::toy::{Place, Toy};

    /// Of two cells with one name the second would overwrite the first.
    #[test]
    fn two_cells_of_one_name_are_refused() {
        let of = |names: [&str; 3]| {
            let cells = names.map(|name| Place { name: name.to_string() });
            paths::<Toy>(&cells, Path::new("cells")).map_err(|error| error.to_string())
        };
        assert_eq!(of(["here", "there", "far"]).unwrap()[1], Path::new("cells/there"));
        assert!(of(["here", "there", "here"]).unwrap_err().starts_with("cells 0 and 2: both are called here"));
    }

    /// A finished cell is kept as long as it and the files that it has left are whole; an unfinished one goes on from what it has
    /// kept; with --fresh both begin anew.
    #[test]
    fn cells_are_kept_with_their_files_and_begin_anew_where_that_is_asked() {
        let parent = tempfile::tempdir().unwrap();
        let folder = Folder::enter(parent.path()).unwrap();
        let sweep = |words: &[&str]| {
            let finished = run(&parsed::<Toy>(words), &folder).unwrap();
            (finished.kept, finished.rows[0].1.value)
        };
        assert_eq!([sweep(&[]), sweep(&[]), sweep(&["--fresh"])], [(0, 0.0), (1, 0.0), (0, 0.0)]);
        let toy = parsed::<Toy>(&[]);
        let path = folder.of(&stamp(&toy).unwrap()).unwrap().join("here");
        let unfinished = || fs::write(file::ending(&path, UNFINISHED), postcard::to_stdvec(&7.0).unwrap()).unwrap();
        for damage in [fs::remove_file as fn(PathBuf) -> _, |note| fs::write(note, b"a not")] {
            damage(file::ending(&path, "note")).unwrap();
            assert_eq!([sweep(&[]), sweep(&[])], [(0, 0.0), (1, 0.0)]);
        }
        unfinished();
        assert_eq!(sweep(&[]), (1, 0.0));
        fs::remove_file(file_of(&path)).unwrap();
        unfinished();
        assert_eq!(sweep(&[]), (0, 7.0));
        unfinished();
        assert_eq!(sweep(&["--fresh"]), (0, 0.0));
        assert!(!file::ending(&path, UNFINISHED).exists());
    }
}
