//! How well does a Boltzmann machine know handwritten digits: their likelihood, from both sides, and what they are?
//!
//! Salakhutdinov and Murray, ICML 2008; Tieleman, ICML 2008; Melchior, Fischer and Wiskott, JMLR 17, 99 (2016); the Deep
//! Learning Tutorial of the LISA laboratory, rbm.py.

mod courses;
mod digits;
mod features;
mod measuring;
mod pictures;

use courses::{Course, Plan};
use digits::{Binarisation, Database, LABELS};
use features::Worth;
use gibbsite::log_partition::annealing::Tempering;
use gibbsite::model::labelled_rbm::LabelledRbm;
use gibbsite::prelude::*;
use gibbsite::training::trainer::TrainerState;
use gibbsite_files::model::{About, Stage, machine_to_bytes};
use laboratory::prelude::*;
use measuring::{Annealing, Exam, Machine, Row};
use pictures::Line;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How well does a Boltzmann machine know handwritten digits: their likelihood, and what they are?
///
/// Machines of 784 pixels, or of 784 pixels and ten label units of which exactly one is on, learn the digits of the MNIST
/// database, or of files of the same make (--data). Their likelihood of test digits is exact up to 25 hidden units, and has
/// both its sides past that; machines with labels recognise the test digits by p(label | pixels), exactly, and dream digits
/// of a label. A preset is a way to train; options in its place are taken one by one.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct Mnist {
    /// Ways to train: small (minutes), best (the same for longer), lisa (the Deep Learning Tutorial's), salakhutdinov (CD1, CD3 and CD25 of Salakhutdinov and Murray), centred (16 hidden units with and without centring, as Melchior et al.)
    #[arg(long, alias = "preset", value_name = "LIST", default_value = "small", help_heading = "Sweep")]
    presets: List<Course>,

    /// Gradients in the place of the preset's, such as pcd:1 or ptt:1:centred=mean
    #[arg(long, alias = "estimator", value_name = "LIST", help_heading = "Sweep")]
    estimators: Option<List<Recipe>>,

    /// Hidden units in the place of the preset's
    #[arg(long, value_name = "LIST", help_heading = "Sweep")]
    hidden: Option<List<Positive>>,

    /// Replicas of each cell, with weights, binary digits and chains of their own
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = at_least_one, help_heading = "Sweep")]
    replicas: usize,

    /// Folder of the four files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, with or without .gz [default: data/mnist of the program]
    #[arg(long, value_name = "FOLDER", help_heading = "Digits")]
    #[serde(serialize_with = "digits::with_contents")]
    data: Option<PathBuf>,

    /// Digits to learn from, in the place of the preset's
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one, help_heading = "Digits")]
    digits: Option<usize>,

    /// How grey values become units, in the place of the preset's: stochastic (anew every epoch) or threshold
    #[arg(long, value_name = "HOW", help_heading = "Digits")]
    binarisation: Option<Binarisation>,

    /// Whether ten label units stand beside the pixels, in the place of the preset's
    #[arg(long, value_name = "BOOL", help_heading = "Digits")]
    labels: Option<bool>,

    /// Passes over the digits, in the place of the preset's
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one, help_heading = "Training")]
    epochs: Option<usize>,

    /// Digits a mini-batch, and persistent chains, in the place of the preset's
    #[arg(long, value_name = "NUMBER", value_parser = at_least_one, help_heading = "Training")]
    batch: Option<usize>,

    /// Step along the gradient, in the place of the preset's
    #[arg(long, value_name = "RATE", value_parser = positive, help_heading = "Training")]
    learning_rate: Option<f64>,

    /// Fall of the learning rate, in the place of the preset's: none, exponential:T or inverse:T, T in updates
    #[arg(long, value_name = "DECAY", help_heading = "Training")]
    decay: Option<Decay>,

    /// Weight alpha of -ln p(label | pixels) in the cost beside the likelihood, in the place of the preset's; 0 for none
    #[arg(long, value_name = "ALPHA", value_parser = not_negative, help_heading = "Training")]
    discriminative: Option<f64>,

    /// Updates back over which parameters are averaged, in the place of the preset's
    #[arg(long, value_name = "NUMBER", help_heading = "Training")]
    average: Option<u64>,

    /// Epochs between measurements; after the last epoch there is always one
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = at_least_one, help_heading = "Measuring")]
    every: usize,

    /// Temperatures of annealing, placed by a pilot run, for more than 25 hidden units
    #[arg(long, value_name = "NUMBER", default_value_t = 3000, value_parser = at_least_one, help_heading = "Measuring")]
    ais_temperatures: usize,

    /// Chains of each of its runs: forward, reverse, and reverse from the data
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = at_least_two, help_heading = "Measuring")]
    ais_chains: usize,

    /// Rungs of the tempering that starts reverse annealing
    #[arg(long, value_name = "NUMBER", default_value_t = 40, value_parser = at_least_two, help_heading = "Measuring")]
    ais_rungs: usize,

    /// Rounds of that tempering: more, where the doubts say that states make few round trips
    #[arg(long, value_name = "NUMBER", default_value_t = 5000, value_parser = at_least_one, help_heading = "Measuring")]
    ais_rounds: usize,

    /// Leave hidden probabilities of all digits as NumPy arrays, and compare what a linear classifier makes of them and of pixels
    #[arg(long, help_heading = "Measuring")]
    features: bool,

    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  mnist                                   a machine that recognises digits and dreams them, in minutes
  mnist --quick                           20 hidden units, every file in seconds
  mnist --presets lisa                    the tutorial's 784x500, with its likelihood
  mnist --presets centred --replicas 3    exact likelihoods of 16 hidden units, with and without centring
  mnist --presets best                    500 hidden units as well as we can
  mnist --data FOLDER                     other pictures of the same make, such as Fashion-MNIST";

