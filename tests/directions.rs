//! Steps and estimators beyond contrastive divergence, against second derivations.

use gibbsite::contract::FALSE_ALARM;
use gibbsite::enumerate;
use gibbsite::kernels::descent::Descent;
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::UNSEEN;
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::model::Slope;
use gibbsite::prelude::*;
use gibbsite::statistics::fit::chi_square_p_value;
use gibbsite::training::direction::{Centring, Direction, Natural, Offsets, Step, Update, fisher_information};
use gibbsite::training::gradient::{
    FastPersistentContrastiveDivergence, PersistentContrastiveDivergence, Tempering, TrajectoryTempering,
};
use gibbsite::training::trainer::Trainer;
use nalgebra::DVector;

fn machine(visible: usize, hidden: usize, width: f64, seed: u64) -> Rbm {
    let mut rbm = Rbm::new(visible, hidden).unwrap();
    rbm.initialize(InitialWeights::Gaussian(width), Seed::root(seed)).unwrap();
    let mut generator = Seed::root(seed).child("biases", 0).generator();
    let couplings = rbm.couplings();
    for bias in &mut rbm.parameters_mut()[couplings..] {
        *bias = width * (gibbsite::random::uniform(&mut generator) - 0.5);
    }
    rbm
}

fn ring(sites: usize, temperature: f64, field: f64) -> Ising {
    Ising::on_lattice(Lattice::Ring(sites), 1.0, field, temperature).unwrap()
}

/// Parameters after training on a law by full batches.
fn learn(model: &mut dyn Model, estimator: &mut dyn GradientEstimator, law: &Configurations, settings: &Training) {
    train(model, estimator, law, settings, Seed::root(4), &mut |_, _, _| Ok(())).unwrap();
}

/// The machine that gives a state of flipped visible units (those with a bit in `visible`) and flipped hidden units the
/// weight that `rbm` gives the state: x' = 1 - x.
fn flipped(rbm: &Rbm, visible: usize, hidden: usize) -> Rbm {
    let (n, m) = (rbm.visible(), rbm.hidden());
    let old = rbm.parameters().to_vec();
    let mut new = old.clone();
    let (v, h) = (|i: usize| visible >> i & 1 == 1, |j: usize| hidden >> j & 1 == 1);
    (0..n).filter(|i| v(*i)).for_each(|i| new[n * m + i] *= -1.0);
    (0..m).filter(|j| h(*j)).for_each(|j| new[n * m + n + j] *= -1.0);
    for i in 0..n {
        for j in 0..m {
            let w = old[i * m + j];
            // w v h with v = 1 - v': w h - w v' h, and so on for both.
            new[i * m + j] = if v(i) == h(j) { w } else { -w };
            if v(i) {
                new[n * m + n + j] += if h(j) { -w } else { w };
            }
            if h(j) {
                new[n * m + i] += if v(i) { -w } else { w };
            }
        }
    }
    let mut flipped = Rbm::new(n, m).unwrap();
    flipped.parameters_mut().copy_from_slice(&new);
    flipped
}

/// Against a flip of bits (Melchior, Fischer and Wiskott 2016, section 5): centred training with exact gradients on flipped
/// data from a flipped machine is the flip of the training that was not flipped, to 1e-10, for every kind of offsets;
/// plain training is not.
#[test]
fn centred_training_does_not_depend_on_which_value_is_called_one() {
    let (n, m, visible, hidden) = (5, 3, 0b10110, 0b101);
    let law = whole_law(&ring(n, 2.0, 0.3)).unwrap();
    let mut weights = vec![0.0; 1 << n];
    (0..1 << n).for_each(|state: usize| weights[state ^ visible] = law.weight(state));
    let flipped_law = Configurations::whole_law(n, weights);
    let start = machine(n, m, 0.6, 1);
    let same = flipped(&start, visible, hidden);
    let (a, b) = (whole_law(&start).unwrap(), whole_law(&same).unwrap());
    (0..1 << n).for_each(|s: usize| assert!((a.weight(s) - b.weight(s ^ visible)).abs() < 1e-12));
    for (centred, alike) in
        [(Offsets::Data, true), (Offsets::Model, true), (Offsets::Mean, true), (Offsets::None, false)]
    {
        let settings = Training { epochs: 60, learning_rate: 0.3, momentum: 0.4, centred, ..Training::default() };
        let (mut one, mut other) = (start.clone(), same.clone());
        learn(&mut one, &mut Exact, &law, &settings);
        learn(&mut other, &mut Exact, &flipped_law, &settings);
        assert!(one != start);
        let expected = flipped(&one, visible, hidden);
        let pairs = expected.parameters().iter().zip(other.parameters());
        let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert_eq!(apart < 1e-10, alike, "{centred}: {apart:e}");
    }
}

