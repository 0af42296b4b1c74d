//! Single-site samplers and the sampling of training configurations against exact laws.

mod common;

use common::*;
use gibbsite::configuration::{Configurations, used_bits};
use gibbsite::contract::{self, FALSE_ALARM};
use gibbsite::enumerate;
use gibbsite::law::{Chains, Clamp, Kernel, Law};
use gibbsite::monte_carlo::coloured::multi_spin_metropolis;
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::monte_carlo::single_site::{HeatBath, Metropolis};
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::statistics::autocorrelation::autocorrelation_time;
use gibbsite::statistics::fit::{chi_square_p_value, student_t, student_threshold};
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const CRITICAL: f64 = 2.269_185_314_213_022;

fn torus(side: usize, field: f64, temperature: f64) -> Ising {
    Ising::on_lattice(Lattice::Square(side, side), 1.0, field, temperature).unwrap()
}

/// The sampler that a `kind` of ising2d_L3_kernel.json means, where it is one of ours.
fn sampler<'a>(kind: &str, ising: &'a Ising) -> Option<Box<dyn Kernel + 'a>> {
    match kind {
        "heatbath" => Some(Box::new(HeatBath::new(ising).unwrap())),
        "metropolis_random_site" => Some(Box::new(Metropolis::new(ising).unwrap())),
        "metropolis_tie_half" => Some(Box::new(multi_spin_metropolis(ising).unwrap())),
        _ => None,
    }
}

/// (E, M) of a state, as whole numbers.
fn energy_and_magnetization(ising: &Ising, state: usize) -> (i64, i64) {
    let row = [state as u64];
    (ising.energy(&row) as i64, ising.magnetization(&row) as i64)
}

/// Chains that all start with every spin up.
fn all_up(sites: usize, count: usize, seed: Seed) -> Chains {
    let mut rows = Configurations::zeros(sites, count);
    rows.bits_mut().fill(used_bits(sites, 0));
    Chains::new(rows, seed)
}

/// How many chains are in each class.
fn count_classes(chains: &Chains, class: &[usize], classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    for row in chains.states().bits() {
        counts[class[*row as usize]] += 1;
    }
    counts
}

/// Sums a law over classes.
fn class_law(law: &Configurations, class: &[usize], classes: usize) -> Vec<f64> {
    let mut p = vec![0.0; classes];
    for (s, class) in class.iter().enumerate() {
        p[*class] += law.weight(s);
    }
    p
}

/// Against ising2d_L3_kernel.json: the exact law over (E, M) after 1, 2, 5 and 10 sweeps from all-up,
/// which sees every detail of a sweep, at three temperatures for three samplers.
#[test]
fn transient_laws_on_the_torus_are_followed() {
    const CHAINS: usize = 400_000;
    let file = reference("ising2d_L3_kernel");
    let mut seen = 0;
    for row in list(&file["rows"]) {
        let (kind, t) = (row["kind"].as_str().unwrap(), number(&row["T"]));
        let ising = torus(3, 0.0, t);
        let Some(kernel) = sampler(kind, &ising) else {
            continue;
        };
        let (class, classes) = classes(512, |state| energy_and_magnetization(&ising, state));
        let number_of: BTreeMap<(i64, i64), usize> =
            (0..512).map(|state| (energy_and_magnetization(&ising, state), class[state])).collect();
        let seed = Seed::root(41).child(kind, t.to_bits());
        let mut chains = all_up(9, CHAINS, seed);
        let mut done = 0;
        for stage in list(&row["from_all_up"]) {
            let sweeps = number(&stage["sweeps"]) as usize;
            kernel.advance(&mut chains, 1.0, sweeps - done, Clamp::Nothing);
            done = sweeps;
            let mut p = vec![0.0; classes];
            for cell in list(&stage["hist_EM"]) {
                let key = (number(&cell[0]) as i64, number(&cell[1]) as i64);
                p[number_of[&key]] = number(&cell[2]);
            }
            let p_value = chi_square_p_value(&count_classes(&chains, &class, classes), &p);
            assert!(p_value > FALSE_ALARM / 36.0, "{kind} at T = {t}, {sweeps} sweeps: p-value {p_value:e}");
            seen += 1;
        }
    }
    assert_eq!(seen, 36, "three samplers, three temperatures, four times");
}

