//! ln Z beyond enumeration against enumeration: paths, annealing from both sides, Bennett's ratio, integration.

mod common;

use common::machines::random_machine;
use common::*;
use gibbsite::configuration::Configurations;
use gibbsite::contract::{self, FALSE_ALARM};
use gibbsite::enumerate::log_partition;
use gibbsite::error::Result;
use gibbsite::law::{Chains, Clamp, Kernel, Law};
use gibbsite::log_partition::annealing::{ForwardAnnealing, ReverseAnnealing, Starts, Tempering};
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracketing;
use gibbsite::log_partition::method::{Effort, METHODS, Method};
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::log_partition::thermodynamic_integration::ThermodynamicIntegration;
use gibbsite::log_partition::{Doubt, LogPartition, LogPartitionEstimator, names};
use gibbsite::model::Model;
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monte_carlo::coloured::coloured_heat_bath;
use gibbsite::numerics::log_sum_exp;
use gibbsite::path::{GeometricPath, Path};
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::statistics::fit::chi_square_p_value;
use gibbsite::targets::ising::Ising;
use rayon::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

fn has(doubts: &[Doubt], name: &str) -> bool {
    doubts.iter().any(|doubt| doubt.name() == name)
}

fn quiet() -> impl FnMut(usize, usize) {
    |_, _| ()
}

/// A base that is neither uniform nor the machine's own.
fn some_base(visible: usize) -> Vec<f64> {
    (0..visible).map(|i| (i as f64 * 1.7 + 0.5).sin()).collect()
}

/// Z along the scaled energy is that of the reference file, and of the base at beta = 0.
#[test]
fn paths_have_the_partition_function_of_the_reference() {
    for name in ["rbm_4x3", "rbm_6x6", "rbm_16x12"] {
        let file = reference(name);
        let machine = machine(&file);
        let path = RbmPath::from_uniform(&machine).unwrap();
        let sum = |path: &RbmPath, beta: f64| {
            let weights: Vec<f64> = (0..1_u64 << machine.visible()).map(|v| path.log_weight(&[v], beta)).collect();
            log_sum_exp(&weights)
        };
        let scaled = list(&file["log_z_energy_scaled"]);
        assert_eq!(scaled.len(), 5);
        for row in scaled {
            let ours = sum(&path, number(&row["beta"]));
            assert_close("ln Z along the path", ours, number(&row["log_z"]), 1e-12);
        }
        // Frequencies of data are shrunk into [0.01, 0.99]: 1 + e^a is 1 / 0.99 for units that are never 1.
        let never = RbmPath::from_data(&machine, &Configurations::zeros(machine.visible(), 3));
        let base = machine.hidden() as f64 * 2_f64.ln() - machine.visible() as f64 * 0.99_f64.ln();
        assert_close("ln Z_0 from data", never.unwrap().base_log_partition(), base, 1e-12);
        let path = RbmPath::from_bias(&machine, &some_base(machine.visible())).unwrap();
        assert_close("ln Z_0", sum(&path, 0.0), path.base_log_partition(), 1e-12);
        assert_close("ln Z_1", sum(&path, 1.0), number(&file["log_z"]), 1e-12);
        // Slopes against differences.
        let (row, h) = ([0b1011_u64], 1e-4);
        let at = |beta: f64| path.log_weight(&row, beta);
        let [first, second] = path.slopes(&row, 0.4);
        assert_close("first slope", (at(0.4 + h) - at(0.4 - h)) / (2.0 * h), first, 1e-6);
        let bend = (at(0.4 + h) - 2.0 * at(0.4) + at(0.4 - h)) / (h * h);
        assert_close("second slope", bend, second, 1e-5);
    }
}

/// The fast weights are the plain ones up to the single precision of the inputs, on shapes that fill registers, tiles
/// and words badly, and so is what annealing adds to its sums.
#[test]
fn fast_weights_are_the_plain_ones() {
    // With thousands of hidden units a ratio leaves the range of a double.
    for (n, m) in [(1, 1), (5, 16), (16, 17), (33, 40), (70, 100), (400, 600), (8, 3000)] {
        let machine = random_machine(n, m, 0.5, 1.0, 1);
        let path = RbmPath::from_bias(&machine, &some_base(n)).unwrap();
        let states = path.draw_base(130, Seed::root(2));
        let betas = [0.0, 0.3, 0.7, 1.0];
        let fast = path.log_weights(&states, &betas);
        let plain: Vec<f64> = (0..130).flat_map(|s| betas.map(|beta| path.log_weight(states.row(s), beta))).collect();
        for (fast, plain) in fast.iter().zip(&plain) {
            let tolerance = 2e-7 * ((n * m) as f64).sqrt();
            assert!((fast - plain).abs() < tolerance, "{n}x{m}: {fast} instead of {plain}");
        }
        for (from, to) in [(0, 1), (2, 1), (1, 0), (1, 3)] {
            let mut chains = Chains::new(states.clone(), Seed::root(3));
            let mut sums = vec![10.0; 130];
            path.anneal(&mut chains, &[betas[from], betas[to]], &mut sums);
            for (s, sum) in sums.iter().enumerate() {
                let difference = fast[4 * s + to] - fast[4 * s + from];
                // Blocks of other sizes may add up the inputs in another order.
                let tolerance = 2e-7 * ((n * m) as f64).sqrt();
                let error = (sum - 10.0 - difference).abs();
                assert!(error < tolerance, "{n}x{m}, {from} to {to}: {error}");
            }
        }
        // Several betas in one call are as many calls.
        assert_eq!(path.log_weights(&states, &[0.7]), fast.iter().skip(2).step_by(4).copied().collect::<Vec<_>>());
    }
}

