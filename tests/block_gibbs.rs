//! The block-Gibbs kernel against exact laws, over shapes, temperatures and processor levels.

mod common;

use common::*;
use gibbsite::configuration::{Configurations, bit, copy_bits, set_bit, words_for};
use gibbsite::contract::{self, FALSE_ALARM};
use gibbsite::kernels::descent::Descent;
use gibbsite::kernels::level::Level;
use gibbsite::law::{Chains, Clamp, Kernel, Law};
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::model::{Model, Slope};
use gibbsite::monte_carlo::coloured::multi_spin_metropolis;
use gibbsite::path::Path as _;
use gibbsite::random::{Generator, Seed};
use gibbsite::row_sampler::RowSampler;
use gibbsite::statistics::fit::chi_square_p_value;
use gibbsite::targets::ising::Ising;
use rand::RngExt;
use std::process::Command;

/// How often each visible state occurs.
fn visible_counts(chains: &Chains, visible: usize) -> Vec<u64> {
    let mut counts = vec![0; 1 << visible];
    for row in chains.states().bits() {
        counts[*row as usize & ((1 << visible) - 1)] += 1;
    }
    counts
}

/// `count` copies of one row.
fn copies(row: &[u64], sites: usize, count: usize) -> Configurations {
    let mut rows = Configurations::zeros(sites, count);
    for s in 0..count {
        rows.row_mut(s).copy_from_slice(row);
    }
    rows
}

/// A row of `sites` fair bits.
fn random_row(sites: usize, generator: &mut Generator) -> Vec<u64> {
    let mut row = vec![0; words_for(sites)];
    for i in 0..sites {
        set_bit(&mut row, i, generator.random());
    }
    row
}

/// A machine with normal weights of deviation `weight` and normal-like biases of deviation `bias`.
fn random_machine(visible: usize, hidden: usize, weight: f64, bias: f64, seed: Seed) -> Rbm {
    let mut rbm = Rbm::new(visible, hidden).unwrap();
    rbm.initialize(InitialWeights::Gaussian(weight), seed).unwrap();
    let mut generator = seed.child("biases", 0).generator();
    let couplings = rbm.couplings();
    for b in &mut rbm.parameters_mut()[couplings..] {
        *b = bias * (2.0 * generator.random::<f64>() - 1.0);
    }
    rbm
}

fn naive(rbm: &Rbm) -> NaiveMachine {
    NaiveMachine::new(rbm.sites(), rbm.hidden(), rbm.parameters())
}

/// Against `p_v`: chains that start from exact draws of the visible law still follow it after 1 and
/// after 10 steps, whatever the hidden units were. Ten steps let a kernel with a slightly wrong
/// stationary law drift there: 2e6 draws see a temperature that is 1 % off (test_power: 632,000).
#[test]
fn exact_starts_stay_exact() {
    const DRAWS: usize = 2_000_000;
    for (name, hidden_start) in [("rbm_6x6", false), ("rbm_4x3", true)] {
        let file = reference(name);
        let rbm = machine(&file);
        let (n, m) = (rbm.sites(), rbm.hidden());
        let p = vector(&file["p_v"]["p"]);
        let law = Configurations::whole_law(n, p.clone());
        let seed = Seed::root(11).child(name, 0);
        let mut starts = RowSampler::new(&law).unwrap().draw(DRAWS, seed.child("start", 0)).widened(m);
        for s in 0..DRAWS {
            for j in 0..m {
                set_bit(starts.row_mut(s), n + j, hidden_start);
            }
        }
        let mut chains = Chains::new(starts, seed.child("chains", 0));
        let kernel = rbm.kernel();
        for steps in [1, 9] {
            kernel.advance(&mut chains, 1.0, steps, Clamp::Nothing);
            let p_value = chi_square_p_value(&visible_counts(&chains, n), &p);
            assert!(p_value > FALSE_ALARM / 4.0, "{name}, {steps} more steps: p-value {p_value:e}");
        }
    }
}

