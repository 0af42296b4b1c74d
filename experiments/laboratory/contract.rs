//! What every experiment must keep. The macro `laboratory::main!` makes it a test of each.

use crate::experiment::{Experiment, conduct};
use crate::options::{self, Preset};
use crate::record::{self, identity, texts};
use crate::sweep::Folder;
use documented::DocumentedFields;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// Options that change no result.
const WITHOUT_EFFECT: [&str; 8] = ["quick", "paper", "out", "threads", "fresh", "columns", "help", "version"];

fn parsed<E: Experiment>(arguments: &[&str]) -> E {
    let arguments: Vec<OsString> = [&["experiment"], arguments].concat().iter().map(OsString::from).collect();
    options::parse(&arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

/// Panics where an experiment breaks its word: options that leave no trace, presets that name nothing, axes that do more
/// than choose cells, cells of one name, rows that depend on threads or on what was there before, replicas that are one.
pub fn check<E: Experiment>() {
    options_leave_traces::<E>();
    axes_choose_cells::<E>();
    runs_are_reproducible::<E>();
    options_matter::<E>();
}

/// Every option with a number for a default changes rows.csv when it has another, or is declared not to.
fn options_matter<E: Experiment>() {
    let parent = tempfile::tempdir().expect("a folder");
    let out = parent.path().to_str().expect("a plain path");
    let quick = options::settings(&parsed::<E>(&["--quick"])).expect("options are serialised");
    let mut base = vec!["--quick", "--out", out];
    // A small sweep is enough.
    let first = |name: &str| quick.get(name)?.as_str()?.split(',').next().map(str::to_string);
    let hidden = first("hidden").unwrap_or_default();
    if !hidden.is_empty() && E::AXES.contains(&"hidden") {
        base.extend(["--hidden", &hidden]);
    }
    if E::AXES.contains(&"replicas") {
        base.extend(["--replicas", "1"]);
    }
    let rows = |more: &[&str]| {
        let experiment = parsed::<E>(&[&base[..], more].concat());
        experiment.check().ok()?;
        conduct(&experiment).unwrap_or_else(|error| panic!("{more:?}: {error}"));
        Some(fs::read(parent.path().join("rows.csv")).expect("rows.csv"))
    };
    let usual = rows(&[]).expect("the quick run passes its check");
    for (name, value) in quick.iter().filter(|(name, _)| !E::AXES.contains(&name.as_str()) && *name != "seed") {
        let others = match (value.as_u64(), value.as_f64()) {
            (Some(whole), _) => [whole + 1 + whole / 2, whole.div_ceil(2)].map(|other| other.to_string()),
            (None, Some(x)) => [1.5 * x + 0.1, 0.5 * x].map(|other| other.to_string()),
            (None, None) => continue,
        };
        let option = format!("--{}", name.replace('_', "-"));
        let changed = others.iter().find_map(|other| rows(&[&option, other]));
        let same = changed.is_none_or(|changed| changed == usual);
        assert_eq!(same, E::INERT.contains(&name.as_str()), "whether {option} leaves rows.csv as it is");
    }
}

/// Every option is in run.json, and in the stamp of a cell unless it only chooses cells.
fn options_leave_traces<E: Experiment>() {
    let command = options::command::<E>();
    let known: HashSet<&str> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    let settings = options::settings(&parsed::<E>(&[])).expect("options are serialised");
    for name in known.iter().filter(|name| !WITHOUT_EFFECT.contains(name)) {
        assert!(settings.contains_key(*name), "--{name} is not written down: name the field like the option");
    }
    for preset in [E::DEFAULTS, E::QUICK, E::PAPER] {
        let preset: Preset = preset;
        preset.iter().for_each(|(name, _)| assert!(known.contains(name), "a preset names {name}, which is no option"));
    }
}

/// Presets pass their own check; cells have names of their own; an axis with one value less has fewer of the same cells.
fn axes_choose_cells<E: Experiment>() {
    for arguments in [&[][..], &["--quick"], &["--paper"]] {
        let experiment = parsed::<E>(arguments);
        experiment.check().unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        let cells = experiment.cells().expect("presets have cells");
        let names: HashSet<String> = cells.iter().map(identity).collect();
        assert!(!cells.is_empty() && names.len() == cells.len(), "{arguments:?}: two cells have one name");
        let settings = options::settings(&experiment).expect("options are serialised");
        for axis in E::AXES {
            let value = settings.get(*axis).unwrap_or_else(|| panic!("the axis {axis} is no option"));
            let Some((rest, _)) = value.as_str().and_then(|value| value.rsplit_once(',')) else {
                continue;
            };
            let option = format!("--{}", axis.replace('_', "-"));
            let fewer = parsed::<E>(&[arguments, &[&option, rest]].concat()).cells().expect("fewer cells");
            let inside = fewer.iter().all(|cell| names.contains(&identity(cell)));
            assert!(inside && fewer.len() <= cells.len(), "{option} does more than choose cells");
        }
    }
}

/// Quick runs: the same bytes for any number of threads, for kept and for damaged cells; others for another seed, which
/// leaves the first alone; and no second run in a folder that is taken.
fn runs_are_reproducible<E: Experiment>() {
    let parent = tempfile::tempdir().expect("a folder");
    let run = |name: &str, more: &[&str]| {
        let out = parent.path().join(name);
        let words = ["--quick", "--out", out.to_str().expect("a plain path")];
        let text = conduct(&parsed::<E>(&[&words[..], more].concat()));
        (text.unwrap_or_else(|error| panic!("{more:?}: {error}")), out)
    };
    let read = |folder: &Path, name: &str| fs::read(folder.join(name)).unwrap_or_else(|_| panic!("{name} is missing"));
    let (_, one) = run("one", &["--threads", "1"]);
    let (text, two) = run("two", &["--threads", "2"]);
    let files = files_of(&one);
    assert!(files.contains(&"rows.csv".to_string()) && text.contains("rows.csv"));
    for name in &files {
        assert_eq!(read(&one, name), read(&two, name), "{name} depends on threads");
    }
    let rows = read(&one, "rows.csv");
    let columns: Vec<&str> = record::columns::<E::Cell>().chain(record::columns::<E::Row>()).map(|c| c.0).collect();
    assert!(rows.starts_with(format!("{}\n", columns.join(",")).as_bytes()), "--columns are not those of rows.csv");
    replicas_differ::<E>(&one);
    // A cell that is cut short is computed anew, the others are kept.
    let stamp = fs::read_dir(two.join("cells")).expect("cells").flatten().find(|entry| entry.path().is_dir());
    let cell = fs::read_dir(stamp.expect("a stamp").path()).expect("cells").flatten();
    let cell = cell.map(|entry| entry.path()).find(|path| path.extension().is_some_and(|ending| ending == "csv"));
    let cell = cell.expect("a cell");
    let bytes = fs::read(&cell).expect("a cell");
    fs::write(&cell, &bytes[..bytes.len() - 8]).expect("a cell");
    let (text, _) = run("two", &[]);
    assert!(text.contains("kept from an earlier run") || parsed::<E>(&["--quick"]).cells().is_ok_and(|c| c.len() == 1));
    assert_eq!(read(&two, "rows.csv"), rows, "a run that goes on has other rows");
    assert!(!two.join("earlier").exists(), "the same results were set apart");
    let (_, other) = run("two", &["--seed", "2"]);
    assert_ne!(read(&other, "rows.csv"), rows, "--seed changes nothing");
    assert_eq!(read(&other, "earlier/1/rows.csv"), rows, "finished results are lost");
    let taken = Folder::enter(&one).expect("a folder");
    let words = ["--quick", "--out", one.to_str().expect("a plain path")];
    let refused = conduct(&parsed::<E>(&words)).expect_err("two runs in one folder");
    assert!(refused.to_string().contains("another run"), "{refused}");
    drop(taken);
}

/// The files that run.json names.
fn files_of(out: &Path) -> Vec<String> {
    let text = fs::read(out.join("run.json")).expect("run.json");
    let record: Value = serde_json::from_slice(&text).expect("run.json is JSON");
    let names = record["files"].as_array().expect("files").iter();
    names.map(|name| name.as_str().expect("a name").to_string()).collect()
}

/// Cells that differ in their replica alone have other rows.
fn replicas_differ<E: Experiment>(out: &Path) {
    let Some(place) = E::Cell::FIELD_NAMES.iter().position(|name| *name == "replica") else {
        return;
    };
    let rows = record::read_csv::<E::Cell, E::Row>(&out.join("rows.csv")).expect("rows");
    let mut measured: HashMap<Vec<String>, Vec<String>> = HashMap::new();
    for (cell, row) in &rows {
        measured.entry(texts(cell)).or_default().extend(texts(row));
    }
    for (name, own) in &measured {
        for (other, others) in &measured {
            let differ: Vec<usize> = (0..name.len()).filter(|k| name[*k] != other[*k]).collect();
            assert!(differ != [place] || own != others, "{name:?} and {other:?} measured the same");
        }
    }
}
