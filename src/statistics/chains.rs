//! One quantity along several chains: its mean, and whether the error of that mean is to be believed.

use super::autocorrelation::integrated_time;
use super::doubt::Doubt;
use super::pareto::pareto_shape;
use super::ranks::{folded, rank_normalized};
use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

/// What several chains say of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChainMean {
    /// The mean over all measurements.
    pub mean: f64,
    /// Its standard error; missing where there is a doubt.
    pub standard_error: Option<f64>,
    /// The integrated autocorrelation time about the common mean.
    pub tau: Option<f64>,
    /// Measurements / tau.
    pub effective_samples: Option<f64>,
    /// Why there is no error.
    pub doubt: Option<Doubt>,
}

/// Chains below which none can be contradicted (Vehtari et al. 2021, section 4: four).
pub const FEWEST_CHAINS: usize = 4;
/// Effective samples below which an error is not believed.
pub const ENOUGH: f64 = 100.0;
/// Autocorrelation times that a chain must be long.
pub const LONG: f64 = 10.0;
/// Parts of a chain whose means say how much it moves.
const PARTS: usize = 8;
/// The probability that a comparison of chains which agree is called a disagreement.
const CHANCE: f64 = 1e-3;
/// The shape of a tail from which on its variance does not exist, nor the error of a mean.
const HEAVIEST: f64 = 0.5;
/// The share of a sum of squares that a single value has in a heavy tail; of 2,000 normal numbers the largest has 0.006.
const LARGE: f64 = 0.01;
/// The probability above which a ratio of variances is chance, and no part of the error.
const USUAL: f64 = 0.25;

/// Judges the mean of chains of equal length; `starts[c]` numbers the kind of place that chain c started from.
///
/// The error is sqrt(variance tau / measurements) with tau about the common mean ([`integrated_time`]), and at least what
/// the chains disagree by. Let V be the variance of the chains' means, V_0 what the movement within chains makes of it (an
/// eighth of the variance of the means of eighths of a chain), and F = V / V_0, a ratio of Fisher and Snedecor for chains
/// that agree. Where F exceeds what chance gives three times in four, F_q, modes may part the chains, with weights that
/// nobody knows: the square of the error is at least V / chains, and at least V - F_q V_0, the square of an offset as large
/// as the modes are apart. Where F has a probability below 1e-3 there is no error.
///
/// The comparison takes the place of a bound on R-hat (Gelman and Rubin 1992; Vehtari et al. 2021): chains of 2,000
/// steps that are stuck at +-0.05 under noise of 1 have an R-hat of 1.001 and an F of 6. What remains: chains of one
/// series, half of them stuck in each of two modes of weights 80:20 so close that F is that of chance (+-0.02 in the
/// case above), have errors that hold the truth within 2 of them in 85 of 100 runs. Coordinates that see the modes
/// better than the quantity itself are the way out: `Measurements::watching`.
pub fn judge(chains: &[&[f64]], starts: &[usize]) -> ChainMean {
    assert_eq!(chains.len(), starts.len(), "every chain has started");
    let length = chains.first().map_or(0, |chain| chain.len());
    let total = (length * chains.len()) as f64;
    let mean = chains.iter().flat_map(|chain| *chain).sum::<f64>() / total;
    let refuse =
        |doubt| ChainMean { mean, standard_error: None, tau: None, effective_samples: None, doubt: Some(doubt) };
    if length < 2 || !mean.is_finite() {
        return refuse(Doubt::TooShort);
    }
    let Some(time) = integrated_time(chains) else {
        return refuse(Doubt::Constant);
    };
    let found = |doubt: Option<Doubt>, standard_error: f64| ChainMean {
        mean,
        standard_error: doubt.is_none().then_some(standard_error),
        tau: Some(time.tau),
        effective_samples: Some(total / time.tau),
        doubt,
    };
    let plain = time.variance * time.tau / total;
    if chains.len() < FEWEST_CHAINS {
        return found(Some(Doubt::FewChains), plain.sqrt());
    }
    if length < 2 * PARTS {
        return found(Some(Doubt::TooShort), plain.sqrt());
    }
    let comparison = Comparison::new(chains);
    let doubt = comparison
        .doubt(chains, starts)
        .or_else(|| (total / time.tau < ENOUGH).then_some(Doubt::TooShort))
        .or_else(|| ((length as f64) < LONG * time.tau).then_some(Doubt::SlowChains))
        .or_else(|| heavy_tailed(chains, mean).then_some(Doubt::HeavyTail));
    found(doubt, plain.max(comparison.disagreement()).sqrt())
}

/// The doubt that chains raise whose mean may be right although their law is not: in the middle of the law and in its
/// width, whatever its tails, since ranks take the place of values.
pub fn judge_law(chains: &[&[f64]], starts: &[usize]) -> Option<Doubt> {
    match judge(chains, starts).doubt {
        None | Some(Doubt::HeavyTail) => {}
        doubt => return doubt,
    }
    let length = chains[0].len();
    let all = chains.concat();
    [rank_normalized(&all), rank_normalized(&folded(&all))].iter().find_map(|scores| {
        let views: Vec<&[f64]> = scores.chunks_exact(length).collect();
        match judge(&views, starts).doubt {
            // Where x is 0 or 1, the distance from the median may be one number.
            Some(Doubt::Constant | Doubt::HeavyTail) => None,
            doubt => doubt,
        }
    })
}

