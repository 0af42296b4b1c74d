//! The general Boltzmann machine, and why the restricted one was invented.
//!
//! How many units must be drawn until a machine has learned a law to a given KL divergence, if every unit may be coupled to
//! every other (Ackley, Hinton and Sejnowski 1985), and if hidden units are not coupled to each other (Smolensky 1986)?

use gibbsite::enumerate::{VISIBLE_LIMIT, WHOLE_LAW_LIMIT};
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::prelude::*;
use gibbsite::statistics::summary::Summary;
use gibbsite::training::gradient::Phase;
use indexmap::IndexMap;
use itertools::Itertools;
use laboratory::prelude::*;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The general Boltzmann machine, and why the restricted one was invented
///
/// Three machines learn the same laws: a fully visible one, a general one with hidden units that are all coupled, and a
/// restricted one. The general machine has as many hidden units as bring it nearest to the restricted one's number of
/// parameters. Each learns by two runs of Gibbs sampling, one clamped at the data and one free; the work is counted in units
/// drawn, so that it does not depend on the computer. The general machine must let its hidden units forget their start at
/// every datum; the restricted one draws them exactly in one step.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct BoltzmannMachines {
    #[arg(long, value_name = "LIST", default_value = "bars:3x3,ring:9,square:3x3", help_heading = "Target",
          help = format!("What is learned: {}", targets_in_words(|_| true)))]
    targets: List<TargetName>,
    /// Temperature of the Ising targets
    #[arg(long, value_name = "T", default_value_t = 2.269, value_parser = positive, help_heading = "Target")]
    temperature: f64,
    /// Which machines: visible (no hidden unit), general (every pair coupled), restricted
    #[arg(long, value_name = "LIST", default_value = "visible,general,restricted", help_heading = "Sweep")]
    models: List<Machine>,
    #[command(flatten)]
    #[serde(flatten)]
    machines: MachineOptions,
    /// Gradient: exact (enumeration), pcd (clamped runs and persistent free chains), two-runs (clamped and fresh free runs, each of the burn-in)
    #[arg(long, value_name = "LIST", default_value = "exact,pcd", help_heading = "Sweep")]
    estimators: List<EstimatorName>,
    /// Gibbs steps of the persistent free chains an update
    #[arg(long, value_name = "LIST", default_value = "1,5", help_heading = "Sweep")]
    gibbs_steps: List<Positive>,
    /// Gibbs steps with a datum clamped (general machine), and of fresh free runs
    #[arg(long, value_name = "LIST", default_value = "1,3,10", help_heading = "Sweep")]
    burn_in: List<Positive>,
    /// Free chains, and data of an update: draws of the target, or all of it where it has no more configurations
    #[arg(long, value_name = "LIST", default_value = "20,200", help_heading = "Sweep")]
    chains: List<Positive>,
    /// Learning rates
    #[arg(long, value_name = "LIST", default_value = "0.1,0.4", help_heading = "Sweep")]
    learning_rate: List<PositiveNumber>,
    /// Standard deviation of the first weights
    #[arg(long, value_name = "STD", default_value_t = 0.3, value_parser = not_negative, help_heading = "Training")]
    initial_weights: f64,
    /// Updates of each machine
    #[arg(long, value_name = "NUMBER", default_value_t = 2000, value_parser = at_least_one, help_heading = "Training")]
    updates: usize,
    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  boltzmann_machine                the figure of its page, two minutes on two cores
  boltzmann_machine --quick        every file in seconds
  boltzmann_machine --paper        a wider grid
  boltzmann_machine --targets bars-distinct:4x4 --hidden 8,16 --updates 10000";

choice! {
    /// A machine by name.
    Machine { Visible = "visible", General = "general", Restricted = "restricted" }
}

impl Machine {
    /// Weights and biases.
    fn parameters(self, visible: usize, hidden: usize) -> usize {
        let units = visible + hidden;
        if self == Machine::Restricted { visible * hidden + units } else { units * (units + 1) / 2 }
    }

