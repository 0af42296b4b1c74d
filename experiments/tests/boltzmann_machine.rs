//! The experiment boltzmann_machine as its user runs it.

mod common;

use common::{assert_mistakes_are_named, assert_same_bytes, results, succeed, table};
use std::collections::BTreeMap;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_boltzmann_machine");

const HEADER: &str = "target,model,visible,hidden,parameters,estimator,gibbs_steps,replica,updates,gibbs_updates,kl,\
                      log_likelihood\n";

/// --quick writes every file with the promised columns; the same bytes for any number of threads and with cells kept.
#[test]
fn quick_writes_every_file_with_the_same_bytes() {
    let out = TempDir::new().unwrap();
    let text = succeed(BINARY, out.path(), &["--quick", "--threads", "1"]);
    assert!(text.contains("times as many units as the restricted one"), "{text}");
    let files = results(out.path());
    let names = ["kl_against_gibbs_updates.png", "kl_against_gibbs_updates.svg", "rows.csv", "run.json"];
    assert!(files.keys().eq(names.iter()), "{:?}", files.keys());
    assert!(files["rows.csv"].starts_with(HEADER.as_bytes()));
    assert_same_bytes(BINARY, &["--quick"], out.path());
}

/// What the rows say agrees with an independent account: parameters, the work of an update.
#[test]
fn rows_follow_the_protocol() {
    let out = TempDir::new().unwrap();
    succeed(BINARY, out.path(), &["--quick", "--targets", "ring:5", "--hidden", "4"]);
    let number = |row: &BTreeMap<String, String>, name: &str| row[name].parse::<u64>().unwrap();
    for row in table(out.path(), "rows.csv") {
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
}

/// Mistakes name the option and the mend, end with code 2 and write nothing.
#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mistakes: [(&[&str], &str); 9] = [
        (&["--targets", "bars:1x3"], "--targets"),
        (&["--targets", "ring:21"], "--targets ring:21"),
        (&["--targets", "digits"], "--targets"),
        (&["--models", "deep"], "--models"),
        (&["--estimators", "exact,cd"], "--estimators cd"),
        (&["--burn-in", "0"], "--burn-in"),
        (&["--learning-rate", "0.1,-1"], "--learning-rate"),
        (&["--hidden", "60"], "--hidden 60"),
        (&["--quick", "--paper"], "--paper"),
    ];
    assert_mistakes_are_named(BINARY, &mistakes);
}
