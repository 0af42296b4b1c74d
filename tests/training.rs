//! The training loop: its formula, its mini-batches, its refusals and its reproducibility.

mod common;

use common::*;
use gibbsite::configuration::{Configurations, set_bit};
use gibbsite::enumerate::{self, whole_law};
use gibbsite::error::{Error, Result};
use gibbsite::law::Law;
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monitor::ExactTarget;
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{
    ContrastiveDivergence, Estimated, Exact, GradientEstimator, HiddenStatistics, PersistentContrastiveDivergence,
    Phase,
};
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::{Trainer, Training, train};

/// Settings without momentum, decay and penalty.
fn plain(epochs: usize, batch: usize, learning_rate: f64) -> Training {
    Training { epochs, batch, learning_rate, ..Training::default() }
}

/// Trains without looking.
fn train_blindly(
    model: &mut dyn Model,
    estimator: &mut dyn GradientEstimator,
    data: &Configurations,
    settings: &Training,
    seed: Seed,
) -> Result<()> {
    train(model, estimator, data, settings, seed, &mut |_, _, _| Ok(()))
}

/// Model moments minus data moments by sums over all joint states.
fn naive_gradient(visible: usize, hidden: usize, parameters: &[f64], rows: &[usize]) -> Vec<f64> {
    let law = NaiveMachine::new(visible, hidden, parameters).joint_law(1.0);
    let marginal = |v: usize| -> f64 { (0..1 << hidden).map(|h: usize| law[v | h << visible]).sum() };
    let mut weights = law.clone();
    for v in rows {
        for h in 0..1_usize << hidden {
            let state = v | h << visible;
            weights[state] -= law[state] / marginal(*v) / rows.len() as f64;
        }
    }
    let mut gradient = vec![0.0; parameters.len()];
    for (state, weight) in weights.iter().enumerate() {
        for i in (0..visible).filter(|i| bit_of(state, *i)) {
            for j in (0..hidden).filter(|j| bit_of(state, visible + *j)) {
                gradient[i * hidden + j] += weight;
            }
        }
        for k in (0..visible + hidden).filter(|k| bit_of(state, *k)) {
            gradient[visible * hidden + k] += weight;
        }
    }
    gradient
}

/// Against the formula by hand, with moments summed over all joint states: three updates with
/// momentum, weight decay (on W only) and each schedule. The first gradient is also `kl_gradient`.
#[test]
fn updates_follow_the_formula() {
    let file = reference("rbm_4x3");
    let data = configurations(&file["data"]);
    let rows = as_numbers(&data);
    let start = machine(&file);
    let (momentum, weight_decay, learning_rate) = (0.7, 0.05, 0.3);
    for (decay, factors) in [
        (Decay::None, [1.0, 1.0, 1.0]),
        (Decay::Exponential(2.0), [1.0, (-0.5_f64).exp(), (-1.0_f64).exp()]),
        (Decay::Inverse(2.0), [1.0, 1.0 / 1.5, 0.5]),
    ] {
        let mut parameters = start.parameters().to_vec();
        let truth = in_parameter_order(&file["kl_gradient"], ["W", "b", "c"]);
        let first = naive_gradient(4, 3, &parameters, &rows);
        assert_all_close("the first gradient", &first, &truth, 1e-10);
        let mut velocity = vec![0.0; parameters.len()];
        for factor in factors {
            let gradient = naive_gradient(4, 3, &parameters, &rows);
            for k in 0..parameters.len() {
                let penalty = if k < 12 { weight_decay * parameters[k] } else { 0.0 };
                velocity[k] = momentum * velocity[k] - learning_rate * factor * (gradient[k] + penalty);
            }
            for (parameter, velocity) in parameters.iter_mut().zip(&velocity) {
                *parameter += velocity;
            }
        }
        let mut model = start.clone();
        let settings = Training {
            epochs: 3,
            batch: data.len(),
            learning_rate,
            decay,
            momentum,
            weight_decay,
            ..Training::default()
        };
        train_blindly(&mut model, &mut Exact, &data, &settings, Seed::root(61)).unwrap();
        assert_all_close(&decay.to_string(), model.parameters(), &parameters, 1e-12);
    }
}

/// Keeps the rows of every batch and asks for no change.
#[derive(Default)]
struct Recorder {
    batches: Vec<Vec<usize>>,
    seeds: Vec<Seed>,
}

impl GradientEstimator for Recorder {
    fn gibbs_updates(&self, _: &dyn Model, _: &Batch) -> u64 {
        0
    }

