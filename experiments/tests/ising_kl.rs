//! The main experiment as its user runs it.

mod common;

use common::{assert_mistakes_are_named, run_binary};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;

const HEADER: &str = "lattice,temperature,estimator,gibbs_steps,hidden_statistics,hidden,replica,epoch,updates,kl,log_likelihood,log_partition";

const BINARY: &str = env!("CARGO_BIN_EXE_ising_kl");

fn run(arguments: &[&str]) -> Output {
    run_binary(BINARY, arguments)
}

fn succeed(out: &Path, arguments: &[&str]) -> Output {
    let out = out.to_str().expect("a temporary path is text");
    let output = run(&[arguments, &["--out", out]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A sweep that takes a second, over every estimator.
const SMALL: [&str; 14] = [
    "--lattice",
    "ring:5",
    "--hidden",
    "2,3",
    "--gibbs-steps",
    "1,2",
    "--replicas",
    "2",
    "--epochs",
    "30",
    "--every",
    "7",
    "--samples",
    "150",
];

/// The bytes of every file that must not depend on time or threads.
fn results(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in
        ["rows.csv", "kl_against_epoch.png", "kl_against_epoch.svg", "kl_against_hidden.png", "kl_against_hidden.svg"]
    {
        let bytes = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(bytes.len() > 1000, "{name} is nearly empty");
        files.insert(name.to_string(), bytes);
    }
    files
}

/// --quick writes every file, with the promised columns and one row a cell and measurement.
#[test]
fn quick_writes_every_file() {
    let out = TempDir::new().unwrap();
    let output = succeed(out.path(), &["--quick"]);
    let files = results(out.path());
    let rows = String::from_utf8(files["rows.csv"].clone()).unwrap();
    let mut lines = rows.lines();
    assert_eq!(lines.next(), Some(HEADER));
    // (exact + 2 x 2 estimators and steps) x 2 hidden x 2 replicas x (0, 25, ..., 500).
    assert_eq!(lines.clone().count(), 5 * 2 * 2 * 21);
    let first: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(first[..9], ["square:3x3", "2.269", "exact", "", "analytic", "2", "0", "0", "0"]);
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(out.path().join("run.json")).unwrap()).unwrap();
    assert_eq!(manifest["options"]["hidden"], "2,8");
    assert_eq!(manifest["cells"], 20);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("median") && text.lines().count() == 6 + 10, "{text}");
    assert!(output.stderr.is_empty(), "progress is silent when not a terminal");
}

/// What the rows say agrees with an independent account of the run.
#[test]
fn rows_follow_the_protocol() {
    let out = TempDir::new().unwrap();
    succeed(out.path(), &SMALL);
    let mut table = csv::Reader::from_path(out.path().join("rows.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = table.deserialize().map(Result::unwrap).collect();
    let epochs = ["0", "7", "14", "21", "28", "30"];
    assert_eq!(rows.len(), 5 * 2 * 2 * epochs.len());
    for (row, epoch) in rows.iter().zip(epochs.iter().cycle()) {
        assert_eq!(row["epoch"], *epoch);
        // 150 configurations in mini-batches of 200: one update an epoch.
        assert_eq!(row["updates"], *epoch);
        assert_eq!(row["gibbs_steps"].is_empty(), row["estimator"] == "exact");
        let kl: f64 = row["kl"].parse().unwrap();
        assert!(kl > 0.0);
        assert!(row["log_likelihood"].parse::<f64>().unwrap() < 0.0);
    }
    // The same model, the same data: estimators start alike.
    let start = |estimator: &str| {
        let here = |row: &&BTreeMap<String, String>| {
            row["estimator"] == estimator && row["epoch"] == "0" && row["hidden"] == "3"
        };
        rows.iter().filter(here).take(2).map(|row| row["kl"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(start("exact"), start("cd"));
    assert_eq!(start("exact"), start("pcd"));
    assert_ne!(start("exact")[0], start("exact")[1], "replicas have weights of their own");
}

/// The same bytes for 1, 2 and 5 threads, from sampled data and from the exact law.
#[test]
fn bytes_do_not_depend_on_threads() {
    for samples in ["150", "exact"] {
        let bytes = |threads: &str| {
            let out = TempDir::new().unwrap();
            succeed(out.path(), &[&SMALL[..], &["--samples", samples, "--threads", threads]].concat());
            results(out.path())
        };
        let one = bytes("1");
        assert_eq!(one, bytes("2"), "samples {samples}, 2 threads");
        assert_eq!(one, bytes("5"), "samples {samples}, 5 threads");
    }
}

/// The files of cells, by the end of their names.
fn cell(out: &Path, ending: &str) -> PathBuf {
    let stamps = fs::read_dir(out.join("cells")).unwrap().map(|entry| entry.unwrap().path());
    let files = stamps.filter(|path| path.is_dir()).flat_map(|stamp| fs::read_dir(stamp).unwrap());
    let mut paths = files.map(|entry| entry.unwrap().path());
    paths.find(|path| path.to_str().unwrap().ends_with(ending)).unwrap_or_else(|| panic!("no cell {ending}"))
}

/// A run that lost cells and its tables ends with the same bytes when it is run again, computes only what is missing, and
/// may extend a list; with other options it leaves cells and files of the first alone.
#[test]
fn a_run_that_goes_on_has_the_same_bytes() {
    let (whole, part) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    succeed(whole.path(), &SMALL);
    succeed(part.path(), &[&SMALL[..], &["--hidden", "2"]].concat());
    fs::remove_file(cell(part.path(), "_cd_gibbs_steps-2_analytic_hidden-2_replica-1.csv")).unwrap();
    // A damaged cell is computed anew.
    let damaged = cell(part.path(), "_pcd_gibbs_steps-1_analytic_hidden-2_replica-0.csv");
    let text = fs::read_to_string(&damaged).unwrap();
    fs::write(&damaged, text.lines().take(3).collect::<Vec<_>>().join("\n") + "\n").unwrap();
    fs::remove_file(part.path().join("rows.csv")).unwrap();
    let output = succeed(part.path(), &SMALL);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("8 of 20 cells kept"), "{text}");
    assert_eq!(results(whole.path()), results(part.path()));
    let kept = cell(part.path(), "_exact_analytic_hidden-2_replica-0.csv");
    let before = (results(part.path()), fs::read(&kept).unwrap());
    succeed(part.path(), &[&SMALL[..], &["--epochs", "31"]].concat());
    assert_ne!(before.0["rows.csv"], results(part.path())["rows.csv"]);
    // The run before the last is set apart too, since its figures had fewer lines.
    let apart = |number: &str| results(&part.path().join("earlier").join(number));
    assert_eq!(before, (apart("2"), fs::read(&kept).unwrap()));
    let output = succeed(part.path(), &[&SMALL[..], &["--fresh"]].concat());
    assert!(!String::from_utf8(output.stdout).unwrap().contains("kept"));
    assert_eq!(before.0, results(part.path()));
}

/// Files that this program has not written are left alone, and rows that somebody else made are refused before any work.
#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let out = TempDir::new().unwrap();
    let path = out.path().to_str().unwrap();
    let (thesis, notes) = (out.path().join("cells/thesis.txt"), out.path().join("notes.txt"));
    fs::create_dir(out.path().join("cells")).unwrap();
    fs::write(&thesis, "years of work").unwrap();
    fs::write(&notes, "and more").unwrap();
    succeed(out.path(), &[&SMALL[..], &["--fresh"]].concat());
    succeed(out.path(), &[&SMALL[..], &["--seed", "2"]].concat());
    assert!(thesis.exists() && notes.exists());
    let record = out.path().join("run.json");
    let text = fs::read_to_string(&record).unwrap().replace("\"ising_kl\"", "\"other\"");
    for theirs in [Some(text), None] {
        match theirs {
            Some(text) => fs::write(&record, text).unwrap(),
            None => fs::remove_file(&record).unwrap(),
        }
        let before = fs::read(out.path().join("rows.csv")).unwrap();
        let output = run(&[&SMALL[..], &["--out", path]].concat());
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("name another folder"), "{message}");
        assert_eq!(before, fs::read(out.path().join("rows.csv")).unwrap());
    }
}

/// A run that is killed leaves nothing that stands in the way: the next one takes the folder, keeps what was finished and
/// cleans up.
#[test]
fn a_killed_run_is_gone_on_with() {
    let (whole, part) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let long = [&SMALL[..], &["--epochs", "3000", "--replicas", "4"]].concat();
    succeed(whole.path(), &long);
    let out = part.path().to_str().unwrap();
    let mut child = std::process::Command::new(BINARY).args([&long[..], &["--out", out]].concat()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(part.path().join(".tmp-gibbsite-left"), "half a file").unwrap();
    succeed(part.path(), &long);
    assert_eq!(results(whole.path()), results(part.path()));
    assert!(!part.path().join(".tmp-gibbsite-left").exists());
}

/// Ctrl-C ends a run with a word on how to go on.
#[cfg(unix)]
#[test]
fn an_interrupt_says_how_to_go_on() {
    let out = TempDir::new().unwrap();
    let long = [&SMALL[..], &["--epochs", "1000000", "--out", out.path().to_str().unwrap()]].concat();
    let mut command = std::process::Command::new(BINARY);
    let child = command.args(long).stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let interrupt = ["-INT", &child.id().to_string()];
    assert!(std::process::Command::new("kill").args(interrupt).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{message}");
    assert!(message.contains("the same command goes on"), "{message}");
}

/// The seed matters, and so do the data: two seeds differ.
#[test]
fn another_seed_is_another_run() {
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    succeed(one.path(), &SMALL);
    succeed(two.path(), &[&SMALL[..], &["--seed", "2"]].concat());
    assert_ne!(results(one.path())["rows.csv"], results(two.path())["rows.csv"]);
}

/// Every mistake names the option and the mend, ends with code 2 and writes nothing.
#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mistakes: [(&[&str], &str); 32] = [
        (&["--temperature", "1e-320"], "--temperatures"),
        (&["--coupling", "1e308"], "--coupling"),
        (&["--replicas", "100000000"], "--replicas"),
        (&["--samples", "1000000000000"], "1,000,000,000"),
        (&["--hidden", "99999999"], "--hidden 99999999"),
        (&["--batch", "18446744073709551615"], "--batch"),
        (&["--samples", "900000000"], "--samples"),
        (&["--threads", "100000"], "--threads"),
        (&["--temperature", "0"], "--temperature"),
        (&["--temperature", "-1"], "take a number above 0"),
        (&["--temperature", "NaN"], "--temperature"),
        (&["--hidden", "0"], "--hidden"),
        (&["--hidden", ""], "--hidden"),
        (&["--hidden", "4,4"], "--hidden"),
        (&["--gibbs-steps", "1,,2"], "--gibbs-steps"),
        (&["--gibbs-steps", "0"], "--gibbs-steps"),
        (&["--estimators", "magic"], "--estimators"),
        (&["--lattice", "square:2x2"], "--lattice"),
        (&["--lattice", "square:6x6"], "--lattices square:6x6"),
        (&["--lattice", "ring:21"], "--samples exact"),
        (&["--samples", "0"], "--samples"),
        (&["--replicas", "0"], "--replicas"),
        (&["--epochs", "0"], "--epochs"),
        (&["--batch", "0"], "--batch"),
        (&["--momentum", "1"], "--momentum"),
        (&["--decay", "linear"], "--decay"),
        (&["--initial-weights", "gaussian:-1"], "--initial-weights"),
        (&["--hidden-statistics", "guessed"], "--hidden-statistics"),
        (&["--learning-rate", "0"], "--learning-rate"),
        (&["--step", "natural:0.1", "--centred", "data"], "leave --centred at none"),
        (&["--quick", "--paper"], "--paper"),
        (&["--hiden", "4"], "--hidden"),
    ];
    assert_mistakes_are_named(BINARY, &mistakes);
}

/// So are environment variables that name nothing.
#[test]
fn a_kernel_that_is_none_is_refused() {
    let output = std::process::Command::new(BINARY).env("GIBBSITE_KERNEL", "avx1024").arg("--quick").output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), message.lines().count()), (Some(2), 1), "{message}");
    assert!(message.contains("GIBBSITE_KERNEL") && message.contains("baseline, avx2 or avx512"), "{message}");
}

