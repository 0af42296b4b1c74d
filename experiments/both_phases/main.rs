//! Which gradient learns both phases of the Ising model, and what does it cost?

use gibbsite::enumerate::WHOLE_LAW_LIMIT;
use gibbsite::log_partition::LogPartition;
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::UNSEEN;
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monitor::ladder_mean::{LadderRun, drawn_mean, ladder_mean};
use gibbsite::monitor::sampled_kl::{SampledKl, SampledTarget};
use gibbsite::monte_carlo::ladder::AlongPath;
use gibbsite::path::Path;
use gibbsite::prelude::*;
use gibbsite::targets::ising::phase;
use gibbsite::training::direction::Offsets;
use gibbsite::training::mixing::Mixing;
use laboratory::prelude::*;
use std::sync::Arc;

/// Which gradient learns both phases of the Ising model, and what does it cost?
///
/// Below the critical temperature configurations come in two phases, up and down. Machines learn them by every gradient named
/// until it has spent a budget of Gibbs updates (units drawn); at several shares of the budget the KL divergence a spin is
/// measured, by enumeration where a layer is small and else along ladders of temperatures from two kinds of starts that must
/// agree, and so is the weight that the machine gives to the phase up, one half in the law.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct BothPhases {
    #[command(flatten)]
    #[serde(flatten)]
    learning: LessonOptions,
    /// Gradients, each as NAME:k with its settings; centred=data makes one centred
    #[arg(
        long,
        value_name = "LIST",
        help_heading = "Sweep",
        default_value = "cd:5,pcd:5,tempering:1,ptt:1,cd:5:centred=data,pcd:5:centred=data,tempering:1:centred=data,ptt:1:centred=data"
    )]
    estimators: List<Recipe>,
    /// Gibbs updates after which training ends
    #[arg(long, value_name = "NUMBER", default_value_t = 4e9, value_parser = positive, help_heading = "Training")]
    budget: f64,
    /// Measurements, at shares of the budget that double
    #[arg(long, value_name = "NUMBER", default_value_t = 6, value_parser = at_least_one, help_heading = "Measuring")]
    measurements: usize,
    /// Rounds on each of 64 ladders of a measurement
    #[arg(long, value_name = "NUMBER", default_value_t = 2000, value_parser = at_least_one, help_heading = "Measuring")]
    rounds: usize,
    #[command(flatten)]
    #[serde(flatten)]
    fresh: SamplingOptions,
    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  both_phases                                      8x8 at three temperatures, every gradient
  both_phases --quick                              every file in seconds
  both_phases --temperatures 1.8 --hidden 64 --estimators cd:5,tempering:1:temperatures=20
  both_phases --lattices square:16x16 --samples 100000 --budget 2e10 --rounds 10000";

/// Ladders of a measurement.
const LADDERS: usize = 64;

/// Exact draws, where there are any.
const DRAWS: usize = 20_000;

/// Gradients that one figure can tell apart.
const FEW: usize = 5;

/// Divergences a spin to which the time is told.
const THRESHOLDS: [f64; 4] = [0.3, 0.1, 0.03, 0.01];

/// Rungs of a ladder: how far apart two may stand falls as one over the root of the size (Kofke, J. Chem. Phys. 117, 6911, 2002).
fn rungs(sites: usize) -> usize {
    (4.0 * (sites as f64).sqrt()).ceil() as usize
}

/// One training run.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// The lattice of the Ising model that is learned; J = 1.
    lattice: Lattice,
    /// Its temperature, in units of J.
    temperature: f64,
    /// The gradient with its settings.
    estimator: Recipe,
    /// Where the offsets of a centred gradient come from: none, data, model or mean.
    centred: Offsets,
    /// Hidden units.
    hidden: usize,
    /// Replicas have data, weights and chains of their own.
    replica: usize,
}

/// A machine after some updates.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// Updates so far.
    updates: u64,
    /// Units drawn so far, those of both phases.
    gibbs_updates: u64,
    /// D_KL(P || P_model) in nats.
    kl: f64,
    /// Its standard error, where it can be told.
    kl_standard_error: Option<f64>,
    /// D_KL / sites.
    kl_per_site: f64,
    /// The probability that the machine gives to more than half of the spins being up, ties counted by half.
    weight_up: f64,
    /// Its standard error.
    weight_up_standard_error: f64,
    /// Whether both errors hold: sums over all states, or chains from two starts that agree.
    trusted: bool,
    /// What speaks against them.
    doubts: String,
    /// Autocorrelation time of the training chains in Gibbs steps: beyond k they do not keep up.
    tau: Option<f64>,
    /// Rungs of a ladder of the estimator.
    rungs: Option<usize>,
}

