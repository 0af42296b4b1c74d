//! The table that answers the question: KL and its errors, over replicas.

use super::Row;
use super::options::Options;
use gibbsite::statistics::estimate::Estimate;
use gibbsite::targets::lattice::Lattice;
use laboratory::harness::options::preset_line;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// What the replicas of a machine say at one epoch: means over them.
pub struct Summary {
    /// D_KL in nats.
    pub kl: f64,
    /// The standard error of the mean by the scatter of the replicas, but not less than the measurements' own: few
    /// replicas scatter little by chance. Like those below, missing where a replica's cannot be told.
    pub error: Option<f64>,
    /// The part of the measurements' error that comes from ln Z.
    pub log_partition_error: Option<f64>,
    /// The part that comes from the average over fresh configurations.
    pub average_error: Option<f64>,
    /// How far the runs of annealing are apart at most.
    pub width: f64,
    /// Replicas that are trusted.
    pub trusted: usize,
    /// Replicas.
    pub replicas: usize,
}

/// The summary over replicas; `None` where there is no row.
pub fn summary(rows: &[Row], (lattice, temperature, hidden): (Lattice, f64, usize), epoch: usize) -> Option<Summary> {
    let name = lattice.to_string();
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| (row.temperature, row.hidden, row.epoch) == (temperature, hidden, epoch))
        .filter(|row| row.lattice == name)
        .collect();
    let estimate = |row: &&Row| Estimate { standard_error: row.kl_standard_error, ..Estimate::exact(row.kl) };
    let estimates: Vec<Estimate> = rows.iter().map(estimate).collect();
    let mean = Estimate::over_replicas(&estimates)?;
    // Of independent replicas.
    let of_mean = |squares: f64| squares.sqrt() / rows.len() as f64;
    let sum_of_squares = |errors: &dyn Fn(&Row) -> Option<f64>| -> Option<f64> {
        rows.iter().map(|row| errors(row).map(|e| e * e)).sum()
    };
    let squares = sum_of_squares(&|row| row.kl_standard_error);
    let from_log_partition = sum_of_squares(&|row| row.log_partition_standard_error);
    Some(Summary {
        kl: mean.value,
        error: squares.map(|squares| mean.standard_error.unwrap_or(0.0).max(of_mean(squares))),
        log_partition_error: from_log_partition.map(of_mean),
        average_error: squares.zip(from_log_partition).map(|(all, part)| of_mean((all - part).max(0.0))),
        width: rows.iter().map(|row| row.kl_upper - row.kl_lower).fold(0.0, f64::max),
        trusted: rows.iter().filter(|row| row.trusted).count(),
        replicas: rows.len(),
    })
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
         KL divergence D(P || P_model) from the Ising law after {} epochs, in nats: mean of {} replica(s) with its \
         error,\nthe parts of the measurements' error that come from ln Z and from the average over fresh \
         configurations,\nand how far the runs of annealing are apart at most:\n",
        out.display(),
        time.as_secs_f64(),
        options.epochs,
        options.replicas,
    );
    let _ = writeln!(
        text,
        "{:<14} {:>6} {:>6}  {:>10} {:>9} {:>11} {:>9} {:>9} {:>9}  trusted",
        "lattice", "T", "hidden", "KL", "error", "KL a spin", "ln Z", "average", "sides"
    );
    for &lattice in options.lattices.iter() {
        for temperature in options.temperatures.iter().map(|t| t.0) {
            for hidden in options.hidden.iter().map(|hidden| hidden.0) {
                let cell = (lattice, temperature, hidden);
                let Some(found) = summary(rows, cell, options.epochs) else {
                    continue;
                };
                let _ = writeln!(
                    text,
                    "{:<14} {temperature:>6} {hidden:>6}  {:>10.4} {:>9} {:>11.6} {:>9} {:>9} {:>9.4}  {}",
                    lattice.to_string(),
                    found.kl,
                    number(found.error),
                    found.kl / lattice.sites() as f64,
                    number(found.log_partition_error),
                    number(found.average_error),
                    found.width,
                    verdict(&found),
                );
            }
        }
    }
    let unsure = rows.iter().filter(|row| !row.trusted).count();
    if unsure > 0 {
        let _ = writeln!(
            text,
            "\n{unsure} of {} measurements are not to be trusted (see the column): more --ais-temperatures, --ais-chains \
             or --sweeps may help,\nunless a machine has modes that its chains do not leave, as below the critical temperature.",
            rows.len()
        );
    }
    text
}

/// An error, or a question mark where it cannot be told.
fn number(error: Option<f64>) -> String {
    error.map_or("?".to_string(), |error| format!("{error:.4}"))
}

fn verdict(found: &Summary) -> String {
    match found.trusted {
        0 => "no".to_string(),
        all if all == found.replicas => "yes".to_string(),
        some => format!("{some} of {}", found.replicas),
    }
}