/// One machine.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// The way to train.
    preset: Course,
    /// The gradient by its recipe: name, Gibbs steps, what else is not as usual.
    #[serde(with = "text")]
    estimator: Recipe,
    /// Gibbs steps k of an update.
    gibbs_steps: Option<usize>,
    /// Hidden units.
    hidden: usize,
    /// Replicas have weights, binary digits and chains of their own.
    replica: usize,
}

/// What a run that is stopped goes on from.
#[derive(Serialize, Deserialize)]
struct Kept {
    state: TrainerState,
    rows: Vec<Row>,
}

/// How the name of a machine's file ends.
const MACHINE: &str = "machine.safetensors";

/// The table of what features are worth.
const FEATURES: &str = "features";

/// Time between two states that are kept.
const KEEP: Duration = Duration::from_secs(20);

impl Experiment for Mnist {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "mnist";
    const AXES: &'static [&'static str] = &["presets", "estimators", "hidden", "replicas"];
    /// Without annealing there are no temperatures, and features are no rows.
    const INERT: &'static [&'static str] = &["ais_temperatures", "ais_chains", "ais_rungs", "ais_rounds", "features"];
    const CELLS_TAKE_SECONDS: bool = false;
    const QUICK: Preset = "--hidden 20 --digits 3000 --epochs 6 --every 3";
    const PAPER: Preset = "\
        --presets lisa,salakhutdinov,centred,best --ais-temperatures 20000 --ais-chains 100 --ais-rounds 10000 \
        --every 100";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        check_at_most("--replicas", self.replicas, 1000)?;
        check_at_most("--ais-temperatures", self.ais_temperatures, 10_000_000)?;
        check_at_most("--ais-chains", self.ais_chains, 100_000)?;
        check_at_most("--ais-rungs", self.ais_rungs, 10_000)?;
        check_at_most("--ais-rounds", self.ais_rounds, 100_000_000)?;
        for cell in self.cells()? {
            check_at_most("--hidden", cell.hidden, 20_000)?;
            let training = self.plan(&cell).training;
            check_at_most("--epochs", training.epochs, 1_000_000)?;
            check_at_most("--batch", training.batch, 1_000_000)?;
            check_rate(training.learning_rate)?;
            if !cell.estimator.name.samples() {
                let mend = "take one that samples, such as pcd:1";
                return Err(Error::invalid(
                    format!("--estimators {}", cell.estimator),
                    "nobody can sum over pictures",
                    mend,
                ));
            }
        }
        match &self.data {
            Some(folder) if !folder.is_dir() => {
                let mend = "name a folder of IDX files";
                Err(Error::invalid(format!("--data {}", folder.display()), "it is no folder", mend))
            }
            _ => Ok(()),
        }
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let mut cells = Vec::new();
        for &preset in self.presets.iter() {
            let plan = preset.plan();
            let estimators = self.estimators.as_ref().map_or(&plan.estimators[..], |list| list);
            let hidden =
                self.hidden.as_ref().map_or(vec![plan.hidden], |list| list.iter().map(|hidden| hidden.0).collect());
            for (estimator, hidden, replica) in iproduct!(estimators, hidden, 0..self.replicas) {
                let gibbs_steps = estimator.gibbs_steps;
                cells.push(Cell { preset, estimator: estimator.clone(), gibbs_steps, hidden, replica });
            }
        }
        Ok(cells)
    }

    fn work(&self, cell: &Cell) -> f64 {
        let (epoch, measurement) = self.work_of_parts(cell);
        let epochs = self.plan(cell).training.epochs;
        epochs as f64 * epoch + epochs.div_ceil(self.every) as f64 * measurement
    }

    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let database = lab.shared("digits", || Database::read(self.data.as_deref()))?;
        let plan = self.plan(cell);
        if plan.digits > database.training.len() {
            let problem = format!("there are {} to learn from", database.training.len());
            return Err(Error::invalid(format!("--digits {}", plan.digits), problem, "take as many or fewer"));
        }
        let exam = lab.shared(format!("exam {} {}", plan.binarisation, plan.digits), || {
            Ok(Exam::new(&database, plan.digits, plan.binarisation))
        })?;
        let labels = if plan.labels { LABELS } else { 0 };
        let mut rbm = Rbm::new(database.training.pixels() + labels, cell.hidden)?;
        rbm.initialize(plan.weights, self.seed(cell, lab).child("weights", 0))?;
        if plan.bias_from_data {
            rbm.set_visible_bias_from(&database.training.rows(
                plan.digits,
                plan.binarisation,
                plan.labels,
                Seed::root(0),
            ));
        }
        let room = Room { plan: &plan, database: &database, exam: &exam, lab, keep: KEEP };
        match plan.labels {
            true => self.learn(cell, LabelledRbm::new(rbm, LABELS)?, &room),
            false => self.learn(cell, rbm, &room),
        }
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        self.draw_curves(rows, publication)?;
        self.draw_pictures(rows, publication)?;
        self.show_features(rows, publication)?;
        let last = rows.filter(|cell, row| row.epoch == self.plan(cell).training.epochs);
        let headline = "Mean ln p of the test digits after training, in nats: with ln Z from both sides or summed exactly, with the largest\n\
             ln Z of all runs, and with forward annealing alone, as it is often published; and the share of test digits that\n\
             are taken for another.";
        let nats = |x: f64| format!("{x:.2}");
        let table = Table::of(headline, last.iter())
            .column("preset", |(cell, _)| cell.preset)
            .column("estimator", |(cell, _)| cell.estimator.clone())
            .column("hidden", |(cell, _)| cell.hidden)
            .column("replica", |(cell, _)| cell.replica)
            .column("ln p", |(_, row)| nats(row.test_log_likelihood))
            .column("error", |(_, row)| or_empty(row.log_partition_standard_error.map(nats)))
            .column("lower", |(_, row)| nats(row.test_log_likelihood_lower))
            .column("forward alone", |(_, row)| nats(row.test_log_likelihood_forward))
            .column("trusted", |(_, row)| if row.trusted { "yes".to_string() } else { row.doubts.clone() })
            .column("label error", |(_, row)| or_empty(row.label_error.map(share)));
        publication.print(table);
        Ok(())
    }
}