impl Experiment for BothPhases {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "both_phases";
    const AXES: &'static [&'static str] = &["lattices", "temperatures", "estimators", "hidden", "replicas"];
    /// The budget ends training, and a gradient says itself whether it is centred.
    const UNUSED: &'static [&'static str] = &["epochs", "centred"];
    /// The machines of a quick run are small enough to be enumerated, and need no ladders.
    const INERT: &'static [&'static str] = &["rounds"];
    const DEFAULTS: Preset = "\
        --lattices square:8x8 --temperatures 1.8,2.0,2.269 --hidden 16,64 --batch 100 --learning-rate 0.05 \
        --decay exponential:10000 --average 2000 --replicas 1";
    const QUICK: Preset = "\
        --lattices square:4x4 --temperatures 1.8 --hidden 4 --estimators cd:1,tempering:1:temperatures=4,ptt:1 \
        --samples 500 --average 20 --decay exponential:500 --budget 2000000 --measurements 2 --rounds 50 \
        --sweeps 100";
    const PAPER: Preset = "\
        --lattices square:8x8,square:16x16 --hidden 16,64,256 --budget 100000000000 --decay exponential:50000";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        self.estimators.iter().try_for_each(|recipe| self.learning.training.check_recipe(recipe))?;
        self.fresh.check(1_000_000)?;
        self.learning.check(4096)?;
        check_at_most("--measurements", self.measurements, 30)
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let machines = iproduct!(self.learning.machines.hidden(), 0..self.learning.machines.replicas);
        let all = iproduct!(self.learning.target.all(), self.estimators.iter(), machines);
        let cell = |((lattice, temperature), estimator, (hidden, replica)): (_, &Recipe, _)| {
            let (estimator, centred) = (estimator.clone(), estimator.centred);
            Cell { lattice, temperature, estimator, centred, hidden, replica }
        };
        Ok(all.map(cell).collect())
    }

    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let &Cell { lattice, temperature, ref estimator, hidden, replica, .. } = cell;
        let ising = Ising::on_lattice(lattice, 1.0, 0.0, temperature)?;
        let name = format!("{lattice} T={temperature}");
        let seed = lab.seed(&name, replica as u64);
        // Every gradient learns the same configurations from the same weights, and meets the same fresh ones.
        let data = lab.shared(format!("{name} data {replica} M={}", self.learning.data.samples), || {
            self.learning.data.configurations(&ising, seed.child("data", 0))
        })?;
        let fresh = lab.shared(format!("{name} fresh {replica}"), || {
            Ok(SampledTarget::of_ising(&ising, self.fresh.sampling(), seed.child("fresh", 0))?)
        })?;
        let seed = seed.child("hidden", hidden as u64);
        let mut machine = Rbm::new(lattice.sites(), hidden)?;
        machine.initialize(self.learning.training.initial_weights, seed.child("weights", 0))?;
        let seed = seed.child(&estimator.to_string(), 0);
        let settings = estimator.training(self.learning.training.training());
        let own = estimator.estimator(&data, settings.batch, hidden, seed)?;
        let mut trainer = Trainer::new(machine, own, Arc::clone(&data), &settings, seed.child("training", 0))?;
        let mut rows = Vec::new();
        while rows.len() < self.measurements {
            let share = 0.5_f64.powi((self.measurements - 1 - rows.len()) as i32);
            while (trainer.gibbs_updates() as f64) < share * self.budget {
                trainer.epoch()?;
            }
            let (updates, gibbs_updates) = (trainer.updates(), trainer.gibbs_updates());
            let mixing = trainer.estimator().mixing();
            let seed = seed.child("measurement", rows.len() as u64);
            let (kl, weight_up) = self.measure(trainer.model(), &data, &fresh, seed)?;
            let (weight_up, weight_up_standard_error, believed) = weight_up;
            let (trusted, doubts) = verdict(&kl, believed);
            rows.push(Row {
                updates,
                gibbs_updates,
                kl: kl.value,
                kl_standard_error: kl.standard_error,
                kl_per_site: kl.value / kl.sites as f64,
                weight_up,
                weight_up_standard_error,
                trusted,
                doubts,
                tau: mixing.map(|mixing| mixing.tau),
                rungs: mixing.and_then(|mixing| Some(mixing.ladders?.rungs)),
            });
            lab.progress((1e6 * share) as usize, 1_000_000);
        }
        Ok(rows)
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let about = self.learning.machines.replicas_in_words("median and range");
        let x = || (Axis::log("Gibbs updates (units drawn)"), |_: &Cell, row: &Row| row.gibbs_updates as f64);
        let one = self.learning.target.lattices.len() == 1;
        let lattice = |cell: &Cell| if one { String::new() } else { format!("{}, ", cell.lattice.description()) };
        let panel = |cell: &Cell, _: &Row| format!("{}T = {}, {}", lattice(cell), cell.temperature, units(cell.hidden));
        let about = format!("{}; {about}", self.learning.target.lattices_in_words());
        let centred = |cell: &Cell| cell.centred != Offsets::None;
        // Few gradients share a figure; of many, plain and centred ones have their own, whose title says so.
        let few = self.estimators.len() <= FEW;
        let kinds: &[(&str, &str, Option<bool>)] = match few {
            true => &[("", "", None)],
            false => &[("_plain", ": plain gradients", Some(false)), ("_centred", ": centred gradients", Some(true))],
        };
        for (name, words, kind) in kinds {
            let own = rows.filter(|cell, _| kind.is_none_or(|kind| centred(cell) == kind));
            if own.is_empty() {
                continue;
            }
            let label = |cell: &Cell| cell.estimator.label();
            let series =
                |cell: &Cell, _: &Row| if few { label(cell) } else { label(cell).replace(", centred=data", "") };
            let kl = own.plot(x(), (Axis::log("KL divergence a spin (nats)"), |_, row| row.kl_per_site)).panel(panel);
            let kl = kl.series(series).doubtful("not trusted", |_, row| !row.trusted).mark(Mark::Bars).columns(2);
            let title = format!("What a gradient reaches for a budget of Gibbs updates{words}");
            publication.figure(&format!("kl{name}"), &kl.titled(title, &about).figure())?;
            let half = |_: &Rows<Self>| vec![Level::across("Ising model", 0.5)];
            let weight = own.plot(x(), (Axis::linear("weight of the phase up"), |_, row| row.weight_up)).panel(panel);
            let weight = weight.series(series).levels(half).doubtful("not trusted", |_, row| !row.trusted);
            let weight = weight.mark(Mark::Bars).columns(2);
            let title = format!("How much of the law is up{words}");
            publication.figure(&format!("weight_up{name}"), &weight.titled(title, &about).figure())?;
        }
        let last = || {
            let runs = rows.groups(|cell, _| identity(cell)).into_iter();
            runs.filter_map(|run| run.rows.iter().last().map(|(_, last)| (last, run)))
        };
        let table = |headline: String| {
            Table::of(headline, last())
                .column("lattice", |(_, run)| run.cell.lattice)
                .column("T", |(_, run)| run.cell.temperature)
                .column("hidden", |(_, run)| run.cell.hidden)
                .column("gradient", |(_, run)| run.cell.estimator.label())
        };
        let a_spin = |error: f64, cell: &Cell| error / cell.lattice.sites() as f64;
        let reached = table(format!("After {:.1e} Gibbs updates:", self.budget))
            .column("updates", |(last, _)| last.updates)
            .column("KL a spin", |(last, _)| digits(last.kl_per_site))
            .column("error", |(last, run)| known(last.kl_standard_error.map(|error| a_spin(error, run.cell))))
            .column("weight up", |(last, _)| format!("{:.3}", last.weight_up))
            .column("error", |(last, _)| format!("{:.3}", last.weight_up_standard_error))
            .column("trusted", |(last, _)| yes_or_no(last.trusted))
            .column("tau", |(last, run)| {
                last.tau.map_or(String::new(), |tau| pace(tau, run.cell.estimator.gibbs_steps))
            });
        publication.print(reached);
        let times = table("Gibbs updates until the KL divergence a spin is at most:".to_string());
        publication.print(THRESHOLDS.iter().fold(times, |times, &kl| {
            times.column(kl.to_string(), |(_, run)| {
                let time = time_to(run.rows.iter().map(|(_, row)| row), kl);
                time.map_or("not yet".to_string(), |time| format!("{time:.1e}"))
            })
        }));
        Ok(())
    }
}

