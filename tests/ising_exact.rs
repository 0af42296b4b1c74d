//! Kaufman's solution, Onsager's and Yang's, and the density of states: against 40-digit references, enumeration
//! and each other.

mod common;

use common::*;
use gibbsite::enumerate;
use gibbsite::law::Law;
use gibbsite::targets::density_of_states::DensityOfStates;
use gibbsite::targets::infinite_lattice::{CRITICAL_TEMPERATURE, InfiniteLattice};
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::{Observable, moments};
use gibbsite::targets::square_lattice::SquareLattice;
use std::collections::BTreeMap;

/// Fails unless the two agree to 1e-12 of their size.
fn agree(what: &str, ours: f64, truth: f64) {
    let scale = truth.abs().max(1e-3);
    assert!((ours - truth).abs() <= 1e-12 * scale, "{what}: {ours:e} instead of {truth:e}");
}

#[test]
fn the_references_are_met_on_finite_lattices() {
    let file = reference("ising2d_exact");
    let mut densities = BTreeMap::new();
    for row in list(&file["rows"]) {
        let (side, t) = (number(&row["L"]) as usize, number(&row["T"]));
        let density = densities.entry(side).or_insert_with(|| DensityOfStates::new(side, side).unwrap());
        let name = format!("L = {side}, T = {t}");
        let exact = SquareLattice::new(side, side, 1.0 / t, 0.0).unwrap();
        agree(&name, exact.log_partition, number(&row["log_z"]));
        agree(&name, exact.energy, number(&row["energy_per_spin"]));
        agree(&name, exact.specific_heat, number(&row["specific_heat_per_spin"]));
        agree(&name, density.log_partition(t), number(&row["log_z"]));
        let truth = &row["from_exact_density_of_states"];
        for (observable, name_there) in [
            (Observable::Energy, "energy_per_spin"),
            (Observable::SpecificHeat, "specific_heat_per_spin"),
            (Observable::Magnetization, "abs_m"),
            (Observable::Susceptibility, "chi_connected_abs"),
            (Observable::SusceptibilityFull, "chi_m2"),
            (Observable::Binder, "binder_u4"),
        ] {
            let ours = density.observable(observable, t);
            agree(&format!("{name}, {observable}"), ours, number(&truth[name_there]));
        }
    }
    assert_eq!(densities.len(), 3);
}

#[test]
fn the_density_of_states_is_the_reference_to_the_last_state() {
    for lattice in list(&reference("ising2d_density_of_states")["lattices"]) {
        let side = number(&lattice["L"]) as usize;
        let ours: BTreeMap<(i32, i32), u64> =
            DensityOfStates::new(side, side).unwrap().levels().iter().map(|(e, m, g)| ((*e, *m), *g)).collect();
        let theirs: BTreeMap<(i32, i32), u64> = list(&lattice["g_EM"])
            .iter()
            .map(|row| {
                let [e, m, g] = [0, 1, 2].map(|k| number(&row[k]));
                ((e as i32, m as i32), g as u64)
            })
            .collect();
        assert_eq!(ours, theirs);
    }
}

