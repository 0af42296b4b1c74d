//! How often does `converged` or `trusted` say yes when the number is wrong, and no when it is right?
//!
//! Machines whose answers can be summed ([`gibbsite::battery`]) are measured with the settings of a user who has not looked
//! closer. Of the numbers that are called converged or trusted at most one in 200 should be beyond four standard errors
//! and nine in ten within two.

use gibbsite::battery::{Family, Member, members};
use gibbsite::configuration::copy_bits;
use gibbsite::enumerate::kl_divergence;
use gibbsite::log_partition::annealing::{ForwardAnnealing, ReverseAnnealing, Starts, Tempering};
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracket;
use gibbsite::log_partition::method::{Effort, METHODS, Method};
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::log_partition::thermodynamic_integration::ThermodynamicIntegration;
use gibbsite::log_partition::{LogPartition, LogPartitionEstimator, names};
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monitor::observables::{HIDDEN_LIMIT, Sampling, enumerated_moments, exact_moments, sample_model};
use gibbsite::monitor::sampled_kl::SampledTarget;
use gibbsite::path::Path;
use gibbsite::prelude::*;
use gibbsite::statistics::doubt::Doubt;
use gibbsite::targets::observable::Observable;
use laboratory::prelude::*;
use laboratory::report::stacked_bars::{Bar, BarGroup, Panel, Share, StackedBars};
use std::collections::BTreeMap;

/// How often does `converged` or `trusted` say yes when the number is wrong, and no when it is right?
///
/// Thirty machines whose ln Z, observables and KL divergence can be summed, from easy ones to some that are built to fool,
/// are measured again and again: ln Z by annealing from both sides, Bennett's ratio and integration, observables by Gibbs
/// chains, the KL divergence from the Ising model. Each number is held against the exact one. Another --seed makes other
/// machines.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES, next_help_heading = "Measuring")]
struct Calibration {
    /// Families of machines: easy, separated (modes of unequal mass), narrow (a mode that no annealed chain meets),
    /// ferromagnet and glass (4x4 spins), cold (learned below the critical temperature), large_weights
    #[arg(long, value_name = "LIST", default_value = "easy,separated,narrow,ferromagnet,glass,cold,large_weights")]
    families: List<Family>,

    /// Repetitions of every measurement
    #[arg(long, value_name = "NUMBER", default_value_t = 30, value_parser = at_least_one)]
    replicas: usize,

    /// Temperatures of annealing, equally spaced
    #[arg(long, alias = "temperatures", value_name = "NUMBER", default_value_t = 500, value_parser = at_least_one)]
    ais_temperatures: usize,

    /// Chains of each run of annealing
    #[arg(long, alias = "chains", value_name = "NUMBER", default_value_t = 100, value_parser = at_least_one)]
    ais_chains: usize,

    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  calibration                 the table and the figure, a few minutes on two cores
  calibration --quick         every file in seconds
  calibration --seed 2        the same kinds of machines, all of them new
  calibration --families narrow,cold --replicas 100
  calibration --paper         200 repetitions";

/// What starts reverse annealing in place of exact draws; Bennett's ratio and integration have as many rungs.
const TEMPERING: Tempering = Tempering { rungs: 16, rounds: 175 };
/// Ladders of Bennett's ratio and of integration, and their rounds: enough for the round trips without which neither says yes.
const LADDERS: usize = 32;
const ROUNDS: usize = 200;
/// Steps of the machine on data before reverse annealing starts there.
const DATA_STEPS: usize = 1000;
/// Draws from the machine that the starts of its chains and the coordinates that are watched come from.
const DATA: usize = 1000;
/// Gibbs chains that measure observables.
const SAMPLING: Sampling = Sampling { chains: 32, equilibration: 500, measured: 2000 };
/// Fresh configurations of the Ising model for the KL divergence.
const TARGET_SAMPLING: Sampling = Sampling { chains: 64, equilibration: 100, measured: 200 };
/// Sites up to which the KL divergence is summed.
const KL_LIMIT: usize = 16;
/// Quantities: beside these the observables.
const LOG_PARTITION: &str = "log_partition";
const KL: &str = "kl";
const OBSERVABLES: [Observable; 4] =
    [Observable::Energy, Observable::Magnetization, Observable::SpecificHeat, Observable::SusceptibilityFull];

/// Methods that have runs of their own below; enumeration is what all of them are held against, and tempered starts are one
/// side of a bracket.
const MEASURED: [&str; 6] =
    ["enumeration", "forward_ais", "reverse_ais", "reverse_ais_tempered", "bennett", "thermodynamic_integration"];

/// Every other method of the library, so that a new one is measured here by its entry alone.
fn others() -> impl Iterator<Item = &'static Method> {
    METHODS.iter().filter(|method| !MEASURED.contains(&method.name))
}