    fn in_words(self) -> &'static str {
        match self {
            Machine::Visible => "fully visible machine",
            Machine::General => "general machine with hidden units",
            Machine::Restricted => "restricted machine",
        }
    }

    /// Hidden units beside a restricted machine with `restricted` of them: none, or one or more so that the numbers of
    /// parameters are nearest.
    fn hidden(self, visible: usize, restricted: usize) -> usize {
        let wanted = Machine::Restricted.parameters(visible, restricted);
        let nearest = (1..=restricted).min_by_key(|&hidden| self.parameters(visible, hidden).abs_diff(wanted));
        if self == Machine::Visible { 0 } else { nearest.unwrap_or(1) }
    }
}

/// How a machine is trained, less the Gibbs steps, which have a column of their own.
#[derive(Clone, Debug)]
struct Method {
    name: EstimatorName,
    burn_in: Option<usize>,
    chains: Option<usize>,
    rate: f64,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |name, value: Option<usize>| value.map_or(String::new(), |value| format!("{name}={value};"));
        let (burn_in, chains) = (number("burn_in", self.burn_in), number("chains", self.chains));
        write!(f, "{}({burn_in}{chains}rate={})", self.name, self.rate)
    }
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let words = || text.split(['(', ';', ')']);
        let value = |name| words().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let number = |name| value(name).and_then(|number| number.parse().ok());
        let unknown = || Error::invalid(text, "it is no method of training", "remove the file");
        Ok(Self {
            name: words().next().unwrap_or("").parse()?,
            burn_in: number("burn_in"),
            chains: number("chains"),
            rate: value("rate").and_then(|rate| rate.parse().ok()).ok_or_else(unknown)?,
        })
    }
}

/// One machine, trained in one way.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// What is learned.
    target: TargetName,
    /// The machine: visible, general or restricted.
    model: Machine,
    /// Visible units.
    visible: usize,
    /// Hidden units.
    hidden: usize,
    /// Weights and biases.
    parameters: usize,
    /// The estimator with its place in the grid, such as `pcd(burn_in=3;chains=50;rate=0.2)`.
    #[serde(with = "text")]
    estimator: Method,
    /// Gibbs steps of persistent chains an update; empty for the others.
    gibbs_steps: Option<usize>,
    /// Replicas have weights, data and chains of their own.
    replica: usize,
}

impl Cell {
    fn setting(&self) -> Setting {
        (self.estimator.to_string(), self.gibbs_steps)
    }

    /// A name among those on its target: it seeds data and chains.
    fn seed_name(&self) -> String {
        let Self { target, model, hidden, estimator, replica, .. } = self;
        let steps = self.gibbs_steps.map_or(String::new(), |k| format!("_k{k}"));
        format!("{target}_{model}_h{hidden}_{estimator}{steps}_r{replica}").replace([':', ';', '(', ')', '='], "-")
    }
}

/// A machine after some updates.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// Updates so far.
    updates: u64,
    /// Units drawn x chains so far, both phases, analytic probabilities counted as draws.
    gibbs_updates: u64,
    /// D_KL(P || P_model) in nats.
    kl: f64,
    /// Mean ln P_model under the target, in nats.
    log_likelihood: f64,
}

