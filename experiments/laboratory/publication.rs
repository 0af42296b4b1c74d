//! The files of a finished run: written apart, and put in place together.

use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::progress::words;
use crate::record::{self, Record};
use crate::report::dot_chart::DotChart;
use crate::report::figure::Figure;
use crate::report::file;
use crate::report::stacked_bars::StackedBars;
use crate::report::tiles::Tiles;
use crate::rows::Rows;
use crate::table::Table;
use gibbsite::kernels::level::Level;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What made the files beside it: the same for every run that writes the same files.
#[derive(Serialize, Deserialize)]
struct RunRecord {
    program: String,
    version: String,
    /// Every option with the value that was used.
    options: Map<String, Value>,
    #[serde(default)]
    cells: usize,
    #[serde(default)]
    files: Vec<String>,
}

/// The options of the run that wrote into a folder.
pub(crate) fn options_of(out: &Path) -> Option<Map<String, Value>> {
    Some(file::read_json::<RunRecord>(&out.join("run.json")).ok()?.options)
}

/// How and when they were made: of this machine, and no part of the results.
#[derive(Serialize)]
struct Circumstances {
    seconds: f64,
    cells_kept: usize,
    threads: usize,
    cores: usize,
    operating_system: &'static str,
    architecture: &'static str,
    kernel_level: &'static str,
}

/// The files and sentences of one run.
pub struct Publication {
    out: PathBuf,
    /// Where files wait for each other, so that a run that stops leaves what was there whole.
    staged: tempfile::TempDir,
    files: Vec<String>,
    figures: Vec<String>,
    /// Files that are neither figures nor tables.
    others: Vec<String>,
    text: String,
    /// Figures as they were handed over, for tests.
    described: Vec<(String, String)>,
}

impl Publication {
    /// Nothing yet, for this folder. Refused where it holds what no run of this program has written.
    pub fn begin(out: &Path, program: &str) -> Result<Self> {
        let refuse = |problem: String| {
            let what = format!("--out {}", out.display());
            Err(Error::invalid(what, problem, "name another folder"))
        };
        match file::read_json::<RunRecord>(&out.join("run.json")) {
            Ok(earlier) if earlier.program != program => {
                return refuse(format!("it holds results of {}", earlier.program));
            }
            Err(_) if out.join("rows.csv").exists() => {
                return refuse("its rows.csv has no run.json that says what made it".to_string());
            }
            _ => {}
        }
        let staged = tempfile::Builder::new().prefix(file::TEMPORARY).tempdir_in(out);
        let refuse = |source| Error::cannot_write(out, "write into the folder", source);
        Ok(Self {
            out: out.to_path_buf(),
            staged: staged.map_err(refuse)?,
            files: Vec::new(),
            figures: Vec::new(),
            others: Vec::new(),
            text: String::new(),
            described: Vec::new(),
        })
    }

    /// rows.csv.
    pub(crate) fn rows<E: Experiment>(&mut self, rows: &Rows<E>) -> Result<()> {
        self.table("rows", rows.iter())
    }

