//! The estimators of the gradient against their exact means, and the contracts against impostors.

mod common;

use common::*;
use gibbsite::configuration::Configurations;
use gibbsite::contract::{self, FALSE_ALARM};
use gibbsite::enumerate;
use gibbsite::error::Result;
use gibbsite::law::{Chains, Clamp, Kernel, Law};
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monitor::gradients::gradient;
use gibbsite::path::uniform_configurations;
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::statistics::fit::{student_t, student_threshold};
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{
    ContrastiveDivergence, Estimated, Exact, FastPersistentContrastiveDivergence, GradientEstimator, HiddenStatistics,
    PersistentContrastiveDivergence, Phase, Tempering, TrajectoryTempering, TwoGibbsRuns,
};
use gibbsite::training::recipe::{EstimatorName, Recipe};
use rayon::prelude::*;

const PHASES: [Phase; 2] = [Phase::Analytic, Phase::Sampled { clamped_steps: 1 }];

/// All four ways to treat the hidden units.
fn all_statistics() -> impl Iterator<Item = HiddenStatistics> {
    PHASES
        .into_iter()
        .flat_map(|positive| PHASES.into_iter().map(move |negative| HiddenStatistics { positive, negative }))
}

/// Fails where the mean of independent `estimates` differs from `expected` in any component;
/// `comparisons` are all that share the test's false-alarm level.
fn assert_mean(what: &str, model: &dyn Model, estimates: &[Vec<f64>], expected: &[f64], comparisons: usize) {
    let threshold = student_threshold(estimates.len(), comparisons, FALSE_ALARM);
    for (index, expected) in expected.iter().enumerate() {
        let values: Vec<f64> = estimates.iter().map(|gradient| gradient[index]).collect();
        let t = student_t(&values, *expected, 1.0);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!(
            t.abs() <= threshold,
            "{what}, {}: {mean} instead of {expected}, t = {t:.2}",
            model.parameter_name(index)
        );
    }
}

/// Against `cd_expected_update` (data - chain, the negative of our gradient): the exact mean of CD-k
/// from chains that start at the data, for k = 1, 2, 5, 10 and all hidden statistics.
#[test]
fn contrastive_divergence_has_its_exact_mean() {
    const ESTIMATES: u64 = 512;
    const COPIES: usize = 16;
    for name in ["rbm_4x3", "rbm_6x6"] {
        let file = reference(name);
        let rbm = machine(&file);
        let data = configurations(&file["data"]);
        // Copies of the data leave the mean alone and make an estimate less noisy.
        let rows: Vec<usize> = (0..COPIES).flat_map(|_| 0..data.len()).collect();
        let cases = list(&file["cd_expected_update"]["by_k"]);
        let comparisons = 2 * cases.len() * 4 * 48;
        let mut seen = Vec::new();
        for case in cases {
            let gibbs_steps = number(&case["k"]) as usize;
            if gibbs_steps > 10 {
                continue;
            }
            seen.push(gibbs_steps);
            let expected: Vec<f64> = in_parameter_order(case, ["W", "b", "c"]).into_iter().map(|x| -x).collect();
            for (number, hidden_statistics) in all_statistics().enumerate() {
                let seed = Seed::root(21).child(name, gibbs_steps as u64).child("statistics", number as u64);
                let estimates: Vec<Vec<f64>> = (0..ESTIMATES)
                    .into_par_iter()
                    .map(|run| {
                        let mut gradient = vec![0.0; expected.len()];
                        ContrastiveDivergence::new(gibbs_steps, 0, hidden_statistics)
                            .estimate(&rbm, &Batch::Rows(data.select(&rows)), seed.child("run", run), &mut gradient)
                            .and_then(|estimated| estimated.write(&rbm, &mut gradient))
                            .unwrap();
                        gradient
                    })
                    .collect();
                let what = format!("CD-{gibbs_steps} of {name}, {hidden_statistics}");
                assert_mean(&what, &rbm, &estimates, &expected, comparisons);
            }
        }
        assert_eq!(seen, [1, 2, 5, 10], "{name}");
    }
}