/// Against the chain rule: with x - mu in the place of x the energy's parameters are (W, b', c') with b' = b + W lambda and
/// c' = c + W^T mu, whose plain gradient is <(v - mu)(h - lambda)>, <v - mu>, <h - lambda>. A step of these, written in the
/// usual parameters, is the centred direction: the same flow.
#[test]
fn the_centred_direction_is_a_plain_step_of_centred_parameters() {
    let (n, m) = (4, 3);
    let model = machine(n, m, 0.8, 2);
    let law = whole_law(&ring(n, 1.5, 0.4)).unwrap();
    let sampler = RowSampler::new(&law).unwrap();
    let batch = Batch::Law { law: &law, sampler: &sampler, chains: 1 };
    let count = model.parameters().len();
    let mut plain = vec![0.0; count];
    Exact.estimate(&model, &batch, Seed::root(3), &mut plain).unwrap().write(&model, &mut plain).unwrap();
    let mut direction = plain.clone();
    let mut centring = Centring::new(Offsets::Data).unwrap();
    let update = Update { model: &model, data: &law, chains: None };
    centring.turn(&update, &mut direction).unwrap();
    let (mu, lambda) = centring.offsets().split_at(n);
    // Offsets are the data's means.
    let mut data = vec![0.0; count];
    model.add_expected_statistics(&law, &mut data).unwrap();
    mu.iter().chain(lambda).zip(&data[n * m..]).for_each(|(a, b)| assert!((a - b).abs() < 1e-6));
    // The plain gradient with respect to (W, b', c').
    let w = |i: usize, j: usize| plain[i * m + j] - mu[i] * plain[n * m + n + j] - lambda[j] * plain[n * m + i];
    for i in 0..n {
        for j in 0..m {
            assert!((direction[i * m + j] - w(i, j)).abs() < 1e-12);
        }
        // b = b' - W lambda.
        let change: f64 = plain[n * m + i] - (0..m).map(|j| lambda[j] * w(i, j)).sum::<f64>();
        assert!((direction[n * m + i] - change).abs() < 1e-12);
    }
    for j in 0..m {
        let change: f64 = plain[n * m + n + j] - (0..n).map(|i| mu[i] * w(i, j)).sum::<f64>();
        assert!((direction[n * m + n + j] - change).abs() < 1e-12);
    }
    // A running mean: the second offsets lie a hundredth of the way to new means.
    let (first, other) = (centring.offsets().to_vec(), Configurations::zeros(n, 1));
    centring.turn(&Update { model: &model, data: &other, chains: None }, &mut direction).unwrap();
    (0..n).for_each(|i| assert!((centring.offsets()[i] - 0.99 * first[i]).abs() < 1e-9));
}

/// Against second differences of the divergence of the machine from itself: F is its curvature.
#[test]
fn the_fisher_information_is_the_curvature_of_the_divergence() {
    let model = machine(4, 2, 0.9, 5);
    let own = log_probabilities(&model).unwrap();
    let fisher = fisher_information(&model).unwrap();
    let count = model.parameters().len();
    let kl = |changes: &[(usize, f64)]| {
        let mut moved = model.clone();
        changes.iter().for_each(|(k, step)| moved.parameters_mut()[*k] += step);
        let ln_z = log_partition(&moved).unwrap();
        enumerate::kl_divergence(&own, &moved, ln_z)
    };
    let e = 1e-3;
    for a in 0..count {
        for b in 0..=a {
            let mixed = |x: f64, y: f64| kl(&[(a, x * e), (b, y * e)]);
            let second = (mixed(1.0, 1.0) - mixed(1.0, -1.0) - mixed(-1.0, 1.0) + mixed(-1.0, -1.0)) / (4.0 * e * e);
            assert!((second - fisher[(a, b)]).abs() < 2e-6, "{a}, {b}: {second}, {}", fisher[(a, b)]);
        }
    }
}

