//! What the machines have learned, in numbers: means over replicas, with both errors.

use super::Row;
use super::options::Options;
use gibbsite::statistics::doubt::Doubt;
use gibbsite::statistics::estimate::Estimate;
use gibbsite::targets::observable::Observable;
use laboratory::harness::options::preset_line;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// A source's value of an observable at a temperature, over its replicas.
pub struct Summary {
    /// Mean, with the standard error of the mean from the scatter of replicas; a single replica's own.
    pub estimate: Estimate,
    /// The standard error of the mean from sampling alone.
    pub sampling_error: Option<f64>,
}

/// The summary of a source (with a number of hidden units) at one temperature; `None` where there is no row.
pub fn summary(
    rows: &[Row],
    temperature: f64,
    (source, hidden): (&str, Option<usize>),
    observable: Observable,
) -> Option<Summary> {
    let estimates: Vec<Estimate> = rows
        .iter()
        .filter(|row| row.temperature == temperature && row.observable == observable.name())
        .filter(|row| row.source == source && row.hidden == hidden)
        .map(|row| Estimate {
            value: row.value,
            standard_error: row.standard_error,
            tau: row.tau,
            effective_samples: row.effective_samples,
            doubt: row.doubt,
        })
        .collect();
    let errors: Option<Vec<f64>> = estimates.iter().map(|e| e.standard_error).collect();
    let sampling_error =
        errors.map(|errors| errors.iter().map(|error| error * error).sum::<f64>().sqrt() / errors.len() as f64);
    let estimate = match estimates[..] {
        [single] => single,
        _ => Estimate::over_replicas(&estimates)?,
    };
    Some(Summary { estimate, sampling_error })
}

/// What the program prints at its end.
pub fn text(options: &Options, rows: &[Row], out: &Path, time: Duration) -> String {
    let mut text = String::new();
    let temperature = options.histogram_temperature();
    // Writing to a string cannot fail.
    if let Some(line) = preset_line(options) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "Wrote rows.csv, energy_histogram.csv, observables and energy_histogram (.png, .svg) and run.json to {} in {:.0} s.\n\n\
         {} at T = {temperature}, {} replica(s); +- is the scatter of replicas, then the error of sampling alone:\n",
        out.display(),
        time.as_secs_f64(),
        options.lattice,
        options.replicas,
    );
    let mut sources = vec![("exact", None), ("monte_carlo", None)];
    for hidden in options.hidden.iter() {
        sources.push(("rbm", Some(hidden.0)));
        sources.push(("rbm_exact", Some(hidden.0)));
    }
    for observable in Observable::ALL {
        let exact = summary(rows, temperature, ("exact", None), observable);
        for &(source, hidden) in &sources {
            let Some(found) = summary(rows, temperature, (source, hidden), observable) else {
                continue;
            };
            let Estimate { value, standard_error, doubt, .. } = found.estimate;
            let units = hidden.map_or(String::new(), |n| format!("{n} hidden"));
            let _ = write!(text, "{:<18} {source:<11} {units:>10} {value:>10.5}", observable.name());
            let error = |error: Option<f64>| error.map_or(String::new(), |e| format!("{e:.5}"));
            let deviation = exact
                .as_ref()
                .filter(|_| source != "exact")
                .map_or(String::new(), |exact| format!("{:+.2} %", 100.0 * (value / exact.estimate.value - 1.0)));
            let _ = write!(
                text,
                " {:>9} {:>9} {deviation:>10}",
                error(standard_error),
                error(found.sampling_error.filter(|_| hidden.is_some()))
            );
            let reason = doubt.map_or(String::new(), |doubt| format!("  not converged: {doubt}"));
            let _ = writeln!(text, "{reason}");
        }
    }
    let unsure: Vec<Doubt> = rows.iter().filter_map(|row| row.doubt).collect();
    if !unsure.is_empty() {
        let _ = writeln!(
            text,
            "\n{} of {} estimates have no error, for these reasons (column doubt):",
            unsure.len(),
            rows.len()
        );
        let mut told: Vec<Doubt> = Vec::new();
        for doubt in &unsure {
            if !told.contains(doubt) {
                told.push(*doubt);
                let count = unsure.iter().filter(|other| *other == doubt).count();
                let _ = writeln!(text, "{count:>5} {doubt}: {}", doubt.mend());
            }
        }
    }
    text
}
