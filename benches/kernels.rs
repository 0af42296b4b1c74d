//! Micro-benchmarks of the single kernels, one thread and all: `cargo bench`.
//!
//! `throughput` measures whole updates; these tell which part of one is slow.

use divan::Bencher;
use divan::counter::ItemsCount;
use gibbsite::configuration::Configurations;
use gibbsite::enumerate;
use gibbsite::kernels::descent::{Descent, largest_magnitude};
use gibbsite::law::{Chains, Clamp};
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::model::{Model, Slope};
use gibbsite::random::Seed;

fn main() {
    divan::main();
}

/// Visible units, hidden units, chains.
const SIZES: [(usize, usize, usize); 5] =
    [(784, 500, 100), (784, 500, 20), (100, 400, 100), (64, 64, 100), (16, 16, 100)];

fn machine(visible: usize, hidden: usize, deviation: f64) -> Rbm {
    let mut rbm = Rbm::new(visible, hidden).expect("layers have units");
    rbm.initialize(InitialWeights::Gaussian(deviation), Seed::root(1)).expect("the deviation is a number");
    rbm
}

/// Chains that have left their common start.
fn chains(rbm: &Rbm, count: usize) -> Chains {
    let units = rbm.visible() + rbm.hidden();
    let mut chains = Chains::new(Configurations::zeros(units, count), Seed::root(2));
    rbm.kernel().advance(&mut chains, 1.0, 2, Clamp::Nothing);
    chains
}

/// One block-Gibbs step; items are chains.
#[divan::bench(args = SIZES)]
fn block_gibbs_step(bencher: Bencher, (visible, hidden, count): (usize, usize, usize)) {
    let rbm = machine(visible, hidden, 0.01);
    let mut chains = chains(&rbm, count);
    let kernel = rbm.kernel();
    bencher.counter(ItemsCount::new(count)).bench_local(|| kernel.advance(&mut chains, 1.0, 1, Clamp::Nothing));
}

/// The gradient of CD and PCD, written out; items are rows.
#[divan::bench(args = SIZES)]
fn difference_of_expectations(bencher: Bencher, (visible, hidden, count): (usize, usize, usize)) {
    let rbm = machine(visible, hidden, 0.01);
    let states = chains(&rbm, count).into_states();
    let mut gradient = vec![0.0; rbm.parameters().len()];
    bencher
        .counter(ItemsCount::new(2 * count))
        .bench_local(|| rbm.set_difference_of_expectations(&states, &states, &mut gradient));
}

/// The same with the update, the gradient kept in the cache; items are rows.
#[divan::bench(args = SIZES)]
fn descend_along_phases(bencher: Bencher, (visible, hidden, count): (usize, usize, usize)) {
    let mut rbm = machine(visible, hidden, 0.01);
    let states = chains(&rbm, count).into_states();
    let mut gradient = vec![0.0; rbm.parameters().len()];
    let descent = descent(0.0);
    bencher.counter(ItemsCount::new(2 * count)).bench_local(|| {
        rbm.descend(&descent, Slope::Phases { chains: &states, data: &states, memory: &mut gradient }, &mut [])
    });
}

fn descent(momentum: f64) -> Descent {
    Descent { rate: 1e-9, momentum, weight_decay: 0.0 }
}

/// The update alone, with momentum and without; items are parameters.
#[divan::bench(args = [(784, 500, 0.0), (784, 500, 0.9), (64, 64, 0.9)])]
fn descend(bencher: Bencher, (visible, hidden, momentum): (usize, usize, f64)) {
    let mut rbm = machine(visible, hidden, 0.01);
    rbm.kernel();
    let gradient = rbm.parameters().to_vec();
    let kept = if momentum > 0.0 { gradient.len() } else { 0 };
    let mut velocity = vec![0.0; kept];
    let descent = descent(momentum);
    bencher
        .counter(ItemsCount::new(gradient.len()))
        .bench_local(|| rbm.descend(&descent, Slope::Written(&gradient), &mut velocity));
}

/// The check that an update stays finite; items are numbers.
#[divan::bench(args = [4_352, 393_284])]
fn largest_of(bencher: Bencher, count: usize) {
    let values = vec![0.5; count];
    bencher.counter(ItemsCount::new(count)).bench_local(|| largest_magnitude(divan::black_box(&values)));
}

/// Exact ln Z; items are states.
#[divan::bench(args = [(12, 12), (16, 16), (20, 20), (784, 16)])]
fn log_partition(bencher: Bencher, (visible, hidden): (usize, usize)) {
    let rbm = machine(visible, hidden, 0.1);
    bencher.counter(ItemsCount::new(1_usize << visible.min(hidden))).bench_local(|| enumerate::log_partition(&rbm));
}

/// ln Z and every moment; items are states.
#[divan::bench(args = [(12, 12), (16, 16), (784, 12)])]
fn exact_moments(bencher: Bencher, (visible, hidden): (usize, usize)) {
    let rbm = machine(visible, hidden, 0.1);
    let mut moments = vec![0.0; rbm.parameters().len()];
    bencher
        .counter(ItemsCount::new(1_usize << visible.min(hidden)))
        .bench_local(|| rbm.add_model_statistics(&mut moments));
}