impl Experiment for BoltzmannMachines {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "boltzmann_machine";
    #[rustfmt::skip]
    const AXES: &'static [&'static str] = &[
        "targets", "models", "hidden", "estimators", "gibbs_steps", "burn_in", "chains", "learning_rate", "replicas",
    ];
    const DEFAULTS: Preset = "--hidden 8 --replicas 5";
    const QUICK: Preset = "\
        --targets bars:2x3,ring:5 --hidden 3,4 --gibbs-steps 1,5 --burn-in 1,5 --chains 20,50 \
        --learning-rate 0.1,0.4 --updates 400 --replicas 2";
    const PAPER: Preset = "\
        --gibbs-steps 1,5 --burn-in 1,3,10 --chains 20,100,500 --learning-rate 0.05,0.2,0.5,1 --updates 4000 \
        --replicas 5";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        self.machines.check()?;
        self.chains.iter().try_for_each(|chains| check_at_most("--chains", chains.0, 10_000_000))?;
        if self.estimators.contains(&EstimatorName::Cd) {
            return Err(Error::invalid(
                "--estimators cd",
                "its chains would start with random hidden units, which coupled ones do not forget in a few steps",
                "take exact, pcd or two-runs",
            ));
        }
        self.learning_rate.iter().try_for_each(|rate| check_rate(rate.0))?;
        for target in self.targets.iter() {
            let sites = target.at(Some(self.temperature))?.sites();
            if sites > WHOLE_LAW_LIMIT {
                return Err(Error::invalid(
                    format!("--targets {target}"),
                    format!("its exact KL and its whole law would visit 2^{sites} configurations"),
                    format!("take at most {WHOLE_LAW_LIMIT} sites"),
                ));
            }
            for hidden in self.machines.hidden().filter(|_| self.models.contains(&Machine::General)) {
                let general = Machine::General.hidden(sites, hidden);
                if general + sites > VISIBLE_LIMIT {
                    return Err(Error::invalid(
                        format!("--hidden {hidden}"),
                        format!("the general machine of as many parameters has {general} coupled ones for {target}"),
                        format!("take fewer, so that visible and hidden units are at most {VISIBLE_LIMIT}"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Only the general machine has a burn-in with the data clamped: a restricted machine's hidden units are independent
    /// given the data, a fully visible one has none.
    fn cells(&self) -> Result<Vec<Cell>> {
        let mut cells = Vec::new();
        let where_used = |list: &List<Positive>, used: bool| match used {
            true => list.iter().map(|number| Some(number.0)).collect(),
            false => vec![None],
        };
        for (target, &model) in iproduct!(self.targets.iter(), self.models.iter()) {
            let visible = target.at(Some(self.temperature))?.sites();
            let sizes = self.machines.hidden().map(|hidden| model.hidden(visible, hidden)).unique();
            for (hidden, &name) in sizes.cartesian_product(self.estimators.iter()) {
                let burns = name.samples() && (model == Machine::General || name == EstimatorName::TwoRuns);
                let grid = iproduct!(
                    where_used(&self.gibbs_steps, name.is_persistent()),
                    where_used(&self.burn_in, burns),
                    where_used(&self.chains, name.samples()),
                    self.learning_rate.iter(),
                    0..self.machines.replicas
                );
                cells.extend(grid.map(|(gibbs_steps, burn_in, chains, &PositiveNumber(rate), replica)| {
                    let (target, estimator) = (target.clone(), Method { name, burn_in, chains, rate });
                    let parameters = model.parameters(visible, hidden);
                    Cell { target, model, visible, hidden, parameters, estimator, gibbs_steps, replica }
                }));
            }
        }
        Ok(cells)
    }

    fn work(&self, cell: &Cell) -> f64 {
        let (units, burn_in) = (cell.visible + cell.hidden, cell.estimator.burn_in.unwrap_or(1));
        let steps = cell.gibbs_steps.unwrap_or(burn_in) + burn_in;
        let update = cell.estimator.chains.map_or(1 << units.min(20), |chains| chains * units * units * steps);
        (8000 + update) as f64
    }

    /// Measures after 0, 1, 2, ... updates, ever farther apart.
    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let Cell { target, model: kind, hidden, estimator: Method { name, burn_in, chains, rate }, .. } = cell;
        let of = format!("{target} T={}", self.temperature);
        let table =
            lab.shared(format!("table of {of}"), || Ok(ExactTarget::new(&*target.at(Some(self.temperature))?)?))?;
        let law = lab.shared(format!("law of {of}"), || Ok(whole_law(&*target.at(Some(self.temperature))?)?))?;
        let target_seed = lab.seed(&target.to_string(), 0);
        // First weights depend on the machine and the replica only.
        let weights_seed = target_seed.child(&format!("{kind} {hidden} weights"), cell.replica as u64);
        let seed = target_seed.child(&cell.seed_name(), 0);
        let mut model = self.model(cell, weights_seed)?;
        let hidden_statistics = match kind {
            Machine::General => HiddenStatistics {
                positive: Phase::Sampled { clamped_steps: burn_in.unwrap_or(1) },
                negative: Phase::Sampled { clamped_steps: 1 },
            },
            // Independent given the data: one step is exact, and needs no random number.
            Machine::Visible | Machine::Restricted => HiddenStatistics::default(),
        };
        let recipe = Recipe::new(*name, cell.gibbs_steps.or(*burn_in), hidden_statistics);
        let (sampler, batch) = (RowSampler::new(&law)?, chains.unwrap_or(1));
        let mut estimator = DrawnData {
            inner: recipe.estimator(&law, batch, *hidden, seed)?,
            sampler: &sampler,
            // The exact gradient, and a law of few configurations, take all of them.
            draws: chains.filter(|chains| law.len() > *chains),
        };
        let work = estimator.gibbs_updates(&*model, &Batch::Law { law: &law, sampler: &sampler, chains: batch });
        let training = Training { epochs: self.updates, batch, learning_rate: *rate, ..Training::default() };
        let (mut next, mut rows) = (0, Vec::new());
        let measure = &mut |epoch: usize, updates, model: &dyn Model| {
            if epoch < next {
                return Ok(());
            }
            next = (epoch + 1).max((epoch as f64 * 1.2) as usize).min(self.updates);
            lab.progress(epoch, self.updates);
            let record = table.measure(&*model.marginal()?, None)?;
            let (kl, log_likelihood) = (record.kl, record.log_likelihood);
            rows.push(Row { updates, gibbs_updates: updates * work, kl, log_likelihood });
            Ok(())
        };
        train(&mut *model, &mut estimator, &law, &training, seed.child("training", 0), measure)?;
        Ok(rows)
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        // The largest machines where there are several.
        let most = self.machines.hidden().max().unwrap_or(0);
        let is_largest = |cell: &Cell| cell.hidden == cell.model.hidden(cell.visible, most);
        let sampled = rows.filter(|cell, _| cell.estimator.name.samples() && is_largest(cell));
        let machines = sampled.group_by(|cell, _| (cell.target.to_string(), cell.model));
        let machines: IndexMap<_, Runs> = machines.into_iter().map(|(machine, own)| (machine, runs(&own))).collect();
        let answer = |target: String| {
            let of = |model| machines.get(&(target.clone(), model));
            let answer = Answer::of(of(Machine::General)?, of(Machine::Restricted)?)?;
            Some((target, answer))
        };
        let answers: IndexMap<_, _> = self.targets.iter().filter_map(|target| answer(target.to_string())).collect();
        let level = |target: &str| answers.get(target).map(|answer| answer.kl);
        let choices: IndexMap<_, Setting> = machines
            .iter()
            .filter_map(|(machine, settings)| Some((machine.clone(), chosen(settings, level(&machine.0))?)))
            .collect();
        let choice = |cell: &Cell| choices.get(&(cell.target.to_string(), cell.model));
        let drawn = sampled.filter(|cell, row| row.gibbs_updates > 0 && choice(cell) == Some(&cell.setting()));
        let figure = drawn
            .plot(
                (Axis::log("units drawn, both phases"), |_, row| row.gibbs_updates as f64),
                (Axis::log("KL divergence (nats)"), |_, row| row.kl),
            )
            .panel(|cell, _| match cell.target.is_thermal() {
                true => format!("Ising model, {}, T = {}", target_in_words(&cell.target), self.temperature),
                false => target_in_words(&cell.target),
            })
            .series(|cell, _| cell.model.in_words().to_string())
            .levels(|rows| {
                let answer = rows.iter().next().and_then(|(cell, _)| answers.get(&cell.target.to_string()));
                let label = "KL that the general and the restricted machine reach".to_string();
                answer.map(|answer| Level::across(label, answer.kl)).into_iter().collect()
            })
            .titled(
                "What does it cost to learn with hidden units that are coupled?",
                format!(
                    "of every machine the setting that reaches the dashed KL first in the median, or ends lowest where \
                     none does; {}",
                    self.machines.replicas_in_words("median and range")
                ),
            );
        let mut figure = figure.figure();
        for (panel, target) in figure.panels.iter_mut().zip(drawn.group_by(|cell, _| cell.target.to_string()).keys()) {
            let own = choices.iter().filter(|((of, _), _)| of == target);
            let note = |((_, model), setting): (&(String, Machine), &Setting)| {
                Some((format!("{model}: {}", in_words(setting)), look_of(model.in_words())?))
            };
            panel.notes = own.filter_map(note).collect();
        }
        publication.figure("kl_against_gibbs_updates", &figure)?;
        publication.print(final_levels(rows));
        answers.iter().for_each(|(target, answer)| publication.say(answer.sentence(target)));
        Ok(())
    }
}

impl BoltzmannMachines {
    fn model(&self, cell: &Cell, seed: Seed) -> Result<Box<dyn Model>> {
        if cell.model == Machine::Restricted {
            let mut machine = Rbm::new(cell.visible, cell.hidden)?;
            machine.initialize(InitialWeights::Gaussian(self.initial_weights), seed)?;
            return Ok(Box::new(machine));
        }
        let edges = full_graph(cell.visible + cell.hidden);
        let mut machine = BoltzmannMachine::new(cell.visible, cell.hidden, &edges)?;
        machine.initialize(self.initial_weights, seed)?;
        Ok(Box::new(machine))
    }
}

/// Data drawn afresh from the target for every update.
struct DrawnData<'a> {
    inner: Box<dyn GradientEstimator>,
    sampler: &'a RowSampler<'a>,
    draws: Option<usize>,
}

impl DrawnData<'_> {
    fn drawn(&self, seed: Seed) -> Option<Batch<'static>> {
        Some(Batch::Rows(self.sampler.draw(self.draws?, seed)))
    }
}

impl GradientEstimator for DrawnData<'_> {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> gibbsite::error::Result<Estimated<'a>> {
        let drawn = self.drawn(seed.child("data", 0));
        match &drawn {
            Some(drawn) => Ok(self.inner.estimate(model, drawn, seed, gradient)?.into_owned()),
            None => self.inner.estimate(model, batch, seed, gradient),
        }
    }

    /// Every batch is as large as any other.
    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        self.inner.gibbs_updates(model, self.drawn(Seed::root(0)).as_ref().unwrap_or(batch))
    }
}