choice! {
    /// Whether the library stands by a number.
    Said { Yes = "yes", No = "no" }
}

/// A machine of the battery.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// What the machines of a family have in common: easy, separated, narrow, ferromagnet, glass, cold or large_weights.
    family: Family,
    /// The machine in its family; its parameters are the seed's.
    machine: String,
    /// Visible units.
    visible: usize,
    /// Hidden units.
    hidden: usize,
}

/// One number.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// What is measured: log_partition, an observable of the visible units, or kl.
    quantity: String,
    /// By what: a single run for ln Z, both sides, gibbs for observables, sampled for kl.
    estimator: String,
    /// Which repetition.
    replica: usize,
    /// The number; ln Z and kl in nats, observables in their own units with J = 1.
    value: f64,
    /// Its standard error; empty where it cannot be told, as of observables that are refused.
    standard_error: Option<f64>,
    /// What the number should be, summed over all states of the smaller layer.
    exact: f64,
    /// Of both sides and kl whether it is trusted, of an observable whether it has converged, of a single run whether it has
    /// no doubt: yes or no.
    said: Said,
    /// What speaks against it, joined by "; ".
    doubts: String,
}

/// How a number did, as [`OUTCOMES`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Within,
    Between,
    Beyond,
    RefusedThoughWithin,
    Refused,
}

/// Outcomes in the order of the enum: names and colours. A number without an error is beyond any.
const OUTCOMES: [(&str, Option<Look>); 5] = [
    ("said yes: within 2 standard errors", Some(Look::numbered(3))),
    ("said yes: between 2 and 4", Some(Look::numbered(2))),
    ("said yes: beyond 4", Some(Look::numbered(4))),
    ("refused, though within 2", Some(Look::numbered(1))),
    ("refused otherwise", None),
];

impl Row {
    fn outcome(&self) -> Outcome {
        // A quantity that does not fluctuate is exact up to rounding.
        let rounding = 1e-9 * (1.0 + self.exact.abs());
        let within = |errors: f64| {
            self.standard_error.is_some_and(|error| (self.value - self.exact).abs() <= errors * error + rounding)
        };
        match self.said {
            Said::Yes if within(2.0) => Outcome::Within,
            Said::Yes if within(4.0) => Outcome::Between,
            Said::Yes => Outcome::Beyond,
            Said::No if within(2.0) => Outcome::RefusedThoughWithin,
            Said::No => Outcome::Refused,
        }
    }

    /// Whether it may be called converged or trusted: a single run for ln Z only doubts.
    fn claims(&self) -> bool {
        self.quantity != LOG_PARTITION || self.estimator.starts_with("both_sides")
    }
}

/// How many numbers there are, how many of them the library stands by, and how many have each outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tally {
    runs: usize,
    yes: usize,
    counts: [usize; 5],
}

impl Tally {
    fn of(rows: &Rows<Calibration>) -> Self {
        let mut counts = [0; 5];
        rows.iter().for_each(|(_, row)| counts[row.outcome() as usize] += 1);
        Self { runs: rows.len(), yes: counts[..3].iter().sum(), counts }
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.counts[outcome as usize]
    }

    /// The share of those said yes to.
    fn per_cent(&self, outcome: Outcome) -> String {
        per_cent(self.count(outcome), self.yes)
    }
}

/// A machine, and what each of its quantities should be; the KL divergence only where it can be summed.
struct Subject {
    machine: Rbm,
    ruler: Ising,
    exact: BTreeMap<&'static str, f64>,
}

