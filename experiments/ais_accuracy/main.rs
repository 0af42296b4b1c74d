//! How wrong is an estimate of ln Z, and does its error bar know?
//!
//! Forty fixed machines whose ln Z can be enumerated, the Ising model itself, whose ln Z Kaufman gives, and machines that
//! learned the 8x8 Ising model: every estimator against the exact value as the work grows. Salakhutdinov and Murray,
//! ICML 2008; Grosse, Ghahramani and Adams, arXiv:1511.02543; Krause, Fischer and Igel, Artif. Intell. 278 (2020) 103195.

mod runs;
mod subjects;

use gibbsite::log_partition::{LogPartition, names};
use gibbsite::statistics::estimate::Estimate;
use laboratory::plot::Plot;
use laboratory::prelude::*;
use runs::{Estimator, Run, brackets, runs};
use subjects::{Family, Subject, in_words};

/// How wrong is an estimate of ln Z, and does its error bar know?
///
/// Annealed importance sampling from both sides, Bennett's acceptance ratio and thermodynamic integration, each against
/// the exact ln Z of forty small machines (enumerated), of machines that learned the 8x8 Ising model (hidden layer
/// enumerated) and of the Ising model itself (Kaufman), as the work grows. Gibbs updates count every unit drawn, burn-in
/// and pilot runs included.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES, next_help_heading = "Estimators")]
struct AisAccuracy {
    /// Whose ln Z: trained and random (twenty small machines each), lattice (machines that learned 8x8 spins), spins (the
    /// Ising model itself)
    #[arg(long, value_name = "LIST", default_value = "trained,random,lattice,spins", help_heading = "Subjects")]
    families: List<Family>,

    /// Sides of the Ising model itself
    #[arg(long, value_name = "LIST", default_value = "8,16", help_heading = "Subjects")]
    sides: List<Positive>,

    /// Transitions of annealing on machines; tempering does the same work
    #[arg(long, alias = "temperatures", value_name = "LIST", default_value = "10,100,1000,10000")]
    ais_temperatures: List<Positive>,

    /// Leave out Salakhutdinov and Murray's schedule of 14,500 transitions
    #[arg(long = "without-14500")]
    without_14500: bool,

    /// Chains of annealing on machines
    #[arg(long, alias = "chains", value_name = "NUMBER", default_value_t = 100, value_parser = at_least_one)]
    ais_chains: usize,

    /// Repetitions of every run
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = at_least_one)]
    replicas: usize,

    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  ais_accuracy                   the figures of its page, a few minutes on two cores
  ais_accuracy --quick           every file in seconds
  ais_accuracy --families lattice --ais-temperatures 1000,10000 --replicas 40
  ais_accuracy --families spins --sides 8,16,32 --replicas 2
  ais_accuracy --paper           20 repetitions and 32x32 spins, hours";

/// What ln Z is estimated of.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// The machine, or the spins, by name.
    model: String,
    /// Visible units, or sites.
    visible: usize,
    /// Hidden units; empty for the Ising model itself.
    hidden: Option<usize>,
}

/// One estimate.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// By what: forward_ais, reverse_ais, bennett, thermodynamic_integration, or both_sides of annealing together.
    estimator: Estimator,
    /// How the inverse temperatures lie: linear, geometric, adaptive or salakhutdinov-murray.
    schedule: String,
    /// Transitions of annealing, steps of a tempering ladder.
    temperatures: usize,
    /// Chains of annealing, ladders of tempering.
    chains: usize,
    /// Which repetition.
    replica: usize,
    /// Units drawn, burn-in and pilot runs included.
    gibbs_updates: u64,
    /// The estimate of ln Z.
    log_partition: f64,
    /// Its standard error; empty where it cannot be told.
    standard_error: Option<f64>,
    /// ln Z, enumerated or by Kaufman's formula.
    exact: f64,
    /// Independent draws that the run is worth; of both sides the draws that they share.
    effective_samples: Option<f64>,
    /// Of both sides together whether they are trusted; empty for a single run, which cannot tell.
    trusted: Option<bool>,
    /// What speaks against it, joined by "; ".
    doubts: String,
}