/// Against the dense system: the enumerated natural gradient solves it, and conjugate gradients on rows that are the law
/// itself (each state as often as it is likely) approach it as the damping vanishes.
#[test]
fn the_natural_gradient_solves_the_fisher_system() {
    let model = machine(4, 2, 0.9, 6);
    let law = whole_law(&ring(4, 1.5, 0.2)).unwrap();
    let count = model.parameters().len();
    let fisher = fisher_information(&model).unwrap();
    // So short that the direction is not shortened.
    let undamped = 0.1 * DVector::from_column_slice(machine(4, 2, 1.0, 7).parameters());
    let wanted = &fisher * &undamped;
    let gradient = wanted.as_slice().to_vec();
    for damping in [1e-1, 1e-4] {
        let mut found = gradient.clone();
        let update = Update { model: &model, data: &law, chains: None };
        Natural { damping }.turn(&update, &mut found).unwrap();
        let image = &fisher * DVector::from_column_slice(&found) + damping * DVector::from_column_slice(&found);
        (0..count).for_each(|k| assert!((image[k] - gradient[k]).abs() < 1e-9, "{k}"));
    }
    // 2^20 rows in the proportions of the law; what rounding leaves over is the last state's.
    let own = whole_law(&model).unwrap();
    let total = 1 << 20;
    let mut rows: Vec<usize> = Vec::with_capacity(total);
    (0..16).for_each(|s| rows.extend(std::iter::repeat_n(s, (own.weight(s) * total as f64).round() as usize)));
    let mut states = Configurations::zeros(4, 16);
    (0..16).for_each(|s| states.row_mut(s)[0] = s as u64);
    let chains = states.select(&rows);
    let mut last = f64::INFINITY;
    for damping in [1e-1, 1e-2, 1e-3] {
        let solve = |chains| {
            let mut found = gradient.clone();
            Natural { damping }.turn(&Update { model: &model, data: &law, chains }, &mut found).unwrap();
            found
        };
        let (exact, sampled) = (solve(None), solve(Some(&chains)));
        let length = exact.iter().map(|x| x * x).sum::<f64>().sqrt();
        let apart = exact.iter().zip(&sampled).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt() / length;
        // The rounding of 2^20 rows against the damping.
        assert!(apart < 1e-4 / damping.min(1.0), "{damping}: {apart:e}");
        let image = &fisher * DVector::from_column_slice(&sampled);
        let off = (image - &wanted).norm() / wanted.norm();
        assert!(off < last, "{damping}: {off}");
        last = off;
    }
    assert!(last < 0.01, "{last}");
}

/// Floors that are 0 (the machine holds the law): 2,000 updates of the natural gradient come below 1e-6 nats, where plain
/// descent is far above.
#[test]
fn the_natural_gradient_reaches_floors_that_descent_does_not() {
    let chain = Ising::on_lattice(Lattice::Chain(6), 1.0, 0.0, 1.0).unwrap();
    for (law, hidden) in [(chain, 3), (ring(8, 1.5, 0.0), 4)] {
        let target = ExactTarget::new(&law).unwrap();
        let data = whole_law(&law).unwrap();
        let reached = |step: Step, learning_rate: f64| {
            let mut rbm = Rbm::new(law.sites(), hidden).unwrap();
            rbm.initialize(InitialWeights::Gaussian(0.5), Seed::root(1)).unwrap();
            let settings = Training { epochs: 2000, learning_rate, step, ..Training::default() };
            learn(&mut rbm, &mut Exact, &data, &settings);
            target.measure(&rbm, None).unwrap().kl
        };
        let (natural, plain) = (reached(Step::Natural(3e-5), 0.5), reached(Step::Gradient, 0.2));
        println!("{hidden} hidden: natural {natural:e}, plain {plain:e}");
        assert!(natural < 1e-6 && plain > 1e-4, "{natural:e}, {plain:e}");
    }
}