/// The moves of a path, by themselves and in annealing, keep the law of (v, h) at beta and reach it.
#[test]
fn moves_leave_the_law_at_every_beta() {
    const DRAWS: usize = 200_000;
    let (n, m) = (4, 3);
    let machine = random_machine(n, m, 1.0, 0.7, 5);
    let path = RbmPath::from_bias(&machine, &some_base(n)).unwrap();
    for beta in [0.05, 0.5, 1.0] {
        let energy = |row: u64| {
            let base: f64 = (0..n).filter(|i| row >> i & 1 == 1).map(|i| some_base(n)[i]).sum();
            (1.0 - beta) * base - beta * machine.energy(&[row])
        };
        let weights: Vec<f64> = (0..1 << (n + m)).map(|row| energy(row).exp()).collect();
        let total: f64 = weights.iter().sum();
        let law: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let visible: Vec<f64> = (0..1_usize << n).map(|v| (0..1 << m).map(|h| law[v | h << n]).sum()).collect();
        // The row's h is drawn given the last v but one, so that v alone has its law after one step.
        let judge = |what: &str, chains: &Chains| {
            let mut counts = vec![0; 1 << n];
            let mut pairs = vec![0; 1 << (n + m)];
            for row in chains.states().bits() {
                counts[*row as usize & ((1 << n) - 1)] += 1;
                pairs[*row as usize] += 1;
            }
            for p in [chi_square_p_value(&counts, &visible), chi_square_p_value(&pairs, &law)] {
                assert!(p > FALSE_ALARM / 24.0, "{what} at beta {beta}: p-value {p:e}");
            }
        };
        let table = Configurations::weighted(n + m, (0..1 << (n + m)).collect(), law.clone()).unwrap();
        let exact = RowSampler::new(&table).unwrap().draw(DRAWS, Seed::root(6));
        let fixed = Configurations::zeros(n + m, DRAWS);
        for annealed in [false, true] {
            for (what, starts, steps) in [("stationary", &exact, 1), ("reached", &fixed, 30)] {
                let mut chains = Chains::new(starts.clone(), Seed::root(7));
                if annealed {
                    path.anneal(&mut chains, &vec![beta; steps + 1], &mut vec![0.0; DRAWS]);
                } else {
                    path.advance(&mut chains, beta, steps);
                }
                judge(what, &chains);
            }
        }
    }
}

/// E[w] = Z on 1,000 runs of 1,000 temperatures, from the uniform base and from another, and the spread of ln w is that
/// of an independent program where there is one.
#[test]
fn weights_are_unbiased_on_six_machines() {
    let scale = reference("ais_scale");
    let known = ["rbm_4x3", "rbm_6x6", "rbm_16x12"].map(|name| (name, machine(&reference(name))));
    let like =
        [(10, 8), (20, 20), (30, 10)].map(|(n, m)| ("", random_machine(n, m, 1.5 / (m as f64).sqrt(), 0.3, n as u64)));
    for (name, machine) in known.into_iter().chain(like) {
        let exact = log_partition(&machine).unwrap();
        let n = machine.visible();
        for base in [vec![0.0; n], some_base(n)] {
            let path = RbmPath::from_bias(&machine, &base).unwrap();
            let ais = ForwardAnnealing { betas: Betas::Linear(1000), chains: 1000 };
            let run = ais.run(&path, Seed::root(8), &mut quiet()).unwrap();
            assert_eq!(run.estimate.gibbs_updates, 1_000_000 * path.units() as u64);
            let log_weights = run.log_weights;
            let ratios: Vec<f64> = log_weights.iter().map(|w| (w - exact).exp()).collect();
            let mean = ratios.iter().sum::<f64>() / 1000.0;
            let variance = ratios.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 999.0;
            let z = (mean - 1.0) / (variance / 1000.0).sqrt();
            assert!(z.abs() < 4.9, "{name} {n}: mean(w)/Z = {mean}, z = {z}");
            let row = list(&scale["rows"]).iter().find(|row| row["model"] == name && row["temperatures"] == 1000);
            if let (Some(row), true) = (row, base.iter().all(|a| *a == 0.0)) {
                let mean = log_weights.iter().sum::<f64>() / 1000.0;
                let squares: f64 = log_weights.iter().map(|w| (w - mean).powi(2)).sum();
                let spread = (squares / 999.0).sqrt() / number(&row["sd_log_w"]);
                // Each of the two spreads is known to 1 / sqrt(2,000).
                assert!((spread - 1.0).abs() < 4.9 * 0.0316, "{name}: spread {spread}");
            }
        }
    }
}

