//! Cluster moves, coloured samplers, schedules and parallel tempering against exact laws, and the error bars of what
//! they measure against the truth.

mod common;

use common::*;
use gibbsite::configuration::{Configurations, copy_bits, used_bits};
use gibbsite::contract::{self, FALSE_ALARM};
use gibbsite::enumerate;
use gibbsite::law::{Chains, Clamp, Kernel, Law};
use gibbsite::monitor::observables::{Coordinates, Sampling, enumerated_moments, sample};
use gibbsite::monte_carlo::cluster::{SwendsenWang, Wolff};
use gibbsite::monte_carlo::coloured::{coloured_heat_bath, multi_spin_metropolis};
use gibbsite::monte_carlo::ising_sample::draw_configurations_by;
use gibbsite::monte_carlo::ladder::AlongPath;
use gibbsite::monte_carlo::sampler::{SAMPLERS, Sampler};
use gibbsite::monte_carlo::schedule::Schedule;
use gibbsite::monte_carlo::single_site::{HeatBath, Metropolis};
use gibbsite::monte_carlo::tempering::ParallelTempering;
use gibbsite::path::GeometricPath;
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::statistics::autocorrelation::integrated_time;
use gibbsite::statistics::fit::chi_square_p_value;
use gibbsite::targets::infinite_lattice::CRITICAL_TEMPERATURE;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::Observable;
use gibbsite::targets::square_lattice::SquareLattice;
use rayon::prelude::*;

fn lattice(name: &str) -> Lattice {
    name.parse().unwrap()
}

fn ising(name: &str, strength: f64, temperature: f64) -> Ising {
    Ising::on_lattice(lattice(name), strength, 0.0, temperature).unwrap()
}

fn glass(name: &str, temperature: f64) -> Ising {
    Ising::spin_glass(lattice(name), 1.0, temperature, Seed::root(7)).unwrap()
}

/// A kernel that moves so many chains at a time, as if there were no others: where they are few, chains are laid out
/// in strips.
struct InGroups<K>(K, usize);

impl<K: Kernel> Kernel for InGroups<K> {
    fn units(&self) -> usize {
        self.0.units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        let sites = self.units();
        let words = chains.states().words();
        chains.for_each_block_of(self.1, 1000, |rows, seed| {
            let mut group = Configurations::zeros(sites, rows.len() / words);
            for (s, row) in rows.chunks_exact(words).enumerate() {
                copy_bits(row, 0, sites, group.row_mut(s), 0);
            }
            let mut group = Chains::new(group, seed);
            self.0.advance(&mut group, beta, steps, clamp);
            for (s, row) in rows.chunks_exact_mut(words).enumerate() {
                row.copy_from_slice(group.states().row(s));
            }
        });
    }
}

/// Against the exact energy of the 4x4 lattice, by every sampler. Draws are 2 tau apart: (1 + e^-2) / (1 - e^-2) = 1.31 of their
/// variances; six samplers at a false-alarm level of 1e-6 are 5.2 standard errors. In the cold single spins find no way from up
/// to down, and say so.
#[test]
fn configurations_are_drawn_by_a_sampler_of_ones_choice() {
    let model = ising("square:4x4", 1.0, 2.5);
    let weights: Vec<f64> = (0..1_u64 << 16).map(|state| model.log_weight(&[state]).exp()).collect();
    let moment = |power: i32| {
        let terms = weights.iter().enumerate().map(|(state, w)| w * model.energy(&[state as u64]).powi(power));
        terms.sum::<f64>() / weights.iter().sum::<f64>()
    };
    let (mean, variance) = (moment(1), moment(2) - moment(1).powi(2));
    for sampler in &SAMPLERS {
        const DRAWS: usize = 4000;
        let drawn = draw_configurations_by(&model, sampler, DRAWS, Seed::root(60)).unwrap().configurations;
        let found = (0..DRAWS).map(|s| model.energy(drawn.row(s))).sum::<f64>() / DRAWS as f64;
        let error = (1.31 * variance / DRAWS as f64).sqrt();
        assert!((found - mean).abs() < 5.2 * error, "{}: {found} for {mean} +- {error}", sampler.name);
    }
    let cold = ising("square:16x16", 1.0, 1.5);
    let by = |name: &str| draw_configurations_by(&cold, Sampler::named(name).unwrap(), 10, Seed::root(61));
    assert!(by("wolff").is_ok());
    assert!(by("coloured_heat_bath").unwrap_err().to_string().contains("magnetisation"));
    assert!(Sampler::named("wolf").unwrap_err().to_string().contains("take one of metropolis"));
}

