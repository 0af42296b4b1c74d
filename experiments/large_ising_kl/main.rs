//! How far, in nats a spin, is an RBM from the Ising model at sizes where nobody can enumerate?
//!
//! The divergence D_KL(P || P_model) = ln Z_model - ln Z_Ising + <F - E/T>_P needs no enumeration: ln Z_Ising is Kaufman's
//! (Phys. Rev. 76, 1232 (1949)), ln Z_model comes from annealed importance sampling from both sides (Salakhutdinov and
//! Murray, ICML 2008; Burda, Grosse and Salakhutdinov, AISTATS 2015), and the average is over fresh configurations, so that
//! a machine that has learned its training set by heart is not flattered. ising_kl asks the same where all states can be
//! visited.

use gibbsite::enumerate::WHOLE_LAW_LIMIT;
use gibbsite::log_partition::annealing::Tempering;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracketing;
use gibbsite::monitor::sampled_kl::SampledTarget;
use gibbsite::prelude::*;
use laboratory::prelude::*;

/// How far, in nats a spin, is an RBM from the Ising model at sizes where nobody can enumerate?
///
/// Trains an RBM by contrastive divergence for every combination of lattice, temperature, hidden units and replica, and
/// follows the KL divergence D(P || P_model) = ln Z_model - ln Z_Ising + <F - E/T>_P: ln Z_Ising by Kaufman's formula,
/// ln Z_model by annealed importance sampling from both sides, the average over fresh configurations that no machine
/// was trained on. J is 1, and lattices are those whose ln Z is known: square:LxM, ring:N and chain:N. Lists are
/// comma-separated; every combination is a cell, cells run in parallel, and a finished cell is kept on disk.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct LargeIsingKl {
    #[command(flatten)]
    #[serde(flatten)]
    learning: LessonOptions,

    /// Epochs between measurements; before the first epoch and after the last there is always one
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = at_least_one, help_heading = "Training")]
    every: usize,

    /// Gibbs steps k of contrastive divergence
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = at_least_one, help_heading = "Training")]
    gibbs_steps: usize,

    /// Temperatures of annealed importance sampling, placed by a pilot run
    #[arg(long, value_name = "NUMBER", default_value_t = 3000, value_parser = at_least_one, help_heading = "Measuring")]
    ais_temperatures: usize,

    /// Chains of each of its runs: forward, reverse, and reverse from the data
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = at_least_one, help_heading = "Measuring")]
    ais_chains: usize,

    #[command(flatten)]
    #[serde(flatten)]
    fresh: SamplingOptions,

    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  large_ising_kl              the figures of its page, a few minutes on two cores
  large_ising_kl --quick      every file in seconds
  large_ising_kl --lattices square:12x12 --temperatures 2.269 --hidden 32,128,512
  large_ising_kl --lattices square:4x4,square:8x8 --hidden 4,8,16,32,64 --replicas 5
  large_ising_kl --paper      up to 32x32 spins, longer training, three replicas: hours on two cores";

/// What starts reverse annealing where the machine cannot be drawn from exactly.
const TEMPERING: Tempering = Tempering { rungs: 16, rounds: 175 };

/// Steps of the machine on data before reverse annealing starts there: in ten of them a machine that has just begun to
/// learn does not yet forget that the data are more ordered than itself.
const DATA_STEPS: usize = 1000;

/// One training run.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// The lattice of the Ising model that is learned; J = 1.
    lattice: Lattice,
    /// Its temperature, in units of J.
    temperature: f64,
    /// Hidden units.
    hidden: usize,
    /// Replicas have data, weights and chains of their own.
    replica: usize,
}

/// A machine at one epoch.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// Passes over the training configurations so far.
    epoch: usize,
    /// D_KL(P || P_model) in nats, with ln Z from both sides; within its error it may be negative.
    kl: f64,
    /// Of ln Z and of the average over fresh configurations together; empty where one of them cannot be told.
    kl_standard_error: Option<f64>,
    /// The divergence a spin, in nats.
    kl_per_site: f64,
    /// The divergence with the smallest ln Z of the runs of annealing.
    kl_lower: f64,
    /// The divergence with the largest.
    kl_upper: f64,
    /// ln Z of the machine from both sides.
    log_partition: f64,
    /// Its standard error; empty where it cannot be told.
    log_partition_standard_error: Option<f64>,
    /// ln Z by forward annealing: below it in expectation.
    log_partition_forward: f64,
    /// ln Z by reverse annealing: above it in expectation where the machine can be drawn from exactly.
    log_partition_reverse: f64,
    /// Of the forward run's chains.
    effective_samples: Option<f64>,
    /// Whether the error bar of ln Z is right and the average has converged.
    trusted: bool,
    /// What speaks against that, joined by "; ".
    doubts: String,
}

