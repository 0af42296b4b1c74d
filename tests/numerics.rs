//! Elementary functions and the machine's sums at extreme arguments.

mod common;

use common::*;
use gibbsite::enumerate;
use gibbsite::law::Law;
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use gibbsite::numerics::{log_sum_exp, sigmoid, softplus};
use gibbsite::random::Seed;
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{Exact, GradientEstimator};
use rand::RngExt;

/// Fails unless `ours` has the relative error `tolerance` or is within two of the smallest doubles.
fn assert_relative(what: &str, ours: f64, truth: f64, tolerance: f64) {
    assert!(
        ours == truth || (ours - truth).abs() <= tolerance * truth.abs() + 1e-323,
        "{what}: {ours:e} instead of {truth:e}"
    );
}

/// Against numerics.json (correctly rounded): softplus and sigmoid from -1e308 to 1e308, both to full
/// relative precision.
#[test]
fn softplus_and_sigmoid_agree_everywhere() {
    let file = reference("numerics");
    let rows = list(&file["scalar"]);
    assert!(rows.len() > 30);
    for row in rows {
        let x = number(&row["x"]);
        let what = format!("softplus({x:e})");
        assert_relative(&what, softplus(x), number(&row["softplus"]), 1e-15);
        let what = format!("sigmoid({x:e})");
        assert_relative(&what, sigmoid(x), number(&row["sigmoid"]), 1e-15);
    }
}

/// Against numerics.json, and the definition for empty and infinite sums.
#[test]
fn log_sum_exp_agrees_everywhere() {
    let file = reference("numerics");
    for row in list(&file["logsumexp"]) {
        let x = match row["x"].as_array() {
            Some(_) => vector(&row["x"]),
            None => vec![number(&row["x"]["repeat"]); number(&row["x"]["n"]) as usize],
        };
        let what = format!("log_sum_exp of {}", row["x"]);
        assert_relative(&what, log_sum_exp(&x), number(&row["logsumexp"]), 1e-15);
    }
    assert_eq!(log_sum_exp(&[]), f64::NEG_INFINITY);
    assert_eq!(log_sum_exp(&[f64::NEG_INFINITY; 3]), f64::NEG_INFINITY);
    assert_eq!(log_sum_exp(&[f64::NEG_INFINITY, 2.0]), 2.0);
    assert_eq!(log_sum_exp(&[0.0, f64::INFINITY]), f64::INFINITY);
}

/// ln sum e^x, written so that nothing can overflow: the largest term is taken out.
fn sum_by_hand(exponents: &[f64]) -> f64 {
    let largest = exponents.iter().fold(f64::MIN, |a, b| a.max(*b));
    largest + exponents.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// Against sums over the joint states by hand: ln f(v), ln Z and the exact gradient of machines whose
/// parameters are +-1000 or +-100000 are finite and right, where e^1000 is not a number.
#[test]
fn sums_of_extreme_machines_are_finite_and_right() {
    for (visible, hidden) in [(6, 5), (5, 6), (5, 5)] {
        for size in [1e3, 1e5] {
            for run in 0..10 {
                let seed = Seed::root(51).child("run", run);
                let mut generator = seed.generator();
                let mut rbm = Rbm::new(visible, hidden).unwrap();
                for x in rbm.parameters_mut() {
                    *x = if generator.random() { size } else { -size };
                }
                let naive = NaiveMachine::new(visible, hidden, rbm.parameters());
                let what = format!("{visible}x{hidden}, size {size}, run {run}");
                let mut table = vec![0.0; 1 << visible];
                rbm.log_weights(0, &mut table);
                let mut all = Vec::new();
                for (v, in_table) in table.iter().enumerate() {
                    let exponents: Vec<f64> = (0..1 << hidden).map(|h| naive.exponent(v, h)).collect();
                    let truth = sum_by_hand(&exponents);
                    assert_close(&what, rbm.log_weight(&[v as u64]), truth, 1e-13);
                    assert_close(&what, *in_table, truth, 1e-13);
                    all.extend(exponents);
                }
                let truth = sum_by_hand(&all);
                let ln_z = enumerate::log_partition(&rbm).unwrap();
                assert_close(&what, ln_z, truth, 1e-13);

                // At these sizes only the states of the largest exponent count.
                let largest = all.iter().fold(f64::MIN, |a, b| a.max(*b));
                let best: Vec<usize> = (0..all.len()).filter(|k| all[*k] == largest).collect();
                let mut moments = vec![0.0; rbm.parameters().len()];
                let mut with_moments = vec![0.0; rbm.parameters().len()];
                for k in &best {
                    let (v, h) = (k >> hidden, k & ((1 << hidden) - 1));
                    let share = 1.0 / best.len() as f64;
                    for i in (0..visible).filter(|i| bit_of(v, *i)) {
                        moments[visible * hidden + i] += share;
                        for j in (0..hidden).filter(|j| bit_of(h, *j)) {
                            moments[i * hidden + j] += share;
                        }
                    }
                    for j in (0..hidden).filter(|j| bit_of(h, *j)) {
                        moments[visible * hidden + visible + j] += share;
                    }
                }
                let ours = rbm.add_model_statistics(&mut with_moments).unwrap();
                assert_close(&what, ours, truth, 1e-13);
                // ln f has the rounding error of a number of this size, and so has a probability.
                let rounding = 4.0 * f64::EPSILON * largest.abs();
                assert_all_close(&what, &with_moments, &moments, rounding);

                let data = gibbsite::configuration::Configurations::zeros(visible, 3);
                let mut gradient = vec![0.0; moments.len()];
                let batch = Batch::Rows(data);
                Exact.estimate(&rbm, &batch, seed, &mut gradient).unwrap().write(&rbm, &mut gradient).unwrap();
                assert!(gradient.iter().all(|x| x.is_finite()), "{what}");
            }
        }
    }
}

/// Against Z = (1 + e^b)^n (1 + e^c)^m of a machine without weights, from -1e5 to 1e5.
#[test]
fn machines_without_weights_have_their_closed_form() {
    let (visible, hidden) = (7, 4);
    for b in [-1e5, -40.0, 0.0, 1e-9, 710.0, 1e5] {
        for c in [-1e5, -745.0, 0.5, 36.0, 1e5] {
            let mut rbm = Rbm::new(visible, hidden).unwrap();
            let biases = &mut rbm.parameters_mut()[visible * hidden..];
            biases[..visible].fill(b);
            biases[visible..].fill(c);
            let truth = 7.0 * softplus(b) + 4.0 * softplus(c);
            let what = format!("b = {b}, c = {c}");
            assert_close(&what, enumerate::log_partition(&rbm).unwrap(), truth, 1e-14);
            let mut sums = vec![0.0; rbm.parameters().len()];
            rbm.add_model_statistics(&mut sums).unwrap();
            assert_close(&what, sums[visible * hidden], sigmoid(b), 1e-13);
            assert_close(&what, sums[visible * hidden + visible], sigmoid(c), 1e-13);
            assert_close(&what, sums[0], sigmoid(b) * sigmoid(c), 1e-13);
        }
    }
}