/// F is that of the plain gradient, so that a centred one is no right-hand side for it.
#[test]
fn a_natural_gradient_of_a_centred_one_is_refused() {
    let law = whole_law(&ring(4, 2.0, 0.1)).unwrap();
    let refused = |centred, step| {
        let settings = Training { centred, step, ..Training::default() };
        Trainer::new(machine(4, 2, 0.5, 3), Box::new(Exact), law.clone(), &settings, Seed::root(1)).is_err()
    };
    assert!(refused(Offsets::Data, Step::Natural(0.1)));
    for (centred, step) in
        [(Offsets::None, Step::Natural(0.1)), (Offsets::Data, Step::Adam), (Offsets::Data, Step::Gradient)]
    {
        assert!(!refused(centred, step), "{centred}, {step}");
    }
}

/// With a fast rate of 0, FPCD is PCD, bit for bit; with another it is not.
#[test]
fn fast_weights_of_rate_0_are_none() {
    let law = whole_law(&ring(6, 2.0, 0.1)).unwrap();
    let starts = RowSampler::new(&law).unwrap().draw(40, Seed::root(8));
    let pcd =
        || PersistentContrastiveDivergence::new(2, HiddenStatistics::default(), &starts, 4, Seed::root(9)).unwrap();
    let settings = Training { epochs: 50, learning_rate: 0.1, momentum: 0.5, ..Training::default() };
    let end = |estimator: &mut dyn GradientEstimator| {
        let mut model = machine(6, 4, 0.5, 10);
        learn(&mut model, estimator, &law, &settings);
        model.parameters().to_vec()
    };
    let plain = end(&mut pcd());
    assert_eq!(end(&mut FastPersistentContrastiveDivergence::new(pcd(), 0.0, 0.95).unwrap()), plain);
    assert!(end(&mut FastPersistentContrastiveDivergence::new(pcd(), 0.1, 0.95).unwrap()) != plain);
    for (rate, decay) in [(-1.0, 0.5), (f64::NAN, 0.5), (0.1, 1.0), (0.1, -0.1)] {
        assert!(FastPersistentContrastiveDivergence::new(pcd(), rate, decay).is_err());
    }
}

/// By hand, from the definition: the fast weights after an update are decay x fast - rate x gradient, and the chains of the
/// next update move under theta + fast.
#[test]
fn fast_weights_are_learned_and_forgotten_as_defined() {
    let law = whole_law(&ring(6, 2.0, 0.1)).unwrap();
    let sampler = RowSampler::new(&law).unwrap();
    let batch = Batch::Law { law: &law, sampler: &sampler, chains: 1 };
    let starts = sampler.draw(40, Seed::root(8));
    let (rate, decay, model) = (0.7, 0.6, machine(6, 4, 0.5, 10));
    let pcd = PersistentContrastiveDivergence::new(2, HiddenStatistics::default(), &starts, 4, Seed::root(9)).unwrap();
    let mut fpcd = FastPersistentContrastiveDivergence::new(pcd, rate, decay).unwrap();
    let count = model.parameters().len();
    let (mut chains, mut fast) = (Chains::new(starts.widened(4), Seed::root(9)), vec![0.0; count]);
    for update in 0..4 {
        let mut driven = model.clone();
        driven.parameters_mut().iter_mut().zip(&fast).for_each(|(theta, fast)| *theta += fast);
        driven.kernel().advance(&mut chains, 1.0, 2, Clamp::Nothing);
        let mut expected = vec![0.0; count];
        model.set_difference_of_expectations(chains.states(), &law, &mut expected).unwrap();
        fast.iter_mut().zip(&expected).for_each(|(fast, g)| *fast = decay * *fast - rate * g);
        let mut found = vec![0.0; count];
        let estimated = fpcd.estimate(&model, &batch, Seed::root(1), &mut found).unwrap();
        estimated.write(&model, &mut found).unwrap();
        assert_eq!(found, expected, "update {update}");
    }
}