/// How a machine was trained: its estimator with its place in the grid, and the Gibbs steps.
type Setting = (String, Option<usize>);

/// One training run: KL after so many units drawn.
type Run = Vec<(u64, f64)>;

/// The training runs of one machine: for every setting its replicas.
type Runs = BTreeMap<Setting, Vec<Run>>;

fn runs(rows: &Rows<BoltzmannMachines>) -> Runs {
    let run = |own: &Rows<_>| own.iter().map(|(_, row): (&Cell, &Row)| (row.gibbs_updates, row.kl)).collect::<Run>();
    let replicas = |own: Rows<BoltzmannMachines>| own.group_by(|cell, _| cell.replica).values().map(run).collect();
    rows.group_by(|cell, _| cell.setting()).into_iter().map(|(setting, own)| (setting, replicas(own))).collect()
}

/// Each measurement of a run with the two before it: their median at its work, since a noisy run dips below its level by luck.
fn smoothed(run: &[(u64, f64)]) -> impl Iterator<Item = (u64, f64)> + '_ {
    let median = |three: &[(u64, f64)]| Summary::of(three.iter().map(|(_, kl)| *kl).collect()).median;
    run.windows(3).map(move |three| (three[2].0, median(three)))
}

/// The KL where a run ends: the median of its last three measurements, or the last value of the exact gradient, which draws
/// nothing and has no noise.
fn final_level(run: &[(u64, f64)]) -> f64 {
    match (run.last().copied(), smoothed(run).last()) {
        (Some((0, kl)), _) | (_, Some((_, kl))) => kl,
        _ => f64::INFINITY,
    }
}