impl Subject {
    fn new(member: Member, root: Seed) -> Result<Self> {
        let (machine, ruler, (visible, hidden)) = (member.machine(root)?, member.ruler()?, member.shape());
        let moments = match hidden <= HIDDEN_LIMIT {
            true => exact_moments(&ruler, &machine)?,
            false => enumerated_moments(&ruler, &machine)?,
        };
        let exactly = |of: Observable| (of.name(), of.exactly(&moments, visible, ruler.temperature()));
        let mut exact = BTreeMap::from(OBSERVABLES.map(exactly));
        let log_partition = log_partition(&machine)?;
        exact.insert(LOG_PARTITION, log_partition);
        if member.lattice().is_some() && visible <= KL_LIMIT {
            exact.insert(KL, kl_divergence(&log_probabilities(&ruler)?, &machine, log_partition));
        }
        Ok(Self { machine, ruler, exact })
    }
}

impl Experiment for Calibration {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "calibration";
    const AXES: &'static [&'static str] = &["families"];
    const QUICK: Preset = "--replicas 1 --ais-temperatures 200";
    const PAPER: Preset = "--replicas 200";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        check_at_most("--replicas", self.replicas, 100_000)?;
        check_at_most("--ais-temperatures", self.ais_temperatures, 10_000_000)?;
        check_at_most("--ais-chains", self.ais_chains, 1_000_000)
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let members = self.families.iter().flat_map(|family| members(*family));
        let cell = |member: Member| {
            let (visible, hidden) = member.shape();
            Cell { family: member.family, machine: member.name(), visible, hidden }
        };
        Ok(members.map(cell).collect())
    }

    /// Units drawn by annealing, roughly, and by the rest.
    fn work(&self, cell: &Cell) -> f64 {
        let steps = self.ais_chains * (4 * self.ais_temperatures + DATA_STEPS) + 500_000;
        self.replicas as f64 * (steps * (cell.visible + cell.hidden)) as f64
    }

    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let member = members(cell.family).into_iter().find(|member| member.name() == cell.machine);
        let Some(member) = member else {
            return Err(Error::invalid(&cell.machine, "the battery has no such machine", "take another family"));
        };
        let subject = Subject::new(member, Seed::root(self.common.seed))?;
        let mut rows = Vec::new();
        for replica in 0..self.replicas {
            let seed = lab.seed(&cell.machine, 1).child("replica", replica as u64);
            rows.extend(self.measure(&subject, replica, seed)?);
            lab.progress(replica + 1, self.replicas);
        }
        Ok(rows)
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        publication.stacked_bars("calibration", &self.figure(rows))?;
        publication.print(table(rows));
        publication.say(totals(rows));
        Ok(())
    }
}

impl Calibration {
    /// A repetition of every number of a machine.
    fn measure(&self, subject: &Subject, replica: usize, seed: Seed) -> Result<Vec<Row>> {
        let Subject { machine, ruler, exact } = subject;
        let row = |quantity: &str, estimator: &str, (value, standard_error), yes, doubts| Row {
            quantity: quantity.to_string(),
            estimator: estimator.to_string(),
            replica,
            value,
            standard_error,
            exact: exact[quantity],
            said: if yes { Said::Yes } else { Said::No },
            doubts,
        };
        let single = |name: &str, run: &LogPartition| {
            row(LOG_PARTITION, name, (run.value, run.standard_error), run.doubts.is_empty(), names(&run.doubts))
        };
        let bracket = |name: &str, both: &Bracket| {
            row(LOG_PARTITION, name, (both.value, both.standard_error), both.trusted(), names(&both.doubts))
        };
        let path = RbmPath::from_uniform(machine)?;
        let ([both, tempered], [bennett, integral]) = self.log_partitions(&path, seed.child("ln Z", 0))?;
        let mut rows = vec![
            single("forward_ais", &both.forward),
            single("reverse_ais", &both.reverse),
            bracket("both_sides", &both),
            bracket("both_sides_tempered", &tempered),
            single("bennett", &bennett),
            single("thermodynamic_integration", &integral),
        ];
        let effort = Effort { temperatures: self.ais_temperatures, chains: self.ais_chains };
        for method in others() {
            let found = method.estimator(effort).estimate(&path, seed.child(method.name, 0), &mut |_, _| ())?;
            rows.push(single(method.name, &found));
        }
        let (drawn, visible) = (path.draw_target(DATA, seed.child("data", 0))?, machine.visible());
        let mut data = Configurations::zeros(visible, DATA);
        (0..DATA).for_each(|s| copy_bits(drawn.row(s), 0, visible, data.row_mut(s), 0));
        let sampled = sample_model(ruler, machine, &data, SAMPLING, seed.child("gibbs", 0), &mut |_, _| ())?;
        for observable in OBSERVABLES {
            let found = sampled.estimate(observable);
            let doubts = found.doubt.map_or("", Doubt::name).to_string();
            let value = (found.value, found.standard_error);
            rows.push(row(observable.name(), "gibbs", value, found.converged(), doubts));
        }
        if exact.contains_key(KL) {
            let target = SampledTarget::of_ising(ruler, TARGET_SAMPLING, seed.child("kl", 0))?;
            let found = target.measure_between(machine, &both);
            let value = (found.value, found.standard_error);
            rows.push(row(KL, "sampled", value, found.trusted, found.doubts.join("; ")));
        }
        Ok(rows)
    }

