//! The KL divergence from a target that is too large to enumerate and whose ln Z is known.

use super::observables::{Sampling, random_and_up};
use crate::configuration::{Configurations, set_sites};
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::log_partition::bracket::{Bracket, Bracketing};
use crate::log_partition::{Doubt, LogPartition, Side};
use crate::monte_carlo::cluster::Wolff;
use crate::monte_carlo::coloured::{coloured_heat_bath, multi_spin_metropolis};
use crate::monte_carlo::schedule::Schedule;
use crate::path::Path;
use crate::random::Seed;
use crate::statistics::measurements::Measurements;
use crate::targets::ising::Ising;
use rayon::prelude::*;

/// Configurations of a target law P = f / Z, along chains that remember for a while, with ln f of each.
///
/// With ln Z known, as Kaufman's is for periodic square lattices without field,
///
/// D_KL(P || p) = ln Z_p - ln Z + < ln f - ln f_p >_P,
///
/// for an Ising model and an RBM: ln Z_RBM - ln Z_Ising + < F(v) - E(v)/T >_P. The difference is averaged as one
/// number: what f and f_p have in common does not fluctuate then.
#[derive(Debug)]
pub struct SampledTarget {
    log_partition: f64,
    /// The kind of place where each chain started.
    starts: Vec<usize>,
    /// Chain after chain.
    states: Configurations,
    log_weights: Vec<f64>,
}

/// A KL divergence in nats with its error; an error is 0 where there is none, and missing where it cannot be told. It may
/// come out negative within its error, and is not clipped, which would add a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct SampledKl {
    /// D_KL(P || p).
    pub value: f64,
    /// The root of the sum of the squares of the two errors below, where both are known.
    pub standard_error: Option<f64>,
    /// The error of the model's ln Z.
    pub log_partition_error: Option<f64>,
    /// The error of the average over the target's configurations; it knows their autocorrelation.
    pub average_error: Option<f64>,
    /// The divergence with the smallest ln Z of the runs; `value` where ln Z is one number.
    pub lower: f64,
    /// The divergence with the largest ln Z of the runs; `value` where ln Z is one number.
    pub upper: f64,
    /// Sites: `value / sites` is the divergence a spin.
    pub sites: usize,
    /// Whether the error bar is right: ln Z is exact, or both sides together are trusted, and the average has converged.
    pub trusted: bool,
    /// The names of what speaks against it. A single run of annealing may have none and yet is not trusted.
    pub doubts: Vec<&'static str>,
}

/// ln Z of a model as it is known.
struct Known {
    value: f64,
    /// 0 of an exact value.
    standard_error: Option<f64>,
    lower: f64,
    upper: f64,
    trusted: bool,
    doubts: Vec<&'static str>,
}

impl SampledTarget {
    /// Samples a law whose ln Z is known by a kernel of its own, from `starts`.
    pub fn new(
        law: &dyn Law,
        kernel: &dyn Kernel,
        starts: Configurations,
        sampling: Sampling,
        seed: Seed,
    ) -> Result<Self> {
        let Some(log_partition) = law.log_partition() else {
            return Err(Error::invalid(
                "the divergence from a target that is not enumerated",
                "its ln Z is not known",
                "take a periodic square lattice without field, a ring or a chain",
            ));
        };
        if starts.is_empty() || sampling.measured == 0 || starts.sites() != law.sites() {
            return Err(Error::invalid(
                "the sampling of a target",
                format!(
                    "{} chains of {} sites and {} measured steps, for a law of {} sites",
                    starts.len(),
                    starts.sites(),
                    sampling.measured,
                    law.sites()
                ),
                "take at least one chain over the law's sites, better 16, and 100 steps",
            ));
        }
        let count = starts.len();
        let mut chains = Chains::new(starts, seed);
        kernel.advance(&mut chains, 1.0, sampling.equilibration, Clamp::Nothing);
        let mut states = Configurations::zeros(law.sites(), count * sampling.measured);
        for step in 0..sampling.measured {
            kernel.advance(&mut chains, 1.0, 1, Clamp::Nothing);
            for chain in 0..count {
                let row = states.row_mut(chain * sampling.measured + step);
                row.copy_from_slice(chains.states().row(chain));
            }
        }
        let log_weights = (0..states.len()).into_par_iter().map(|s| law.log_weight(states.row(s))).collect();
        Ok(Self { log_partition, starts: vec![0; count], states, log_weights })
    }

