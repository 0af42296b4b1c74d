//! How fast, and how well, does a restricted Boltzmann machine learn an Ising model?
//!
//! RBMs learn an Ising law (exact, or configurations drawn by Monte Carlo) by the exact gradient, CD-k and PCD-k over a range
//! of hidden-unit counts, and the exact divergence D_KL(P || P_model) to the target is followed. The setting is that of
//! Torlai and Melko, Phys. Rev. B 94, 165134 (2016); the question of bias in the estimator that of Fischer and Igel, ICANN
//! 2010.

use gibbsite::enumerate::{VISIBLE_LIMIT, WHOLE_LAW_LIMIT};
use gibbsite::monitor::ExactRecord;
use gibbsite::prelude::*;
use laboratory::prelude::*;

/// How fast, and how well, does a restricted Boltzmann machine learn an Ising model?
///
/// Trains an RBM for every combination of lattice, temperature, estimator, Gibbs steps, hidden units and replica,
/// follows the exact KL divergence between the Ising law and the model, and writes the rows, two figures and a table
/// of the final values. Lists are comma-separated; every combination is a cell, cells run in parallel, and a finished
/// cell is kept on disk.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct IsingKl {
    #[command(flatten)]
    #[serde(flatten)]
    learning: LearningOptions,

    #[command(flatten)]
    #[serde(flatten)]
    couplings: CouplingOptions,

    /// Training data: `exact` for the whole law, or how many configurations Monte Carlo draws
    #[arg(long, value_name = "M|exact", default_value = "exact", help_heading = "Target")]
    samples: Samples,

    /// Epochs between measurements; before the first epoch and after the last there is always one
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = at_least_one, help_heading = "Training")]
    every: usize,

    /// Persistent chains of pcd, and free ones of two-runs
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = at_least_one, help_heading = "Training")]
    chains: usize,

    /// First visible biases: zero, or `data` for the log odds of each site in the data
    #[arg(long, value_name = "WHICH", default_value = "zero", help_heading = "Training")]
    visible_bias: VisibleBias,
}

const EXAMPLES: &str = "\
Examples:
  ising_kl              the figures of its page, half a minute on two cores
  ising_kl --quick      every file in seconds
  ising_kl --lattices square:4x4 --samples 10000 --hidden 4,16 --epochs 200 --every 5
  ising_kl --lattices ring:6 --temperatures 1 --estimators cd --gibbs-steps 1,2,5,10,20
  ising_kl --paper      the smallest KL that few hidden units can reach, on six spins:
                        exact gradient, 12 starts from large weights, 100,000 updates";

choice! {
    /// How the visible biases start.
    VisibleBias { Zero = "zero", Data = "data" }
}

/// A model at one epoch.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// Passes over the data so far.
    epoch: usize,
    /// Updates so far.
    updates: u64,
    /// D_KL(P || P_model) in nats, always against the target.
    kl: f64,
    /// Mean ln P_model of a training configuration, in nats.
    log_likelihood: f64,
    /// ln Z of the model.
    log_partition: f64,
}