/// Against the enumerated law (contract::kernel): invariance and reach on the 3x3 torus, with and
/// without field, and at another beta than that of the law.
#[test]
fn samplers_keep_their_contract() {
    for (field, t, beta, sweeps) in
        [(0.0, 4.0, 1.0, 50), (0.0, 3.0, 1.0, 100), (0.3, CRITICAL, 1.0, 150), (-0.5, 1.5, 0.4, 50)]
    {
        let ising = torus(3, field, t);
        let law = enumerate::whole_law(&torus(3, field, t / beta)).unwrap();
        let p = law.weights().unwrap();
        let kernels: [(&str, &dyn Kernel); 2] =
            [("Metropolis", &Metropolis::new(&ising).unwrap()), ("heat bath", &HeatBath::new(&ising).unwrap())];
        for (name, kernel) in kernels {
            contract::kernel(kernel, beta, p, 9, sweeps, 20_000, 42)
                .unwrap_or_else(|problem| panic!("{name}, h = {field}, T = {t}: {problem}"));
        }
    }
}

/// Against the enumerated law at L = 4 and the critical temperature: from exact starts the law over
/// (E, M) is the same after 20 sweeps. In 20 sweeps a sampler whose
/// temperature is 0.01 too high drifts far enough to be seen (planted once: p-values below 1e-11).
#[test]
fn exact_starts_stay_exact_at_the_critical_temperature() {
    const DRAWS: usize = 400_000;
    let ising = torus(4, 0.0, CRITICAL);
    let law = enumerate::whole_law(&ising).unwrap();
    let (class, classes) = classes(1 << 16, |state| energy_and_magnetization(&ising, state));
    let p = class_law(&law, &class, classes);
    let exact = RowSampler::new(&law).unwrap();
    for kind in ["heatbath", "metropolis_random_site"] {
        let kernel = sampler(kind, &ising).unwrap();
        let seed = Seed::root(43).child(kind, 0);
        let starts = exact.draw(DRAWS, seed.child("start", 0));
        let mut chains = Chains::new(starts, seed.child("chains", 0));
        let p_value = chi_square_p_value(&count_classes(&chains, &class, classes), &p);
        assert!(p_value > FALSE_ALARM / 4.0, "the starts: {p_value:e}");
        kernel.advance(&mut chains, 1.0, 20, Clamp::Nothing);
        let p_value = chi_square_p_value(&count_classes(&chains, &class, classes), &p);
        assert!(p_value > FALSE_ALARM / 4.0, "{kind}: p-value {p_value:e}");
    }
}

/// Every whole-sweep state that a sweep over the sites in order with min(1, e^{-dE/T}) reaches from
/// all-up with positive probability: a rise in energy may be taken or not, anything else is taken.
fn reached_in_order(ising: &Ising) -> BTreeSet<u64> {
    let start = used_bits(ising.sites(), 0);
    let mut reached = BTreeSet::from([start]);
    let mut front = vec![start];
    while let Some(state) = front.pop() {
        let mut states = BTreeSet::from([state]);
        for site in 0..ising.sites() {
            let mut next = BTreeSet::new();
            for state in states {
                let flipped = state ^ 1 << site;
                next.insert(flipped);
                if ising.energy(&[flipped]) > ising.energy(&[state]) {
                    next.insert(state);
                }
            }
            states = next;
        }
        front.extend(states.into_iter().filter(|state| reached.insert(*state)));
    }
    reached
}

