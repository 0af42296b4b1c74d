//! The answer: units drawn until a KL divergence is reached, general against restricted.

use super::inverse::CouplingRow;
use super::machines::Row;
use super::options::{Kind, Options};
use gibbsite::statistics::summary::Summary;
use laboratory::harness::options::preset_line;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// How a machine was trained: its estimator with its place in the grid, and the Gibbs steps.
pub type Setting = (String, Option<usize>);

/// The training runs of one machine in one setting: KL after so many units drawn, a list a replica.
type Runs = BTreeMap<usize, Vec<(u64, f64)>>;

/// What one target says.
pub struct Answer {
    pub target: String,
    /// The smallest KL at which every replica of both machines ends, or below, with some setting.
    pub kl: f64,
    /// The best setting of each machine and the units it drew until it reached the KL.
    pub general: (Setting, Summary),
    pub restricted: (Setting, Summary),
}

impl Answer {
    /// The factor between the medians, and its extremes over replicas.
    pub fn factor(&self) -> Summary {
        let (general, restricted) = (&self.general.1, &self.restricted.1);
        Summary {
            median: general.median / restricted.median,
            smallest: general.smallest / restricted.largest,
            largest: general.largest / restricted.smallest,
        }
    }
}

/// Sampled runs of one machine on one target, by setting; the largest machine where there are several.
pub fn runs(rows: &[Row], target: &str, kind: Kind) -> BTreeMap<Setting, Runs> {
    let here = |row: &&Row| row.target == target && row.model == kind.to_string();
    let largest = rows.iter().filter(here).map(|row| row.hidden).max().unwrap_or(0);
    let mut runs: BTreeMap<Setting, Runs> = BTreeMap::new();
    for row in rows.iter().filter(here).filter(|row| row.hidden == largest && !row.estimator.starts_with("exact")) {
        let run = runs.entry((row.estimator.clone(), row.gibbs_steps)).or_default();
        run.entry(row.replica).or_default().push((row.gibbs_updates, row.kl));
    }
    runs
}

/// Each measurement of a run with the two before it: their median at its work, since a noisy run dips
/// below its level by luck.
fn smoothed(run: &[(u64, f64)]) -> impl Iterator<Item = (u64, f64)> + '_ {
    run.windows(3).map(|three| {
        let kl = Summary::of(three.iter().map(|(_, kl)| *kl).collect()).median;
        (three[2].0, kl)
    })
}

/// The KL where a run ends: the median of its last three measurements, or the last value of the exact
/// gradient, which draws nothing and has no noise.
fn final_level(run: &[(u64, f64)]) -> f64 {
    match (run.last().copied(), smoothed(run).last()) {
        (Some((0, kl)), _) | (_, Some((_, kl))) => kl,
        _ => f64::INFINITY,
    }
}

/// The KL at which every replica ends, or below, with the best setting.
fn reached_by_all(settings: &BTreeMap<Setting, Runs>) -> Option<f64> {
    // In this order a NaN is the largest number, so that a spoiled run never counts as the best.
    let worst = |runs: &Runs| runs.values().map(|run| final_level(run)).max_by(f64::total_cmp);
    settings.values().filter_map(worst).min_by(f64::total_cmp)
}

/// The setting that comes to `kl` with the smallest median of units drawn, among those whose replicas all
/// end there or below. The KL is that of the smoothed run: noise that dips there once does not count.
fn best_setting(settings: &BTreeMap<Setting, Runs>, kl: f64) -> Option<(Setting, Summary)> {
    let drawn_until = |run: &Vec<(u64, f64)>| {
        let reached = smoothed(run).find(|(_, smoothed)| *smoothed <= kl);
        reached.map(|(drawn, _)| drawn as f64)
    };
    settings
        .iter()
        .filter(|(_, runs)| runs.values().all(|run| final_level(run) <= kl))
        .filter_map(|(setting, runs)| {
            let drawn: Option<Vec<f64>> = runs.values().map(drawn_until).collect();
            let drawn = drawn.filter(|drawn| !drawn.is_empty())?;
            Some((setting.clone(), Summary::of(drawn)))
        })
        .min_by(|a, b| a.1.median.total_cmp(&b.1.median))
}