    /// ln Z from both sides with exact and with tempered starts, by Bennett's ratio and by integration. The runs of annealing are those that
    /// `Bracketing` makes, so that each is a number of its own too: forward annealing serves both brackets.
    fn log_partitions(&self, path: &RbmPath, seed: Seed) -> Result<([Bracket; 2], [LogPartition; 2])> {
        let (chains, report) = (self.ais_chains, &mut |_, _| ());
        let betas = || Betas::Linear(self.ais_temperatures);
        let forward = ForwardAnnealing { betas: betas(), chains };
        let forward = forward.run(path, seed.child("forward", 0), report)?;
        let mut reverse =
            |starts, name| ReverseAnnealing { betas: betas(), starts }.run(path, seed.child(name, 0), report);
        let exact = reverse(Starts::Exact(chains), "exact")?;
        let tempered = reverse(Starts::Tempered { chains, tempering: TEMPERING }, "tempered")?;
        let rows = path.draw_target(chains, seed.child("data", 0))?;
        let from_data = reverse(Starts::Rows { rows, steps: DATA_STEPS }, "from data")?;
        let run = || TemperedRun {
            betas: Betas::Linear(TEMPERING.rungs),
            ladders: LADDERS,
            burn_in: ROUNDS / 5,
            rounds: ROUNDS,
            every: 1,
        };
        let bennett = BennettRatio(run()).estimate(path, seed.child("bennett", 0), report)?;
        let integral = ThermodynamicIntegration(run()).estimate(path, seed.child("integration", 0), report)?;
        let tempered = Bracket::new(forward.clone(), tempered, Some(from_data));
        Ok(([Bracket::new(forward, exact, None), tempered], [bennett, integral]))
    }

    /// What became of every number.
    fn figure(&self, rows: &Rows<Self>) -> StackedBars {
        let panel = |title: &str, rows: &Rows<Self>| {
            let bar = |[_, quantity, estimator, _]: [&str; 4]| {
                let own = rows.filter(|_, row| (&*row.quantity, &*row.estimator) == (quantity, estimator));
                let tally = Tally::of(&own);
                let beyond = Some(tally.count(Outcome::Beyond)).filter(|count| *count > 0);
                Bar { shares: tally.counts.map(|count| count as f64).to_vec(), text: or_empty(beyond) }
            };
            Panel { title: title.to_string(), bars: bars().into_iter().map(bar).collect() }
        };
        let families = rows.group_by(|cell, _| cell.family);
        let mut panels: Vec<Panel> = families.iter().map(|(family, own)| panel(title(*family), own)).collect();
        if panels.len() > 1 {
            panels.push(panel("all of them", rows));
        }
        let group = |bars: &[[&str; 4]]| BarGroup {
            label: bars[0][0].to_string(),
            bars: bars.iter().map(|bar| bar[3].to_string()).collect(),
        };
        StackedBars {
            title:
                "How often is a number right that is called converged or trusted, and how often is a right one refused?"
                    .to_string(),
            subtitle: format!(
                "Repetitions a machine: {}. Single runs say yes where they have no doubt. At the right of a bar: how many \
                 said yes and are beyond 4.",
                self.replicas
            ),
            axis: "share of all repetitions".to_string(),
            shares: OUTCOMES.map(|(label, look)| Share { label: label.to_string(), look }).to_vec(),
            groups: bars().chunk_by(|a, b| a[0] == b[0]).map(group).collect(),
            columns: panels.len().min(4),
            panels,
        }
    }
}

