//! A restricted machine with a softmax group of labels, against its law written out.

use gibbsite::configuration::{Configurations, set_bit};
use gibbsite::contract;
use gibbsite::enumerate::{log_partition, log_probabilities, whole_law};
use gibbsite::error::Result;
use gibbsite::law::{Chains, Clamp, Kernel, Law};
use gibbsite::log_partition::LogPartitionEstimator;
use gibbsite::log_partition::annealing::{ForwardAnnealing, ReverseAnnealing, Starts};
use gibbsite::log_partition::betas::Betas;
use gibbsite::model::Model;
use gibbsite::model::labelled_rbm::LabelledRbm;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::random::Seed;
use gibbsite::training::gradient::{Exact, HiddenStatistics};
use gibbsite::training::recipe::{EstimatorName, Recipe};
use gibbsite::training::trainer::{Trainer, Training};

/// n pixels, L labels, m hidden units, every parameter drawn.
fn machine(pixels: usize, labels: usize, hidden: usize, seed: u64) -> LabelledRbm {
    let mut rbm = Rbm::new(pixels + labels, hidden).unwrap();
    rbm.initialize(InitialWeights::Gaussian(0.7), Seed::root(seed)).unwrap();
    let biases = rbm.couplings();
    for (k, bias) in rbm.parameters_mut()[biases..].iter_mut().enumerate() {
        *bias = [0.3, -0.2, 0.5, -0.4, 0.25, -0.35, 0.15][k % 7];
    }
    LabelledRbm::new(rbm, labels).unwrap()
}

/// Shapes with more visible than hidden units, and with fewer.
fn machines() -> [LabelledRbm; 3] {
    [machine(3, 3, 3, 1), machine(2, 2, 6, 2), machine(4, 1, 2, 3)]
}

/// beta x (minus the energy) of a complete row written out, or nothing where not exactly one label is on.
fn exponent(machine: &LabelledRbm, row: usize, beta: f64) -> Option<f64> {
    let (n, labels, m) = (machine.pixels(), machine.labels(), machine.hidden());
    let visible = n + labels;
    let on = |k: usize| (row >> k & 1) as f64;
    let theta = machine.parameters();
    let one = (n..visible).map(on).sum::<f64>() == 1.0;
    let pairs = (0..visible).flat_map(|i| (0..m).map(move |j| (i, j)));
    let energy = pairs.map(|(i, j)| theta[i * m + j] * on(i) * on(visible + j)).sum::<f64>()
        + (0..visible + m).map(|k| theta[visible * m + k] * on(k)).sum::<f64>();
    one.then_some(beta * energy)
}

/// The law over complete rows.
fn joint_law(machine: &LabelledRbm, beta: f64) -> Vec<f64> {
    let rows = 0..1 << (machine.visible() + machine.hidden());
    let factors: Vec<f64> = rows.map(|row| exponent(machine, row, beta).map_or(0.0, f64::exp)).collect();
    let z: f64 = factors.iter().sum();
    factors.iter().map(|factor| factor / z).collect()
}

#[test]
fn laws_keep_their_contract_and_are_the_joint_law_summed() {
    for machine in machines() {
        contract::law(&machine, 1).unwrap();
        contract::law(&machine.pixel_law(), 2).unwrap();
        let joint = joint_law(&machine, 1.0);
        let (n, visible) = (machine.pixels(), machine.visible());
        let z: f64 = (0..joint.len()).filter_map(|row| exponent(&machine, row, 1.0)).map(f64::exp).sum();
        let summed = |mask: usize, state: usize| -> f64 {
            joint.iter().enumerate().filter(|(row, _)| row & mask == state).map(|(_, p)| p).sum()
        };
        for (law, sites) in [(&machine as &dyn Law, visible), (&machine.pixel_law(), n)] {
            assert!((log_partition(law).unwrap() - z.ln()).abs() < 1e-12);
            for (state, log_p) in log_probabilities(law).unwrap().into_iter().enumerate() {
                assert!((log_p.exp() - summed((1 << sites) - 1, state)).abs() < 1e-13);
            }
        }
        for pixels in 0..1 << n {
            let found = machine.label_probabilities(&[pixels as u64]);
            for (label, p) in found.into_iter().enumerate() {
                let expected = summed((1 << visible) - 1, pixels | 1 << (n + label)) / summed((1 << n) - 1, pixels);
                assert!((p - expected).abs() < 1e-13, "label {label} of {pixels:b}: {p} for {expected}");
            }
        }
    }
}

