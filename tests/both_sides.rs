//! What is trusted has a right error bar, and what is wrong is doubted: on machines whose modes part.

mod common;

use common::machines::{ferromagnet, learned, narrow_mode, random_machine, separated_modes};
use gibbsite::battery::{self, Family};
use gibbsite::configuration::Configurations;
use gibbsite::enumerate::log_partition;
use gibbsite::law::Law;
use gibbsite::log_partition::annealing::{AnnealingRun, ForwardAnnealing, ReverseAnnealing, Starts, Tempering};
use gibbsite::log_partition::bennett::BennettRatio;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::{Bracket, Bracketing};
use gibbsite::log_partition::tempered_run::TemperedRun;
use gibbsite::log_partition::thermodynamic_integration::ThermodynamicIntegration;
use gibbsite::log_partition::{Doubt, LogPartition, LogPartitionEstimator, Side, names};
use gibbsite::model::Model;
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::model::rbm::Rbm;
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monte_carlo::ladder::AlongPath;
use gibbsite::monte_carlo::tempering::ParallelTempering;
use gibbsite::path::{Path, uniform_configurations};
use gibbsite::random::Seed;
use rayon::prelude::*;

fn quiet() -> impl FnMut(usize, usize) {
    |_, _| ()
}

fn has(doubts: &[Doubt], name: &str) -> bool {
    doubts.iter().any(|doubt| doubt.name() == name)
}

/// (value - exact) / error of every bracket, where it is trusted.
fn brackets(path: &dyn Path, exact: f64, temperatures: usize, chains: usize, runs: u64) -> Vec<(Bracket, Option<f64>)> {
    let one = |run: u64| {
        let bracketing = Bracketing { betas: Betas::Adaptive(temperatures), chains, tempering: TEMPERING, data: None };
        let seed = Seed::root(40).child("run", run);
        let found = bracketing.measure(path, seed, &mut quiet()).unwrap();
        let z = (found.value - exact) / found.standard_error.unwrap();
        let z = found.trusted().then_some(z);
        (found, z)
    };
    (0..runs).into_par_iter().map(one).collect()
}

const TEMPERING: Tempering = Tempering { rungs: 8, rounds: 100 };

/// Of what is trusted at most one in 200 is more than four errors off and at least 90 % lie within two; at least so many
/// are trusted.
fn assert_right(what: &str, z: &[Option<f64>], least: usize) {
    let trusted: Vec<f64> = z.iter().flatten().copied().collect();
    let beyond = trusted.iter().filter(|z| z.abs() > 4.0).count();
    let within = trusted.iter().filter(|z| z.abs() <= 2.0).count();
    let told =
        format!("{what}: {} of {} trusted, {within} within two errors, {beyond} beyond four", trusted.len(), z.len());
    println!("{told}");
    assert!(trusted.len() >= least, "{told}");
    assert!(beyond <= z.len().div_ceil(200), "{told}");
    assert!(10 * within >= 9 * trusted.len(), "{told}");
}

/// A mode that no annealed chain meets, of every mass about the least that 100 exact draws show.
#[test]
fn a_narrow_mode_is_in_the_value_and_its_error() {
    for (mass, temperatures) in
        [(0.1, 500), (0.01, 100), (0.02, 100), (0.03, 100), (0.045, 100), (0.06, 100), (0.5, 100), (0.9, 100)]
    {
        let machine = narrow_mode(36, 10, mass);
        let path = RbmPath::from_uniform(&machine).unwrap();
        let exact = log_partition(&machine).unwrap();
        let found = brackets(&path, exact, temperatures, 100, 200);
        let z: Vec<Option<f64>> = found.iter().map(|(_, z)| *z).collect();
        assert_right(&format!("mass {mass}"), &z, 190);
        if mass < 0.1 {
            continue;
        }
        // The forward runs have not met it, and do not know.
        let missed = |(bracket, _): &&(Bracket, Option<f64>)| {
            let forward = &bracket.forward;
            forward.value < exact + 0.5 * (1.0 - mass).ln() && forward.doubts.is_empty()
        };
        assert!(found.iter().filter(missed).count() > 190, "mass {mass}");
    }
}

