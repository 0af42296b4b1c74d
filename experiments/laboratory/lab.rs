//! What the computation of a cell may use.

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::record::{self, Record};
use crate::report::file;
use gibbsite::random::Seed;
use serde::{Serialize, de::DeserializeOwned};
use std::any::Any;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Things that cells share, made when they are first asked for.
#[derive(Default)]
pub struct Shared(Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>);

/// Seeds, what cells share, further tables and progress, for one cell.
pub struct Lab<'a> {
    pub(crate) root: Seed,
    pub(crate) shared: &'a Shared,
    pub(crate) progress: &'a Progress,
    /// The share of the whole work that this cell is.
    pub(crate) share: f64,
    /// The share of the cell that is reported.
    pub(crate) reported: Mutex<f64>,
    /// The files of the cell, without what follows its name.
    pub(crate) path: PathBuf,
    /// Further files, with their lengths.
    pub(crate) files: Mutex<Vec<(String, usize)>>,
}

impl Lab<'_> {
    /// The seed for a purpose, from the root that the user gave: what is to be the same for several cells has a purpose
    /// without the names in which they differ.
    pub fn seed(&self, purpose: &str, index: u64) -> Seed {
        self.root.child(purpose, index)
    }

    /// What several cells need, made by the first that asks. Its name holds all that it depends on. Threads that ask at once
    /// make the same thing twice, where waiting for each other could wait forever.
    pub fn shared<T: Send + Sync + 'static>(
        &self,
        name: impl Into<String>,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let name = name.into();
        let lock = || self.shared.0.lock().unwrap_or_else(|error| error.into_inner());
        let found = lock().get(&name).cloned();
        let thing = match found {
            Some(thing) => thing,
            None => {
                let made: Arc<dyn Any + Send + Sync> = Arc::new(make()?);
                lock().entry(name.clone()).or_insert(made).clone()
            }
        };
        thing.downcast().map_err(|_| {
            Error::invalid(
                format!("what cells share as `{name}`"),
                "it is of two types",
                "give each of them a name of its own",
            )
        })
    }

    /// Says that `done` of `total` parts of the cell are done.
    pub fn progress(&self, done: usize, total: usize) {
        let now = done as f64 / total.max(1) as f64;
        let mut reported = self.reported.lock().unwrap_or_else(|error| error.into_inner());
        // Steps too small to see are gathered.
        if now - *reported > 1e-3 || (now >= 1.0 && *reported < 1.0) {
            self.progress.add(self.share * (now.min(1.0) - reported.min(1.0)));
            *reported = now;
        }
    }

    /// Says how the cell is getting on, such as its speed: shown beside the time left, and nowhere else.
    pub fn note(&self, text: impl Into<String>) {
        self.progress.note(text.into());
    }

    fn unfinished(&self) -> PathBuf {
        file::ending(&self.path, UNFINISHED)
    }

    /// Keeps what the cell has become, so that a run that is stopped goes on from here: the cell of the same options and the
    /// same program, until it is finished.
    pub fn keep<T: Serialize>(&self, state: &T) -> Result<()> {
        let path = self.unfinished();
        let refuse = |source| Error::cannot_write(&path, "write the file", std::io::Error::other(source));
        file::write(&path, &postcard::to_stdvec(state).map_err(refuse)?)
    }

    /// What [`Self::keep`] has kept; nothing where there is none, or it is damaged, so that the cell begins anew.
    pub fn kept<T: DeserializeOwned>(&self) -> Option<T> {
        postcard::from_bytes(&std::fs::read(self.unfinished()).ok()?).ok()
    }

    /// Forgets it.
    pub(crate) fn forget_kept(&self) {
        // Where there is none there is nothing to remove, and one too many harms nobody.
        let _ = std::fs::remove_file(self.unfinished());
    }

    /// Leaves a further table, `NAME.csv` beside rows.csv; its columns follow those of the cell.
    pub fn table<C: Record, R: Record>(&self, name: &str, cell: &C, rows: &[R]) -> Result<()> {
        let name = format!("{name}.csv");
        let refuse = |source| Error::Table { path: file::ending(&self.path, &name), source };
        let bytes = record::to_csv(rows.iter().map(|row| (cell, row))).map_err(refuse)?;
        self.file(&name, &bytes)
    }

    /// What the cell has left under this name: for tests.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        std::fs::read(file::ending(&self.path, name)).ok()
    }

    /// Leaves a file of any kind, such as a machine, for the figures' part of the experiment to publish.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let mut files = self.files.lock().unwrap_or_else(|error| error.into_inner());
        files.push((name.to_string(), bytes.len()));
        file::write(&file::ending(&self.path, name), bytes)
    }
}

/// How the name of what an unfinished cell keeps ends.
pub(crate) const UNFINISHED: &str = "unfinished";

/// The last line of a cell's file says how many rows it has.
pub(crate) fn last_line(rows: usize) -> String {
    format!("# {rows} rows\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::in_a_lab;

    #[test]
    fn what_is_kept_comes_back_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        in_a_lab(|lab| {
            let path = folder.path().join("cell");
            let lab = Lab { path, files: Mutex::default(), reported: Mutex::default(), ..*lab };
            assert_eq!(lab.kept::<(u64, String)>(), None);
            lab.keep(&(7_u64, "words")).unwrap();
            lab.keep(&(8_u64, "more")).unwrap();
            assert_eq!(lab.kept(), Some((8_u64, "more".to_string())));
            // Of another kind, as after damage.
            assert_eq!(lab.kept::<[f64; 9]>(), None);
            lab.forget_kept();
            assert_eq!(lab.kept::<(u64, String)>(), None);
        });
    }
}