/// A folder that cannot be written is named before any work is done.
#[test]
fn an_unwritable_folder_is_named() {
    let parent = TempDir::new().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let output = run(&["--quick", "--out", file.join("out").to_str().unwrap()]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("file/out") && message.contains("--out"), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

/// Training that diverges stops with the update and the parameter, and keeps the finished cells.
#[test]
fn divergence_is_reported_and_finished_cells_are_kept() {
    let out = TempDir::new().unwrap();
    let path = out.path().to_str().unwrap();
    // A rate that no one can mean is refused before; a penalty may still carry the weights away.
    let base = ["--quick", "--estimators", "exact", "--decay", "none", "--out", path];
    let output = run(&[&base[..], &["--learning-rate", "1e308"]].concat());
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("take at most 1e6") && !out.path().join("cells").exists()
    );
    let output = run(&[&base[..], &["--learning-rate", "1e6", "--weight-decay", "1e300"]].concat());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("update ") && message.contains("--learning-rate"), "{message}");
    assert!(!out.path().join("rows.csv").exists());
}

/// A table that cannot be printed is not lost in silence.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let out = TempDir::new().unwrap();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(BINARY);
    let output = command.args(SMALL).arg("--out").arg(out.path()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr).unwrap().contains("standard output") && out.path().join("rows.csv").exists()
    );
}