/// A share in per cent.
fn share(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// The seed of a replica's binary digits, the same for every machine.
fn binary_digits(cell: &Cell, lab: &Lab) -> Seed {
    lab.seed("binary digits", 0).child("replica", cell.replica as u64)
}

/// What training one machine may use.
struct Room<'a> {
    plan: &'a Plan,
    database: &'a Database,
    exam: &'a Exam,
    lab: &'a Lab<'a>,
    /// Time between two states that are kept.
    keep: Duration,
}

impl Mnist {
    /// The plan of a cell with the options that stand in its place.
    fn plan(&self, cell: &Cell) -> Plan {
        let plan = cell.preset.plan();
        let training = plan.training;
        let training = Training {
            epochs: self.epochs.unwrap_or(training.epochs),
            batch: self.batch.unwrap_or(training.batch),
            learning_rate: self.learning_rate.unwrap_or(training.learning_rate),
            decay: self.decay.unwrap_or(training.decay),
            discriminative: self.discriminative.unwrap_or(training.discriminative),
            average: self.average.unwrap_or(training.average),
            ..training
        };
        Plan {
            training: cell.estimator.training(training),
            digits: self.digits.unwrap_or(plan.digits),
            binarisation: self.binarisation.unwrap_or(plan.binarisation),
            labels: self.labels.unwrap_or(plan.labels),
            ..plan
        }
    }