type All<'a> = Rows<'a, AisAccuracy>;

impl Cell {
    fn family(&self) -> Family {
        match (self.hidden, self.visible) {
            (None, _) => Family::Spins,
            (_, 64) => Family::Lattice,
            _ if self.model.starts_with("random") => Family::Random,
            _ => Family::Trained,
        }
    }

    fn is_small(&self) -> bool {
        matches!(self.family(), Family::Trained | Family::Random)
    }

    fn units(&self) -> usize {
        self.visible + self.hidden.unwrap_or(0)
    }

    /// Gibbs updates of every unit: steps of all chains together.
    fn steps(&self, row: &Row) -> u64 {
        row.gibbs_updates / self.units() as u64
    }

    /// What runs with the same settings share: estimator, schedule, temperatures, chains and steps of all chains together.
    fn settings(&self, row: &Row) -> (Estimator, String, usize, usize, u64) {
        (row.estimator, row.schedule.clone(), row.temperatures, row.chains, self.steps(row))
    }
}

impl Row {
    fn error(&self) -> f64 {
        self.log_partition - self.exact
    }

    /// Whether nothing speaks against it.
    fn undoubted(&self) -> bool {
        self.doubts.is_empty()
    }

    /// Whether the error is within so many standard errors, and 1e-9 for rounding.
    fn within(&self, standard_errors: f64) -> bool {
        self.error().abs() <= standard_errors * self.standard_error.unwrap_or(0.0) + 1e-9
    }

    /// Its name in legends; empty where figures leave it out.
    fn label(&self) -> &'static str {
        let own = |(estimator, schedule, _): &&(Estimator, &str, &str)| {
            self.estimator == *estimator && (schedule.is_empty() || self.schedule == *schedule)
        };
        SERIES.iter().find(own).map_or("", |series| series.2)
    }
}

/// Names of estimators in legends.
const SERIES: [(Estimator, &str, &str); 9] = [
    (Estimator::Forward, "linear", "forward AIS, linear"),
    (Estimator::Forward, "geometric", "forward AIS, geometric"),
    (Estimator::Forward, "adaptive", "forward AIS, adaptive"),
    (Estimator::Forward, "salakhutdinov-murray", "forward AIS, 14,500 temperatures"),
    (Estimator::Reverse, "linear", "reverse AIS, linear, exact starts"),
    (Estimator::Bennett, "", "Bennett's ratio, tempering"),
    (Estimator::Integration, "", "thermodynamic integration"),
    (Estimator::BothSides, "linear", "forward and reverse AIS together"),
    (Estimator::BothSides, "salakhutdinov-murray", "the same, 14,500 temperatures"),
];