    /// Samples an Ising model from random states and from all spins up, which must agree: a step is one Wolff cluster and
    /// one sweep of Metropolis, or of the heat bath where couplings differ or there is a field.
    pub fn of_ising(ising: &Ising, sampling: Sampling, seed: Seed) -> Result<Self> {
        let sites = ising.sites();
        let (starts, kinds) = random_and_up(sites, sampling.chains, seed.child("starts", 0))?;
        let sweep: Box<dyn Kernel + '_> = match multi_spin_metropolis(ising) {
            Ok(kernel) => Box::new(kernel),
            Err(_) => Box::new(coloured_heat_bath(ising)),
        };
        let kernel = Schedule::new(vec![(Box::new(Wolff::new(ising)), 1), (sweep, 1)]);
        let seed = seed.child("chains", 0);
        Ok(Self { starts: kinds, ..Self::new(ising, &kernel, starts, sampling, seed)? })
    }

    /// The divergence of the law at the end of a path, with ln Z from both sides, which is returned beside it.
    /// `report(done, of)` is called now and then.
    pub fn measure_along(
        &self,
        path: &dyn Path,
        bracketing: &Bracketing,
        seed: Seed,
        report: &mut dyn FnMut(usize, usize),
    ) -> Result<(SampledKl, Bracket)> {
        let bracket = bracketing.measure(path, seed, report)?;
        Ok((self.measure_between(path.law(), &bracket), bracket))
    }

    /// The divergence of `model`, whose ln Z is known from both sides.
    pub fn measure_between(&self, model: &dyn Law, bracket: &Bracket) -> SampledKl {
        let known = Known {
            value: bracket.value,
            standard_error: bracket.standard_error,
            lower: bracket.lower(),
            upper: bracket.upper(),
            trusted: bracket.trusted(),
            doubts: bracket.doubts.iter().map(Doubt::name).collect(),
        };
        self.with(model, known)
    }

    /// The divergence of `model`, whose ln Z two runs from different starts agree on
    /// ([`crate::log_partition::bennett::BennettRatio::along`]): trusted where nothing speaks against it.
    pub fn measure_agreed(&self, model: &dyn Law, log_partition: &LogPartition) -> SampledKl {
        self.with_estimate(model, log_partition, log_partition.doubts.is_empty())
    }

    /// The divergence of `model`, whose ln Z is exact, or of a single run with its error.
    pub fn measure(&self, model: &dyn Law, log_partition: &LogPartition) -> SampledKl {
        self.with_estimate(model, log_partition, log_partition.side == Side::Exact)
    }

    fn with_estimate(&self, model: &dyn Law, log_partition: &LogPartition, trusted: bool) -> SampledKl {
        let exact = log_partition.side == Side::Exact;
        let known = Known {
            value: log_partition.value,
            standard_error: if exact { Some(0.0) } else { log_partition.standard_error },
            lower: log_partition.value,
            upper: log_partition.value,
            trusted,
            doubts: log_partition.doubts.iter().map(Doubt::name).collect(),
        };
        self.with(model, known)
    }

    fn with(&self, model: &dyn Law, log_partition: Known) -> SampledKl {
        assert_eq!(model.sites(), self.states.sites(), "target and model share their sites");
        let differences: Vec<f64> = (0..self.states.len())
            .into_par_iter()
            .map(|s| self.log_weights[s] - model.log_weight(self.states.row(s)))
            .collect();
        // The target's ln f and its number of ones show whether the target was sampled, whatever the model.
        let mut measurements = Measurements::watching(1, 2, &self.starts);
        let length = self.states.len() / self.starts.len();
        for (s, x) in differences.iter().enumerate() {
            let ones = set_sites(self.states.row(s), self.states.sites()).count();
            measurements.push(s / length, &[*x, self.log_weights[s], ones as f64]);
        }
        let mean = measurements.mean(0);
        // A model that is the target up to a factor does not fluctuate.
        let constant = differences.iter().all(|x| (x - mean.value).abs() <= 1e-9 * (1.0 + mean.value.abs()));
        let average_error = if constant { Some(0.0) } else { mean.standard_error };
        let average = mean.value - self.log_partition;
        let converged = mean.converged() || constant;
        let mut doubts = log_partition.doubts;
        doubts.extend((!converged).then_some("average not converged"));
        SampledKl {
            value: log_partition.value + average,
            standard_error: average_error
                .zip(log_partition.standard_error)
                .map(|(average, log_partition)| average.hypot(log_partition)),
            log_partition_error: log_partition.standard_error,
            average_error,
            lower: log_partition.lower + average,
            upper: log_partition.upper + average,
            sites: self.states.sites(),
            trusted: log_partition.trusted && converged,
            doubts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::lattice::Lattice;

    /// Against chains that count as if all had started in one place: those of an Ising model start at random and with
    /// all spins up, half of them each, and the average compares the two.
    #[test]
    fn the_kinds_of_starts_of_an_ising_model_are_kept() {
        let ising = Ising::on_lattice(Lattice::Square(4, 4), 1.0, 0.0, 2.5).unwrap();
        let sampling = Sampling { chains: 8, equilibration: 1, measured: 2 };
        let target = SampledTarget::of_ising(&ising, sampling, Seed::root(1)).unwrap();
        assert_eq!(target.starts, [0, 0, 0, 0, 1, 1, 1, 1]);
    }
}
