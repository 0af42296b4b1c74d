//! The figures: error against work, coverage of the error bars, both sides closing on the exact value, and the Ising
//! model itself.

use super::Row;
use super::groups::{Group, groups, is, settings};
use super::options::Options;
use super::subjects::{FAMILIES, Family, Subject};
use gibbsite::statistics::estimate::Estimate;
use laboratory::error::Result;
use laboratory::report::figure::{Axis, Figure, Level, Mark, Panel, Point, Series};
use std::path::Path;

/// Draws the figures that these rows have something for into `folder`, and returns their names.
pub fn write(options: &Options, rows: &[Row], folder: &Path) -> Result<Vec<&'static str>> {
    let groups = groups(options, rows);
    let all = [
        ("error_against_work", error_against_work(&groups)),
        ("coverage", coverage(&groups)),
        ("both_sides", both_sides(options, rows)),
        ("spins", spins(options, rows)),
    ];
    let mut names = Vec::new();
    for (name, figure) in all {
        if figure.panels.iter().any(|panel| !panel.series.is_empty()) {
            figure.write(folder, name)?;
            names.push(name);
        }
    }
    Ok(names)
}

/// Names and looks of estimators in legends.
const SERIES: [(&str, &str, &str); 8] = [
    ("forward_ais", "linear", "forward AIS, linear"),
    ("forward_ais", "geometric", "forward AIS, geometric"),
    ("forward_ais", "adaptive", "forward AIS, adaptive"),
    ("forward_ais", "salakhutdinov-murray", "forward AIS, 14,500 temperatures"),
    ("reverse_ais", "linear", "reverse AIS, linear, exact starts"),
    ("bennett", "", "Bennett's ratio, tempering"),
    ("thermodynamic_integration", "", "thermodynamic integration"),
    ("both_sides", "", "forward and reverse AIS together"),
];

/// So much do series stand apart from each other on a logarithmic axis, so that their bars are seen.
const APART: f64 = 1.09;

fn title(family: Family) -> &'static str {
    match family {
        Family::Trained => "20 machines that learned small laws",
        Family::Random => "20 machines with random weights",
        Family::Lattice => "machines that learned 8x8 spins",
        Family::Spins => "the Ising model itself",
    }
}

/// A series a settings, points in order of the work.
fn series<'a>(
    groups: impl Iterator<Item = &'a Group<'a>> + Clone,
    point: impl Fn(&Group) -> Option<Point>,
) -> Vec<Series> {
    let of = |(look, (estimator, schedule, label)): (usize, &(&str, &str, &str))| {
        let mut points: Vec<Point> =
            groups.clone().filter(|group| is(group.rows[0], estimator, schedule)).filter_map(&point).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let apart = APART.powi(look as i32 - SERIES.len() as i32 / 2);
        points.iter_mut().for_each(|point| point.x *= apart);
        Series {
            label: label.to_string(),
            look,
            mark: if points.len() == 1 { Mark::Points } else { Mark::Bars },
            points,
        }
    };
    let all = SERIES.iter().enumerate().map(of);
    all.filter(|series| !series.points.is_empty()).collect()
}

fn error_against_work(groups: &[Group]) -> Figure {
    let mut panels = Vec::new();
    // The runs on spins, of two lengths a size, have a figure of their own.
    for (family, _) in FAMILIES.into_iter().filter(|(family, _)| *family != Family::Spins) {
        let own = groups.iter().filter(|group| group.family == family);
        let series = series(own, |group| {
            let y = group.quantile(0.5);
            // Rounding's zeros have no place on a logarithmic axis.
            (y > 1e-12).then(|| Point {
                x: group.work(),
                y,
                low: group.quantile(0.25).max(1e-12),
                high: group.quantile(0.75),
            })
        });
        if !series.is_empty() {
            panels.push(Panel { title: title(family).to_string(), series, ..Panel::default() });
        }
    }
    Figure {
        title: "How far estimates of ln Z are from the exact value".to_string(),
        subtitle: "median over machines and repetitions, with quartiles; burn-in and pilots are counted".to_string(),
        columns: panels.len().clamp(1, 2),
        panels,
        x: Axis::log("Gibbs updates of every unit, all chains together"),
        y: Axis::log("|error of ln Z| (nats)"),
    }
}

fn coverage(groups: &[Group]) -> Figure {
    let panel = |title: &str, undoubted_only: bool| {
        let own = groups.iter().filter(|group| matches!(group.family, Family::Trained | Family::Random));
        // Both families together.
        let mut merged: Vec<Group> = Vec::new();
        for group in own {
            let key = settings(group.rows[0]);
            let same = |other: &&mut Group| settings(other.rows[0]) == key;
            match merged.iter_mut().find(same) {
                Some(other) => other.rows.extend(&group.rows),
                None => merged.push(Group { rows: group.rows.clone(), ..*group }),
            }
        }
        for group in &mut merged {
            group.rows.retain(|row| row.undoubted() || !undoubted_only);
        }
        merged.retain(|group| !group.rows.is_empty());
        let series = series(merged.iter(), |group| {
            let count = group.rows.len() as f64;
            let share = group.rows.iter().filter(|row| row.within(2.0)).count() as f64 / count;
            let error = (share * (1.0 - share) / count).sqrt();
            Some(Point { x: group.work(), y: share, low: (share - error).max(0.0), high: (share + error).min(1.0) })
        });
        let honest = Level { label: "95.4 %, a normal law's".to_string(), y: 0.9545, span: None };
        Panel { title: title.to_string(), series, levels: vec![honest], y: None }
    };
    Figure {
        title: "Does the error bar know? Runs within two standard errors of the exact ln Z".to_string(),
        subtitle: "small machines, every repetition".to_string(),
        columns: 2,
        panels: vec![panel("all runs", false), panel("runs without a doubt; of both sides: trusted", true)],
        x: Axis::log("Gibbs updates of every unit, all chains together"),
        y: Axis::linear("share within two standard errors"),
    }
}

