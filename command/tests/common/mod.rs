//! What the tests of the command share.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The command, in a folder.
pub fn gibbsite(folder: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gibbsite"));
    command.current_dir(folder).args(words.split_whitespace());
    command
}

/// What it says, and its exit code.
pub fn run(folder: &Path, words: &str) -> (i32, String, String) {
    told(&gibbsite(folder, words).output().unwrap())
}

pub fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_string();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// It must succeed; what stands on standard output.
#[track_caller]
pub fn done(folder: &Path, words: &str) -> String {
    let (code, output, error) = run(folder, words);
    assert_eq!(code, 0, "gibbsite {words}: {error}");
    output
}

/// Files with their bytes.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries
        .filter(|path| path.is_file())
        .map(|path| (PathBuf::from(path.file_name().unwrap()), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

/// What a finished run has left, but for checkpoints: the one before the last depends on when it was stopped.
pub fn results(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let kept = |path: &Path| !path.to_string_lossy().ends_with(".previous");
    files(folder).into_iter().filter(|(path, _)| kept(path)).collect()
}

/// Data of a law in `spins.txt`.
pub fn spins(folder: &Path, target: &str, count: usize) {
    done(folder, &format!("sample {target} --temperature 2.5 --count {count} --out spins.txt"));
}