/// With 20 temperatures and single chains forward annealing lies below ln Z and reverse annealing from exact starts
/// above it, by more than chance; starts from either layer.
#[test]
fn the_two_sides_lie_on_their_sides() {
    for machine in [machine(&reference("rbm_16x12")), random_machine(10, 14, 0.8, 0.3, 3)] {
        let exact = log_partition(&machine).unwrap();
        let path = RbmPath::from_uniform(&machine).unwrap();
        let z = |log_weights: Vec<f64>| {
            let mean = log_weights.iter().sum::<f64>() / 1000.0;
            let squares: f64 = log_weights.iter().map(|w| (w - mean).powi(2)).sum();
            (mean - exact) / (squares / 999.0 / 1000.0).sqrt()
        };
        let betas = || Betas::Linear(20);
        let forward = ForwardAnnealing { betas: betas(), chains: 1000 };
        let reverse = ReverseAnnealing { betas: betas(), starts: Starts::Exact(1000) };
        let below = z(forward.run(&path, Seed::root(9), &mut quiet()).unwrap().log_weights);
        let above = z(reverse.run(&path, Seed::root(10), &mut quiet()).unwrap().log_weights);
        assert!(below < -4.9 && above > 4.9, "{below}, {above}");
        // E[1 / w] = 1 / Z.
        let weights = reverse.run(&path, Seed::root(11), &mut quiet()).unwrap().log_weights;
        let ratios: Vec<f64> = weights.iter().map(|w| (exact - w).exp()).collect();
        let mean = ratios.iter().sum::<f64>() / 1000.0;
        let variance = ratios.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 999.0;
        assert!(((mean - 1.0) / (variance / 1000.0).sqrt()).abs() < 4.9);
    }
}

fn tempered(rungs: usize, ladders: usize, rounds: usize) -> TemperedRun {
    TemperedRun { betas: Betas::Linear(rungs), ladders, burn_in: rounds / 5, rounds, every: 1 }
}

/// Those that have a name, each with the work of 150,000 steps, and more settings of some.
fn estimators() -> Vec<Box<dyn LogPartitionEstimator>> {
    let effort = Effort { temperatures: 300, chains: 500 };
    let mut all: Vec<_> = METHODS.iter().map(|method| method.estimator(effort)).collect();
    all.push(Box::new(ThermodynamicIntegration(tempered(16, 40, 500))));
    for betas in [
        Betas::Linear(300),
        Betas::Geometric { temperatures: 300, first: 0.01 },
        Betas::Given(vec![0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0]),
    ] {
        all.push(Box::new(ForwardAnnealing { betas: betas.clone(), chains: 500 }));
        all.push(Box::new(ReverseAnnealing { betas, starts: Starts::Exact(500) }));
    }
    let tempered = Starts::Tempered { chains: 500, tempering: Tempering { rungs: 8, rounds: 100 } };
    all.push(Box::new(ReverseAnnealing { betas: Betas::Linear(300), starts: tempered }));
    all
}

/// A method is found by the name that its estimator has in tables, and its work is the effort's: chains x temperatures x units
/// of annealing, rounds x rungs x ladders of tempering within a tenth.
#[test]
fn methods_are_what_their_names_say() {
    let machine = random_machine(8, 5, 1.0, 0.5, 12);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let effort = Effort { temperatures: 400, chains: 200 };
    let work = (400 * 200 * path.units()) as f64;
    for method in &METHODS {
        let estimator = Method::named(method.name).unwrap().estimator(effort);
        assert_eq!(estimator.name(), method.name);
        let found = estimator.estimate(&path, Seed::root(1), &mut |_, _| ()).unwrap();
        let share = found.gibbs_updates as f64 / work;
        match method.name {
            "enumeration" => assert_eq!(share, 0.0),
            // Nine rungs, 100 rounds and 200 chains before.
            "reverse_ais_tempered" => assert!((2.9..3.6).contains(&share), "{share}"),
            name => assert!((0.8..1.4).contains(&share), "{name}: {share}"),
        }
    }
    assert!(Method::named("ais").unwrap_err().to_string().contains("forward_ais, reverse_ais"));
}

