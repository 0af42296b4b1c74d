//! Binaries of experiments, run as a user would.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs a binary to its end.
pub fn run_binary(binary: &str, arguments: &[&str]) -> Output {
    Command::new(binary).args(arguments).output().expect("the binary starts")
}

/// Every list of arguments is refused with a message that has these words, ends with code 2 and writes nothing.
pub fn assert_mistakes_are_named(binary: &str, mistakes: &[(&[&str], &str)]) {
    for (arguments, words) in mistakes {
        let parent = TempDir::new().unwrap();
        let out = parent.path().join("out");
        let output = run_binary(binary, &[arguments, &["--out", out.to_str().unwrap()][..]].concat());
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert!(message.contains(words), "{arguments:?}: {message}");
        assert!(!out.exists(), "{arguments:?} wrote something");
    }
}

/// What a run that ends well prints.
pub fn succeed(binary: &str, out: &Path, arguments: &[&str]) -> String {
    let output = run_binary(binary, &[arguments, &["--out", out.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The files that run.json names.
pub fn results(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let record: serde_json::Value = serde_json::from_slice(&fs::read(out.join("run.json")).unwrap()).unwrap();
    let names = record["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string());
    names.map(|name| (name.clone(), fs::read(out.join(&name)).expect(&name))).collect()
}

/// The rows of a table, by the names of their columns.
pub fn table(out: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut table = csv::Reader::from_path(out.join(name)).unwrap();
    table.deserialize().map(Result::unwrap).collect()
}

/// Every file in `out` has the same bytes for any number of threads, and after a run that had lost every third cell.
pub fn assert_same_bytes(binary: &str, arguments: &[&str], out: &Path) {
    let other = TempDir::new().unwrap();
    let again = |more: &[&str]| {
        let text = succeed(binary, other.path(), &[arguments, more].concat());
        assert_eq!(results(out), results(other.path()), "{more:?}");
        text
    };
    again(&["--threads", "2"]);
    again(&["--threads", "5", "--fresh"]);
    let inside = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    for folder in inside(&other.path().join("cells")).into_iter().filter(|path| path.is_dir()) {
        let mut cells = inside(&folder);
        cells.retain(|path| path.extension().is_some_and(|kind| kind == "csv"));
        cells.sort();
        cells.iter().step_by(3).for_each(|path| fs::remove_file(path).unwrap());
    }
    let text = again(&[]);
    assert!(text.contains("cells kept from an earlier run"), "{text}");
}