/// Holds nothing although it is told to, or draws labels one by one.
struct Wrong<'a> {
    kernel: Box<dyn Kernel + 'a>,
    deaf: bool,
}

impl Kernel for Wrong<'_> {
    fn units(&self) -> usize {
        self.kernel.units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        self.kernel.advance(chains, beta, steps, clamp);
    }

    fn advance_holding(&self, chains: &mut Chains, beta: f64, steps: usize, held: &[u64]) -> Result<()> {
        let steps = if self.deaf { steps } else { 1 };
        self.kernel.advance_holding(chains, beta, steps, if self.deaf { &[0] } else { held })
    }
}

#[test]
fn the_kernel_keeps_its_contract_and_wrong_ones_do_not() {
    for machine in machines() {
        for beta in [1.0, 0.5] {
            let (law, kernel) = (joint_law(&machine, beta), machine.kernel());
            contract::kernel(&*kernel, beta, &law, machine.visible(), 30, 20_000, 3).unwrap();
            contract::holding(&*kernel, beta, &law, 30, 20_000, 4).unwrap();
        }
    }
    let machine = &machines()[0];
    let law = joint_law(machine, 1.0);
    let refused = |kernel: &dyn Kernel| contract::holding(kernel, 1.0, &law, 30, 20_000, 4).unwrap_err();
    let wrong = |deaf| refused(&Wrong { kernel: machine.kernel(), deaf });
    assert!(wrong(true).contains("was held and moved"), "{}", wrong(true));
    assert!(wrong(false).contains("do not reach their law"), "{}", wrong(false));
    let plain = refused(&*machine.rbm().kernel());
    assert!(plain.contains("do not reach their law: p-value 0e0"), "labels one by one: {plain}");
}

/// With the sampler from data and from chains that live on, and with the path as a ladder, against central differences of the divergence from another machine of the shape.
#[test]
fn gradients_keep_their_contract() {
    let (mut model, target) = (machine(3, 3, 3, 1), machine(3, 3, 3, 7));
    for name in [EstimatorName::Exact, EstimatorName::Cd, EstimatorName::Pcd, EstimatorName::Ptt] {
        let recipe = Recipe::new(name, name.samples().then_some(25), HiddenStatistics::default());
        let make = |data: &Configurations, seed| recipe.estimator(data, 100, 3, seed).unwrap();
        contract::estimator(&make, &mut model, &target, 5).unwrap_or_else(|problem| panic!("{recipe}: {problem}"));
    }
}

/// Against central differences of ln Z, for both shapes.
#[test]
fn model_statistics_are_the_gradient_of_ln_z() {
    for mut machine in machines() {
        let mut sums = vec![0.0; machine.parameters().len()];
        let ln_z = machine.add_model_statistics(&mut sums).unwrap();
        assert!((ln_z - log_partition(&machine).unwrap()).abs() < 1e-12);
        for (index, found) in sums.into_iter().enumerate() {
            let mut at = |step: f64| {
                machine.parameters_mut()[index] += step;
                let ln_z = log_partition(&machine).unwrap();
                machine.parameters_mut()[index] -= step;
                ln_z
            };
            let expected = (at(1e-4) - at(-1e-4)) / 2e-4;
            assert!((found - expected).abs() < 1e-7, "{}: {found} for {expected}", machine.parameter_name(index));
        }
    }
}