    /// `NAME.csv`, whose columns are those of two records.
    pub fn table<'a, A: Record + 'a, B: Record + 'a>(
        &mut self,
        name: &str,
        rows: impl Iterator<Item = (&'a A, &'a B)>,
    ) -> Result<()> {
        let name = format!("{name}.csv");
        let path = self.staged.path().join(&name);
        let refuse = |source| Error::Table { path: path.clone(), source };
        let bytes = record::to_csv(rows).map_err(refuse)?;
        self.files.push(name);
        file::write(&path, &bytes)
    }

    /// `NAME.png` and `NAME.svg`; a figure without a point is left out.
    pub fn figure(&mut self, name: &str, figure: &Figure) -> Result<()> {
        if figure.panels.iter().all(|panel| panel.series.is_empty()) {
            return Ok(());
        }
        figure.write(self.staged.path(), name)?;
        self.drawn(name, figure);
        Ok(())
    }

    /// The same for stacked bars.
    pub fn stacked_bars(&mut self, name: &str, figure: &StackedBars) -> Result<()> {
        figure.write(self.staged.path(), name)?;
        self.drawn(name, figure);
        Ok(())
    }

    /// The same for dots.
    pub fn dot_chart(&mut self, name: &str, figure: &DotChart) -> Result<()> {
        figure.write(self.staged.path(), name)?;
        self.drawn(name, figure);
        Ok(())
    }

    /// `NAME.png` of small pictures, which have no lines that an SVG would keep sharp; none is left out.
    pub fn tiles(&mut self, name: &str, tiles: &Tiles) -> Result<()> {
        if tiles.rows.is_empty() {
            return Ok(());
        }
        tiles.write(self.staged.path(), name)?;
        self.others.push(format!("{name}.png"));
        self.described.push((name.to_string(), format!("{tiles:?}")));
        self.files.push(format!("{name}.png"));
        Ok(())
    }

    /// A copy of a file that a cell has left.
    pub fn file(&mut self, name: &str, from: &Path) -> Result<()> {
        let to = self.staged.path().join(name);
        fs::copy(from, &to).map_err(|source| Error::cannot_write(&to, "write the file", source))?;
        self.others.push(name.to_string());
        self.files.push(name.to_string());
        Ok(())
    }

    fn drawn(&mut self, name: &str, figure: &impl Debug) {
        self.described.push((name.to_string(), format!("{figure:?}")));
        self.figures.push(name.to_string());
        self.files.extend([format!("{name}.png"), format!("{name}.svg")]);
    }

    /// Every figure and table as it is now, and what is to be printed, with their names.
    pub(crate) fn contents(&self) -> Vec<(String, String)> {
        let tables = self.files.iter().filter(|name| name.ends_with(".csv") || name.ends_with(".svg"));
        let read =
            |name: &String| (name.clone(), fs::read_to_string(self.staged.path().join(name)).unwrap_or_default());
        let printed = ("printed".to_string(), self.text.clone());
        tables.map(read).chain(self.described.iter().cloned()).chain([printed]).collect()
    }

    /// A sentence, printed at the end of the run.
    pub fn say(&mut self, text: impl AsRef<str>) {
        self.text.push('\n');
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    /// A table, printed at the end of the run; one without a line is left out.
    pub fn print<T>(&mut self, table: Table<T>) {
        if let Some(text) = table.text() {
            self.say(text);
        }
    }

    /// Puts the files in place, and returns what is to be printed. Files of an earlier run that would change are kept in
    /// `earlier/N`.
    pub(crate) fn finish(
        mut self,
        program: &str,
        options: Map<String, Value>,
        (cells, kept): (usize, usize),
        preset: Option<String>,
        start: Instant,
    ) -> Result<String> {
        self.files.push("run.json".to_string());
        let record = RunRecord {
            program: program.to_string(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            options,
            cells,
            files: self.files.clone(),
        };
        file::write_json(&self.staged.path().join("run.json"), &record)?;
        self.set_earlier_apart()?;
        for name in &self.files {
            let (from, to) = (self.staged.path().join(name), self.out.join(name));
            let refuse = |source| Error::cannot_write(&to, "write the file", source);
            fs::rename(&from, &to).map_err(refuse)?;
        }
        let seconds = start.elapsed();
        let circumstances = Circumstances {
            seconds: seconds.as_secs_f64(),
            cells_kept: kept,
            threads: rayon::current_num_threads(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            operating_system: std::env::consts::OS,
            architecture: std::env::consts::ARCH,
            kernel_level: Level::get().name(),
        };
        file::write_json(&self.out.join("cells/circumstances.json"), &circumstances)?;
        let preset = preset.map_or(String::new(), |line| format!("{line}\n"));
        let kept = match kept {
            0 => String::new(),
            kept => format!(", {kept} of {cells} cells kept from an earlier run"),
        };
        let tables = self.files.iter().filter(|name| name.ends_with(".csv"));
        let tables: Vec<&str> = tables.map(String::as_str).collect();
        let figures = match self.figures.len() {
            0 => String::new(),
            _ => format!("{} (.png, .svg), ", self.figures.join(", ")),
        };
        let others: String = self.others.iter().map(|name| format!("{name}, ")).collect();
        Ok(format!(
            "{preset}Wrote {figures}{others}{} and run.json to {} in {}{kept}.\n{}",
            tables.join(", "),
            self.out.display(),
            words(seconds),
            self.text
        ))
    }

    /// Puts the figures alone in place, and returns what is to be printed: rows.csv and run.json stay as they are.
    pub(crate) fn finish_redrawn(self, options: &Map<String, Value>) -> Result<String> {
        let is_figure = |name: &&String| name.ends_with(".png") || name.ends_with(".svg");
        for name in self.files.iter().filter(is_figure) {
            let (from, to) = (self.staged.path().join(name), self.out.join(name));
            fs::rename(&from, &to).map_err(|source| Error::cannot_write(&to, "write the file", source))?;
        }
        let mut text = format!("Drew {} anew in {}.\n", self.figures.join(", "), self.out.display());
        let earlier: RunRecord = file::read_json(&self.out.join("run.json"))?;
        let others = earlier.options.iter().filter(|(name, value)| options.get(*name) != Some(value));
        let others: Vec<&str> = others.map(|(name, _)| &**name).collect();
        if !others.is_empty() {
            text += &format!("Drawn with other options than those of run.json: {}.\n", others.join(", "));
        }
        let left = earlier.files.iter().filter(is_figure).filter(|name| !self.files.contains(name));
        let left: Vec<&str> = left.filter(|name| self.out.join(name).exists()).map(String::as_str).collect();
        if !left.is_empty() {
            text += &format!("Of an earlier drawing, and not drawn any more: {}.\n", left.join(", "));
        }
        Ok(text + &self.text)
    }

    /// Moves the files of an earlier run to a folder of their own, unless this run writes the same.
    fn set_earlier_apart(&self) -> Result<()> {
        let Ok(mut earlier) = file::read_json::<RunRecord>(&self.out.join("run.json")) else {
            return Ok(());
        };
        if earlier.files.is_empty() {
            // Written before there was a list: what every run wrote, and its figures.
            let entries = fs::read_dir(&self.out).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().to_string_lossy().to_string());
            let drawn = |name: &String| name.ends_with(".png") || name.ends_with(".svg") || self.files.contains(name);
            earlier.files = names.filter(drawn).collect();
        }
        let same = |name: &String| {
            let read = |folder: &Path| fs::read(folder.join(name)).ok();
            self.files.contains(name) && read(&self.out) == read(self.staged.path())
        };
        if earlier.files.iter().all(same) {
            return Ok(());
        }
        let mut number = 1;
        while self.out.join(format!("earlier/{number}")).exists() {
            number += 1;
        }
        let place = self.out.join(format!("earlier/{number}"));
        file::create_folder(&place)?;
        for name in &earlier.files {
            let (from, to) = (self.out.join(name), place.join(name));
            let refuse = |source| Error::cannot_write(&to, "write the file", source);
            if from.exists() {
                fs::rename(&from, &to).map_err(refuse)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figure::Axis;
    use crate::rows::Rows;
    use crate::toy::{Number, Place, Toy, pairs};

    /// What is drawn again says with which other options, and which figures of the run are not drawn any more.
    #[test]
    fn a_drawing_says_what_differs() {
        let out = tempfile::tempdir().unwrap();
        let options =
            |hidden: usize| [("hidden".to_string(), hidden.into()), ("seed".to_string(), 1.into())].into_iter();
        fs::create_dir_all(out.path().join("cells")).unwrap();
        let begin = || Publication::begin(out.path(), "toy").unwrap();
        let rows = pairs(&[("here", &[(1.0, false), (2.0, false)])]);
        let plot = Rows::<Toy>::of_pairs(&rows);
        let plot = plot.plot((Axis::linear("x"), |_, row| row.value), (Axis::linear("y"), |_, row| row.value));
        let figure = plot.figure();
        let mut first = begin();
        first.figure("kl", &figure).unwrap();
        first.figure("old", &figure).unwrap();
        first.finish("toy", options(2).collect(), (1, 0), None, Instant::now()).unwrap();
        let redraw = |hidden, names: &[&str]| {
            let mut again = begin();
            names.iter().for_each(|name| again.figure(name, &figure).unwrap());
            again.finish_redrawn(&options(hidden).collect()).unwrap()
        };
        let same = redraw(2, &["kl", "old"]);
        assert!(same.starts_with("Drew kl, old anew in") && same.lines().count() == 1, "{same}");
        let other = redraw(3, &["kl"]);
        assert!(other.contains("with other options than those of run.json: hidden.\n"), "{other}");
        assert!(other.contains("Of an earlier drawing, and not drawn any more: old.png, old.svg.\n"), "{other}");
    }

    /// A run that writes the same leaves all as it is; one that changes one of two tables has both of the earlier run set apart.
    #[test]
    fn results_of_an_earlier_run_are_set_apart_whole() {
        let out = tempfile::tempdir().unwrap();
        let publish = |values: [f64; 2]| {
            let mut publication = Publication::begin(out.path(), "toy").unwrap();
            for (name, value) in ["rows", "more"].into_iter().zip(values) {
                let row = (Place { name: "here".to_string() }, Number { value, doubtful: false });
                publication.table(name, [(&row.0, &row.1)].into_iter()).unwrap();
            }
            fs::create_dir_all(out.path().join("cells")).unwrap();
            publication.finish("toy", Map::new(), (1, 0), None, Instant::now()).unwrap();
        };
        let read = |name: &str| fs::read_to_string(out.path().join(name)).unwrap();
        publish([1.0, 2.0]);
        publish([1.0, 2.0]);
        assert!(!out.path().join("earlier").exists());
        publish([1.0, 3.0]);
        assert!(read("more.csv").contains("3.0") && read("rows.csv").contains("1.0"));
        assert!(read("earlier/1/more.csv").contains("2.0") && read("earlier/1/rows.csv").contains("1.0"));
        // A table that the new run does not write is not left beside its own.
        let mut publication = Publication::begin(out.path(), "toy").unwrap();
        let row = (Place { name: "here".to_string() }, Number { value: 4.0, doubtful: false });
        publication.table("rows", [(&row.0, &row.1)].into_iter()).unwrap();
        publication.finish("toy", Map::new(), (1, 0), None, Instant::now()).unwrap();
        assert!(read("rows.csv").contains("4.0") && !out.path().join("more.csv").exists());
        assert!(read("earlier/2/more.csv").contains("3.0") && read("earlier/2/rows.csv").contains("1.0"));
    }
}