/// A setting in few words.
fn in_words((estimator, gibbs_steps): &Setting) -> String {
    let Ok(Method { chains, burn_in, rate, .. }) = estimator.parse() else {
        return estimator.clone();
    };
    let chains = chains.map_or(String::new(), |chains| format!("{} chains, ", grouped(chains)));
    let steps = gibbs_steps.map_or(String::new(), |k| format!(", k = {k}"));
    let burn_in = burn_in.map_or(String::new(), |steps| format!(", burn-in {steps}"));
    format!("{chains}rate {rate}{steps}{burn_in}")
}

/// The setting that a figure shows, by the same rule for every machine: the one that comes to `kl` first in the median over
/// replicas, and where none does, or no KL is told, the one whose median ends lowest.
fn chosen(settings: &Runs, kl: Option<f64>) -> Option<Setting> {
    let reaches = kl.and_then(|kl| best_setting(settings, kl));
    let level = |runs: &[Run]| Summary::of(runs.iter().map(|run| final_level(run)).collect()).median;
    let lowest = || settings.iter().min_by(|a, b| level(a.1).total_cmp(&level(b.1)));
    reaches.map(|(setting, _)| setting).or_else(|| Some(lowest()?.0.clone()))
}

/// The KL at which every replica ends, or below, with the best setting.
fn reached_by_all(settings: &Runs) -> Option<f64> {
    // In this order a NaN is the largest number, so that a spoiled run never counts as the best.
    let worst = |runs: &Vec<Run>| runs.iter().map(|run| final_level(run)).max_by(f64::total_cmp);
    settings.values().filter_map(worst).min_by(f64::total_cmp)
}