/// Few temperatures on large weights: the sides share hardly a draw, and the bracket's width is the error.
#[test]
fn sides_without_overlap_are_as_wide_as_their_distance() {
    let machine = random_machine(20, 10, 3.0, 1.0, 19);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let exact = log_partition(&machine).unwrap();
    let found = brackets(&path, exact, 2, 100, 200);
    let apart = |(bracket, _): &&(Bracket, Option<f64>)| bracket.shared < 10.0;
    assert!(found.iter().filter(apart).count() > 150);
    let z: Vec<Option<f64>> = found.iter().map(|(_, z)| *z).collect();
    assert_right("two temperatures", &z, 190);
    for (bracket, _) in found.iter().filter(apart) {
        assert!(bracket.standard_error.unwrap() > 0.5 * (bracket.upper() - bracket.lower()));
        let middle = 0.5 * (bracket.upper() + bracket.lower());
        assert!((bracket.value - middle).abs() < 1e-9);
    }
}

/// Easy machines, separated modes, a tilted ferromagnet and large weights.
#[test]
fn trusted_brackets_have_right_errors() {
    for (what, machine, temperatures) in [
        ("easy", random_machine(10, 8, 1.0, 0.5, 1), 100),
        ("twelve modes", separated_modes(30, 12, 4.0, 3.0, 7), 100),
        ("twelve narrow modes", separated_modes(30, 12, 6.0, 0.0, 5), 100),
        ("ferromagnet", ferromagnet(0.8, 0.05), 30),
        ("large weights", random_machine(20, 10, 3.0, 1.0, 19), 30),
    ] {
        let path = RbmPath::from_uniform(&machine).unwrap();
        let exact = log_partition(&machine).unwrap();
        let found = brackets(&path, exact, temperatures, 100, 200);
        let z: Vec<Option<f64>> = found.iter().map(|(_, z)| *z).collect();
        assert_right(what, &z, 195);
    }
}

/// The error is neither too small nor too large where hundreds of chains make the part for unseen modes small: the mean
/// square of value less exact over the error is 1.
#[test]
fn errors_of_both_sides_are_honest() {
    let machine = random_machine(9, 6, 0.9, 0.4, 14);
    let exact = log_partition(&machine).unwrap();
    let path = RbmPath::from_uniform(&machine).unwrap();
    let z: Vec<f64> =
        brackets(&path, exact, 10, 400, 300).into_iter().map(|(_, z)| z.expect("it is trusted")).collect();
    let mean = z.iter().sum::<f64>() / 300.0;
    let squares = z.iter().map(|z| z * z).sum::<f64>() / 300.0;
    println!("mean {mean:.3}, mean square {squares:.3}");
    assert!(mean.abs() < 4.9 / 300_f64.sqrt(), "{mean}");
    assert!((squares - 1.0).abs() < 4.9 * 0.082, "{squares}");
}

/// Forward annealing sees nothing wrong with itself where it misses 85 % of the mass, -1.9 nats, at an error of 0.02; both
/// sides together are right, there and on machines that learned cold spins.
#[test]
fn a_single_run_does_not_know_what_both_sides_do() {
    let machine = narrow_mode(64, 12, 0.85);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let exact = log_partition(&machine).unwrap();
    let found = brackets(&path, exact, 100, 100, 200);
    let z: Vec<Option<f64>> = found.iter().map(|(_, z)| *z).collect();
    assert_right("a mode of 85 %", &z, 195);
    let blind = |(bracket, _): &&(Bracket, Option<f64>)| {
        let run = &bracket.forward;
        let error = run.standard_error.unwrap();
        run.doubts.is_empty() && error < 0.02 && (run.value - exact - 0.15_f64.ln()).abs() < 0.1
    };
    let blind = found.iter().filter(blind).count();
    assert!(blind > 190, "{blind}");
    for temperature in [1.0, 1.8] {
        let (machine, data) = learned(temperature, 12, 50);
        let path = RbmPath::from_data(&machine, &data).unwrap();
        let exact = log_partition(&machine).unwrap();
        let found = brackets(&path, exact, 100, 100, 200);
        let z: Vec<Option<f64>> = found.iter().map(|(_, z)| *z).collect();
        assert_right(&format!("learned at T = {temperature}"), &z, 195);
    }
}