/// Every estimator on a machine from data, on the Ising model and on a general machine's joint law.
#[test]
fn estimators_keep_their_contract() {
    let machine = random_machine(8, 5, 1.0, 0.5, 12);
    let data = RbmPath::from_uniform(&machine).unwrap().draw_target(50, Seed::root(1)).unwrap();
    let visible = Configurations::weighted(8, data.bits().iter().map(|row| row & 255).collect(), vec![0.02; 50]);
    let ising = Ising::on_lattice("square:3x3".parse().unwrap(), 1.0, 0.0, 2.0).unwrap();
    let heat_bath = coloured_heat_bath(&ising);
    let mut general = BoltzmannMachine::new(4, 3, &full_graph(7)).unwrap();
    general.initialize(0.8, Seed::root(3)).unwrap();
    let paths: [Box<dyn Path>; 3] = [
        Box::new(RbmPath::from_data(&machine, &visible.unwrap()).unwrap()),
        Box::new(GeometricPath::new(&ising, &heat_bath).unwrap()),
        general.path(None).unwrap(),
    ];
    for path in &paths {
        for estimator in estimators() {
            contract::log_partition(&*estimator, &**path, 13)
                .unwrap_or_else(|problem| panic!("{}: {problem}", estimator.name()));
        }
    }
}

/// An estimator whose error is changed, or whose work.
struct Changed {
    right: ForwardAnnealing,
    factor: f64,
    counts: bool,
}

impl LogPartitionEstimator for Changed {
    fn name(&self) -> &'static str {
        "changed"
    }

    fn estimate(&self, path: &dyn Path, seed: Seed, report: &mut dyn FnMut(usize, usize)) -> Result<LogPartition> {
        let mut found = self.right.estimate(path, seed, report)?;
        found.standard_error = found.standard_error.map(|error| self.factor * error);
        found.gibbs_updates *= u64::from(self.counts);
        Ok(found)
    }
}

/// Errors 30 times too large and 4 times too small, and work that is not counted, are refused.
#[test]
fn the_contract_refuses_wrong_errors() {
    let machine = random_machine(8, 5, 1.0, 0.5, 12);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let check = |factor, counts| {
        let right = ForwardAnnealing { betas: Betas::Linear(100), chains: 400 };
        contract::log_partition(&Changed { right, factor, counts }, &path, 13)
    };
    check(1.0, true).unwrap();
    for (factor, counts, word) in [(30.0, true, "error"), (0.25, true, "off"), (1.0, false, "counted")] {
        let problem = check(factor, counts).unwrap_err();
        assert!(problem.contains(word) || problem.contains("mean of"), "{factor}: {problem}");
    }
}

/// Error bars: over 300 runs of each estimator the mean square of (value - exact) / error is 1 and the values have no
/// bias that shows beside it.
#[test]
fn errors_are_honest() {
    let machine = random_machine(9, 6, 0.9, 0.4, 14);
    let exact = log_partition(&machine).unwrap();
    let path = RbmPath::from_uniform(&machine).unwrap();
    let runs: [Box<dyn LogPartitionEstimator>; 4] = [
        Box::new(ForwardAnnealing { betas: Betas::Linear(100), chains: 100 }),
        Box::new(ReverseAnnealing { betas: Betas::Linear(100), starts: Starts::Exact(100) }),
        Box::new(BennettRatio(tempered(6, 32, 200))),
        Box::new(ThermodynamicIntegration(tempered(12, 32, 250))),
    ];
    for estimator in runs {
        let (z, doubts): (Vec<f64>, Vec<String>) = (0..300_u64)
            .into_par_iter()
            .map(|run| {
                let seed = Seed::root(15).child("run", run);
                let found = estimator.estimate(&path, seed, &mut quiet()).unwrap();
                let z = (found.value - exact) / found.standard_error.unwrap();
                (z, names(&found.doubts))
            })
            .unzip();
        // A steady run seems to drift once in 370: six times in 300 with a probability of 2e-4.
        let doubted = doubts.iter().filter(|doubts| !doubts.is_empty()).count();
        assert!(doubted <= 6, "{}: {doubts:?}", estimator.name());
        let mean = z.iter().sum::<f64>() / 300.0;
        let squares = z.iter().map(|z| z * z).sum::<f64>() / 300.0;
        // A mean square of 300 is known to 8 per cent; with 32 ladders the error itself to 13.
        assert!((squares - 1.0).abs() < 4.9 * 0.082 * 1.1, "{}: {squares}", estimator.name());
        assert!(mean.abs() < 4.9 / 300_f64.sqrt(), "{}: mean z = {mean}", estimator.name());
    }
}