/// Against the enumerated law (contract::kernel), from exact starts and from all-down: clusters on lattices with odd
/// loops and with frustration, strips of every width that fits, sites with few and with many neighbours.
#[test]
fn samplers_keep_their_contract() {
    let check = |name: &str, model: &Ising, kernel: &dyn Kernel, beta: f64, sweeps: usize| {
        let weights: Vec<f64> =
            (0..1_u64 << model.sites()).map(|state| (beta * model.log_weight(&[state])).exp()).collect();
        let sum: f64 = weights.iter().sum();
        let p: Vec<f64> = weights.iter().map(|w| w / sum).collect();
        contract::kernel(kernel, beta, &p, model.sites(), sweeps, 20_000, 51)
            .unwrap_or_else(|problem| panic!("{name} at beta {beta}: {problem}"));
    };
    let torus = ising("square:3x3", 1.0, CRITICAL_TEMPERATURE);
    for (model, beta) in [
        (&torus, 1.0),
        (&torus, 0.6),
        (&ising("square:3x3", -1.0, 2.5), 1.0),
        (&ising("triangular:3x3", 1.0, 4.0), 1.0),
        (&glass("square:3x3", 1.5), 1.0),
        (&glass("square-open:3x3", 1.0), 0.8),
        (&ising("chain:7", 0.7, 1.0), 1.0),
        (&ising("ring:8", 1.0, 1.5), 1.0),
        (&ising("square-open:2x5", 1.0, 2.0), 1.0),
    ] {
        for sampler in &SAMPLERS {
            check(sampler.name, model, &*sampler.kernel(model).unwrap(), beta, 200);
        }
    }
    // A field of either sign, on frustrated couplings too.
    for (name, strength, field, temperature, beta) in [
        ("square:3x3", 1.0, 0.05, 0.8, 1.0),
        ("square:3x3", 1.0, -0.4, CRITICAL_TEMPERATURE, 0.7),
        ("square:3x3", -1.0, 0.5, 2.0, 1.0),
        ("chain:7", 0.7, -1.0, 1.0, 1.0),
        ("ring:7", -1.0, 0.3, 1.0, 1.0),
    ] {
        let model = Ising::on_lattice(lattice(name), strength, field, temperature).unwrap();
        let sweep = || Box::new(coloured_heat_bath(&model));
        let wolff = Schedule::new(vec![(Box::new(Wolff::new(&model)), 5), (sweep(), 1)]);
        check("Wolff in a field", &model, &wolff, beta, 100);
        let all = Schedule::new(vec![(Box::new(SwendsenWang::new(&model)), 3), (sweep(), 1)]);
        check("Swendsen-Wang in a field", &model, &all, beta, 100);
        check("Wolff's clusters alone", &model, &Wolff::new(&model), beta, 600);
        check("all clusters alone", &model, &SwendsenWang::new(&model), beta, 200);
    }
    // Lattices with strips: two of 4 x 3, four of a ring of 8.
    for model in [ising("ring:8", 1.0, 1.5), glass("square:4x3", 2.5), ising("triangular:4x3", 1.0, 4.5)] {
        for chains in [1, 20, 100, 300] {
            let kernel = InGroups(multi_spin_metropolis(&model).unwrap(), chains);
            check("multi-spin in groups", &model, &kernel, 1.0, 60);
        }
    }
    let parts: Vec<(Box<dyn Kernel>, usize)> =
        vec![(Box::new(Wolff::new(&torus)), 1), (Box::new(multi_spin_metropolis(&torus).unwrap()), 3)];
    check("schedule", &torus, &Schedule::new(parts), 1.0, 60);
    let field = Ising::on_lattice(lattice("square:3x3"), 1.0, -0.4, 2.0).unwrap();
    check("coloured heat bath in a field", &field, &coloured_heat_bath(&field), 1.0, 200);
}

