//! The inverse Ising problem: couplings learned back from configurations.

use super::options::{CouplingEstimator, Options};
use gibbsite::configuration::Configurations;
use gibbsite::model::Model;
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::monitor::couplings::{Criterion, learned_couplings};
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{
    Exact, GradientEstimator, HiddenStatistics, PersistentContrastiveDivergence, PseudoLikelihood,
};
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::{Training, train};
use laboratory::error::Result;
use laboratory::harness::sweep;
use serde::{Deserialize, Serialize};

/// A row of couplings.csv: one coupling J_ij / T, or one field h_i / T, for spins +-1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CouplingRow {
    pub lattice: String,
    pub temperature: f64,
    pub estimator: String,
    pub samples: usize,
    pub i: usize,
    /// Empty for a field.
    pub j: Option<usize>,
    pub true_coupling: f64,
    pub learned_coupling: f64,
    /// Empty for Gibbs sampling, whose chains add noise that no formula here knows.
    pub standard_error: Option<f64>,
}

/// One fit.
#[derive(Clone, Copy, Debug)]
pub struct Fit {
    lattice: Lattice,
    estimator: CouplingEstimator,
    samples: usize,
}

/// Most sites whose couplings the exact gradient learns: 2^16 states an update.
const EXACT_SITES: usize = 16;

/// Free chains of the Gibbs estimator, and their steps an update: many, for little noise.
const CHAINS: usize = 2000;
const GIBBS_STEPS: usize = 3;

impl sweep::Cell for Fit {
    fn rows(&self) -> usize {
        self.lattice.sites() * (self.lattice.sites() + 1) / 2
    }

    fn id(&self) -> String {
        let Self { lattice, estimator, samples } = self;
        format!("couplings_{lattice}_{estimator}_m{samples}").replace(':', "-")
    }

    fn work(&self) -> u64 {
        let sites = self.lattice.sites() as u64;
        let states = if self.estimator == CouplingEstimator::Exact { 1 << sites } else { 0 };
        (self.samples as u64 + states) * sites * sites
    }
}

/// Every fit, in the order of couplings.csv. Fits of the likelihood need more configurations than
/// parameters for their standard errors, and the exact gradient a lattice that can be enumerated.
pub fn cells(options: &Options) -> Vec<Fit> {
    let mut fits = Vec::new();
    for &lattice in options.couplings_lattices.iter() {
        for &estimator in options.couplings_estimators.iter() {
            let sites = lattice.sites();
            if estimator == CouplingEstimator::Exact && sites > EXACT_SITES {
                continue;
            }
            let needed = match estimator {
                CouplingEstimator::PseudoLikelihood => sites,
                CouplingEstimator::Exact | CouplingEstimator::Gibbs => sites * (sites + 1) / 2,
            };
            for samples in options.couplings_samples.iter().filter(|samples| samples.0 > needed) {
                fits.push(Fit { lattice, estimator, samples: samples.0 });
            }
        }
    }
    fits
}

/// Learns all couplings of one lattice from its configurations.
pub fn learn(options: &Options, fit: &Fit) -> Result<Vec<CouplingRow>> {
    let temperature = options.couplings_temperature;
    let ising = Ising::on_lattice(fit.lattice, 1.0, 0.0, temperature)?;
    let sites = fit.lattice.sites();
    // The same chain for every fit: fewer samples are the beginning of more.
    let seed = Seed::root(options.common.seed).child(&format!("couplings {} T={temperature}", fit.lattice), 0);
    let sample = draw_configurations(&ising, fit.samples, seed.child("data", 0))?.configurations;
    let data = sample.distinct();
    let mut machine = BoltzmannMachine::new(sites, 0, &full_graph(sites))?;

    let seed = seed.child(&fit.estimator.to_string(), fit.samples as u64);
    let updates = options.couplings_updates;
    let (mut estimator, criterion): (Box<dyn GradientEstimator>, Criterion) = match fit.estimator {
        CouplingEstimator::Exact => (Box::new(Exact), Criterion::Likelihood),
        CouplingEstimator::PseudoLikelihood => (Box::new(PseudoLikelihood), Criterion::PseudoLikelihood),
        CouplingEstimator::Gibbs => {
            let starts = RowSampler::new(&data)?.draw(CHAINS, seed.child("starts", 0));
            let chains = PersistentContrastiveDivergence::new(
                GIBBS_STEPS,
                HiddenStatistics::default(),
                &starts,
                0,
                seed.child("chains", 0),
            )?;
            (Box::new(chains), Criterion::Likelihood)
        }
    };
    let training = Training {
        epochs: updates,
        batch: fit.samples,
        // The largest curvature is about half the number of sites, that of the total magnetisation.
        learning_rate: 2.0 / sites as f64,
        // Late updates average the noise of the chains; falling sooner would leave slow directions short.
        decay: match fit.estimator {
            CouplingEstimator::Gibbs => Decay::Exponential(updates as f64 / 2.0),
            _ => Decay::None,
        },
        momentum: 0.9,
        weight_decay: 0.0,
    };
    train(&mut machine, &mut *estimator, &data, &training, seed.child("training", 0), &mut |_, _, _: &dyn Model| {
        Ok(())
    })?;

    warn_unless_converged(fit, &machine, &mut *estimator, &data, seed)?;

    let bonds = fit.lattice.bonds();
    let coupled = |i: usize, j: usize| bonds.contains(&(i, j)) || bonds.contains(&(j, i));
    let rows = learned_couplings(&machine, &sample, criterion)?.into_iter().map(|learned| CouplingRow {
        lattice: fit.lattice.to_string(),
        temperature,
        estimator: fit.estimator.to_string(),
        samples: fit.samples,
        i: learned.i,
        j: learned.j,
        true_coupling: match learned.j {
            Some(j) if coupled(learned.i, j) => 1.0 / temperature,
            _ => 0.0,
        },
        learned_coupling: learned.value,
        standard_error: (fit.estimator != CouplingEstimator::Gibbs).then_some(learned.standard_error),
    });
    Ok(rows.collect())
}

/// A standard error is that of a maximum: says so where the gradient there is not small against its own
/// statistical error, at most 1 / sqrt(4 M).
fn warn_unless_converged(
    fit: &Fit,
    machine: &BoltzmannMachine,
    estimator: &mut dyn GradientEstimator,
    data: &Configurations,
    seed: Seed,
) -> Result<()> {
    let sampler = RowSampler::new(data)?;
    let batch = Batch::Law { law: data, sampler: &sampler, chains: 1 };
    let mut gradient = vec![0.0; machine.parameters().len()];
    estimator.estimate(machine, &batch, seed.child("converged", 0), &mut gradient)?;
    let largest = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
    let exact = fit.estimator != CouplingEstimator::Gibbs;
    if exact && largest > 0.02 / (4.0 * fit.samples as f64).sqrt() {
        eprintln!(
            "warning: couplings of {} by {} from {} configurations have not converged (largest gradient {largest:.1e}); raise --couplings-updates",
            fit.lattice, fit.estimator, fit.samples
        );
    }
    Ok(())
}