/// A general machine's moves are sweeps in a fixed order, not reversible: the combined value is right all the same.
#[test]
fn sweeps_in_a_fixed_order_do_no_harm() {
    let mut general = BoltzmannMachine::new(6, 5, &full_graph(11)).unwrap();
    general.initialize(0.8, Seed::root(3)).unwrap();
    let exact = log_partition(&*general.marginal().unwrap()).unwrap();
    let path = general.path(None).unwrap();
    let found = brackets(&*path, exact, 10, 400, 200);
    let z: Vec<f64> = found.iter().map(|(_, z)| z.expect("trusted")).collect();
    let mean = z.iter().sum::<f64>() / 200.0;
    println!("mean {mean}");
    assert!(mean.abs() < 4.9 / 200_f64.sqrt(), "{mean}");
    assert_right("a general machine", &found.iter().map(|(_, z)| *z).collect::<Vec<_>>(), 195);
}

/// A machine of 24x24 units, of which no layer can be drawn from: the reverse runs start from tempering, a third from
/// data, and all agree with enumeration.
#[test]
fn brackets_do_without_exact_starts() {
    let machine = random_machine(24, 24, 0.3, 0.3, 32);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let exact = log_partition(&machine).unwrap();
    let data = uniform_configurations(24, 300, Seed::root(33));
    let z: Vec<Option<f64>> = (0..100)
        .into_par_iter()
        .map(|run| {
            let bracketing =
                Bracketing { betas: Betas::Adaptive(100), chains: 100, tempering: TEMPERING, data: Some((&data, 50)) };
            let seed = Seed::root(34).child("run", run);
            let found = bracketing.measure(&path, seed, &mut quiet()).unwrap();
            assert_eq!(found.reverse.side, Side::Estimate);
            assert!(found.reverse_from_data.is_some() && !found.log_likelihood(0.0).lower_is_bound);
            let z = (found.value - exact) / found.standard_error.unwrap();
            found.trusted().then_some(z)
        })
        .collect();
    assert_right("24x24", &z, 95);
}

/// The likelihood of data is the bracket upside down; its ends are those of the runs.
#[test]
fn a_likelihood_has_a_value_and_two_ends() {
    let machine = random_machine(8, 5, 0.7, 0.3, 23);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let data = path.draw_target(300, Seed::root(24)).unwrap();
    let bracketing =
        Bracketing { betas: Betas::Adaptive(300), chains: 300, tempering: TEMPERING, data: Some((&data, 20)) };
    let found = bracketing.measure(&path, Seed::root(25), &mut quiet()).unwrap();
    assert!(found.trusted(), "{found:?}");
    assert_eq!((found.forward.side, found.reverse.side), (Side::Below, Side::Above));
    // Exact starts leave nothing for the data to tell.
    assert_eq!(found.reverse_from_data, None);
    assert!(found.lower() <= found.value && found.value <= found.upper());
    for run in [&found.forward, &found.reverse] {
        assert!(found.lower() <= run.value && run.value <= found.upper());
    }
    let mean = machine.log_weight(&[0]);
    let likelihood = found.log_likelihood(mean);
    assert_eq!(likelihood.value, mean - found.value);
    assert_eq!(likelihood.standard_error, found.standard_error);
    assert_eq!(likelihood.lower, mean - found.upper());
    assert_eq!(likelihood.upper, mean - found.lower());
    assert!(likelihood.lower_is_bound);
    let exact = log_partition(&machine).unwrap();
    assert!((likelihood.value - (mean - exact)).abs() < 4.9 * found.standard_error.unwrap());
}

