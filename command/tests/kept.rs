//! A walk through the command: what every line prints, says and leaves is kept in `kept.txt`, in digests, so that no number
//! changes unseen. `GIBBSITE_KEEP_DIGESTS=1 cargo test --release -p gibbsite-command --test kept` keeps what is found now; a
//! line `# gibbsite ...` more is a step more.

mod common;

use common::{files, run};
use laboratory::digest;
use std::fs;
use std::path::Path;

/// What the walk starts with.
const GIVEN: [(&str, &str); 4] = [
    ("counts.csv", "a,b,c,d,count\n0,0,0,0,5\n1,1,1,1,4\n1,1,0,0,2\n0,1,0,1,1\n"),
    ("glass.csv", "0,1,0.5\n1,2,-0.75\n2,3,1\n0,3,0.25\n0,0.1\n2,-0.3\n"),
    ("held.txt", "1????????\n??0??1???\n"),
    ("broken.txt", "0 1 1\n0 2 1\n"),
];

/// How a step begins.
const STEP: &str = "gibbsite ";

/// Files whose text is held; what is binary shows in what is printed of it.
const TEXTS: [&str; 4] = ["csv", "txt", "json", "svg"];

/// Everything that a step shows, by name.
fn found(folder: &Path, words: &str) -> Vec<(String, String)> {
    let before = files(folder);
    let (code, printed, said) = run(folder, words);
    let mut all = vec![("printed".to_string(), printed)];
    // What is said beside results has times in it; a refusal has none.
    let refusal = if code == 0 { String::new() } else { said };
    all.push((format!("exit code {code}"), refusal));
    for (name, bytes) in files(folder).into_iter().filter(|file| !before.contains(file)) {
        if name.extension().is_some_and(|ending| TEXTS.iter().any(|text| ending == *text)) {
            all.push((name.display().to_string(), String::from_utf8_lossy(&bytes).to_string()));
        }
    }
    all
}

#[test]
fn a_walk_finds_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    GIVEN.iter().for_each(|(name, text)| fs::write(folder.path().join(name), text).unwrap());
    let mut steps = 0;
    digest::hold(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kept.txt"), &[], |step| {
        steps += 1;
        found(folder.path(), step.strip_prefix(STEP).unwrap_or_else(|| panic!("{step} is no step")))
    });
    assert!(steps > 20, "the walk is too short");
}
