//! The battery of machines with known answers, and the experiment calibration as its user runs it.

mod common;

use common::{assert_mistakes_are_named, run_binary};
use gibbsite::battery::{Family, members, narrow_mode, of_spins};
use gibbsite::enumerate::{log_partition, log_probabilities};
use gibbsite::law::Law;
use gibbsite::model::Model;
use gibbsite::random::Seed;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Names are a cell's, shapes are the machines', and other seeds make other machines of the same kinds.
#[test]
fn machines_are_a_seed_away() {
    let mut names = Vec::new();
    for family in Family::ALL {
        for (number, member) in members(family).into_iter().enumerate() {
            assert_eq!((member.family, member.number), (family, number));
            names.push(member.name());
            let [first, again, other] = [1, 1, 2].map(|seed| member.machine(Seed::root(seed)).unwrap());
            let name = member.name();
            assert_eq!((first.visible(), first.hidden()), member.shape(), "{name}");
            assert_eq!(first.parameters(), again.parameters(), "{name}");
            assert_ne!(first.parameters(), other.parameters(), "{name}");
            assert!(first.visible().min(first.hidden()) <= 16, "{name}");
        }
    }
    assert_eq!(names.len(), 30);
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 30);
}

/// The mode is on with the probability that it is asked to have: 1 - Z without it / Z.
#[test]
fn a_narrow_mode_has_its_mass() {
    for mass in [0.03, 0.1, 0.3, 0.9] {
        let mut machine = narrow_mode(36, 10, mass, Seed::root(3)).unwrap();
        let all = log_partition(&machine).unwrap();
        let without = machine.parameters().len() - machine.hidden();
        machine.parameters_mut()[without] = -1e4;
        let found = 1.0 - (log_partition(&machine).unwrap() - all).exp();
        assert!((found - mass).abs() < 1e-9, "{found}, not {mass}");
    }
}

/// With the hidden units summed, ln f of spins is -E/T and a constant: all 2^16 states of the ferromagnet in a field and
/// of glasses, whose couplings have both signs.
#[test]
fn hidden_bonds_leave_the_law_of_the_spins() {
    let lattice = Lattice::Square(4, 4);
    let ferromagnet = |k: f64| Ising::on_lattice(lattice, k, 0.03, 1.0).unwrap();
    let glass = |temperature: f64| Ising::spin_glass(lattice, 1.0, temperature, Seed::root(5)).unwrap();
    let laws = [ferromagnet(0.3), ferromagnet(0.9), glass(0.5), glass(1.5)];
    for (number, ising) in laws.iter().enumerate() {
        let machine = of_spins(ising, lattice).unwrap();
        let spins = log_probabilities(ising).unwrap();
        let units = log_probabilities(&machine).unwrap();
        let farthest = spins.iter().zip(&units).map(|(a, b)| (a - b).abs());
        let farthest = farthest.fold(0.0, f64::max);
        assert!(farthest < 1e-9, "law {number}: {farthest}");
    }
}