/// Against work that nobody counts: the cost of a bracket is that of its three runs.
#[test]
fn the_run_from_data_is_counted_too() {
    let run = |side, gibbs_updates| AnnealingRun {
        log_weights: vec![1.0; 20],
        estimate: LogPartition { side, gibbs_updates, standard_error: Some(0.1), ..LogPartition::exact(1.0) },
    };
    let (forward, reverse, data) = (run(Side::Below, 1), run(Side::Estimate, 10), run(Side::Estimate, 100));
    assert_eq!(Bracket::new(forward.clone(), reverse.clone(), None).gibbs_updates(), 11);
    assert_eq!(Bracket::new(forward, reverse, Some(data)).gibbs_updates(), 111);
}

/// Forward and reverse annealing of a machine, from starts of one's choice.
fn runs(path: &dyn Path, betas: Betas, starts: Starts, number: u64) -> (AnnealingRun, AnnealingRun) {
    let seed = Seed::root(21).child("run", number);
    let chains = 200;
    let forward = ForwardAnnealing { betas: betas.clone(), chains };
    let forward = forward.run(path, seed.child("forward", 0), &mut quiet()).unwrap();
    let reverse = ReverseAnnealing { betas, starts };
    let reverse = reverse.run(path, seed.child("reverse", 0), &mut quiet()).unwrap();
    (forward, reverse)
}

fn rows(rows: Configurations, steps: usize) -> Starts {
    Starts::Rows { rows, steps }
}

fn tempered(rounds: usize) -> Starts {
    Starts::Tempered { chains: 200, tempering: Tempering { rungs: 8, rounds } }
}

/// Each doubt of a bracket where only it speaks, and the value is wrong or nobody could tell.
#[test]
fn brackets_say_why_they_are_not_trusted() {
    let only = |bracket: &Bracket, name: &str| {
        assert_eq!(names(&bracket.doubts), name, "{bracket:?}");
        assert!(!bracket.trusted());
    };
    let machine = random_machine(16, 12, 1.2, 0.4, 2);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let exact = log_partition(&machine).unwrap();
    let betas = || Betas::Linear(100);
    // Nothing is wrong.
    let (forward, reverse) = runs(&path, betas(), tempered(100), 0);
    let good = Bracket::new(forward.clone(), reverse, None);
    assert!(good.trusted(), "{good:?}");
    // Rows of the base are none of the law: reverse annealing from them is below forward annealing.
    let uniform = uniform_configurations(16, 200, Seed::root(1));
    let (_, reverse) = runs(&path, betas(), rows(uniform, 0), 1);
    let found = Bracket::new(forward.clone(), reverse, None);
    only(&found, "sides disagree");
    assert!((found.value - exact).abs() > 4.0 * found.standard_error.unwrap());
    // A single chain.
    let single = ForwardAnnealing { betas: betas(), chains: 1 };
    let single = single.run(&path, Seed::root(2), &mut quiet()).unwrap();
    let (_, reverse) = runs(&path, betas(), Starts::Exact(200), 3);
    only(&Bracket::new(single, reverse, None), "unknown error");
    // States that hardly travel, between two phases.
    let machine = ferromagnet(1.2, 0.0);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let (forward, reverse) = runs(&path, betas(), tempered(200), 2);
    only(&Bracket::new(forward, reverse, None), "few round trips");
    // A tempering run that has hardly begun, where narrow modes are not filled yet though states travel.
    let machine = separated_modes(30, 12, 4.0, 0.0, 27);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let (forward, reverse) = runs(&path, betas(), tempered(200), 5);
    let found = Bracket::new(forward, reverse, None);
    assert!(has(&found.doubts, "short run") && !has(&found.doubts, "few round trips"));
    let wrong = found.value - log_partition(&machine).unwrap();
    assert!(wrong.abs() > 4.0 * found.standard_error.unwrap(), "{found:?}");
    // Too few temperatures: exact draws still bound ln Z, those of tempering do not.
    let machine = random_machine(20, 10, 3.0, 1.0, 19);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let (forward, exact_starts) = runs(&path, Betas::Linear(2), Starts::Exact(200), 4);
    assert!(Bracket::new(forward.clone(), exact_starts, None).trusted());
    let (_, reverse) = runs(&path, Betas::Linear(2), tempered(400), 4);
    only(&Bracket::new(forward, reverse, None), "no overlap");
}