/// Against central differences of -sum_i ln p(v_i | v_-i, l) - ln p(l | v), by conditionals of the table of ln p.
#[test]
fn pseudo_likelihood_takes_the_labels_as_one_unit() {
    let mut machine = machine(3, 3, 3, 1);
    // Exactly one label is on in each.
    let data = Configurations::weighted(6, vec![0b001_010, 0b010_111, 0b100_001], vec![0.125, 0.25, 0.625]).unwrap();
    let loss = |machine: &LabelledRbm| -> f64 {
        let table = log_probabilities(machine).unwrap();
        let p = |state: u64| table[state as usize].exp();
        let of_row = |row: u64| {
            let pixels = (0..3).map(|i| -(p(row) / (p(row) + p(row ^ 1 << i))).ln()).sum::<f64>();
            let labels: f64 = (0..3).map(|l| p(row & 7 | 8 << l)).sum();
            pixels - (p(row) / labels).ln()
        };
        (0..data.len()).map(|s| data.weight(s) * of_row(data.row(s)[0])).sum()
    };
    let mut sums = vec![0.0; machine.parameters().len()];
    machine.add_pseudo_likelihood_gradient(&data, &mut sums).unwrap();
    for (index, found) in sums.into_iter().enumerate() {
        let mut at = |step: f64| {
            machine.parameters_mut()[index] += step;
            let loss = loss(&machine);
            machine.parameters_mut()[index] -= step;
            loss
        };
        let expected = (at(1e-4) - at(-1e-4)) / 2e-4;
        assert!((found - expected).abs() < 1e-7, "{}: {found} for {expected}", machine.parameter_name(index));
    }
    let unlabelled = Configurations::zeros(6, 1);
    let refused = machine.add_pseudo_likelihood_gradient(&unlabelled, &mut vec![0.0; 27]).unwrap_err().to_string();
    assert!(refused.contains("put exactly one label"), "{refused}");
}

/// Against p(l | v) in double precision and the statistics of a whole row, for every size of a last tile of hidden units and
/// for more rows than are worked on together; and it is refused where a row has no label, or the machine none.
#[test]
fn the_gradient_of_labels_is_that_of_their_probabilities() {
    for (pixels, labels, hidden, rows) in
        [(3, 3, 3, 5), (70, 10, 16, 40), (20, 2, 33, 2100), (9, 7, 64, 33), (130, 10, 52, 700)]
    {
        let machine = machine(pixels, labels, hidden, 4);
        let mut data = Configurations::zeros(machine.visible(), rows);
        for s in 0..rows {
            (0..pixels).for_each(|i| set_bit(data.row_mut(s), i, (7 * s + 3 * i + s * i) % 5 < 2));
            machine.set_label(data.row_mut(s), s % labels);
        }
        let total = (rows * (rows + 1) / 2) as f64;
        let weights: Vec<f64> = (0..rows).map(|s| (s + 1) as f64 / total).collect();
        let data = Configurations::weighted(machine.visible(), data.bits().to_vec(), weights).unwrap();
        let mut expected: Vec<f64> = (0..machine.parameters().len()).map(|k| (k as f64).sin()).collect();
        let mut found = expected.clone();
        machine.add_label_gradient(&data, 2.5, &mut found).unwrap();
        for s in 0..rows {
            for (label, p) in machine.label_probabilities(data.row(s)).into_iter().enumerate() {
                let mut row = data.select(&[s]);
                machine.set_label(row.row_mut(0), label);
                let mut sums = vec![0.0; expected.len()];
                machine.add_expected_statistics(&row, &mut sums).unwrap();
                let share = 2.5 * data.weight(s) * (p - f64::from(u8::from(label == s % labels)));
                expected.iter_mut().zip(sums).for_each(|(sum, x)| *sum += share * x);
            }
        }
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let name = machine.parameter_name(index);
            // Shares of all rows and labels add up to 2.5 and less, in single precision 1024 at a time.
            assert!((found - expected).abs() < 5e-6, "{pixels}+{labels}x{hidden} {name}: {found} for {expected}");
        }
        let unlabelled = Configurations::zeros(machine.visible(), 2);
        assert!(machine.add_label_gradient(&unlabelled, 1.0, &mut found).is_err());
        assert!(machine.rbm().add_label_gradient(&data, 1.0, &mut found).unwrap_err().to_string().contains("; "));
    }
}