impl Experiment for IsingKl {
    type Cell = LearningCell;
    type Row = Row;
    const NAME: &'static str = "ising_kl";
    const AXES: &'static [&'static str] = LEARNING_AXES;
    const DEFAULTS: Preset = "\
        --hidden 1,2,4,8,16 --replicas 5 --epochs 8000 --batch 200 --learning-rate 0.2 --decay exponential:2500 \
        --momentum 0.5 --initial-weights gaussian:0.5";
    const QUICK: Preset = "--gibbs-steps 1,10 --hidden 2,8 --replicas 2 --epochs 500 --every 25";
    const PAPER: Preset = "\
        --lattices ring:6,chain:6 --temperatures 1 --estimators exact --hidden 1,2,3 --replicas 12 --epochs 100000 \
        --every 1000 --momentum 0.9 --decay none --initial-weights uniform";

    fn common(&self) -> &CommonOptions {
        &self.learning.common
    }

    fn check(&self) -> Result<()> {
        self.learning.check()?;
        check_at_most("--chains", self.chains, 10_000_000)?;
        let couplings = (self.couplings.coupling, self.couplings.field);
        self.learning.target.check(VISIBLE_LIMIT, couplings)?;
        match self.samples {
            Samples::Count(count) => check_at_most("--samples", count, 100_000_000),
            Samples::Exact => {
                let law = "the whole law for --samples exact";
                self.learning.target.check_enumerable(law, WHOLE_LAW_LIMIT)
            }
        }
    }

    fn cells(&self) -> Result<Vec<LearningCell>> {
        Ok(self.learning.cells())
    }

    /// Additions, roughly.
    fn work(&self, cell: &LearningCell) -> f64 {
        let (sites, hidden) = (cell.lattice.sites(), cell.hidden as f64);
        let (states, pairs) = ((1_u64 << sites) as f64, sites as f64 * hidden);
        let batch = self.learning.training.batch as f64;
        let (updates, rows) = match self.samples {
            Samples::Exact => (1.0, states),
            Samples::Count(count) => ((count as f64 / batch).ceil(), batch),
        };
        let steps = cell.gibbs_steps.unwrap_or(0) as f64;
        let negative = match cell.estimator {
            EstimatorName::Exact => (1_u64 << sites.min(cell.hidden)) as f64 * hidden.max(sites as f64),
            EstimatorName::Cd => batch * steps * pairs,
            _ => self.chains as f64 * steps * pairs,
        };
        updates * (rows * pairs / 4.0 + 4.0 * negative) + 4.0 * states * hidden / self.every as f64
    }

    fn run(&self, cell: &LearningCell, lab: &Lab) -> Result<Vec<Row>> {
        let name = self.target_name(cell);
        let target_seed = lab.seed(&name, 0);
        let CouplingOptions { coupling, field } = self.couplings;
        let ising = Ising::on_lattice(cell.lattice, coupling, field, cell.temperature)?;
        let target = lab.shared(&name, || Ok(ExactTarget::new(&ising)?))?;
        let data = lab.shared(format!("{name} data {}", cell.replica), || {
            self.data(&ising, target_seed.child("data", cell.replica as u64))
        })?;
        let (data, sample) = &*data;
        // Weights depend on the model and the replica only, so that estimators start alike.
        let weights = target_seed.child("hidden", cell.hidden as u64).child("weights", cell.replica as u64);
        let seed = target_seed.child(&run_name(cell), 0);
        let mut model = Rbm::new(cell.lattice.sites(), cell.hidden)?;
        model.initialize(self.learning.training.initial_weights, weights)?;
        if self.visible_bias == VisibleBias::Data {
            model.set_visible_bias_from(data);
        }
        let mut estimator = cell.recipe().estimator(data, self.chains, cell.hidden, seed)?;
        let mut rows = Vec::new();
        let settings = self.learning.training.training();
        let measure = &mut |epoch: usize, updates, model: &dyn Model| {
            if epoch.is_multiple_of(self.every) || epoch == settings.epochs {
                let ExactRecord { kl, log_likelihood, log_partition } =
                    target.measure(&*model.marginal()?, sample.as_ref())?;
                rows.push(Row { epoch, updates, kl, log_likelihood, log_partition });
                lab.progress(epoch, settings.epochs);
            }
            Ok(())
        };
        let seed = seed.child("training", 0);
        train(&mut model, &mut *estimator, data, &settings, seed, measure)?;
        Ok(rows)
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let last = self.last(rows);
        let lattices = self.learning.target.lattices_in_words();
        let replicas = self.learning.machines.replicas_in_words("median and range");
        let protocol = self.protocol();
        let passes = match self.samples {
            Samples::Exact => "epoch (one update each; 0 is left out)",
            Samples::Count(_) => "epoch (passes over the data; 0 is left out)",
        };
        let kl = |_: &LearningCell, row: &Row| row.kl;
        let learning = rows
            .plot((Axis::log(passes), |_, row| row.epoch as f64), (Axis::log("KL divergence (nats)"), kl))
            .panel(|cell, _| self.panel(cell, Some(cell.hidden)))
            .series(|cell, _| cell.recipe().label())
            .levels(|rows| self.floors(rows, false))
            .titled(format!("Learning the Ising model on {lattices}"), format!("{protocol}; {replicas}"));
        publication.figure("kl_against_epoch", &learning.figure())?;
        publication.figure("kl_against_hidden", &self.reached(rows))?;
        let headline =
            format!("KL divergence to the Ising law after {} epochs, in nats:", self.learning.training.epochs);
        let table = Table::of(headline, last.groups(|cell, _| identity(&cell.without_replica())))
            .column("lattice", |own| own.cell.lattice)
            .column("T", |own| own.cell.temperature)
            .column("estimator", |own| own.cell.estimator)
            .column("k", |own| or_empty(own.cell.gibbs_steps))
            .column("hidden", |own| own.cell.hidden)
            .column("median", |own| digits(own.rows.summary(kl).median))
            .column("min", |own| digits(own.rows.summary(kl).smallest))
            .column("max", |own| digits(own.rows.summary(kl).largest))
            .column("floor", |own| self.floor(own.cell).map_or(String::new(), digits));
        publication.print(table);
        Ok(())
    }
}

impl IsingKl {
    /// The target as a name: training data depend on nothing else but the replica.
    fn target_name(&self, cell: &LearningCell) -> String {
        let CouplingOptions { coupling, field } = self.couplings;
        format!("{} J={coupling} h={field} T={} M={}", cell.lattice, cell.temperature, self.samples)
    }