/// Against zero: where the data are the model's own law and the model stays, the persistent chains
/// reach the model's moments. 64 replicas with a burn-in of their own make the error bars honest.
#[test]
fn persistent_chains_reach_the_moments_of_a_model_that_stays() {
    const REPLICAS: u64 = 64;
    for name in ["rbm_4x3", "rbm_6x6"] {
        let rbm = machine(&reference(name));
        let law = enumerate::whole_law(&rbm).unwrap();
        let sampler = RowSampler::new(&law).unwrap();
        let length = rbm.parameters().len();
        for (number, hidden_statistics) in all_statistics().enumerate() {
            let root = Seed::root(22).child(name, number as u64);
            let means: Vec<Vec<f64>> = (0..REPLICAS)
                .into_par_iter()
                .map(|replica| {
                    let seed = root.child("replica", replica);
                    let starts = Configurations::zeros(rbm.sites(), 100);
                    let chains = seed.child("chains", 0);
                    let mut estimator =
                        PersistentContrastiveDivergence::new(1, hidden_statistics, &starts, rbm.hidden(), chains)
                            .unwrap();
                    let batch = Batch::Law { law: &law, sampler: &sampler, chains: 1 };
                    let (burn_in, updates) = (50, 200);
                    let mut mean = vec![0.0; length];
                    let mut gradient = vec![0.0; length];
                    for update in 0..burn_in + updates {
                        let seed = seed.child("update", update);
                        let estimated = estimator.estimate(&rbm, &batch, seed, &mut gradient).unwrap();
                        estimated.write(&rbm, &mut gradient).unwrap();
                        if update >= burn_in {
                            for (mean, x) in mean.iter_mut().zip(&gradient) {
                                *mean += x / updates as f64;
                            }
                        }
                    }
                    mean
                })
                .collect();
            let what = format!("PCD of {name}, {hidden_statistics}");
            assert_mean(&what, &rbm, &means, &vec![0.0; length], 2 * 4 * 48);
        }
    }
}

fn small_machine() -> Rbm {
    let mut rbm = Rbm::new(4, 3).unwrap();
    rbm.initialize(InitialWeights::Gaussian(0.5), Seed::root(23)).unwrap();
    for (k, bias) in [0.3, -0.2, 0.1, -0.4, 0.25, -0.35, 0.15].into_iter().enumerate() {
        rbm.parameters_mut()[12 + k] = bias;
    }
    rbm
}

fn small_target() -> Ising {
    Ising::on_lattice(Lattice::Ring(4), 1.0, 0.2, 2.0).unwrap()
}

/// Against central differences of the divergence from a ring of four (contract::estimator): every estimator that has a name,
/// in equilibrium, with every treatment of the hidden units. A new one is tested by its entry among the recipes. Two more
/// change their ladders while the contract looks on.
#[test]
fn estimators_keep_their_contract() {
    let target = small_target();
    let mut model = small_machine();
    let plain = |name: EstimatorName| {
        let gibbs_steps = name.samples().then_some(25);
        all_statistics().map(move |how| Recipe::new(name, gibbs_steps, how))
    };
    let ladders = ["tempering:25:temperatures=4:swap=0.5", "ptt:25:swap=0.99"].map(|text| text.parse().unwrap());
    for recipe in EstimatorName::all().flat_map(plain).chain(ladders) {
        let make = |data: &Configurations, seed| recipe.estimator(data, 100, 3, seed).unwrap();
        contract::estimator(&make, &mut model, &target, 25)
            .unwrap_or_else(|problem| panic!("{recipe}, {}: {problem}", recipe.hidden_statistics));
    }
}

/// Against recipes that forget a part: the gradient of every estimator that samples is that of the estimator made by
/// hand from the same seeds, for all treatments of the hidden units, and no two treatments give the same.
/// Of restricted machines with a last tile of every kind.
#[test]
fn sums_keep_their_contract() {
    for (visible, hidden) in [(1, 1), (5, 3), (33, 16), (70, 40), (64, 64), (200, 130)] {
        let mut rbm = Rbm::new(visible, hidden).unwrap();
        rbm.initialize(InitialWeights::Gaussian(0.6), Seed::root(34)).unwrap();
        contract::sums(&rbm, 35).unwrap_or_else(|problem| panic!("{visible}x{hidden}: {problem}"));
    }
}

