//! The KL divergence without enumeration against the enumerated one.

use gibbsite::configuration::Configurations;
use gibbsite::enumerate::{kl_divergence, log_partition, log_probabilities, whole_law};
use gibbsite::law::Law;
use gibbsite::log_partition::annealing::{ForwardAnnealing, ReverseAnnealing, Starts, Tempering};
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::{Bracket, Bracketing};
use gibbsite::log_partition::{LogPartition, LogPartitionEstimator};
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monitor::observables::Sampling;
use gibbsite::monitor::sampled_kl::SampledTarget;
use gibbsite::monte_carlo::coloured::coloured_heat_bath;
use gibbsite::monte_carlo::single_site::Metropolis;
use gibbsite::random::Seed;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::gradient::Exact;
use gibbsite::training::trainer::{Training, train};
use rayon::prelude::*;

fn torus(side: usize, temperature: f64) -> Ising {
    Ising::on_lattice(Lattice::Square(side, side), 1.0, 0.0, temperature).unwrap()
}

/// A machine part of the way to the target.
fn trained(target: &Ising, hidden: usize, updates: usize) -> Rbm {
    let mut machine = Rbm::new(target.sites(), hidden).unwrap();
    machine.initialize(InitialWeights::Gaussian(0.1), Seed::root(1)).unwrap();
    let settings = Training { epochs: updates, learning_rate: 0.1, ..Training::default() };
    let law = whole_law(target).unwrap();
    train(&mut machine, &mut Exact, &law, &settings, Seed::root(2), &mut |_, _, _| Ok(())).unwrap();
    machine
}

fn sampling(measured: usize) -> Sampling {
    Sampling { chains: 16, equilibration: 100, measured }
}

/// On 3x3 and 4x4 sites, with ln Z exact and by annealing: 200 runs each, whose errors have to be honest.
#[test]
fn estimates_agree_with_enumeration() {
    for (side, temperature, hidden) in [(3, 1.5, 4), (3, 3.0, 6), (4, 2.269, 6)] {
        let target = torus(side, temperature);
        let machine = trained(&target, hidden, 200);
        let ln_z = log_partition(&machine).unwrap();
        let exact = kl_divergence(&log_probabilities(&target).unwrap(), &machine, ln_z);
        assert!(exact > 1e-3);
        let path = RbmPath::from_uniform(&machine).unwrap();
        for annealed in [false, true] {
            let z: Vec<f64> = (0..200_u64)
                .into_par_iter()
                .filter_map(|run| {
                    let seed = Seed::root(3).child("run", run);
                    let samples = SampledTarget::of_ising(&target, sampling(100), seed).unwrap();
                    let ln_z = if annealed {
                        let ais = ForwardAnnealing { betas: Betas::Linear(200), chains: 100 };
                        ais.estimate(&path, seed, &mut |_, _| ()).unwrap()
                    } else {
                        LogPartition::exact(ln_z)
                    };
                    let found = samples.measure(&machine, &ln_z);
                    // Chance calls a disagreement of chains now and then.
                    found.average_error?;
                    // Now and then the largest of 100 weights look heavy.
                    let heavy = annealed && found.doubts == ["heavy tail"];
                    assert!(found.doubts.is_empty() || heavy, "{found:?}");
                    assert_eq!(found.trusted, !annealed);
                    let parts = [found.log_partition_error, found.average_error].map(Option::unwrap);
                    assert_eq!(parts[0] > 0.0, annealed);
                    let error = found.standard_error.unwrap();
                    let squares = parts[0].powi(2) + parts[1].powi(2);
                    assert!((error.powi(2) / squares - 1.0).abs() < 1e-9);
                    Some((found.value - exact) / error)
                })
                .collect();
            let known = z.len() as f64;
            assert!(known > 180.0, "{side}: {known} of 200");
            let mean = z.iter().sum::<f64>() / known;
            let squares = z.iter().map(|z| z * z).sum::<f64>() / known;
            assert!(mean.abs() < 4.9 / known.sqrt(), "{side}: mean z = {mean}");
            // Known to 10 per cent.
            assert!((squares - 1.0).abs() < 0.49, "{side}: mean z^2 = {squares}");
        }
    }
}

/// A model that is the target itself has no divergence and no error, on sizes that nobody enumerates.
#[test]
fn the_target_has_no_divergence_from_itself() {
    let target = torus(16, 2.269);
    let samples = SampledTarget::of_ising(&target, sampling(50), Seed::root(4)).unwrap();
    let ln_z = target.log_partition().unwrap();
    let found = samples.measure(&target, &LogPartition::exact(ln_z));
    assert!(found.value.abs() < 1e-9 && found.standard_error == Some(0.0) && found.trusted, "{found:?}");
    assert_eq!(found.sites, 256);
    // A model at another temperature: D = ln Z' - ln Z + (1/T' - 1/T) <E>, exact by Kaufman.
    let other = torus(16, 2.4);
    let kaufman = gibbsite::targets::square_lattice::SquareLattice::new(16, 16, 1.0 / 2.269, 0.0).unwrap();
    let exact = other.log_partition().unwrap() - ln_z + (1.0 / 2.4 - 1.0 / 2.269) * 256.0 * kaufman.energy;
    let ln_z = LogPartition::exact(other.log_partition().unwrap());
    let samples = SampledTarget::of_ising(&target, sampling(2000), Seed::root(5)).unwrap();
    let found = samples.measure(&other, &ln_z);
    let error = found.standard_error.unwrap();
    assert!(((found.value - exact) / error).abs() < 4.9, "{found:?}, not {exact}");
    assert!(found.trusted && error < 0.05);
}