/// A field and couplings that differ are too much for many spins at a time.
#[test]
fn what_a_sampler_does_not_know_is_refused_with_a_mend() {
    let field = Ising::on_lattice(lattice("square:3x3"), 1.0, 0.1, 2.0).unwrap();
    let mixed = Ising::new(
        3,
        &[(0, 1, 1.0), (1, 2, 0.5)].map(|(i, j, strength)| gibbsite::targets::ising::Coupling { i, j, strength }),
        0.0,
        1.0,
    )
    .unwrap();
    for problem in [multi_spin_metropolis(&field).err(), multi_spin_metropolis(&mixed).err()] {
        let message = problem.expect("it is refused").to_string();
        assert!(message.contains("; "), "{message}");
    }
}

/// (E, M) of every state of a small torus, as class numbers, with the law of the classes.
fn energy_classes(model: &Ising) -> (Configurations, Vec<usize>, Vec<f64>) {
    let law = enumerate::whole_law(model).unwrap();
    let key = |state: usize| {
        let row = [state as u64];
        (model.energy(&row) as i64, model.magnetization(&row) as i64)
    };
    let (class, count) = classes(1 << model.sites(), key);
    let mut p = vec![0.0; count];
    for (s, class) in class.iter().enumerate() {
        p[*class] += law.weight(s);
    }
    (law, class, p)
}

/// Against the enumerated law at L = 4 and the critical temperature: the law over (E, M) stays exact for 20 steps, by
/// 400,000 chains; with strips too.
#[test]
fn exact_starts_stay_exact_at_the_critical_temperature() {
    const DRAWS: usize = 400_000;
    for model in [ising("square:4x4", 1.0, CRITICAL_TEMPERATURE), glass("square:4x4", 2.0)] {
        let (law, class, p) = energy_classes(&model);
        let exact = RowSampler::new(&law).unwrap();
        let kernels: [(&str, Box<dyn Kernel>); 5] = [
            ("multi-spin", Box::new(multi_spin_metropolis(&model).unwrap())),
            ("strips", Box::new(InGroups(multi_spin_metropolis(&model).unwrap(), 200))),
            ("heat bath", Box::new(coloured_heat_bath(&model))),
            ("Wolff", Box::new(Wolff::new(&model))),
            ("Swendsen-Wang", Box::new(SwendsenWang::new(&model))),
        ];
        for (name, kernel) in kernels {
            let seed = Seed::root(52).child(name, 0);
            let starts = exact.draw(DRAWS, seed.child("start", 0));
            let mut chains = Chains::new(starts, seed.child("chains", 0));
            kernel.advance(&mut chains, 1.0, 20, Clamp::Nothing);
            let mut counts = vec![0; p.len()];
            for row in chains.states().bits() {
                counts[class[*row as usize]] += 1;
            }
            let p_value = chi_square_p_value(&counts, &p);
            assert!(p_value > FALSE_ALARM / 10.0, "{name}: p-value {p_value:e}");
        }
    }
}

