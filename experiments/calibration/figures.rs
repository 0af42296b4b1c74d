//! The figure: what became of every number.

use super::measure::{GIBBS, LOG_PARTITION, OBSERVABLES, SAMPLED};
use super::options::Options;
use super::table::Tally;
use super::{Outcome, Row};
use gibbsite::battery::Family;
use gibbsite::error::Result;
use gibbsite::report::stacked_bars::{Bar, Group, Panel, Share, StackedBars};
use std::path::Path;

/// Draws the figure into `folder`.
pub fn write(options: &Options, rows: &[Row], folder: &Path) -> Result<()> {
    figure(options, rows).write(folder, "calibration")
}

const OUTCOMES: [(Outcome, &str, Option<usize>); 5] = [
    (
        Outcome::Within,
        "said yes: within 2 standard errors",
        Some(3),
    ),
    (Outcome::Between, "said yes: between 2 and 4", Some(2)),
    (Outcome::Beyond, "said yes: beyond 4", Some(4)),
    (
        Outcome::RefusedThoughWithin,
        "refused, though within 2",
        Some(1),
    ),
    (Outcome::Refused, "refused", None),
];

fn figure(options: &Options, rows: &[Row]) -> StackedBars {
    let name = |text: &str| text.replace('_', " ");
    let lines = |quantity: &'static str, estimators: &[&'static str]| -> Vec<_> {
        let line = |estimator: &&'static str| (quantity, *estimator, name(estimator));
        estimators.iter().map(line).collect()
    };
    let observables = OBSERVABLES.map(|observable| {
        let label = match observable.name() {
            "susceptibility_full" => "M²".to_string(),
            "magnetization" => "|M|".to_string(),
            other => name(other),
        };
        (observable.name(), GIBBS, label)
    });
    let mut kl = lines("kl", &[SAMPLED]);
    kl.iter_mut()
        .for_each(|line| line.2 = "both sides and average".to_string());
    let groups = [
        ("ln Z", lines("log_partition", &LOG_PARTITION)),
        ("Gibbs chains", observables.to_vec()),
        ("KL divergence", kl),
    ];
    let bar = |rows: &[&Row]| {
        let count = |outcome: Outcome| rows.iter().filter(|row| row.outcome() == outcome).count();
        let tally = Tally::of(rows.iter().copied());
        Bar {
            shares: OUTCOMES.map(|(outcome, ..)| count(outcome) as f64).to_vec(),
            text: match tally.beyond {
                0 => String::new(),
                beyond => beyond.to_string(),
            },
        }
    };
    let panel = |title: String, rows: Vec<&Row>| Panel {
        title,
        bars: groups
            .iter()
            .flat_map(|(_, lines)| lines)
            .map(|(quantity, estimator, _)| {
                let of = |row: &&&Row| (&*row.quantity, &*row.estimator) == (*quantity, *estimator);
                bar(&rows.iter().filter(of).copied().collect::<Vec<_>>())
            })
            .collect(),
    };
    let mut panels: Vec<Panel> = options
        .families
        .iter()
        .map(|family| {
            let of = rows.iter().filter(|row| row.family == family.name());
            panel(title(*family).to_string(), of.collect())
        })
        .collect();
    if panels.len() > 1 {
        panels.push(panel("all of them".to_string(), rows.iter().collect()));
    }
    StackedBars {
        title: "How often is a number right that is called converged or trusted, and how often is a right one refused?"
            .to_string(),
        subtitle: format!(
            "{} repetitions on every machine, {} chains, {} temperatures; a single run (forward, reverse, bennett, \
             integration) says yes where it has no doubt; at the right: numbers beyond 4",
            options.replicas, options.chains, options.temperatures
        ),
        axis: "share of all repetitions".to_string(),
        shares: OUTCOMES
            .map(|(_, label, look)| Share {
                label: label.to_string(),
                look,
            })
            .to_vec(),
        groups: groups
            .iter()
            .map(|(label, lines)| Group {
                label: label.to_string(),
                bars: lines.iter().map(|line| line.2.clone()).collect(),
            })
            .collect(),
        columns: panels.len().min(4),
        panels,
    }
}

/// A family in words.
fn title(family: Family) -> &'static str {
    match family {
        Family::Easy => "easy machines",
        Family::Separated => "separated modes",
        Family::Narrow => "a narrow mode",
        Family::Ferromagnet => "ferromagnet in a weak field",
        Family::Glass => "spin glass",
        Family::Cold => "learned cold spins",
        Family::LargeWeights => "large weights",
    }
}
