//! Every number of one machine, beside what it should be.

use super::Row;
use super::options::{Cell, DATA_STEPS, LADDERS, Options, SAMPLING, TARGET_SAMPLING, TEMPERING};
use gibbsite::configuration::{Configurations, copy_bits};
use gibbsite::enumerate::{kl_divergence, log_partition, log_probabilities};
use gibbsite::log_partition::annealing::{ForwardAnnealing, ReverseAnnealing, Starts};
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracket;
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::log_partition::thermodynamic_integration::ThermodynamicIntegration;
use gibbsite::log_partition::{LogPartition, LogPartitionEstimator, names};
use gibbsite::model::rbm::Rbm;
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monitor::observables::{HIDDEN_LIMIT, enumerated_moments, exact_moments, sample_model};
use gibbsite::monitor::sampled_kl::SampledTarget;
use gibbsite::path::Path;
use gibbsite::random::Seed;
use gibbsite::statistics::doubt::Doubt;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::observable::{Expectations, Observable};
use laboratory::error::Result;
use laboratory::harness::sweep::Progress;

/// The estimators of ln Z, in the order of a replica's rows.
pub const LOG_PARTITION: [&str; 6] =
    ["forward_ais", "reverse_ais", "both_sides", "both_sides_tempered", "bennett", "thermodynamic_integration"];

/// The observables, by [`GIBBS`].
pub const OBSERVABLES: [Observable; 4] =
    [Observable::Energy, Observable::Magnetization, Observable::SpecificHeat, Observable::SusceptibilityFull];

/// The estimator of observables.
pub const GIBBS: &str = "gibbs";

/// The estimator of the KL divergence: with ln Z from both sides.
pub const SAMPLED: &str = "sampled";

/// Sites up to which the KL divergence is summed.
pub const KL_LIMIT: usize = 16;

/// Draws from the machine that the starts of its chains and the coordinates that are watched come from.
const DATA: usize = 1000;

/// A machine with its exact answers.
struct Subject<'a> {
    options: &'a Options,
    cell: &'a Cell,
    machine: Rbm,
    ruler: Ising,
    log_partition: f64,
    expectations: Expectations,
    /// Where it can be summed.
    kl: Option<f64>,
}

/// A number that was measured.
struct Found {
    value: f64,
    standard_error: Option<f64>,
    said: bool,
    doubts: String,
}

impl Found {
    fn of_run(run: &LogPartition) -> Self {
        Self {
            value: run.value,
            standard_error: run.standard_error,
            said: run.doubts.is_empty(),
            doubts: names(&run.doubts),
        }
    }

    fn of_bracket(bracket: &Bracket) -> Self {
        Self {
            value: bracket.value,
            standard_error: bracket.standard_error,
            said: bracket.trusted(),
            doubts: names(&bracket.doubts),
        }
    }
}

/// The rows of a machine, replica by replica.
pub fn rows(options: &Options, cell: &Cell, progress: &mut Progress) -> Result<Vec<Row>> {
    let root = Seed::root(options.common.seed);
    let subject = Subject::new(options, cell, root)?;
    let runs = root.child(&cell.member.name(), 1);
    let mut rows = Vec::new();
    for replica in 0..options.replicas {
        subject.measure(replica, runs.child("replica", replica as u64), &mut rows)?;
        progress.report(replica + 1, options.replicas);
    }
    Ok(rows)
}

impl<'a> Subject<'a> {
    fn new(options: &'a Options, cell: &'a Cell, root: Seed) -> Result<Self> {
        let machine = cell.member.machine(root)?;
        let ruler = cell.member.ruler()?;
        let log_partition = log_partition(&machine)?;
        let (_, hidden) = cell.member.shape();
        let expectations = if hidden <= HIDDEN_LIMIT {
            exact_moments(&ruler, &machine)?
        } else {
            enumerated_moments(&ruler, &machine)?
        };
        let kl = match cell.has_kl() {
            true => Some(kl_divergence(&log_probabilities(&ruler)?, &machine, log_partition)),
            false => None,
        };
        Ok(Self { options, cell, machine, ruler, log_partition, expectations, kl })
    }