impl Experiment for AisAccuracy {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "ais_accuracy";
    const AXES: &'static [&'static str] = &["families", "sides"];
    const QUICK: Preset = "--families random,spins --sides 4,6 --ais-temperatures 10,100 --without-14500 --replicas 2";
    const PAPER: Preset = "--sides 8,16,32 --replicas 20";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        let temperatures = self.ais_temperatures.iter();
        temperatures.map(|n| n.0).try_for_each(|n| check_at_most("--ais-temperatures", n, 10_000_000))?;
        check_at_most("--ais-chains", self.ais_chains, 1_000_000)?;
        check_at_most("--replicas", self.replicas, 100_000)?;
        self.sides.iter().try_for_each(|side| check_at_most("--sides", side.0, 128))?;
        let refusal = |option| Error::invalid(option, "a periodic side below 3 has double bonds", "take 3 or more");
        let small = self.sides.iter().find(|side| side.0 < 3);
        small.map_or(Ok(()), |side| Err(refusal(format!("--sides {side}"))))
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        Ok(self.subjects().map(|subject| subject.cell).collect())
    }

    fn work(&self, cell: &Cell) -> f64 {
        self.subject(cell).map_or(0.0, |subject| {
            let steps: u64 = runs(self, &subject).iter().map(Run::steps).sum();
            // Many spins move at a time; in small machines weighing costs more than moving.
            let cost = if cell.hidden.is_some() { 4.0 } else { 1.0 };
            cost * self.replicas as f64 * steps as f64 * cell.units() as f64 + subject.preparation()
        })
    }

    /// Every run on one subject, replica by replica.
    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let subject = self.subject(cell)?;
        let seed = lab.seed(&cell.model, 0);
        let prepared = (subject.prepare)(seed.child("subject", 0))?;
        let (exact, runs) = (prepared.exact()?, runs(self, &subject));
        let total = self.replicas * runs.iter().map(|run| run.steps() as usize).sum::<usize>();
        let (mut done, mut rows) = (0, Vec::new());
        prepared.with_path(|path| {
            for replica in 0..self.replicas {
                let row = |run: &Run, estimator, trusted, found: &LogPartition| Row {
                    estimator,
                    schedule: run.betas.name().to_string(),
                    temperatures: run.betas.temperatures(),
                    chains: run.chains,
                    replica,
                    gibbs_updates: found.gibbs_updates,
                    log_partition: found.value,
                    standard_error: found.standard_error,
                    exact,
                    effective_samples: found.effective_samples,
                    trusted,
                    doubts: names(&found.doubts),
                };
                let mut annealed = Vec::new();
                for run in &runs {
                    let steps = run.steps() as usize;
                    let report = &mut |part, of: usize| lab.progress(done + steps * part / of.max(1), total);
                    let (found, annealing) = run.find(path, seed.child(&run.id(), replica as u64), report)?;
                    rows.push(row(run, run.estimator, None, &found));
                    annealed.extend(annealing.map(|annealing| (run, annealing)));
                    done += steps;
                }
                for (run, both) in brackets(&annealed) {
                    let found = LogPartition {
                        effective_samples: Some(both.shared),
                        gibbs_updates: both.gibbs_updates(),
                        doubts: both.doubts.clone(),
                        standard_error: both.standard_error,
                        ..LogPartition::exact(both.value)
                    };
                    rows.push(row(run, Estimator::BothSides, Some(both.trusted()), &found));
                }
            }
            Ok(())
        })?;
        Ok(rows)
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        publication.figure("error_against_work", &error_against_work(rows))?;
        publication.figure("coverage", &coverage(rows))?;
        publication.figure("both_sides", &self.both_sides(rows))?;
        publication.print(small_machines(rows));
        published(rows).into_iter().for_each(|text| publication.say(text));
        publication.print(efficiency(rows));
        publication.print(spins(rows));
        Ok(())
    }
}