#[test]
fn schedules_are_what_they_say() {
    let machine = random_machine(6, 4, 3.0, 0.5, 16);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let resolve = |betas: Betas| {
        let found = betas.resolve(&path, Seed::root(17)).unwrap();
        assert_eq!(found.betas.len(), betas.temperatures() + 1);
        (found.betas, found.gibbs_updates)
    };
    let (paper, _) = resolve(Betas::SalakhutdinovMurray);
    assert_eq!(paper.len(), 14_501);
    for (from, to, step) in [(0, 500, 1e-3), (500, 4500, 1e-4), (4500, 14_500, 1e-5)] {
        for k in from..to {
            assert!((paper[k + 1] - paper[k] - step).abs() < 1e-12, "step {k}");
        }
    }
    assert_eq!((paper[500], paper[4500]), (0.5, 0.9));
    let (geometric, _) = resolve(Betas::Geometric { temperatures: 10, first: 0.001 });
    assert_eq!((geometric[0], geometric[10]), (0.0, 1.0));
    assert!((geometric[1] - 0.001).abs() < 1e-15);
    for k in 2..10 {
        let ratio = geometric[k + 1] / geometric[k];
        assert!((ratio - 0.001_f64.powf(-1.0 / 9.0)).abs() < 1e-12);
    }
    assert_eq!(resolve(Betas::Linear(4)).0, [0.0, 0.25, 0.5, 0.75, 1.0]);
    let one = Betas::Geometric { temperatures: 1, first: 0.01 };
    assert_eq!(resolve(one).0, [0.0, 1.0]);
    // Exact chains at the lower of two neighbours: the variance of the log ratio is the same for all, within what a
    // pilot of 100 chains knows, and far from it with equal steps.
    let spread = |betas: &[f64]| {
        let deviations: Vec<f64> = betas
            .windows(2)
            .map(|pair| {
                let (a, b): (Vec<f64>, Vec<f64>) =
                    (0..64).map(|v| (path.log_weight(&[v], pair[0]), path.log_weight(&[v], pair[1]))).unzip();
                let total = log_sum_exp(&a);
                let p: Vec<f64> = a.iter().map(|x| (x - total).exp()).collect();
                let mean: f64 = (0..64).map(|v| p[v] * (b[v] - a[v])).sum();
                let squares: f64 = (0..64).map(|v| p[v] * (b[v] - a[v] - mean).powi(2)).sum();
                squares.sqrt()
            })
            .collect();
        let largest = deviations.iter().copied().fold(0.0, f64::max);
        largest / deviations.iter().copied().fold(f64::INFINITY, f64::min)
    };
    let (adaptive, updates) = resolve(Betas::Adaptive(30));
    assert_eq!(updates, 20 * 100 * 10);
    let (even, adapted) = (spread(&resolve(Betas::Linear(30)).0), spread(&adaptive));
    assert!(adapted < 1.8 && even > 2.5, "{adapted} instead of {even}");
}