/// The setting that comes to `kl` with the smallest median of units drawn, among those whose replicas all end there or below.
/// The KL is that of the smoothed run: noise that dips there once does not count.
fn best_setting(settings: &Runs, kl: f64) -> Option<(Setting, Summary)> {
    let drawn_until = |run: &Run| smoothed(run).find(|(_, smoothed)| *smoothed <= kl).map(|(drawn, _)| drawn as f64);
    let reach = settings.iter().filter(|(_, runs)| runs.iter().all(|run| final_level(run) <= kl));
    let drawn = reach.filter_map(|(setting, runs)| {
        let drawn: Option<Vec<f64>> = runs.iter().map(drawn_until).collect();
        Some((setting.clone(), Summary::of(drawn.filter(|drawn| !drawn.is_empty())?)))
    });
    drawn.min_by(|a, b| a.1.median.total_cmp(&b.1.median))
}

/// What one target says.
struct Answer {
    /// The smallest KL at which every replica of both machines ends, or below, with some setting.
    kl: f64,
    /// The best setting of each machine and the units it drew until it reached the KL.
    general: (Setting, Summary),
    restricted: (Setting, Summary),
}

impl Answer {
    fn of(general: &Runs, restricted: &Runs) -> Option<Self> {
        let kl = reached_by_all(general)?.max(reached_by_all(restricted)?);
        let (general, restricted) = (best_setting(general, kl)?, best_setting(restricted, kl)?);
        Some(Self { kl, general, restricted })
    }

    /// The factor between the medians, and its extremes over replicas.
    fn factor(&self) -> Summary {
        let (general, restricted) = (&self.general.1, &self.restricted.1);
        Summary {
            median: general.median / restricted.median,
            smallest: general.smallest / restricted.largest,
            largest: general.largest / restricted.smallest,
        }
    }

