//! ln Z from both sides.

use super::acceptance_ratio::from_both_sides;
use super::annealing::{AnnealingRun, ForwardAnnealing, ReverseAnnealing, Starts, Tempering};
use super::betas::Betas;
use super::{Doubt, ENOUGH_SHARED, FAR_APART, LogPartition, Side};
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::path::Path;
use crate::random::Seed;
use crate::row_sampler::RowSampler;

/// Forward and reverse annealing of one law, and one number from both.
///
/// Forward annealing alone overstates a likelihood, and its own error bar cannot see it; each side shows what the other
/// hides. Bennett's acceptance ratio between the weights of both is the likeliest value of ln Z that they allow (Crooks
/// 2000; Shirts, Bair, Hooker and Pande 2003): modes that no forward chain meets come in by their share of the reverse
/// starts. It takes the temperatures to be the same, and the moves to be reversible, as block Gibbs is; for sweeps in a
/// fixed order Crooks's relation holds only nearly, and tests see no bias.
///
/// `trusted` means that the error bar is right: what it holds is told at [`Bracket::new`]. Where no layer can be drawn
/// from exactly, what both sides miss is a mode that neither the base nor tempering has found: data that have it show
/// it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bracket {
    /// From the base: below ln Z in expectation.
    pub forward: LogPartition,
    /// From the law, by exact draws (above ln Z in expectation) or by tempering (an estimate).
    pub reverse: LogPartition,
    /// From configurations of the data, moved a little: an estimate, made where the other has no exact starts.
    pub reverse_from_data: Option<LogPartition>,
    /// ln Z from both.
    pub value: f64,
    /// Its standard error; missing where it cannot be told.
    pub standard_error: Option<f64>,
    /// Draws that both sides share: as many as there are chains where the weights do not vary, and 0 where the weights of
    /// the two ways do not overlap.
    pub shared: f64,
    /// Why not to trust the value and its error.
    pub doubts: Vec<Doubt>,
}

/// The mean ln likelihood of data from both sides, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LikelihoodBracket {
    /// mean ln f - ln Z.
    pub value: f64,
    /// The error of ln Z.
    pub standard_error: Option<f64>,
    /// With the largest ln Z of the runs: too low in expectation, where reverse annealing is a bound.
    pub lower: f64,
    /// With the smallest ln Z of the runs: too high in expectation.
    pub upper: f64,
    /// Whether `lower` is a bound, by exact starts, and not an estimate.
    pub lower_is_bound: bool,
}

/// How both sides are measured. By default through 1,000 adaptive temperatures with 200 chains; tempering has 16 rungs and 400
/// rounds.
#[derive(Debug)]
pub struct Bracketing<'a> {
    /// The temperatures of every run.
    pub betas: Betas,
    /// Chains of every run.
    pub chains: usize,
    /// The tempering that starts reverse annealing where no layer can be enumerated.
    pub tempering: Tempering,
    /// Configurations that a third run starts from in that case, and steps at the wanted law before it.
    pub data: Option<(&'a Configurations, usize)>,
}

impl Default for Bracketing<'_> {
    fn default() -> Self {
        let tempering = Tempering { rungs: 16, rounds: 400 };
        Self { betas: Betas::Adaptive(1000), chains: 200, tempering, data: None }
    }
}

impl Bracketing<'_> {
    /// Measures both sides; `report(done, of)` is called now and then.
    pub fn measure(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<Bracket> {
        let runs = if self.data.is_some() { 3 } else { 2 };
        // One pilot for all runs.
        let found = self.betas.resolve(path, seed.child("pilot", 0))?;
        let betas = || Betas::Given(found.betas.clone());
        let mut part = |number: usize, done: usize, of: usize| report(number * of + done, runs * of);
        let forward = ForwardAnnealing { betas: betas(), chains: self.chains };
        let mut forward = forward.run(path, seed.child("run", 0), &mut |done, of| part(0, done, of))?;
        forward.estimate.gibbs_updates += found.gibbs_updates;
        let mut reverse = |number: usize, starts: Starts| {
            let betas = betas();
            let seed = seed.child("run", number as u64);
            ReverseAnnealing { betas, starts }.run(path, seed, &mut |done, of| part(number, done, of))
        };
        let from_law = match reverse(1, Starts::Exact(self.chains)) {
            Err(Error::TooLarge { .. }) => {
                let (chains, tempering) = (self.chains, self.tempering);
                reverse(1, Starts::Tempered { chains, tempering })
            }
            found => found,
        }?;
        let from_data = match self.data {
            Some((data, steps)) if from_law.estimate.side != Side::Above => {
                let rows = RowSampler::new(data)?.draw(self.chains, seed.child("data", 0));
                Some(reverse(2, Starts::Rows { rows, steps })?)
            }
            _ => None,
        };
        Ok(Bracket::new(forward, from_law, from_data))
    }
}

/// Standard error x draws for what so few have not seen: [`Bracket::new`] says why.
pub const UNSEEN: f64 = 1.5;

