//! What everything with a name in the library gives, in digests that are kept in `library.txt`: no number changes unseen.
//! `GIBBSITE_KEEP_DIGESTS=1 cargo test --release --test library` keeps what is found now. That the numbers are right is for
//! the library's own tests to say.

use gibbsite::battery::{Family, members};
use gibbsite::catalogue::Surroundings;
use gibbsite::configuration::set_bit;
use gibbsite::error::Result;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracketing;
use gibbsite::log_partition::method::{Effort, METHODS};
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph, layered_graph};
use gibbsite::model::labelled_rbm::LabelledRbm;
use gibbsite::monitor::couplings::{Criterion, learned_couplings};
use gibbsite::monitor::gradients::{GradientErrors, gradient, gradients};
use gibbsite::monitor::ladder_mean::drawn_mean;
use gibbsite::monitor::observables::{Sampling, enumerated_moments, exact_moments, sample_model};
use gibbsite::monitor::pseudo_likelihood::{pseudo_log_likelihood, pseudo_log_likelihood_of_rbm};
use gibbsite::monitor::sampled_kl::SampledTarget;
use gibbsite::monte_carlo::sampler::SAMPLERS;
use gibbsite::prelude::*;
use gibbsite::statistics::chains::{judge, judge_law};
use gibbsite::statistics::fit::{chi_square_p_value, student_t, student_threshold};
use gibbsite::statistics::jackknife::{bins, jackknife};
use gibbsite::statistics::measurements::Measurements;
use gibbsite::statistics::pareto::pareto_shape;
use gibbsite::statistics::ranks::{folded, rank_normalized};
use gibbsite::targets::observable::Observable;
use gibbsite::training::direction::{Offsets, Step};
use laboratory::digest;
use std::path::Path;

fn seed() -> Seed {
    Seed::root(1)
}

fn rows(configurations: &Configurations) -> String {
    let row = |s: usize| format!("{:?} {}\n", configurations.row(s), configurations.weight(s));
    (0..configurations.len()).map(row).collect()
}

/// Weights of a law's first states, and its ln Z where it is known.
fn law(law: &dyn Law) -> String {
    let weight = |state: u64| {
        let mut row = Configurations::zeros(law.sites(), 1);
        (0..law.sites().min(63)).for_each(|i| set_bit(row.row_mut(0), i, state >> i & 1 == 1));
        law.log_weight(row.row(0))
    };
    format!("{:?} {:?} {:?}", law.sites(), law.log_partition(), (0..200).map(|n| weight(n * 37)).collect::<Vec<_>>())
}

fn machine(visible: usize, hidden: usize, weights: f64) -> Rbm {
    let mut machine = Rbm::new(visible, hidden).unwrap();
    machine.initialize(InitialWeights::Gaussian(weights), seed()).unwrap();
    let couplings = machine.couplings();
    let biases = machine.parameters_mut()[couplings..].iter_mut().enumerate();
    biases.for_each(|(k, x)| *x = 0.3 * ((k * k % 7) as f64 - 3.0) / 3.0);
    machine
}

fn ising(lattice: Lattice, field: f64, temperature: f64) -> Ising {
    Ising::on_lattice(lattice, 1.0, field, temperature).unwrap()
}

type Texts = Vec<(String, String)>;

/// Targets by examples of their names.
fn targets(texts: &mut Texts) {
    let names = [
        "chain:6",
        "ring:7",
        "square:3x4",
        "square-open:3x3",
        "triangular:3x4",
        "cubic:3x3x3",
        "bars:3x2",
        "bars-distinct:3x3",
        "labelled_shifter:3",
    ];
    for name in names {
        let at = Surroundings { coupling: 0.9, field: 0.2, temperature: 1.7 };
        let target = name.parse::<TargetName>().unwrap().target(&at).unwrap();
        let patterns = target.patterns().map(|patterns| rows(&patterns));
        let draws = rows(&target.draw(12, seed()).unwrap());
        texts.push((
            format!("target {name}"),
            format!("{} {patterns:?} {:?} {draws}", law(&*target), target.generated()),
        ));
    }
    for (temperature, field) in [(1.0, 0.0), (2.269, 0.0), (2.0, 0.4)] {
        for lattice in [Lattice::Square(8, 8), Lattice::Ring(40), Lattice::Chain(40)] {
            let ising = ising(lattice, field, temperature);
            texts.push((format!("ln Z {lattice} {temperature} {field}"), format!("{:?}", ising.log_partition())));
        }
    }
}