#[test]
fn recipes_make_what_they_say() {
    const CHAINS: usize = 20;
    let machine = small_machine();
    let law = enumerate::whole_law(&small_target()).unwrap();
    let sampler = RowSampler::new(&law).unwrap();
    let batch = Batch::Law { law: &law, sampler: &sampler, chains: CHAINS };
    let seed = Seed::root(26);
    let starts = sampler.draw(CHAINS, seed.child("starts", 0));
    let chains = seed.child("chains", 0);
    for name in EstimatorName::all().filter(|name| name.samples()) {
        let mut all: Vec<Vec<f64>> = Vec::new();
        for how in all_statistics() {
            let pcd = || PersistentContrastiveDivergence::new(2, how, &starts, 3, chains).unwrap();
            let mut by_hand: Box<dyn GradientEstimator> = match name {
                EstimatorName::Exact => Box::new(Exact),
                EstimatorName::Cd => Box::new(ContrastiveDivergence::new(2, 0, how)),
                EstimatorName::Pcd => Box::new(pcd()),
                EstimatorName::TwoRuns => Box::new(TwoGibbsRuns::new(CHAINS, 2, how)),
                EstimatorName::Fpcd => Box::new(FastPersistentContrastiveDivergence::new(pcd(), 0.01, 0.95).unwrap()),
                EstimatorName::Tempering => Box::new(Tempering::new(2, how, 10, 0.0, &starts, 3, chains).unwrap()),
                EstimatorName::Ptt => Box::new(TrajectoryTempering::new(2, how, 0.5, &starts, 3, chains).unwrap()),
            };
            let recipe = Recipe::new(name, Some(2), how);
            let mut made = recipe.estimator(&law, CHAINS, 3, seed).unwrap();
            let run = seed.child("run", 0);
            let found = gradient(&mut *made, &machine, &batch, run).unwrap();
            assert_eq!(found, gradient(&mut *by_hand, &machine, &batch, run).unwrap(), "{recipe}, {how}");
            assert!(!all.contains(&found), "{recipe}: {how} is like another treatment");
            all.push(found);
        }
    }
}

/// Against the transition matrix of a pair of units, v and h coupled by w without a preferred sign: spins correlate by
/// tanh^2(w / 4) after a step, so that tau is -1 / (2 ln tanh(w / 4)) Gibbs steps for each k and each estimator, here
/// of ten such pairs; and what was told is forgotten.
#[test]
fn estimators_tell_the_time_of_their_chains() {
    let (pairs, w) = (10, 4.0);
    let mut machine = Rbm::new(pairs, pairs).unwrap();
    (0..pairs).for_each(|i| machine.parameters_mut()[i * pairs + i] = w);
    machine.parameters_mut()[pairs * pairs..].fill(-w / 2.0);
    let data = uniform_configurations(pairs, 500, Seed::root(34));
    let batch = Batch::Rows(data.clone());
    let correlation = (w / 4.0).tanh().powi(2);
    for text in ["cd:1", "cd:3", "pcd:1", "pcd:3", "two-runs:2", "fpcd:2:fast-rate=0", "tempering:3:temperatures=1"] {
        let recipe: Recipe = text.parse().unwrap();
        let mut estimator = recipe.estimator(&data, 500, pairs, Seed::root(35)).unwrap();
        for update in 0..20 {
            gradient(&mut *estimator, &machine, &batch, Seed::root(36).child("update", update)).unwrap();
        }
        let mixing = estimator.mixing().unwrap();
        let steps = recipe.gibbs_steps.unwrap();
        assert_eq!(mixing.gibbs_steps, steps, "{text}");
        let found = (-(steps as f64) / mixing.tau).exp();
        let expected = correlation.powi(steps as i32);
        // 100,000 products, known to 0.003 each by itself, and correlated a little from update to update.
        assert!((found - expected).abs() < 0.03, "{text}: {found} instead of {expected}");
        assert_eq!(mixing.is_slow(), mixing.tau > steps as f64, "{text}");
        assert_eq!(estimator.mixing(), None, "{text}");
    }
    assert_eq!(Exact.mixing(), None);
}