/// Without a field ln Z is Kaufman's and a constant, the same for every state, so that all spins down tell it: bits 0,
/// where a bond has ln(1 + e^{-4 L}) in place of K.
#[test]
fn ln_z_of_a_ferromagnet_is_kaufmans() {
    let lattice = Lattice::Square(4, 4);
    for k in [0.3, 0.44, 0.9_f64] {
        let ising = Ising::on_lattice(lattice, k, 0.0, 1.0).unwrap();
        let machine = of_spins(&ising, lattice).unwrap();
        let l = (2.0 * k).exp().acosh() / 2.0;
        let constant = 32.0 * ((-4.0 * l).exp().ln_1p() - k);
        let expected = ising.log_partition().unwrap() + constant;
        let found = log_partition(&machine).unwrap();
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_calibration");

const FILES: [&str; 3] = ["rows.csv", "calibration.png", "calibration.svg"];

const HEADER: &str = "family,machine,visible,hidden,quantity,estimator,replica,value,standard_error,exact,said,doubts";

fn results(folder: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    FILES.into_iter().map(|name| (name, fs::read(folder.join(name)).expect(name))).collect()
}

/// A run into `out`; what it prints.
fn small(threads: &str, out: &TempDir, more: &[&str]) -> String {
    #[rustfmt::skip]
    let options = [
        "--quick", "--families", "narrow,ferromagnet", "--ais-temperatures", "50", "--ais-chains", "40",
        "--threads", threads, "--out", out.path().to_str().unwrap(),
    ];
    let output = run_binary(BINARY, &[&options, more].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every file, with the promised columns and rows; the same bytes for any number of threads and after a run that lost a
/// cell, which computes no other.
#[test]
fn every_file_is_written_with_the_same_bytes() {
    let one = TempDir::new().unwrap();
    let text = small("1", &one, &[]);
    assert!(text.contains("--quick stands for") && text.contains("called converged or trusted"), "{text}");
    let files = results(one.path());
    assert!(one.path().join("run.json").exists());
    let rows = String::from_utf8_lossy(&files["rows.csv"]).into_owned();
    assert_eq!(rows.lines().next(), Some(HEADER));
    // Six numbers for ln Z and four observables of each machine, and the divergence of those on a lattice.
    assert_eq!(rows.lines().count(), 1 + 4 * 10 + 4 * 11);
    for line in rows.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |column: usize| cells[column].parse::<f64>().unwrap();
        // What is said is yes or no, and doubts are why not.
        assert!(["yes", "no"].contains(&cells[10]), "{line}");
        assert_eq!(cells[10] == "yes", cells[11].is_empty(), "{line}");
        // Reverse annealing meets the exact value within the mass of the mode, whatever forward annealing says.
        if cells[5] == "reverse_ais" {
            assert!((number(7) - number(9)).abs() < 1.0, "{line}");
        }
    }
    // Estimators are runs of their own: no two of a machine have one value.
    for name in ["narrow_0.9", "ferromagnet_k0.6"] {
        let of = |estimator: &str| {
            let line =
                rows.lines().find(|line| line.contains(name) && line.contains(&format!(",log_partition,{estimator},")));
            line.unwrap().split(',').nth(7).unwrap().to_string()
        };
        let mut values =
            ["forward_ais", "reverse_ais", "both_sides", "both_sides_tempered", "bennett", "thermodynamic_integration"]
                .map(of);
        values.sort();
        assert!(values.windows(2).all(|pair| pair[0] != pair[1]), "{name}: {values:?}");
    }
    // Half the mass and more is in modes that forward annealing does not meet, and it does not know.
    let blind = |line: &&str| line.starts_with("narrow,narrow_0.9,36,10,log_partition,forward_ais");
    let line = rows.lines().find(blind).unwrap();
    let cells: Vec<&str> = line.split(',').collect();
    let error = cells[7].parse::<f64>().unwrap() - cells[9].parse::<f64>().unwrap();
    assert!((error - (0.1_f64).ln()).abs() < 0.5, "{line}");

    let two = TempDir::new().unwrap();
    small("2", &two, &[]);
    assert_eq!(files, results(two.path()), "2 threads");
    let folders = fs::read_dir(two.path().join("cells")).unwrap().map(|entry| entry.unwrap().path());
    let cell = "ferromagnet_ferromagnet_k0.6_visible-16_hidden-32.csv";
    let cell = folders.map(|folder| folder.join(cell)).find(|cell| cell.exists()).unwrap();
    fs::remove_file(cell).unwrap();
    let text = small("2", &two, &[]);
    assert!(text.contains("7 of 8 cells kept"), "{text}");
    assert_eq!(files, results(two.path()), "with cells kept");
}

/// Mistakes name the option and the mend, end with code 2 and write nothing.
#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mistakes: [(&[&str], &str); 6] = [
        (&["--families", "easy,hard"], "large_weights"),
        (&["--replicas", "0"], "--replicas"),
        (&["--ais-chains", "2000000"], "--ais-chains 2000000"),
        (&["--ais-temperatures", "0"], "--ais-temperatures"),
        // The name that the option had.
        (&["--temperatures", "0"], "--ais-temperatures"),
        (&["--quick", "--paper"], "--paper"),
    ];
    assert_mistakes_are_named(BINARY, &mistakes);
}