/// One update by the exact gradient: a step along the gradient of the likelihood and alpha times that of the labels; and a share
/// that is none is refused.
#[test]
fn the_cost_has_its_discriminative_part() {
    let start = machine(3, 3, 3, 1);
    let data = whole_law(&start).unwrap().select(&[0, 5, 11, 14]);
    let settings = Training { batch: 4, learning_rate: 0.5, discriminative: 2.0, ..Training::default() };
    let trainer = |settings: &Training| {
        Trainer::new(start.clone(), Box::new(Exact), data.clone(), settings, Seed::root(7)).map(|mut trainer| {
            trainer.update().unwrap();
            trainer.into_model()
        })
    };
    let found = trainer(&settings).unwrap();
    let plain = trainer(&Training { discriminative: 0.0, ..settings }).unwrap();
    let mut labels = vec![0.0; start.parameters().len()];
    start.add_label_gradient(&data, 1.0, &mut labels).unwrap();
    assert!(labels.iter().any(|x| x.abs() > 0.01));
    for (index, label) in labels.iter().enumerate() {
        let expected = plain.parameters()[index] - 0.5 * 2.0 * label;
        assert!((found.parameters()[index] - expected).abs() < 1e-6, "{}", start.parameter_name(index));
    }
    for discriminative in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = trainer(&Training { discriminative, ..settings }).unwrap_err().to_string();
        assert!(refused.contains("take 0, or a share"), "{refused}");
    }
    let rbm = Trainer::new(start.rbm().clone(), Box::new(Exact), data.clone(), &settings, Seed::root(7));
    assert!(rbm.unwrap().update().unwrap_err().to_string().contains("the machine has none"));
}

#[test]
fn sums_keep_their_contract() {
    for (pixels, labels, hidden) in [(3, 3, 3), (70, 10, 40)] {
        contract::sums(&machine(pixels, labels, hidden, 5), 8).unwrap();
    }
}

/// Forward and reverse annealing from exact draws, over hidden units and over visible ones; and along the path from data.
#[test]
fn the_path_keeps_its_contract() {
    let estimators: [Box<dyn LogPartitionEstimator>; 2] = [
        Box::new(ForwardAnnealing { betas: Betas::Linear(100), chains: 300 }),
        Box::new(ReverseAnnealing { betas: Betas::Linear(100), starts: Starts::Exact(300) }),
    ];
    for machine in machines() {
        let mut data = Configurations::zeros(machine.visible(), 4);
        for s in 0..4 {
            set_bit(data.row_mut(s), 0, s > 0);
            machine.set_label(data.row_mut(s), 0);
        }
        for path in [machine.path(None).unwrap(), machine.path(Some(&data)).unwrap()] {
            for estimator in &estimators {
                contract::log_partition(&**estimator, &*path, 6)
                    .unwrap_or_else(|problem| panic!("{}: {problem}", estimator.name()));
            }
        }
    }
}

/// Where every label is held and none is on there is no state to draw.
#[test]
fn labels_that_are_all_held_off_are_refused() {
    let machine = machine(3, 3, 3, 1);
    let mut states = Configurations::zeros(9, 2);
    (0..2).for_each(|s| machine.set_label(states.row_mut(s), 1));
    let hold = |states: Configurations, held: u64| {
        machine.kernel().advance_holding(&mut Chains::new(states, Seed::root(9)), 1.0, 3, &[held])
    };
    assert!(hold(states.clone(), 0b111_000).is_ok() && hold(states.clone(), 0b101_000).is_ok());
    set_bit(states.row_mut(1), 4, false);
    assert!(hold(states.clone(), 0b101_000).is_ok());
    let refused = hold(states, 0b111_000).unwrap_err().to_string();
    assert!(
        refused.contains("the labels of chain 1: all of them are held, and none is on; leave one free"),
        "{refused}"
    );
}

#[test]
fn labels_are_put_on_and_read() {
    let machine = machine(3, 3, 3, 1);
    let mut row = [0b111];
    assert_eq!(machine.label(&row), None);
    for label in 0..3 {
        machine.set_label(&mut row, label);
        assert_eq!((machine.label(&row), row[0] & 7), (Some(label), 7));
    }
    assert_eq!(machine.label(&[0b011_000]), None);
    let rbm = Rbm::new(4, 2).unwrap();
    for labels in [0, 4, 5] {
        let refused = LabelledRbm::new(rbm.clone(), labels).unwrap_err().to_string();
        assert!(refused.contains("take at least one of each"), "{refused}");
    }
}
