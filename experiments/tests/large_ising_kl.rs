//! The experiment large_ising_kl as its user runs it, and its divergence against the enumerated one.

mod common;

use common::{assert_mistakes_are_named, run_binary};
use gibbsite::enumerate::{kl_divergence, log_partition, log_probabilities};
use gibbsite::law::Law;
use gibbsite::log_partition::annealing::Tempering;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracketing;
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monitor::observables::{Sampling, sample_model};
use gibbsite::monitor::sampled_kl::SampledTarget;
use gibbsite::monte_carlo::ising_sample::draw_configurations;
use gibbsite::random::Seed;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::Observable;
use gibbsite::targets::square_lattice::SquareLattice;
use gibbsite::training::gradient::{ContrastiveDivergence, HiddenStatistics};
use gibbsite::training::schedule::Decay;
use gibbsite::training::trainer::{Training, train};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const FILES: [&str; 5] =
    ["rows.csv", "kl_against_epoch.png", "kl_against_epoch.svg", "kl_against_hidden.png", "kl_against_hidden.svg"];

const HEADER: &str = "lattice,temperature,hidden,replica,epoch,kl,kl_standard_error,kl_per_site,kl_lower,kl_upper,\
                      log_partition,log_partition_standard_error,log_partition_forward,log_partition_reverse,\
                      effective_samples,trusted,doubts";

const BINARY: &str = env!("CARGO_BIN_EXE_large_ising_kl");

fn run(arguments: &[&str]) -> Output {
    run_binary(BINARY, arguments)
}

fn results(folder: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    FILES.into_iter().map(|name| (name, fs::read(folder.join(name)).expect(name))).collect()
}

/// A run of every part on few spins; what it prints.
fn small(threads: &str, out: &TempDir, more: &[&str]) -> String {
    #[rustfmt::skip]
    let options = [
        "--quick", "--lattices", "square:4x4,square:3x3", "--temperatures", "2.269,3", "--hidden", "3,20",
        "--samples", "1000", "--epochs", "5", "--every", "2", "--ais-temperatures", "100", "--ais-chains", "50",
        "--threads", threads, "--out", out.path().to_str().unwrap(),
    ];
    let output = run(&[&options, more].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every file, with the promised columns; the same bytes for any number of threads and after a run that had lost cells.
#[test]
fn every_file_is_written_with_the_same_bytes() {
    let one = TempDir::new().unwrap();
    let text = small("1", &one, &[]);
    assert!(text.contains("--quick stands for") && text.contains("KL a spin"), "{text}");
    let files = results(one.path());
    let record: serde_json::Value = serde_json::from_slice(&fs::read(one.path().join("run.json")).unwrap()).unwrap();
    assert_eq!((&record["cells"], &record["options"]["hidden"]), (&16.into(), &"3,20".into()));
    let rows = String::from_utf8_lossy(&files["rows.csv"]).into_owned();
    assert_eq!(rows.lines().next(), Some(HEADER));
    // Lattices, temperatures, sizes and replicas are two each; epochs 0, 2, 4 and the last.
    assert_eq!(rows.lines().count(), 1 + 16 * 4);
    let epochs: Vec<&str> = rows.lines().skip(1).map(|line| line.split(',').nth(4).unwrap()).collect();
    assert!(epochs.chunks(4).all(|cell| cell == ["0", "2", "4", "5"]));
    // Untrusted rows are counted where the table ends.
    let unsure = rows.lines().filter(|line| line.split(',').nth(15) == Some("false")).count();
    // Doubts are named where there is no trust, and nowhere else.
    for line in rows.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[15] == "true", cells[16].is_empty(), "{line}");
    }
    let line = format!("{unsure} of 64 measurements are not to be trusted");
    assert_eq!(text.contains(&line), unsure > 0, "{text}");

    let three = TempDir::new().unwrap();
    small("3", &three, &[]);
    assert_eq!(files, results(three.path()), "3 threads");
    let cells = fs::read_dir(three.path().join("cells")).unwrap().map(|entry| entry.unwrap().path());
    let cells: Vec<_> = cells.filter(|path| path.is_dir()).collect();
    assert_eq!(cells.len(), 1);
    let lost = ["square-4x4_temperature-3.0_hidden-20_replica-1", "square-3x3_temperature-2.269_hidden-3_replica-0"];
    for name in lost {
        fs::remove_file(cells[0].join(format!("{name}.csv"))).unwrap();
    }
    let text = small("2", &three, &[]);
    assert!(text.contains("14 of 16 cells kept from an earlier run"), "{text}");
    assert_eq!(files, results(three.path()), "with cells kept");
}

