//! Estimators of `dC/d theta = E_model[phi] - mean_data E[phi | v]`, one a file.

mod contrastive_divergence;
mod exact;
mod fast_persistent;
mod ladder_chains;
mod persistent;
mod pseudo_likelihood;
mod tempering;
mod trajectory_tempering;
mod two_gibbs_runs;

pub use contrastive_divergence::ContrastiveDivergence;
pub use exact::Exact;
pub use fast_persistent::FastPersistentContrastiveDivergence;
pub use persistent::PersistentContrastiveDivergence;
pub use pseudo_likelihood::PseudoLikelihood;
pub use tempering::Tempering;
pub use trajectory_tempering::TrajectoryTempering;
pub use two_gibbs_runs::TwoGibbsRuns;

use super::batch::Batch;
use super::mixing::Mixing;
use crate::configuration::{Configurations, copy_bits};
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp};
use crate::model::Model;
use crate::model::trajectory::Trajectory;
use crate::random::{Generator, Seed};
use crate::state::State;
use rand::RngExt;
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// A way to estimate the gradient of the cost C = -mean ln p(v), a mean per configuration.
pub trait GradientEstimator: Send {
    /// One estimate, in one of two forms: written over `gradient`, or as the chains that stand for the model. A model
    /// descends along either; what a reader of numbers wants is [`Estimated::write`].
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>>;

    /// The work of one estimate from `batch`, independent of machine and implementation: units drawn x
    /// chains, both phases, analytic probabilities of a unit counted as a draw. 0 for enumeration,
    /// which draws nothing.
    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64;

    /// How its chains have mixed since it was last asked; `None` where it has none, or none of their units varies.
    fn mixing(&mut self) -> Option<Mixing> {
        None
    }

    /// What it remembers from one estimate to the next: chains, fast weights, what [`Self::mixing`] counts. Nothing, for one
    /// that begins anew with every estimate.
    fn state(&self) -> Result<State> {
        Ok(State::default())
    }

    /// Puts back what [`Self::state`] has taken out of one made from the same settings, which then goes on as that one would
    /// have. `model` is the machine that is trained.
    fn set_state(&mut self, state: &State, _model: &dyn Model) -> Result<()> {
        state.read::<()>()
    }

    /// The machines that it has kept along the way, where it does: a ladder for sampling the one that is trained.
    fn trajectory(&self) -> Option<&Trajectory> {
        None
    }
}

/// What an estimator hands over.
#[derive(Debug)]
#[must_use = "where the estimate is handed over as phases, nothing has been written"]
pub enum Estimated<'a> {
    /// dC/d theta is written.
    Written,
    /// mean_chains E[phi | v] - mean_data E[phi | v], weighted means in closed form: a model need not have it written out
    /// to descend along it.
    Phases {
        /// Rows that stand for the model.
        chains: Configurations,
        /// Rows that stand for the data, most often those of the batch.
        data: Cow<'a, Configurations>,
    },
}

impl Estimated<'_> {
    /// Writes the gradient over `gradient`, if that has not been done.
    pub fn write(self, model: &dyn Model, gradient: &mut [f64]) -> Result<()> {
        match self {
            Estimated::Written => Ok(()),
            Estimated::Phases { chains, data } => model.set_difference_of_expectations(&chains, &data, gradient),
        }
    }

    /// The same with rows of its own, for an estimator that gives another one a batch of its own making.
    pub fn into_owned(self) -> Estimated<'static> {
        match self {
            Estimated::Written => Estimated::Written,
            Estimated::Phases { chains, data } => Estimated::Phases { chains, data: Cow::Owned(data.into_owned()) },
        }
    }
}

/// How a phase treats the hidden units given the visible ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `E[phi | v]` in closed form: less variance.
    Analytic,
    /// phi(v, h) with h drawn by Gibbs steps with v clamped, from random hidden units: from p(h | v) in
    /// one step where hidden units are not coupled to each other, else in as many as it takes to forget.
    Sampled {
        /// Gibbs steps with the visible units clamped (the burn-in of the positive phase).
        clamped_steps: usize,
    },
}

impl Phase {
    /// Draws of each hidden unit of a row.
    fn draws(self) -> u64 {
        match self {
            Phase::Analytic => 1,
            Phase::Sampled { clamped_steps } => clamped_steps as u64,
        }
    }
}

/// How each phase treats the hidden units. Both have the same mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HiddenStatistics {
    /// At the data.
    pub positive: Phase,
    /// At the chains.
    pub negative: Phase,
}

impl HiddenStatistics {
    /// Whether both phases take the hidden units in closed form.
    fn are_analytic(self) -> bool {
        self == Self::default()
    }
}

impl Default for HiddenStatistics {
    fn default() -> Self {
        Self { positive: Phase::Analytic, negative: Phase::Analytic }
    }
}