    fn estimate<'a>(
        &mut self,
        _model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        self.batches.push(as_numbers(batch.data()));
        self.seeds.push(seed);
        gradient.fill(0.0);
        Ok(Estimated::Written)
    }
}

/// Against the definition: an epoch uses every row exactly once in ceil(rows / batch) updates, in a new
/// order each time, and every update has a seed of its own; a weighted law is one update an epoch.
#[test]
fn mini_batches_use_every_row_once_an_epoch() {
    const EPOCHS: usize = 4;
    for (rows, batch) in [(23, 5), (24, 6), (23, 1), (23, 23), (23, 100)] {
        let mut data = Configurations::zeros(5, rows);
        for s in 0..rows {
            data.row_mut(s)[0] = s as u64;
        }
        let updates = rows.div_ceil(batch);
        let mut model = Rbm::new(5, 2).unwrap();
        let mut recorder = Recorder::default();
        let mut observed = Vec::new();
        let settings = plain(EPOCHS, batch, 0.1);
        train(&mut model, &mut recorder, &data, &settings, Seed::root(62), &mut |epoch, updates, _| {
            observed.push((epoch, updates));
            Ok(())
        })
        .unwrap();
        let expected: Vec<(usize, u64)> = (0..=EPOCHS).map(|epoch| (epoch, (epoch * updates) as u64)).collect();
        assert_eq!(observed, expected);
        assert_eq!(recorder.batches.len(), EPOCHS * updates);
        let mut orders = Vec::new();
        for epoch in recorder.batches.chunks(updates) {
            let full = &epoch[..updates - 1];
            assert!(full.iter().all(|rows| rows.len() == batch));
            let order = epoch.concat();
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..rows).collect::<Vec<_>>());
            assert!(!orders.contains(&order), "two epochs have the same order");
            assert_ne!(order, sorted, "the order is that of the data");
            orders.push(order);
        }
        for (k, seed) in recorder.seeds.iter().enumerate() {
            assert!(!recorder.seeds[..k].contains(seed), "a seed comes twice");
        }
    }

    let law = Configurations::whole_law(3, vec![0.125; 8]);
    let mut recorder = Recorder::default();
    let mut model = Rbm::new(3, 2).unwrap();
    let settings = plain(EPOCHS, 2, 0.1);
    train_blindly(&mut model, &mut recorder, &law, &settings, Seed::root(63)).unwrap();
    assert_eq!(recorder.batches, vec![(0..8).collect::<Vec<_>>(); EPOCHS]);
}

/// Against one seed for all epochs: where an epoch shuffles the order of the one before as that was shuffled, orders
/// differ, and are powers of one permutation.
#[test]
fn every_epoch_shuffles_in_a_way_of_its_own() {
    let rows = 23;
    let mut data = Configurations::zeros(5, rows);
    (0..rows).for_each(|s| data.row_mut(s)[0] = s as u64);
    let mut recorder = Recorder::default();
    let mut model = Rbm::new(5, 2).unwrap();
    train_blindly(&mut model, &mut recorder, &data, &plain(3, 5, 0.1), Seed::root(62)).unwrap();
    let orders: Vec<Vec<usize>> = recorder.batches.chunks(rows.div_ceil(5)).map(<[_]>::concat).collect();
    // The way from one order to the next: where in the one its rows are.
    let way = |from: &[usize], to: &[usize]| -> Vec<usize> {
        to.iter().map(|row| from.iter().position(|known| known == row).unwrap()).collect()
    };
    let second = way(&orders[0], &orders[1]);
    assert_ne!(second, orders[0]);
    assert_ne!(way(&orders[1], &orders[2]), second);
}

fn ring() -> Ising {
    Ising::on_lattice(Lattice::Ring(4), 1.0, 0.0, 2.0).unwrap()
}

/// Against descent: with the exact gradient and a small rate the divergence from a ring of four falls at
/// every update and ends far below its start; the likelihood falls short of it by the entropy.
#[test]
fn exact_descent_lowers_the_divergence_at_every_update() {
    let target = ring();
    let target_table = ExactTarget::new(&target).unwrap();
    let data = whole_law(&target).unwrap();
    let mut model = Rbm::new(4, 4).unwrap();
    model.initialize(InitialWeights::Gaussian(0.3), Seed::root(64)).unwrap();
    let mut divergences = Vec::new();
    train(&mut model, &mut Exact, &data, &plain(3_000, 1, 0.1), Seed::root(65), &mut |_, _, model| {
        divergences.push(target_table.measure(&*model.marginal()?, None)?.kl);
        Ok(())
    })
    .unwrap();
    assert_eq!(divergences.len(), 3_001);
    for (update, pair) in divergences.windows(2).enumerate() {
        assert!(pair[1] < pair[0], "update {update}: {pair:?}");
    }
    let (first, last) = (divergences[0], divergences[3_000]);
    assert!(last > 0.0 && last < 0.1 * first, "{first} to {last}");
}

