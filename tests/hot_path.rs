//! The fast kernels against simple, slow and obviously right versions of themselves, on shapes that fill
//! words, registers and tables badly.

use gibbsite::configuration::{Configurations, bit, set_bit};
use gibbsite::enumerate;
use gibbsite::error::Result;
use gibbsite::kernels::descent::Descent;
use gibbsite::law::{Chains, Clamp, Law};
use gibbsite::model::rbm::Rbm;
use gibbsite::model::{Model, Slope};
use gibbsite::monitor::ExactTarget;
use gibbsite::random::{Seed, uniform};
use gibbsite::targets::{ising::Ising, lattice::Lattice};
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{
    ContrastiveDivergence, Estimated, GradientEstimator, HiddenStatistics, PersistentContrastiveDivergence,
    TwoGibbsRuns,
};
use gibbsite::training::trainer::{Training, train};

/// A machine whose parameters are uniform within +-`size`.
fn random_machine(visible: usize, hidden: usize, size: f64, seed: u64) -> Rbm {
    let mut rbm = Rbm::new(visible, hidden).unwrap();
    let mut generator = Seed::root(seed).generator();
    for x in rbm.parameters_mut() {
        *x = size * (2.0 * uniform(&mut generator) - 1.0);
    }
    rbm
}

fn random_rows(sites: usize, rows: usize, seed: u64) -> Configurations {
    let mut data = Configurations::zeros(sites, rows);
    let mut generator = Seed::root(seed).generator();
    for s in 0..rows {
        for i in 0..sites {
            set_bit(data.row_mut(s), i, uniform(&mut generator) < 0.4);
        }
    }
    data
}

/// ln(1 + e^x).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// ln f of every visible state, by the definition.
fn log_weights(rbm: &Rbm) -> Vec<f64> {
    let (n, m) = (rbm.visible(), rbm.hidden());
    (0..1_u64 << n)
        .map(|state| {
            let on = |i: &usize| state >> i & 1 == 1;
            let bias: f64 = (0..n).filter(on).map(|i| rbm.visible_bias()[i]).sum();
            let input = |j: usize| -> f64 {
                rbm.hidden_bias()[j] + (0..n).filter(on).map(|i| rbm.weights()[(i, j)]).sum::<f64>()
            };
            bias + (0..m).map(|j| softplus(input(j))).sum::<f64>()
        })
        .collect()
}

