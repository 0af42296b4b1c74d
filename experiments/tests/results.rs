//! The figures that are committed are those that the programs draw from the committed rows.

mod common;

use common::run_binary;
use laboratory::digest::{Digest, PIXELS};
use std::fs;
use std::path::{Path, PathBuf};

/// Drawn with options that are no part of its run: sittings beside other programs.
const OTHER_OPTIONS: &str = "throughput";

/// Files of a folder that end so.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).expect("results").flatten().map(|entry| entry.path());
    let mut all: Vec<PathBuf> =
        all.filter(|path| endings.iter().any(|end| path.to_string_lossy().ends_with(end))).collect();
    all.sort();
    all
}

/// Each folder of results is drawn anew in a copy; those whose rows have other columns than today are left out.
#[test]
fn committed_figures_are_what_the_programs_draw() {
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results");
    let binary = Path::new(env!("CARGO_BIN_EXE_ising_kl"));
    let mut compared = 0;
    for folder in fs::read_dir(results).expect("results").flatten().map(|entry| entry.path()) {
        let record: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap_or_default()).unwrap_or_default();
        let Some(program) = record["program"].as_str().filter(|program| *program != OTHER_OPTIONS) else { continue };
        let copy = tempfile::tempdir().expect("a folder");
        for path in files(&folder, &[".csv", "run.json"]) {
            fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("a copy");
        }
        let binary = binary.with_file_name(format!("{program}{}", std::env::consts::EXE_SUFFIX));
        let out = copy.path().to_str().expect("a plain path");
        let output = run_binary(binary.to_str().expect("a plain path"), &["--redraw", "--out", out]);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).to_string();
            let old = ["its columns are not those of this program", "there is no such file"];
            assert!(old.iter().any(|reason| said.contains(reason)), "{}: {said}", folder.display());
            continue;
        }
        for committed in files(&folder, &[".svg"]) {
            let name = committed.file_name().expect("a name");
            let digest = |path: &Path| Digest::of(&fs::read_to_string(path).unwrap_or_default());
            let same = digest(&committed).agrees(&digest(&copy.path().join(name)), PIXELS);
            assert!(
                same,
                "{} is drawn otherwise now: {program} --redraw, look at it, and commit it",
                committed.display()
            );
            compared += 1;
        }
    }
    assert!(compared > 25, "only {compared} figures were compared");
}