/// Tempering with one temperature is PCD with the same chains.
#[test]
fn one_temperature_is_persistent_contrastive_divergence() {
    let law = whole_law(&ring(6, 2.0, 0.1)).unwrap();
    let starts = RowSampler::new(&law).unwrap().draw(40, Seed::root(8));
    let (how, seed) = (HiddenStatistics::default(), Seed::root(9));
    let settings = Training { epochs: 50, learning_rate: 0.1, ..Training::default() };
    let end = |estimator: &mut dyn GradientEstimator| {
        let mut model = machine(6, 4, 0.5, 10);
        learn(&mut model, estimator, &law, &settings);
        model.parameters().to_vec()
    };
    let pcd = end(&mut PersistentContrastiveDivergence::new(2, how, &starts, 4, seed.child("rung", 0)).unwrap());
    assert_eq!(end(&mut Tempering::new(2, how, 1, 0.0, &starts, 4, seed).unwrap()), pcd);
    assert!(end(&mut Tempering::new(2, how, 5, 0.0, &starts, 4, seed).unwrap()) != pcd);
    for (rungs, swap) in [(0, 0.0), (1000, 0.0), (5, 0.9), (5, f64::NAN)] {
        assert!(Tempering::new(2, how, rungs, swap, &starts, 4, seed).is_err());
    }
    for swap in [0.0, 1.0, f64::NAN] {
        assert!(TrajectoryTempering::new(2, how, swap, &starts, 4, seed).is_err());
    }
}

/// Twelve units that h = 1 holds up, with probability 0.7, and h = 0 down.
fn two_modes() -> Rbm {
    let n = 12;
    let mut model = Rbm::new(n, 1).unwrap();
    let (up, down) = (n as f64 * 4.0_f64.exp().ln_1p(), n as f64 * (-4.0_f64).exp().ln_1p());
    let parameters = model.parameters_mut();
    parameters[..n].fill(8.0);
    parameters[n..2 * n].fill(-4.0);
    parameters[2 * n] = (0.7_f64 / 0.3).ln() - (up - down);
    model
}