impl AisAccuracy {
    fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.families.iter().flat_map(|family| Subject::all(*family, &self.sides))
    }

    fn subject(&self, cell: &Cell) -> Result<Subject> {
        let found = self.subjects().find(|subject| subject.cell.model == cell.model);
        found.ok_or_else(|| Error::invalid(&cell.model, "there is no such subject", "take another family"))
    }

    /// Of each family of machines, the one whose sides are farthest apart with the fewest temperatures.
    fn both_sides(&self, rows: &All) -> Figure {
        let single = [Estimator::Forward, Estimator::Reverse];
        let linear = rows.filter(|_, row| row.schedule == "linear" && single.contains(&row.estimator));
        let fewest = self.ais_temperatures.iter().map(|n| n.0).min();
        // Of mean errors over the repetitions.
        let gap = |own: &All| {
            let of = |estimator| own.filter(|_, row| (row.estimator, Some(row.temperatures)) == (estimator, fewest));
            let mean = |estimator| of(estimator).mean(|_, row| row.error());
            Some(mean(Estimator::Reverse)?.value - mean(Estimator::Forward)?.value)
        };
        let families = linear.group_by(|cell, _| cell.family()).into_values();
        let widest = families.filter_map(|own| {
            let models = own.group_by(|cell, _| cell.model.clone()).into_iter();
            models.filter_map(|(model, own)| Some((gap(&own)?, model))).max_by(|a, b| a.0.total_cmp(&b.0))
        });
        let widest: Vec<String> = widest.map(|(_, model)| model).collect();
        plot(
            &linear.filter(|cell, _| widest.contains(&cell.model)),
            (Axis::log("transitions of annealing"), |_, row| row.temperatures as f64),
            (Axis::symlog("error of ln Z (nats)", 0.1), |_, row| row.error()),
        )
        .panel(|cell, _| in_words(&cell.model))
        .over(Over::Mean)
        .levels(|_| vec![Level::across("exact", 0.0)])
        .titled(
            "Forward annealing bounds ln Z from below and reverse from above: both close on it",
            format!(
                "{} chains, mean and standard error; of each family the machine of the widest gap",
                self.ais_chains
            ),
        )
        .figure()
    }
}

/// A number of a row.
type Number = fn(&Cell, &Row) -> f64;

/// A figure of the estimators that have names.
fn plot<'a>(rows: &All<'a>, x: (Axis, Number), y: (Axis, Number)) -> Plot<'a, AisAccuracy> {
    let rows = rows.filter(|_, row| !row.label().is_empty());
    rows.plot(x, y).series(|_, row| row.label().to_string()).mark(Mark::Bars).columns(2)
}

/// The axis of [`Cell::steps`].
fn work() -> Axis {
    Axis::log("Gibbs updates of every unit, all chains together")
}

/// A quantile of |error|.
fn quantile(rows: &All, share: f64) -> f64 {
    let mut errors = rows.values(|_, row| row.error().abs());
    errors.sort_by(f64::total_cmp);
    errors[((errors.len() - 1) as f64 * share).round() as usize]
}

fn error_against_work(rows: &All) -> Figure {
    // The runs on spins, of two lengths a size, have a figure of their own.
    let machines = rows.filter(|cell, _| cell.family() != Family::Spins);
    plot(
        &machines,
        (work(), |cell, row| cell.steps(row) as f64),
        (Axis::log("|error of ln Z| (nats)"), |_, row| row.error().abs()),
    )
    .points(|x, own| {
        let y = quantile(own, 0.5);
        // Rounding's zeros have no place on a logarithmic axis.
        (y > 1e-12).then_some(Point::at(x, y))
    })
    .panel(|cell, _| cell.family().title().to_string())
    .titled(
        "How far estimates of ln Z are from the exact value",
        "median over machines and repetitions; burn-in and pilots are counted",
    )
    .figure()
}

fn coverage(rows: &All) -> Figure {
    let share = Axis::linear("share within two standard errors");
    let of = |panel: &'static str, keep: fn(&Row) -> bool| {
        let rows = rows.filter(|cell, row| cell.is_small() && keep(row));
        plot(&rows, (work(), |cell, row| cell.steps(row) as f64), (share.clone(), |_, row| f64::from(row.within(2.0))))
            .over(Over::Mean)
            .panel(|_, _| panel.to_string())
            .levels(|_| vec![Level::across("95.4 %, a normal law's", 0.9545)])
            .titled(
                "Does the error bar know? Runs within two standard errors of the exact ln Z",
                "small machines, every repetition",
            )
            .figure()
    };
    let mut figure = of("all runs", |_| true);
    figure.panels.extend(of("runs without a doubt; of both sides: trusted", Row::undoubted).panels);
    Figure { columns: 2, ..figure }
}

type Lines<'a> = Table<Group<'a, AisAccuracy>>;