    fn sentence(&self, target: &str) -> String {
        let with = |((estimator, steps), drawn): &(Setting, Summary)| {
            let steps = steps.map_or(String::new(), |k| format!(", {k} free step{}", if k == 1 { "" } else { "s" }));
            let estimator = estimator.replace(';', ", ").replace('(', ": ").replace(')', "").replace('_', "-");
            format!("{:.2e} ({estimator}{steps})", drawn.median)
        };
        let Summary { median, smallest, largest } = self.factor();
        let (kl, general, restricted) = (self.kl, with(&self.general), with(&self.restricted));
        format!(
            "To reach a KL of {kl:.3} nats on {target}, the general machine draws {median:.3} times as many units as the \
             restricted one (over replicas {smallest:.3} to {largest:.3}): {general} against {restricted}."
        )
    }
}

/// Where each machine ends: over its settings, the smallest median over replicas.
fn final_levels<'a>(rows: &Rows<'a, BoltzmannMachines>) -> Table<Group<'a, BoltzmannMachines>> {
    let headline = "KL divergence in nats at which each machine ends, with its best setting, exact gradient included (median over replicas):";
    let median = |runs: Vec<Run>| Summary::of(runs.iter().map(|run| final_level(run)).collect()).median;
    Table::of(headline, rows.groups(|cell, _| (cell.target.to_string(), cell.model, cell.hidden)))
        .column("target", |own| own.cell.target.clone())
        .column("model", |own| own.cell.model)
        .column("visible", |own| own.cell.visible)
        .column("hidden", |own| own.cell.hidden)
        .column("parameters", |own| own.cell.parameters)
        .column("KL", |own| digits(runs(&own.rows).into_values().map(median).fold(f64::INFINITY, f64::min)))
}

