//! The figure: what became of every number.

use super::measure::{GIBBS, OBSERVABLES, SAMPLED};
use super::options::Options;
use super::table::Tally;
use super::{Outcome, Row};
use gibbsite::battery::Family;
use gibbsite::targets::observable::Observable;
use laboratory::error::Result;
use laboratory::report::stacked_bars::{Bar, Group, Panel, Share, StackedBars};
use std::path::Path;

/// Draws the figure into `folder`.
pub fn write(options: &Options, rows: &[Row], folder: &Path) -> Result<()> {
    figure(options, rows).write(folder, "calibration")
}

const OUTCOMES: [(Outcome, &str, Option<usize>); 5] = [
    (Outcome::Within, "said yes: within 2 standard errors", Some(3)),
    (Outcome::Between, "said yes: between 2 and 4", Some(2)),
    (Outcome::Beyond, "said yes: beyond 4", Some(4)),
    (Outcome::RefusedThoughWithin, "refused, though within 2", Some(1)),
    (Outcome::Refused, "refused otherwise", None),
];

/// The names of estimators of ln Z, of which each is a run that only doubts.
const SINGLE_RUNS: [(&str, &str); 4] = [
    ("forward_ais", "forward annealing"),
    ("reverse_ais", "reverse annealing"),
    ("bennett", "Bennett's ratio"),
    ("thermodynamic_integration", "integration"),
];

/// The names of those that are trusted or not.
const BOTH_SIDES: [(&str, &str); 2] =
    [("both_sides", "exact starts"), ("both_sides_tempered", "tempered starts, data")];

/// The names of the observables.
const OBSERVED: [&str; 4] = ["energy", "|M|", "specific heat", "M²"];

/// A bar's quantity, estimator and name.
type Line = (&'static str, &'static str, &'static str);

fn figure(options: &Options, rows: &[Row]) -> StackedBars {
    let lines = |quantity: &'static str, lines: &[(&'static str, &'static str)]| -> Vec<Line> {
        let line = |&(estimator, label)| (quantity, estimator, label);
        lines.iter().map(line).collect()
    };
    let observable = |(observable, label): (Observable, &'static str)| -> Line { (observable.name(), GIBBS, label) };
    let groups = [
        ("ln Z, single runs", lines("log_partition", &SINGLE_RUNS)),
        ("ln Z, both sides", lines("log_partition", &BOTH_SIDES)),
        ("observables, Gibbs chains", OBSERVABLES.into_iter().zip(OBSERVED).map(observable).collect()),
        ("KL divergence", lines("kl", &[(SAMPLED, "both sides and samples")])),
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
            "Repetitions a machine: {}. Single runs say yes where they have no doubt. At the right of a bar: how many said \
             yes and are beyond 4.",
            options.replicas
        ),
        axis: "share of all repetitions".to_string(),
        shares: OUTCOMES.map(|(_, label, look)| Share { label: label.to_string(), look }).to_vec(),
        groups: groups
            .iter()
            .map(|(label, lines)| Group {
                label: label.to_string(),
                bars: lines.iter().map(|line| line.2.to_string()).collect(),
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