impl Experiment for LargeIsingKl {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "large_ising_kl";
    const AXES: &'static [&'static str] = &["lattices", "temperatures", "hidden", "replicas"];
    const DEFAULTS: Preset = "\
        --lattices square:8x8,square:16x16 --temperatures 1.8,2.269,3 --hidden 16,64,256 --decay exponential:20000";
    const QUICK: Preset = "\
        --lattices square:6x6,square:8x8 --temperatures 2.269,3 --hidden 8,32 --samples 5000 --replicas 2 \
        --epochs 20 --every 5 --learning-rate 0.3 --decay exponential:2000 --ais-temperatures 500 --sweeps 100";
    const PAPER: Preset = "\
        --lattices square:8x8,square:16x16,square:32x32 --samples 100000 --replicas 3 --epochs 100 --every 20 \
        --gibbs-steps 10 --decay exponential:100000 --sweeps 1000";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        self.fresh.check(100_000)?;
        check_at_most("--gibbs-steps", self.gibbs_steps, 1_000_000)?;
        check_at_most("--ais-temperatures", self.ais_temperatures, 10_000_000)?;
        check_at_most("--ais-chains", self.ais_chains, 1_000_000)?;
        self.learning.check(1 << 16)?;
        for (lattice, temperature) in self.learning.target.all() {
            if Ising::on_lattice(lattice, 1.0, 0.0, temperature)?.log_partition().is_none() {
                return Err(Error::invalid(
                    format!("--lattices {lattice}"),
                    "its ln Z is not known, and the divergence needs it",
                    "take a periodic square lattice, square:LxM",
                ));
            }
        }
        Ok(())
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let cell = |((lattice, temperature), hidden, replica)| Cell { lattice, temperature, hidden, replica };
        Ok(self.learning.all().map(cell).collect())
    }

    fn work(&self, cell: &Cell) -> f64 {
        let (epoch, measurement) = self.work_of_parts(cell);
        let measurements = 1 + self.learning.training.epochs.div_ceil(self.every);
        self.learning.training.epochs as f64 * epoch + measurements as f64 * measurement
    }

    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let &Cell { lattice, temperature, hidden, replica } = cell;
        let lesson = self.learning.begin((lattice, temperature), hidden, replica, lab)?;
        let Lesson { ising, data, mut machine, seed } = lesson;
        // Drawn for this cell alone, so that the errors of replicas are independent.
        let fresh = SampledTarget::of_ising(&ising, self.fresh.sampling(), seed.child("fresh", 0))?;
        let bracketing = Bracketing {
            betas: Betas::Adaptive(self.ais_temperatures),
            chains: self.ais_chains,
            tempering: TEMPERING,
            data: Some((&data, DATA_STEPS)),
        };
        let (of_epoch, of_measurement) = self.work_of_parts(cell);
        let (total, settings) = (self.work(cell) as usize, self.learning.training.training());
        let mut rows = Vec::new();
        let measure = &mut |epoch: usize, _, model: &dyn Model| {
            let before = epoch as f64 * of_epoch + rows.len() as f64 * of_measurement;
            let report = |share: f64| lab.progress((before + share * of_measurement) as usize, total);
            report(0.0);
            if !epoch.is_multiple_of(self.every) && epoch != settings.epochs {
                return Ok(());
            }
            let path = model.path(Some(&data))?;
            let report = &mut |done, of: usize| report(done as f64 / of.max(1) as f64);
            let seed = seed.child("measurement", epoch as u64);
            let (kl, ln_z) = fresh.measure_along(&*path, &bracketing, seed, report)?;
            rows.push(Row {
                epoch,
                kl: kl.value,
                kl_standard_error: kl.standard_error,
                kl_per_site: kl.value / kl.sites as f64,
                kl_lower: kl.lower,
                kl_upper: kl.upper,
                log_partition: ln_z.value,
                log_partition_standard_error: ln_z.standard_error,
                log_partition_forward: ln_z.forward.value,
                log_partition_reverse: ln_z.reverse.value,
                effective_samples: ln_z.forward.effective_samples,
                trusted: kl.trusted,
                doubts: kl.doubts.join("; "),
            });
            Ok(())
        };
        let mut estimator = self.learning.training.contrastive_divergence(self.gibbs_steps);
        train(&mut machine, &mut estimator, &data, &settings, seed.child("training", 0), measure)?;
        Ok(rows)
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let epochs = self.learning.training.epochs;
        let last = rows.filter(|_, row| row.epoch == epochs);
        let edge = if rows.iter().any(|(_, row)| row.kl <= 0.0) { "; at or below 0: on the lower edge" } else { "" };
        let (k, samples, replicas) =
            (self.gibbs_steps, self.learning.data.samples, self.learning.machines.count_in_words());
        let protocol =
            format!("CD-{k}, {} configurations; {replicas}: mean and standard error{edge}", grouped(samples));
        let columns = self.learning.target.temperatures.len().min(4);
        let y = || (Axis::log("KL divergence (nats a spin)"), |_: &Cell, row: &Row| row.kl_per_site);
        let learning = rows
            .plot((Axis::linear("epoch (passes over the data)"), |_, row| row.epoch as f64), y())
            .panel(|cell, _| format!("{}, T = {}", cell.lattice.description(), cell.temperature))
            .series(|cell, _| units(cell.hidden))
            .titled("How far is an RBM from the Ising model as it learns?", &protocol);
        let ticks = self.learning.machines.hidden().map(|hidden| hidden as f64).collect();
        let reached = last
            .plot(
                (Axis::log("hidden units (lattices a little aside)").with_ticks(ticks), |cell, _| cell.hidden as f64),
                y(),
            )
            .panel(|cell, _| format!("T = {}", cell.temperature))
            .series(|cell, _| cell.lattice.description())
            .titled(
                "How near to the Ising model do more hidden units bring an RBM?",
                format!("after {epochs} epochs of {protocol}"),
            );
        for (name, plot) in [("kl_against_epoch", learning), ("kl_against_hidden", reached)] {
            let plot = plot.points(point).doubtful("not trusted", |_, row| !row.trusted);
            publication.figure(name, &plot.mark(Mark::Bars).columns(columns).figure())?;
        }
        publication.print(self.table(&last));
        let unsure = rows.filter(|_, row| !row.trusted).len();
        if unsure > 0 {
            publication.say(format!(
                "{unsure} of {} measurements are not to be trusted (see the column): more --ais-temperatures, --ais-chains \
                 or --sweeps may help,\nunless a machine has modes that its chains do not leave, as below the critical \
                 temperature.",
                rows.len()
            ));
        }
        Ok(())
    }
}