/// A machine of two modes far apart, mass 0.7 in the one with every unit up: chains of PCD that start there stay, those of
/// tempering have the weights of both, within 4.9 standard errors of independent ladders.
#[test]
fn tempering_gives_modes_their_weights() {
    let (n, ladders, model) = (12, 400, two_modes());
    let mut starts = Configurations::zeros(n, ladders);
    starts.bits_mut().fill((1 << n) - 1);
    let data = Batch::Rows(starts.clone());
    let (how, seed) = (HiddenStatistics::default(), Seed::root(11));
    let share = |estimator: &mut dyn GradientEstimator, updates: u64| {
        let mut gradient = vec![0.0; model.parameters().len()];
        for update in 0..updates {
            let seed = seed.child("update", update);
            estimator.estimate(&model, &data, seed, &mut gradient).unwrap().write(&model, &mut gradient).unwrap();
        }
        // mean_chains E[h] - mean_data E[h], and E[h] = 1 at the data.
        1.0 + gradient[2 * n]
    };
    let exact = whole_law(&model).unwrap();
    let up: f64 = (0..1 << n).map(|s: usize| exact.weight(s) * f64::from(u8::from(s.count_ones() > 6))).sum();
    assert!((up - 0.7).abs() < 1e-3, "{up}");
    let mut pcd = PersistentContrastiveDivergence::new(1, how, &starts, 1, seed).unwrap();
    assert!(share(&mut pcd, 400) > 0.99);
    let error = (0.21 / ladders as f64).sqrt();
    for swap in [0.0, 0.4] {
        let mut tempering = Tempering::new(1, how, 10, swap, &starts, 1, seed).unwrap();
        let found = share(&mut tempering, 1500);
        assert!((found - 0.7).abs() < 4.9 * error, "swap {swap}: {found}");
        let ladders = tempering.mixing().unwrap().ladders.unwrap();
        assert!(ladders.round_trips > 10.0 && ladders.swap_rate.unwrap() > 0.1, "{ladders:?}");
        assert!(tempering.betas().windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!((tempering.betas()[0], tempering.betas()[tempering.betas().len() - 1]), (0.0, 1.0));
    }
}

/// The rungs adapt: on the machine of two modes equal steps leave neighbours that hardly exchange, and after a while the
/// least share is nearer to the mean; where half of all exchanges are wanted, rungs are put in where there are few, and
/// taken out where there are many.
#[test]
fn rungs_adapt_to_the_exchanges() {
    let model = two_modes();
    let starts = Configurations::zeros(12, 200);
    let data = Batch::Rows(starts.clone());
    let after = |rungs: usize, swap: f64, updates: u64| {
        let how = HiddenStatistics::default();
        let mut tempering = Tempering::new(1, how, rungs, swap, &starts, 1, Seed::root(21)).unwrap();
        let mut gradient = vec![0.0; model.parameters().len()];
        for update in 0..updates {
            let seed = Seed::root(22).child("update", update);
            tempering.estimate(&model, &data, seed, &mut gradient).unwrap().write(&model, &mut gradient).unwrap();
        }
        let ladders = tempering.mixing().unwrap().ladders.unwrap();
        (ladders.rungs, ladders.swap_rate.unwrap())
    };
    let ((rungs, early), (same, late)) = (after(8, 0.0, 100), after(8, 0.0, 3000));
    println!("8 rungs: least share {early:.3}, then {late:.3}");
    assert_eq!((rungs, same), (8, 8));
    // 10,000 offers a pair and period: shares are known to 0.005.
    assert!(late > early + 0.1, "{early}, {late}");
    let (few, share) = after(4, 0.5, 4000);
    let (many, _) = after(60, 0.5, 8000);
    println!("from 4 to {few}, share {share:.3}; from 60 to {many}");
    assert!(few > 4 && many < 60 && share > 0.3, "{few}, {many}, {share}");
}

/// Learned along the trajectory, on a ring whose modes part: the chains at the machine have its law, by chi-square against
/// enumeration, though plain chains of as many steps do not leave their mode; machines were kept on the way.
#[test]
fn trajectory_tempering_samples_the_machine_that_it_trains() {
    let law = whole_law(&ring(8, 0.45, 0.0)).unwrap();
    let starts = RowSampler::new(&law).unwrap().draw(2000, Seed::root(12));
    let mut model = machine(8, 6, 0.1, 13);
    let mut ptt = TrajectoryTempering::new(1, HiddenStatistics::default(), 0.3, &starts, 6, Seed::root(14)).unwrap();
    let settings = Training { epochs: 6000, learning_rate: 0.05, ..Training::default() };
    learn(&mut model, &mut ptt, &law, &settings);
    let target = ExactTarget::new(&ring(8, 0.45, 0.0)).unwrap();
    let mut best = machine(8, 6, 0.1, 13);
    learn(&mut best, &mut Exact, &law, &settings);
    let [kl, exact] = [&model, &best].map(|model| target.measure(model, None).unwrap().kl);
    let trajectory = ptt.trajectory().unwrap();
    println!("KL {kl:.4}, by the exact gradient {exact:.4}, {} machines kept", trajectory.len());
    assert!(kl < exact + 0.01 && trajectory.len() >= 2, "{kl}, {}", trajectory.len());
    // Long after the last update, from all-down.
    let rungs = trajectory.up_to(&model).unwrap();
    let down = Configurations::zeros(14, 4000);
    let mut ladders = gibbsite::monte_carlo::tempering::ParallelTempering::new(&rungs, &down, Seed::root(15)).unwrap();
    (0..300).for_each(|_| ladders.advance(&rungs, 1));
    let own = whole_law(&model).unwrap();
    let mut counts = vec![0; 256];
    ladders.last().states().bits().iter().for_each(|row| counts[(row & 255) as usize] += 1);
    let p_value = chi_square_p_value(&counts, own.weights().unwrap());
    assert!(p_value > FALSE_ALARM, "{p_value:e}");
    // ln Z along the machines kept, against enumeration.
    let exact = log_partition(&model).unwrap();
    let run = TemperedRun { betas: Betas::Linear(1), ladders: 32, burn_in: 200, rounds: 1000, every: 2 };
    let bennett = BennettRatio(run);
    let measure = |seed| bennett.along(&rungs, rungs.base_log_partition(), &law, seed, &mut |_, _| ()).unwrap();
    let found: Vec<_> = (0..40).map(|run| measure(Seed::root(17).child("run", run))).collect();
    let trusted = found.iter().filter(|found| found.doubts.is_empty());
    // Less the part for what 32 starts have not seen.
    let scatter = |error: f64| (error.powi(2) - (UNSEEN / 32.0).powi(2)).sqrt();
    let z: Vec<f64> = trusted.map(|found| (found.value - exact) / scatter(found.standard_error.unwrap())).collect();
    // An error of the difference holds it as well: no z^2 is expected above 1.
    let squares = z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64;
    println!("{} of 40 without a doubt, mean z^2 {squares:.2}", z.len());
    assert!(z.len() >= 36 && z.iter().all(|z| z.abs() < 4.9) && squares > 0.3 && squares < 1.7, "{squares}, {z:?}");
    // Data in a state that the machine hardly ever visits, on a ladder of one step that does not exchange: the starts are
    // seen to disagree, or the ladder to carry nothing.
    let alone = TrajectoryTempering::new(1, HiddenStatistics::default(), 0.3, &starts, 6, Seed::root(14)).unwrap();
    let mut cold = model.clone();
    cold.parameters_mut().iter_mut().for_each(|theta| *theta *= 4.0);
    let step = alone.trajectory().unwrap().up_to(&cold).unwrap();
    let found = bennett.along(&step, step.base_log_partition(), &law, Seed::root(18), &mut |_, _| ()).unwrap();
    assert!(!found.doubts.is_empty());
    // Plain chains from all-down are still there.
    let mut plain = Chains::new(Configurations::zeros(14, 4000), Seed::root(16));
    model.kernel().advance(&mut plain, 1.0, 20, Clamp::Nothing);
    let mut counts = vec![0; 256];
    plain.states().bits().iter().for_each(|row| counts[(row & 255) as usize] += 1);
    assert!(chi_square_p_value(&counts, own.weights().unwrap()) < 1e-12);
}

/// Averages: what is looked at is the running mean of the parameters over the first updates, by hand, and training goes on
/// from where it stands.
#[test]
fn averaged_parameters_are_means_over_updates() {
    let law = whole_law(&ring(5, 2.0, 0.1)).unwrap();
    let start = machine(5, 3, 0.5, 17);
    let settings = Training { epochs: 6, learning_rate: 0.5, ..Training::default() };
    let mut steps = Vec::new();
    let mut raw = start.clone();
    train(&mut raw, &mut Exact, &law, &settings, Seed::root(1), &mut |_, _, model| {
        steps.push(model.parameters().to_vec());
        Ok(())
    })
    .unwrap();
    let settings = Training { average: 3, ..settings };
    let mut trainer = Trainer::new(start.clone(), Box::new(Exact), law, &settings, Seed::root(1)).unwrap();
    let mut mean = vec![0.0; start.parameters().len()];
    for (update, step) in steps.iter().enumerate().skip(1) {
        trainer.epoch().unwrap();
        let share = 1.0 / update.min(4) as f64;
        mean.iter_mut().zip(step).for_each(|(mean, theta)| *mean += share * (theta - *mean));
        let pairs = trainer.model().parameters().iter().zip(&mean);
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-14, "{update}: {a}, {b}"));
    }
    assert_eq!((trainer.epochs(), trainer.updates(), trainer.gibbs_updates()), (6, 6, 0));
    let averaged = trainer.into_model();
    averaged.parameters().iter().zip(&mean).for_each(|(a, b)| assert!((a - b).abs() < 1e-14));
}

/// Along phases and along the same gradient written out a general machine ends alike, as a restricted one does.
#[test]
fn a_model_descends_alike_along_both_forms_of_a_gradient() {
    use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
    let mut general = BoltzmannMachine::new(5, 0, &full_graph(5)).unwrap();
    let mut restricted = machine(5, 3, 0.5, 18);
    let data = whole_law(&ring(5, 2.0, 0.1)).unwrap();
    let chains = RowSampler::new(&data).unwrap().draw(30, Seed::root(19));
    let descent = Descent { rate: 0.3, momentum: 0.0, weight_decay: 0.1 };
    let models: [&mut dyn Model; 2] = [&mut general, &mut restricted];
    for model in models {
        let mut twin = model.boxed();
        let mut memory = vec![0.0; model.parameters().len()];
        model.set_difference_of_expectations(&chains, &data, &mut memory).unwrap();
        model.descend(&descent, Slope::Written(&memory), &mut []).unwrap();
        memory.fill(7.0);
        twin.descend(&descent, Slope::Phases { chains: &chains, data: &data, memory: &mut memory }, &mut []).unwrap();
        assert_eq!(model.parameters(), twin.parameters());
    }
}
