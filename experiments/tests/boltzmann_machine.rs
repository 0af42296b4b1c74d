//! The experiment boltzmann_machine as its user runs it.

mod common;

use common::{assert_mistakes_are_named, run_binary};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const FILES: [&str; 8] = [
    "rows.csv",
    "couplings.csv",
    "kl_against_gibbs_updates.png",
    "kl_against_gibbs_updates.svg",
    "couplings.png",
    "couplings.svg",
    "coupling_error.png",
    "coupling_error.svg",
];

const BINARY: &str = env!("CARGO_BIN_EXE_boltzmann_machine");

fn run(arguments: &[&str]) -> Output {
    run_binary(BINARY, arguments)
}

fn results(folder: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    FILES.into_iter().map(|name| (name, fs::read(folder.join(name)).expect(name))).collect()
}

fn quick(threads: &str, out: &TempDir, more: &[&str]) -> Output {
    let out = out.path().to_str().unwrap();
    let output = run(&[&["--quick", "--threads", threads, "--out", out], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// --quick writes every file with the promised columns; the same bytes for 1, 2 and 5 threads and after
/// a resume that had lost cells of both sweeps.
#[test]
fn quick_writes_every_file_with_the_same_bytes() {
    let one = TempDir::new().unwrap();
    let output = quick("1", &one, &[]);
    let files = results(one.path());
    let header = |name: &str| String::from_utf8_lossy(&files[name]).lines().next().map(String::from);
    assert_eq!(
        header("rows.csv").as_deref(),
        Some(
            "target,model,visible,hidden,parameters,estimator,gibbs_steps,replica,updates,gibbs_updates,kl,log_likelihood"
        )
    );
    assert_eq!(
        header("couplings.csv").as_deref(),
        Some("lattice,temperature,estimator,samples,i,j,true_coupling,learned_coupling,standard_error")
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("times as many units as the restricted one"), "{text}");

    for threads in ["2", "5"] {
        let other = TempDir::new().unwrap();
        quick(threads, &other, &[]);
        assert_eq!(files, results(other.path()), "{threads} threads");
        if threads == "5" {
            let cells = other.path().join("cells");
            let mut names: Vec<_> = fs::read_dir(&cells).unwrap().map(|entry| entry.unwrap().path()).collect();
            names.retain(|path| path.extension().is_some_and(|kind| kind == "csv"));
            names.sort();
            for path in names.iter().step_by(3) {
                fs::remove_file(path).unwrap();
            }
            quick("2", &other, &["--resume"]);
            assert_eq!(files, results(other.path()), "resumed");
        }
    }
}

/// What the rows say agrees with an independent account: parameters, the work of an update, couplings of
/// a ring.
#[test]
fn rows_follow_the_protocol() {
    let out = TempDir::new().unwrap();
    quick("2", &out, &["--targets", "ring:5", "--hidden", "4", "--couplings-lattices", "ring:5"]);
    let read = |name: &str| -> Vec<BTreeMap<String, String>> {
        let mut table = csv::Reader::from_path(out.path().join(name)).unwrap();
        table.deserialize().map(Result::unwrap).collect()
    };
    let number = |row: &BTreeMap<String, String>, name: &str| row[name].parse::<u64>().unwrap();
    for row in read("rows.csv") {
        let (visible, hidden) = (number(&row, "visible"), number(&row, "hidden"));
        let units = visible + hidden;
        let (parameters, expected_hidden) = match &*row["model"] {
            "visible" => (units * (units + 1) / 2, 0),
            // 28 parameters with two hidden units, 29 of the restricted machine with four.
            "general" => (units * (units + 1) / 2, 2),
            _ => (visible * hidden + units, 4),
        };
        assert_eq!((number(&row, "parameters"), hidden), (parameters, expected_hidden));
        let value = |key: &str| -> u64 {
            let text = row["estimator"].split(key).nth(1).unwrap();
            text.split([';', ')']).next().unwrap().parse().unwrap()
        };
        let updates = number(&row, "updates");
        if row["estimator"].starts_with("exact") {
            assert_eq!((number(&row, "gibbs_updates"), &*row["gibbs_steps"]), (0, ""));
        } else {
            // 32 configurations: fewer chains than that draw as many data, more take all of them.
            let chains = value("chains=");
            let data = chains.min(32);
            let burn_in = if row["model"] == "general" { value("burn_in=") } else { 1 };
            let steps = number(&row, "gibbs_steps");
            let work = data * hidden * burn_in + chains * (steps * units + hidden);
            assert_eq!(number(&row, "gibbs_updates"), updates * work, "{row:?}");
        }
    }
    let couplings = read("couplings.csv");
    // 3 estimators x 2 sample sizes x (10 pairs + 5 fields).
    assert_eq!(couplings.len(), 3 * 2 * 15);
    for row in couplings {
        let (i, j) = (number(&row, "i"), row["j"].parse::<u64>());
        let coupled = j.is_ok_and(|j| j == i + 1 || (i, j) == (0, 4));
        let truth: f64 = row["true_coupling"].parse().unwrap();
        assert_eq!(truth, if coupled { 1.0 / 3.0 } else { 0.0 });
        match row["estimator"].as_str() {
            "gibbs" => assert!(row["standard_error"].is_empty()),
            _ => assert!(row["standard_error"].parse::<f64>().unwrap() > 0.0),
        }
    }
}

/// Mistakes name the option and the mend, end with code 2 and write nothing.
#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mistakes: [(&[&str], &str); 9] = [
        (&["--targets", "bars:1x3"], "--targets"),
        (&["--targets", "ring:21"], "--targets ring:21"),
        (&["--targets", "digits"], "--targets"),
        (&["--models", "deep"], "--models"),
        (&["--burn-in", "0"], "--burn-in"),
        (&["--learning-rate", "0.1,-1"], "--learning-rate"),
        (&["--hidden", "60"], "--hidden 60"),
        (&["--couplings-lattices", "square:2x2"], "--couplings-lattices"),
        (&["--quick", "--paper"], "--paper"),
    ];
    assert_mistakes_are_named(BINARY, &mistakes);
}