impl LargeIsingKl {
    /// Units drawn in an epoch and in a measurement, roughly.
    fn work_of_parts(&self, cell: &Cell) -> (f64, f64) {
        let (visible, hidden) = (cell.lattice.sites(), cell.hidden);
        // The products with the weights grow faster than the units (measured at 64x64 and 784x500).
        let step = (visible + hidden + visible * hidden / 120) as f64;
        let run = self.ais_chains * self.ais_temperatures;
        let reverse = match visible.min(hidden) > WHOLE_LAW_LIMIT {
            true => 2 * run + self.ais_chains * (TEMPERING.rungs * TEMPERING.rounds + DATA_STEPS),
            false => run,
        };
        let sampling = self.fresh.sampling();
        let measurement = run + reverse + sampling.chains * sampling.measured;
        // Hidden units of both phases and the update: about a step more.
        (self.learning.data.samples as f64 * (self.gibbs_steps + 1) as f64 * step, measurement as f64 * step)
    }

    /// KL and its errors at the end of training, over replicas.
    fn table<'a>(&self, last: &Rows<'a, Self>) -> Table<(Summary, Group<'a, Self>)> {
        let headline = format!(
            "KL divergence D(P || P_model) from the Ising law after {} epochs, in nats: mean of {} replica(s) with its \
             error,\nthe parts of the measurements' error that come from ln Z and from the average over fresh \
             configurations,\nand how far the runs of annealing are apart at most:",
            self.learning.training.epochs, self.learning.machines.replicas
        );
        let number = |error: Option<f64>| error.map_or("?".to_string(), |error| format!("{error:.4}"));
        let machines = last.groups(|cell, _| identity(&Cell { replica: 0, ..cell.clone() })).into_iter();
        let lines = machines.filter_map(|own| Some((Summary::of(&own.rows)?, own)));
        Table::of(headline, lines)
            .column("lattice", |(_, own)| own.cell.lattice)
            .column("T", |(_, own)| own.cell.temperature)
            .column("hidden", |(_, own)| own.cell.hidden)
            .column("KL", |(found, _)| format!("{:.4}", found.kl))
            .column("error", |(found, _)| number(found.error))
            .column("KL a spin", |(found, own)| format!("{:.6}", found.kl / own.cell.lattice.sites() as f64))
            .column("ln Z", |(found, _)| number(found.log_partition_error))
            .column("average", |(found, _)| number(found.average_error))
            .column("sides", |(found, _)| format!("{:.4}", found.width))
            .column("trusted", |(_, own)| match own.rows.filter(|_, row| row.trusted).len() {
                0 => "no".to_string(),
                all if all == own.rows.len() => "yes".to_string(),
                some => format!("{some} of {}", own.rows.len()),
            })
    }
}