/// Means of chains beside means of parts of them.
struct Comparison {
    /// The means of the chains.
    means: Vec<f64>,
    /// V, the variance of the means.
    between: f64,
    /// F.
    ratio: f64,
    /// What F exceeds by chance once in four times.
    usual: f64,
    /// The probability of so large an F by chance.
    chance: f64,
}

impl Comparison {
    fn new(chains: &[&[f64]]) -> Self {
        let part = chains[0].len() / PARTS;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let means: Vec<f64> = chains.iter().map(|chain| mean(chain)).collect();
        let squares: f64 = chains
            .iter()
            .map(|chain| {
                let parts: Vec<f64> = chain.chunks_exact(part).take(PARTS).map(mean).collect();
                variance(&parts)
            })
            .sum();
        let within = squares / chains.len() as f64 / PARTS as f64;
        let between = variance(&means);
        // Both freedoms are positive: there are at least four chains.
        let freedom = ((chains.len() - 1) as f64, (chains.len() * (PARTS - 1)) as f64);
        let ratio = between / within;
        let (usual, chance) = match FisherSnedecor::new(freedom.0, freedom.1) {
            Ok(law) if ratio.is_finite() => (law.inverse_cdf(1.0 - USUAL), law.sf(ratio)),
            // Chains that never move.
            _ => (1.0, 0.0),
        };
        Self { means, between, ratio, usual, chance }
    }

    fn doubt(&self, chains: &[&[f64]], starts: &[usize]) -> Option<Doubt> {
        if self.starts_disagree(starts) {
            return Some(Doubt::DisagreeingStarts);
        }
        if self.chance < CHANCE {
            // A chain that is long in its own time has been everywhere that it goes.
            let own: Vec<Vec<f64>> =
                chains.iter().zip(&self.means).map(|(chain, mean)| chain.iter().map(|x| x - mean).collect()).collect();
            let views: Vec<&[f64]> = own.iter().map(|chain| &chain[..]).collect();
            let tau = integrated_time(&views).map_or(1.0, |time| time.tau);
            return Some(match (chains[0].len() as f64) < LONG * tau {
                true => Doubt::SlowChains,
                false => Doubt::DisagreeingChains,
            });
        }
        drifting(chains).then_some(Doubt::Drifting)
    }

    /// Means of groups of chains by their starts, in an analysis of variance whose units are the chains.
    fn starts_disagree(&self, starts: &[usize]) -> bool {
        let mut kinds = starts.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        let all = self.means.iter().sum::<f64>() / self.means.len() as f64;
        let (mut between, mut within) = (0.0, 0.0);
        for kind in &kinds {
            let of_kind = self.means.iter().zip(starts).filter(|(_, s)| *s == kind);
            let own: Vec<f64> = of_kind.map(|(mean, _)| *mean).collect();
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            between += own.len() as f64 * (mean - all).powi(2);
            within += own.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        }
        let freedom = (kinds.len() as f64 - 1.0, self.means.len() as f64 - kinds.len() as f64);
        // One kind of start, or a chain a kind, compares nothing.
        FisherSnedecor::new(freedom.0, freedom.1).is_ok_and(|law| {
            let ratio = between / freedom.0 / (within / freedom.1);
            // Chains that never move: 0 / 0 where all are in the same place.
            between > 0.0 && (ratio.is_infinite() || law.sf(ratio) < CHANCE)
        })
    }

    /// The square of the error that the chains' disagreement asks for, 0 where F is usual.
    fn disagreement(&self) -> f64 {
        if self.ratio > self.usual {
            let offset = self.between * (1.0 - self.usual / self.ratio);
            offset.max(self.between / self.means.len() as f64)
        } else {
            0.0
        }
    }
}

/// Whether a variance may not exist: a single value makes up more than [`LARGE`] of the sum of squares, and the shape of its
/// tail is such. The shape alone would see tails in discrete numbers, such as energies, that have none.
fn heavy_tailed(chains: &[&[f64]], mean: f64) -> bool {
    let deviations: Vec<f64> = chains.concat().iter().map(|x| x - mean).collect();
    let squares: f64 = deviations.iter().map(|x| x * x).sum();
    [1.0, -1.0].iter().any(|side| {
        let largest = deviations.iter().fold(0.0, |a: f64, x| a.max(side * x));
        let tail = || deviations.iter().map(|x| side * x).collect::<Vec<f64>>();
        largest * largest > LARGE * squares && pareto_shape(&tail()).is_some_and(|shape| shape > HEAVIEST)
    })
}

/// The last third less the first, chain by chain, by Student's t.
fn drifting(chains: &[&[f64]]) -> bool {
    let length = chains[0].len();
    let third = length / 3;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / third as f64;
    let drifts: Vec<f64> = chains.iter().map(|chain| mean(&chain[length - third..]) - mean(&chain[..third])).collect();
    let count = drifts.len() as f64;
    let mean = drifts.iter().sum::<f64>() / count;
    let t = mean / (variance(&drifts) / count).sqrt();
    mean != 0.0
        && StudentsT::new(0.0, 1.0, count - 1.0).is_ok_and(|law| t.is_infinite() || 2.0 * law.sf(t.abs()) < CHANCE)
}

/// sum (x - mean)^2 / (n - 1).
fn variance(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0)
}