    /// The seed of a machine, the same for every gradient.
    fn seed(&self, cell: &Cell, lab: &Lab) -> Seed {
        let seed = lab.seed("machine", cell.hidden as u64);
        seed.child(&cell.preset.to_string(), 0).child("replica", cell.replica as u64)
    }

    /// Chain steps of an epoch and of a measurement, times hidden units, roughly.
    fn work_of_parts(&self, cell: &Cell) -> (f64, f64) {
        let (plan, k) = (self.plan(cell), cell.gibbs_steps.unwrap_or(1));
        let k = if plan.rising { k.div_ceil(2) } else { k };
        let annealed = if cell.hidden > 25 {
            self.ais_chains * (3 * self.ais_temperatures + self.ais_rungs * (self.ais_rounds + 1500))
        } else {
            0
        };
        let hidden = cell.hidden as f64 + 20.0;
        ((plan.digits * (k + 3)) as f64 * hidden, (annealed + 40_000) as f64 * hidden)
    }

    /// Trains a machine, measures it along the way, leaves its pictures.
    fn learn<M: Machine>(&self, cell: &Cell, start: M, room: &Room) -> Result<Vec<Row>> {
        let Room { plan, database, exam, lab, keep } = room;
        let (seed, binary) = (self.seed(cell, lab), binary_digits(cell, lab));
        let data = |epoch: usize| {
            let seed = binary.child("epoch", epoch as u64);
            Arc::new(database.training.rows(plan.digits, plan.binarisation, plan.labels, seed))
        };
        let steps = |epoch: usize| cell.gibbs_steps.map(|k| plan.gibbs_steps(k, epoch));
        let trainer = |epoch: usize| {
            let (data, mut recipe) = (data(epoch), cell.estimator.clone());
            recipe.gibbs_steps = steps(epoch);
            let estimator = recipe.estimator(&data, plan.training.batch, cell.hidden, seed.child("estimator", 0))?;
            Trainer::new(start.clone(), estimator, data, &plan.training, seed.child("training", 0))
        };
        let annealing = Annealing {
            temperatures: self.ais_temperatures,
            chains: self.ais_chains,
            tempering: Tempering { rungs: self.ais_rungs, rounds: self.ais_rounds },
        };
        let (epochs, (of_epoch, of_measurement)) = (plan.training.epochs, self.work_of_parts(cell));
        let (mut rows, mut trainer_now) = match lab.kept::<Kept>() {
            Some(Kept { state, rows }) => {
                let mut trainer = trainer(0)?;
                trainer.set_state(&state)?;
                (rows, trainer)
            }
            None => (Vec::new(), trainer(0)?),
        };
        let mut steps_now = steps(0);
        let mut kept = Instant::now();
        loop {
            let epoch = trainer_now.epochs();
            let done = epoch as f64 * of_epoch;
            let measured = rows.last().is_some_and(|row: &Row| row.epoch == epoch);
            if epoch > 0 && (epoch.is_multiple_of(self.every) || epoch == epochs) && !measured {
                let before = done + rows.len() as f64 * of_measurement;
                let report = &mut |share: f64| {
                    lab.progress((before + share * of_measurement) as usize, self.work(cell) as usize)
                };
                let seed = seed.child("measurement", epoch as u64);
                rows.push(exam.measure(
                    trainer_now.model(),
                    (epoch, trainer_now.updates()),
                    &annealing,
                    seed,
                    report,
                )?);
            }
            if epoch >= epochs {
                break;
            }
            if steps(epoch) != steps_now {
                let state = trainer_now.state()?;
                (trainer_now, steps_now) = (trainer(epoch)?, steps(epoch));
                trainer_now.set_state(&state)?;
            } else if plan.binarisation == Binarisation::Stochastic {
                trainer_now.set_data(data(epoch))?;
            }
            let started = Instant::now();
            trainer_now.epoch()?;
            let speed = plan.digits as f64 / started.elapsed().as_secs_f64();
            lab.note(format!("epoch {} of {epochs}, {speed:.0} digits/s", epoch + 1));
            let work = done + of_epoch + rows.len() as f64 * of_measurement;
            lab.progress(work as usize, self.work(cell) as usize);
            if kept.elapsed() >= *keep {
                lab.keep(&Kept { state: trainer_now.state()?, rows: rows.clone() })?;
                kept = Instant::now();
            }
        }
        let width = database.training.width();
        let machine = trainer_now.model().rbm();
        let stage = self.stage(cell, &trainer_now, rows.last())?;
        lab.file(MACHINE, &machine_to_bytes(machine, &About::new(vec![stage]))?)?;
        if self.features {
            let worth = features::compare(trainer_now.model(), database, (plan.digits, plan.binarisation), exam, lab)?;
            lab.table(FEATURES, cell, &[worth])?;
        }
        lab.table("pictures", cell, &pictures::all(trainer_now.model(), exam, width, seed.child("pictures", 0))?)?;
        Ok(rows)
    }

