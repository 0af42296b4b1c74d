//! The two figures: KL against epoch, and final KL against hidden units.

use super::Row;
use super::options::{Options, Samples};
use super::table::known_floor;
use gibbsite::statistics::summary::Summary;
use gibbsite::targets::lattice::Lattice;
use laboratory::error::Result;
use laboratory::report::figure::{Axis, Figure, Level, Mark, Panel, Point, Series};
use std::path::Path;

const FLOOR: &str = "smallest KL that the model can reach";

/// Draws both figures into `folder`.
pub fn write(options: &Options, rows: &[Row], folder: &Path) -> Result<()> {
    against_epoch(options, rows).write(folder, "kl_against_epoch")?;
    against_hidden(options, rows).write(folder, "kl_against_hidden")
}

/// What stands for an estimator in the legends: its name and its place among the series.
fn looks(rows: &[Row]) -> Vec<(String, Option<usize>)> {
    let mut looks: Vec<(String, Option<usize>)> = Vec::new();
    for row in rows {
        let look = (row.estimator.clone(), row.gibbs_steps);
        if !looks.contains(&look) {
            looks.push(look);
        }
    }
    looks
}

fn label((estimator, gibbs_steps): &(String, Option<usize>)) -> String {
    match gibbs_steps {
        None => "exact gradient".to_string(),
        Some(k) => format!("{}-{k}", estimator.to_uppercase()),
    }
}

fn target_line(options: &Options) -> String {
    let mut text = format!("T = {}", options.temperature);
    if options.field != 0.0 {
        text += &format!(", h = {}", options.field);
    }
    if options.coupling != 1.0 {
        text += &format!(", J = {}", options.coupling);
    }
    match options.samples {
        Samples::Exact => text + ", trained on the exact law",
        Samples::Count(count) => text + &format!(", trained on {count} configurations"),
    }
}

fn lattices(options: &Options) -> String {
    let names: Vec<String> = options
        .lattice
        .iter()
        .map(|l| format!("the {}", l.description()))
        .collect();
    names.join(" and ")
}

fn replicas(options: &Options) -> String {
    match options.replicas {
        1 => "one replica".to_string(),
        n => format!("median and range of {n} replicas"),
    }
}

fn point(x: f64, kl: Summary) -> Point {
    Point {
        x,
        y: kl.median,
        low: kl.smallest,
        high: kl.largest,
    }
}

fn against_epoch(options: &Options, rows: &[Row]) -> Figure {
    let mut panels = Vec::new();
    for &lattice in options.lattice.iter() {
        for hidden in options.hidden.iter() {
            let here = |row: &&Row| row.lattice == lattice.to_string() && row.hidden == hidden.0;
            let rows: Vec<&Row> = rows.iter().filter(here).collect();
            let mut panel = Panel {
                title: panel_title(options, lattice, hidden.0),
                ..Panel::default()
            };
            panel
                .levels
                .extend(known_floor(options, lattice, hidden.0).map(|y| Level {
                    label: FLOOR.to_string(),
                    y,
                    span: None,
                }));
            panel.series = series_of(&rows, Mark::Band, |row| row.epoch as f64);
            panels.push(panel);
        }
    }
    Figure {
        title: format!("Learning the Ising model on {}", lattices(options)),
        subtitle: format!("{}; {}", target_line(options), replicas(options)),
        columns: options.hidden.len().min(3),
        panels,
        x: Axis::linear(match options.samples {
            Samples::Exact => "epoch (one update each)",
            Samples::Count(_) => "epoch (passes over the data)",
        }),
        y: Axis::log("KL divergence (nats)"),
    }
}

fn panel_title(options: &Options, lattice: Lattice, hidden: usize) -> String {
    let units = if hidden == 1 {
        "1 hidden unit"
    } else {
        &format!("{hidden} hidden units")
    };
    if options.lattice.len() > 1 {
        format!("{}, {units}", lattice.description())
    } else {
        units.to_string()
    }
}

fn against_hidden(options: &Options, rows: &[Row]) -> Figure {
    let last: Vec<Row> = rows
        .iter()
        .filter(|row| row.epoch == options.epochs)
        .cloned()
        .collect();
    let ticks: Vec<f64> = options
        .hidden
        .iter()
        .map(|hidden| hidden.0 as f64)
        .collect();
    let panel = |&lattice: &Lattice| {
        let rows: Vec<&Row> = last
            .iter()
            .filter(|row| row.lattice == lattice.to_string())
            .collect();
        let floors = options.hidden.iter().filter_map(|hidden| {
            let x = hidden.0 as f64;
            known_floor(options, lattice, hidden.0).map(|y| Level {
                label: FLOOR.to_string(),
                y,
                span: Some((x / 1.15, x * 1.15)),
            })
        });
        let mut series = series_of(&rows, Mark::Bars, |row| row.hidden as f64);
        set_apart(&mut series);
        Panel {
            y: None,
            title: if options.lattice.len() > 1 {
                lattice.description()
            } else {
                String::new()
            },
            levels: floors.collect(),
            series,
        }
    };
    Figure {
        title: format!(
            "How many hidden units does an RBM need for the Ising model on {}?",
            lattices(options)
        ),
        subtitle: format!(
            "{}; KL after {} epochs, {}",
            target_line(options),
            options.epochs,
            replicas(options)
        ),
        panels: options.lattice.iter().map(panel).collect(),
        columns: options.lattice.len().min(3),
        x: Axis::log("hidden units").with_ticks(ticks),
        y: Axis::log("final KL divergence (nats)"),
    }
}

/// Moves the series a little sideways from each other, so that no bar hides another.
fn set_apart(series: &mut [Series]) {
    let middle = (series.len() as f64 - 1.0) / 2.0;
    for (place, series) in series.iter_mut().enumerate() {
        let factor = 1.035_f64.powf(place as f64 - middle);
        series.points.iter_mut().for_each(|point| point.x *= factor);
    }
}

/// A series for each estimator: the replicas' KL summarised at each value of `x`.
fn series_of(rows: &[&Row], mark: Mark, x: impl Fn(&Row) -> f64) -> Vec<Series> {
    let owned: Vec<Row> = rows.iter().map(|row| (*row).clone()).collect();
    let series = looks(&owned).into_iter().enumerate().map(|(look, name)| {
        let rows = rows
            .iter()
            .filter(|row| (&row.estimator, row.gibbs_steps) == (&name.0, name.1));
        let mut by_x: Vec<(f64, Vec<f64>)> = Vec::new();
        for row in rows {
            match by_x.iter_mut().find(|(known, _)| *known == x(row)) {
                Some((_, values)) => values.push(row.kl),
                None => by_x.push((x(row), vec![row.kl])),
            }
        }
        by_x.sort_by(|a, b| a.0.total_cmp(&b.0));
        Series {
            label: label(&name),
            look,
            mark,
            points: by_x
                .into_iter()
                .map(|(x, values)| point(x, Summary::of(values)))
                .collect(),
        }
    });
    series.collect()
}