/// Every estimator, some in other settings, every step, on machines of every kind.
fn training(texts: &mut Texts) {
    let data = draw_configurations(&ising(Lattice::Square(3, 3), 0.1, 2.5), 60, seed()).unwrap().configurations;
    let whole = whole_law(&ising(Lattice::Ring(9), 0.1, 1.5)).unwrap();
    let usual = Training { epochs: 3, batch: 20, learning_rate: 0.2, ..Training::default() };
    let learn = |model: &mut dyn Model, recipe: &str, data: &Configurations, settings: &Training| -> Result<String> {
        let recipe: Recipe = recipe.parse()?;
        let mut estimator = recipe.estimator(data, 12, model.hidden(), seed())?;
        let mut course = Vec::new();
        train(model, &mut *estimator, data, &recipe.training(*settings), seed(), &mut |epoch, updates, model| {
            course.push((epoch, updates, model.parameters().iter().sum::<f64>()));
            Ok(())
        })?;
        Ok(format!(
            "{course:?} {:?} {}",
            model.parameters(),
            estimator.gibbs_updates(model, &Batch::Rows(data.clone()))
        ))
    };
    let variants = [
        "cd:3",
        "cd:2:centred=data",
        "pcd:2:chains=7",
        "pcd:1:centred=mean",
        "tempering:2:temperatures=4",
        "ptt:2:centred=model",
    ];
    let plain = EstimatorName::all().map(|name| name.to_string());
    for recipe in plain.chain(variants.map(str::to_string)) {
        for (name, data) in [("rows", &data), ("law", &whole)] {
            let text = learn(&mut machine(9, 5, 0.3), &recipe, data, &usual).unwrap();
            texts.push((format!("{recipe} on {name}"), text));
        }
    }
    let courses = [
        ("momentum", Training { momentum: 0.5, ..usual }),
        ("decay", Training { decay: Decay::Inverse(3.0), weight_decay: 0.01, ..usual }),
        ("exponential", Training { decay: Decay::Exponential(3.0), average: 2, ..usual }),
        ("adam", Training { step: Step::Adam, ..usual }),
        ("natural", Training { step: Step::Natural(0.1), ..usual }),
        ("centred", Training { centred: Offsets::Model, ..usual }),
    ];
    for (name, settings) in &courses {
        for recipe in ["exact", "pcd:1"] {
            let text = learn(&mut machine(9, 5, 0.3), recipe, &data, settings);
            texts.push((format!("{name} {recipe}"), text.unwrap_or_else(|error| error.to_string())));
        }
    }
    let mut machines: Vec<(&str, Box<dyn Model>)> = Vec::new();
    for (name, visible, hidden, edges) in
        [("visible", 9, 0, full_graph(9)), ("general", 9, 3, full_graph(12)), ("deep", 9, 5, layered_graph(&[9, 3, 2]))]
    {
        let mut machine = BoltzmannMachine::new(visible, hidden, &edges).unwrap();
        machine.initialize(0.3, seed()).unwrap();
        machines.push((name, Box::new(machine)));
    }
    machines.push(("labelled", Box::new(LabelledRbm::new(machine(9, 4, 0.3), 3).unwrap())));
    for (name, mut model) in machines {
        for recipe in ["exact", "cd:2", "pcd:1"] {
            let text = learn(&mut *model, recipe, &data, &usual);
            texts.push((format!("{name} {recipe}"), text.unwrap_or_else(|error| error.to_string())));
        }
        texts.push((format!("{name}, its law"), law(&*model.marginal().unwrap())));
    }
}

/// Every way to ln Z on an easy machine and on one whose modes do not meet, and likelihoods with all of their numbers.
fn log_partitions(texts: &mut Texts) {
    for (kind, machine) in [("weak", machine(14, 9, 0.5)), ("strong", machine(12, 8, 3.0))] {
        let path = machine.path(None).unwrap();
        for method in &METHODS {
            let estimator = method.estimator(Effort { temperatures: 100, chains: 20 });
            let found = estimator.estimate(&*path, seed(), &mut |_, _| ()).unwrap();
            texts.push((format!("{} of a {kind} machine", method.name), format!("{found:?}")));
        }
        let both = Bracketing { betas: Betas::Linear(60), ..Bracketing::default() };
        let found = both.measure(&*path, seed(), &mut |_, _| ()).unwrap();
        texts.push((format!("both sides of a {kind} machine"), format!("{found:?} {:?}", found.log_likelihood(-3.0))));
        let draws = path.draw_target(50, seed()).unwrap();
        let data = uniform_configurations(machine.visible(), 20, seed());
        let likelihood = log_likelihood(&machine, &data, seed()).unwrap();
        let pseudo =
            [pseudo_log_likelihood_of_rbm(&machine, &data), pseudo_log_likelihood(&machine, &data, Some(2), seed())];
        let mean = drawn_mean(&*path, 40, seed(), &|row| row[0].count_ones() as f64).unwrap();
        texts.push((
            format!("likelihoods of a {kind} machine"),
            format!("{likelihood:?} {pseudo:?} {mean} {}", rows(&draws)),
        ));
    }
    for family in Family::ALL {
        let last = members(family).pop().unwrap();
        let machine = last.machine(seed()).unwrap();
        let sizes = (last.name(), last.shape(), last.preparation());
        texts.push((format!("battery {}", family.name()), format!("{sizes:?} {:?}", log_partition(&machine).unwrap())));
    }
}

