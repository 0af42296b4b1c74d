//! Does the likelihood fall while contrastive divergence goes on, and which gradient keeps it?
//!
//! Fischer and Igel, ICANN 2010; Schulz, Mueller and Behnke, 2010; Desjardins et al., AISTATS 2010.

use gibbsite::enumerate::mean_log_weight;
use gibbsite::prelude::*;
use gibbsite::training::direction::{Offsets, Step};
use laboratory::prelude::*;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Does the likelihood fall while contrastive divergence goes on, and which gradient keeps it?
///
/// Machines learn a list of patterns in full batches by every gradient named, from small weights, and the exact likelihood of
/// the patterns is followed beside the reconstruction error that goes on falling, and beside how well the chains mix.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct CdDivergence {
    #[arg(long, value_name = "LIST", default_value = "bars:4x4,labelled_shifter:4", help_heading = "Target",
          help = format!("Patterns to learn: {}", targets_in_words(|kind| !kind.thermal)))]
    data: List<TargetName>,
    /// Gradients, each as NAME:k with its settings, such as cd:10, pcd:1:chains=500, tempering:1:temperatures=10; or natural:DAMPING, the natural gradient by enumeration, which takes a hundredth of the updates
    #[arg(
        long,
        value_name = "LIST",
        help_heading = "Sweep",
        default_value = "cd:1,cd:2,cd:4,cd:10,cd:100,pcd:1,fpcd:1,tempering:1,tempering:1:chains=500,ptt:1:chains=500,exact,natural:0.0001"
    )]
    estimators: List<Method>,
    #[command(flatten)]
    #[serde(flatten)]
    machines: MachineOptions,
    #[command(flatten)]
    #[serde(flatten)]
    training: TrainingOptions,
    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  cd_divergence                                    every gradient on bars and stripes and the shifter
  cd_divergence --quick                            every file in seconds
  cd_divergence --data bars:3x3 --estimators cd:1,pcd:1,exact --epochs 5000
  cd_divergence --data bars:4x4 --estimators cd:1:centred=data,ptt:1:chains=500 --replicas 5";

/// A gradient by name.
#[derive(Clone, Debug, PartialEq)]
enum Method {
    Sampled(Recipe),
    Natural(Step),
}

/// The natural gradient goes so many times as far in an update.
const FARTHER: usize = 100;

/// One machine that learns.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// The patterns, each as often as it is generated.
    data: TargetName,
    /// The gradient with its settings.
    #[serde(with = "text")]
    estimator: Method,
    /// Gibbs steps k an update; empty where nothing is sampled.
    gibbs_steps: Option<usize>,
    /// Hidden units.
    hidden: usize,
    /// Replicas have weights and chains of their own.
    replica: usize,
}

/// A machine after some updates.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// Updates so far.
    updates: u64,
    /// Sum of ln p over the patterns, in nats.
    log_likelihood: f64,
    /// The largest that any model has.
    bound: f64,
    /// Mean squared difference of a visible unit from its mean-field reconstruction.
    reconstruction_error: f64,
    /// The length of the weights.
    weight_norm: f64,
    /// Autocorrelation time of the chains in Gibbs steps, since the row before: beyond k they do not keep up.
    tau: Option<f64>,
    /// The smallest share of exchanges accepted between neighbouring rungs.
    swap_rate: Option<f64>,
    /// Round trips of a ladder's states so far, on average.
    round_trips: Option<f64>,
    /// Rungs of a ladder.
    rungs: Option<usize>,
}