    fn measure(&self, replica: usize, seed: Seed, rows: &mut Vec<Row>) -> Result<()> {
        let (visible, hidden) = self.cell.member.shape();
        let mut push = |quantity: &str, estimator: &str, exact: f64, found: Found| {
            rows.push(Row {
                family: self.cell.member.family.to_string(),
                machine: self.cell.member.name(),
                visible,
                hidden,
                quantity: quantity.to_string(),
                estimator: estimator.to_string(),
                replica,
                value: found.value,
                standard_error: found.standard_error,
                exact,
                said: found.said.into(),
                doubts: found.doubts,
            });
        };
        let path = RbmPath::from_uniform(&self.machine)?;
        let (bracket, found) = self.log_partitions(&path, seed.child("ln Z", 0))?;
        for (estimator, found) in LOG_PARTITION.into_iter().zip(found) {
            push("log_partition", estimator, self.log_partition, found);
        }
        let drawn = path.draw_target(DATA, seed.child("data", 0))?;
        let sampled = sample_model(
            &self.ruler,
            &self.machine,
            &visible_part(&drawn, visible),
            SAMPLING,
            seed.child("gibbs", 0),
            &mut |_, _| (),
        )?;
        for observable in OBSERVABLES {
            let estimate = sampled.estimate(observable);
            let found = Found {
                value: estimate.value,
                standard_error: estimate.standard_error,
                said: estimate.converged(),
                doubts: estimate.doubt.map_or("", Doubt::name).to_string(),
            };
            let exact = observable.exactly(&self.expectations, visible, self.ruler.temperature());
            push(observable.name(), GIBBS, exact, found);
        }
        if let Some(exact) = self.kl {
            let seed = seed.child("kl", 0);
            let target = SampledTarget::of_ising(&self.ruler, TARGET_SAMPLING, seed)?;
            let kl = target.measure_between(&self.machine, &bracket);
            let found = Found {
                value: kl.value,
                standard_error: kl.standard_error,
                said: kl.trusted,
                doubts: kl.doubts.join("; "),
            };
            push("kl", SAMPLED, exact, found);
        }
        Ok(())
    }

    /// ln Z by every estimator, in the order of [`LOG_PARTITION`], and from both sides with exact starts. The runs are
    /// those that `Bracketing` makes, so that each is a number of its own too: forward annealing serves both brackets.
    fn log_partitions(&self, path: &RbmPath, seed: Seed) -> Result<(Bracket, [Found; 6])> {
        let chains = self.options.chains;
        let betas = || Betas::Linear(self.options.temperatures);
        let report = &mut |_, _| ();
        let forward = ForwardAnnealing { betas: betas(), chains };
        let forward = forward.run(path, seed.child("forward", 0), report)?;
        let mut reverse = |starts: Starts, name: &str| {
            let betas = betas();
            ReverseAnnealing { betas, starts }.run(path, seed.child(name, 0), report)
        };
        let exact = reverse(Starts::Exact(chains), "exact")?;
        let tempering = TEMPERING;
        let tempered = reverse(Starts::Tempered { chains, tempering }, "tempered")?;
        let rows = path.draw_target(chains, seed.child("data", 0))?;
        let steps = DATA_STEPS;
        let from_data = reverse(Starts::Rows { rows, steps }, "from data")?;
        let tempered = Bracket::new(forward.clone(), tempered, Some(from_data));
        let both = Bracket::new(forward, exact, None);
        let run = || TemperedRun {
            betas: Betas::Linear(TEMPERING.rungs),
            ladders: LADDERS,
            burn_in: TEMPERING.rounds / 5,
            rounds: TEMPERING.rounds,
            every: 1,
        };
        let bennett = BennettRatio(run()).estimate(path, seed.child("bennett", 0), report)?;
        let integral = ThermodynamicIntegration(run());
        let integral = integral.estimate(path, seed.child("integration", 0), report)?;
        let found = [
            Found::of_run(&both.forward),
            Found::of_run(&both.reverse),
            Found::of_bracket(&both),
            Found::of_bracket(&tempered),
            Found::of_run(&bennett),
            Found::of_run(&integral),
        ];
        Ok((both, found))
    }
}

/// The visible units of complete rows.
fn visible_part(rows: &Configurations, visible: usize) -> Configurations {
    let mut part = Configurations::zeros(visible, rows.len());
    for s in 0..rows.len() {
        copy_bits(rows.row(s), 0, visible, part.row_mut(s), 0);
    }
    part
}
