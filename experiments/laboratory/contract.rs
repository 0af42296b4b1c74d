//! What every experiment must keep. The macro `laboratory::main!` makes it a test of each.

use crate::digest::{self, Digest};
use crate::experiment::{Experiment, conduct};
use crate::lab::{Lab, Shared};
use crate::options;
use crate::progress::Progress;
use crate::publication;
use crate::record::{self, identity, texts};
use crate::sweep::{self, Folder, Pairs};
use documented::DocumentedFields;
use gibbsite::random::Seed;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// Options that change no result.
const WITHOUT_EFFECT: [&str; 9] = ["quick", "paper", "out", "threads", "fresh", "redraw", "columns", "help", "version"];

pub(crate) fn words(arguments: &[&str]) -> Vec<OsString> {
    [&["experiment"], arguments].concat().iter().map(OsString::from).collect()
}

/// An experiment with these options, for its tests.
pub fn parsed<E: Experiment>(arguments: &[&str]) -> E {
    options::parse(&words(arguments)).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

/// An option as it is written, by the name of its field.
pub(crate) fn option(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// An option with the first value of its list; nothing for what is no list.
fn first_of(name: &str, settings: &Map<String, Value>) -> Vec<String> {
    let first = settings[name].as_str().and_then(|list| list.split(',').next());
    first.into_iter().flat_map(|first| [option(name), first.to_string()]).collect()
}

/// What a run with these options prints, and its rows as rows.csv has them, for tests of one experiment.
pub fn run<E: Experiment>(arguments: &[&str]) -> (String, Pairs<E>) {
    let parent = tempfile::tempdir().expect("a folder");
    let out = parent.path().to_str().expect("a plain path");
    let experiment = parsed::<E>(&[arguments, &["--out", out]].concat());
    let text = conduct(&experiment).unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    (text, record::read_csv(&parent.path().join("rows.csv")).expect("rows.csv"))
}

/// Does work with a laboratory of its own whose root is the seed 1, for tests of what cells use.
pub fn in_a_lab<T>(work: impl FnOnce(&Lab) -> T) -> T {
    let (shared, progress) = (Shared::default(), Progress::new());
    let folder = tempfile::tempdir().expect("a folder");
    let lab = Lab {
        root: Seed::root(1),
        shared: &shared,
        progress: &progress,
        share: 1.0,
        reported: Mutex::new(0.0),
        path: folder.path().join("cell"),
        files: Mutex::default(),
    };
    work(&lab)
}

/// Panics where an experiment breaks its word: options that leave no trace, presets that name nothing, axes that do more
/// than choose cells, cells of one name, rows that depend on threads or on what was there before, replicas that are one.
pub fn check<E: Experiment>() {
    if std::env::var_os(digest::KEEP).is_some() {
        return digest::hold_runs::<E>();
    }
    options_leave_traces::<E>();
    committed_run_is_of_today::<E>();
    axes_choose_cells::<E>();
    runs_are_reproducible::<E>();
    figures_are_redrawn::<E>();
    options_matter::<E>();
    cells_stand_alone::<E>();
    committed_rows_are_found_again::<E>();
    digest::hold_runs::<E>();
}

/// Without its cells a quick run is drawn again, byte for byte, by the options of its run.json and whatever is named beside;
/// rows of other columns are refused, and nothing changes then.
pub fn figures_are_redrawn<E: Experiment>() {
    let parent = tempfile::tempdir().expect("a folder");
    let out = parent.path().join("out");
    let folder = out.to_str().expect("a plain path");
    conduct(&parsed::<E>(&["--quick", "--out", folder])).unwrap_or_else(|error| panic!("{error}"));
    let files = files_of(&out);
    let read = || files.iter().map(|name| fs::read(out.join(name)).ok()).collect::<Vec<_>>();
    let before = read();
    fs::remove_dir_all(out.join("cells")).expect("cells");
    let figures = files.iter().filter(|name| name.ends_with(".png") || name.ends_with(".svg"));
    figures.for_each(|name| fs::write(out.join(name), "spoiled").expect("a figure"));
    let redraw = || conduct(&parsed::<E>(&["--redraw", "--out", folder]));
    let text = redraw().unwrap_or_else(|error| panic!("{error}"));
    assert!(!text.contains("other options") && !text.contains("not drawn any more"), "{text}");
    for ((name, before), after) in files.iter().zip(&before).zip(read()) {
        assert!(before.is_some() && *before == after, "--redraw makes another {name}");
    }
    let rows = fs::read_to_string(out.join("rows.csv")).expect("rows.csv");
    fs::write(out.join("rows.csv"), rows.replacen(',', "_of_old,", 1)).expect("rows.csv");
    let (before, refused) = (read(), redraw().expect_err("rows of other columns").to_string());
    assert!(refused.contains("_of_old` any more") && refused.lines().count() == 1, "{refused}");
    assert!(read() == before, "a drawing that was refused has changed a file");
}

/// A cell has the rows that it has without the others: what cells share, and the seeds, are its own.
fn cells_stand_alone<E: Experiment>() {
    let words = digest::last_run::<E>();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let experiment = parsed::<E>(&words);
    let (_, all) = run::<E>(&[&words[..], &["--threads", "1"]].concat());
    let cells = experiment.cells().expect("cells");
    // The last comes after all others; one in the middle has another setting.
    for cell in [&cells[cells.len() / 2], &cells[cells.len() - 1]] {
        let alone = in_a_lab(|lab| {
            let rows = experiment.run(cell, lab).unwrap_or_else(|error| panic!("{error}"));
            let told = *lab.reported.lock().expect("one thread");
            assert!(told == 0.0 || (0.99..=1.0).contains(&told), "{} tells {told} of its work", identity(cell));
            rows
        });
        let own = all.iter().filter(|(other, _)| identity(other) == identity(cell)).map(|(_, row)| texts(row));
        let alone: Vec<_> = alone.iter().map(texts).collect();
        assert!(own.eq(alone), "{} has other rows where it is computed alone", identity(cell));
    }
}

/// Words of which one or another is a value of every option that takes words.
const WORDS: [&str; 6] = ["exponential:7", "uniform", "gaussian:0.3", "data", "adam", "37"];

/// Every option that does not only choose cells changes rows.csv when it has another value, or is declared not to: numbers a
/// larger or smaller one, words the first of [`WORDS`] that the experiment takes, flags the other way.
fn options_matter<E: Experiment>() {
    let parent = tempfile::tempdir().expect("a folder");
    let out = parent.path().to_str().expect("a plain path");
    let quick = options::settings(&parsed::<E>(&["--quick"])).expect("options are serialised");
    let mut base = ["--quick", "--out", out].map(str::to_string).to_vec();
    // A small sweep is enough.
    for axis in ["lattices", "temperatures", "hidden", "gibbs_steps"].iter().filter(|axis| E::AXES.contains(axis)) {
        base.extend(first_of(axis, &quick));
    }
    if E::AXES.contains(&"replicas") {
        base.extend(["--replicas", "1"].map(str::to_string));
    }
    let base: Vec<&str> = base.iter().map(String::as_str).collect();
    let rows = |name: &str, value: &str| {
        // A flag that a preset has set has no word that takes it back.
        let (option, flag) = (option(name), quick[name].is_boolean());
        let more = if flag { vec![] } else { vec![&*option, value] };
        let over = if flag { vec![(name, if value == "true" { "true" } else { "false" })] } else { vec![] };
        let experiment: E = options::parse_over(&words(&[&base[..], &more].concat()), &over).ok()?;
        experiment.check().ok()?;
        conduct(&experiment).unwrap_or_else(|error| panic!("{name} {value}: {error}"));
        Some(fs::read(parent.path().join("rows.csv")).expect("rows.csv"))
    };
    let usual = rows("seed", &quick["seed"].to_string()).expect("the quick run passes its check");
    for (name, value) in quick.iter().filter(|(name, _)| !E::AXES.contains(&name.as_str()) && *name != "seed") {
        let others: Vec<String> = match value {
            Value::Number(number) => match (number.as_u64(), number.as_f64().unwrap_or_default()) {
                (Some(whole), _) => [whole + 1 + whole / 2, whole.div_ceil(2)].map(|other| other.to_string()).to_vec(),
                (None, x) => [1.5 * x + 0.1, 0.5 * x].map(|other| other.to_string()).to_vec(),
            },
            Value::Bool(flag) => vec![(!flag).to_string()],
            Value::String(word) => WORDS.iter().filter(|other| *other != word).map(|other| other.to_string()).collect(),
            _ => continue,
        };
        let changed = others.iter().find_map(|other| rows(name, other));
        let changed = changed.unwrap_or_else(|| panic!("{name} takes none of {others:?}: add a value to try"));
        assert_eq!(changed == usual, E::INERT.contains(&name.as_str()), "whether {name} leaves rows.csv as it is");
    }
}

/// Every option is in run.json, and in the stamp of a cell unless it only chooses cells.
pub fn options_leave_traces<E: Experiment>() {
    let command = options::command::<E>();
    let known: HashSet<&str> = command.get_arguments().map(|argument| argument.get_id().as_str()).collect();
    let settings = options::settings(&parsed::<E>(&[])).expect("options are serialised");
    for name in E::UNUSED {
        let argument = command.get_arguments().find(|argument| argument.get_id() == name);
        let usual = argument.and_then(|argument| argument.get_default_values().first()?.to_str());
        let refused = options::parse::<E>(&words(&[&option(name), usual.expect("a shared option with a default")]));
        let refused = refused.err().unwrap_or_else(|| panic!("{name} is taken"));
        assert!(refused.to_string().contains("means nothing"), "{name} is no option of any experiment: {refused}");
    }
    for name in known.iter().filter(|name| !WITHOUT_EFFECT.contains(name) && !E::UNUSED.contains(name)) {
        assert!(settings.contains_key(*name), "--{name} is not written down: name the field like the option");
    }
    let experiment = parsed::<E>(&[]);
    let stamp = sweep::stamp(&experiment).expect("a stamp");
    for (name, value) in &settings {
        let expected = (!E::AXES.contains(&name.as_str())).then_some(value);
        assert_eq!(stamp.get(name), expected, "{name} in the stamp, where an axis is not");
    }
    assert_eq!(stamp.get("experiment"), Some(&Value::from(E::NAME)));
    let program = stamp.get("program").and_then(Value::as_str);
    assert!(program.is_some_and(|hash| hash.len() == 16), "the stamp does not name the program");
    for preset in [E::DEFAULTS, E::QUICK, E::PAPER] {
        let is_known = |name: &str| assert!(known.contains(name), "a preset names {name}, which is no option");
        options::named(preset).for_each(|(name, _)| is_known(&name));
    }
}

/// The committed run of the defaults has the defaults of today; an option that is younger has no say in it.
fn committed_run_is_of_today<E: Experiment>() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results").join(E::NAME);
    let committed = publication::options_of(&folder).unwrap_or_default();
    let settings = options::settings(&parsed::<E>(&[])).expect("options are serialised");
    for (name, value) in settings.iter().filter(|(name, _)| committed.contains_key(*name)) {
        assert_eq!(committed[name], *value, "{name} in {}: run it anew, and commit it", folder.display());
    }
}

/// The cheapest cell of the committed run of the defaults comes out again, up to rounding: what the page shows is what this
/// program finds.
fn committed_rows_are_found_again<E: Experiment>() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results").join(E::NAME);
    if !E::CELLS_TAKE_SECONDS || !folder.exists() {
        return;
    }
    let rows = record::read_csv::<E::Cell, E::Row>(&folder.join("rows.csv"));
    let rows = rows.unwrap_or_else(|error| panic!("{error}: run {} anew, and commit it", folder.display()));
    let experiment = parsed::<E>(&[]);
    let cells = experiment.cells().expect("cells");
    let cheapest = cells.iter().min_by(|a, b| experiment.work(a).total_cmp(&experiment.work(b))).expect("a cell");
    let committed = rows.iter().filter(|(cell, _)| identity(cell) == identity(cheapest)).map(|(_, row)| texts(row));
    let found = in_a_lab(|lab| experiment.run(cheapest, lab)).unwrap_or_else(|error| panic!("{error}"));
    let digest = |rows: Vec<Vec<String>>| Digest::of(&rows.concat().join("\n"));
    assert!(
        digest(committed.collect()).agrees(&digest(found.iter().map(texts).collect()), digest::ROUNDING),
        "{} has other rows of {}: run it anew, and commit it",
        folder.display(),
        identity(cheapest)
    );
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
            let option = option(axis);
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
    let settings = options::settings(&parsed::<E>(&["--quick"])).expect("options are serialised");
    assert_eq!(record_of(&one)["options"], Value::Object(settings), "the options in run.json");
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

/// run.json.
fn record_of(out: &Path) -> Value {
    let text = fs::read(out.join("run.json")).expect("run.json");
    serde_json::from_slice(&text).expect("run.json is JSON")
}

/// The files that run.json names.
fn files_of(out: &Path) -> Vec<String> {
    let record = record_of(out);
    let names = record["files"].as_array().expect("files").iter();
    names.map(|name| name.as_str().expect("a name").to_string()).collect()
}

/// Cells that differ in their replica alone have other rows. Where a cell holds its replicas, rows that agree in all columns
/// before the replica, which say what was measured, differ in those behind it, which say what came out.
fn replicas_differ<E: Experiment>(out: &Path) {
    if let Some(place) = E::Row::FIELD_NAMES.iter().position(|name| *name == "replica") {
        let settings = options::settings(&parsed::<E>(&["--quick"])).expect("options are serialised");
        let mut arguments = ["--quick", "--replicas", "2"].map(str::to_string).to_vec();
        // The first of every list: a small sweep is enough.
        E::AXES.iter().for_each(|axis| arguments.extend(first_of(axis, &settings)));
        let (_, rows) = run::<E>(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let mut measured: HashMap<Vec<String>, HashMap<Vec<String>, String>> = HashMap::new();
        for (cell, row) in &rows {
            let mut setting = texts(row);
            let found = setting.split_off(place + 1);
            let replica = setting.pop().expect("a replica");
            let setting = [texts(cell), setting].concat();
            let other = measured.entry(setting.clone()).or_default().insert(found, replica.clone());
            assert_eq!(other, None, "replica {replica} of {setting:?} measured the same");
        }
        let first = |own: &HashMap<_, String>| own.values().filter(|replica| *replica == "0").count();
        assert!(measured.values().all(|own| own.len() == 2 * first(own)), "a replica is missing");
        return;
    }
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
