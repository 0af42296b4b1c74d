//! Ising models against exact values computed elsewhere and against closed forms.

mod common;

use common::*;
use gibbsite::enumerate;
use gibbsite::law::Law;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use std::collections::BTreeMap;

const TOLERANCE: f64 = 1e-10;

/// Means over the enumerated law.
struct Means {
    log_z: f64,
    energy: f64,
    energy_variance: f64,
    magnetization: f64,
    absolute: f64,
    second: f64,
    fourth: f64,
}

fn enumerate_means(ising: &Ising) -> Means {
    let law = enumerate::whole_law(ising).unwrap();
    let mean =
        |value: &dyn Fn(&[u64]) -> f64| -> f64 { (0..law.len()).map(|s| law.weight(s) * value(law.row(s))).sum() };
    let energy = mean(&|row| ising.energy(row));
    Means {
        log_z: enumerate::log_partition(ising).unwrap(),
        energy,
        energy_variance: mean(&|row| (ising.energy(row) - energy).powi(2)),
        magnetization: mean(&|row| ising.magnetization(row)),
        absolute: mean(&|row| ising.magnetization(row).abs()),
        second: mean(&|row| ising.magnetization(row).powi(2)),
        fourth: mean(&|row| ising.magnetization(row).powi(4)),
    }
}

/// Against ising1d_exact.json (transfer matrix and enumeration at 40 digits): the ring with and without
/// field, by our enumeration, and the closed form of ln Z.
#[test]
fn ring_agrees_with_exact_values() {
    let file = reference("ising1d_exact");
    let rows = list(&file["rows"]);
    assert!(!rows.is_empty());
    for row in rows {
        let value = |name: &str| number(&row[name]);
        let (sites, h, t) = (value("N"), value("h"), value("T"));
        let ring = Lattice::Ring(sites as usize);
        let ising = Ising::on_lattice(ring, value("J"), h, t).unwrap();
        let means = enumerate_means(&ising);
        let closed = ising.log_partition().expect("a ring has a closed form");
        let capacity = means.energy_variance / (t * t);
        let susceptibility = (means.second - means.magnetization.powi(2)) / (t * sites);
        for (name, ours) in [
            ("log_z", means.log_z),
            ("log_z", closed),
            ("energy", means.energy),
            ("energy_per_spin", means.energy / sites),
            ("heat_capacity", capacity),
            ("heat_capacity_per_spin", capacity / sites),
            ("magnetisation_per_spin", means.magnetization / sites),
            ("abs_magnetisation_per_spin", means.absolute / sites),
            ("susceptibility_per_spin", susceptibility),
        ] {
            let what = format!("{name} of {ring} at h = {h}, T = {t}");
            assert_close(&what, ours, value(name), TOLERANCE);
        }
    }
}

/// Against ising2d_exact.json (Kaufman's formula and the density of states): the 3x3 and 4x4 torus.
#[test]
fn torus_agrees_with_exact_values() {
    let file = reference("ising2d_exact");
    let mut seen = 0;
    for row in list(&file["rows"]) {
        let (side, t) = (number(&row["L"]) as usize, number(&row["T"]));
        if side > 4 {
            continue;
        }
        seen += 1;
        let n = (side * side) as f64;
        let ising = Ising::on_lattice(Lattice::Square(side, side), 1.0, 0.0, t).unwrap();
        let means = enumerate_means(&ising);
        let check = |entry: &serde_json::Value, name: &str, ours: f64| {
            let what = format!("{name} of L = {side} at T = {t}");
            assert_close(&what, ours, number(&entry[name]), TOLERANCE);
        };
        check(row, "free_energy_per_spin", -t * means.log_z / n);
        let (m2, m4) = (means.second / n.powi(2), means.fourth / n.powi(4));
        let m = means.absolute / n;
        let counted = &row["from_exact_density_of_states"];
        for entry in [row, counted] {
            check(entry, "log_z", means.log_z);
            check(entry, "energy_per_spin", means.energy / n);
            let capacity = means.energy_variance / (t * t * n);
            check(entry, "specific_heat_per_spin", capacity);
        }
        check(counted, "abs_m", m);
        check(counted, "m2", m2);
        check(counted, "m4", m4);
        check(counted, "chi_m2", n * m2 / t);
        check(counted, "chi_connected_abs", n * (m2 - m * m) / t);
        check(counted, "binder_u4", 1.0 - m4 / (3.0 * m2 * m2));
    }
    assert_eq!(seen, 10);
}