/// Mistakes name the option and the mend, end with code 2 and write nothing.
#[test]
fn mistakes_are_named_and_nothing_is_written() {
    let mistakes: [(&[&str], &str); 13] = [
        (&["--lattices", "square:4x4,triangular:4x4"], "--lattices triangular:4x4"),
        (&["--lattices", "square-open:4x4"], "its ln Z is not known"),
        (&["--lattices", "square:2x8"], "square:2x8"),
        (&["--lattices", "square:4000x4000"], "square:4000x4000"),
        (&["--temperatures", "1,-1"], "--temperatures"),
        (&["--ais-chains", "0"], "--ais-chains"),
        (&["--ais-temperatures", "0"], "--ais-temperatures"),
        (&["--every", "0"], "--every"),
        (&["--sweeps", "10"], "--sweeps 10"),
        (&["--sweeps", "200000"], "--sweeps 200000"),
        (&["--hidden", "200000"], "--hidden 200000"),
        (&["--gibbs-steps", "2000000"], "--gibbs-steps 2000000"),
        (&["--quick", "--paper"], "--paper"),
    ];
    assert_mistakes_are_named(BINARY, &mistakes);
}

fn torus(side: usize, temperature: f64) -> Ising {
    Ising::on_lattice(Lattice::Square(side, side), 1.0, 0.0, temperature).unwrap()
}

/// D(P || uniform) = N ln 2 + sum P ln P, which a machine with weights of 0.01 is nearly at.
fn from_uniform(side: usize, temperature: f64) -> f64 {
    let sites = (side * side) as f64;
    let target = torus(side, temperature);
    let plogp = |p: &f64| if p.is_finite() { p.exp() * p } else { 0.0 };
    let logs = log_probabilities(&target).unwrap();
    sites * std::f64::consts::LN_2 + logs.iter().map(plogp).sum::<f64>()
}

/// What the experiment writes: before training the divergence of the uniform law, then less of it; what is a spin's
/// share, and errors that hold the error of ln Z.
#[test]
fn rows_begin_at_the_uniform_law_and_fall() {
    let out = TempDir::new().unwrap();
    let more = [
        "--lattices",
        "square:4x4",
        "--temperatures",
        "3",
        "--hidden",
        "6",
        "--learning-rate",
        "0.5",
        "--epochs",
        "30",
    ];
    small("2", &out, &more);
    let rows = fs::read_to_string(out.path().join("rows.csv")).unwrap();
    let column = |line: &str, name: &str| -> f64 {
        let place = HEADER.split(',').position(|column| column == name);
        line.split(',').nth(place.unwrap()).unwrap().parse().unwrap()
    };
    let uniform = from_uniform(4, 3.0);
    for line in rows.lines().skip(1) {
        let (kl, error) = (column(line, "kl"), column(line, "kl_standard_error"));
        if column(line, "epoch") == 0.0 {
            assert!(((kl - uniform) / error).abs() < 4.9, "{line}: not {uniform}");
        }
        if column(line, "epoch") == 30.0 {
            assert!(kl < 0.5 * uniform, "{line}");
        }
        assert!((column(line, "kl_per_site") - kl / 16.0).abs() < 1e-12, "{line}");
        assert!(error > column(line, "log_partition_standard_error"), "{line}");
        // The ends are those of ln Z, to which the rest of the divergence is added.
        let rest = kl - column(line, "log_partition");
        let sides = ["log_partition_forward", "log_partition_reverse"].map(|name| column(line, name));
        let both = [sides[0], sides[1], column(line, "log_partition")];
        let (low, high) =
            (both.into_iter().fold(f64::INFINITY, f64::min), both.into_iter().fold(f64::NEG_INFINITY, f64::max));
        assert!((column(line, "kl_lower") - low - rest).abs() < 1e-9, "{line}");
        assert!((column(line, "kl_upper") - high - rest).abs() < 1e-9, "{line}");
    }
}