/// Where neither the base nor tempering meets a mode, data that have it tell; so do exact starts, which have it in the
/// value.
#[test]
fn data_show_a_mode_that_tempering_misses() {
    let machine = narrow_mode(48, 2, 0.8);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let exact = log_partition(&machine).unwrap();
    let betas = || Betas::Linear(200);
    let (forward, reverse) = runs(&path, betas(), tempered(100), 0);
    let blind = Bracket::new(forward.clone(), reverse.clone(), None);
    assert!(blind.trusted() && (blind.value - exact).abs() > 1.0, "{blind:?}");
    let mut all_on = Configurations::zeros(48, 200);
    all_on.bits_mut().fill((1 << 48) - 1);
    let (_, data) = runs(&path, betas(), rows(all_on, 3), 1);
    let seeing = Bracket::new(forward.clone(), reverse.clone(), Some(data));
    assert_eq!(names(&seeing.doubts), "starts disagree", "{seeing:?}");
    // Data of which a part are in the mode overlap with the forward run and disagree all the same.
    let mixed = path.draw_target(200, Seed::root(2)).unwrap();
    let (_, data) = runs(&path, betas(), rows(mixed, 3), 2);
    let seeing = Bracket::new(forward.clone(), reverse.clone(), Some(data));
    assert_eq!(names(&seeing.doubts), "starts disagree", "{seeing:?}");
    // Draws of tempering as data: they agree, and their difference is in the error.
    let (_, same) = runs(&path, betas(), tempered(100), 3);
    let agreeing = Bracket::new(forward.clone(), reverse, Some(same));
    assert!(agreeing.trusted(), "{agreeing:?}");
    assert!(agreeing.standard_error.unwrap() > blind.standard_error.unwrap());
    let (_, exact_starts) = runs(&path, betas(), Starts::Exact(200), 4);
    let found = Bracket::new(forward, exact_starts, None);
    let z = (found.value - exact) / found.standard_error.unwrap();
    assert!(found.trusted() && z.abs() < 4.0, "{found:?}");
}

/// A run doubts itself where few chains make its value, and where the tail of its weights is heavy although the effective
/// samples are enough.
#[test]
fn single_runs_doubt_themselves() {
    let machine = random_machine(20, 10, 3.0, 1.0, 19);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let ais = |temperatures: usize, chains: usize| {
        let ais = ForwardAnnealing { betas: Betas::Linear(temperatures), chains };
        ais.estimate(&path, Seed::root(20), &mut quiet()).unwrap()
    };
    let poor = ais(10, 100);
    assert!(has(&poor.doubts, "few effective samples"), "{poor:?}");
    let heavy = ais(10, 3000);
    assert!(heavy.effective_samples.unwrap() > 10.0);
    assert_eq!(names(&heavy.doubts), "heavy tail", "{heavy:?}");
    assert_eq!(names(&ais(300, 1000).doubts), "");
    let one = ais(10, 1);
    assert_eq!(one.standard_error, None);
    assert!(has(&one.doubts, "unknown error"));
    for doubt in &poor.doubts {
        assert!(doubt.to_string().contains("take more"), "{doubt}");
    }
}

/// All exchanges are accepted on a path along which nothing changes: every state walks to the other end and back, two
/// rungs of rest included, so that a ladder sees a round trip every second round once the first states are back.
#[test]
fn round_trips_are_counted() {
    let machine = Rbm::new(3, 2).unwrap();
    let path = RbmPath::from_uniform(&machine).unwrap();
    for transitions in [1_usize, 2, 5] {
        let betas: Vec<f64> = (0..=transitions).map(|k| k as f64 / transitions as f64).collect();
        let starts = path.draw_base(4, Seed::root(1));
        let ladder = AlongPath::new(&path, &betas).unwrap();
        let mut tempering = ParallelTempering::new(&ladder, &starts, Seed::root(2)).unwrap();
        // The same with names for the states: who is where, and which end each has seen last.
        let mut places: Vec<usize> = (0..=transitions).collect();
        let mut seen = vec![' '; transitions + 1];
        let mut trips = 0;
        for round in 0..60 {
            tempering.advance(&ladder, 1);
            for lower in (round % 2..transitions).step_by(2) {
                places.swap(lower, lower + 1);
            }
            let (first, last) = (places[0], places[transitions]);
            if seen[last] == 'f' {
                seen[last] = 'l';
            }
            if seen[first] == 'l' {
                trips += 1;
            }
            seen[first] = 'f';
            assert_eq!(tempering.round_trips(), [trips; 4], "{transitions}, {round}");
        }
        assert!(trips.abs_diff(30) <= transitions as u64 + 2, "{trips}");
    }
}