/// Against rbm_kernel_transient.json: the exact law over v after 1 to 5 steps from v = 0, which sees
/// errors that leave the stationary law alone (a wrong order of the half-steps, a stale layer).
#[test]
fn transient_laws_are_followed() {
    let file = reference("rbm_kernel_transient");
    for model in list(&file["rows"]) {
        let name = model["model"].as_str().unwrap();
        let rbm = machine(&reference(name));
        let rows = list(&model["from_v_all_zero"]);
        for row in rows {
            let steps = number(&row["steps"]) as usize;
            let starts = Configurations::zeros(rbm.sites() + rbm.hidden(), 1_000_000);
            let seed = Seed::root(12).child(name, steps as u64);
            let mut chains = Chains::new(starts, seed);
            rbm.kernel().advance(&mut chains, 1.0, steps, Clamp::Nothing);
            let counts = visible_counts(&chains, rbm.sites());
            let p_value = chi_square_p_value(&counts, &vector(&row["p"]));
            assert!(p_value > FALSE_ALARM / 10.0, "{name} after {steps} steps: p-value {p_value:e}");
        }
    }
}

/// Against the joint law e^{-beta E(v, h)} written out: invariance, reach and clamping, on even and
/// odd shapes and at two temperatures.
#[test]
fn kernel_keeps_its_contract_for_the_joint_law() {
    for (visible, hidden) in [(4, 3), (1, 1), (5, 7), (7, 1), (1, 6)] {
        let seed = Seed::root(13).child("shape", (10 * visible + hidden) as u64);
        let rbm = random_machine(visible, hidden, 0.8, 1.0, seed);
        for beta in [1.0, 0.5] {
            let law = naive(&rbm).joint_law(beta);
            contract::kernel(&*rbm.kernel(), beta, &law, visible, 25, 100_000, 14)
                .unwrap_or_else(|problem| panic!("{visible}x{hidden} at {beta}: {problem}"));
        }
    }
}

/// Against the reference machine's joint law with the same contract.
#[test]
fn kernel_keeps_its_contract_for_the_reference_machine() {
    let rbm = machine(&reference("rbm_4x3"));
    for beta in [1.0, 0.5] {
        let law = naive(&rbm).joint_law(beta);
        contract::kernel(&*rbm.kernel(), beta, &law, 4, 25, 300_000, 15).unwrap();
    }
}

const LARGE_SHAPES: [(usize, usize); 4] = [(65, 33), (130, 70), (64, 128), (3, 200)];
const LARGE_CHAINS: usize = 20_000;

/// How many chains have unit `i` of their row at 1.
fn ones(chains: &Chains, i: usize) -> u64 {
    (0..chains.states().len()).filter(|s| bit(chains.states().row(*s), i)).count() as u64
}

/// Against sigmoid(beta (c_j + (v'W)_j)) by the exact binomial law, unit by unit, where nothing can be
/// enumerated: rows span several words and the hidden layer begins inside one.
#[test]
fn hidden_units_of_large_machines_have_their_probability() {
    for (visible, hidden) in LARGE_SHAPES {
        let seed = Seed::root(16).child("shape", (1000 * visible + hidden) as u64);
        let rbm = random_machine(visible, hidden, 0.2, 1.0, seed);
        let v = random_row(visible, &mut seed.child("v", 0).generator());
        for (number, beta) in [1.0, 0.5].into_iter().enumerate() {
            let rows = copies(&v, visible, LARGE_CHAINS).widened(hidden);
            let mut chains = Chains::new(rows, seed.child("chains", number as u64));
            rbm.kernel().advance(&mut chains, beta, 1, Clamp::Visible);
            let mut scaled = rbm.clone();
            scaled.parameters_mut().iter_mut().for_each(|x| *x *= beta);
            for j in 0..hidden {
                assert_binomial(
                    &format!("h{j} of {visible}x{hidden} at beta = {beta}"),
                    ones(&chains, visible + j),
                    LARGE_CHAINS as u64,
                    scaled.hidden_probability(&v, j),
                    FALSE_ALARM / (2 * LARGE_SHAPES.len() * hidden) as f64,
                );
            }
            for s in 0..LARGE_CHAINS {
                let row = chains.states().row(s);
                assert!((0..visible).all(|i| bit(row, i) == bit(&v, i)));
            }
        }
    }
}