/// Replicas share no randomness: the variance of the sum of M over the 512 chains of a register is the sum of their
/// variances, also where all start alike and probabilities are far out, and lanes next to each other do not agree.
#[test]
fn chains_of_a_register_are_independent() {
    const RUNS: u64 = 400;
    for (temperature, chains) in [(5.0, 512), (1.2, 512), (3.0, 8)] {
        let model = ising("square:8x8", 1.0, temperature);
        let kernel = multi_spin_metropolis(&model).unwrap();
        let runs: Vec<(f64, f64, f64)> = (0..RUNS)
            .into_par_iter()
            .map(|run| {
                let start = Configurations::zeros(64, chains);
                let mut all = Chains::new(start, Seed::root(53).child("run", run));
                kernel.advance(&mut all, 1.0, 4, Clamp::Nothing);
                let m: Vec<f64> = (0..chains).map(|s| model.magnetization(all.states().row(s))).collect();
                let sum: f64 = m.iter().sum();
                let squares: f64 = m.iter().map(|m| m * m).sum();
                let neighbours: f64 = m.windows(2).map(|pair| pair[0] * pair[1]).sum();
                (sum, squares, neighbours)
            })
            .collect();
        let (runs_count, n) = (RUNS as f64, chains as f64);
        let mean = runs.iter().map(|run| run.0).sum::<f64>() / (runs_count * n);
        let variance = runs.iter().map(|run| run.1).sum::<f64>() / (runs_count * n) - mean * mean;
        let of_sum = runs.iter().map(|run| (run.0 - n * mean).powi(2)).sum::<f64>() / (runs_count - 1.0);
        let z = (of_sum / (n * variance) - 1.0) / (2.0 / runs_count).sqrt();
        assert!(z.abs() < 5.2, "T = {temperature}: the sum varies {} times as much, z = {z}", of_sum / (n * variance));
        let pairs = runs_count * (n - 1.0);
        let covariance = runs.iter().map(|run| run.2).sum::<f64>() / pairs - mean * mean;
        let z = covariance / variance * pairs.sqrt();
        assert!(z.abs() < 5.2, "T = {temperature}: neighbouring lanes correlate, z = {z}");
    }
}

/// Every sampler of the square lattice.
fn samplers(model: &Ising) -> Vec<(&'static str, Box<dyn Kernel + '_>)> {
    let schedule: Vec<(Box<dyn Kernel>, usize)> =
        vec![(Box::new(Wolff::new(model)), 1), (Box::new(multi_spin_metropolis(model).unwrap()), 1)];
    vec![
        ("random-site Metropolis", Box::new(Metropolis::new(model).unwrap())),
        ("heat bath", Box::new(HeatBath::new(model).unwrap())),
        ("multi-spin Metropolis", Box::new(multi_spin_metropolis(model).unwrap())),
        ("coloured heat bath", Box::new(coloured_heat_bath(model))),
        ("Wolff", Box::new(Wolff::new(model))),
        ("Swendsen-Wang", Box::new(SwendsenWang::new(model))),
        ("schedule", Box::new(Schedule::new(schedule))),
    ]
}

/// Error bars are neither too small nor too large: 280 independent runs of at least 1,000 tau on the 4x4 torus, seven
/// samplers at five temperatures, each observable against its enumerated value. Every |z| < 4.9 and the mean of z^2
/// between 0.6 and 1.5 for each observable.
#[test]
fn error_bars_are_honest() {
    const REPLICAS: u64 = 8;
    let temperatures = [1.6, 2.0, CRITICAL_TEMPERATURE, 2.6, 3.5];
    let cells: Vec<(f64, usize, u64)> =
        temperatures.iter().flat_map(|t| (0..7).flat_map(move |k| (0..REPLICAS).map(move |r| (*t, k, r)))).collect();
    let z: Vec<Vec<Option<f64>>> = cells
        .par_iter()
        .map(|&(t, k, replica)| {
            let model = ising("square:4x4", 1.0, t);
            let exact = enumerated_moments(&model, &model).unwrap();
            let (name, kernel) = &samplers(&model)[k];
            let seed = Seed::root(54).child(name, t.to_bits()).child("replica", replica);
            let law = enumerate::whole_law(&model).unwrap();
            let starts = RowSampler::new(&law).unwrap();
            let mut chains = Chains::new(starts.draw(4, seed.child("start", 0)), seed.child("chains", 0));
            let sampling = Sampling { chains: 4, equilibration: 0, measured: 8000 };
            let coordinates = Coordinates::none();
            let chains = (&mut chains, &[0; 4][..]);
            let sampled = sample(&model, &**kernel, chains, &coordinates, sampling, &mut |_, _| ());
            Observable::ALL
                .iter()
                .map(|observable| {
                    let estimate = sampled.estimate(*observable);
                    assert!(estimate.effective_samples.unwrap() > 1000.0, "{name}, T = {t}: {estimate:?}");
                    // Chance calls a disagreement now and then.
                    let z = estimate.z(observable.exactly(&exact, 16, t));
                    assert!(z.is_none_or(|z| z.abs() < 4.9), "{observable}, {name}, T = {t}: z = {z:?}, {estimate:?}");
                    z
                })
                .collect()
        })
        .collect();
    assert!(z.len() >= 250);
    for (k, observable) in Observable::ALL.iter().enumerate() {
        let known: Vec<f64> = z.iter().filter_map(|z| z[k]).collect();
        assert!(known.len() as f64 > 0.95 * z.len() as f64, "{}", known.len());
        let mean = known.iter().map(|z| z * z).sum::<f64>() / known.len() as f64;
        assert!((0.6..1.5).contains(&mean), "{observable}: the mean of z^2 is {mean}");
    }
}