/// The bars of the figure: group, quantity, estimator and name.
const BARS: [[&str; 4]; 11] = [
    ["ln Z, single runs", LOG_PARTITION, "forward_ais", "forward annealing"],
    ["ln Z, single runs", LOG_PARTITION, "reverse_ais", "reverse annealing"],
    ["ln Z, single runs", LOG_PARTITION, "bennett", "Bennett's ratio"],
    ["ln Z, single runs", LOG_PARTITION, "thermodynamic_integration", "integration"],
    ["ln Z, both sides", LOG_PARTITION, "both_sides", "exact starts"],
    ["ln Z, both sides", LOG_PARTITION, "both_sides_tempered", "tempered starts, data"],
    ["observables, Gibbs chains", Observable::Energy.name(), "gibbs", "energy"],
    ["observables, Gibbs chains", Observable::Magnetization.name(), "gibbs", "|M|"],
    ["observables, Gibbs chains", Observable::SpecificHeat.name(), "gibbs", "specific heat"],
    ["observables, Gibbs chains", Observable::SusceptibilityFull.name(), "gibbs", "M²"],
    ["KL divergence", KL, "sampled", "both sides and samples"],
];

/// The same with every other method, by its name, after the single runs.
fn bars() -> Vec<[&'static str; 4]> {
    let (single, rest) = BARS.split_at(4);
    let others = others().map(|method| ["ln Z, single runs", LOG_PARTITION, method.name, method.name]);
    single.iter().copied().chain(others).chain(rest.iter().copied()).collect()
}

/// A line a family and estimator.
fn table<'a>(rows: &Rows<'a, Calibration>) -> Table<(Tally, Group<'a, Calibration>)> {
    let lines = rows.groups(|cell, row| (cell.family, row.estimator.clone())).into_iter();
    let lines = lines.map(|own| (Tally::of(&own.rows), own));
    Table::of("Numbers that the library stands by, and how many standard errors they are off:", lines)
        .column("family", |(_, own)| own.cell.family)
        .column("estimator", |(_, own)| own.row.estimator.clone())
        .column("runs", |(tally, _)| tally.runs)
        .column("yes", |(tally, _)| tally.yes)
        .column("within 2", |(tally, _)| tally.per_cent(Outcome::Within))
        .column("beyond 4", |(tally, _)| {
            format!("{} ({})", tally.count(Outcome::Beyond), tally.per_cent(Outcome::Beyond))
        })
        .column("refused", |(tally, _)| tally.runs - tally.yes)
        .column("though within 2", |(tally, _)| tally.count(Outcome::RefusedThoughWithin))
}