    /// What the file of a machine says about its training.
    fn stage<M: Machine>(&self, cell: &Cell, trainer: &Trainer<M>, row: Option<&Row>) -> Result<Stage> {
        let plain = |value: serde_json::Result<serde_json::Value>| match value {
            Ok(serde_json::Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        };
        let mut options = plain(serde_json::to_value(cell));
        options.extend(plain(serde_json::to_value(self.plan(cell).training)));
        let end = plain(serde_json::to_value(row));
        Ok(Stage { options, epochs: trainer.epochs(), updates: trainer.updates(), end })
    }

    /// `best, PCD-5, 500 hidden units`.
    fn name(cell: &Cell) -> String {
        format!("{}, {}, {}", cell.preset, cell.estimator.label(), units(cell.hidden))
    }

    fn draw_curves(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let learned = rows.filter(|_, row| row.epoch > 0);
        let x = || (Axis::linear("epoch (passes over the digits)"), |_: &Cell, row: &Row| row.epoch as f64);
        // Machines that differ in their gradient alone are to look different, whatever gradients or sizes look like elsewhere.
        let series =
            |cell: &Cell, _: &Row| format!("{}: {} for 784 x {}", cell.preset, cell.estimator.label(), cell.hidden);
        let likelihood = learned
            .plot(x(), (Axis::linear("ln p of a test digit (nats)"), |_, row| row.test_log_likelihood))
            .series(series)
            .points(|x, own| {
                let mean = |of: fn(&Row) -> f64| own.iter().map(|(_, row)| of(row)).sum::<f64>() / own.len() as f64;
                let low = own.iter().map(|(_, row)| row.test_log_likelihood_lower).fold(f64::INFINITY, f64::min);
                let high = own.iter().map(|(_, row)| row.test_log_likelihood_upper).fold(f64::NEG_INFINITY, f64::max);
                let y = mean(|row| row.test_log_likelihood);
                Some(Point { x, y, low: low.min(y), high: high.max(y) })
            })
            .mark(Mark::Bars)
            .doubtful("not trusted", |_, row| !row.trusted)
            .titled(
                "How likely are test digits?",
                "bars: from the largest to the smallest ln Z of all runs; exact up to 25 hidden units",
            );
        publication.figure("likelihood", &likelihood.figure())?;
        type Monitor = (&'static str, &'static str, fn(&Row) -> f64);
        let monitors: [Monitor; 4] = [
            ("Pseudo-likelihood", "ln PL of a test digit (nats)", |row| row.pseudo_log_likelihood),
            ("Reconstruction error", "mean squared distance", |row| row.reconstruction_error),
            ("Learning by heart", "free energy, test - training (nats)", |row| row.free_energy_gap),
            ("Label error", "share of test digits", |row| row.label_error.unwrap_or(f64::NAN)),
        ];
        let mut figure: Option<Figure> = None;
        for (title, label, of) in monitors {
            let axis = Axis::linear(label);
            let about = "What is cheap to watch; none of it is a likelihood";
            let plot = learned.plot(x(), (axis.clone(), move |_: &Cell, row: &Row| of(row))).series(series);
            let own = plot.mark(Mark::Bars).titled("What can be watched along the way", about).figure();
            let panels = own.panels.iter().filter(|panel| !panel.series.is_empty());
            let panels: Vec<Panel> = panels
                .map(|panel| Panel { title: title.to_string(), y: Some(axis.clone()), ..panel.clone() })
                .collect();
            match &mut figure {
                Some(figure) => figure.panels.extend(panels),
                None => figure = Some(Figure { panels, columns: 2, ..own }),
            }
        }
        figure.map_or(Ok(()), |figure| publication.figure("monitors", &figure))
    }

    /// What a linear classifier makes of hidden probabilities, where that was asked for.
    fn show_features(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let all = rows.table::<Worth>(FEATURES)?;
        if all.is_empty() {
            return Ok(());
        }
        publication.table(FEATURES, all.iter().map(|(cell, worth)| (cell, worth)))?;
        let title =
            "Test digits that a linear classifier takes for others, by their pixels and by their hidden probabilities:";
        let table = Table::of(title, &all)
            .column("preset", |(cell, _)| cell.preset)
            .column("estimator", |(cell, _)| cell.estimator.clone())
            .column("hidden", |(cell, _)| cell.hidden)
            .column("replica", |(cell, _)| cell.replica)
            .column("digits", |(_, worth)| worth.digits)
            .column("pixels", |(_, worth)| share(worth.error_of_pixels))
            .column("features", |(_, worth)| share(worth.error_of_features));
        publication.print(table);
        Ok(())
    }

    /// The pictures of the first replica of every cell.
    fn draw_pictures(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let lines = rows.table::<Line>("pictures")?;
        publication.table("pictures", lines.iter().map(|(cell, line)| (cell, line)))?;
        let cells = rows.group_by(|cell, _| identity(cell));
        let shown: Vec<&Cell> = cells.values().filter_map(|own| own.iter().next().map(|(cell, _)| cell)).collect();
        let shown: Vec<&Cell> = shown.into_iter().filter(|cell| cell.replica == 0).collect();
        for cell in &shown {
            let name = identity(*cell);
            let of = |picture: &str| -> Vec<&Line> {
                let own = lines.iter().filter(|(other, line)| identity(other) == name && line.picture == picture);
                own.map(|(_, line)| line).collect()
            };
            let about = |text: &str| format!("{}: {text}", Self::name(cell));
            #[rustfmt::skip]
            let sheets = [
                ("filters", "What hidden units look for", about("weights in units of the largest, black > 0 > orange; the longest first"), 1, (false, false)),
                ("chains", "What free chains see", about("20 chains from test digits; left: Gibbs steps so far"), 1, (true, false)),
                ("dreams", "What it dreams of when told a label", about("from random pixels, 2000 Gibbs steps with the label held"), 1, (true, false)),
                ("filled_in", "What it puts where half a digit is missing", about("1000 Gibbs steps with the upper half held"), 2, (true, true)),
                ("confusion", "What it takes digits for", about("rows: what they are; columns: the likeliest label"), 36, (true, true)),
            ];
            let which = match shown.len() {
                1 => String::new(),
                _ => format!("_{}_{}_{}", cell.preset, cell.estimator, cell.hidden).replace([':', '='], "-"),
            };
            for (picture, title, about, zoom, names) in sheets {
                let tiles = pictures::sheet(&of(picture), title, &about, zoom, names);
                publication.tiles(&format!("{picture}{which}"), &tiles)?;
            }
            for name in [MACHINE, "features_train.npy", "features_test.npy"] {
                if let Some(file) = rows.file(cell, name) {
                    publication.file(&name.replace('.', &format!("{which}.")), &file)?;
                }
            }
        }
        Ok(())
    }
}

laboratory::main!(Mnist);

#[cfg(test)]
mod tests {
    use super::*;
    use laboratory::contract::{in_a_lab, parsed};

