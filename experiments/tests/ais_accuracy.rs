//! The experiment ais_accuracy as its user runs it, and the accuracy of the estimators on the Ising model itself.

mod common;

use common::{assert_mistakes_are_named, run_binary};
use gibbsite::law::Law;
use gibbsite::log_partition::LogPartitionEstimator;
use gibbsite::log_partition::annealing::ForwardAnnealing;
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::monte_carlo::coloured::multi_spin_metropolis;
use gibbsite::path::GeometricPath;
use gibbsite::random::Seed;
use gibbsite::targets::infinite_lattice::CRITICAL_TEMPERATURE;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

/// Without a machine in it: annealing and Bennett's ratio meet Kaufman's ln Z within 0.05 nats with an error of at most
/// 0.015, at the critical point and below it. 32x32 sites take minutes and stand in the results.
#[test]
fn spins_meet_kaufman() {
    for (side, temperatures, chains, rounds) in [(8, 2000, 1024, 10_000), (16, 5000, 4096, 40_000)] {
        for temperature in [2.0, CRITICAL_TEMPERATURE] {
            let ising = Ising::on_lattice(Lattice::Square(side, side), 1.0, 0.0, temperature).unwrap();
            let kernel = multi_spin_metropolis(&ising).unwrap();
            let path = GeometricPath::new(&ising, &kernel).unwrap();
            let exact = ising.log_partition().unwrap();
            let annealing = ForwardAnnealing { betas: Betas::Adaptive(temperatures), chains };
            let tempering = BennettRatio(TemperedRun {
                betas: Betas::Adaptive(side),
                ladders: 32,
                burn_in: rounds / 5,
                rounds,
                every: 8,
            });
            for estimator in [&annealing as &dyn LogPartitionEstimator, &tempering] {
                let found = estimator.estimate(&path, Seed::root(31), &mut |_, _| ()).unwrap();
                let (error, known) = (found.value - exact, found.standard_error.unwrap());
                let what = format!("{} of {side}x{side} at T = {temperature}: {error} +- {known}", estimator.name());
                assert!(known <= 0.015 && error.abs() < 0.05 && error.abs() < 4.9 * known, "{what}");
                assert!(found.doubts.is_empty(), "{what}: {found:?}");
            }
        }
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_ais_accuracy");

fn run(arguments: &[&str]) -> Output {
    run_binary(BINARY, arguments)
}

/// A small run into `out`.
fn small(threads: &str, out: &TempDir, more: &[&str]) -> String {
    let folder = out.path().to_str().unwrap();
    let fixed = [
        "--families",
        "random,lattice,spins",
        "--sides",
        "4",
        "--ais-temperatures",
        "10,50",
        "--without-14500",
        "--replicas",
        "2",
        "--ais-chains",
        "20",
        "--threads",
        threads,
        "--out",
        folder,
    ];
    let output = run(&[&fixed, more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every file whose bytes are promised.
fn results(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = [
        "rows.csv",
        "error_against_work.png",
        "error_against_work.svg",
        "coverage.png",
        "coverage.svg",
        "both_sides.png",
        "both_sides.svg",
    ];
    names.map(|name| (name.to_string(), fs::read(folder.join(name)).unwrap())).into()
}

/// The table has its columns and rows, and the same bytes for any number of threads and after a run that lost cells,
/// which computes no others.
#[test]
fn a_run_writes_the_same_bytes_however_it_is_run() {
    let one = TempDir::new().unwrap();
    let text = small("1", &one, &[]);
    assert!(text.contains("error^2 x updates") && text.contains("Kaufman"), "{text}");
    let files = results(one.path());
    let rows = String::from_utf8_lossy(&files["rows.csv"]).into_owned();
    assert_eq!(
        rows.lines().next(),
        Some(
            "model,visible,hidden,estimator,schedule,temperatures,chains,replica,gibbs_updates,log_partition,standard_error,exact,effective_samples,trusted,doubts"
        )
    );
    // 22 machines, 2 replicas: six runs at the first of two works, and four at the second, since both runs of tempering
    // have their least length at either; and both sides together at each work. Spins at two temperatures, three runs at
    // each of two works.
    assert_eq!(rows.lines().count() - 1, 22 * 2 * 12 + 2 * 2 * 6);
    for line in rows.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[2].is_empty(), cells[0].starts_with("spins"), "{line}");
        let number = |column: usize| cells[column].parse::<f64>().unwrap();
        assert!(number(10) > 0.0 && number(12) > 0.0 && number(8) > 0.0, "{line}");
        // Only both sides together are trusted or not, and doubts are why not.
        assert_eq!(cells[13].is_empty(), cells[3] != "both_sides", "{line}");
        assert_eq!(cells[13] == "true", cells[3] == "both_sides" && cells[14].is_empty(), "{line}");
        // All kinds agree roughly where the weights are small.
        if cells[0].ends_with("sd0.1") {
            assert!((number(9) - number(11)).abs() < 0.2, "{line}");
        }
    }
    for threads in ["2", "5"] {
        let other = TempDir::new().unwrap();
        small(threads, &other, &[]);
        assert_eq!(files, results(other.path()), "{threads} threads");
        if threads == "5" {
            let folders = fs::read_dir(other.path().join("cells")).unwrap().map(|entry| entry.unwrap().path());
            let folder = folders.into_iter().find(|folder| folder.is_dir()).unwrap();
            for name in ["random_8x4_sd3_visible-8_hidden-4.csv", "spins_4x4_t2_visible-16.csv"] {
                fs::remove_file(folder.join(name)).unwrap();
            }
            let text = small("2", &other, &[]);
            assert!(text.contains("22 of 24 cells kept"), "{text}");
            assert_eq!(files, results(other.path()), "with cells kept");
        }
    }
}

/// Mistakes name the option and the mend, end with code 2 and write nothing.
#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mistakes: [(&[&str], &str); 9] = [
        (&["--families", "digits"], "digits"),
        (&["--ais-chains", "0"], "--ais-chains"),
        (&["--ais-temperatures", "10,0"], "--ais-temperatures"),
        (&["--ais-temperatures", "10,10"], "--ais-temperatures"),
        // The names that the options had.
        (&["--chains", "0"], "--ais-chains"),
        (&["--temperatures", "10,0"], "--ais-temperatures"),
        (&["--sides", "2"], "--sides 2"),
        (&["--replicas", "0"], "--replicas"),
        (&["--quick", "--paper"], "--paper"),
    ];
    assert_mistakes_are_named(BINARY, &mistakes);
}