/// The answer: single runs, and what is called converged or trusted.
fn totals(rows: &Rows<Calibration>) -> String {
    let beyond = |tally: &Tally| {
        let (count, share) = (tally.count(Outcome::Beyond), tally.per_cent(Outcome::Beyond));
        format!("{count} ({share}) are beyond four standard errors; {} within two", tally.per_cent(Outcome::Within))
    };
    let undoubted = Tally::of(&rows.filter(|_, row| !row.claims()));
    let called = rows.filter(|_, row| row.claims());
    let easy = Tally::of(&called.filter(|cell, _| cell.family == Family::Easy));
    let called = Tally::of(&called);
    format!(
        "Of {} single runs without a doubt, {}.\nOf {} numbers called converged or trusted, {}; of the easy machines {} are \
         called so.",
        undoubted.yes,
        beyond(&undoubted),
        called.yes,
        beyond(&called),
        per_cent(easy.yes, easy.runs),
    )
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

laboratory::main!(Calibration);

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that is so many standard errors of 0.5 off.
    fn row(family: Family, estimator: &str, errors: Option<f64>, said: Said) -> (Cell, Row) {
        let cell = Cell { family, machine: String::new(), visible: 1, hidden: 1 };
        let row = Row {
            quantity: if estimator == "gibbs" { "energy" } else { LOG_PARTITION }.to_string(),
            estimator: estimator.to_string(),
            replica: 0,
            value: 7.0 - 0.5 * errors.unwrap_or(9.0),
            standard_error: errors.map(|_| 0.5),
            exact: 7.0,
            said,
            doubts: String::new(),
        };
        (cell, row)
    }

    /// Five are called so: three within two errors of which one is exact, one at 3 and one at -5; three are refused, one of
    /// which is right and one beyond four.
    fn rows() -> Vec<(Cell, Row)> {
        let (yes, no) = (Said::Yes, Said::No);
        let both = |errors, said| row(Family::Easy, "both_sides", errors, said);
        vec![
            both(Some(0.0), yes),
            both(Some(1.9), yes),
            both(Some(-1.9), yes),
            both(Some(3.0), yes),
            both(Some(-5.0), yes),
            both(Some(1.0), no),
            both(Some(6.0), no),
            both(None, no),
            row(Family::Narrow, "forward_ais", Some(8.0), yes),
            row(Family::Narrow, "gibbs", Some(0.1), yes),
            row(Family::Narrow, "gibbs", None, no),
            row(Family::Narrow, "forward_ais", Some(0.5), yes),
            row(Family::Narrow, "both_sides_tempered", Some(0.5), yes),
            row(Family::Easy, "forward_ais", Some(0.5), no),
        ]
    }

    #[test]
    fn outcomes_end_at_two_and_four_errors() {
        let outcome = |errors, said| row(Family::Cold, "gibbs", errors, said).1.outcome();
        for (errors, said, expected) in [
            (Some(2.0), Said::Yes, Outcome::Within),
            (Some(-2.1), Said::Yes, Outcome::Between),
            (Some(4.0), Said::Yes, Outcome::Between),
            (Some(-4.1), Said::Yes, Outcome::Beyond),
            (None, Said::Yes, Outcome::Beyond),
            (Some(2.0), Said::No, Outcome::RefusedThoughWithin),
            (Some(2.1), Said::No, Outcome::Refused),
            (None, Said::No, Outcome::Refused),
        ] {
            assert_eq!(outcome(errors, said), expected, "{errors:?}");
        }
    }

    #[test]
    fn a_tally_is_of_what_is_called_right() {
        let rows = rows();
        let rows: Rows<Calibration> = Rows::of_pairs(&rows);
        let tally = Tally::of(&rows.filter(|_, row| row.estimator == "both_sides"));
        assert_eq!(tally, Tally { runs: 8, yes: 5, counts: [3, 1, 1, 1, 2] });
    }

    #[test]
    fn the_table_says_so() {
        let rows = rows();
        let text = table(&Rows::of_pairs(&rows)).text().unwrap();
        let words = |start: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.starts_with(start)).unwrap();
            line.split_whitespace().map(str::to_string).collect()
        };
        let expected = ["easy", "both_sides", "8", "5", "60.0", "%", "1", "(20.0", "%)", "3", "1"];
        assert_eq!(words("easy"), expected);
        // The single runs of the narrow mode come before its observables.
        let narrow = words("narrow");
        assert_eq!(narrow[1..8], ["forward_ais", "2", "2", "50.0", "%", "1", "(50.0"]);
        let expected = "Of 2 single runs without a doubt, 1 (50.0 %) are beyond four standard errors; 50.0 % within two.\n\
                        Of 7 numbers called converged or trusted, 1 (14.3 %) are beyond four standard errors; 71.4 % within \
                        two; of the easy machines 62.5 % are called so.";
        assert_eq!(totals(&Rows::of_pairs(&rows)), expected);
    }
}
