//! Binaries of experiments, run as a user would.

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
