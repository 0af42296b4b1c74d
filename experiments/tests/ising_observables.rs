//! Learned observables against enumeration, and the experiment ising_observables as its user runs it.

mod common;

use common::{assert_mistakes_are_named, run_binary};
use gibbsite::configuration::Configurations;
use gibbsite::enumerate;
use gibbsite::law::Law;
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monitor::observables::{Sampling, enumerated_moments, exact_moments, sample_model};
use gibbsite::random::Seed;
use gibbsite::targets::density_of_states::DensityOfStates;
use gibbsite::targets::ising::{Coupling, Ising};
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::{Expectations, Observable};
use gibbsite::targets::square_lattice::SquareLattice;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

fn machine(visible: usize, hidden: usize, deviation: f64, seed: u64) -> Rbm {
    let mut rbm = Rbm::new(visible, hidden).unwrap();
    rbm.initialize(InitialWeights::Gaussian(deviation), Seed::root(seed)).unwrap();
    let (mut generator, start) = (Seed::root(seed).child("bias", 0).generator(), visible * hidden);
    for bias in &mut rbm.parameters_mut()[start..] {
        *bias = rand::RngExt::random_range(&mut generator, -1.0..1.0);
    }
    rbm
}

fn pairs(a: &Expectations, b: &Expectations) -> [(&'static str, f64, f64); 6] {
    [
        ("energy", a.energy, b.energy),
        ("energy variance", a.energy_variance, b.energy_variance),
        ("|M|", a.magnetization, b.magnetization),
        ("|M| variance", a.magnetization_variance, b.magnetization_variance),
        ("M^2", a.square, b.square),
        ("M^4", a.fourth, b.fourth),
    ]
}

/// The cold, where <E^2> and <E>^2 agree in most of their digits: a lattice against its density of states and against
/// Kaufman, and a machine whose units are nearly always the same against a plain sum about the mean.
#[test]
fn variances_do_not_cancel_in_the_cold() {
    let density = DensityOfStates::new(4, 4).unwrap();
    for t in [0.05, 0.1, 0.3, 0.4, 0.6, 0.8, 1.0] {
        let ising = Ising::on_lattice(Lattice::Square(4, 4), 1.0, 0.0, t).unwrap();
        let exact = enumerated_moments(&ising, &ising).unwrap();
        for (observable, truth) in sums_about_the_mean(&density, t) {
            for ours in [observable.exactly(&exact, 16, t), density.observable(observable, t)] {
                assert!((ours - truth).abs() <= 1e-10 * truth, "{observable}, T = {t}: {ours:e} instead of {truth:e}");
            }
        }
        let kaufman = SquareLattice::new(4, 4, 1.0 / t, 0.0).unwrap();
        let heat = Observable::SpecificHeat.exactly(&exact, 16, t);
        assert!((heat / kaufman.specific_heat - 1.0).abs() <= 1e-10);
    }
    let ising = Ising::on_lattice(Lattice::Square(3, 3), 1.0, 0.0, 1.0).unwrap();
    for bias in [2.0, 10.0, 20.0] {
        let mut rbm = machine(9, 5, 0.5, 3);
        rbm.parameters_mut()[45..54].iter_mut().for_each(|visible| *visible += bias);
        let law: Vec<(f64, f64, f64)> = (0..512)
            .map(|state| {
                // From all-up, the state next to which the law lies.
                let weight = (rbm.log_weight(&[state]) - rbm.log_weight(&[511])).exp();
                let magnetization = ising.magnetization(&[state]).abs();
                (weight, ising.energy(&[state]) + 18.0, magnetization - 9.0)
            })
            .collect();
        let total: f64 = law.iter().map(|(p, _, _)| p).sum();
        let [energy, magnetization] = [0, 1].map(|k| law.iter().map(|(p, e, m)| p * [e, m][k]).sum::<f64>() / total);
        let energy_variance = law.iter().map(|(p, e, _)| p * (e - energy).powi(2));
        let variance = law.iter().map(|(p, _, m)| p * (m - magnetization).powi(2));
        let truth = [energy_variance.sum::<f64>() / total, variance.sum::<f64>() / total];
        for exact in [exact_moments(&ising, &rbm).unwrap(), enumerated_moments(&ising, &rbm).unwrap()] {
            let ours = [exact.energy_variance, exact.magnetization_variance];
            for (ours, truth) in ours.into_iter().zip(truth) {
                assert!((ours / truth - 1.0).abs() <= 1e-10, "bias {bias}: {ours:e} instead of {truth:e}");
            }
        }
    }
}

/// Specific heat and susceptibility of the 4 x 4 lattice, by its states counted from the ground state.
fn sums_about_the_mean(density: &DensityOfStates, t: f64) -> [(Observable, f64); 2] {
    let law: Vec<(f64, f64, f64)> = density
        .levels()
        .iter()
        .map(|&(e, m, g)| {
            let (energy, magnetization) = (f64::from(e + 32), f64::from(m.abs() - 16));
            (g as f64 * (-energy / t).exp(), energy, magnetization)
        })
        .collect();
    let total: f64 = law.iter().map(|(p, _, _)| p).sum();
    let energy = law.iter().map(|(p, e, _)| p * e).sum::<f64>() / total;
    let magnetization = law.iter().map(|(p, _, m)| p * m).sum::<f64>() / total;
    let energies = law.iter().map(|(p, e, _)| p * (e - energy).powi(2));
    let magnetizations = law.iter().map(|(p, _, m)| p * (m - magnetization).powi(2));
    [
        (Observable::SpecificHeat, energies.sum::<f64>() / total / (16.0 * t * t)),
        (Observable::Susceptibility, magnetizations.sum::<f64>() / total / (16.0 * t)),
    ]
}

/// Moments by the hidden units, given which the spins are independent, against moments by the visible ones: lattices
/// with loops of three, mixed couplings with a pair listed twice, a field.
#[test]
fn exact_observables_agree_with_enumeration() {
    let mut mixed: Vec<Coupling> = Lattice::Triangular(3, 3)
        .bonds()
        .iter()
        .map(|&(i, j)| Coupling { i, j, strength: 0.3 * (i as f64) - 0.2 * (j as f64) + 0.1 })
        .collect();
    mixed.push(mixed[4]);
    for model in [
        Ising::on_lattice(Lattice::Square(3, 3), 1.0, 0.0, 2.0).unwrap(),
        Ising::on_lattice(Lattice::Ring(9), -0.5, 0.3, 1.0).unwrap(),
        Ising::new(9, &mixed, -0.7, 1.0).unwrap(),
    ] {
        for (hidden, deviation) in [(1, 1.0), (5, 2.0), (9, 0.3), (11, 4.0)] {
            let rbm = machine(9, hidden, deviation, hidden as u64);
            let by_hidden = exact_moments(&model, &rbm).unwrap();
            let by_visible = enumerated_moments(&model, &rbm).unwrap();
            for (what, a, b) in pairs(&by_hidden, &by_visible) {
                assert!((a - b).abs() < 1e-10 * (1.0 + b.abs()), "{what}: {a} instead of {b}");
            }
        }
    }
    // And of the Ising law itself, against a plain sum.
    let model = Ising::on_lattice(Lattice::Square(3, 4), 1.0, 0.2, 1.7).unwrap();
    let law = enumerate::whole_law(&model).unwrap();
    let energy: f64 = (0..law.len()).map(|s| law.weight(s) * model.energy(law.row(s))).sum();
    assert!((enumerated_moments(&model, &model).unwrap().energy - energy).abs() < 1e-10);
    assert!(exact_moments(&model, &machine(12, 19, 0.1, 0)).is_err());
}

/// What a machine generates, with its error bars, against its exact observables; and a machine with two wells that its
/// chains do not leave says that it is not converged.
#[test]
fn generated_observables_have_honest_errors() {
    let model = Ising::on_lattice(Lattice::Square(4, 4), 1.0, 0.0, 2.5).unwrap();
    let data = Configurations::zeros(16, 10);
    let sampling = Sampling { chains: 32, equilibration: 500, measured: 2000 };
    let (mut squares, mut count, mut asked) = (0.0, 0.0, 0.0);
    for seed in 0..24 {
        let rbm = machine(16, 6, 0.6, seed);
        let sampled = sample_model(&model, &rbm, &data, sampling, Seed::root(seed), &mut |_, _| ()).unwrap();
        let exact = exact_moments(&model, &rbm).unwrap();
        for observable in Observable::ALL {
            let estimate = sampled.estimate(observable);
            asked += 1.0;
            // Chance calls a disagreement now and then.
            let Some(z) = estimate.z(observable.exactly(&exact, 16, 2.5)) else {
                continue;
            };
            assert!(z.abs() < 4.9, "{observable}: z = {z}, {estimate:?}");
            squares += z * z;
            count += 1.0;
        }
    }
    assert!(
        (0.5..1.3).contains(&(squares / count)) && count > 0.94 * asked,
        "{} of {count} of {asked}",
        squares / count
    );

    // With its hidden unit 1 all sites are up, else half of them; neither state lets the unit change.
    let mut wells = Rbm::new(16, 1).unwrap();
    wells.parameters_mut()[..8].fill(12.0);
    wells.parameters_mut()[16..24].fill(-6.0);
    wells.parameters_mut()[24..32].fill(6.0);
    wells.parameters_mut()[32] = -48.0;
    let sampled = sample_model(&model, &wells, &data, sampling, Seed::root(1), &mut |_, _| ()).unwrap();
    let estimate = sampled.estimate(Observable::Magnetization);
    assert!(!estimate.converged() && estimate.standard_error.is_none(), "{estimate:?}");
}

const FILES: [&str; 6] = [
    "rows.csv",
    "energy_histogram.csv",
    "observables.png",
    "observables.svg",
    "energy_histogram.png",
    "energy_histogram.svg",
];

const BINARY: &str = env!("CARGO_BIN_EXE_ising_observables");

fn run(arguments: &[&str]) -> Output {
    run_binary(BINARY, arguments)
}

fn results(folder: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    FILES.into_iter().map(|name| (name, fs::read(folder.join(name)).expect(name))).collect()
}

const SMALL: [&str; 10] =
    ["--lattice", "square:4x4", "--samples", "1000", "--sweeps", "300", "--epochs", "20", "--temperatures", "2.269,3"];

fn small(threads: &str, out: &TempDir, more: &[&str]) -> String {
    let out = out.path().to_str().unwrap();
    let output = run(&[&["--quick"], &SMALL[..], &["--threads", threads, "--out", out], more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Every file, with the promised columns and every source and observable; the same bytes for any number of threads and
/// after a run that had lost cells.
#[test]
fn every_file_is_written_with_the_same_bytes() {
    let one = TempDir::new().unwrap();
    let text = small("1", &one, &[]);
    assert!(text.contains("specific_heat") && text.contains("rbm_exact"), "{text}");
    let files = results(one.path());
    let rows = String::from_utf8_lossy(&files["rows.csv"]).into_owned();
    assert_eq!(
        rows.lines().next(),
        Some(
            "lattice,temperature,hidden,replica,source,observable,value,standard_error,tau,effective_samples,converged,doubt"
        )
    );
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for line in rows.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        *counts.entry((cells[4].into(), cells[5].into())).or_default() += 1;
        let exact = cells[4].contains("exact");
        // An exact value has no error, nor has a doubtful one: the cell is empty, never 0.
        let known = !exact && cells[11].is_empty();
        assert_eq!(cells[7].is_empty(), !known, "{line}");
        assert!(!known || cells[7].parse::<f64>().unwrap() > 0.0, "{line}");
        assert_eq!(cells[10] == "true", cells[11].is_empty(), "{line}");
        assert_eq!(cells[2].is_empty(), !cells[4].starts_with("rbm"), "{line}");
    }
    for observable in Observable::ALL {
        // Two temperatures; two sizes and two replicas of machines.
        for (source, count) in [("exact", 2), ("monte_carlo", 2), ("rbm", 8), ("rbm_exact", 8)] {
            let key = (source.to_string(), observable.name().to_string());
            assert_eq!(counts.get(&key), Some(&count), "{key:?}");
        }
    }
    for threads in ["2", "5"] {
        let other = TempDir::new().unwrap();
        small(threads, &other, &[]);
        assert_eq!(files, results(other.path()), "{threads} threads");
        if threads == "5" {
            let cells = fs::read_dir(other.path().join("cells")).unwrap().map(|entry| entry.unwrap().path());
            let cells: Vec<_> = cells.filter(|path| path.is_dir()).collect();
            assert_eq!(cells.len(), 1);
            for lost in ["3.0", "3.0_hidden-4_replica-1", "2.269_hidden-16_replica-0"] {
                fs::remove_file(cells[0].join(format!("square-4x4_temperature-{lost}.csv"))).unwrap();
            }
            let text = small("2", &other, &[]);
            assert!(text.contains("7 of 10 cells kept from an earlier run"), "{text}");
            assert_eq!(files, results(other.path()), "with cells kept");
        }
    }
}

/// Several lattices in one run have the rows and energies that each has alone; so has a temperature that is added, though
/// the energies published are of another then.
#[test]
fn lattices_and_temperatures_are_independent() {
    let rows = |out: &TempDir, name: &str, which: &str| {
        let text = fs::read_to_string(out.path().join(name)).unwrap();
        text.lines().filter(|line| line.starts_with(which)).map(str::to_string).collect::<Vec<_>>()
    };
    let brief = ["--hidden", "2,3", "--epochs", "1", "--replicas", "1"];
    let [one, other, both] = [(); 3].map(|()| TempDir::new().unwrap());
    small("2", &one, &brief);
    small("2", &other, &[&brief[..], &["--lattices", "ring:8", "--temperatures", "3"]].concat());
    let text = small("2", &both, &[&brief[..], &["--lattices", "square:4x4,ring:8", "--temperatures", "3"]].concat());
    assert!(text.contains("square:4x4 at T = 3") && text.contains("ring:8 at T = 3"), "{text}");
    for name in ["rows.csv", "energy_histogram.csv"] {
        assert_eq!(rows(&both, name, "ring:8"), rows(&other, name, "ring:8"), "{name}");
    }
    let text = small("2", &both, &[&brief[..], &["--lattices", "square:4x4,ring:8"]].concat());
    assert!(text.contains("6 of 12 cells kept"), "{text}");
    for name in ["rows.csv", "energy_histogram.csv"] {
        assert_eq!(rows(&both, name, "square:4x4"), rows(&one, name, "square:4x4"), "{name}");
        assert!(!rows(&both, name, "ring:8,2.269").is_empty(), "{name}");
    }
    results(both.path());
}

/// What is known exactly depends on the lattice; what is not stays away.
#[test]
fn exact_rows_are_as_many_as_are_known() {
    for (lattice, exact) in [("triangular:3x3", 6), ("square:9x9", 2), ("cubic:3x3x4", 0)] {
        let out = TempDir::new().unwrap();
        let more = ["--lattice", lattice, "--temperatures", "4", "--hidden", "2", "--epochs", "1"];
        small("2", &out, &more);
        let rows = fs::read_to_string(out.path().join("rows.csv")).unwrap();
        assert_eq!(rows.matches(",exact,").count(), exact, "{lattice}");
    }
}

/// Mistakes name the option and the mend, end with code 2 and write nothing.
#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mistakes: [(&[&str], &str); 8] = [
        (&["--lattice", "square:2x8"], "square:2x8"),
        (&["--lattice", "kagome:3x3"], "kagome"),
        (&["--temperatures", "1,0"], "--temperatures"),
        (&["--lattices", "square:4x4,square:900x900"], "--lattices square:900x900"),
        (&["--sweeps", "10"], "--sweeps 10"),
        (&["--hidden", "4,4"], "--hidden"),
        (&["--decay", "steep"], "--decay"),
        (&["--quick", "--paper"], "--paper"),
    ];
    assert_mistakes_are_named(BINARY, &mistakes);
}