/// Of each family of machines, the one whose sides are farthest apart with the fewest temperatures.
fn both_sides(options: &Options, rows: &[Row]) -> Figure {
    let mut temperatures: Vec<usize> = options.temperatures.iter().map(|n| n.0).collect();
    temperatures.sort_unstable();
    let judged = temperatures[0];
    // The mean error over the repetitions.
    let of = |model: &str, estimator: &str, count: usize| -> Option<Estimate> {
        let errors: Vec<Estimate> = rows
            .iter()
            .filter(|row| (&*row.model, &*row.estimator, &*row.schedule) == (model, estimator, "linear"))
            .filter(|row| row.temperatures == count)
            .map(|row| Estimate::exact(row.error()))
            .collect();
        Estimate::over_replicas(&errors)
    };
    let mut panels = Vec::new();
    for (family, _) in FAMILIES {
        let gap = |name: &String| {
            let (below, above) = (of(name, "forward_ais", judged), of(name, "reverse_ais", judged));
            let gap = |(below, above): (Estimate, Estimate)| above.value - below.value;
            below.zip(above).map(gap)
        };
        let named = Subject::of(family, &[]).into_iter().map(|subject| subject.name());
        let widest = named.filter_map(|name| gap(&name).map(|gap| (gap, name))).max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, name)) = widest else {
            continue;
        };
        let side = |estimator: &str, look: usize, label: &str| {
            let at = |&count: &usize| {
                let mean = of(&name, estimator, count)?;
                Some(point(count as f64, mean.value, mean.standard_error))
            };
            Series {
                label: label.to_string(),
                look,
                mark: Mark::Bars,
                points: temperatures.iter().filter_map(at).collect(),
            }
        };
        panels.push(Panel {
            title: name.clone(),
            series: vec![
                side("reverse_ais", 4, "reverse, exact starts: an upper bound"),
                side("forward_ais", 0, "forward: a lower bound"),
            ],
            levels: vec![Level { label: "exact".to_string(), y: 0.0, span: None }],
            y: Some(Axis::linear("error of ln Z (nats)")),
        });
    }
    Figure {
        title: "Forward and reverse annealing close on ln Z from both sides".to_string(),
        subtitle: format!(
            "{} chains, equal steps, {}; of each family the widest",
            options.chains,
            if options.replicas > 1 { "mean and standard error" } else { "one repetition" }
        ),
        columns: panels.len().clamp(1, 2),
        panels,
        x: Axis::log("temperatures"),
        y: Axis::linear(""),
    }
}

/// A point with a bar of one standard error to both sides, or none where it is not known.
fn point(x: f64, y: f64, standard_error: Option<f64>) -> Point {
    let error = standard_error.unwrap_or(0.0);
    Point { x, y, low: y - error, high: y + error }
}

/// The longest runs on the Ising model itself, first repetition, a panel for each temperature.
fn spins(options: &Options, rows: &[Row]) -> Figure {
    let sides: Vec<usize> = options.sides.iter().map(|side| side.0).collect();
    let mut models: Vec<(f64, usize, String)> = Vec::new();
    for subject in Subject::of(Family::Spins, &sides) {
        if let Subject::Spins { side, temperature } = subject {
            models.push((temperature, side, subject.name()));
        }
    }
    let mut temperatures: Vec<f64> = models.iter().map(|(temperature, ..)| *temperature).collect();
    temperatures.sort_by(f64::total_cmp);
    temperatures.dedup();
    let series = |wanted: f64| {
        let mut found: Vec<Series> = Vec::new();
        for (look, (estimator, schedule, label)) in SERIES.into_iter().enumerate() {
            let longest = |(_, side, name): &(f64, usize, String)| {
                let row = rows
                    .iter()
                    .filter(|row| (&*row.model, row.replica) == (name, 0))
                    .filter(|row| is(row, estimator, schedule))
                    .max_by_key(|row| row.gibbs_updates)?;
                Some(point(*side as f64, row.error(), row.standard_error))
            };
            let own = models.iter().filter(|(temperature, ..)| *temperature == wanted);
            let points: Vec<Point> = own.filter_map(longest).collect();
            if !points.is_empty() {
                found.push(Series { label: label.to_string(), look, mark: Mark::Points, points });
            }
        }
        // A little sideways from each other, so that no bar hides another.
        let middle = found.len() as i32 / 2;
        for (number, series) in found.iter_mut().enumerate() {
            let aside = 1.04_f64.powi(number as i32 - middle);
            series.points.iter_mut().for_each(|point| point.x *= aside);
        }
        found
    };
    let panel = |temperature: f64| Panel {
        title: format!("T = {temperature:.3}"),
        series: series(temperature),
        levels: vec![Level { label: "Kaufman's, exact".to_string(), y: 0.0, span: None }],
        y: None,
    };
    Figure {
        title: "ln Z of the Ising model itself, without a machine".to_string(),
        subtitle: "estimates less the exact value, with one standard error".to_string(),
        columns: 2,
        panels: temperatures.into_iter().map(panel).collect(),
        x: Axis::log("sites a side").with_ticks(sides.iter().map(|side| *side as f64).collect()),
        y: Axis::linear("error of ln Z (nats)"),
    }
}