#[test]
fn bad_input_is_refused_with_its_mend() {
    let machine = random_machine(6, 4, 0.5, 0.5, 18);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let run = |betas: Vec<f64>, chains: usize| {
        let ais = ForwardAnnealing { betas: Betas::Given(betas), chains };
        ais.estimate(&path, Seed::root(1), &mut quiet()).map(|_| ()).unwrap_err().to_string()
    };
    for (betas, chains, words) in [
        (vec![0.0, 1.0], 0, "there is no chain"),
        (vec![], 5, "there is no transition"),
        (vec![0.1, 1.0], 5, "they start at 0.1"),
        (vec![0.0, 0.9], 5, "they end at 0.9"),
        (vec![0.0, 0.5, 0.5, 1.0], 5, "0.5 follows 0.5"),
        (vec![0.0, 0.5, 0.4, 1.0], 5, "0.4 follows 0.5"),
        (vec![0.0, f64::NAN, 1.0], 5, "NaN follows 0"),
        (vec![0.0, 1e-30, 1.0], 5, "is below 0.00000000000000000001"),
    ] {
        let message = run(betas, chains);
        assert!(message.contains(words), "{message}");
    }
    let refusal = |path: Result<RbmPath>| path.map(|_| ()).unwrap_err().to_string();
    assert!(refusal(RbmPath::from_bias(&machine, &[0.0; 5])).contains("it has 5 units"));
    assert!(refusal(RbmPath::from_data(&machine, &Configurations::zeros(7, 3))).contains("it has 7 units"));
    assert!(refusal(RbmPath::from_bias(&machine, &[f64::INFINITY; 6])).contains("a bias is inf"));
    let mut broken = machine.clone();
    broken.parameters_mut()[5] = f64::NAN;
    assert!(refusal(RbmPath::from_uniform(&broken)).contains("W[1,1] of the machine: it is NaN"));
    let large = Rbm::new(40, 30).unwrap();
    let far = RbmPath::from_uniform(&large).unwrap().draw_target(3, Seed::root(1));
    assert!(far.unwrap_err().to_string().contains("2^30 states"));
    let rows = Starts::Rows { rows: Configurations::zeros(7, 3), steps: 1 };
    let reverse = ReverseAnnealing { betas: Betas::Linear(3), starts: rows };
    assert!(reverse.estimate(&path, Seed::root(1), &mut quiet()).is_err());
    let no_round = ReverseAnnealing {
        betas: Betas::Linear(3),
        starts: Starts::Tempered { chains: 3, tempering: Tempering { rungs: 4, rounds: 0 } },
    };
    let poor: [&dyn LogPartitionEstimator; 3] =
        [&BennettRatio(tempered(4, 1, 10)), &ThermodynamicIntegration(tempered(1, 4, 10)), &no_round];
    for (estimator, words) in poor.into_iter().zip(["1 ladders", "a single step", "no round"]) {
        let refusal = estimator.estimate(&path, Seed::root(1), &mut quiet());
        assert!(refusal.unwrap_err().to_string().contains(words), "{words}");
    }
    let mut general = BoltzmannMachine::new(2, 1, &full_graph(3)).unwrap();
    general.parameters_mut()[1] = f64::INFINITY;
    let refusal = general.path(None).map(|_| ()).unwrap_err().to_string();
    assert!(refusal.contains("it is inf"), "{refusal}");
}

/// Without couplings every draw is exact, so that all that can go wrong is that neighbours do not overlap, or that a rule
/// has too few points.
#[test]
fn ladders_too_coarse_are_doubted() {
    let biased = |bias: f64| {
        let mut machine = Rbm::new(200, 1).unwrap();
        machine.parameters_mut()[200..400].fill(bias);
        machine
    };
    let run = |rungs| TemperedRun { betas: Betas::Linear(rungs), ladders: 32, burn_in: 10, rounds: 50, every: 1 };
    let machine = biased(4.0);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let exact = log_partition(&machine).unwrap();
    for (rungs, coarse) in [(1, true), (16, false)] {
        let found = BennettRatio(run(rungs)).estimate(&path, Seed::root(30), &mut quiet()).unwrap();
        let z = (found.value - exact) / found.standard_error.unwrap();
        assert_eq!(has(&found.doubts, "few effective samples"), coarse, "{found:?}");
        assert_eq!(z.abs() > 4.9, coarse, "{found:?} instead of {exact}");
    }
    // The rule's own error is -9.4, -2.5 and -0.04 nats, and without its end corrections -76, -32 and -4. With an odd
    // number of steps one has no partner.
    let machine = biased(8.0);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let exact = log_partition(&machine).unwrap();
    for (rungs, coarse) in [(2, true), (3, true), (8, false), (9, false)] {
        let found = ThermodynamicIntegration(run(rungs)).estimate(&path, Seed::root(31), &mut quiet()).unwrap();
        let z = (found.value - exact) / found.standard_error.unwrap();
        assert_eq!(has(&found.doubts, "coarse temperatures"), coarse, "{found:?}");
        assert!(coarse || z.abs() < 4.9, "{found:?} instead of {exact}");
    }
}

/// The same seed gives the same numbers on any number of threads, for a machine whose chains are shared among the
/// threads and one whose units are.
#[test]
fn threads_do_not_change_a_number() {
    for (n, m) in [(40, 30), (400, 300)] {
        let machine = random_machine(n, m, 0.05, 0.3, 26);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let path = RbmPath::from_uniform(&machine).unwrap();
                let ais = ForwardAnnealing { betas: Betas::Adaptive(40), chains: 150 };
                let bennett = BennettRatio(tempered(4, 20, 6));
                [&ais as &dyn LogPartitionEstimator, &bennett]
                    .map(|estimator| estimator.estimate(&path, Seed::root(27), &mut quiet()).unwrap())
            })
        };
        assert_eq!(run(1), run(3));
    }
}

/// A machine of weights with a deviation of 1/2.
fn half(visible: usize, hidden: usize) -> Rbm {
    let mut machine = Rbm::new(visible, hidden).unwrap();
    machine.initialize(InitialWeights::Gaussian(0.5), Seed::root(5)).unwrap();
    machine
}