/// Whether to trust a divergence and the weights of the phases, and what speaks against them.
fn verdict(kl: &SampledKl, weights_are_believed: bool) -> (bool, String) {
    let mut doubts = kl.doubts.clone();
    doubts.extend((!weights_are_believed).then_some("weights of the phases"));
    (kl.trusted && weights_are_believed, doubts.join("; "))
}

/// tau, and whether an update gives the chains fewer steps.
fn pace(tau: f64, gibbs_steps: Option<usize>) -> String {
    let slow = gibbs_steps.is_some_and(|gibbs_steps| Mixing { gibbs_steps, tau, ladders: None }.is_slow());
    format!("{tau:.1}{}", if slow { ", k is less" } else { "" })
}

/// Where a trusted measurement first found at most so large a divergence a spin: not later, perhaps earlier.
fn time_to<'a>(mut rows: impl Iterator<Item = &'a Row>, kl_per_site: f64) -> Option<f64> {
    rows.find(|row| row.trusted && row.kl_per_site <= kl_per_site).map(|row| row.gibbs_updates as f64)
}

impl BothPhases {
    /// The KL divergence, and the weight of the phase up with its error and whether to believe it.
    fn measure(
        &self,
        machine: &Rbm,
        data: &Configurations,
        fresh: &SampledTarget,
        seed: Seed,
    ) -> Result<(SampledKl, (f64, f64, bool))> {
        let path = RbmPath::from_uniform(machine)?;
        let up = |row: &[u64]| 0.5 + 0.5 * phase(row, machine.visible());
        // A phase that has not been seen in so many independent draws may still be there.
        let unseen = |error: f64, draws: f64| error.hypot(UNSEEN / draws);
        if machine.visible().min(machine.hidden()) <= WHOLE_LAW_LIMIT {
            let kl = fresh.measure(machine, &LogPartition::exact(log_partition(machine)?));
            let share = drawn_mean(&path, DRAWS, seed.child("draws", 0), &up)?;
            let error = (share * (1.0 - share) / DRAWS as f64).sqrt();
            return Ok((kl, (share, unseen(error, DRAWS as f64), true)));
        }
        let betas = Betas::Adaptive(rungs(machine.visible())).resolve(&path, seed.child("betas", 0))?.betas;
        let ladder = AlongPath::new(&path, &betas)?;
        let run = LadderRun { ladders: LADDERS, burn_in: self.rounds / 4, rounds: self.rounds };
        let LadderRun { ladders, burn_in, rounds } = run;
        let bennett = BennettRatio(TemperedRun { betas: Betas::Given(betas), ladders, burn_in, rounds, every: 2 });
        let base = path.base_log_partition();
        let log_partition = bennett.along(&ladder, base, data, seed.child("ln Z", 0), &mut |_, _| ())?;
        let weight = ladder_mean(&ladder, data, run, seed.child("weight", 0), &up)?;
        let error = unseen(weight.standard_error, LADDERS as f64);
        Ok((fresh.measure_agreed(machine, &log_partition), (weight.value, error, weight.trusted)))
    }
}