impl Experiment for CdDivergence {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "cd_divergence";
    const AXES: &'static [&'static str] = &["data", "estimators", "hidden", "replicas"];
    const DEFAULTS: Preset = "--epochs 50000 --replicas 5";
    /// Patterns are learned in full batches.
    const UNUSED: &'static [&'static str] = &["batch"];
    const QUICK: Preset = "\
        --data bars:3x3 --hidden 4 --epochs 300 --replicas 2 \
        --estimators exact,cd:1,pcd:1,fpcd:1,tempering:1:temperatures=4,ptt:1,natural:0.001";
    const PAPER: Preset = "--replicas 25";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        self.machines.check()?;
        self.training.check()?;
        for method in self.estimators.iter() {
            if let Method::Sampled(recipe) = method {
                self.training.check_recipe(recipe)?;
            }
        }
        for data in self.data.iter() {
            let target = data.at(None)?;
            if target.patterns().is_none() || target.sites() > 20 {
                return Err(Error::invalid(
                    format!("--data {data}"),
                    "it is no list of patterns of at most 20 sites",
                    format!("take one of {}", targets_in_words(|kind| !kind.thermal)),
                ));
            }
        }
        Ok(())
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let all =
            iproduct!(self.data.iter(), self.estimators.iter(), self.machines.hidden(), 0..self.machines.replicas);
        let cell = |(data, estimator, hidden, replica): (&TargetName, &Method, _, _)| {
            let (data, estimator, gibbs_steps) = (data.clone(), estimator.clone(), estimator.gibbs_steps());
            Cell { data, estimator, gibbs_steps, hidden, replica }
        };
        Ok(all.map(cell).collect())
    }

    /// Microseconds, roughly.
    fn work(&self, cell: &Cell) -> f64 {
        let update = match &cell.estimator {
            Method::Natural(_) => 100_000.0 / FARTHER as f64,
            Method::Sampled(recipe) => {
                let chains = recipe.chains.unwrap_or(32) as f64;
                match recipe.name {
                    EstimatorName::Exact => 1000.0,
                    EstimatorName::Tempering | EstimatorName::Ptt => 30.0 + chains,
                    _ => 10.0 + 0.6 * cell.gibbs_steps.unwrap_or(0) as f64,
                }
            }
        };
        update * self.training.epochs as f64
    }

    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let target = cell.data.at(None)?;
        let (law, count) = (target.data()?, target.generated().unwrap_or(1));
        let times = |s: usize| (law.weight(s) * count as f64).round() as usize;
        let rows: Vec<usize> = (0..law.len()).flat_map(|s| std::iter::repeat_n(s, times(s))).collect();
        let mut data = Configurations::zeros(law.sites(), rows.len());
        rows.iter().enumerate().for_each(|(s, pattern)| data.row_mut(s).copy_from_slice(law.row(*pattern)));
        let data = Arc::new(data);
        let bound = -(count as f64) * ExactTarget::new(&*target)?.entropy();
        // The same weights for every gradient.
        let seed = lab.seed(&cell.data.to_string(), 0).child("hidden", cell.hidden as u64);
        let mut machine = Rbm::new(law.sites(), cell.hidden)?;
        machine.initialize(self.training.initial_weights, seed.child("weights", cell.replica as u64))?;
        let seed = seed.child(&cell.estimator.to_string(), cell.replica as u64);
        let mut settings = Training { batch: data.len(), ..self.training.training() };
        if let Method::Sampled(recipe) = &cell.estimator {
            settings = recipe.training(settings);
        }
        let estimator: Box<dyn GradientEstimator> = match &cell.estimator {
            Method::Sampled(recipe) => recipe.estimator(&data, data.len(), cell.hidden, seed)?,
            Method::Natural(step) => {
                (settings.step, settings.epochs) = (*step, self.training.epochs.div_ceil(FARTHER));
                // It goes the same way whatever the offsets are.
                settings.centred = Offsets::None;
                Box::new(Exact)
            }
        };
        let couplings = machine.couplings();
        let mut trainer = Trainer::new(machine, estimator, Arc::clone(&data), &settings, seed.child("training", 0))?;
        let (mut next, mut measured) = (0, Vec::new());
        loop {
            if trainer.epochs() >= next {
                next = (next + 1).max(next * 6 / 5).min(settings.epochs);
                let mixing = trainer.estimator().mixing();
                let ladders = mixing.and_then(|mixing| mixing.ladders);
                let model = trainer.model();
                let log_partition = log_partition(&*model.marginal()?)?;
                let squares = model.parameters()[..couplings].iter().map(|w| w * w);
                measured.push(Row {
                    updates: trainer.updates(),
                    log_likelihood: count as f64 * (mean_log_weight(&*model.marginal()?, &law) - log_partition),
                    bound,
                    reconstruction_error: model.reconstruction_error(&law),
                    weight_norm: squares.sum::<f64>().sqrt(),
                    tau: mixing.map(|mixing| mixing.tau),
                    swap_rate: ladders.and_then(|ladders| ladders.swap_rate),
                    round_trips: ladders.map(|ladders| ladders.round_trips),
                    rungs: ladders.map(|ladders| ladders.rungs),
                });
                lab.progress(trainer.epochs(), settings.epochs);
            }
            if trainer.epochs() == settings.epochs {
                return Ok(measured);
            }
            trainer.epoch()?;
        }
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let about = self.machines.replicas_in_words("medians and quartiles");
        let x = || (Axis::log("updates"), |_: &Cell, row: &Row| row.updates as f64);
        let series = |cell: &Cell, _: &Row| cell.estimator.label();
        let panel = |what: &'static str| {
            move |cell: &Cell, _: &Row| format!("{}, {}: {what}", target_in_words(&cell.data), units(cell.hidden))
        };
        let bound = |rows: &Rows<Self>| {
            let first = rows.iter().next();
            let level = |row: &Row| Level::across("upper bound", row.bound);
            first.map(|(_, row)| level(row)).into_iter().collect()
        };
        // One beside the other for every list of patterns: the likelihood, and what is measured with another axis.
        let beside = |own: &Rows<Self>, what, axis: Axis, y: fn(&Cell, &Row) -> f64, title: &str| {
            let likelihood = own.plot(x(), (Axis::linear("sum of ln p (nats)"), |_, row| row.log_likelihood));
            let likelihood = likelihood.panel(panel("log-likelihood")).series(series).levels(bound);
            let mut figure = likelihood.over(Over::Quartiles).titled(title, &about).figure();
            let right =
                own.plot(x(), (axis.clone(), y)).series(series).panel(panel(what)).over(Over::Quartiles).figure();
            let right = right.panels.into_iter().map(|panel| Panel { y: Some(axis.clone()), ..panel });
            figure.panels = figure.panels.into_iter().zip(right).flat_map(|(left, right)| [left, right]).collect();
            Figure { columns: 2, ..figure }
        };
        let of = |cell: &Cell, names: &[EstimatorName]| match &cell.estimator {
            Method::Sampled(recipe) => names.contains(&recipe.name),
            Method::Natural(_) => false,
        };
        let trained = rows.filter(|_, row| row.updates > 9);
        let cd = trained.filter(|cell, _| of(cell, &[EstimatorName::Exact, EstimatorName::Cd]));
        let title = "CD-k: the likelihood falls while the reconstruction error goes on falling";
        let error = |_: &Cell, row: &Row| row.reconstruction_error;
        let figure = beside(&cd, "reconstruction error", Axis::log("mean square"), error, title);
        publication.figure("likelihood", &figure)?;
        let others = trained.filter(|cell, _| !of(cell, &[EstimatorName::Cd]));
        let title = "Chains that live on: which of them keep up with the machine?";
        let missing = |_: &Cell, row: &Row| row.bound - row.log_likelihood;
        let figure = beside(&others, "what is missing", Axis::log("bound − sum of ln p (nats)"), missing, title);
        publication.figure("chains", &figure)?;
        let machines = rows.groups(|cell, _| (cell.data.clone(), cell.estimator.label(), cell.hidden)).into_iter();
        let machines = machines.filter_map(|own| {
            let updates = own.rows.groups(|_, row| row.updates).into_iter();
            let medians = updates.map(|own| (own.rows.summary(|_, row| row.log_likelihood).median, own));
            let medians: Vec<_> = medians.collect();
            let peak = medians.iter().max_by(|a, b| a.0.total_cmp(&b.0)).map(|(peak, own)| (*peak, own.row.updates))?;
            Some((own, peak, medians.into_iter().last()?))
        });
        let tau = |own: &Group<Self>| own.rows.summary(|_, row| row.tau.unwrap_or(f64::NAN)).median;
        let headline =
            format!("Sum of ln p over the patterns, in nats, {}:", self.machines.replicas_in_words("medians"));
        let table = Table::of(headline, machines)
            .column("data", |(own, ..)| own.cell.data.clone())
            .column("gradient", |(own, ..)| own.cell.estimator.label())
            .column("hidden", |(own, ..)| own.cell.hidden)
            .column("peak", |(_, (peak, _), _)| format!("{peak:.2}"))
            .column("at update", |(_, (_, updates), _)| *updates)
            .column("end", |(.., (end, _))| format!("{end:.2}"))
            .column("bound", |(own, ..)| format!("{:.2}", own.row.bound))
            .column("tau at the end", |(.., (_, last))| {
                or_empty(Some(tau(last)).filter(|tau| !tau.is_nan()).map(|tau| format!("{tau:.3}")))
            });
        publication.print(table);
        Ok(())
    }
}

