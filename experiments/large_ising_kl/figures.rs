//! The two figures: KL a spin against epoch, and at the end of training against hidden units.

use super::Row;
use super::options::Options;
use super::table::summary;
use gibbsite::targets::lattice::Lattice;
use laboratory::error::Result;
use laboratory::report::figure::{Axis, Figure, Mark, Panel, Point, Series};
use std::path::Path;

/// Draws both figures into `folder`.
pub fn write(options: &Options, rows: &[Row], folder: &Path) -> Result<()> {
    against_epoch(options, rows).write(folder, "kl_against_epoch")?;
    against_hidden(options, rows).write(folder, "kl_against_hidden")
}

/// The look of what is not trusted; series have the others.
const NOT_TRUSTED: usize = 0;

/// The KL a spin of a machine at an epoch, and whether all replicas are trusted.
fn point(rows: &[Row], cell: (Lattice, f64, usize), epoch: usize, x: f64) -> Option<(Point, bool)> {
    let found = summary(rows, cell, epoch)?;
    let sites = cell.0.sites() as f64;
    // No bar where the error cannot be told; the point is not trusted then.
    let (y, error) = (found.kl / sites, found.error.unwrap_or(0.0) / sites);
    // A bar that reaches nearly to 0 goes on to the edge of the axis and does not stretch it.
    let low = if error < 0.9 * y { y - error } else { 0.0 };
    let high = y + error;
    let trusted = found.trusted == found.replicas;
    Some((Point { x, y, low, high }, trusted))
}

/// A line through the points that there are; those that are not trusted are gathered in `unsure`.
fn series(label: String, look: usize, points: impl Iterator<Item = (Point, bool)>, unsure: &mut Vec<Point>) -> Series {
    let points = points.map(|(point, trusted)| {
        if !trusted {
            unsure.push(point);
        }
        point
    });
    Series { label, look: 1 + look, mark: Mark::Bars, points: points.collect() }
}

/// Black dots over the points that are not trusted.
fn not_trusted(points: Vec<Point>) -> Option<Series> {
    (!points.is_empty()).then(|| Series {
        label: "not trusted".to_string(),
        look: NOT_TRUSTED,
        mark: Mark::Dots,
        points,
    })
}

fn protocol(options: &Options, rows: &[Row]) -> String {
    let replicas = match options.replicas {
        1 => "one replica".to_string(),
        n => format!("{n} replicas"),
    };
    let edge = if rows.iter().any(|row| row.kl <= 0.0) { "; at or below 0: on the lower edge" } else { "" };
    format!("CD-{}, {} configurations; {replicas}: mean and standard error{edge}", options.gibbs_steps, options.samples)
}

fn against_epoch(options: &Options, rows: &[Row]) -> Figure {
    let epochs: Vec<usize> = (0..=options.epochs).filter(|epoch| options.measures(*epoch)).collect();
    let mut panels = Vec::new();
    for &lattice in options.lattices.iter() {
        for temperature in options.temperatures.iter().map(|t| t.0) {
            let mut unsure = Vec::new();
            let mut all = Vec::new();
            for (look, hidden) in options.hidden.iter().map(|hidden| hidden.0).enumerate() {
                let cell = (lattice, temperature, hidden);
                let points = epochs.iter().filter_map(|&epoch| point(rows, cell, epoch, epoch as f64));
                let label = format!("{hidden} hidden units");
                all.push(series(label, look, points, &mut unsure));
            }
            all.extend(not_trusted(unsure));
            panels.push(Panel {
                title: format!("{}, T = {temperature}", lattice.description()),
                series: all,
                ..Panel::default()
            });
        }
    }
    Figure {
        title: "How far is an RBM from the Ising model as it learns?".to_string(),
        subtitle: protocol(options, rows),
        columns: options.temperatures.len().min(4),
        panels,
        x: Axis::linear("epoch (passes over the data)"),
        y: Axis::log("KL divergence (nats a spin)"),
    }
}

fn against_hidden(options: &Options, rows: &[Row]) -> Figure {
    let units: Vec<usize> = options.hidden.iter().map(|hidden| hidden.0).collect();
    let panel = |temperature: f64| {
        let mut unsure = Vec::new();
        let mut all = Vec::new();
        let middle = (options.lattices.len() as f64 - 1.0) / 2.0;
        for (look, &lattice) in options.lattices.iter().enumerate() {
            // A little sideways from each other, so that no bar hides another.
            let aside = 1.035_f64.powf(look as f64 - middle);
            let points = units.iter().filter_map(|&hidden| {
                let cell = (lattice, temperature, hidden);
                point(rows, cell, options.epochs, hidden as f64 * aside)
            });
            all.push(series(lattice.description(), look, points, &mut unsure));
        }
        all.extend(not_trusted(unsure));
        Panel { title: format!("T = {temperature}"), series: all, ..Panel::default() }
    };
    Figure {
        title: "How near to the Ising model do more hidden units bring an RBM?".to_string(),
        subtitle: format!("after {} epochs of {}", options.epochs, protocol(options, rows)),
        columns: options.temperatures.len().min(4),
        panels: options.temperatures.iter().map(|t| panel(t.0)).collect(),
        x: Axis::log("hidden units").with_ticks(units.iter().map(|n| *n as f64).collect()),
        y: Axis::log("KL divergence (nats a spin)"),
    }
}