laboratory::main!(BothPhases);

#[cfg(test)]
mod tests {
    use super::*;
    use laboratory::contract::{parsed, run};

    /// Machines that stay as they are, measured by sums and along ladders: divergence and weight of the phase up within five
    /// errors of their definitions, at the first epoch that ends beyond a share of the budget.
    #[test]
    fn a_row_is_what_its_columns_say() {
        for (lattice, hidden) in [("square:3x3", 2), ("square:3x7", 21)] {
            let words = format!(
                "--lattices {lattice} --temperatures 2.5 --hidden {hidden} --estimators cd:1 --samples 200 --budget 20000 \
                 --measurements 2 --average 0 --learning-rate 1e-300 --initial-weights gaussian:0.3 --sweeps 2000 --rounds 500"
            );
            let (text, rows) = run::<BothPhases>(&words.split_whitespace().collect::<Vec<_>>());
            let lattice: Lattice = lattice.parse().unwrap();
            let sites = lattice.sites();
            let ising = Ising::on_lattice(lattice, 1.0, 0.0, 2.5).unwrap();
            let seed = Seed::root(1).child(&format!("{lattice} T=2.5"), 0).child("hidden", hidden as u64);
            let mut machine = Rbm::new(sites, hidden).unwrap();
            machine.initialize(InitialWeights::Gaussian(0.3), seed.child("weights", 0)).unwrap();
            let (of_model, of_law) = (log_probabilities(&machine).unwrap(), log_probabilities(&ising).unwrap());
            let kl: f64 = of_law.iter().zip(&of_model).map(|(p, q)| p.exp() * (p - q)).sum();
            let share = |state: usize| match (2 * state.count_ones() as usize).cmp(&sites) {
                std::cmp::Ordering::Less => 0.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Greater => 1.0,
            };
            let up: f64 = of_model.iter().enumerate().map(|(state, q)| q.exp() * share(state)).sum();
            assert_eq!(rows.len(), 2);
            for (number, (_, row)) in rows.iter().enumerate() {
                assert!((row.kl - kl).abs() < 5.0 * row.kl_standard_error.unwrap(), "{row:?}, {kl}");
                assert!((row.weight_up - up).abs() < 5.0 * row.weight_up_standard_error, "{row:?}, {up}");
                assert!(row.trusted && row.doubts.is_empty() && (row.kl_per_site * sites as f64 - row.kl).abs() < 1e-9);
                // Two mini-batches of 100 an epoch, whose chains draw hidden, visible and hidden units again, and those of the data.
                let an_epoch = 200 * (sites + 3 * hidden) as u64;
                let epochs = (10_000 * (number as u64 + 1)).div_ceil(an_epoch);
                assert_eq!((row.updates, row.gibbs_updates), (2 * epochs, epochs * an_epoch));
                // A phase that no independent draw has met may have a weight of 1.5 draws.
                let draws = if hidden > WHOLE_LAW_LIMIT { LADDERS } else { DRAWS };
                assert!(row.weight_up_standard_error >= 1.5 / draws as f64, "{row:?}");
            }
            // The table tells the last of them.
            let last = &rows[1].1;
            let line = text.lines().find(|line| line.starts_with("square")).unwrap();
            let told: Vec<&str> = line.split_whitespace().skip(3).take(7).collect();
            let error = digits(last.kl_standard_error.unwrap() / sites as f64);
            let weight = [last.weight_up, last.weight_up_standard_error].map(|x| format!("{x:.3}"));
            let expected = ["CD-1", &last.updates.to_string(), &digits(last.kl / sites as f64), &error];
            assert_eq!(told, [&expected[..], &[&*weight[0], &*weight[1], "yes"]].concat());
        }
    }

