//! The machine against exact values computed elsewhere (tests/data/rbm_*.json, 40 digits, by visible
//! and by hidden enumeration).

mod common;

use common::*;
use gibbsite::configuration::{Configurations, bit};
use gibbsite::enumerate;
use gibbsite::law::Law;
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use gibbsite::monitor::{ExactTarget, data_set_kl, entropy};
use gibbsite::numerics::log_sum_exp;
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{Exact, GradientEstimator};
use serde_json::Value;

const TOLERANCE: f64 = 1e-10;

fn machines() -> Vec<(&'static str, Value, Rbm)> {
    ["rbm_4x3", "rbm_6x6", "rbm_16x12"]
        .into_iter()
        .map(|name| {
            let file = reference(name);
            let rbm = machine(&file);
            (name, file, rbm)
        })
        .collect()
}

/// ln of the sum over the visible layer, one weight at a time in a table.
fn visible_sum(rbm: &Rbm) -> f64 {
    let mut table = vec![0.0; 1 << rbm.sites()];
    rbm.log_weights(0, &mut table);
    log_sum_exp(&table)
}

fn exact_gradient(rbm: &Rbm, batch: &Batch) -> Vec<f64> {
    let mut gradient = vec![7.0; rbm.parameters().len()];
    Exact.estimate(rbm, batch, Seed::root(1), &mut gradient).unwrap().write(rbm, &mut gradient).unwrap();
    gradient
}

/// Against `log_z`: every route to ln Z, over the visible layer, the hidden layer and the smaller one.
#[test]
fn log_partition_agrees_over_either_layer() {
    for (name, file, rbm) in machines() {
        let truth = number(&file["log_z"]);
        let transposed = rbm.transposed();
        let mut sums = vec![0.0; rbm.parameters().len()];
        for (route, ours) in [
            ("smaller layer", enumerate::log_partition(&rbm).unwrap()),
            ("visible layer", visible_sum(&rbm)),
            ("hidden layer", visible_sum(&transposed)),
            ("transposed", enumerate::log_partition(&transposed).unwrap()),
            ("moments", rbm.add_model_statistics(&mut sums).unwrap()),
            ("transposed moments", transposed.add_model_statistics(&mut sums).unwrap()),
        ] {
            assert_close(&format!("ln Z of {name}, {route}"), ours, truth, TOLERANCE);
        }
    }
}

/// Against `log_z_energy_scaled`: ln Z of the machine whose parameters are all multiplied by beta.
#[test]
fn log_partition_agrees_along_beta() {
    for (name, file, rbm) in machines() {
        for row in list(&file["log_z_energy_scaled"]) {
            let beta = number(&row["beta"]);
            let mut scaled = rbm.clone();
            scaled.parameters_mut().iter_mut().for_each(|x| *x *= beta);
            let ours = enumerate::log_partition(&scaled).unwrap();
            let what = format!("ln Z of {name} at beta = {beta}");
            assert_close(&what, ours, number(&row["log_z"]), TOLERANCE);
        }
    }
}

/// Against `mean_vh`, `mean_v`, `mean_h`: the model's moments in closed form, from the machine and
/// from its transposed (which sums over the other layer).
#[test]
fn moments_agree_over_either_layer() {
    for (name, file, rbm) in machines() {
        let truth = in_parameter_order(&file, ["mean_vh", "mean_v", "mean_h"]);
        let mut sums = vec![0.0; truth.len()];
        rbm.add_model_statistics(&mut sums).unwrap();
        assert_all_close(&format!("moments of {name}"), &sums, &truth, TOLERANCE);

        let (n, m) = (rbm.sites(), rbm.hidden());
        let mut exchanged = vec![0.0; truth.len()];
        rbm.transposed().add_model_statistics(&mut exchanged).unwrap();
        for i in 0..n {
            for j in 0..m {
                let what = format!("<v{i} h{j}> of {name} transposed");
                assert_close(&what, exchanged[j * n + i], truth[i * m + j], TOLERANCE);
            }
        }
        let (hidden, visible) = exchanged[n * m..].split_at(m);
        assert_all_close("transposed <v>", visible, &truth[n * m..][..n], TOLERANCE);
        assert_all_close("transposed <h>", hidden, &truth[n * m + n..], TOLERANCE);
    }
}

/// Against `mean_vh`, `mean_v`, `mean_h` and `mean_vv`: the same moments as expectations over the
/// whole visible law as a weighted data set, and the pairs of visible units over it.
#[test]
fn moments_agree_over_the_whole_law() {
    for (name, file, rbm) in machines() {
        let truth = in_parameter_order(&file, ["mean_vh", "mean_v", "mean_h"]);
        let law = enumerate::whole_law(&rbm).unwrap();
        let mut sums = vec![0.0; truth.len()];
        rbm.add_expected_statistics(&law, &mut sums).unwrap();
        assert_all_close(&format!("moments of {name}"), &sums, &truth, TOLERANCE);

        let n = rbm.sites();
        let mut pairs = vec![0.0; n * n];
        for s in 0..law.len() {
            for i in (0..n).filter(|i| bit(law.row(s), *i)) {
                for k in (0..n).filter(|k| bit(law.row(s), *k)) {
                    pairs[i * n + k] += law.weight(s);
                }
            }
        }
        let truth = matrix(&file["mean_vv"]);
        assert_all_close(&format!("<v v'> of {name}"), &pairs, &truth, TOLERANCE);
    }
}