/// Rectangles by brute force, both ways round; and what must hold of 8 x 8, whose states nobody lists.
#[test]
fn the_density_of_states_counts_every_state_once() {
    for (rows, columns) in [(3, 4), (4, 3), (3, 5), (5, 4)] {
        let ising = Ising::on_lattice(Lattice::Square(rows, columns), 1.0, 0.0, 1.0).unwrap();
        let mut counts: BTreeMap<(i32, i32), u64> = BTreeMap::new();
        for state in 0..1_u64 << (rows * columns) {
            let key = (ising.energy(&[state]) as i32, ising.magnetization(&[state]) as i32);
            *counts.entry(key).or_default() += 1;
        }
        let expected: Vec<(i32, i32, u64)> = counts.iter().map(|((e, m), g)| (*e, *m, *g)).collect();
        assert_eq!(DensityOfStates::new(rows, columns).unwrap().levels(), expected);
    }
    let density = DensityOfStates::new(8, 8).unwrap();
    let levels = density.levels();
    let total: u128 = levels.iter().map(|(_, _, g)| u128::from(*g)).sum();
    assert_eq!(total, 1 << 64);
    // g(E) of the lowest levels (Beale 1996): 2, 128 (one spin turned), 256 (two neighbours), 4672.
    let g = |energy: i32| levels.iter().filter(|(e, _, _)| *e == energy).map(|(_, _, g)| g).sum::<u64>();
    assert_eq!([-128, -124, -120, -116, -112].map(g), [2, 0, 128, 256, 4672]);
    for &(e, m, g) in levels {
        let mirrored = |e, m| levels.binary_search_by_key(&(e, m), |(e, m, _)| (*e, *m)).map(|k| levels[k].2);
        assert_eq!(mirrored(e, -m), Ok(g), "up and down are alike");
    }
    assert!(DensityOfStates::new(9, 3).is_err() && DensityOfStates::new(2, 4).is_err());
}

#[test]
fn kaufman_agrees_with_enumeration_and_with_the_density_of_states() {
    for (rows, columns) in [(3, 3), (3, 5), (5, 3), (4, 4), (4, 3)] {
        for t in [0.05, 0.7, 1.5, CRITICAL_TEMPERATURE, 2.6, 5.0, 400.0] {
            let lattice = Lattice::Square(rows, columns);
            for strength in [1.0, 0.3, -1.0] {
                let ising = Ising::on_lattice(lattice, strength, 0.0, t).unwrap();
                let odd = rows % 2 + columns % 2 > 0;
                assert_eq!(ising.log_partition().is_none(), strength < 0.0 && odd);
                if let Some(log_partition) = ising.log_partition() {
                    let mut weights = vec![0.0; 1 << (rows * columns)];
                    ising.log_weights(0, &mut weights);
                    let enumerated = gibbsite::numerics::log_sum_exp(&weights);
                    agree(&format!("{rows}x{columns}, J = {strength}, T = {t}"), log_partition, enumerated);
                }
            }
        }
    }
    for (rows, columns) in [(8, 8), (8, 5), (6, 7), (7, 7)] {
        let density = DensityOfStates::new(rows, columns).unwrap();
        for t in [0.5, 1.0, 2.0, CRITICAL_TEMPERATURE, 3.0, 50.0] {
            let exact = SquareLattice::new(rows, columns, 1.0 / t, 0.0).unwrap();
            let name = format!("{rows}x{columns}, T = {t}");
            agree(&name, exact.log_partition, density.log_partition(t));
            agree(&name, exact.energy, density.observable(Observable::Energy, t));
            let heat = density.observable(Observable::SpecificHeat, t);
            assert_close(&name, exact.specific_heat, heat, 1e-12);
        }
    }
    // A field has no closed form, and is not forgotten.
    let ising = Ising::on_lattice(Lattice::Square(4, 4), 1.0, 0.1, 2.0).unwrap();
    assert_eq!(ising.log_partition(), None);
}

/// From the cold, where the specific heat is e^{-8/T}, to the heat, where it is 2/T^2: every digit of both counts, on
/// sides on which walls and paths wind round in three or four steps, on both sides of where the power series end.
#[test]
fn kaufman_is_precise_at_every_temperature() {
    let file = reference("square_lattice_temperatures");
    let rows = list(&file["rows"]);
    for row in rows {
        let [rows, columns, t, log_partition, energy, heat] = [0, 1, 2, 3, 4, 5].map(|k| number(&row[k]));
        let exact = SquareLattice::new(rows as usize, columns as usize, 1.0 / t, 0.0).unwrap();
        for (what, ours, truth, tolerance) in [
            ("ln Z", exact.log_partition, log_partition, 1e-13),
            ("energy", exact.energy, energy, 1e-11),
            ("specific heat", exact.specific_heat, heat, 1e-10),
        ] {
            assert!(
                (ours - truth).abs() <= tolerance * truth.abs(),
                "{what} of {rows}x{columns}, T = {t}: {ours:e} instead of {truth:e}"
            );
        }
    }
    // Temperatures of no use overflow nothing.
    for (t, energy) in [(1e-300, -2.0), (0.006, -2.0), (1e200, -2e-200)] {
        let exact = SquareLattice::new(3, 5, 1.0 / t, 0.0).unwrap();
        assert_close("energy", exact.energy / energy, 1.0, 1e-14);
        assert!(exact.specific_heat >= 0.0, "{exact:?}");
    }
}

