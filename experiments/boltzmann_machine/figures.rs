//! The figures: KL against work, learned against true couplings, error against samples.

use super::answer::{Answer, coupling_errors, fits, runs};
use super::inverse::CouplingRow;
use super::machines::Row;
use super::options::{Kind, Options, Target};
use gibbsite::statistics::summary::Summary;
use laboratory::error::Result;
use laboratory::report::figure::{Axis, Figure, Level, Mark, Panel, Point, Series};
use std::collections::BTreeMap;
use std::path::Path;

/// Draws every figure into `folder`.
pub fn write(
    options: &Options,
    rows: &[Row],
    answers: &[Answer],
    couplings: &[CouplingRow],
    folder: &Path,
) -> Result<()> {
    kl_against_work(options, rows, answers).write(folder, "kl_against_gibbs_updates")?;
    if couplings.is_empty() {
        return Ok(());
    }
    learned_against_true(options, couplings).write(folder, "couplings")?;
    error_against_samples(options, couplings).write(folder, "coupling_error")
}

fn title(options: &Options, target: &Target) -> String {
    match target {
        Target::Ising(lattice) => format!("Ising, {}, T = {}", lattice.description(), options.temperature),
        Target::Bars(_) => format!("bars and stripes, {target}"),
    }
}

/// Each machine with the setting that answers the question; a machine that is not part of the answer
/// with the one whose final KL is the smallest.
fn kl_against_work(options: &Options, rows: &[Row], answers: &[Answer]) -> Figure {
    let panel = |target: &Target| {
        let name = target.to_string();
        let answer = answers.iter().find(|answer| answer.target == name);
        let series = options.models.iter().filter_map(|&kind| {
            let settings = runs(rows, &name, kind);
            let best = match (kind, answer) {
                (Kind::General, Some(answer)) => settings.get(&answer.general.0)?,
                (Kind::Restricted, Some(answer)) => settings.get(&answer.restricted.0)?,
                _ => settings.values().min_by(|a, b| last_kl(a).total_cmp(&last_kl(b)))?,
            };
            let mut by_work: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            for (work, kl) in best.values().flatten().filter(|(work, _)| *work > 0) {
                by_work.entry(*work).or_default().push(*kl);
            }
            Some(Series {
                label: match kind {
                    Kind::Visible => "fully visible machine",
                    Kind::General => "general machine with hidden units",
                    Kind::Restricted => "restricted machine",
                }
                .to_string(),
                look: match kind {
                    Kind::Restricted => 0,
                    Kind::General => 4,
                    Kind::Visible => 2,
                },
                mark: Mark::Band,
                points: by_work.into_iter().map(|(work, kl)| point(work as f64, Summary::of(kl))).collect(),
            })
        });
        Panel {
            y: None,
            title: title(options, target),
            series: series.collect(),
            levels: answer
                .map(|answer| Level {
                    label: "KL that the general and the restricted machine reach".to_string(),
                    y: answer.kl,
                    span: None,
                })
                .into_iter()
                .collect(),
        }
    };
    let panels: Vec<Panel> = options.targets.iter().map(panel).collect();
    Figure {
        title: "What does it cost to learn with hidden units that are coupled?".to_string(),
        subtitle: format!(
            "general and restricted: the setting that reaches the dashed KL first; visible: the one that ends lowest; median and range of {} replicas",
            options.replicas
        ),
        columns: panels.len().min(3),
        panels,
        x: Axis::log("units drawn, both phases"),
        y: Axis::log("KL divergence (nats)"),
    }
}

fn last_kl(runs: &BTreeMap<usize, Vec<(u64, f64)>>) -> f64 {
    Summary::of(runs.values().filter_map(|run| run.last()).map(|(_, kl)| *kl).collect()).median
}

fn point(x: f64, summary: Summary) -> Point {
    Point { x, y: summary.median, low: summary.smallest, high: summary.largest }
}

fn learned_against_true(options: &Options, couplings: &[CouplingRow]) -> Figure {
    let most = options.couplings_samples.iter().map(|samples| samples.0).max().unwrap_or(0);
    let panels: Vec<Panel> = fits(couplings)
        .into_iter()
        .filter(|fit| fit.samples == most)
        .map(|fit| {
            let pairs: Vec<&CouplingRow> = fit.rows.into_iter().filter(|row| row.j.is_some()).collect();
            let strongest = pairs.iter().map(|row| row.true_coupling).fold(0.0, f64::max);
            // Only two true values occur: spread each over a strip, or the points would hide each other.
            let spread = |k: usize| 0.16 * strongest * ((k as f64 + 0.5) / pairs.len() as f64 - 0.5);
            let dots = pairs.iter().enumerate().map(|(k, row)| Point {
                x: row.true_coupling + spread(k),
                y: row.learned_coupling,
                low: row.learned_coupling - row.standard_error.unwrap_or(0.0),
                high: row.learned_coupling + row.standard_error.unwrap_or(0.0),
            });
            let level = |y: f64| Level {
                label: "true value".to_string(),
                y,
                span: Some((y - 0.12 * strongest, y + 0.12 * strongest)),
            };
            Panel {
                y: None,
                title: format!("{}, {}", fit.lattice, fit.estimator),
                levels: vec![level(0.0), level(strongest)],
                series: vec![Series {
                    label: "a pair of sites, with its standard error where known".to_string(),
                    look: 5,
                    mark: Mark::Dots,
                    points: dots.collect(),
                }],
            }
        })
        .collect();
    Figure {
        title: "The inverse Ising problem: couplings learned back".to_string(),
        subtitle: format!(
            "all pairs of sites, {most} configurations at T = {}; true values are 0 and J/T, pairs stand side by side",
            options.couplings_temperature
        ),
        columns: panels.len().clamp(1, 3),
        panels,
        x: Axis::linear("true coupling J/T"),
        y: Axis::linear("learned coupling J/T"),
    }
}

fn error_against_samples(options: &Options, couplings: &[CouplingRow]) -> Figure {
    let panel = |lattice: String| {
        let series = options.couplings_estimators.iter().enumerate().filter_map(|(look, estimator)| {
            let points: Vec<Point> = fits(couplings)
                .into_iter()
                .filter(|fit| fit.lattice == lattice && fit.estimator == estimator.to_string())
                .map(|fit| {
                    let rms = coupling_errors(&fit.rows).0;
                    Point { x: fit.samples as f64, y: rms, low: rms, high: rms }
                })
                .collect();
            (!points.is_empty()).then(|| Series { label: estimator.to_string(), look, mark: Mark::Bars, points })
        });
        Panel { y: None, title: lattice.clone(), levels: Vec::new(), series: series.collect() }
    };
    let panels: Vec<Panel> = options.couplings_lattices.iter().map(|lattice| panel(lattice.to_string())).collect();
    Figure {
        title: "How many configurations do couplings need?".to_string(),
        subtitle: format!("root mean square error over all pairs, T = {}", options.couplings_temperature),
        columns: panels.len().clamp(1, 3),
        panels,
        x: Axis::log("configurations"),
        y: Axis::log("rms error of J/T"),
    }
}