/// Against ising2d_density_of_states.json: how many states have each energy and magnetisation,
/// as whole numbers.
#[test]
fn density_of_states_is_exact() {
    let file = reference("ising2d_density_of_states");
    for lattice in list(&file["lattices"]) {
        let side = number(&lattice["L"]) as usize;
        if side > 4 {
            continue;
        }
        let ising = Ising::on_lattice(Lattice::Square(side, side), 1.0, 0.0, 1.0).unwrap();
        let mut ours: BTreeMap<(i64, i64), u64> = BTreeMap::new();
        for state in 0..1_u64 << ising.sites() {
            let (e, m) = (ising.energy(&[state]), ising.magnetization(&[state]));
            assert!(e.fract() == 0.0 && m.fract() == 0.0);
            *ours.entry((e as i64, m as i64)).or_default() += 1;
        }
        let truth: BTreeMap<(i64, i64), u64> = list(&lattice["g_EM"])
            .iter()
            .map(|row| {
                let whole = |k: usize| row[k].as_i64().expect("a whole number");
                ((whole(0), whole(1)), whole(2) as u64)
            })
            .collect();
        assert_eq!(ours, truth, "L = {side}");
    }
}

/// Against enumeration: the closed forms of ln Z with field, for either sign of the coupling, hot and
/// cold.
#[test]
fn closed_forms_agree_with_enumeration() {
    for n in 2..=12 {
        for lattice in [Lattice::Chain(n), Lattice::Ring(n.max(3))] {
            for strength in [1.0, -1.0, 0.3, 0.0] {
                for field in [0.0, 0.5, -1.7] {
                    for t in [0.05, 0.5, 2.0, 50.0] {
                        let ising = Ising::on_lattice(lattice, strength, field, t).unwrap();
                        let closed = ising.log_partition().expect("a closed form");
                        let truth = enumerate::log_partition(&ising).unwrap();
                        let what = format!("{lattice}, J = {strength}, h = {field}, T = {t}");
                        assert_close(&what, closed, truth, 1e-12);
                    }
                }
            }
        }
    }
}

/// Against the textbook formulas where nothing can be enumerated: an open chain without field has
/// Z = 2 (2 cosh K)^{N-1}; a ring has Z = lambda_+^N + lambda_-^N.
#[test]
fn closed_forms_agree_with_formulas_for_long_rows() {
    for (strength, t) in [(1.0_f64, 2.0), (-0.7, 1.3), (1.0, 0.25)] {
        let k = strength / t;
        for n in [100, 1001] {
            let length = n as f64;
            let chain = Ising::on_lattice(Lattice::Chain(n), strength, 0.0, t).unwrap();
            let truth = 2_f64.ln() + (length - 1.0) * (2.0 * k.cosh()).ln();
            let what = format!("chain:{n}, K = {k}");
            assert_close(&what, chain.log_partition().unwrap(), truth, 1e-12);
            for field in [0.0_f64, 0.4] {
                let b = field / t;
                let ring = Ising::on_lattice(Lattice::Ring(n), strength, field, t).unwrap();
                let root = (k.exp().powi(2) * b.sinh().powi(2) + (-2.0 * k).exp()).sqrt();
                let larger = k.exp() * b.cosh() + root;
                let smaller = k.exp() * b.cosh() - root;
                let truth = length * larger.ln() + (smaller / larger).powi(n as i32).ln_1p();
                let what = format!("ring:{n}, K = {k}, B = {b}");
                assert_close(&what, ring.log_partition().unwrap(), truth, 1e-12);
            }
        }
    }
}