/// Ladders offer the last rung an exchange in every second update: their time is the same whether somebody asks after an even
/// or an odd number of updates, within twice what 20 pairs of moves of 500 chains scatter.
#[test]
fn the_time_of_ladders_does_not_depend_on_when_one_asks() {
    let (pairs, w) = (10, 8.0);
    let mut machine = Rbm::new(pairs, pairs).unwrap();
    (0..pairs).for_each(|i| machine.parameters_mut()[i * pairs + i] = w);
    machine.parameters_mut()[pairs * pairs..].fill(-w / 2.0);
    let data = uniform_configurations(pairs, 500, Seed::root(37));
    let batch = Batch::Rows(data.clone());
    let recipe: Recipe = "tempering:1:temperatures=3".parse().unwrap();
    let correlation = |asked_after: u64| {
        let mut estimator = recipe.estimator(&data, 500, pairs, Seed::root(38)).unwrap();
        for update in 0..asked_after + 700 {
            if update == asked_after {
                estimator.mixing();
            }
            gradient(&mut *estimator, &machine, &batch, Seed::root(39).child("update", update)).unwrap();
        }
        (-1.0 / estimator.mixing().unwrap().tau).exp()
    };
    let (even, odd) = (correlation(40), correlation(41));
    assert!((even - odd).abs() < 0.02, "{even} and {odd}");
}

/// The exact gradient times a factor.
struct Scaled(f64);

impl GradientEstimator for Scaled {
    fn gibbs_updates(&self, _: &dyn Model, _: &Batch) -> u64 {
        0
    }

    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        let estimated = Exact.estimate(model, batch, seed, gradient);
        gradient.iter_mut().for_each(|x| *x *= self.0);
        estimated
    }
}

/// Against impostors: a zero gradient, a flipped sign, a gradient 1 % too long, one that forgets to
/// overwrite, and CD-1 (whose bias the contract must see) are all refused.
#[test]
fn estimator_contract_refuses_wrong_gradients() {
    let target = small_target();
    let mut model = small_machine();
    for factor in [0.0, -1.0, 1.01] {
        let make = |_: &Configurations, _| -> Box<dyn GradientEstimator> { Box::new(Scaled(factor)) };
        let problem = contract::estimator(&make, &mut model, &target, 27).unwrap_err();
        assert!(problem.contains("in equilibrium"), "factor {factor}: {problem}");
    }
    // Its own law does not move under CD-1, so only the second part can see the bias.
    let mut model = machine(&reference("rbm_4x3"));
    let cd_1 = ContrastiveDivergence::new(1, 0, HiddenStatistics::default());
    let problem = contract::estimator(&|_, _| Box::new(cd_1.clone()), &mut model, &target, 28).unwrap_err();
    assert!(problem.contains("in equilibrium"), "CD-1: {problem}");

    struct Adds;
    impl GradientEstimator for Adds {
        fn gibbs_updates(&self, _: &dyn Model, _: &Batch) -> u64 {
            0
        }

        fn estimate<'a>(
            &mut self,
            model: &dyn Model,
            _batch: &'a Batch,
            _seed: Seed,
            gradient: &mut [f64],
        ) -> Result<Estimated<'a>> {
            model.add_model_statistics(gradient)?;
            Ok(Estimated::Written)
        }
    }
    let problem = contract::estimator(&|_, _| Box::new(Adds), &mut model, &target, 29).unwrap_err();
    assert!(problem.contains("the model's law"), "no data: {problem}");
}

/// A kernel that is another one with changes.
struct Changed<'a> {
    kernel: &'a dyn Kernel,
    beta_factor: f64,
    moves: bool,
    obeys_clamp: bool,
    idle_when_clamped: bool,
}

impl Kernel for Changed<'_> {
    fn units(&self) -> usize {
        self.kernel.units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        let clamp = if self.obeys_clamp { clamp } else { Clamp::Nothing };
        if self.moves && !(self.idle_when_clamped && clamp == Clamp::Visible) {
            self.kernel.advance(chains, self.beta_factor * beta, steps, clamp);
        }
    }
}