laboratory::main!(BoltzmannMachines);

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A run measured every 10 units drawn.
    fn run(kl: &[f64]) -> Run {
        (1..).map(|k| 10 * k).zip(kl.iter().copied()).collect()
    }

    fn settings(of: &[(&str, &[&[f64]])]) -> Runs {
        let runs = |replicas: &[&[f64]]| replicas.iter().map(|kl| run(kl)).collect();
        of.iter().map(|(name, replicas)| ((name.to_string(), None), runs(replicas))).collect()
    }

    /// Against medians and first passages found by hand: a dip does not count, a setting that ends above the KL does not
    /// either, and a spoiled run is never the best.
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
        let answer = Answer { kl: 3.0, general: with(10.0, 8.0, 12.0), restricted: with(40.0, 30.0, 64.0) };
        let factor = answer.factor();
        assert_eq!((factor.median, factor.smallest, factor.largest), (0.25, 0.125, 0.4));
    }

    /// Of a setting whose runs dip at their last measurement, one that ends low in two of three replicas and one that ends lower
    /// in the mean alone, the median takes the second; where a KL is told, the first in the median to reach it.
    #[test]
    fn settings_are_chosen_by_the_median() {
        let dips: [&[f64]; 3] = [&[9.0, 9.0, 9.0, 0.1], &[9.0, 9.0, 9.0, 0.1], &[9.0, 9.0, 9.0, 0.1]];
        let median: [&[f64]; 3] = [&[9.0, 3.0, 3.0, 3.0], &[9.0, 3.0, 3.0, 3.0], &[9.0, 9.0, 9.0, 9.0]];
        let mean: [&[f64]; 3] = [&[4.0, 4.0, 4.0, 4.0], &[4.0, 4.0, 4.0, 4.0], &[0.0, 0.0, 0.0, 0.0]];
        let three = settings(&[("dips", &dips), ("mean", &mean), ("median", &median)]);
        assert_eq!(chosen(&three, None).unwrap().0, "median");
        assert_eq!(chosen(&three, Some(1.0)).unwrap().0, "median");
        assert_eq!(chosen(&three, Some(5.0)).unwrap().0, "mean");
        let early: [&[f64]; 3] = [&[9.0, 5.0, 5.0, 5.0], &[9.0, 5.0, 5.0, 5.0], &[9.0, 9.0, 9.0, 5.0, 5.0, 5.0]];
        let late: [&[f64]; 3] = [&[9.0, 9.0, 9.0, 5.0, 1.0, 1.0]; 3];
        let two = settings(&[("early", &early), ("late", &late)]);
        assert_eq!(chosen(&two, Some(5.0)).unwrap().0, "early");
        let words = in_words(&("pcd(burn_in=3;chains=2000;rate=0.4)".to_string(), Some(5)));
        assert_eq!(words, "2,000 chains, rate 0.4, k = 5, burn-in 3");
    }

    /// A method is read as it is written, whichever of its settings there are.
    #[test]
    fn methods_are_read_as_they_are_written() {
        for text in ["exact(rate=0.4)", "pcd(chains=20;rate=0.1)", "two-runs(burn_in=3;chains=200;rate=1)"] {
            assert_eq!(text.parse::<Method>().unwrap().to_string(), text);
        }
    }
    /// Notes the data that it is given, and moves nothing.
    struct Notes(Arc<Mutex<Vec<Configurations>>>);

    impl GradientEstimator for Notes {
        fn estimate<'a>(
            &mut self,
            _: &dyn Model,
            batch: &'a Batch,
            _: Seed,
            gradient: &mut [f64],
        ) -> gibbsite::error::Result<Estimated<'a>> {
            self.0.lock().unwrap().push(batch.data().clone());
            gradient.fill(0.0);
            Ok(Estimated::Written)
        }

        fn gibbs_updates(&self, _: &dyn Model, batch: &Batch) -> u64 {
            batch.data().len() as u64
        }
    }

    /// Every update has draws of its own, as many as are told; where none are told the law itself is taken.
    #[test]
    fn data_are_drawn_afresh_for_every_update() {
        let law = whole_law(&Ising::on_lattice(Lattice::Ring(6), 1.0, 0.0, 2.0).unwrap()).unwrap();
        let sampler = RowSampler::new(&law).unwrap();
        let seen = |draws| {
            let notes = Arc::default();
            let mut estimator = DrawnData { inner: Box::new(Notes(Arc::clone(&notes))), sampler: &sampler, draws };
            let mut model = Rbm::new(6, 2).unwrap();
            let training = Training { epochs: 3, ..Training::default() };
            train(&mut model, &mut estimator, &law, &training, Seed::root(1), &mut |_, _, _| Ok(())).unwrap();
            let batch = Batch::Law { law: &law, sampler: &sampler, chains: 1 };
            let data = notes.lock().unwrap().clone();
            (data, estimator.gibbs_updates(&model, &batch))
        };
        let (drawn, work) = seen(Some(10));
        assert_eq!((drawn.len(), work), (3, 10));
        assert!(drawn.iter().all(|data| data.len() == 10));
        assert!(drawn[0] != drawn[1] && drawn[1] != drawn[2] && drawn[0] != drawn[2]);
        let (whole, work) = seen(None);
        assert_eq!((whole.len(), work), (3, 64));
        assert!(whole.iter().all(|data| *data == law));
    }

    /// A setting of which one run reaches the KL early and ends above it is not the best one, however little it draws.
    #[test]
    fn every_replica_of_the_best_setting_ends_below() {
        let climbs: [&[f64]; 2] = [&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], &[1.0, 1.0, 1.0, 9.0, 9.0, 9.0]];
        let late: [&[f64]; 2] = [&[9.0, 9.0, 9.0, 2.0, 2.0, 2.0]; 2];
        let settings = settings(&[("climbs", &climbs), ("late", &late)]);
        assert_eq!(best_setting(&settings, 3.0).unwrap().0.0, "late");
    }
}