/// ln sum e^x, the largest taken out.
fn log_sum(x: &[f64]) -> f64 {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + x.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// Shapes (enumerated, summed) and sizes of the parameters: from nothing to couplings whose factors leave the
/// range of one product, of one unit, and of all tables.
fn cases() -> Vec<(usize, usize, f64)> {
    let shapes =
        [(1, 1), (2, 33), (3, 5), (4, 4), (5, 65), (7, 8), (8, 8), (9, 10), (10, 1), (11, 64), (12, 130), (5, 1500)];
    let sizes = [0.0, 1e-3, 0.3, 3.0, 30.0, 140.0, 1e3, 1e5];
    shapes.into_iter().flat_map(|(n, m)| sizes.into_iter().map(move |size| (n, m, size))).collect()
}

/// Against the definition: ln Z to a relative 1e-12 whatever the couplings, and never infinite.
#[test]
fn log_partition_agrees_with_a_plain_sum_at_any_couplings() {
    for (n, m, size) in cases() {
        let rbm = random_machine(n, m, size, (n * 1000 + m) as u64);
        let expected = log_sum(&log_weights(&rbm));
        // Of the visible layer, whichever is smaller.
        let found = Law::log_sum(&rbm).unwrap_or(expected);
        let smaller = enumerate::log_partition(&rbm).unwrap();
        for found in [found, smaller] {
            let error = (found - expected).abs();
            assert!(error <= 1e-12 * expected.abs().max(1.0), "{n}x{m}, {size}: {found} {expected}");
        }
    }
    assert!(Law::log_sum(&random_machine(12, 9, 3.0, 1)).is_some(), "the fast way was taken");
}

/// Weights of opposite sign that underflow together if each unit is scaled by itself: both states of one
/// unit have the same weight e^1000.
#[test]
fn units_that_pull_apart_do_not_lose_the_sum() {
    for size in [1000.0, 300.0, 100.0] {
        let mut rbm = Rbm::new(5, 8).unwrap();
        let couplings = rbm.couplings();
        for i in 0..5 {
            for j in 0..8 {
                rbm.parameters_mut()[i * 8 + j] = if j < 4 { size } else { -size };
            }
        }
        for j in 4..8 {
            rbm.parameters_mut()[couplings + 5 + j] = 2.5 * size;
        }
        let expected = log_sum(&log_weights(&rbm));
        let found = enumerate::log_partition(&rbm).unwrap();
        assert!((found - expected).abs() <= 1e-12 * expected, "{found} {expected}");
    }
}

/// Against the definition: every moment to 1e-11.
#[test]
fn moments_agree_with_plain_sums_at_any_couplings() {
    for (n, m, size) in cases() {
        let rbm = random_machine(n, m, size, (n * 1000 + m) as u64);
        let weights = log_weights(&rbm);
        let log_partition = log_sum(&weights);
        let mut expected = vec![0.0; rbm.parameters().len()];
        for (state, log_weight) in weights.iter().enumerate() {
            let p = (log_weight - log_partition).exp();
            let on = |i: &usize| state >> i & 1 == 1;
            for j in 0..m {
                let input: f64 = (0..n).filter(on).map(|i| rbm.weights()[(i, j)]).sum();
                let share = p / (1.0 + (-(input + rbm.hidden_bias()[j])).exp());
                expected[n * m + n + j] += share;
                (0..n).filter(on).for_each(|i| expected[i * m + j] += share);
            }
            (0..n).filter(on).for_each(|i| expected[n * m + i] += p);
        }
        let mut found = vec![0.0; expected.len()];
        let value = rbm.add_model_statistics(&mut found).unwrap();
        assert!((value - log_partition).abs() <= 1e-12 * log_partition.abs().max(1.0));
        // A sum of weights of this size is only known to its own rounding.
        let tolerance = 1e-12 * (1.0 + log_partition.abs());
        for (k, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let name = rbm.parameter_name(k);
            assert!((found - expected).abs() <= tolerance, "{n}x{m}, {size}: {name} {found} {expected}");
        }
    }
}

/// Against the sums in double precision: the single-precision gradient of CD, odd shapes, weights and rows
/// wider than the visible layer.
#[test]
fn the_difference_of_expectations_agrees_with_double_precision() {
    for (n, m, chains, rows) in [
        (1, 1, 1, 1),
        (5, 4, 3, 70),
        (33, 31, 10, 1),
        (64, 32, 65, 65),
        (65, 63, 100, 20),
        (130, 47, 33, 1100),
        (300, 290, 100, 100),
    ] {
        let rbm = random_machine(n, m, 0.3, (n + m) as u64);
        let (wide, data) = (random_rows(n + m, chains, 1), random_rows(n, rows, 2));
        let weights: Vec<f64> = (1..=rows).map(|k| 2.0 * k as f64 / (rows * (rows + 1)) as f64).collect();
        let data = Configurations::weighted(n, data.bits().to_vec(), weights).unwrap();
        let mut found = vec![7.0; rbm.parameters().len()];
        rbm.set_difference_of_expectations(&wide, &data, &mut found).unwrap();
        let (mut positive, mut negative) = (vec![0.0; found.len()], vec![0.0; found.len()]);
        rbm.add_expected_statistics(&wide, &mut negative).unwrap();
        rbm.add_expected_statistics(&data, &mut positive).unwrap();
        for (k, found) in found.iter().enumerate() {
            let expected = negative[k] - positive[k];
            let name = rbm.parameter_name(k);
            assert!((found - expected).abs() < 2e-6, "{n}x{m}: {name} {found} {expected}");
        }
    }
}

/// Against plain loops: the parameters and velocities after a step, and the sampler that goes with them.
#[test]
fn a_descent_changes_parameters_and_sampler_alike() {
    for (n, m, momentum) in [(5, 4, 0.0), (33, 65, 0.9), (300, 200, 0.0), (300, 200, 0.5)] {
        let start = random_machine(n, m, 0.5, 3);
        let slope = random_machine(n, m, 1.0, 4);
        let descent = Descent { rate: 0.1, momentum, weight_decay: 0.01 };
        let mut velocity = random_machine(n, m, 0.2, 5).parameters().to_vec();
        let mut expected = start.parameters().to_vec();
        let mut expected_velocity = velocity.clone();
        for k in 0..expected.len() {
            let decay = if k < n * m { 0.01 * expected[k] } else { 0.0 };
            let force = 0.1 * (slope.parameters()[k] + decay);
            if momentum == 0.0 {
                expected[k] -= force;
            } else {
                expected_velocity[k] = momentum * expected_velocity[k] - force;
                expected[k] += expected_velocity[k];
            }
        }
        if momentum == 0.0 {
            velocity.clear();
            expected_velocity.clear();
        }
        for sampler_is_made in [false, true] {
            let (mut model, mut velocity) = (start.clone(), velocity.clone());
            if sampler_is_made {
                model.kernel();
            }
            model.descend(&descent, Slope::Written(slope.parameters()), &mut velocity).unwrap();
            assert_eq!(model.parameters(), expected);
            assert_eq!(velocity, expected_velocity);
            // A fresh machine with the same parameters makes its own sampler.
            let mut fresh = Rbm::new(n, m).unwrap();
            fresh.parameters_mut().copy_from_slice(&expected);
            let walk = |rbm: &Rbm| {
                let mut chains = Chains::new(random_rows(n + m, 70, 6), Seed::root(7));
                rbm.kernel().advance(&mut chains, 1.0, 3, Clamp::Nothing);
                chains.states().clone()
            };
            assert_eq!(walk(&model), walk(&fresh));
        }
    }
}

/// Against the conditional probabilities, one unit and one chain at a time, on shapes with units to spare in a
/// word, a table and a register, for few chains and many: |z| < 6.2 for each of 1,000 units.
#[test]
fn steps_follow_the_conditional_probabilities_on_odd_shapes() {
    for (n, m) in [(1, 1), (1, 33), (33, 1), (31, 65), (65, 33), (400, 300)] {
        let rbm = random_machine(n, m, 2.0 / (n.max(m) as f64).sqrt(), 8);
        for chains_of_a_run in [1, 40] {
            let draws: usize = if n * m > 10_000 { 800 } else { 8_000 };
            let mut start = Configurations::zeros(n + m, chains_of_a_run);
            let visible = random_rows(n, 1, 9);
            for s in 0..chains_of_a_run {
                (0..n).for_each(|i| set_bit(start.row_mut(s), i, bit(visible.row(0), i)));
            }
            let mut ones = vec![0.0; m];
            let mut chains = Chains::new(start, Seed::root(10));
            for _ in 0..draws / chains_of_a_run {
                rbm.kernel().advance(&mut chains, 1.0, 1, Clamp::Visible);
                for s in 0..chains_of_a_run {
                    let row = chains.states().row(s);
                    assert!((0..n).all(|i| bit(row, i) == bit(visible.row(0), i)));
                    (0..m).filter(|j| bit(row, n + j)).for_each(|j| ones[j] += 1.0);
                }
            }
            for (j, ones) in ones.iter().enumerate() {
                let p = rbm.hidden_probability(visible.row(0), j);
                let deviation = (draws as f64 * p * (1.0 - p)).sqrt();
                let z = (ones - draws as f64 * p) / deviation;
                assert!(z.abs() < 6.2, "{n}x{m}, unit {j}: z = {z}");
            }
        }
    }
}

/// No chain, no step, and nothing to tell.
#[test]
fn no_rows_are_no_work() {
    let rbm = random_machine(5, 4, 1.0, 12);
    let mut none = Chains::new(Configurations::zeros(9, 0), Seed::root(1));
    rbm.kernel().advance(&mut none, 1.0, 3, Clamp::Nothing);
    let mut gradient = vec![1.0; rbm.parameters().len()];
    let empty = Configurations::zeros(5, 0);
    rbm.set_difference_of_expectations(&empty, &empty, &mut gradient).unwrap();
    assert!(gradient.iter().all(|x| *x == 0.0));
}

/// Against the two steps in a row: the gradient written out, then the descent. Shapes of several blocks, with
/// momentum and without, and with more rows than are summed at once.
#[test]
fn a_descent_along_phases_is_the_gradient_and_then_the_descent() {
    for (n, m, rows, momentum) in
        [(5, 4, 7, 0.9), (33, 65, 40, 0.0), (300, 200, 100, 0.5), (300, 290, 150, 0.0), (40, 30, 700, 0.9)]
    {
        let start = random_machine(n, m, 0.5, 13);
        let (chains, data) = (random_rows(n + m, rows, 14), random_rows(n, rows, 15));
        let descent = Descent { rate: 0.1, momentum, weight_decay: 0.01 };
        let kept = if momentum == 0.0 { 0 } else { start.parameters().len() };
        let first = random_machine(n, m, 0.2, 16).parameters()[..kept].to_vec();
        let mut gradient = vec![3.0; start.parameters().len()];

        let (mut expected, mut expected_velocity) = (start.clone(), first.clone());
        expected.set_difference_of_expectations(&chains, &data, &mut gradient).unwrap();
        expected.descend(&descent, Slope::Written(&gradient), &mut expected_velocity).unwrap();

        let (mut found, mut velocity) = (start.clone(), first);
        gradient.fill(5.0);
        let phases = Slope::Phases { chains: &chains, data: &data, memory: &mut gradient };
        found.descend(&descent, phases, &mut velocity).unwrap();
        assert_eq!(found.parameters(), expected.parameters(), "{n}x{m}");
        assert_eq!(velocity, expected_velocity, "{n}x{m}");
        // The sampler has moved along: it draws what a fresh one draws.
        let walk = |rbm: &Rbm| {
            let mut chains = Chains::new(random_rows(n + m, 70, 6), Seed::root(7));
            rbm.kernel().advance(&mut chains, 1.0, 3, Clamp::Nothing);
            chains.states().clone()
        };
        assert_eq!(walk(&found), walk(&found.clone()));
    }
}

/// An estimator whose gradient is always written out.
struct WrittenOut(Box<dyn GradientEstimator>);

impl GradientEstimator for WrittenOut {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        self.0.estimate(model, batch, seed, gradient)?.write(model, gradient)?;
        Ok(Estimated::Written)
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        self.0.gibbs_updates(model, batch)
    }
}