/// What the replicas of a machine say at one epoch: means over them. Errors are missing where a replica's cannot be told.
struct Summary {
    /// D_KL in nats.
    kl: f64,
    /// The standard error of the mean by the scatter of the replicas, but not less than the measurements' own: few
    /// replicas scatter little by chance.
    error: Option<f64>,
    /// The part of the measurements' error that comes from ln Z.
    log_partition_error: Option<f64>,
    /// The part that comes from the average over fresh configurations.
    average_error: Option<f64>,
    /// How far the runs of annealing are apart at most.
    width: f64,
}

impl Summary {
    /// Over the replicas of a machine; `None` without any.
    fn of(rows: &Rows<LargeIsingKl>) -> Option<Self> {
        let mean = rows.mean(|_, row| row.kl)?;
        // Of independent replicas.
        let of_mean = |squares: f64| squares.sqrt() / rows.len() as f64;
        let sum_of_squares = |error: &dyn Fn(&Row) -> Option<f64>| -> Option<f64> {
            rows.iter().map(|(_, row)| error(row).map(|e| e * e)).sum()
        };
        let squares = sum_of_squares(&|row| row.kl_standard_error);
        let from_log_partition = sum_of_squares(&|row| row.log_partition_standard_error);
        Some(Self {
            kl: mean.value,
            error: squares.map(|squares| mean.standard_error.unwrap_or(0.0).max(of_mean(squares))),
            log_partition_error: from_log_partition.map(of_mean),
            average_error: squares.zip(from_log_partition).map(|(all, part)| of_mean((all - part).max(0.0))),
            width: rows.values(|_, row| row.kl_upper - row.kl_lower).into_iter().fold(0.0, f64::max),
        })
    }
}

/// The KL a spin of a machine at one epoch, with its error.
fn point(x: f64, rows: &Rows<LargeIsingKl>) -> Option<Point> {
    let (found, (cell, _)) = (Summary::of(rows)?, rows.iter().next()?);
    let sites = cell.lattice.sites() as f64;
    // No bar where the error cannot be told; the point is not trusted then.
    let (y, error) = (found.kl / sites, found.error.unwrap_or(0.0) / sites);
    // A bar that reaches nearly to 0 goes on to the edge of the axis and does not stretch it.
    let low = if error < 0.9 * y { y - error } else { 0.0 };
    Some(Point { x, y, low, high: y + error })
}

laboratory::main!(LargeIsingKl);

#[cfg(test)]
mod tests {
    use super::*;
    use laboratory::contract::{in_a_lab, parsed, run};

    const CELL: Cell = Cell { lattice: Lattice::Square(4, 4), temperature: 2.0, hidden: 3, replica: 0 };

    /// KL, its error, and the error of ln Z.
    fn row((kl, kl_standard_error, log_partition_standard_error): (f64, Option<f64>, Option<f64>)) -> (Cell, Row) {
        let row = Row {
            epoch: 0,
            kl,
            kl_standard_error,
            kl_per_site: kl / 16.0,
            kl_lower: kl - 0.5,
            kl_upper: kl + 0.25,
            log_partition: 0.0,
            log_partition_standard_error,
            log_partition_forward: 0.0,
            log_partition_reverse: 0.0,
            effective_samples: None,
            trusted: true,
            doubts: String::new(),
        };
        (CELL, row)
    }