/// One wide gap of a ladder makes its effective samples, however close the other rungs are.
#[test]
fn the_worst_pair_of_a_ladder_counts() {
    let mut machine = Rbm::new(200, 1).unwrap();
    machine.parameters_mut()[200..400].fill(4.0);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let betas = Betas::Given(vec![0.0, 0.02, 0.04, 1.0]);
    let run = TemperedRun { betas, ladders: 32, burn_in: 20, rounds: 100, every: 1 };
    let found = BennettRatio(run).estimate(&path, Seed::root(2), &mut quiet()).unwrap();
    assert!(has(&found.doubts, "few effective samples"), "{found:?}");
}

#[test]
fn a_run_without_burn_in_is_doubted() {
    let machine = half(10, 6);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let run = |burn_in| TemperedRun { betas: Betas::Linear(6), ladders: 32, burn_in, rounds: 400, every: 1 };
    let doubted = |burn_in| {
        let found = BennettRatio(run(burn_in)).estimate(&path, Seed::root(2), &mut quiet()).unwrap();
        has(&found.doubts, "short run")
    };
    assert!(doubted(0) && !doubted(100));
}

/// Units drawn, by the pilot of an adaptive schedule and the starts too: 30 transitions of 100 chains for a pilot of 300,
/// and the runs; tempering and starts from data besides.
#[test]
fn all_work_of_both_sides_is_counted() {
    let machine = half(10, 6);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let tempering = Tempering { rungs: 2, rounds: 2 };
    let bracketing = Bracketing { betas: Betas::Adaptive(300), chains: 200, tempering, data: None };
    let found = bracketing.measure(&path, Seed::root(2), &mut quiet()).unwrap();
    assert_eq!(found.gibbs_updates(), 16 * (30 * 100 + 2 * 200 * 300));
    let starts = Starts::Tempered { chains: 200, tempering: Tempering { rungs: 4, rounds: 50 } };
    let reverse = ReverseAnnealing { betas: Betas::Linear(20), starts };
    let found = reverse.estimate(&path, Seed::root(3), &mut quiet()).unwrap();
    // The ladder has rungs + 1 betas, and an adaptive one a pilot of 20 transitions of 100 chains.
    assert_eq!(found.gibbs_updates, 16 * (200 * 20 + 5 * 200 * 50 + 20 * 100));
}

/// Each of the two sides by itself counts the pilot of its adaptive schedule, 30 transitions of 100 chains.
#[test]
fn the_pilot_of_a_single_side_is_counted() {
    let machine = half(10, 6);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let forward = ForwardAnnealing { betas: Betas::Adaptive(300), chains: 200 };
    let reverse = ReverseAnnealing { betas: Betas::Adaptive(300), starts: Starts::Exact(200) };
    for side in [&forward as &dyn LogPartitionEstimator, &reverse] {
        let found = side.estimate(&path, Seed::root(2), &mut quiet()).unwrap();
        assert_eq!(found.gibbs_updates, 16 * (30 * 100 + 200 * 300), "{}", side.name());
    }
}

/// A path that notes every seed from which it is to draw.
struct Noting<'a> {
    path: RbmPath<'a>,
    seeds: Mutex<Vec<Seed>>,
}

impl Noting<'_> {
    fn note(&self, seed: Seed) {
        self.seeds.lock().unwrap().push(seed);
    }
}

impl Path for Noting<'_> {
    fn law(&self) -> &dyn Law {
        self.path.law()
    }

    fn units(&self) -> usize {
        self.path.units()
    }

    fn base_log_partition(&self) -> f64 {
        self.path.base_log_partition()
    }

    fn draw_base(&self, count: usize, seed: Seed) -> Configurations {
        self.note(seed);
        self.path.draw_base(count, seed)
    }

    fn draw_target(&self, count: usize, seed: Seed) -> Result<Configurations> {
        self.note(seed);
        self.path.draw_target(count, seed)
    }

    fn log_weight(&self, row: &[u64], beta: f64) -> f64 {
        self.path.log_weight(row, beta)
    }

    fn slopes(&self, row: &[u64], beta: f64) -> [f64; 2] {
        self.path.slopes(row, beta)
    }

    fn advance(&self, chains: &mut Chains, _: f64, _: usize) {
        chains.for_each_block(0, |_, seed| self.note(seed));
    }
}

