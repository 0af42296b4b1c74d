//! The table that answers the question: final KL of every cell, over its replicas.

use super::Row;
use super::options::Options;
use gibbsite::statistics::summary::Summary;
use gibbsite::targets::lattice::Lattice;
use laboratory::harness::options::preset_line;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// The smallest KL that any parameters reach, where it is known: six spins, J = 1, h = 0, T = 1, by a
/// quasi-Newton search from many starts. The zeros are limits of large weights.
pub fn known_floor(options: &Options, lattice: Lattice, hidden: usize) -> Option<f64> {
    if (options.temperature, options.coupling, options.field) != (1.0, 1.0, 0.0) {
        return None;
    }
    match (lattice, hidden) {
        (Lattice::Ring(6), 1) => Some(0.29046),
        (Lattice::Ring(6), 2) => Some(0.076949),
        (Lattice::Chain(6), 1) => Some(0.47715),
        (Lattice::Chain(6), 2) => Some(0.064354),
        _ => None,
    }
}

/// A line a cell: its name and the summary over its replicas, in the order of the rows.
pub fn summaries(options: &Options, rows: &[Row]) -> Vec<(Row, Summary)> {
    let mut cells: Vec<(Row, Vec<f64>)> = Vec::new();
    for row in rows.iter().filter(|row| row.epoch == options.epochs) {
        let name = |row: &Row| {
            (
                row.lattice.clone(),
                row.estimator.clone(),
                row.gibbs_steps,
                row.hidden,
            )
        };
        match cells.iter_mut().find(|(known, _)| name(known) == name(row)) {
            Some((_, values)) => values.push(row.kl),
            None => cells.push((row.clone(), vec![row.kl])),
        }
    }
    cells
        .into_iter()
        .map(|(row, values)| (row, Summary::of(values)))
        .collect()
}

/// What the program prints at its end.
pub fn text(options: &Options, rows: &[Row], out: &Path, time: Duration) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let Some(line) = preset_line(options) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "Wrote rows.csv, kl_against_epoch and kl_against_hidden (.png, .svg) and run.json to {} in {:.0} s.\n\n\
         KL divergence to the Ising law after {} epochs, in nats, over {} replica(s):\n",
        out.display(),
        time.as_secs_f64(),
        options.epochs,
        options.replicas,
    );
    let lines = summaries(options, rows);
    let floors = options.lattice.iter().any(|lattice| {
        options
            .hidden
            .iter()
            .any(|hidden| known_floor(options, *lattice, hidden.0).is_some())
    });
    let _ = write!(
        text,
        "{:<12} {:<9} {:>3} {:>6}  {:>9} {:>9} {:>9}",
        "lattice", "estimator", "k", "hidden", "median", "min", "max"
    );
    let _ = writeln!(text, "{}", if floors { "     floor" } else { "" });
    for (row, kl) in lines {
        let k = row.gibbs_steps.map_or(String::new(), |k| k.to_string());
        let _ = write!(
            text,
            "{:<12} {:<9} {:>3} {:>6}  {:>9} {:>9} {:>9}",
            row.lattice,
            row.estimator,
            k,
            row.hidden,
            digits(kl.median),
            digits(kl.smallest),
            digits(kl.largest),
        );
        let floor = row
            .lattice
            .parse()
            .ok()
            .and_then(|lattice| known_floor(options, lattice, row.hidden));
        let _ = writeln!(
            text,
            "{}",
            floor.map_or(String::new(), |floor| format!(" {:>9}", digits(floor)))
        );
    }
    text
}

/// Four significant digits.
fn digits(x: f64) -> String {
    if x != 0.0 && x.abs() < 1e-3 {
        format!("{x:.2e}")
    } else {
        format!("{x:.5}")
    }
}