/// Large lattices: the transposed one has the same Z; energy and specific heat are the derivatives of ln Z; away from
/// the critical point the infinite lattice is reached exponentially fast, and at it C grows as ln L.
#[test]
fn kaufman_is_stable_on_large_lattices() {
    for (rows, columns) in [(1024, 1024), (1024, 64), (513, 100), (3, 1024)] {
        for t in [0.3, 1.0, 2.0, 2.26, CRITICAL_TEMPERATURE, 2.28, 3.0, 20.0] {
            let a = SquareLattice::new(rows, columns, 1.0 / t, 0.0).unwrap();
            let b = SquareLattice::new(columns, rows, 1.0 / t, 0.0).unwrap();
            let name = format!("{rows}x{columns}, T = {t}");
            agree(&name, a.log_partition, b.log_partition);
            assert_close(&name, a.energy, b.energy, 1e-12);
            assert_close(&name, a.specific_heat, b.specific_heat, 1e-9);
        }
    }
    for t in [1.5, 2.0, CRITICAL_TEMPERATURE, 2.5, 4.0] {
        let (k, step) = (1.0 / t, 1e-3);
        let sites = 20.0 * 30.0;
        let at = |k: f64| SquareLattice::new(20, 30, k, 0.0).unwrap();
        let slope = |f: &dyn Fn(f64) -> f64| {
            (8.0 * (f(k + step) - f(k - step)) - (f(k + 2.0 * step) - f(k - 2.0 * step))) / (12.0 * step)
        };
        assert_close("energy", at(k).energy, -slope(&|k| at(k).log_partition) / sites, 1e-7);
        assert_close("specific heat", at(k).specific_heat, -k * k * slope(&|k| at(k).energy), 1e-6);
    }
    for t in [1.0, 1.8, 2.7, 4.0] {
        let (finite, infinite) = (SquareLattice::new(256, 256, 1.0 / t, 0.0).unwrap(), InfiniteLattice::new(t));
        // Below the critical temperature the two signs add ln 2.
        let signs = if t < CRITICAL_TEMPERATURE { std::f64::consts::LN_2 } else { 0.0 };
        let free_energy = -t * (finite.log_partition - signs) / 65536.0;
        agree("free energy", free_energy, infinite.free_energy);
        agree("energy", finite.energy, infinite.energy);
        assert_close("specific heat", finite.specific_heat, infinite.specific_heat, 1e-10);
    }
    let heat = |side: usize| {
        let exact = SquareLattice::new(side, side, 1.0 / CRITICAL_TEMPERATURE, 0.0);
        exact.unwrap().specific_heat
    };
    // Kaufman's formula and its second difference at 60 digits.
    for (side, exact) in [(64_usize, 2.192_211_393_140_571), (128, 2.536_331_335_108_603), (256, 2.879_786_255_202_5)] {
        assert_close("critical specific heat", heat(side), exact, 1e-11);
    }
    // Ferdinand and Fisher 1969: C = A ln L + 0.138149 + B / L, A = (2/pi) ln(1 + sqrt 2)^2; B from the values above.
    let log = (1.0 + 2_f64.sqrt()).ln();
    let amplitude = 2.0 / std::f64::consts::PI * log * log;
    let expected = amplitude * 1024_f64.ln() + 0.138149 - 0.170747 / 1024.0;
    assert_close("growth", heat(1024), expected, 1e-6);
}