/// Against the same estimators with their gradient written out: training by CD, PCD and two Gibbs runs ends at
/// the same parameters, and nearer to the law that it learns.
#[test]
fn training_without_writing_the_gradient_out_is_the_same_training() {
    let ring = Ising::on_lattice(Lattice::Ring(6), 1.0, 0.0, 2.0).unwrap();
    let target = ExactTarget::new(&ring).unwrap();
    let law = enumerate::whole_law(&ring).unwrap();
    let statistics = HiddenStatistics::default();
    let starts = random_rows(6, 200, 17);
    let make = |which: usize| -> Box<dyn GradientEstimator> {
        match which {
            0 => Box::new(ContrastiveDivergence::new(5, 0, statistics)),
            1 => Box::new(PersistentContrastiveDivergence::new(1, statistics, &starts, 4, Seed::root(18)).unwrap()),
            _ => Box::new(TwoGibbsRuns::new(200, 10, statistics)),
        }
    };
    for which in 0..3 {
        for momentum in [0.0, 0.5] {
            let settings = Training {
                epochs: 1500,
                batch: 200,
                learning_rate: 0.5,
                momentum,
                weight_decay: 1e-5,
                ..Training::default()
            };
            let run = |mut estimator: Box<dyn GradientEstimator>| {
                let mut model = random_machine(6, 4, 0.1, 19);
                let before = target.measure(&model, None).unwrap().kl;
                let seed = Seed::root(20);
                let observe = &mut |_: usize, _: u64, _: &dyn Model| Ok(());
                train(&mut model, &mut *estimator, &law, &settings, seed, observe).unwrap();
                let after = target.measure(&model, None).unwrap().kl;
                assert!(after < 0.7 * before, "{which}: {before} to {after} nats");
                model
            };
            let (fused, written) = (run(make(which)), run(Box::new(WrittenOut(make(which)))));
            assert_eq!(fused.parameters(), written.parameters(), "{which}");
        }
    }
}
