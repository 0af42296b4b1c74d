//! How the estimators did, in numbers.

use super::Row;
use super::groups::{Group, groups};
use super::options::Options;
use super::subjects::Family;
use gibbsite::statistics::estimate::Estimate;
use laboratory::harness::options::preset_line;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// What the program prints at its end.
pub fn text(options: &Options, rows: &[Row], figures: &[&str], out: &Path, time: Duration) -> String {
    let mut text = String::new();
    let groups = groups(options, rows);
    // Writing to a string cannot fail.
    if let Some(line) = preset_line(options) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "Wrote rows.csv, {} (.png, .svg) and run.json to {} in {:.0} s.",
        figures.join(", "),
        out.display(),
        time.as_secs_f64()
    );
    small_machines(&mut text, &groups);
    published(&mut text, &groups);
    efficiency(&mut text, &groups);
    spins(&mut text, &groups);
    text
}

fn small(group: &&Group) -> bool {
    matches!(group.family, Family::Trained | Family::Random)
}

/// Both families of small machines, every estimator.
fn small_machines(text: &mut String, groups: &[Group]) {
    if !groups.iter().any(|group| small(&group)) {
        return;
    }
    let _ = writeln!(
        text,
        "\nSmall machines: median and largest |error| (nats), runs within 2 and 3 standard errors, runs without a doubt\n\n\
         {:<8} {:<26} {:<21} {:>6} {:>6} {:>10} {:>10} {:>6} {:>6} {:>8}",
        "family", "estimator", "schedule", "temps", "chains", "median", "largest", "2 se", "3 se", "no doubt"
    );
    for group in groups.iter().filter(small) {
        let share = |keep: &dyn Fn(&Row) -> bool| {
            let count = group.rows.iter().filter(|row| keep(row)).count();
            format!("{:.0} %", 100.0 * count as f64 / group.rows.len() as f64)
        };
        let _ = writeln!(
            text,
            "{:<8} {:<26} {:<21} {:>6} {:>6} {:>10.2e} {:>10.2e} {:>6} {:>6} {:>8}",
            group.family.to_string(),
            group.estimator,
            group.schedule,
            group.temperatures,
            group.rows[0].chains,
            group.quantile(0.5),
            group.quantile(1.0),
            share(&|row| row.within(2.0)),
            share(&|row| row.within(3.0)),
            share(&Row::undoubted),
        );
    }
}

/// The published protocol: 14,500 temperatures.
fn published(text: &mut String, groups: &[Group]) {
    let all: Vec<&Row> = groups
        .iter()
        .filter(small)
        .filter(|group| (group.estimator, group.temperatures) == ("forward_ais", 14_500))
        .flat_map(|group| group.rows.iter().copied())
        .collect();
    if all.is_empty() {
        return;
    }
    let good = |row: &&&Row| row.within(3.0) && row.error().abs() <= 0.1;
    let first = all.iter().filter(|row| row.replica == 0).count();
    let first_good = all.iter().filter(|row| row.replica == 0).filter(good).count();
    let all_good = all.iter().filter(good).count();
    let _ = writeln!(
        text,
        "\nForward AIS with 14,500 temperatures and {} chains: within 3 standard errors and 0.1 nats in {first_good} of {first} \
         machines at the first repetition, {all_good} of {} runs in all.",
        all[0].chains,
        all.len()
    );
    for row in all.iter().filter(|row| !good(row)) {
        let _ = writeln!(
            text,
            "  {:<22} repetition {:<2} error {:+.4} +- {:.4}, {:.1} effective samples, {}",
            row.model,
            row.replica,
            row.error(),
            row.standard_error.unwrap_or(f64::NAN),
            row.effective_samples.unwrap_or(f64::NAN),
            if row.undoubted() { "no doubt" } else { &row.doubts }
        );
    }
}

/// error^2 x Gibbs updates, on machines that learned a lattice.
fn efficiency(text: &mut String, groups: &[Group]) {
    let mut models: Vec<&str> = Vec::new();
    for row in groups.iter().filter(|group| group.family == Family::Lattice).flat_map(|group| &group.rows) {
        if !models.contains(&&*row.model) {
            models.push(&row.model);
        }
    }
    if models.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nMachines that learned 8x8 spins: mean error^2 x Gibbs updates (nats^2, less is better), from repetitions\n\n\
         {:<22} {:<26} {:<21} {:>6} {:>10} {:>24} {:>9} {:>8}",
        "machine", "estimator", "schedule", "temps", "updates", "error^2 x updates", "mean err", "no doubt"
    );
    for model in models {
        for group in groups.iter().filter(|group| group.family == Family::Lattice) {
            let rows: Vec<&&Row> = group.rows.iter().filter(|row| row.model == model).collect();
            let product = |row: &Row| row.error().powi(2) * row.gibbs_updates as f64;
            let over = |x: &dyn Fn(&Row) -> f64| {
                let all: Vec<Estimate> = rows.iter().map(|row| Estimate::exact(x(row))).collect();
                Estimate::over_replicas(&all)
            };
            let (Some(product), Some(error)) = (over(&product), over(&Row::error)) else {
                continue;
            };
            let product = match product.standard_error {
                Some(error) => format!("{:.2e} +- {error:.1e}", product.value),
                None => format!("{:.2e}", product.value),
            };
            let undoubted = rows.iter().filter(|row| row.undoubted()).count();
            let _ = writeln!(
                text,
                "{model:<22} {:<26} {:<21} {:>6} {:>10.2e} {product:>24} {:>+9.4} {:>8}",
                group.estimator,
                group.schedule,
                group.temperatures,
                rows[0].gibbs_updates as f64,
                error.value,
                format!("{undoubted}/{}", rows.len()),
            );
        }
    }
}

/// The Ising model itself: the first repetition of the longest runs.
fn spins(text: &mut String, groups: &[Group]) {
    let rows: Vec<&Row> = groups
        .iter()
        .filter(|group| group.family == Family::Spins)
        .flat_map(|group| group.rows.iter().copied())
        .collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nThe Ising model itself, ln Z against Kaufman's (nats); the largest |error| of all repetitions\n\n\
         {:<20} {:<26} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "model", "estimator", "updates", "error", "std error", "largest", "no doubt"
    );
    for row in rows.iter().filter(|row| row.replica == 0) {
        let same: Vec<&&Row> = rows
            .iter()
            .filter(|other| (&other.model, &other.estimator) == (&row.model, &row.estimator))
            .filter(|other| (other.temperatures, other.steps()) == (row.temperatures, row.steps()))
            .collect();
        let largest = same.iter().map(|row| row.error().abs()).fold(0.0, f64::max);
        let undoubted = same.iter().filter(|row| row.undoubted()).count();
        let _ = writeln!(
            text,
            "{:<20} {:<26} {:>10.2e} {:>+10.4} {:>10.4} {:>10.4} {:>8}",
            row.model,
            row.estimator,
            row.gibbs_updates as f64,
            row.error(),
            row.standard_error.unwrap_or(f64::NAN),
            largest,
            format!("{undoubted}/{}", same.len())
        );
    }
}