impl Bracket {
    /// From runs with the same temperatures. Where both sides share at least [`ENOUGH_SHARED`] draws the value is Bennett's
    /// ratio, and its error the root of the sum of the squares of
    ///
    /// - the jackknife's over the forward and over the reverse chains;
    /// - 1.5 / N for N reverse chains: that all of N exact draws miss modes of mass m has a probability of at most
    ///   e^{-N m}, and then ln Z comes out too low by -ln(1 - m), about m; of that, four errors hold 6 / N, so that more
    ///   is missed with a probability of e^{-6} at most, and two errors hold 3 / N, e^{-3};
    /// - where there is reverse annealing from data, what it would change.
    ///
    /// Where they share fewer, exact starts still make both sides bounds, P(ln mean w > ln Z + b) <= e^{-b} by Markov's
    /// inequality and the same from above (Grosse, Ghahramani and Adams 2015): the value is their middle and its error
    /// half their distance and the errors of both. Without exact starts that is a doubt.
    pub fn new(forward: AnnealingRun, reverse: AnnealingRun, reverse_from_data: Option<AnnealingRun>) -> Self {
        let exact = reverse.estimate.side == Side::Above;
        // Exact starts cannot miss a mode; data in a part of the space that the law hardly visits are no sign of one.
        let from_data = reverse_from_data.as_ref().filter(|_| !exact);
        let both = from_both_sides(&forward.log_weights, &reverse.log_weights);
        let overlap = both.shared >= ENOUGH_SHARED;
        let mut doubts = Vec::new();
        let (below, above) = (&forward.estimate, &reverse.estimate);
        let errors = below.standard_error.zip(above.standard_error);
        let width = (above.value - below.value).abs();
        let (value, standard_error) = if overlap {
            let unseen = UNSEEN / reverse.log_weights.len() as f64;
            let error = both.standard_error.map(|error| error.hypot(unseen));
            (both.value, error)
        } else {
            let error = errors.map(|(a, b)| 0.5 * width + a + b);
            (0.5 * (below.value + above.value), error)
        };
        if standard_error.is_none_or(|error| !error.is_finite()) {
            doubts.push(Doubt::UnknownError);
        }
        if !exact {
            let of_starts =
                |doubt: &&Doubt| matches!(doubt, Doubt::FewRoundTrips(_) | Doubt::ShortRun(_) | Doubt::Drifting(_));
            doubts.extend(above.doubts.iter().filter(of_starts));
            if !overlap {
                doubts.push(Doubt::NoOverlap(both.shared));
            }
        }
        let gap = below.value - above.value;
        doubts.extend(far(gap, errors, value).map(Doubt::SidesDisagree));
        let mut bracket = Self {
            value,
            standard_error,
            shared: both.shared,
            doubts,
            forward: forward.estimate,
            reverse: reverse.estimate,
            reverse_from_data: None,
        };
        if let Some(data) = from_data {
            bracket.compare_with_data(&forward.log_weights, data);
        }
        bracket.reverse_from_data = reverse_from_data.map(|run| run.estimate);
        bracket
    }

    /// Both starts of the reverse run are meant to be of one law: what they differ by is a doubt where it is more than four
    /// errors, and part of the error in any case.
    fn compare_with_data(&mut self, forward: &[f64], data: &AnnealingRun) {
        let other = from_both_sides(forward, &data.log_weights);
        if self.shared >= ENOUGH_SHARED && other.shared >= ENOUGH_SHARED {
            let gap = other.value - self.value;
            let errors = other.standard_error.zip(self.standard_error);
            self.doubts.extend(far(gap.abs(), errors, self.value).map(Doubt::StartsDisagree));
            self.standard_error = self.standard_error.map(|error| error.hypot(gap));
            return;
        }
        let gap = (data.estimate.value - self.reverse.value).abs();
        let errors = data.estimate.standard_error.zip(self.reverse.standard_error);
        let apart = far(gap, errors, self.value).map(Doubt::StartsDisagree);
        // That the sides do not overlap has been said.
        let blind = (self.shared >= ENOUGH_SHARED).then_some(Doubt::NoOverlap(other.shared));
        self.doubts.extend(apart.or(blind));
    }

    /// Whether nothing speaks against the value and its error.
    pub fn trusted(&self) -> bool {
        self.doubts.is_empty()
    }

    /// The smallest ln Z of the runs and of both together.
    pub fn lower(&self) -> f64 {
        self.ends().fold(self.value, f64::min)
    }

    /// The largest ln Z of the runs and of both together.
    pub fn upper(&self) -> f64 {
        self.ends().fold(self.value, f64::max)
    }

    fn ends(&self) -> impl Iterator<Item = f64> {
        let runs = [Some(&self.forward), Some(&self.reverse), self.reverse_from_data.as_ref()];
        runs.into_iter().flatten().map(|run| run.value)
    }

    /// Units drawn by all runs.
    pub fn gibbs_updates(&self) -> u64 {
        let data = self.reverse_from_data.as_ref().map_or(0, |run| run.gibbs_updates);
        self.forward.gibbs_updates + self.reverse.gibbs_updates + data
    }

    /// The mean ln likelihood of data whose mean ln f is given.
    pub fn log_likelihood(&self, mean_log_weight: f64) -> LikelihoodBracket {
        LikelihoodBracket {
            value: mean_log_weight - self.value,
            standard_error: self.standard_error,
            lower: mean_log_weight - self.upper(),
            upper: mean_log_weight - self.lower(),
            lower_is_bound: self.reverse.side == Side::Above,
        }
    }
}

/// How many standard errors a gap is wide, where that is more than [`FAR_APART`].
fn far(gap: f64, errors: Option<(f64, f64)>, value: f64) -> Option<f64> {
    let error = errors.map(|(a, b)| a.hypot(b))?;
    // Both are exact up to rounding where the weights do not vary at all.
    let rounding = 1e-9 * (1.0 + value.abs());
    (gap > FAR_APART * error + rounding).then_some(gap / error)
}