/// Against metropolis_scan_reducibility.json and the enumerated law: on the ring of 10 an in-order
/// sweep (written here) is confined to 20 states, whereas our Metropolis reaches the exact law from
/// all-up.
#[test]
fn metropolis_reaches_the_law_where_an_ordered_sweep_cannot() {
    let ising = Ising::on_lattice(Lattice::Ring(10), 1.0, 0.0, 2.0).unwrap();
    let file = reference("metropolis_scan_reducibility");
    let case = |rule: &str| {
        list(&file["rows"])
            .iter()
            .find(|row| row["label"] == "chain N=10 typewriter" && row["rule"] == rule)
            .expect("the case is in the file")
    };
    let ordered = reached_in_order(&ising);
    let states = |rule| number(&case(rule)["states_reached_from_all_up"]) as usize;
    assert_eq!(ordered.len(), states("metropolis"));
    assert_eq!(ordered.len(), 20);

    let law = enumerate::whole_law(&ising).unwrap();
    let at_two = &case("metropolis")["by_T"][1];
    assert_eq!(number(&at_two["T"]), 2.0);
    let missed: f64 =
        (0..1024).filter(|state| !ordered.contains(&(*state as u64))).map(|state| law.weight(state)).sum();
    assert_close("missed", missed, number(&at_two["boltzmann_weight_missed"]), 1e-10);

    let mut chains = all_up(10, 200_000, Seed::root(44));
    let kernel = Metropolis::new(&ising).unwrap();
    kernel.advance(&mut chains, 1.0, 60, Clamp::Nothing);
    let every: Vec<usize> = (0..1024).collect();
    let counts = count_classes(&chains, &every, 1024);
    // All 1,024 are reached, but the rarest are expected less than once: 6 should be missing.
    assert_eq!(states("random_site"), 1024);
    assert!(counts.iter().filter(|count| **count > 0).count() > 1000);
    let p_value = chi_square_p_value(&counts, law.weights().unwrap());
    assert!(p_value > FALSE_ALARM, "p-value {p_value:e}");
}