#[test]
fn the_infinite_lattice_is_onsagers_and_yangs() {
    for row in list(&reference("ising2d_exact")["infinite_lattice_onsager"]) {
        let t = number(&row["T"]);
        let exact = InfiniteLattice::new(t);
        agree("free energy", exact.free_energy, -t * number(&row["log_z_per_spin"]));
        agree("energy", exact.energy, number(&row["energy_per_spin"]));
        agree("magnetisation", exact.magnetization, number(&row["spontaneous_magnetisation"]));
    }
    let critical = InfiniteLattice::new(CRITICAL_TEMPERATURE);
    assert_close("critical energy", critical.energy, -2_f64.sqrt(), 1e-7);
    // -f/T = ln 2 / 2 + 2 G / pi with Catalan's constant.
    let catalan = 0.915_965_594_177_219;
    let log_partition = std::f64::consts::LN_2 / 2.0 + 2.0 * catalan / std::f64::consts::PI;
    agree("critical free energy", -critical.free_energy / CRITICAL_TEMPERATURE, log_partition);
    let cold = InfiniteLattice::new(0.01);
    assert_eq!((cold.energy, cold.magnetization), (-2.0, 1.0));
}

/// The observables of a law, through the moments of its states.
#[test]
fn observables_follow_their_definitions() {
    let ising = Ising::on_lattice(Lattice::Square(3, 3), 1.0, 0.0, 2.5).unwrap();
    let law = enumerate::whole_law(&ising).unwrap();
    let mean = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        (0..law.len()).map(|s| law.weight(s) * f(ising.energy(law.row(s)), ising.magnetization(law.row(s)) / 9.0)).sum()
    };
    let mut sums = [0.0; 5];
    for s in 0..law.len() {
        for (sum, value) in sums.iter_mut().zip(moments(&ising, law.row(s))) {
            *sum += law.weight(s) * value;
        }
    }
    let e = mean(&|e, _| e);
    let expected = [
        e / 9.0,
        (mean(&|e, _| e * e) - e * e) / (9.0 * 2.5 * 2.5),
        mean(&|_, m| m.abs()),
        9.0 * (mean(&|_, m| m * m) - mean(&|_, m| m.abs()).powi(2)) / 2.5,
        9.0 * mean(&|_, m| m * m) / 2.5,
        1.0 - mean(&|_, m| m.powi(4)) / (3.0 * mean(&|_, m| m * m).powi(2)),
    ];
    for (observable, expected) in Observable::ALL.into_iter().zip(expected) {
        assert_close(observable.name(), observable.of(&sums, 9, 2.5), expected, 1e-13);
    }
}

/// Against the sum over the levels of an energy and against the energy in closed form: probabilities of energies add up
/// to 1, each is sum_M g(E, M) e^{-E/T} / Z, and their mean is Kaufman's energy.
#[test]
fn the_law_of_the_energy_is_that_of_its_levels() {
    let levels = DensityOfStates::new(4, 4).unwrap();
    for temperature in [1.0, 2.269, 5.0] {
        let law = levels.energy_law(temperature);
        let mut states: BTreeMap<i32, f64> = BTreeMap::new();
        for (e, _, g) in levels.levels() {
            *states.entry(*e).or_default() += *g as f64;
        }
        let weight = |(e, g): (&i32, &f64)| g * (-f64::from(*e) / temperature).exp();
        let z: f64 = states.iter().map(weight).sum();
        let energies: Vec<i32> = law.iter().map(|(e, _)| *e as i32).collect();
        assert_eq!(energies, states.keys().copied().collect::<Vec<_>>());
        for ((e, p), level) in law.iter().zip(&states) {
            agree(&format!("p({e}) at T = {temperature}"), *p / (weight(level) / z), 1.0);
        }
        agree("the sum", law.iter().map(|(_, p)| p).sum(), 1.0);
        let energy = law.iter().map(|(e, p)| e * p).sum::<f64>() / 16.0;
        agree("the energy", energy, levels.observable(Observable::Energy, temperature));
        let kaufman = SquareLattice::new(4, 4, 1.0 / temperature, 0.0).unwrap();
        agree("Kaufman's energy", energy, kaufman.energy);
    }
}