/// The bulk kernel on 64 x 64 sites, where nothing but Kaufman's solution knows the answer.
#[test]
fn bulk_sampling_meets_kaufman() {
    for (t, up, equilibration) in [(2.0, true, 400), (2.4, false, 6000), (3.0, false, 400)] {
        let model = ising("square:64x64", 1.0, t);
        let kernel = multi_spin_metropolis(&model).unwrap();
        let mut starts = Configurations::zeros(4096, 512);
        if up {
            starts.bits_mut().fill(u64::MAX);
        } else {
            for s in 0..512 {
                let mut generator = Seed::root(55).child("start", s as u64).generator();
                starts.row_mut(s).fill_with(|| rand::RngExt::random(&mut generator));
            }
        }
        let mut chains = Chains::new(starts, Seed::root(55).child("chains", t.to_bits()));
        kernel.advance(&mut chains, 1.0, equilibration, Clamp::Nothing);
        let sampling = Sampling { chains: 512, equilibration: 0, measured: 200 };
        let sampled = sample(
            &model,
            &InSteps(kernel, 10),
            (&mut chains, &[0; 512]),
            &Coordinates::none(),
            sampling,
            &mut |_, _| (),
        );
        let exact = SquareLattice::new(64, 64, 1.0 / t, 0.0).unwrap();
        for (observable, truth) in [(Observable::Energy, exact.energy), (Observable::SpecificHeat, exact.specific_heat)]
        {
            let estimate = sampled.estimate(observable);
            let z = estimate.z(truth).unwrap();
            assert!(z.abs() < 4.9, "{observable} at T = {t}: z = {z}, {estimate:?} instead of {truth}");
            // What 512 chains disagree by, by chance, may be the larger part of the error; the value is as good as tau says.
            let relative = (estimate.value - truth).abs() / truth.abs();
            let known = if observable == Observable::Energy { 2e-4 } else { 0.02 };
            assert!(relative < 4.9 * known, "{observable} at T = {t}: {relative}");
        }
    }
}

/// So many of a kernel's steps as one.
struct InSteps<K>(K, usize);

impl<K: Kernel> Kernel for InSteps<K> {
    fn units(&self) -> usize {
        self.0.units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        self.0.advance(chains, beta, self.1 * steps, clamp);
    }
}

/// Three samplers that share no code agree on a lattice that no exact method here reaches: 4 x 4 x 4 at T = 4.5.
#[test]
fn samplers_agree_on_a_cubic_lattice() {
    let model = ising("cubic:4x4x4", 1.0, 4.5);
    let estimates: Vec<_> = samplers(&model)
        .par_iter()
        .map(|(name, kernel)| {
            let seed = Seed::root(56).child(name, 0);
            let mut chains = Chains::new(Configurations::zeros(64, 64), seed);
            let sampling = Sampling { chains: 64, equilibration: 1000, measured: 1000 };
            let coordinates = Coordinates::none();
            let chains = (&mut chains, &[0; 64][..]);
            let sampled = sample(&model, &**kernel, chains, &coordinates, sampling, &mut |_, _| ());
            (*name, [Observable::Energy, Observable::SusceptibilityFull].map(|o| sampled.estimate(o)))
        })
        .collect();
    for (name, ours) in &estimates {
        for (k, ours) in ours.iter().enumerate() {
            let reference = estimates[0].1[k];
            let error = ours.standard_error.unwrap().hypot(reference.standard_error.unwrap());
            let z = (ours.value - reference.value) / if *name == estimates[0].0 { 1.0 } else { error };
            assert!(ours.converged() && z.abs() < 4.9, "{name}: z = {z}, {ours:?}");
        }
    }
}