/// Against `tau_int_per_sweep` of ising2d_L3_kernel.json: autocorrelation times of E and |M| of the three
/// samplers, from 48 independent runs that start in equilibrium.
#[test]
fn autocorrelation_times_agree() {
    const RUNS: u64 = 48;
    const SWEEPS: usize = 10_000;
    let file = reference("ising2d_L3_kernel");
    let threshold = student_threshold(RUNS as usize, 18, FALSE_ALARM);
    let mut seen = 0;
    for row in list(&file["rows"]) {
        let (kind, t) = (row["kind"].as_str().unwrap(), number(&row["T"]));
        let ising = torus(3, 0.0, t);
        let Some(kernel) = sampler(kind, &ising) else {
            continue;
        };
        let law = enumerate::whole_law(&ising).unwrap();
        let exact = RowSampler::new(&law).unwrap();
        let taus: Vec<[f64; 2]> = (0..RUNS)
            .into_par_iter()
            .map(|run| {
                let seed = Seed::root(45).child(kind, t.to_bits()).child("run", run);
                let start = exact.draw(1, seed.child("start", 0));
                let mut chain = Chains::new(start, seed.child("chain", 0));
                let mut series = [Vec::new(), Vec::new()];
                for _ in 0..SWEEPS {
                    kernel.advance(&mut chain, 1.0, 1, Clamp::Nothing);
                    let state = chain.states().row(0);
                    series[0].push(ising.energy(state));
                    series[1].push(ising.magnetization(state).abs());
                }
                series.map(|series| autocorrelation_time(&series))
            })
            .collect();
        for (number_of, name) in ["E", "absM"].into_iter().enumerate() {
            let truth = number(&row["tau_int_per_sweep"][name]);
            let values: Vec<f64> = taus.iter().map(|taus| taus[number_of]).collect();
            let score = student_t(&values, truth, 1.0);
            let mean = values.iter().sum::<f64>() / RUNS as f64;
            assert!(
                score.abs() < threshold,
                "tau of {name}, {kind} at T = {t}: {mean} instead of {truth}, t = {score:.2}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 18);
}

/// Compares the frequencies of (E, M) classes over independent samples with enumeration. Classes that a
/// sample is expected to hold fewer than 20 times are pooled, so that Student's t applies.
fn check_sample(ising: &Ising, count: usize, replicas: u64, seed: Seed) {
    let states = 1 << ising.sites();
    let law = enumerate::whole_law(ising).unwrap();
    let key = |state: usize| {
        let row = [state as u64];
        let scaled = (ising.energy(&row) * 1e6).round() as i64;
        (scaled, ising.magnetization(&row) as i64)
    };
    let (class, all) = classes(states, key);
    let p = class_law(&law, &class, all);
    let frequent: Vec<usize> = (0..all).filter(|k| p[*k] * count as f64 >= 20.0).collect();
    assert!(frequent.len() > 3, "there is something to compare");
    let cell = |class: usize| {
        let position = frequent.iter().position(|k| *k == class);
        position.unwrap_or(frequent.len())
    };

    let samples: Vec<(Vec<f64>, f64)> = (0..replicas)
        .into_par_iter()
        .map(|replica| {
            let sample = draw_configurations(ising, count, seed.child("replica", replica)).unwrap();
            assert_eq!(sample.configurations.len(), count);
            assert!(sample.spacing as f64 >= 2.0 * sample.tau);
            assert!(sample.equilibration as f64 >= 100.0 * sample.tau);
            let mut frequencies = vec![0.0; frequent.len() + 1];
            let mut sign = 0.0;
            for row in sample.configurations.bits() {
                frequencies[cell(class[*row as usize])] += 1.0 / count as f64;
                sign += ising.magnetization(&[*row]).signum() / count as f64;
            }
            (frequencies, sign)
        })
        .collect();

    let rest: f64 = 1.0 - frequent.iter().map(|k| p[*k]).sum::<f64>();
    let rest_counts = rest * count as f64 >= 20.0;
    let mut expected: Vec<f64> = frequent.iter().map(|k| p[*k]).collect();
    if rest_counts {
        expected.push(rest);
    }
    let threshold = student_threshold(replicas as usize, expected.len() + 1, FALSE_ALARM);
    for (k, expected) in expected.iter().enumerate() {
        let values: Vec<f64> = samples.iter().map(|(frequency, _)| frequency[k]).collect();
        let t = student_t(&values, *expected, 1.0);
        let mean = values.iter().sum::<f64>() / replicas as f64;
        assert!(t.abs() < threshold, "class {k}: {mean} instead of {expected}, t = {t:.2}");
    }
    let sign: f64 = (0..states).map(|state| law.weight(state) * ising.magnetization(&[state as u64]).signum()).sum();
    let values: Vec<f64> = samples.iter().map(|(_, sign)| *sign).collect();
    let t = student_t(&values, sign, 1.0);
    assert!(t.abs() < threshold, "the sign: t = {t:.2}");
}

/// Against enumeration: training configurations of a cold 4x4 torus have the right law over (E, M), and
/// both signs alike although a single cold run shows one sign only.
#[test]
fn cold_training_configurations_follow_the_law_with_both_signs() {
    check_sample(&torus(4, 0.0, 1.0), 8_000, 64, Seed::root(46));
}

/// Against enumeration: near the critical temperature, where many classes are frequent.
#[test]
fn critical_training_configurations_follow_the_law() {
    check_sample(&torus(4, 0.0, CRITICAL), 1_500, 64, Seed::root(48));
}

/// Against enumeration: with a field the sign is the law's, not a coin's.
#[test]
fn training_configurations_in_a_field_follow_the_law() {
    check_sample(&torus(3, 0.3, 2.0), 2_000, 64, Seed::root(47));
}

/// A field so weak that both signs matter although it is cold: all down has probability 0.24, and a chain of Metropolis
/// from all up never saw it.
#[test]
fn training_configurations_in_a_weak_field_have_both_signs() {
    let ising = torus(3, 0.05, 0.8);
    check_states(&ising, 20_000, Seed::root(60));
    let sample = draw_configurations(&ising, 20_000, Seed::root(61)).unwrap();
    let down = sample.configurations.bits().iter().filter(|row| **row == 0);
    let share = down.count() as f64 / 20_000.0;
    assert!((share - 0.24).abs() < 0.02, "{share}");
}

/// Chains that agree are never refused: coordinates that are nearly constant, discrete and lopsided have ranks of a heavy tail
/// and yet are bounded. Chance calls a disagreement now and then, which a longer run takes back.
#[test]
fn chains_that_agree_are_not_refused() {
    for ising in [
        torus(3, 0.05, 0.8),
        torus(3, -0.01, 0.3),
        torus(4, 0.0, 1.0),
        Ising::on_lattice(Lattice::SquareOpen(3, 3), -1.0, 1.5, 0.3).unwrap(),
        Ising::on_lattice(Lattice::Ring(8), 1.0, 0.0, 0.3).unwrap(),
    ] {
        for run in 0..60 {
            let sample = draw_configurations(&ising, 8, Seed::root(67).child("run", run));
            let problem = sample.err().map(|error| error.to_string());
            assert_eq!(problem, None, "T = {}", ising.temperature());
        }
    }
}

/// Frustration: the defect of an odd antiferromagnetic ring moves while energy and |M| stay; triangles, a cold glass, and an
/// antiferromagnet in a field of either sign, all by tempering.
#[test]
fn training_configurations_of_frustrated_couplings_follow_the_law() {
    let on = |name: &str, strength: f64, field: f64, temperature: f64| {
        let lattice: Lattice = name.parse().unwrap();
        Ising::on_lattice(lattice, strength, field, temperature).unwrap()
    };
    check_states(&on("ring:7", -1.0, 0.0, 0.3), 10_000, Seed::root(62));
    check_states(&on("triangular:3x3", -1.0, 0.0, 0.8), 10_000, Seed::root(63));
    check_states(&on("square-open:3x3", -1.0, 1.5, 0.7), 10_000, Seed::root(64));
    let lattice: Lattice = "square:3x4".parse().unwrap();
    let glass = Ising::spin_glass(lattice, 1.0, 0.5, Seed::root(65)).unwrap();
    check_states(&glass, 10_000, Seed::root(66));
}

/// Chi-square of single states. Configurations of a chain are 2 tau apart, of which a correlation of some per cent is
/// left: half of them are taken.
fn check_states(ising: &Ising, count: usize, seed: Seed) {
    let sample = draw_configurations(ising, 2 * count, seed).unwrap();
    assert!(sample.spacing as f64 >= 2.0 * sample.tau);
    assert!(sample.equilibration as f64 >= 100.0 * sample.tau);
    let law = enumerate::whole_law(ising).unwrap();
    let states = 1 << ising.sites();
    let p: Vec<f64> = (0..states).map(|state| law.weight(state)).collect();
    let mut counts = vec![0; states];
    for (s, row) in sample.configurations.bits().iter().enumerate() {
        if s / 8 % 2 == 0 {
            counts[*row as usize] += 1;
        }
    }
    let p_value = chi_square_p_value(&counts, &p);
    assert!(p_value > FALSE_ALARM, "p-value {p_value:e}");
}

/// In the cold every configuration has a sign of its own: the correlation of neighbouring signs is 0 within 5.3 / sqrt(n),
/// where chains that keep their sign would have 1.
#[test]
fn signs_of_training_configurations_are_independent() {
    let ising = torus(4, 0.0, 1.0);
    let sample = draw_configurations(&ising, 20_000, Seed::root(1)).unwrap().configurations;
    let signs: Vec<f64> = (0..sample.len()).map(|s| ising.magnetization(sample.row(s)).signum()).collect();
    let correlation = signs.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>() / 19_999.0;
    assert!(correlation.abs() < 5.3 / 20_000_f64.sqrt(), "{correlation}");
}