/// Every sampler, observables of chains and of sums, divergences, couplings.
fn sampling(texts: &mut Texts) {
    let spins = ising(Lattice::Square(4, 6), 0.0, 2.4);
    for sampler in &SAMPLERS {
        let mut chains = Chains::new(uniform_configurations(24, 6, seed()), seed());
        sampler.kernel(&spins).unwrap().advance(&mut chains, 1.0, 5, Clamp::Nothing);
        sampler.kernel(&spins).unwrap().advance(&mut chains, 0.5, 2, Clamp::Nothing);
        texts.push((format!("sampler {}", sampler.name), rows(chains.states())));
    }
    let small = ising(Lattice::Square(3, 3), 0.1, 2.5);
    let learner = machine(9, 4, 0.5);
    let data = draw_from_machine(&learner, &Configurations::zeros(9, 40), 30, seed()).unwrap();
    let how = Sampling { chains: 8, equilibration: 20, measured: 300 };
    let sampled = sample_model(&small, &learner, &data, how, seed(), &mut |_, _| ()).unwrap();
    let estimates = Observable::ALL.map(|observable| sampled.estimate(observable));
    texts.push(("observables of a machine".to_string(), format!("{estimates:?} {}", sampled.energy_probability(-1.8))));
    let exact = exact_moments(&small, &learner).unwrap();
    let values = Observable::ALL.map(|observable| observable.exactly(&exact, 9, 2.5));
    texts.push((
        "exact observables".to_string(),
        format!("{exact:?} {values:?} {:?}", enumerated_moments(&small, &small).unwrap()),
    ));
    let target = SampledTarget::of_ising(&ising(Lattice::Square(4, 4), 0.0, 2.5), how, seed()).unwrap();
    let large = machine(16, 6, 0.3);
    let both = Bracketing { betas: Betas::Linear(60), ..Bracketing::default() };
    let found = target.measure_along(&*large.path(None).unwrap(), &both, seed(), &mut |_, _| ()).unwrap();
    texts.push(("a sampled divergence".to_string(), format!("{found:?}")));
    let mut fully = BoltzmannMachine::new(9, 0, &full_graph(9)).unwrap();
    fully.initialize(0.2, seed()).unwrap();
    for criterion in [Criterion::Likelihood, Criterion::PseudoLikelihood] {
        let rows = draw_configurations(&small, 300, seed()).unwrap().configurations;
        texts.push((
            format!("couplings by {criterion:?}"),
            format!("{:?}", learned_couplings(&fully, &rows, criterion).unwrap()),
        ));
    }
    let batch = Batch::Rows(draw_configurations(&small, 30, seed()).unwrap().configurations);
    let mut estimators: Vec<_> = (0..5)
        .map(|n| "cd:1".parse::<Recipe>().unwrap().estimator(&data, 10, 4, seed().child("own", n)).unwrap())
        .collect();
    let estimates = gradients(&mut estimators, &learner, &batch, seed()).unwrap();
    let exact = gradient(&mut Exact, &learner, &batch, seed()).unwrap();
    texts.push(("errors of gradients".to_string(), format!("{:?}", GradientErrors::of(&estimates, &exact).unwrap())));
}

/// Error bars of chains that agree, that drift and that differ by their starts.
fn statistics(texts: &mut Texts) {
    let noise = |n: usize| ((n as f64 * 12.9898).sin() * 43758.5453).fract();
    for (kind, shift, share) in [("fast", 0.0, 0.2), ("slow", 0.0, 0.95), ("apart", 3.0, 0.2)] {
        let mut chains = vec![Vec::new(); 6];
        let starts = [0, 0, 0, 1, 1, 1];
        let mut measurements = Measurements::watching(1, 1, &starts);
        let mut now = [0.0; 6];
        for step in 0..800 {
            for chain in 0..6 {
                now[chain] = share * now[chain] + noise(step * 6 + chain);
                let value = now[chain] + shift * starts[chain] as f64;
                chains[chain].push(value);
                measurements.push(chain, &[value, value * value]);
            }
        }
        let series: Vec<&[f64]> = chains.iter().map(|chain| &chain[..]).collect();
        let derived = measurements.derived(&|means| means[0] * means[0]);
        let judged = (judge(&series, &starts), judge_law(&series, &starts), measurements.mean(0), derived);
        let shapes = (pareto_shape(&chains[0]), rank_normalized(&chains[1][..9]), folded(&chains[2][..9]));
        let jack = jackknife(&bins(&chains[3], 1, 40), &|means| means[0].exp());
        texts.push((format!("{kind} chains"), format!("{judged:?} {shapes:?} {jack:?}")));
    }
    let fits = [
        chi_square_p_value(&[12, 30, 18], &[0.25, 0.4, 0.35]),
        student_t(&[1.0, 1.5, 0.7, 1.2], 1.0, 1.0),
        student_threshold(20, 3, 1e-6),
    ];
    texts.push(("tests of fit".to_string(), format!("{fits:?}")));
}

#[test]
fn what_has_a_name_gives_what_is_kept() {
    let mut texts = Texts::new();
    for part in [targets, training, log_partitions, sampling, statistics] {
        part(&mut texts);
    }
    digest::hold(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library.txt"), &["the library"], |_| texts.clone());
}