/// Against sigmoid(b_i + (W h)_i) by the exact binomial law: hidden biases of +-1000 fix h, so that the
/// visible units after a step are independent with known probabilities.
#[test]
fn visible_units_of_large_machines_have_their_probability() {
    for (visible, hidden) in LARGE_SHAPES {
        let seed = Seed::root(17).child("shape", (1000 * visible + hidden) as u64);
        let mut rbm = random_machine(visible, hidden, 0.2, 1.0, seed);
        let h = random_row(hidden, &mut seed.child("h", 0).generator());
        let first = rbm.parameters().len() - hidden;
        for j in 0..hidden {
            rbm.parameters_mut()[first + j] = if bit(&h, j) { 1e3 } else { -1e3 };
        }
        let rows = Configurations::zeros(visible + hidden, LARGE_CHAINS);
        let mut chains = Chains::new(rows, seed.child("chains", 0));
        rbm.kernel().advance(&mut chains, 1.0, 2, Clamp::Nothing);
        for i in 0..visible {
            assert_binomial(
                &format!("v{i} of {visible}x{hidden}"),
                ones(&chains, i),
                LARGE_CHAINS as u64,
                rbm.visible_probability(&h, i),
                FALSE_ALARM / (LARGE_SHAPES.len() * visible) as f64,
            );
        }
        for s in 0..LARGE_CHAINS {
            let mut drawn = vec![0; words_for(hidden)];
            copy_bits(chains.states().row(s), visible, hidden, &mut drawn, 0);
            assert_eq!(drawn, h, "a fixed hidden unit moved");
        }
    }
}

/// Against fair coins: with all parameters zero every pair of the 200 units is equal half of the time,
/// so no two units share their random numbers, neither within a step nor from layer to layer.
#[test]
fn units_are_drawn_independently() {
    const CHAINS: usize = 12_800;
    let (visible, hidden) = (130, 70);
    let rbm = Rbm::new(visible, hidden).unwrap();
    let units = visible + hidden;
    let rows = Configurations::zeros(units, CHAINS);
    let mut chains = Chains::new(rows, Seed::root(18));
    rbm.kernel().advance(&mut chains, 1.0, 2, Clamp::Nothing);
    // Bits by unit instead of by chain.
    let columns: Vec<Vec<u64>> = (0..units)
        .map(|i| {
            let mut column = vec![0; words_for(CHAINS)];
            for s in 0..CHAINS {
                set_bit(&mut column, s, bit(chains.states().row(s), i));
            }
            column
        })
        .collect();
    for i in 0..units {
        for k in 0..i {
            let different: u32 = columns[i].iter().zip(&columns[k]).map(|(x, y)| (x ^ y).count_ones()).sum();
            assert_binomial(
                &format!("units {i} and {k} differ"),
                u64::from(different),
                CHAINS as u64,
                0.5,
                FALSE_ALARM / (units * (units - 1) / 2) as f64,
            );
        }
    }
}

/// Against the sign of the input: with weights of +-1e4 no unit ever disobeys, in either layer. Odd
/// numbers of terms and biases of 1e3 keep every input away from zero.
#[test]
fn units_with_extreme_inputs_never_disobey() {
    let (visible, hidden) = (65, 33);
    let seed = Seed::root(19);
    let mut generator = seed.child("weights", 0).generator();
    let mut rbm = Rbm::new(visible, hidden).unwrap();
    let couplings = rbm.couplings();
    for (k, x) in rbm.parameters_mut().iter_mut().enumerate() {
        let size = if k < couplings { 1e4 } else { 1e3 };
        *x = if generator.random() { size } else { -size };
    }
    let mut rows = Configurations::zeros(visible + hidden, 2_000);
    for s in 0..rows.len() {
        let row = random_row(visible + hidden, &mut generator);
        rows.row_mut(s).copy_from_slice(&row);
    }
    let mut chains = Chains::new(rows, seed.child("chains", 0));
    let layer = |row: &[u64], from: usize, count: usize| {
        let mut bits = vec![0; words_for(count)];
        copy_bits(row, from, count, &mut bits, 0);
        bits
    };
    for round in 0..20 {
        let before = chains.states().clone();
        rbm.kernel().advance(&mut chains, 1.0, 1, Clamp::Nothing);
        for s in 0..before.len() {
            let after = chains.states().row(s);
            let (v, h) = (before.row(s), layer(after, visible, hidden));
            for j in 0..hidden {
                let expected = rbm.hidden_probability(v, j) > 0.5;
                assert_eq!(bit(&h, j), expected, "h{j} in round {round}");
            }
            for i in 0..visible {
                let expected = rbm.visible_probability(&h, i) > 0.5;
                assert_eq!(bit(after, i), expected, "v{i} in round {round}");
            }
        }
    }
}

/// FNV-1a over 64-bit words.
fn hash(words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}