/// One answer for every target that both machines learned.
pub fn answers(options: &Options, rows: &[Row]) -> Vec<Answer> {
    let answer = |target: String| {
        let general = runs(rows, &target, Kind::General);
        let restricted = runs(rows, &target, Kind::Restricted);
        let kl = reached_by_all(&general)?.max(reached_by_all(&restricted)?);
        Some(Answer { general: best_setting(&general, kl)?, restricted: best_setting(&restricted, kl)?, target, kl })
    };
    options.targets.iter().filter_map(|target| answer(target.to_string())).collect()
}

fn setting_text((estimator, steps): &Setting) -> String {
    let steps = steps.map_or(String::new(), |k| format!(", {k} free step{}", if k == 1 { "" } else { "s" }));
    format!("{}{steps}", estimator.replace(';', ", ").replace('(', ": ").replace(')', "").replace('_', "-"))
}

/// rms error of the couplings of one fit, and the mean of ((learned - true) / standard error)^2 where there
/// are standard errors.
pub fn coupling_errors(rows: &[&CouplingRow]) -> (f64, Option<f64>) {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let pairs = || rows.iter().filter(|row| row.j.is_some());
    let error = |row: &CouplingRow| row.learned_coupling - row.true_coupling;
    let square = |row: &&&CouplingRow| error(row).powi(2);
    let scaled = |row: &&CouplingRow| row.standard_error.map(|s| (error(row) / s).powi(2));
    let z2: Option<Vec<f64>> = pairs().map(scaled).collect();
    (mean(pairs().map(|row| square(&row)).collect()).sqrt(), z2.map(mean))
}

/// One fit of couplings.csv with its rows.
pub struct FitRows<'a> {
    pub lattice: &'a str,
    pub estimator: &'a str,
    pub samples: usize,
    pub rows: Vec<&'a CouplingRow>,
}

/// Every fit, in the order of couplings.csv.
pub fn fits(couplings: &[CouplingRow]) -> Vec<FitRows<'_>> {
    let name = |row: &CouplingRow| (row.lattice.clone(), row.estimator.clone(), row.samples);
    let fits = couplings.chunk_by(|one, next| name(one) == name(next));
    fits.map(|rows| FitRows {
        lattice: &rows[0].lattice,
        estimator: &rows[0].estimator,
        samples: rows[0].samples,
        rows: rows.iter().collect(),
    })
    .collect()
}

/// What the program prints at its end.
pub fn text(
    options: &Options,
    rows: &[Row],
    answers: &[Answer],
    couplings: &[CouplingRow],
    out: &Path,
    time: Duration,
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let Some(line) = preset_line(options) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "Wrote rows.csv, couplings.csv, the figures and run.json to {} in {:.0} s.\n",
        out.display(),
        time.as_secs_f64()
    );

    let _ = writeln!(
        text,
        "KL divergence in nats at which each machine ends, with its best setting, exact gradient included (median over replicas):\n"
    );
    let _ = writeln!(
        text,
        "{:<18} {:<10} {:>7} {:>6} {:>10}  {:>9}",
        "target", "model", "visible", "hidden", "parameters", "KL"
    );
    for ((target, model, hidden), (visible, parameters, kl)) in smallest(rows) {
        let kl = if kl.abs() < 1e-3 { format!("{kl:.1e}") } else { format!("{kl:.5}") };
        let _ = writeln!(text, "{target:<18} {model:<10} {visible:>7} {hidden:>6} {parameters:>10}  {kl:>9}");
    }

    let _ = writeln!(text, "\nCouplings of the inverse Ising problem, over all pairs:\n");
    let _ =
        writeln!(text, "{:<12} {:<18} {:>8}  {:>9}  {:>8}", "lattice", "estimator", "samples", "rms error", "mean z^2");
    for FitRows { lattice, estimator, samples, rows } in fits(couplings) {
        let (rms, z2) = coupling_errors(&rows);
        let z2 = z2.map_or(String::new(), |z2| format!("{z2:.3}"));
        let _ = writeln!(text, "{lattice:<12} {estimator:<18} {samples:>8}  {rms:>9.5}  {z2:>8}");
    }

    let _ = writeln!(text);
    for answer in answers {
        let (factor, general, restricted) = (answer.factor(), &answer.general, &answer.restricted);
        let _ = writeln!(
            text,
            "To reach a KL of {:.3} nats on {}, the general machine draws {:.3} times as many units as the restricted one \
             (over replicas {:.3} to {:.3}): {:.2e} ({}) against {:.2e} ({}).",
            answer.kl,
            answer.target,
            factor.median,
            factor.smallest,
            factor.largest,
            general.1.median,
            setting_text(&general.0),
            restricted.1.median,
            setting_text(&restricted.0),
        );
    }
    text
}