/// Against a pilot that draws the random numbers of the run itself, whose temperatures are then not independent of it:
/// no seed comes twice.
#[test]
fn a_pilot_has_random_numbers_of_its_own() {
    let machine = half(10, 6);
    let betas = || Betas::Adaptive(40);
    let run = TemperedRun { betas: betas(), ladders: 20, burn_in: 2, rounds: 4, every: 1 };
    let starts = || Starts::Tempered { chains: 100, tempering: Tempering { rungs: 3, rounds: 4 } };
    let estimators: [Box<dyn LogPartitionEstimator>; 5] = [
        Box::new(ForwardAnnealing { betas: betas(), chains: 100 }),
        Box::new(ReverseAnnealing { betas: betas(), starts: Starts::Exact(100) }),
        Box::new(ReverseAnnealing { betas: betas(), starts: starts() }),
        Box::new(BennettRatio(run.clone())),
        Box::new(ThermodynamicIntegration(run)),
    ];
    for estimator in estimators {
        let path = Noting { path: RbmPath::from_uniform(&machine).unwrap(), seeds: Mutex::default() };
        estimator.estimate(&path, Seed::root(6), &mut quiet()).unwrap();
        let seeds = path.seeds.into_inner().unwrap();
        // The pilot alone has 20 transitions of two blocks of chains.
        assert!(seeds.len() > 40, "{}: {}", estimator.name(), seeds.len());
        let twice = (0..seeds.len()).find(|&k| seeds[..k].contains(&seeds[k]));
        assert_eq!(twice, None, "{}: a seed comes twice", estimator.name());
    }
}

/// Redraws every spin, but at a quarter of the way only in every tenth step.
struct SlowAtAQuarter<K> {
    kernel: K,
    calls: AtomicUsize,
    every: usize,
}

impl<K: Kernel> Kernel for SlowAtAQuarter<K> {
    fn units(&self) -> usize {
        self.kernel.units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        if beta != 0.25 || self.calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.every) {
            self.kernel.advance(chains, beta, steps, clamp);
        }
    }
}

/// Against a run that is as long as its last rung asks for: 400 free spins in a field of 4, hardly exchanged below the
/// last rungs, forget everything in a step, save at the second of five rungs, where they take ten. 50 rounds are then
/// short, and without that rung they are not.
#[test]
fn the_slowest_rung_says_how_long_a_run_must_be() {
    let free = Ising::new(400, &[], 4.0, 1.0).unwrap();
    for slow in [true, false] {
        let every = if slow { 10 } else { 1 };
        let kernel = || SlowAtAQuarter { kernel: coloured_heat_bath(&free), calls: AtomicUsize::new(0), every };
        // A single group of ladders, so that all of them move at the same calls.
        let betas = Betas::Given(vec![0.0, 0.25, 0.5, 0.75, 1.0]);
        let run = TemperedRun { betas, ladders: 16, burn_in: 20, rounds: 50, every: 1 };
        for estimator in [
            Box::new(BennettRatio(run.clone())) as Box<dyn LogPartitionEstimator>,
            Box::new(ThermodynamicIntegration(run)),
        ] {
            let path = GeometricPath::new(&free, kernel()).unwrap();
            let found = estimator.estimate(&path, Seed::root(7), &mut quiet()).unwrap();
            assert_eq!(has(&found.doubts, "short run"), slow, "{}, {slow}: {found:?}", estimator.name());
        }
    }
}

/// Reverse annealing from 4,000 tempered starts with four temperatures: z is -19 where the starts are those of the last
/// rung but one.
#[test]
fn tempered_starts_are_of_the_law() {
    let mut machine = Rbm::new(10, 6).unwrap();
    machine.initialize(InitialWeights::Gaussian(1.0), Seed::root(5)).unwrap();
    let path = RbmPath::from_uniform(&machine).unwrap();
    let starts = Starts::Tempered { chains: 4000, tempering: Tempering { rungs: 3, rounds: 100 } };
    let reverse = ReverseAnnealing { betas: Betas::Linear(4), starts };
    let found = reverse.estimate(&path, Seed::root(2), &mut quiet()).unwrap();
    let z = (found.value - log_partition(&machine).unwrap()) / found.standard_error.unwrap();
    assert!(z.abs() < 4.9, "{z}");
}

/// Rows that are far from the law are moved before reverse annealing starts there: from rows all down, which the law hardly
/// knows, a fast machine forgets them in its steps.
#[test]
fn rows_are_moved_before_reverse_annealing() {
    let mut machine = half(12, 6);
    let couplings = machine.couplings();
    machine.parameters_mut()[couplings..].fill(1.0);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let z = |steps| {
        let starts = Starts::Rows { rows: Configurations::zeros(12, 4000), steps };
        let reverse = ReverseAnnealing { betas: Betas::Linear(3), starts };
        let found = reverse.estimate(&path, Seed::root(4), &mut quiet()).unwrap();
        (found.value - log_partition(&machine).unwrap()) / found.standard_error.unwrap()
    };
    assert!(z(200).abs() < 4.9, "{}", z(200));
    assert!(z(0).abs() > 10.0, "{}", z(0));
}