    /// Replicas learn binary digits of their own, machines of a replica the same.
    #[test]
    fn replicas_have_binary_digits_of_their_own() {
        let experiment = parsed::<Mnist>(&["--presets", "small,best", "--hidden", "5,6", "--replicas", "2"]);
        in_a_lab(|lab| {
            for (one, other) in iproduct!(experiment.cells().unwrap(), experiment.cells().unwrap()) {
                let same = binary_digits(&one, lab) == binary_digits(&other, lab);
                assert_eq!(same, one.replica == other.replica, "{one:?} {other:?}");
            }
        });
    }

    /// Where ln Z is annealed, the likelihood has both of its sides, the lower one with the largest ln Z of the runs; forward
    /// annealing alone is one of these.
    #[test]
    fn a_likelihood_lies_between_its_sides() {
        let words =
            "--hidden 26 --digits 200 --epochs 1 --ais-temperatures 30 --ais-chains 5 --ais-rungs 5 --ais-rounds 20";
        let (_, rows) = laboratory::contract::run::<Mnist>(&words.split(' ').collect::<Vec<_>>());
        let row = &rows[0].1;
        let (lower, upper) = (row.test_log_likelihood_lower, row.test_log_likelihood_upper);
        assert!(lower < upper && (lower..=upper).contains(&row.test_log_likelihood), "{row:?}");
        assert!((lower..=upper).contains(&row.test_log_likelihood_forward), "{row:?}");
        assert!((row.free_energy_gap - row.train_log_likelihood + row.test_log_likelihood).abs() < 1e-9, "{row:?}");
    }