/// Against impostors: the identity, a wrong temperature, kernels deaf to clamping or idle under it are refused,
/// each for its own reason; unchanged the kernel passes.
#[test]
fn kernel_contract_refuses_wrong_kernels() {
    let rbm = small_machine();
    let law = NaiveMachine::new(4, 3, rbm.parameters()).joint_law(1.0);
    let kernel = rbm.kernel();
    let good = Changed { kernel: &*kernel, beta_factor: 1.0, moves: true, obeys_clamp: true, idle_when_clamped: false };
    let check = |kernel: &Changed| contract::kernel(kernel, 1.0, &law, 4, 25, 100_000, 30);
    check(&good).unwrap();
    let problem = check(&Changed { moves: false, ..good }).unwrap_err();
    assert!(problem.contains("not reached"), "identity: {problem}");
    let problem = check(&Changed { beta_factor: 0.8, ..good }).unwrap_err();
    assert!(problem.contains("changes the law"), "beta 0.8: {problem}");
    let problem = check(&Changed { obeys_clamp: false, ..good }).unwrap_err();
    assert!(problem.contains("unit moved"), "deaf: {problem}");
    let problem = check(&Changed { idle_when_clamped: true, ..good }).unwrap_err();
    assert!(problem.contains("hidden units"), "idle: {problem}");
}

/// What a wrong law gets wrong.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    Change,
    Block,
    LogPartition,
    Smaller,
}

struct WrongLaw {
    right: Rbm,
    fault: Fault,
}

impl Law for WrongLaw {
    fn sites(&self) -> usize {
        self.right.sites()
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        self.right.log_weight(state)
    }

    fn log_weight_change(&self, state: &[u64], site: usize) -> f64 {
        let factor = if self.fault == Fault::Change { -1.0 } else { 1.0 };
        factor * self.right.log_weight_change(state, site)
    }

    fn log_weights(&self, first: u64, out: &mut [f64]) {
        self.right.log_weights(first, out);
        if self.fault == Fault::Block {
            out.swap(0, 1);
        }
    }

    fn log_partition(&self) -> Option<f64> {
        let ln_z = enumerate::log_partition(&self.right).unwrap();
        (self.fault == Fault::LogPartition).then_some(ln_z + 1e-6)
    }

    fn smaller(&self) -> Option<Box<dyn Law + '_>> {
        let mut smaller = self.right.transposed();
        if self.fault == Fault::Smaller {
            smaller.parameters_mut()[0] += 1e-6;
        }
        Some(Box::new(smaller))
    }
}

/// Against impostors: a wrong change, wrong blocks, a wrong closed form and a wrong smaller law are
/// refused; the right law passes.
#[test]
fn law_contract_refuses_wrong_laws() {
    let check = |fault| {
        let right = small_machine();
        contract::law(&WrongLaw { right, fault }, 31)
    };
    check(Fault::None).unwrap();
    for (fault, word) in [
        (Fault::Change, "log_weight_change"),
        (Fault::Block, "log_weights differs"),
        (Fault::LogPartition, "ln Z"),
        (Fault::Smaller, "ln Z"),
    ] {
        let problem = check(fault).unwrap_err();
        assert!(problem.contains(word), "{problem}");
    }
}

/// Against recomputation and enumeration (contract::law): machines of all proportions, with moderate
/// and with large parameters.
#[test]
fn machines_keep_the_contract_of_a_law() {
    for (visible, hidden) in [(1, 1), (4, 3), (3, 9), (10, 2), (12, 12)] {
        for deviation in [0.0, 1.0, 30.0] {
            let mut rbm = Rbm::new(visible, hidden).unwrap();
            rbm.initialize(InitialWeights::Gaussian(deviation), Seed::root(32)).unwrap();
            contract::law(&rbm, 33).unwrap_or_else(|problem| panic!("{visible}x{hidden}, {deviation}: {problem}"));
        }
    }
    // More factors than a product of them can hold.
    let mut rbm = Rbm::new(3, 1100).unwrap();
    rbm.initialize(InitialWeights::Gaussian(1.0), Seed::root(32)).unwrap();
    contract::law(&rbm, 33).unwrap();
}