    /// A row is trusted where both of its numbers are, and says which of them is not.
    #[test]
    fn both_numbers_must_be_believed() {
        let kl = |trusted, doubts: &[&'static str]| SampledKl {
            value: 1.0,
            standard_error: None,
            log_partition_error: None,
            average_error: None,
            lower: 1.0,
            upper: 1.0,
            sites: 64,
            trusted,
            doubts: doubts.to_vec(),
        };
        assert_eq!(verdict(&kl(true, &[]), true), (true, String::new()));
        assert_eq!(verdict(&kl(true, &[]), false), (false, "weights of the phases".to_string()));
        assert_eq!(verdict(&kl(false, &["short run"]), true), (false, "short run".to_string()));
        assert_eq!(verdict(&kl(false, &["short run"]), false), (false, "short run; weights of the phases".to_string()));
    }

    #[test]
    fn natural_steps_of_a_centred_gradient_are_refused() {
        let words = ["--step", "natural:0.1", "--estimators", "pcd:1,cd:1:centred=data"];
        let refused = parsed::<BothPhases>(&words).check().unwrap_err().to_string();
        assert!(
            refused.contains("cd:1:centred=data with --step natural:0.1") && refused.contains("leave centred= away")
        );
        parsed::<BothPhases>(&["--step", "natural:0.1", "--estimators", "pcd:1"]).check().unwrap();
    }

    #[test]
    fn chains_that_do_not_keep_up_are_named() {
        assert_eq!(
            [(5.25, Some(5)), (4.0, Some(4)), (2.0, None)].map(|(tau, k)| pace(tau, k)),
            ["5.2, k is less", "4.0", "2.0"]
        );
    }

    #[test]
    fn the_time_is_that_of_the_first_trusted_measurement_below() {
        let at = |gibbs_updates, kl_per_site, trusted| Row {
            updates: 1,
            gibbs_updates,
            kl: 64.0 * kl_per_site,
            kl_standard_error: None,
            kl_per_site,
            weight_up: 0.5,
            weight_up_standard_error: 0.01,
            trusted,
            doubts: String::new(),
            tau: None,
            rungs: None,
        };
        let rows = [at(10, 0.4, true), at(20, 0.05, false), at(40, 0.1, true), at(80, 0.02, true)];
        assert_eq!(THRESHOLDS.map(|kl| time_to(rows.iter(), kl)), [Some(40.0), Some(40.0), Some(80.0), None]);
    }
}