/// Sets `gradient` to minus the positive phase: -mean_data E[phi | v].
fn positive_phase(
    model: &dyn Model,
    data: &Configurations,
    how: Phase,
    seed: Seed,
    gradient: &mut [f64],
) -> Result<()> {
    gradient.fill(0.0);
    match how {
        Phase::Analytic => model.add_expected_statistics(data, gradient)?,
        Phase::Sampled { clamped_steps } => {
            let starts = with_random_hidden(model, data, seed.child("hidden", 0));
            let mut chains = Chains::new(starts, seed.child("positive", 0));
            let kernel = model.kernel();
            kernel.advance(&mut chains, 1.0, clamped_steps, Clamp::Visible);
            model.add_statistics(chains.states(), gradient);
        }
    }
    gradient.iter_mut().for_each(|x| *x = -*x);
    Ok(())
}

/// Refuses chains that are none of this model.
fn check_chains(chains: &Configurations, model: &dyn Model) -> Result<()> {
    let units = model.visible() + model.hidden();
    if chains.sites() == units && !chains.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(
        "the state of a training run",
        format!("{} chains of {} units for a machine of {units}", chains.len(), chains.sites()),
        "take the state of a run with a machine of the same size",
    ))
}

/// Complete rows: the visible units of `rows`, and random hidden ones.
fn with_random_hidden(model: &dyn Model, rows: &Configurations, seed: Seed) -> Configurations {
    let mut complete = rows.widened(model.hidden());
    let mut generator = seed.generator();
    randomize(&mut complete, model.visible(), model.hidden(), &mut generator);
    complete
}

/// Sets `count` sites of every row, from site `first` on, at random.
fn randomize(rows: &mut Configurations, first: usize, count: usize, generator: &mut Generator) {
    for s in 0..rows.len() {
        for start in (0..count).step_by(64) {
            let (bits, row) = ([generator.random()], rows.row_mut(s));
            copy_bits(&bits, 0, (count - start).min(64), row, first + start);
        }
    }
}

/// Units that the negative phase draws: every unit at each Gibbs step, then the hidden ones given the last visible ones.
fn negative_draws(model: &dyn Model, chains: usize, gibbs_steps: usize, how: Phase) -> u64 {
    let units = (model.visible() + model.hidden()) as u64;
    chains as u64 * (gibbs_steps as u64 * units + model.hidden() as u64 * how.draws())
}

/// Units that the positive phase draws.
fn positive_draws(model: &dyn Model, rows: usize, how: Phase) -> u64 {
    rows as u64 * model.hidden() as u64 * how.draws()
}

/// The difference of the phases: the mean of E[phi | v] over chains that have moved, less that over the data.
fn difference_of_phases<'a>(
    model: &dyn Model,
    data: &'a Configurations,
    chains: &mut Chains,
    how: HiddenStatistics,
    seed: Seed,
    gradient: &mut [f64],
) -> Result<Estimated<'a>> {
    if how.are_analytic() {
        return Ok(Estimated::Phases { chains: chains.states().clone(), data: Cow::Borrowed(data) });
    }
    positive_phase(model, data, how.positive, seed, gradient)?;
    match how.negative {
        Phase::Analytic => model.add_expected_statistics(chains.states(), gradient)?,
        Phase::Sampled { clamped_steps } => {
            // The hidden units that drew the last visible ones belong to the step before: draw anew.
            model.kernel().advance(chains, 1.0, clamped_steps, Clamp::Visible);
            model.add_statistics(chains.states(), gradient);
        }
    }
    Ok(Estimated::Written)
}

impl fmt::Display for HiddenStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |phase| match phase {
            Phase::Analytic => "analytic",
            Phase::Sampled { .. } => "sampled",
        };
        write!(f, "{}", name(self.positive))?;
        if self.negative != self.positive {
            write!(f, "/{}", name(self.negative))?;
        }
        Ok(())
    }
}

impl FromStr for HiddenStatistics {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let phase = |word: &str| match word {
            "analytic" => Ok(Phase::Analytic),
            "sampled" => Ok(Phase::Sampled { clamped_steps: 1 }),
            _ => Err(Error::invalid(
                format!("hidden statistics {text}"),
                format!("`{word}` is neither analytic nor sampled"),
                "write analytic, sampled, or POSITIVE/NEGATIVE such as sampled/analytic",
            )),
        };
        let (positive, negative) = text.split_once('/').unwrap_or((text, text));
        Ok(Self { positive: phase(positive)?, negative: phase(negative)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::bit;

    /// Of 70 units from the third on, each is on in about half of a thousand rows, and the others stay as they are.
    #[test]
    fn every_unit_is_set_at_random() {
        let mut rows = Configurations::zeros(75, 1000);
        randomize(&mut rows, 3, 70, &mut Seed::root(1).generator());
        for site in 0..75 {
            let on = (0..1000).filter(|s| bit(rows.row(*s), site)).count();
            // Six standard deviations of a binomial law are 95.
            let expected = if (3..73).contains(&site) { 405..=595 } else { 0..=0 };
            assert!(expected.contains(&on), "site {site} is on in {on} rows");
        }
    }
}
