//! The experiment inverse_ising as its user runs it.

mod common;

use common::{assert_mistakes_are_named, assert_same_bytes, results, succeed, table};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_inverse_ising");

const HEADER: &str = "lattice,temperature,estimator,samples,i,j,true_coupling,learned_coupling,standard_error\n";

/// --quick writes every file with the promised columns; the same bytes for any number of threads and with cells kept.
#[test]
fn quick_writes_every_file_with_the_same_bytes() {
    let out = TempDir::new().unwrap();
    let text = succeed(BINARY, out.path(), &["--quick", "--threads", "1"]);
    assert!(text.contains("mean z^2") && !text.contains("Not converged"), "{text}");
    let files = results(out.path());
    let figures = ["coupling_error.png", "coupling_error.svg", "couplings.png", "couplings.svg"];
    assert!(files.keys().eq(figures.iter().chain(&["rows.csv", "run.json"])), "{:?}", files.keys());
    assert!(files["rows.csv"].starts_with(HEADER.as_bytes()));
    assert_same_bytes(BINARY, &["--quick"], out.path());
}

/// What the rows say agrees with an independent account: couplings of a ring.
#[test]
fn rows_follow_the_protocol() {
    let out = TempDir::new().unwrap();
    succeed(BINARY, out.path(), &["--quick", "--lattices", "ring:5"]);
    let rows = table(out.path(), "rows.csv");
    // 3 estimators x 2 sample sizes x (10 pairs + 5 fields).
    assert_eq!(rows.len(), 3 * 2 * 15);
    for row in rows {
        let (i, j) = (row["i"].parse::<u64>().unwrap(), row["j"].parse::<u64>());
        let coupled = j.is_ok_and(|j| j == i + 1 || (i, j) == (0, 4));
        let truth: f64 = row["true_coupling"].parse().unwrap();
        assert_eq!(truth, if coupled { 1.0 / 3.0 } else { 0.0 });
        match row["estimator"].as_str() {
            "gibbs" => assert!(row["standard_error"].is_empty()),
            _ => assert!(row["standard_error"].parse::<f64>().unwrap() > 0.0),
        }
    }
}

/// A fit that has not come to its maximum is named, by a run that computes it and by one that keeps it.
#[test]
fn fits_that_have_not_converged_are_named() {
    let out = TempDir::new().unwrap();
    let options = ["--quick", "--lattices", "ring:5", "--updates", "2"];
    for _ in 0..2 {
        let text = succeed(BINARY, out.path(), &options);
        assert!(text.contains("ring:5, exact, 300 configurations:"), "{text}");
    }
}

/// Mistakes name the option and the mend, end with code 2 and write nothing.
#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mistakes: [(&[&str], &str); 5] = [
        (&["--lattices", "square:2x2"], "--lattices"),
        (&["--lattices", "square:12x12"], "--lattices square:12x12"),
        (&["--temperatures", "-1"], "--temperatures"),
        (&["--lattices", "square:8x8", "--estimators", "exact"], "0 cells"),
        (&["--estimators", "pcd"], "--estimators"),
    ];
    assert_mistakes_are_named(BINARY, &mistakes);
}