    /// Two replicas that agree by chance are not without error: it is that of their measurements, 0.3 / sqrt 2, of which
    /// 0.2 / sqrt 2 comes from ln Z and the rest, in squares, from the average. Replicas that scatter more are judged by that.
    #[test]
    fn replicas_that_agree_have_the_error_of_their_measurements() {
        let of = |rows: &[_]| {
            let rows: Vec<_> = rows.iter().copied().map(row).collect();
            let Summary { kl, error, log_partition_error, average_error, width } =
                Summary::of(&Rows::of_pairs(&rows)).unwrap();
            assert_eq!(width, 0.75);
            (kl, error, log_partition_error, average_error)
        };
        let is = |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        let measured = (Some(0.3), Some(0.2));
        let (kl, error, log_partition_error, average_error) =
            of(&[(2.0, measured.0, measured.1), (2.0, measured.0, measured.1)]);
        assert_eq!(kl, 2.0);
        is(error, 0.3 / 2.0_f64.sqrt());
        is(log_partition_error, 0.2 / 2.0_f64.sqrt());
        is(average_error, (0.09_f64 - 0.04).sqrt() / 2.0_f64.sqrt());
        let (kl, error, ..) = of(&[(1.0, measured.0, measured.1), (3.0, measured.0, measured.1)]);
        assert_eq!(kl, 2.0);
        is(error, 1.0);
        let (_, error, _, average_error) = of(&[(2.0, measured.0, measured.1), (2.0, None, None)]);
        assert_eq!((error, average_error), (None, None));
    }

    /// One of two replicas is trusted; KL and its parts as above, per spin of sixteen.
    #[test]
    fn the_table_says_how_many_are_trusted() {
        let of = |trusted: [bool; 2]| {
            let mut rows = [(1.6, Some(0.3), Some(0.2)), (1.6, Some(0.3), Some(0.2))].map(row);
            rows.iter_mut().zip(trusted).for_each(|(row, trusted)| row.1.trusted = trusted);
            let table = parsed::<LargeIsingKl>(&[]).table(&Rows::of_pairs(&rows)).text().unwrap();
            table.lines().last().unwrap().split_whitespace().map(str::to_string).collect::<Vec<_>>()
        };
        let numbers = ["square:4x4", "2", "3", "1.6000", "0.2121", "0.100000", "0.1414", "0.1581", "0.7500"];
        for (trusted, word) in [([true, false], "1 of 2"), ([true; 2], "yes"), ([false; 2], "no")] {
            let line = of(trusted);
            assert_eq!((&line[..9], line[9..].join(" ")), (&numbers.map(str::to_string)[..], word.to_string()));
        }
    }

    /// Replicas learn configurations of their own, machines of another size the same.
    #[test]
    fn replicas_have_data_of_their_own() {
        let experiment = parsed::<LargeIsingKl>(&["--samples", "50"]);
        in_a_lab(|lab| {
            let data = |cell: Cell| {
                experiment.learning.data.shared(cell.lattice, cell.temperature, cell.replica, lab).unwrap()
            };
            assert!(*data(CELL) != *data(Cell { replica: 1, ..CELL }));
            assert!(*data(CELL) != *data(Cell { temperature: 3.0, ..CELL }));
            assert!(*data(CELL) == *data(Cell { hidden: 5, ..CELL }));
        });
    }

    /// A machine that stays as it is is measured with other random numbers at every epoch.
    #[test]
    fn every_measurement_has_random_numbers_of_its_own() {
        let arguments = "--lattices square:3x3 --temperatures 3 --hidden 2 --replicas 1 --samples 50 --epochs 2 --every 1 \
                         --learning-rate 1e-300 --ais-temperatures 10 --ais-chains 10 --sweeps 100";
        let (_, rows) = run::<LargeIsingKl>(&arguments.split_whitespace().collect::<Vec<_>>());
        let mut forward: Vec<u64> = rows.iter().map(|(_, row)| row.log_partition_forward.to_bits()).collect();
        forward.dedup();
        assert_eq!((rows.len(), forward.len()), (3, 3));
    }
}