    /// Training data; the distinct configurations too where they are drawn.
    fn data(&self, ising: &Ising, seed: Seed) -> Result<(Configurations, Option<Configurations>)> {
        let Samples::Count(count) = self.samples else {
            return Ok((whole_law(ising)?, None));
        };
        let training = draw_configurations(ising, count, seed)?.configurations;
        let sample = training.distinct();
        Ok((training, Some(sample)))
    }

    /// Rows after the last epoch.
    fn last<'a>(&self, rows: &Rows<'a, Self>) -> Rows<'a, Self> {
        rows.filter(|_, row| row.epoch == self.learning.training.epochs)
    }

    /// How near machines have come, against their hidden units, after the last epoch.
    fn reached(&self, rows: &Rows<Self>) -> Figure {
        let last = self.last(rows);
        let replicas = self.learning.machines.replicas_in_words("median and range");
        let ticks = self.learning.machines.hidden().map(|hidden| hidden as f64).collect();
        let axis = Axis::log("hidden units (estimators a little aside)").with_ticks(ticks);
        let kl = |_: &LearningCell, row: &Row| row.kl;
        last.plot((axis, |cell, _| cell.hidden as f64), (Axis::log("final KL divergence (nats)"), kl))
            .panel(|cell, _| self.panel(cell, None))
            .series(|cell, _| cell.recipe().label())
            .levels(|rows| self.floors(rows, true))
            .mark(Mark::Bars)
            .titled(
                format!(
                    "How many hidden units does an RBM need for the Ising model on {}?",
                    self.learning.target.lattices_in_words()
                ),
                format!("{}; KL after {} epochs, {replicas}", self.protocol(), grouped(self.learning.training.epochs)),
            )
            .figure()
    }

    fn protocol(&self) -> String {
        let CouplingOptions { coupling, field } = self.couplings;
        let mut words = vec![self.learning.target.one_temperature()];
        words.extend((field != 0.0).then(|| format!("h = {field}")));
        words.extend((coupling != 1.0).then(|| format!("J = {coupling}")));
        words.push(match self.samples {
            Samples::Exact => "trained on the exact law".to_string(),
            Samples::Count(count) => format!("trained on {} configurations", grouped(count)),
        });
        words.retain(|word| !word.is_empty());
        words.join(", ")
    }

    fn panel(&self, cell: &LearningCell, hidden: Option<usize>) -> String {
        let several = |count: usize, text: String| (count > 1).then_some(text);
        let words = [
            several(self.learning.target.lattices.len(), cell.lattice.description()),
            several(self.learning.target.temperatures.len(), format!("T = {}", cell.temperature)),
            hidden.map(units),
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The smallest KL that any parameters reach, where it is known: six spins, J = 1, h = 0, T = 1, by a quasi-Newton
    /// search from many starts.
    fn floor(&self, cell: &LearningCell) -> Option<f64> {
        let CouplingOptions { coupling, field } = self.couplings;
        let known = (cell.temperature, coupling, field) == (1.0, 1.0, 0.0);
        match (cell.lattice, cell.hidden) {
            (Lattice::Ring(6), 1) => Some(0.29046),
            (Lattice::Ring(6), 2) => Some(0.076949),
            (Lattice::Chain(6), 1) => Some(0.47715),
            (Lattice::Chain(6), 2) => Some(0.064354),
            _ => None,
        }
        .filter(|_| known)
    }

    /// The floors of a panel: across it, or where the hidden units are.
    fn floors(&self, rows: &Rows<Self>, here: bool) -> Vec<Level> {
        let machines = rows.group_by(|cell, _| cell.hidden);
        let cells = machines.values().filter_map(|own| own.iter().next());
        let floor = |(cell, _): (&LearningCell, &Row)| {
            let x = cell.hidden as f64;
            Some(Level {
                label: "smallest KL that the model can reach".to_string(),
                y: self.floor(cell)?,
                span: here.then_some((x / 1.15, x * 1.15)),
            })
        };
        cells.filter_map(floor).collect()
    }
}

/// A run's name among those on its target: it seeds its chains and batches.
fn run_name(cell: &LearningCell) -> String {
    let lattice = cell.lattice.to_string().replace(':', "-");
    let steps = cell.gibbs_steps.map_or(String::new(), |k| format!("_k{k}"));
    format!("{lattice}_{}{steps}_h{}_r{}", cell.estimator, cell.hidden, cell.replica)
}

laboratory::main!(IsingKl);

#[cfg(test)]
mod tests {
    use super::*;
    use laboratory::contract::{parsed, run};

    /// One replica of one small machine for an epoch, but for what is named.
    fn small(more: &[&str]) -> Vec<(LearningCell, Row)> {
        let base =
            "--lattices ring:5 --temperatures 2 --estimators exact --gibbs-steps 1 --hidden 2 --replicas 1 --epochs 1";
        run::<IsingKl>(&[&base.split(' ').collect::<Vec<_>>()[..], more].concat()).1
    }

    /// KL before the first epoch, row by row.
    fn first(more: &[&str]) -> Vec<f64> {
        let rows = small(more).into_iter().filter(|(_, row)| row.epoch == 0);
        rows.map(|(_, row)| row.kl).collect()
    }

    /// Machines without weights, whose visible biases are those of their data, differ as their data do.
    #[test]
    fn replicas_have_data_of_their_own() {
        let biased =
            ["--samples", "500", "--field", "0.3", "--visible-bias", "data", "--initial-weights", "gaussian:0"];
        let kl = first(&[&biased[..], &["--replicas", "2"]].concat());
        assert_eq!(kl.len(), 2);
        assert!(kl[0] != kl[1], "{kl:?}");
    }

    /// KL is against the law and the likelihood that of the data: their sum is not the entropy of the law at every epoch,
    /// as it is where the data are the law.
    #[test]
    fn the_likelihood_is_that_of_the_data() {
        let spread = |samples| {
            let rows = small(&["--samples", samples, "--epochs", "20", "--every", "5"]);
            let sums = rows.iter().map(|(_, row)| row.kl + row.log_likelihood);
            sums.clone().fold(f64::NEG_INFINITY, f64::max) - sums.fold(f64::INFINITY, f64::min)
        };
        assert!(spread("exact") < 1e-9 && spread("500") > 1e-6);
    }

    /// In a field a machine that starts with the biases of its data is nearer than one that starts with none.
    #[test]
    fn visible_biases_start_where_they_are_told() {
        let kl = |bias| first(&["--field", "0.3", "--visible-bias", bias])[0];
        assert!(kl("data") < kl("zero") - 1e-3);
    }

    /// A machine without parameters is ln 2^N - S away, and the entropy S grows with the temperature.
    #[test]
    fn every_temperature_has_a_target_of_its_own() {
        let kl = first(&["--temperatures", "1.5,3", "--initial-weights", "gaussian:0"]);
        assert!(kl[0] > kl[1] + 1e-3, "{kl:?}");
        for (kl, temperature) in kl.iter().zip([1.5, 3.0]) {
            let ising = Ising::on_lattice(Lattice::Ring(5), 1.0, 0.0, temperature).unwrap();
            let negative_entropy: f64 = log_probabilities(&ising).unwrap().iter().map(|ln_p| ln_p.exp() * ln_p).sum();
            assert!((kl - 5.0 * 2.0_f64.ln() - negative_entropy).abs() < 1e-12);
        }
    }

    /// The table and the figure of hidden units say what rows.csv holds after the last epoch: of three replicas the middle
    /// one, the smallest and the largest.
    #[test]
    fn the_table_and_the_figure_are_of_the_last_epoch() {
        let arguments = "--lattices ring:5 --estimators exact --hidden 1,3 --replicas 3 --epochs 20 --every 10";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let (text, rows) = run::<IsingKl>(&arguments);
        let figure = parsed::<IsingKl>(&arguments).reached(&Rows::of_pairs(&rows));
        for (place, hidden) in [1, 3].into_iter().enumerate() {
            let last = rows.iter().filter(|(cell, row)| cell.hidden == hidden && row.epoch == 20);
            let mut kl: Vec<f64> = last.map(|(_, row)| row.kl).collect();
            kl.sort_by(f64::total_cmp);
            let [smallest, median, largest] = kl[..] else { panic!("{kl:?}") };
            let start = ["ring:5".to_string(), "2.269".to_string(), "exact".to_string(), hidden.to_string()];
            let numbers = [median, smallest, largest].map(digits);
            let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            let line = lines.find(|words| words.len() == 7 && words[..4] == start).expect("a line of the table");
            assert_eq!(line[4..], numbers);
            let point = figure.panels[0].series[0].points[place];
            assert_eq!((point.y, point.low, point.high), (median, smallest, largest));
        }
    }

    /// The smallest KL is known of six spins at T = 1, J = 1 and h = 0 alone.
    #[test]
    fn floors_are_of_one_model() {
        let floor = |more: &[&str]| {
            let experiment = parsed::<IsingKl>(&[&["--lattices", "ring:6", "--hidden", "1"], more].concat());
            experiment.floor(&experiment.cells().unwrap()[0])
        };
        assert_eq!(floor(&["--temperatures", "1"]), Some(0.29046));
        for other in [["--temperatures", "2"], ["--coupling", "2"], ["--field", "0.5"], ["--lattices", "ring:7"]] {
            assert_eq!(floor(&[&["--temperatures", "1"], &other[..]].concat()), None, "{other:?}");
        }
    }
}