/// Both families of small machines, every estimator.
fn small_machines<'a>(rows: &All<'a>) -> Lines<'a> {
    let small = rows.filter(|cell, _| cell.is_small());
    let share = |own: &Group<AisAccuracy>, keep: fn(&Row) -> bool| {
        per_cent(own.rows.filter(|_, row| keep(row)).len(), own.rows.len())
    };
    Table::of(
        "Small machines: median and largest |error| (nats), runs within 2 and 3 standard errors, runs without a doubt",
        small.groups(|cell, row| (cell.family(), cell.settings(row))),
    )
    .column("family", |own| own.cell.family())
    .column("estimator", |own| own.row.estimator)
    .column("schedule", |own| own.row.schedule.clone())
    .column("temps", |own| own.row.temperatures)
    .column("chains", |own| own.row.chains)
    .column("median", |own| format!("{:.2e}", quantile(&own.rows, 0.5)))
    .column("largest", |own| format!("{:.2e}", quantile(&own.rows, 1.0)))
    .column("2 se", |own| share(own, |row| row.within(2.0)))
    .column("3 se", |own| share(own, |row| row.within(3.0)))
    .column("no doubt", |own| share(own, Row::undoubted))
}

/// The published protocol: 14,500 temperatures.
fn published(rows: &All) -> Option<String> {
    let forward = |row: &Row| (row.estimator, row.temperatures) == (Estimator::Forward, 14_500);
    let all = rows.filter(|cell, row| cell.is_small() && forward(row));
    let good = |row: &Row| row.within(3.0) && row.error().abs() <= 0.1;
    let (first, right) = (all.filter(|_, row| row.replica == 0), all.filter(|_, row| good(row)));
    let (farthest, off) = all.iter().max_by(|a, b| a.1.error().abs().total_cmp(&b.1.error().abs()))?;
    Some(format!(
        "Forward AIS with 14,500 temperatures and {} chains: within 3 standard errors and 0.1 nats in {} of {} machines at \
         the first repetition, {} of {} runs in all; the farthest, of {}, is off by {:+.4} +- {:.4}.",
        off.chains,
        first.filter(|_, row| good(row)).len(),
        first.len(),
        right.len(),
        all.len(),
        farthest.model,
        off.error(),
        off.standard_error.unwrap_or(f64::NAN)
    ))
}

/// How many of some runs have no doubt.
fn undoubted(rows: &All) -> String {
    format!("{}/{}", rows.filter(|_, row| row.undoubted()).len(), rows.len())
}

/// error^2 x Gibbs updates, on machines that learned a lattice.
fn efficiency<'a>(rows: &All<'a>) -> Lines<'a> {
    let lattice = rows.filter(|cell, _| cell.family() == Family::Lattice);
    Table::of(
        "Machines that learned 8x8 spins: mean error^2 x Gibbs updates (nats^2, less is better), from repetitions",
        lattice.groups(|cell, row| (cell.model.clone(), cell.settings(row))),
    )
    .column("machine", |own| own.cell.model.clone())
    .column("estimator", |own| own.row.estimator)
    .column("schedule", |own| own.row.schedule.clone())
    .column("temps", |own| own.row.temperatures)
    .column("updates", |own| format!("{:.2e}", own.rows.summary(|_, row| row.gibbs_updates as f64).median))
    .column("error^2 x updates", |own| {
        let product = own.rows.mean(|_, row| row.error().powi(2) * row.gibbs_updates as f64);
        let error = |mean: &Estimate| or_empty(mean.standard_error.map(|error| format!(" +- {error:.1e}")));
        or_empty(product.map(|mean| format!("{:.2e}{}", mean.value, error(&mean))))
    })
    .column("mean err", |own| or_empty(own.rows.mean(|_, row| row.error()).map(|mean| format!("{:+.4}", mean.value))))
    .column("no doubt", |own| undoubted(&own.rows))
}