    /// A run of four epochs that goes on from what a run of two has kept ends at the same rows as one that was never
    /// stopped, and it does go on: rows of the two are not made again.
    #[test]
    fn a_run_that_was_stopped_goes_on_to_the_same_end() {
        let database = Database::read(None).unwrap();
        let words = |epochs: &'static str| ["--quick", "--digits", "500", "--every", "2", "--epochs", epochs];
        let rows = |epochs: &'static str, lab: &Lab| {
            let experiment = parsed::<Mnist>(&words(epochs));
            let cell = &experiment.cells().unwrap()[0];
            let plan = experiment.plan(cell);
            let exam = Exam::new(&database, plan.digits, plan.binarisation);
            let room = Room { plan: &plan, database: &database, exam: &exam, lab, keep: Duration::ZERO };
            let start = LabelledRbm::new(Rbm::new(794, cell.hidden).unwrap(), LABELS).unwrap();
            let rows = experiment.learn(cell, start, &room).unwrap();
            (lab.kept::<Kept>().unwrap().rows.len(), rows.iter().map(|row| format!("{row:?}")).collect::<Vec<_>>())
        };
        let straight = in_a_lab(|lab| rows("4", lab));
        let (first, second) = in_a_lab(|lab| (rows("2", lab), rows("4", lab)));
        assert_eq!((first.1.len(), second.1.len()), (1, 2));
        assert_eq!(second, straight);
        assert_eq!(first.1[0], straight.1[0]);
    }
}