/// Parallel tempering from all-down: after enough rounds every rung has its own law f^beta, though each sweep is
/// followed by exchanges, whose errors would add up.
#[test]
fn tempering_gives_every_rung_its_law() {
    const LADDERS: usize = 20_000;
    let model = ising("square:3x3", 1.0, 1.5);
    for betas in [vec![1.0, 0.7, 0.45, 0.2], vec![0.0, 0.3, 0.6, 1.0]] {
        let kernel = Metropolis::new(&model).unwrap();
        let starts = Configurations::zeros(9, LADDERS);
        let path = GeometricPath::new(&model, &kernel).unwrap();
        let ladder = AlongPath::new(&path, &betas).unwrap();
        let mut tempering = ParallelTempering::new(&ladder, &starts, Seed::root(57)).unwrap();
        (0..150).for_each(|_| tempering.advance(&ladder, 1));
        for (rung, beta) in betas.iter().enumerate() {
            // Hardly a coupling where beta is 0.
            let temperature = 1.5 / beta.max(1e-12);
            let law = enumerate::whole_law(&ising("square:3x3", 1.0, temperature)).unwrap();
            let mut counts = vec![0; 512];
            for row in tempering.chains(rung).states().bits() {
                counts[*row as usize] += 1;
            }
            let p_value = chi_square_p_value(&counts, law.weights().unwrap());
            assert!(p_value > FALSE_ALARM / 7.0, "beta {beta}: p-value {p_value:e}");
        }
        // The share accepted is the mean of min(1, ratio) over both laws.
        for (rung, share) in tempering.acceptance().into_iter().enumerate() {
            let law = |k: usize| enumerate::whole_law(&ising("square:3x3", 1.0, 1.5 / betas[k].max(1e-12))).unwrap();
            let (a, b) = (law(rung), law(rung + 1));
            let mut exact = 0.0;
            for s in 0..a.len() {
                for t in 0..b.len() {
                    let difference = model.log_weight(b.row(t)) - model.log_weight(a.row(s));
                    let ratio = ((betas[rung] - betas[rung + 1]) * difference).exp();
                    exact += a.weight(s) * b.weight(t) * ratio.min(1.0);
                }
            }
            let share = share.unwrap();
            // The first rounds come from one state, so that this is a check of plausibility.
            assert!((share - exact).abs() < 0.03, "rung {rung}: {share} instead of {exact}");
        }
    }
    let kernel = Metropolis::new(&model).unwrap();
    let path = GeometricPath::new(&model, &kernel).unwrap();
    for betas in [vec![], vec![1.0, 1.0], vec![1.0, 0.5, 0.7], vec![1.0, f64::NAN], vec![-0.1, 1.0]] {
        assert!(AlongPath::new(&path, &betas).is_err());
    }
}

/// Tempering crosses barriers that a local sampler does not: a cold glass from all-up meets its enumerated energy.
#[test]
fn tempering_finds_the_wells_of_a_cold_glass() {
    let model = glass("square:4x4", 0.4);
    let exact = enumerated_moments(&model, &model).unwrap().energy;
    let kernel = Metropolis::new(&model).unwrap();
    let mut starts = Configurations::zeros(16, 64);
    starts.bits_mut().fill(used_bits(16, 0));
    let betas = [1.0, 0.8, 0.6, 0.45, 0.3, 0.2, 0.1];
    let path = GeometricPath::new(&model, &kernel).unwrap();
    let ladder = AlongPath::new(&path, &betas).unwrap();
    let mut tempering = ParallelTempering::new(&ladder, &starts, Seed::root(58)).unwrap();
    let mut measured = gibbsite::statistics::measurements::Measurements::new(1, 64);
    for round in 0..4000 {
        tempering.advance(&ladder, 1);
        if round >= 1000 {
            for s in 0..64 {
                measured.push(s, &[model.energy(tempering.chains(0).states().row(s))]);
            }
        }
    }
    let estimate = measured.mean(0);
    assert!(estimate.converged() && estimate.z(exact).unwrap().abs() < 4.9, "{estimate:?} instead of {exact}");
}