/// Where every round draws every rung anew, the share of rounds that end a trip is 1 / (2 + 2 sum_k r_k / (1 - r_k)) with
/// the shares r_k of exchanges refused (Syed, Bouchard-Cote, Deligiannidis and Doucet 2022, section 3.4).
#[test]
fn round_trips_have_the_rate_of_the_rejections() {
    let mut machine = Rbm::new(40, 1).unwrap();
    machine.parameters_mut()[40..80].fill(2.0);
    let path = RbmPath::from_uniform(&machine).unwrap();
    let betas: Vec<f64> = (0..=5).map(|k| f64::from(k) / 5.0).collect();
    let starts = path.draw_base(64, Seed::root(3));
    let ladder = AlongPath::new(&path, &betas).unwrap();
    let mut tempering = ParallelTempering::new(&ladder, &starts, Seed::root(4)).unwrap();
    (0..200).for_each(|_| tempering.advance(&ladder, 1));
    let before: u64 = tempering.round_trips().iter().sum();
    (0..2000).for_each(|_| tempering.advance(&ladder, 1));
    let trips: u64 = tempering.round_trips().iter().sum::<u64>() - before;
    let rate = trips as f64 / (64.0 * 2000.0);
    let refused: f64 = tempering.acceptance().into_iter().map(|share| (1.0 - share.unwrap()) / share.unwrap()).sum();
    let expected = 1.0 / (2.0 + 2.0 * refused);
    println!("{rate:.4}, expected {expected:.4}");
    // Some 10,000 trips, which follow each other more regularly than by chance.
    assert!((rate / expected - 1.0).abs() < 0.05, "{rate}, {expected}");
    assert!(trips > 5000 && refused > 0.5);
}

/// (value - exact) / error of runs of tempering, with their doubts.
fn ladders(machine: &Rbm, integrate: bool, rungs: usize, rounds: usize) -> Vec<(LogPartition, f64)> {
    let path = RbmPath::from_uniform(machine).unwrap();
    let exact = log_partition(machine).unwrap();
    let one = |number: u64| {
        let run = TemperedRun {
            betas: Betas::Linear(rungs),
            ladders: 32,
            burn_in: rounds / 5,
            rounds: rounds - rounds / 5,
            every: 1,
        };
        let seed = Seed::root(50).child("run", number);
        let estimator: Box<dyn LogPartitionEstimator> =
            if integrate { Box::new(ThermodynamicIntegration(run)) } else { Box::new(BennettRatio(run)) };
        let found = estimator.estimate(&path, seed, &mut quiet()).unwrap();
        let z = (found.value - exact) / found.standard_error.unwrap();
        (found, z)
    };
    (0..60).into_par_iter().map(one).collect()
}

