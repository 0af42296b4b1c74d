//! The README says what the programs say.

mod common;

use common::run_binary;
use std::fs;
use std::path::Path;

/// The columns of every experiment, as `--columns` prints them, and every experiment itself.
#[test]
fn columns_in_the_readme_are_those_of_the_programs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let package = fs::read_to_string(root.join("experiments/Cargo.toml")).unwrap();
    let binaries = [
        ("ising_kl", env!("CARGO_BIN_EXE_ising_kl")),
        ("gradient_bias", env!("CARGO_BIN_EXE_gradient_bias")),
        ("cd_divergence", env!("CARGO_BIN_EXE_cd_divergence")),
        ("both_phases", env!("CARGO_BIN_EXE_both_phases")),
        ("mixing", env!("CARGO_BIN_EXE_mixing")),
        ("boltzmann_machine", env!("CARGO_BIN_EXE_boltzmann_machine")),
        ("inverse_ising", env!("CARGO_BIN_EXE_inverse_ising")),
        ("ising_observables", env!("CARGO_BIN_EXE_ising_observables")),
        ("ais_accuracy", env!("CARGO_BIN_EXE_ais_accuracy")),
        ("large_ising_kl", env!("CARGO_BIN_EXE_large_ising_kl")),
        ("calibration", env!("CARGO_BIN_EXE_calibration")),
        ("throughput", env!("CARGO_BIN_EXE_throughput")),
    ];
    assert_eq!(package.matches("[[bin]]").count(), binaries.len(), "a new experiment has a line here too");
    for (name, binary) in binaries {
        let columns = String::from_utf8(run_binary(binary, &["--columns"]).stdout).unwrap();
        assert!(columns.lines().count() > 3, "{name}: {columns}");
        assert!(readme.contains(&columns), "the columns of {name} in README.md are not those of --columns:\n{columns}");
        assert!(readme.contains(&format!("--bin {name}")), "{name} is not in README.md");
    }
}