/// Against arithmetic: a huge rate stops with the parameter named and the model as it was after the
/// last good update, which is what training for so many updates gives.
#[test]
fn leaving_the_real_numbers_stops_with_the_parameter_named() {
    let data = whole_law(&ring()).unwrap();
    let start = machine(&reference("rbm_4x3"));
    for (rate, momentum) in [(1e308, 0.9), (1e306, 0.999)] {
        let settings = Training { momentum, weight_decay: 1.0, ..plain(100, 1, rate) };
        let mut model = start.clone();
        let error = train_blindly(&mut model, &mut Exact, &data, &settings, Seed::root(66))
            .expect_err("no machine survives this");
        let message = error.to_string();
        let Error::NotFinite { update, parameter, value, last_good } = error else {
            panic!("another error: {message}");
        };
        assert_eq!(update, last_good + 1);
        assert!(!value.is_finite());
        let names: Vec<String> = (0..19).map(|k| start.parameter_name(k)).collect();
        assert!(names.contains(&parameter), "{parameter}");
        assert!(message.contains(&parameter), "{message}");
        assert!(model.parameters().iter().all(|x| x.is_finite()));

        let mut again = start.clone();
        let shorter = Training { epochs: last_good as usize, ..settings };
        train_blindly(&mut again, &mut Exact, &data, &shorter, Seed::root(66)).unwrap();
        assert_eq!(model, again);
    }
}

/// Asks for a change of one parameter that is not a number.
struct Spoils(usize);

impl GradientEstimator for Spoils {
    fn gibbs_updates(&self, _: &dyn Model, _: &Batch) -> u64 {
        0
    }

    fn estimate<'a>(
        &mut self,
        _model: &dyn Model,
        _batch: &'a Batch,
        _seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        gradient.fill(1.0);
        gradient[self.0] = f64::NAN;
        Ok(Estimated::Written)
    }
}

/// Against the parameter order: the name in the error is that of the spoilt parameter, and no other
/// parameter was changed.
#[test]
fn the_named_parameter_is_the_spoilt_one() {
    let data = whole_law(&ring()).unwrap();
    for (index, name) in [(0, "W[0,0]"), (7, "W[2,1]"), (12, "b[0]"), (15, "b[3]"), (18, "c[2]")] {
        let start = machine(&reference("rbm_4x3"));
        let mut model = start.clone();
        let settings = plain(5, 1, 0.1);
        let error = train_blindly(&mut model, &mut Spoils(index), &data, &settings, Seed::root(67)).unwrap_err();
        match error {
            Error::NotFinite { update, parameter, value, last_good } => {
                assert_eq!((update, last_good, parameter.as_str()), (1, 0, name));
                assert!(value.is_nan());
            }
            other => panic!("another error: {other}"),
        }
        assert_eq!(model, start);
    }
}

/// Against the words of the refusals: other shapes, an empty batch, no data and no chains.
#[test]
fn what_cannot_be_trained_is_refused() {
    let refusal = |sites: usize, rows: usize, batch: usize| {
        let data = Configurations::zeros(sites, rows);
        let mut model = Rbm::new(4, 2).unwrap();
        let before = model.clone();
        let seed = Seed::root(68);
        let error = train_blindly(&mut model, &mut Exact, &data, &plain(1, batch, 0.1), seed)
            .expect_err("this cannot be trained");
        assert_eq!(model, before);
        error.to_string()
    };
    for (message, word) in [
        (refusal(5, 3, 2), "5 sites for a model of 4 visible units"),
        (refusal(3, 3, 2), "3 sites for a model of 4 visible units"),
        (refusal(4, 3, 0), "batch"),
        (refusal(4, 0, 2), "no configuration"),
    ] {
        assert!(message.contains(word) && message.contains("; "), "{message}");
    }
    let none = Configurations::zeros(4, 0);
    let statistics = HiddenStatistics::default();
    assert!(PersistentContrastiveDivergence::new(1, statistics, &none, 2, Seed::root(69)).is_err());
}