/// The divergence along a path against the enumerated one, at every epoch of training on 3x3 and 4x4 spins.
#[test]
fn the_divergence_agrees_with_enumeration_as_a_machine_learns() {
    for (side, temperature, hidden) in [(3, 3.0, 4), (4, 2.269, 6)] {
        let target = torus(side, temperature);
        let logs = log_probabilities(&target).unwrap();
        let data = draw_configurations(&target, 2000, Seed::root(1)).unwrap().configurations;
        let sampling = Sampling { chains: 64, equilibration: 100, measured: 100 };
        let mut machine = Rbm::new(target.sites(), hidden).unwrap();
        machine.initialize(InitialWeights::Gaussian(0.01), Seed::root(2)).unwrap();
        let mut copy = machine.clone();
        let mut cd = ContrastiveDivergence::new(5, 0, HiddenStatistics::default());
        let settings = Training { epochs: 10, learning_rate: 0.3, ..Training::default() };
        let mut squares = Vec::new();
        train(&mut machine, &mut cd, &data, &settings, Seed::root(3), &mut |epoch, _, machine| {
            copy.parameters_mut().copy_from_slice(machine.parameters());
            let ln_z = log_partition(&copy)?;
            let exact = kl_divergence(&logs, &copy, ln_z);
            let bracketing = Bracketing {
                betas: Betas::Adaptive(300),
                chains: 100,
                tempering: Tempering { rungs: 16, rounds: 100 },
                data: Some((&data, 300)),
            };
            let path = RbmPath::from_data(&copy, &data)?;
            let seed = Seed::root(4).child("epoch", epoch as u64);
            let fresh = SampledTarget::of_ising(&target, sampling, seed)?;
            let (kl, bracket) = fresh.measure_along(&path, &bracketing, seed, &mut |_, _| ())?;
            let z = (kl.value - exact) / kl.standard_error.unwrap();
            assert!(z.abs() < 4.9, "{side}, epoch {epoch}: {kl:?}, not {exact}");
            // A doubt about ln Z is one about the divergence.
            assert!(bracket.trusted() || !kl.trusted);
            squares.push(z * z);
            Ok(())
        })
        .unwrap();
        let mean = squares.iter().sum::<f64>() / squares.len() as f64;
        assert!(mean < 3.0, "{side}: mean z^2 = {mean}");
    }
}

/// Below the critical temperature contrastive divergence learns a phase and all but forbids the other, which energy and
/// |m| do not show: ln P - ln p on average over fresh configurations of either sign, ln Z by enumeration.
#[test]
fn contrastive_divergence_forbids_a_phase() {
    let ising = Ising::on_lattice(Lattice::Square(8, 8), 1.0, 0.0, 1.8).unwrap();
    let data = draw_configurations(&ising, 20_000, Seed::root(1)).unwrap().configurations;
    let fresh = draw_configurations(&ising, 2_000, Seed::root(2)).unwrap().configurations;
    let mut machine = Rbm::new(64, 16).unwrap();
    machine.initialize(InitialWeights::Gaussian(0.01), Seed::root(3)).unwrap();
    let settings =
        Training { epochs: 50, learning_rate: 0.1, decay: Decay::Exponential(20_000.0), ..Training::default() };
    let mut estimator = ContrastiveDivergence::new(5, 0, HiddenStatistics::default());
    let seed = Seed::root(4);
    train(&mut machine, &mut estimator, &data, &settings, seed, &mut |_, _, _| Ok(())).unwrap();
    let constant = log_partition(&machine).unwrap() - ising.log_partition().unwrap();
    let phase = |up: bool| {
        let rows = (0..fresh.len()).map(|s| fresh.row(s));
        let differences: Vec<f64> = rows
            .filter(|row| (ising.magnetization(row) > 0.0) == up)
            .map(|row| constant + ising.log_weight(row) - machine.log_weight(row))
            .collect();
        differences.iter().sum::<f64>() / differences.len() as f64
    };
    let (up, down) = (phase(true), phase(false));
    println!("<ln P - ln p> over spins mostly up {up:.2}, mostly down {down:.2}");
    let (learned, forbidden) = (up.min(down), up.max(down));
    // A phase that takes all the weight, learned perfectly, would have -ln 2.
    assert!(learned > -0.7 && learned < 2.0 && forbidden > 20.0, "{up}, {down}");
    // What the machine generates has the right energy and |m| within some per cent.
    let sampling = Sampling { chains: 64, equilibration: 500, measured: 500 };
    let sampled = sample_model(&ising, &machine, &data, sampling, Seed::root(5), &mut |_, _| ()).unwrap();
    let exact = SquareLattice::new(8, 8, 1.0 / 1.8, 0.0).unwrap();
    let energy = sampled.estimate(Observable::Energy).value;
    println!("energy a spin {energy:.4}, exact {:.4}", exact.energy);
    assert!((energy / exact.energy - 1.0).abs() < 0.1, "{energy}");
}