/// Against `free_energies` and `p_v`: F(v) and ln p(v) of single states, and the whole law.
#[test]
fn free_energies_and_probabilities_agree() {
    for (name, file, rbm) in machines() {
        let log_p = enumerate::log_probabilities(&rbm).unwrap();
        for row in list(&file["free_energies"]) {
            let v = configurations(&Value::Array(vec![row["v"].clone()]));
            let what = format!("F of {name} at {}", row["v"]);
            assert_close(&what, rbm.free_energy(v.row(0)), number(&row["F"]), TOLERANCE);
            let ours = log_p[v.row(0)[0] as usize];
            assert_close(&what, ours, number(&row["log_p"]), TOLERANCE);
        }
        if !file["p_v"].is_null() {
            let ours: Vec<f64> = log_p.into_iter().map(f64::exp).collect();
            assert_all_close(name, &ours, &vector(&file["p_v"]["p"]), TOLERANCE);
        }
    }
}

/// Against `kl_data_model`, `mean_log_likelihood` and `data_entropy`: the divergence from the data's
/// own law, through the function for data sets and through the monitor of a target law.
#[test]
fn divergence_from_the_data_agrees() {
    for (name, file, rbm) in machines() {
        let data = configurations(&file["data"]);
        let kl = number(&file["kl_data_model"]);
        let ln_z = enumerate::log_partition(&rbm).unwrap();
        assert_close(name, data_set_kl(&data, &rbm, ln_z), kl, TOLERANCE);
        let ours = data_set_kl(&data.distinct(), &rbm, ln_z);
        assert_close(name, ours, kl, TOLERANCE);

        let mut probabilities = vec![0.0; 1 << rbm.sites()];
        for v in as_numbers(&data) {
            probabilities[v] += 1.0 / data.len() as f64;
        }
        let law = Table { sites: rbm.sites(), probabilities };
        let likelihood = number(&file["mean_log_likelihood"]);
        for sample in [None, Some(&data)] {
            let target = ExactTarget::new(&law).unwrap();
            let record = target.measure(&rbm, sample).unwrap();
            assert_close(name, record.kl, kl, TOLERANCE);
            assert_close(name, record.log_likelihood, likelihood, TOLERANCE);
            assert_close(name, record.log_partition, number(&file["log_z"]), TOLERANCE);
        }
        let ours = entropy(&enumerate::log_probabilities(&law).unwrap());
        assert_close(name, ours, number(&file["data_entropy"]), TOLERANCE);
    }
}

/// Against `kl_gradient` (model - data) and `data_phase`: the exact gradient of the divergence, with
/// the data as rows and as a weighted law.
#[test]
fn exact_gradient_agrees() {
    for (name, file, rbm) in machines() {
        let data = configurations(&file["data"]);
        let truth = in_parameter_order(&file["kl_gradient"], ["W", "b", "c"]);
        let ours = exact_gradient(&rbm, &Batch::Rows(data.clone()));
        assert_all_close(&format!("gradient of {name}"), &ours, &truth, TOLERANCE);

        let law: Configurations = data.distinct();
        let sampler = RowSampler::new(&law).unwrap();
        let batch = Batch::Law { law: &law, sampler: &sampler, chains: 1 };
        let ours = exact_gradient(&rbm, &batch);
        assert_all_close(&format!("gradient of {name}, law"), &ours, &truth, TOLERANCE);

        let truth = in_parameter_order(&file["data_phase"], ["vh", "v", "h"]);
        let mut sums = vec![0.0; truth.len()];
        rbm.add_expected_statistics(&data, &mut sums).unwrap();
        assert_all_close(&format!("data phase of {name}"), &sums, &truth, TOLERANCE);
    }
}

/// Against five-point central differences of the cost of a machine that is written out in
/// tests/common: their truncation error is of order step^4 = 1e-12, their rounding error of order
/// 1e-14 / step = 1e-11.
#[test]
fn exact_gradient_agrees_with_central_differences() {
    const STEP: f64 = 1e-3;
    for (name, file, rbm) in machines() {
        let data = configurations(&file["data"]);
        let rows = as_numbers(&data);
        let ours = exact_gradient(&rbm, &Batch::Rows(data));
        let cost = |index: usize, step: f64| {
            let mut parameters = in_parameter_order(&file, ["W", "b", "c"]);
            parameters[index] += step;
            NaiveMachine::new(rbm.sites(), rbm.hidden(), &parameters).cost(&rows)
        };
        for (index, ours) in ours.iter().enumerate() {
            let near = cost(index, STEP) - cost(index, -STEP);
            let far = cost(index, 2.0 * STEP) - cost(index, -2.0 * STEP);
            let truth = (8.0 * near - far) / (12.0 * STEP);
            let what = format!("dKL/d{} of {name}", rbm.parameter_name(index));
            assert_close(&what, *ours, truth, 1e-9);
        }
    }
}
