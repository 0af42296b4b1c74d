//! The rows of a finished sweep, and how they are put together by key functions.

use crate::error::Result;
use crate::experiment::Experiment;
use crate::record::{self, Record, identity};
use crate::sweep::{Files, Finished};
use gibbsite::statistics::estimate::Estimate;
use gibbsite::statistics::summary::Summary;
use indexmap::IndexMap;
use std::hash::Hash;
use std::path::PathBuf;

/// Rows with the cells they belong to, in the order of rows.csv.
pub struct Rows<'a, E: Experiment> {
    all: Vec<(&'a E::Cell, &'a E::Row)>,
    files: &'a Files,
}

/// Rows with one key.
pub struct Group<'a, E: Experiment> {
    /// The cell of the first of them.
    pub cell: &'a E::Cell,
    /// The first of them.
    pub row: &'a E::Row,
    /// All of them.
    pub rows: Rows<'a, E>,
}

impl<'a, E: Experiment> Clone for Rows<'a, E> {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), files: self.files }
    }
}

impl<'a, E: Experiment> Rows<'a, E> {
    pub(crate) fn of(finished: &'a Finished<E>) -> Self {
        Self { files: &finished.files, ..Self::of_pairs(&finished.rows) }
    }

    /// Rows that no sweep made, without further files: to try figures and tables on.
    pub fn of_pairs(pairs: &'a [(E::Cell, E::Row)]) -> Self {
        Self { all: pairs.iter().map(|(cell, row)| (cell, row)).collect(), files: &Files::None }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&'a E::Cell, &'a E::Row)> + Clone + '_ {
        self.all.iter().copied()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Those that `keep` keeps.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&E::Cell, &E::Row) -> bool) -> Self {
        let all = self.iter().filter(|(cell, row)| keep(cell, row));
        Self { all: all.collect(), files: self.files }
    }

    /// Rows with equal keys together, in the order in which the keys appear.
    pub fn group_by<K: Hash + Eq>(&self, key: impl Fn(&E::Cell, &E::Row) -> K) -> IndexMap<K, Self> {
        let mut groups: IndexMap<K, Self> = IndexMap::new();
        for (cell, row) in self.iter() {
            let empty = || Self { all: Vec::new(), files: self.files };
            groups.entry(key(cell, row)).or_insert_with(empty).all.push((cell, row));
        }
        groups
    }

    /// The same as lines of a table.
    pub fn groups<K: Hash + Eq>(&self, key: impl Fn(&E::Cell, &E::Row) -> K) -> Vec<Group<'a, E>> {
        let group = |rows: Self| rows.all.first().copied().map(|(cell, row)| Group { cell, row, rows });
        self.group_by(key).into_values().filter_map(group).collect()
    }

    /// A number of every row.
    pub fn values(&self, value: impl Fn(&E::Cell, &E::Row) -> f64) -> Vec<f64> {
        self.iter().map(|(cell, row)| value(cell, row)).collect()
    }

    /// Median and range of a number where it is not missing (NaN); of none NaN.
    pub fn summary(&self, value: impl Fn(&E::Cell, &E::Row) -> f64) -> Summary {
        let values: Vec<f64> = self.values(value).into_iter().filter(|value| !value.is_nan()).collect();
        Summary::of(if values.is_empty() { vec![f64::NAN] } else { values })
    }

    /// Mean of a number over independent rows, with its standard error where there are two or more.
    pub fn mean(&self, value: impl Fn(&E::Cell, &E::Row) -> f64) -> Option<Estimate> {
        let all: Vec<Estimate> = self.values(value).into_iter().map(Estimate::exact).collect();
        Estimate::over_replicas(&all)
    }

    /// The further table that cells have left with `Lab::table`; cells that left none have no rows.
    pub fn table<R: Record>(&self, name: &str) -> Result<Vec<(E::Cell, R)>> {
        let mut all = Vec::new();
        for path in self.files.tables(name) {
            if path.exists() {
                all.extend(record::read_csv(&path)?);
            }
        }
        Ok(all)
    }

    /// The file that a cell has left with `Lab::file`; none where an earlier run has published it already.
    pub fn file(&self, cell: &E::Cell, name: &str) -> Option<PathBuf> {
        self.files.of_cell(&identity(cell), name)
    }
}