impl Method {
    fn gibbs_steps(&self) -> Option<usize> {
        match self {
            Method::Sampled(recipe) => recipe.gibbs_steps,
            Method::Natural(_) => None,
        }
    }

    fn label(&self) -> String {
        match self {
            Method::Sampled(recipe) => recipe.label(),
            Method::Natural(_) => "natural gradient".to_string(),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Method::Sampled(recipe) => recipe.fmt(f),
            Method::Natural(step) => step.fmt(f),
        }
    }
}

impl FromStr for Method {
    type Err = gibbsite::error::Error;

    fn from_str(text: &str) -> gibbsite::error::Result<Self> {
        if text.starts_with("natural") { text.parse().map(Method::Natural) } else { text.parse().map(Method::Sampled) }
    }
}

laboratory::main!(CdDivergence);

#[cfg(test)]
mod tests {
    use super::*;
    use laboratory::contract::run;

    /// Before and after an update by the exact gradient: the likelihood of the 8 patterns that bars and stripes of 2x2 generate
    /// (none and all of them twice), its bound, the mean-field reconstruction and the length of the weights, each by its
    /// definition.
    #[test]
    fn a_row_is_what_its_columns_say() {
        let words = "--data bars:2x2 --hidden 3 --estimators exact --epochs 1 --replicas 1 --learning-rate 0.5";
        let (_, rows) = run::<CdDivergence>(&words.split(' ').collect::<Vec<_>>());
        let seed = Seed::root(1).child("bars:2x2", 0).child("hidden", 3).child("weights", 0);
        let mut machine = Rbm::new(4, 3).unwrap();
        machine.initialize(InitialWeights::Gaussian(0.01), seed).unwrap();
        // Bars are equal along rows, 0b0011 and 0b1100, stripes along columns, 0b0101 and 0b1010.
        let patterns: [u64; 8] = [0, 0, 0b0011, 0b1100, 0b0101, 0b1010, 0b1111, 0b1111];
        let bound = 4.0 * 0.25_f64.ln() + 4.0 * 0.125_f64.ln();
        assert_eq!(rows.len(), 2);
        for (number, (_, row)) in rows.iter().enumerate() {
            let weight = |state: u64| machine.log_weight(&[state]).exp();
            let all: f64 = (0..16).map(weight).sum();
            let log_likelihood: f64 = patterns.iter().map(|state| (weight(*state) / all).ln()).sum();
            let (w, rest) = machine.parameters().split_at(12);
            let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
            let error = |state: u64| {
                let on = |site: usize| (state >> site & 1) as f64;
                let hidden: Vec<f64> =
                    (0..3).map(|j| logistic(rest[4 + j] + (0..4).map(|i| on(i) * w[3 * i + j]).sum::<f64>())).collect();
                let back = |i: usize| logistic(rest[i] + (0..3).map(|j| hidden[j] * w[3 * i + j]).sum::<f64>());
                (0..4).map(|i| (on(i) - back(i)).powi(2)).sum::<f64>() / 4.0
            };
            let error = patterns.iter().map(|state| error(*state)).sum::<f64>() / 8.0;
            let norm = w.iter().map(|w| w * w).sum::<f64>().sqrt();
            let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{row:?}, {expected}");
            close(row.log_likelihood, log_likelihood);
            close(row.bound, bound);
            close(row.reconstruction_error, error);
            close(row.weight_norm, norm);
            assert_eq!((row.updates, row.tau, row.rungs), (number as u64, None, None));
            let mut data = Configurations::zeros(4, 8);
            patterns.iter().enumerate().for_each(|(s, pattern)| data.row_mut(s)[0] = *pattern);
            let settings = Training { epochs: 1, batch: 8, learning_rate: 0.5, ..Training::default() };
            train(&mut machine, &mut Exact, &data, &settings, Seed::root(1), &mut |_, _, _| Ok(())).unwrap();
        }
        assert_ne!(rows[0].1.weight_norm, rows[1].1.weight_norm);
    }

    /// Replicas of the exact gradient differ in their first weights, and gradients of a replica do not.
    #[test]
    fn replicas_have_weights_of_their_own() {
        let words = "--quick --data bars:2x2 --hidden 3 --estimators exact,cd:1 --epochs 2 --replicas 2";
        let (_, rows) = run::<CdDivergence>(&words.split(' ').collect::<Vec<_>>());
        let first = |estimator: &str, replica: usize| {
            let own = rows.iter().find(|(cell, row)| {
                (cell.estimator.to_string(), cell.replica, row.updates) == (estimator.to_string(), replica, 0)
            });
            own.unwrap().1.weight_norm
        };
        assert_ne!(first("exact", 0), first("exact", 1));
        assert_eq!([0, 1].map(|replica| first("exact", replica)), [0, 1].map(|replica| first("cd:1", replica)));
    }
}