/// The Ising model itself: the first repetition of all runs.
fn spins<'a>(rows: &All<'a>) -> Lines<'a> {
    let spins = rows.filter(|cell, _| cell.family() == Family::Spins);
    // Both temperatures of a run one below the other.
    let same = spins.group_by(|cell, row| (cell.visible, cell.settings(row))).into_values();
    Table::of(
        "The Ising model itself, ln Z against Kaufman's (nats); the largest |error| of all repetitions",
        same.flat_map(|same| same.groups(|cell, _| cell.model.clone())),
    )
    .column("model", |own| own.cell.model.clone())
    .column("estimator", |own| own.row.estimator)
    .column("updates", |own| format!("{:.2e}", own.row.gibbs_updates as f64))
    .column("error", |own| format!("{:+.4}", own.row.error()))
    .column("std error", |own| format!("{:.4}", own.row.standard_error.unwrap_or(f64::NAN)))
    .column("largest", |own| format!("{:.4}", quantile(&own.rows, 1.0)))
    .column("no doubt", |own| undoubted(&own.rows))
}

laboratory::main!(AisAccuracy);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_of_the_family_that_its_cell_says() {
        for family in [Family::Trained, Family::Random, Family::Lattice, Family::Spins] {
            Subject::all(family, &[3, 8, 32].map(Positive))
                .iter()
                .for_each(|subject| assert_eq!(subject.cell.family(), family));
        }
    }

    /// Errors of a small or a learned machine, each with its standard error, of runs of 1000 Gibbs updates.
    fn pairs(visible: usize, errors: &[(f64, f64)]) -> Vec<(Cell, Row)> {
        let row = |(replica, &(error, standard_error)): (usize, &(f64, f64))| {
            let cell = Cell { model: "random_0".to_string(), visible, hidden: Some(3) };
            let row = Row {
                estimator: Estimator::Bennett,
                schedule: "linear".to_string(),
                temperatures: 10,
                chains: 32,
                replica,
                gibbs_updates: 1000,
                log_partition: 7.0 + error,
                standard_error: Some(standard_error),
                exact: 7.0,
                effective_samples: None,
                trusted: None,
                doubts: String::new(),
            };
            (cell, row)
        };
        errors.iter().enumerate().map(row).collect()
    }

    /// The last line of a table, from the estimator on.
    fn line(table: &Lines) -> Vec<String> {
        let text = table.text().unwrap();
        let words = text.lines().last().unwrap().split_whitespace().skip(1);
        words.filter(|word| *word != "%").map(str::to_string).collect()
    }

    /// Runs of equal work stand at one place, that of their work: 1000 updates of 7 units are 142 steps.
    #[test]
    fn runs_of_equal_work_stand_at_one_place() {
        let mut pairs = pairs(4, &[(1.0, 1.0), (-3.0, 1.0), (2.0, 1.0)]);
        pairs[0].1.estimator = Estimator::Integration;
        let figure = error_against_work(&Rows::of_pairs(&pairs));
        let points = figure.panels[0].series.iter().map(|series| &series.points[..]);
        let points: Vec<_> = points.map(|points| (points.len(), points[0].x, points[0].y)).collect();
        assert_eq!(points, [(1, 142.0, 1.0), (1, 142.0, 3.0)]);
    }

    /// Of the errors 1 to 4, whichever their sign: halfway between the second and the third the farther one.
    #[test]
    fn quantiles_are_of_the_size_of_errors() {
        let pairs = pairs(4, &[(4.0, 1.0), (-1.0, 1.0), (2.0, 1.0), (-3.0, 1.0)]);
        let of = |share| quantile(&Rows::of_pairs(&pairs), share);
        assert_eq!([0.0, 0.25, 0.5, 0.75, 1.0].map(of), [1.0, 2.0, 3.0, 3.0, 4.0]);
    }

    /// Runs that are 1, 2.5 and 3.5 standard errors off: one within two, two within three. The bar of the share within two,
    /// one in three, is the standard error of a mean of 1, 0 and 0.
    #[test]
    fn runs_are_counted_within_two_and_three_errors() {
        let pairs = pairs(4, &[(0.5, 0.5), (-1.25, 0.5), (1.75, 0.5)]);
        let rows: All = Rows::of_pairs(&pairs);
        let within = |errors| rows.iter().map(|(_, row)| row.within(errors)).collect::<Vec<_>>();
        assert_eq!((within(2.0), within(3.0)), (vec![true, false, false], vec![true, true, false]));
        let words = ["bennett", "linear", "10", "32", "1.25e0", "1.75e0", "33.3", "66.7", "100.0"];
        assert_eq!(line(&small_machines(&rows)), words);
        let figure = coverage(&rows);
        assert_eq!(figure.panels.len(), 2);
        for panel in figure.panels {
            let Point { y, low, high, .. } = panel.series[0].points[0];
            for (found, expected) in [(y, 1.0 / 3.0), (low, 0.0), (high, 2.0 / 3.0)] {
                assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
            }
        }
    }

    /// Of two machines of a family the one of which reverse annealing is farther above forward annealing, not below.
    #[test]
    fn both_sides_are_drawn_where_they_are_farthest_apart() {
        let errors = [("random_narrow", -0.5, 0.5), ("random_wide", -2.0, 2.0), ("random_crossed", 3.0, -3.0)];
        let mut rows = Vec::new();
        for (model, below, above) in errors {
            for (estimator, error) in [(Estimator::Forward, below), (Estimator::Reverse, above)] {
                let (cell, row) = pairs(4, &[(error, 0.1)]).remove(0);
                rows.push((Cell { model: model.to_string(), ..cell }, Row { estimator, ..row }));
            }
        }
        let figure = laboratory::contract::parsed::<AisAccuracy>(&["--ais-temperatures", "10"])
            .both_sides(&Rows::of_pairs(&rows));
        let titles: Vec<&str> = figure.panels.iter().map(|panel| &*panel.title).collect();
        assert_eq!(titles, [in_words("random_wide")]);
        let points: Vec<f64> = figure.panels[0].series.iter().map(|series| series.points[0].y).collect();
        assert_eq!(points, [-2.0, 2.0]);
    }

    /// Errors of 0.1 with 1000 updates: 0.01 x 1000, whichever their sign.
    #[test]
    fn efficiency_is_of_squared_errors() {
        let pairs = pairs(64, &[(0.1, 1.0), (-0.1, 1.0)]);
        let text = line(&efficiency(&Rows::of_pairs(&pairs)));
        assert_eq!(text[..5], ["bennett", "linear", "10", "1.00e3", "1.00e1"]);
        assert_eq!(text.last().unwrap(), "2/2");
    }

    /// Of runs by the published protocol, one within three standard errors and 0.1 nats, one within three alone, one within 0.1
    /// alone and one within neither, the first is right; the last is the farthest.
    #[test]
    fn the_published_protocol_is_right_by_both() {
        let mut pairs = pairs(4, &[(0.05, 0.05), (0.2, 0.1), (-0.05, 0.01), (-0.5, 0.1)]);
        for (number, (cell, row)) in pairs.iter_mut().enumerate() {
            (row.estimator, row.temperatures, row.chains, row.replica) = (Estimator::Forward, 14_500, 100, number / 2);
            cell.model = format!("random_{number}");
        }
        let text = published(&Rows::of_pairs(&pairs)).unwrap();
        assert!(
            text.contains("and 100 chains") && text.contains("in 1 of 2 machines at the first repetition, 1 of 4 runs"),
            "{text}"
        );
        assert!(text.ends_with("of random_3, is off by -0.5000 +- 0.1000."), "{text}");
        assert_eq!(published(&Rows::of_pairs(&[])), None);
    }
}