/// Against itself: the same seed gives the same bits under pools of 1, 2 and 5 threads, for shapes that
/// are worth several threads, and another seed gives others.
#[test]
fn parameters_do_not_depend_on_the_number_of_threads() {
    let (visible, hidden) = (40, 30);
    let mut data = Configurations::zeros(visible, 1_000);
    for s in 0..data.len() {
        for i in 0..visible {
            set_bit(data.row_mut(s), i, (s * s + 7 * i * s + i) % 5 < 2);
        }
    }
    let hidden_statistics =
        HiddenStatistics { positive: Phase::Sampled { clamped_steps: 1 }, negative: Phase::Analytic };
    let starts = data.select(&(0..500).collect::<Vec<_>>());
    let estimator = |kind: &str, seed: Seed| -> Box<dyn GradientEstimator> {
        match kind {
            "cd" => Box::new(ContrastiveDivergence::new(5, 0, hidden_statistics)),
            _ => Box::new(PersistentContrastiveDivergence::new(5, hidden_statistics, &starts, hidden, seed).unwrap()),
        }
    };
    let run = |kind: &str, threads: usize, seed: Seed| -> Vec<u64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut model = Rbm::new(visible, hidden).unwrap();
            model.initialize(InitialWeights::Gaussian(0.1), Seed::root(70)).unwrap();
            let mut estimator = estimator(kind, seed.child("chains", 0));
            let settings = plain(3, 500, 0.1);
            train_blindly(&mut model, &mut *estimator, &data, &settings, seed).unwrap();
            model.parameters().iter().map(|x| x.to_bits()).collect()
        })
    };
    for kind in ["cd", "pcd"] {
        let one = run(kind, 1, Seed::root(71));
        for threads in [2, 5] {
            assert_eq!(one, run(kind, threads, Seed::root(71)), "{kind}, {threads}");
        }
        assert_ne!(one, run(kind, 1, Seed::root(72)), "{kind}");
    }
}

/// Against itself: exact training and ln Z have the same bits under 1, 2 and 5 threads, for a machine
/// large enough to be enumerated in parallel.
#[test]
fn exact_sums_do_not_depend_on_the_number_of_threads() {
    let run = |threads: usize| -> Vec<u64> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut model = Rbm::new(15, 15).unwrap();
            model.initialize(InitialWeights::Gaussian(0.3), Seed::root(73)).unwrap();
            let data = Configurations::zeros(model.sites(), 2_000);
            let settings = plain(2, 2_000, 0.1);
            train_blindly(&mut model, &mut Exact, &data, &settings, Seed::root(74)).unwrap();
            let ln_z = enumerate::log_partition(&model).unwrap();
            let parameters = model.parameters().iter().copied();
            parameters.chain([ln_z]).map(f64::to_bits).collect()
        })
    };
    let one = run(1);
    for threads in [2, 5] {
        assert_eq!(one, run(threads), "{threads} threads");
    }
}

/// Rows that are taken in the middle of a run are learned from as by a run that has had them from there on; others than as
/// many, or weighted ones, are refused.
#[test]
fn a_run_can_be_given_other_rows() {
    let drawn = |seed| {
        let law = whole_law(&Ising::on_lattice(Lattice::Ring(5), 1.0, 0.0, 2.0).unwrap()).unwrap();
        RowSampler::new(&law).unwrap().draw(40, Seed::root(seed))
    };
    let settings = Training { batch: 10, learning_rate: 0.3, ..Training::default() };
    let begin = |data| {
        let estimator = Box::new(ContrastiveDivergence::new(1, 0, HiddenStatistics::default()));
        Trainer::new(Rbm::new(5, 3).unwrap(), estimator, data, &settings, Seed::root(1)).unwrap()
    };
    let (mut one, mut plain) = (begin(drawn(1)), begin(drawn(1)));
    one.epoch().unwrap();
    let mut other = begin(drawn(2));
    other.set_state(&one.state().unwrap()).unwrap();
    one.set_data(drawn(2)).unwrap();
    one.epoch().unwrap();
    other.epoch().unwrap();
    plain.train(2).unwrap();
    assert_eq!(one.model(), other.model());
    assert_ne!(one.model(), plain.model());
    let weighted = drawn(2).distinct();
    for wrong in [drawn(2).select(&[0; 39]), drawn(2).widened(1), weighted] {
        let refused = one.set_data(wrong).unwrap_err().to_string();
        assert!(refused.contains("give 40 of 5 sites"), "{refused}");
    }
}