/// With ln Z from both sides: the value and the error are those of the combined ln Z, the ends those of the runs; trusted,
/// and with an error that covers the enumerated divergence.
#[test]
fn both_sides_give_a_value_and_two_ends() {
    let target = torus(3, 1.5);
    let machine = trained(&target, 4, 200);
    let ln_z = log_partition(&machine).unwrap();
    let exact = kl_divergence(&log_probabilities(&target).unwrap(), &machine, ln_z);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let bracketing = Bracketing {
        betas: Betas::Linear(20),
        chains: 100,
        tempering: Tempering { rungs: 8, rounds: 100 },
        data: None,
    };
    let within: usize = (0..100_u64)
        .into_par_iter()
        .map(|run| {
            let seed = Seed::root(10).child("run", run);
            let samples = SampledTarget::of_ising(&target, sampling(100), seed).unwrap();
            let (found, bracket) = samples.measure_along(&path, &bracketing, seed, &mut |_, _| ()).unwrap();
            assert!(found.trusted && found.doubts.is_empty(), "{found:?}");
            let average = found.value - bracket.value;
            assert!((found.lower - bracket.lower() - average).abs() < 1e-9);
            assert!((found.upper - bracket.upper() - average).abs() < 1e-9);
            assert!(found.lower <= found.value && found.value <= found.upper);
            assert_eq!(found.log_partition_error, bracket.standard_error);
            let z = (found.value - exact) / found.standard_error.unwrap();
            assert!(z.abs() < 4.9, "{found:?}, not {exact}");
            usize::from(z.abs() <= 2.0)
        })
        .sum();
    assert!(within >= 90, "{within}");
    // What is doubted of ln Z is doubted of the divergence.
    let ais = ForwardAnnealing { betas: Betas::Linear(20), chains: 1 };
    let forward = ais.run(&path, Seed::root(11), &mut |_, _| ()).unwrap();
    let reverse = ReverseAnnealing { betas: Betas::Linear(20), starts: Starts::Exact(10) };
    let reverse = reverse.run(&path, Seed::root(12), &mut |_, _| ()).unwrap();
    let samples = SampledTarget::of_ising(&target, sampling(100), Seed::root(13)).unwrap();
    let found = samples.measure_between(&machine, &Bracket::new(forward, reverse, None));
    assert!(!found.trusted);
    assert_eq!(found.doubts, ["unknown error"]);
}

/// A single chain of annealing cannot tell its error, and nor can the divergence that rests on it.
#[test]
fn an_error_that_cannot_be_told_is_missing() {
    let target = torus(3, 2.0);
    let machine = trained(&target, 4, 10);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let ais = ForwardAnnealing { betas: Betas::Linear(50), chains: 1 };
    let ln_z = ais.estimate(&path, Seed::root(7), &mut |_, _| ()).unwrap();
    let samples = SampledTarget::of_ising(&target, sampling(400), Seed::root(9)).unwrap();
    let found = samples.measure(&machine, &ln_z);
    assert!(found.average_error.is_some(), "{found:?}");
    assert_eq!((found.log_partition_error, found.standard_error), (None, None));
    assert!(!found.trusted);
}

#[test]
fn bad_sampling_is_refused() {
    let target = torus(4, 2.0);
    let kernel = coloured_heat_bath(&target);
    for (sites, chains, measured) in [(16, 0, 10), (16, 4, 0), (17, 4, 10)] {
        let starts = Configurations::zeros(sites, chains);
        let sampling = Sampling { chains, equilibration: 1, measured };
        let refusal = SampledTarget::new(&target, &kernel, starts, sampling, Seed::root(9));
        let problem = refusal.map(|_| ()).unwrap_err().to_string();
        assert!(problem.contains("for a law of 16 sites"), "{problem}");
    }
    let no_chain = Sampling { chains: 0, ..sampling(10) };
    assert!(SampledTarget::of_ising(&target, no_chain, Seed::root(9)).is_err());
}

#[test]
fn a_target_without_ln_z_is_refused() {
    let field = Ising::on_lattice(Lattice::Square(4, 4), 1.0, 0.3, 2.0).unwrap();
    let refusal = SampledTarget::of_ising(&field, sampling(10), Seed::root(6)).map(|_| ());
    assert!(refusal.unwrap_err().to_string().contains("its ln Z is not known"));
}

/// Against an exact ln Z that is taken for a sampled target: two chains of twenty sweeps are too few for an average,
/// and nothing else speaks against the divergence.
#[test]
fn an_average_that_has_not_converged_is_not_trusted() {
    let target = torus(4, 1.5);
    let kernel = Metropolis::new(&target).unwrap();
    let sampling = Sampling { chains: 2, equilibration: 10, measured: 20 };
    let starts = Configurations::zeros(16, 2);
    let samples = SampledTarget::new(&target, &kernel, starts, sampling, Seed::root(4)).unwrap();
    let machine = trained(&target, 4, 10);
    let found = samples.measure(&machine, &LogPartition::exact(log_partition(&machine).unwrap()));
    assert_eq!(found.doubts, ["average not converged"]);
    assert_eq!((found.log_partition_error, found.average_error), (Some(0.0), None));
    assert!(!found.trusted);
}