type Machine = (String, String, usize);

/// Where each machine ends: over its settings, the smallest median over replicas.
fn smallest(rows: &[Row]) -> Vec<(Machine, (usize, usize, f64))> {
    let mut machines: Vec<(Machine, (usize, usize))> = Vec::new();
    let mut runs: BTreeMap<(Machine, Setting), Runs> = BTreeMap::new();
    for row in rows {
        let machine = (row.target.clone(), row.model.clone(), row.hidden);
        if !machines.iter().any(|(known, _)| *known == machine) {
            machines.push((machine.clone(), (row.visible, row.parameters)));
        }
        let setting = (row.estimator.clone(), row.gibbs_steps);
        let replicas = runs.entry((machine, setting)).or_default();
        replicas.entry(row.replica).or_default().push((row.gibbs_updates, row.kl));
    }
    let best = |machine: &Machine| {
        let settings = runs.iter().filter(|((known, _), _)| known == machine);
        settings
            .map(|(_, runs)| Summary::of(runs.values().map(|run| final_level(run)).collect()).median)
            .fold(f64::INFINITY, f64::min)
    };
    machines
        .into_iter()
        .map(|(machine, (visible, parameters))| {
            let kl = best(&machine);
            (machine, (visible, parameters, kl))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run measured every 10 units drawn.
    fn run(kl: &[f64]) -> Vec<(u64, f64)> {
        (1..).map(|k| 10 * k).zip(kl.iter().copied()).collect()
    }

    fn settings(of: &[(&str, &[&[f64]])]) -> BTreeMap<Setting, Runs> {
        let runs = |replicas: &[&[f64]]| replicas.iter().map(|kl| run(kl)).enumerate().collect();
        of.iter().map(|(name, replicas)| ((name.to_string(), None), runs(replicas))).collect()
    }

    /// Against medians and first passages found by hand: a dip does not count, a setting that ends above
    /// the KL does not either, and a spoiled run is never the best.
    #[test]
    fn the_answer_is_what_a_reader_finds_by_hand() {
        let steady: [&[f64]; 2] = [&[9.0, 5.0, 3.0, 2.0, 2.0, 1.0], &[9.0, 9.0, 4.0, 3.0, 3.0, 2.0]];
        let dips: [&[f64]; 2] = [&[9.0, 1.0, 9.0, 9.0, 1.0, 9.0], &[1.0, 9.0, 9.0, 1.0, 9.0, 9.0]];
        let spoiled: [&[f64]; 2] = [&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], &[f64::NAN; 6]];
        let settings = settings(&[("steady", &steady), ("dips", &dips), ("spoiled", &spoiled)]);
        assert_eq!(smoothed(&run(steady[0])).collect::<Vec<_>>(), [(30, 5.0), (40, 3.0), (50, 2.0), (60, 2.0)]);
        assert_eq!((final_level(&run(steady[1])), final_level(&run(dips[0]))), (3.0, 9.0));
        assert_eq!(final_level(&[(0, 5.0), (0, 4.0), (0, 1.0)]), 1.0);
        assert_eq!(reached_by_all(&settings), Some(3.0));
        let (setting, drawn) = best_setting(&settings, 3.0).unwrap();
        assert_eq!(setting.0, "steady");
        assert_eq!((drawn.smallest, drawn.median, drawn.largest), (40.0, 45.0, 50.0));
        let with = |median, smallest, largest| (setting.clone(), Summary { median, smallest, largest });
        let answer = Answer {
            target: String::new(),
            kl: 3.0,
            general: with(10.0, 8.0, 12.0),
            restricted: with(40.0, 30.0, 64.0),
        };
        let factor = answer.factor();
        assert_eq!((factor.median, factor.smallest, factor.largest), (0.25, 0.125, 0.4));
    }
}