/// A hash of everything that the kernels compute: chains, weights, moments and expectations.
fn hash_of_all_kernels() -> u64 {
    let mut hashes = Vec::new();
    let shapes = [(5, 7), (13, 16), (65, 33), (130, 70), (400, 300)];
    for (number, (visible, hidden)) in shapes.into_iter().enumerate() {
        let seed = Seed::root(20).child("shape", number as u64);
        let mut rbm = random_machine(visible, hidden, 0.5, 1.0, seed);
        let rows = Configurations::zeros(visible + hidden, 1_000);
        let mut chains = Chains::new(rows, seed.child("chains", 0));
        let steps = if visible > 200 { 2 } else { 20 };
        rbm.kernel().advance(&mut chains, 0.9, steps, Clamp::Nothing);
        hashes.push(hash(chains.states().bits().iter().copied()));
        let path = RbmPath::from_bias(&rbm, &vec![0.3; visible]).unwrap();
        let mut log_ratios = vec![0.0; 1_000];
        path.anneal(&mut chains, &[0.5, 0.8, 0.9], &mut log_ratios);
        let weights = path.log_weights(chains.states(), &[0.2, 0.6, 1.0, 0.9]);
        hashes.push(hash(log_ratios.iter().chain(&weights).map(|x| x.to_bits())));
        let mut sums = vec![0.0; rbm.parameters().len()];
        rbm.add_expected_statistics(chains.states(), &mut sums).unwrap();
        if visible < 20 {
            let ln_z = rbm.add_model_statistics(&mut sums).unwrap();
            let mut table = vec![0.0; 1 << visible];
            rbm.log_weights(0, &mut table);
            hashes.push(hash(table.iter().map(|x| x.to_bits())));
            hashes.push(ln_z.to_bits());
        }
        hashes.push(hash(sums.iter().map(|x| x.to_bits())));
        let data = Configurations::zeros(visible, 3);
        rbm.set_difference_of_expectations(chains.states(), &data, &mut sums).unwrap();
        hashes.push(hash(sums.iter().map(|x| x.to_bits())));
        let descent = Descent { rate: 0.1, momentum: 0.0, weight_decay: 0.01 };
        let few = chains.states().select(&[3, 1, 4, 1, 5]);
        let phases = Slope::Phases { chains: &few, data: &data, memory: &mut sums };
        rbm.descend(&descent, phases, &mut []).unwrap();
        hashes.push(hash(rbm.parameters().iter().map(|x| x.to_bits())));
    }
    for (lattice, count) in [("square:6x6", 700), ("square:16x16", 3), ("triangular:4x6", 70)] {
        let glass = Ising::spin_glass(lattice.parse().unwrap(), 1.0, 2.0, Seed::root(8)).unwrap();
        for (model, sweeps) in [(Ising::on_lattice(lattice.parse().unwrap(), 1.0, 0.0, 2.0).unwrap(), 5), (glass, 3)] {
            let starts = Configurations::zeros(model.sites(), count);
            let mut chains = Chains::new(starts, Seed::root(9));
            let kernel = multi_spin_metropolis(&model).unwrap();
            kernel.advance(&mut chains, 1.0, sweeps, Clamp::Nothing);
            hashes.push(hash(chains.states().bits().iter().copied()));
        }
    }
    hash(hashes)
}

/// Against each other: the levels baseline, avx2 and avx512, each in a process of its own (this test
/// calls itself), compute the same bits. A level that the processor lacks falls back to a lower one.
#[test]
fn every_level_computes_the_same_bits() {
    const CHILD: &str = "GIBBSITE_TEST_PRINTS_BITS";
    const NAME: &str = "every_level_computes_the_same_bits";
    if std::env::var_os(CHILD).is_some() {
        println!("\nBITS {} {:016x}", Level::get().name(), hash_of_all_kernels());
        return;
    }
    let run = |wish: &str| -> (String, String) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env("GIBBSITE_KERNEL", wish)
            .env(CHILD, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{wish}: {text}");
        let line = text.lines().find_map(|line| line.strip_prefix("BITS "));
        let (level, bits) =
            line.and_then(|line| line.split_once(' ')).unwrap_or_else(|| panic!("{wish} printed no bits: {text}"));
        (level.to_string(), bits.to_string())
    };
    let (level, baseline) = run("baseline");
    assert_eq!(level, "baseline");
    for wish in ["avx2", "avx512"] {
        let (level, bits) = run(wish);
        if has(wish) {
            assert_eq!(level, wish, "the wish is granted where it can be");
        }
        assert_eq!(bits, baseline, "{wish} ran as {level}");
    }
}

#[cfg(target_arch = "x86_64")]
fn has(level: &str) -> bool {
    match level {
        "avx2" => pulp::x86::V3::try_new().is_some(),
        _ => pulp::x86::V4::try_new().is_some(),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn has(_level: &str) -> bool {
    false
}