/// Runs of tempering that are still burning in are doubted by what only one of the doubts sees: the autocorrelation time
/// is short in most. Easy ones are not doubted.
#[test]
fn tempering_that_still_burns_in_is_doubted() {
    let count = |found: &[(LogPartition, f64)], keep: &dyn Fn(&str, f64) -> bool| {
        let kept = found.iter().filter(|(run, z)| keep(&names(&run.doubts), *z));
        kept.count()
    };
    let modes = || separated_modes(30, 12, 3.0, 1.0, 1027);
    let ferromagnet = || ferromagnet(1.2, 0.05);
    for (machine, rungs, rounds) in
        [(modes(), 10, 200), (modes(), 20, 300), (ferromagnet(), 10, 200), (ferromagnet(), 3, 200)]
    {
        for integrate in [false, true] {
            let found = ladders(&machine, integrate, rungs, rounds);
            let undoubted = count(&found, &|doubts, _| doubts.is_empty());
            let alone = count(&found, &|doubts, _| doubts == "few round trips");
            println!("{rungs} {rounds} {integrate}: {undoubted} undoubted, {alone} by round trips alone");
            assert_eq!(undoubted, 0);
            assert!(rungs == 3 || alone > 20, "{alone}");
        }
    }
    // States travel, but those that meet a mode do not come back.
    let found = ladders(&separated_modes(30, 12, 3.5, 1.0, 1027), false, 20, 400);
    let drifting = count(&found, &|doubts, _| doubts == "drifting");
    let caught = count(&found, &|doubts, z| doubts == "drifting" && z.abs() > 4.0);
    println!("{drifting} drift alone, {caught} of them wrong");
    assert!(drifting >= 5 && caught >= 1, "{drifting}, {caught}");
    for (machine, rungs, rounds) in [
        (random_machine(10, 8, 1.0, 0.5, 1), 10, 400),
        (random_machine(40, 12, 0.4, 0.3, 3), 10, 400),
        (random_machine(16, 12, 0.8, 0.4, 2), 3, 400),
    ] {
        let found = ladders(&machine, false, rungs, rounds);
        let undoubted = count(&found, &|doubts, _| doubts.is_empty());
        assert!(undoubted >= 57, "{undoubted}");
    }
    let hasty = ladders(&random_machine(20, 10, 3.0, 1.0, 19), false, 8, 8);
    assert!(hasty.iter().all(|(run, _)| has(&run.doubts, "short run")));
}

/// Against machines built to fool an error bar: of what two tempering runs, from the base and from exact draws as data, agree
/// on without a doubt, nothing is four errors off, and easy machines are not refused. A narrow mode that no state meets on its
/// way, in which forty draws do not always lie, is among them.
#[test]
fn what_two_starts_agree_on_is_right() {
    let families =
        [Family::Easy, Family::Separated, Family::Narrow, Family::Ferromagnet, Family::Glass, Family::LargeWeights];
    let members = families.into_iter().flat_map(battery::members).filter(|member| member.preparation() == 0);
    let cases: Vec<_> = members.flat_map(|member| (0..3_u64).map(move |seed| (member, seed))).collect();
    let found: Vec<(Family, bool, f64)> = cases
        .into_par_iter()
        .map(|(member, seed)| {
            let seed = Seed::root(31).child(&member.name(), seed);
            let machine = member.machine(seed).unwrap();
            let path = RbmPath::from_uniform(&machine).unwrap();
            let betas = Betas::Adaptive(16).resolve(&path, seed.child("betas", 0)).unwrap().betas;
            let ladder = AlongPath::new(&path, &betas).unwrap();
            let data = path.draw_target(40, seed.child("data", 0)).unwrap();
            let run = TemperedRun { betas: Betas::Given(betas), ladders: 32, burn_in: 100, rounds: 400, every: 1 };
            let base = path.base_log_partition();
            let found = BennettRatio(run).along(&ladder, base, &data, seed.child("run", 0), &mut quiet()).unwrap();
            let exact = log_partition(&machine).unwrap();
            (member.family, found.doubts.is_empty(), (found.value - exact) / found.standard_error.unwrap_or(f64::NAN))
        })
        .collect();
    for family in families {
        let own = found.iter().filter(|(of, ..)| *of == family);
        let yes: Vec<f64> = own.clone().filter(|(_, trusted, _)| *trusted).map(|(.., z)| z.abs()).collect();
        let worst = yes.iter().copied().fold(0.0, f64::max);
        println!("{family}: {} of {} without a doubt, worst {worst:.2}", yes.len(), own.count());
        assert!(yes.iter().all(|z| *z < 4.0), "{family}: {yes:?}");
        assert!(family != Family::Easy || yes.len() >= 12, "{}", yes.len());
    }
}