/// At the critical temperature the autocorrelation time of M in sweeps of random-site Metropolis grows like L^z,
/// z = 2.17 (Nightingale and Bloete 1996: 2.1665); that of Wolff's clusters far slower. A quarter of an hour.
#[test]
#[ignore = "a long test of physics, a quarter of an hour"]
fn critical_slowing_down_has_its_exponent() {
    let slope = |name: &str, sides: &[usize], chains: usize, taus: f64| -> (f64, f64) {
        let points: Vec<(f64, f64, f64)> = sides
            .iter()
            .map(|&side| {
                let model = ising(&format!("square:{side}x{side}"), 1.0, CRITICAL_TEMPERATURE);
                let metropolis = Metropolis::new(&model).unwrap();
                let wolff = Wolff::new(&model);
                let kernel: &dyn Kernel = if name == "Wolff" { &wolff } else { &metropolis };
                // Clusters forget the start at once; the guess only sets the length.
                let guess = if name == "Wolff" { 10.0 } else { 4.0 * (side as f64).powf(2.17) / 2.0 };
                let seed = Seed::root(59).child(name, side as u64);
                let start = Configurations::zeros(side * side, chains);
                let mut all = Chains::new(start, seed);
                wolff.advance(&mut all, 1.0, 50 * side, Clamp::Nothing);
                let stride = if name == "Wolff" { 1 } else { ((guess / 100.0) as usize).max(1) };
                let steps = (taus * guess / stride as f64 / chains as f64) as usize;
                let mut series = vec![Vec::with_capacity(steps); chains];
                for _ in 0..steps {
                    kernel.advance(&mut all, 1.0, stride, Clamp::Nothing);
                    for (s, series) in series.iter_mut().enumerate() {
                        let m = model.magnetization(all.states().row(s));
                        // A cluster may flip M whole: what slows it down is |M|.
                        series.push(if name == "Wolff" { m.abs() } else { m });
                    }
                }
                let views: Vec<&[f64]> = series.iter().map(|series| &series[..]).collect();
                let time = integrated_time(&views).unwrap();
                let tau = time.tau * stride as f64;
                println!("{name}, L = {side}: tau = {tau:.1} +- {:.1}", time.standard_error * stride as f64);
                ((side as f64).ln(), tau.ln(), time.standard_error / time.tau)
            })
            .collect();
        // Weighted least squares.
        let sum = |f: &dyn Fn(&(f64, f64, f64)) -> f64| points.iter().map(|p| f(p) / (p.2 * p.2)).sum::<f64>();
        let (n, x, y) = (sum(&|_| 1.0), sum(&|p| p.0), sum(&|p| p.1));
        let (xx, xy) = (sum(&|p| p.0 * p.0), sum(&|p| p.0 * p.1));
        let determinant = n * xx - x * x;
        ((n * xy - x * y) / determinant, (n / determinant).sqrt())
    };
    let (z, error) = slope("Metropolis", &[8, 12, 16, 24, 32], 64, 6000.0);
    println!("z = {z:.3} +- {error:.3}");
    assert!((z - 2.17).abs() < 0.15, "z = {z} +- {error}");
    let (wolff, error) = slope("Wolff", &[8, 12, 16, 24, 32], 64, 20_000.0);
    println!("Wolff, in clusters: {wolff:.3} +- {error:.3}");
    assert!(wolff < 1.0, "{wolff} +- {error}");
}
