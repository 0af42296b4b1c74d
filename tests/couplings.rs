//! Learned couplings and their standard errors.

use gibbsite::enumerate::whole_law;
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::monitor::couplings::{Criterion, learned_couplings};
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::statistics::fit::{student_t, student_threshold};
use gibbsite::targets::ising::{Coupling, Ising};
use gibbsite::training::gradient::{Exact, GradientEstimator, PseudoLikelihood};
use gibbsite::training::trainer::{Training, train};

const SITES: usize = 6;
const TEMPERATURE: f64 = 1.7;
const FIELD: f64 = 0.3;

/// Six spins, every pair coupled with a strength of its own, in a field.
fn pairs() -> Vec<Coupling> {
    let strength = |i: usize, j: usize| ((5 * i + 3 * j) % 7) as f64 / 5.0 - 0.6;
    full_graph(SITES).into_iter().map(|(i, j)| Coupling { i, j, strength: strength(i, j) }).collect()
}

fn fit(data: &gibbsite::configuration::Configurations, estimator: &mut dyn GradientEstimator) -> BoltzmannMachine {
    let mut machine = BoltzmannMachine::new(SITES, 0, &full_graph(SITES)).unwrap();
    let settings = Training { epochs: 1500, batch: 1, learning_rate: 0.4, momentum: 0.9, ..Training::default() };
    train(&mut machine, estimator, &data.distinct(), &settings, Seed::root(1), &mut |_, _, _| Ok(())).unwrap();
    machine
}

/// Against the couplings and the field behind independent draws of the law: over 64 data sets the mean of
/// z = error / standard error is 0, and the mean of z^2 is 1, for every pair and every field together,
/// by both estimators (Student's threshold, 1e-6 in all).
#[test]
fn errors_of_couplings_are_as_large_as_they_say() {
    let couplings = pairs();
    let ising = Ising::new(SITES, &couplings, FIELD, TEMPERATURE).unwrap();
    let law = whole_law(&ising).unwrap();
    let sampler = RowSampler::new(&law).unwrap();
    let truth: Vec<f64> =
        couplings.iter().map(|coupling| coupling.strength / TEMPERATURE).chain([FIELD / TEMPERATURE; SITES]).collect();
    for criterion in [Criterion::Likelihood, Criterion::PseudoLikelihood] {
        let mut z_of = vec![Vec::new(); truth.len()];
        let (mut pair_squares, mut field_squares) = (Vec::new(), Vec::new());
        for run in 0..64 {
            let data = sampler.draw(10_000, Seed::root(2).child("data", run));
            let machine = match criterion {
                Criterion::Likelihood => fit(&data, &mut Exact),
                Criterion::PseudoLikelihood => fit(&data, &mut PseudoLikelihood),
            };
            let learned = learned_couplings(&machine, &data, criterion).unwrap();
            assert_eq!(learned.len(), truth.len());
            let z: Vec<f64> = learned
                .iter()
                .zip(&truth)
                .map(|(learned, truth)| (learned.value - truth) / learned.standard_error)
                .collect();
            for (values, z) in z_of.iter_mut().zip(&z) {
                values.push(*z);
            }
            let mean_square = |z: &[f64]| z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64;
            pair_squares.push(mean_square(&z[..couplings.len()]));
            field_squares.push(mean_square(&z[couplings.len()..]));
        }
        let threshold = student_threshold(64, 2 * (truth.len() + 2), 1e-6);
        for (k, values) in z_of.iter().enumerate() {
            let t = student_t(values, 0.0, 1.0);
            assert!(t.abs() < threshold, "{criterion:?}, parameter {k}: t = {t}");
        }
        for (what, squares) in [("pairs", &pair_squares), ("fields", &field_squares)] {
            let t = student_t(squares, 1.0, 1.0);
            let mean = squares.iter().sum::<f64>() / 64.0;
            assert!(t.abs() < threshold, "{criterion:?}, {what}: mean z^2 = {mean}, t = {t}");
            // Strict enough to see a factor of 1.2 in the errors.
            assert!((mean - 1.0).abs() < 0.3, "{criterion:?}, {what}: mean z^2 = {mean}");
        }
    }
}

/// Machines with hidden units, and data that do not determine the couplings, are refused.
#[test]
fn what_has_no_couplings_is_refused() {
    let ising = Ising::new(SITES, &pairs(), FIELD, TEMPERATURE).unwrap();
    let law = whole_law(&ising).unwrap();
    let data = RowSampler::new(&law).unwrap().draw(5, Seed::root(3));
    let hidden = BoltzmannMachine::new(5, 1, &full_graph(6)).unwrap();
    let message = learned_couplings(&hidden, &data, Criterion::Likelihood).unwrap_err().to_string();
    assert!(message.contains("hidden") && message.contains("fully visible"), "{message}");
    let machine = BoltzmannMachine::new(SITES, 0, &full_graph(SITES)).unwrap();
    for criterion in [Criterion::Likelihood, Criterion::PseudoLikelihood] {
        let message = learned_couplings(&machine, &data, criterion).unwrap_err().to_string();
        assert!(message.contains("more configurations"), "{message}");
    }
}
