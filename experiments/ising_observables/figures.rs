//! The two figures: four observables against temperature, and the energies that machines dream of.

use super::exact::Exact;
use super::options::Options;
use super::table::summary;
use super::{HistogramRow, Row};
use gibbsite::statistics::estimate::Estimate;
use gibbsite::targets::observable::Observable;
use laboratory::error::Result;
use laboratory::report::figure::{Axis, Figure, Level, Mark, Panel, Point, Series};
use std::path::Path;

/// Draws both figures into `folder`.
pub fn write(options: &Options, rows: &[Row], histogram: &[HistogramRow], exact: &Exact, folder: &Path) -> Result<()> {
    observables(options, rows, exact)?.write(folder, "observables")?;
    energies(options, rows, histogram).write(folder, "energy_histogram")
}

/// Colours: 0 exact, 1 not converged, 2 Monte Carlo, from 3 on machines.
const NOT_CONVERGED: usize = 1;
const MONTE_CARLO: usize = 2;

fn look(options: &Options, hidden: usize) -> usize {
    let place = options.hidden.iter().position(|n| n.0 == hidden);
    3 + place.unwrap_or(0)
}

fn machine(hidden: usize) -> String {
    format!("RBM, {hidden} hidden")
}

fn line(label: &str, look: usize, points: impl Iterator<Item = (f64, f64)>) -> Series {
    let point = |(x, y)| Point { x, y, low: y, high: y };
    Series { label: label.to_string(), look, mark: Mark::Band, points: points.map(point).collect() }
}

fn protocol(options: &Options) -> String {
    let replicas = match options.replicas {
        1 => "one replica".to_string(),
        n => format!("{n} replicas"),
    };
    format!("CD-{}, {} configurations, {} epochs; {replicas}", options.gibbs_steps, options.samples, options.epochs)
}

fn observables(options: &Options, rows: &[Row], exact: &Exact) -> Result<Figure> {
    let mut temperatures: Vec<f64> = options.temperatures.iter().map(|t| t.0).collect();
    temperatures.sort_by(f64::total_cmp);
    let span = (temperatures[0], temperatures[temperatures.len() - 1]);
    let mut smooth = Vec::new();
    for temperature in exact.line(span) {
        smooth.push((temperature, exact.observables(temperature)?));
    }
    let mut panels = Vec::new();
    for (observable, label) in [
        (Observable::Energy, "energy per spin ⟨E⟩/N (J)"),
        (Observable::SpecificHeat, "specific heat per spin"),
        (Observable::Magnetization, "magnetisation ⟨|m|⟩"),
        (Observable::Susceptibility, "susceptibility N(⟨m²⟩−⟨|m|⟩²)/T"),
    ] {
        let mut panel = Panel { y: Some(Axis::linear(label)), ..Panel::default() };
        let mut curve: Vec<(f64, f64)> = smooth
            .iter()
            .filter_map(|(temperature, values)| {
                let found = values.iter().find(|(name, _)| *name == observable);
                found.map(|(_, value)| (*temperature, *value))
            })
            .collect();
        if curve.is_empty() {
            curve = temperatures
                .iter()
                .filter_map(|&t| {
                    let found = summary(rows, t, ("exact", None), observable)?;
                    Some((t, found.estimate.value))
                })
                .collect();
        }
        match curve[..] {
            [] => {}
            // A single temperature has no line.
            [(_, y)] => panel.levels.push(Level { label: "exact".to_string(), y, span: None }),
            _ => panel.series.push(line("exact", 0, curve.into_iter())),
        }
        let mut unsure = Vec::new();
        let mut points = |source| {
            let mut points = Vec::new();
            for &x in &temperatures {
                if let Some(found) = summary(rows, x, source, observable) {
                    let Estimate { value: y, standard_error, doubt, .. } = found.estimate;
                    let error = standard_error.unwrap_or(0.0);
                    let point = Point { x, y, low: y - error, high: y + error };
                    points.push(point);
                    if doubt.is_some() {
                        unsure.push(point);
                    }
                }
            }
            points
        };
        let mut machines = Vec::new();
        for hidden in options.hidden.iter() {
            machines.push(Series {
                label: machine(hidden.0),
                look: look(options, hidden.0),
                mark: Mark::Points,
                points: points(("rbm", Some(hidden.0))),
            });
        }
        let sampled = points(("monte_carlo", None));
        panel.series.extend(machines);
        panel.series.push(Series {
            label: "Monte Carlo".to_string(),
            look: MONTE_CARLO,
            mark: Mark::Dots,
            points: sampled,
        });
        if !unsure.is_empty() {
            panel.series.push(Series {
                label: "not converged".to_string(),
                look: NOT_CONVERGED,
                mark: Mark::Dots,
                points: unsure,
            });
        }
        panels.push(panel);
    }
    Ok(Figure {
        title: format!("What RBMs have learned of the Ising model on the {}", options.lattice.description()),
        subtitle: format!("{}: mean and standard error", protocol(options)),
        columns: 2,
        panels,
        x: Axis::linear("temperature T (J)"),
        y: Axis::linear(""),
    })
}

/// Hidden units of the best and of the worst machine by the deviation of its specific heat from Monte Carlo's.
fn best_and_worst(options: &Options, rows: &[Row]) -> Vec<usize> {
    let temperature = options.histogram_temperature();
    let heat = |source| {
        let found = summary(rows, temperature, source, Observable::SpecificHeat);
        found.map_or(f64::NAN, |found| found.estimate.value)
    };
    let truth = heat(("monte_carlo", None));
    let mut order: Vec<(f64, usize)> =
        options.hidden.iter().map(|n| ((heat(("rbm", Some(n.0))) - truth).abs(), n.0)).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut chosen: Vec<usize> = order.first().into_iter().chain(order.last()).map(|pair| pair.1).collect();
    chosen.dedup();
    chosen
}

fn energies(options: &Options, rows: &[Row], histogram: &[HistogramRow]) -> Figure {
    let sites = options.lattice.sites() as f64;
    let temperature = options.histogram_temperature();
    let chosen = best_and_worst(options, rows);
    let mut series = Vec::new();
    let of = |source: &str| -> Vec<(f64, f64)> {
        let rows = histogram.iter().filter(|row| row.source == source && row.hidden.is_none());
        rows.map(|row| (row.energy / sites, row.probability)).collect()
    };
    // What no run could have seen is left out.
    let sampling = options.sampling();
    let least = 0.1 / (sampling.chains * sampling.measured * options.replicas) as f64;
    let mut exact = of("exact");
    exact.retain(|(_, probability)| *probability >= least);
    match exact.is_empty() {
        true => series.push(line("Monte Carlo", MONTE_CARLO, of("monte_carlo").into_iter())),
        false => series.push(line("exact", 0, exact.into_iter())),
    }
    for (place, hidden) in chosen.iter().enumerate() {
        let mut points: Vec<Point> = Vec::new();
        for energy in options.energies() {
            let seen: Vec<f64> = (0..options.replicas)
                .map(|replica| {
                    let found = histogram.iter().find(|row| {
                        (row.hidden, row.replica) == (Some(*hidden), Some(replica)) && row.energy == energy
                    });
                    found.map_or(0.0, |row| row.probability)
                })
                .collect();
            let y = seen.iter().sum::<f64>() / seen.len() as f64;
            if y > 0.0 {
                let low = seen.iter().copied().fold(f64::INFINITY, f64::min);
                let high = seen.iter().copied().fold(0.0, f64::max);
                points.push(Point { x: energy / sites, y, low, high });
            }
        }
        let rank = if place == 0 { "best" } else { "worst" };
        series.push(Series {
            label: format!("{} ({rank} specific heat)", machine(*hidden)),
            look: look(options, *hidden),
            mark: Mark::Band,
            points,
        });
    }
    Figure {
        title: format!(
            "Energies at T = {} on the {}",
            (temperature * 1e4).round() / 1e4,
            options.lattice.description()
        ),
        subtitle: format!("{}: mean and range", protocol(options)),
        columns: 1,
        panels: vec![Panel { series, ..Panel::default() }],
        x: Axis::linear("energy per spin E/N (J)"),
        y: Axis::log("probability P(E)"),
    }
}
