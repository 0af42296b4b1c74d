//! What the command samples and measures, against enumeration.

mod common;

use common::{done, gibbsite, told};
use gibbsite::configuration::Configurations;
use gibbsite::enumerate::log_probabilities;
use gibbsite::law::Law;
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::random::Seed;
use gibbsite::statistics::fit::chi_square_p_value;
use gibbsite::targets::ising::Coupling;
use gibbsite::targets::site_fields::SiteFields;
use gibbsite_files::data::{Reading, read};
use gibbsite_files::model::{About, write_machine};
use gibbsite_files::write::System;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

fn machine() -> Rbm {
    let mut machine = Rbm::new(6, 4).unwrap();
    machine.initialize(InitialWeights::Gaussian(0.8), Seed::root(3)).unwrap();
    machine.parameters_mut()[24..].iter_mut().enumerate().for_each(|(k, x)| *x = k as f64 / 8.0 - 0.5);
    machine
}

fn rows(path: &Path) -> Configurations {
    read(&path.into(), &Reading::default(), &mut |_, _| {}).unwrap()
}

/// The p-value that the rows follow these probabilities of their states.
fn fit(rows: &Configurations, probabilities: &[f64]) -> f64 {
    let mut counts = vec![0; probabilities.len()];
    (0..rows.len()).for_each(|s| counts[rows.row(s)[0] as usize] += 1);
    chi_square_p_value(&counts, probabilities)
}

fn probabilities(law: &dyn Law) -> Vec<f64> {
    log_probabilities(law).unwrap().iter().map(|x| x.exp()).collect()
}

/// The numbers behind the header against p(h | v), of whole rows and of rows whose last units nobody has given.
#[test]
fn features_are_hidden_probabilities() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_machine(&System, &path.join("m.st"), &machine(), &About::new(Vec::new())).unwrap();
    std::fs::write(path.join("six.txt"), "1 0 1 1 0 1\n0 1 0 0 0 0\n").unwrap();
    std::fs::write(path.join("four.txt"), "1 0 1 1\n0 1 0 0\n").unwrap();
    for (words, states) in [("six.txt", [0b101101, 0b000010]), ("four.txt --absent-off", [0b001101, 0b000010])] {
        done(path, &format!("features m.st --data {words} --out f.npy"));
        let bytes = std::fs::read(path.join("f.npy")).unwrap();
        assert_eq!(bytes.len(), 128 + 4 * 8);
        for (number, bytes) in bytes[128..].chunks_exact(4).enumerate() {
            let found = f32::from_le_bytes(bytes.try_into().unwrap());
            let p = machine().hidden_probability(&[states[number / 4]], number % 4);
            assert!((f64::from(found) - p).abs() < 1e-7, "{words}: number {number} is {found} and not {p}");
        }
    }
}

/// A machine whose hidden units copy the visible ones, and these the hidden ones, stays where its chains start: at the rows
/// of the file, in turn.
#[test]
fn chains_start_at_the_rows_of_a_file_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let mut copies = Rbm::new(3, 3).unwrap();
    for i in 0..3 {
        copies.parameters_mut()[4 * i] = 200.0;
        copies.parameters_mut()[9 + i] = -100.0;
        copies.parameters_mut()[12 + i] = -100.0;
    }
    write_machine(&System, &path.join("m.st"), &copies, &About::new(Vec::new())).unwrap();
    std::fs::write(path.join("starts.txt"), "1 0 1\n0 1 1\n").unwrap();
    let printed = done(path, "sample m.st --count 5 --gibbs-steps 2 --start starts.txt");
    assert_eq!(printed, "1 0 1\n0 1 1\n1 0 1\n0 1 1\n1 0 1\n");
}

/// Of all states of the machine, and of those of held units given the others.
#[test]
fn draws_of_a_machine_follow_its_law_also_where_units_are_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_machine(&System, &path.join("m.st"), &machine(), &About::new(Vec::new())).unwrap();
    let law = probabilities(&machine());
    done(path, "sample m.st --count 40000 --gibbs-steps 100 --out free.npy");
    let p = fit(&rows(&path.join("free.npy")), &law);
    assert!(p > 1e-6, "{p}");
    // A start in one state is forgotten too.
    std::fs::write(path.join("start.txt"), "1 1 1 1 1 1\n").unwrap();
    done(path, "sample m.st --count 40000 --gibbs-steps 100 --start start.txt --out forgotten.npy");
    let p = fit(&rows(&path.join("forgotten.npy")), &law);
    assert!(p > 1e-6, "{p}");
    done(path, "sample m.st --count 40000 --gibbs-steps 1 --start start.txt --out remembered.npy");
    assert!(fit(&rows(&path.join("remembered.npy")), &law) < 1e-6);
    // Two lines of held units: 1?0??? and 0?11?0.
    std::fs::write(path.join("held.txt"), "1 ? 0 ? ? ?\n0?11?0\n").unwrap();
    done(path, "sample m.st --count 40000 --gibbs-steps 100 --clamp held.txt --out held.npy");
    let all = rows(&path.join("held.npy"));
    assert_eq!(all.len(), 80_000);
    for (first, mask, value) in [(0, 0b000101, 0b000001), (40_000, 0b101101, 0b001100)] {
        let given: f64 = (0..64).filter(|x| x & mask == value).map(|x| law[x]).sum();
        let law: Vec<f64> = (0..64).map(|x| if x & mask == value { law[x] / given } else { 0.0 }).collect();
        let own = all.select(&(first..first + 40_000).collect::<Vec<_>>());
        let p = fit(&own, &law);
        assert!(p > 1e-6, "{p}");
    }
}

/// The same line twice has random numbers of its own each time.
#[test]
fn lines_of_held_units_are_drawn_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_machine(&System, &path.join("m.st"), &machine(), &About::new(Vec::new())).unwrap();
    std::fs::write(path.join("held.txt"), "1 ? ? ? ? ?\n1 ? ? ? ? ?\n").unwrap();
    done(path, "sample m.st --count 60 --gibbs-steps 50 --clamp held.txt --out held.npy");
    let all = rows(&path.join("held.npy"));
    let half = |first: usize| (first..first + 60).map(|s| all.row(s)[0]).collect::<Vec<_>>();
    assert_ne!(half(0), half(60));
}

/// Couplings and fields from a file, drawn exactly and along chains.
#[test]
fn draws_of_a_list_of_couplings_follow_its_law() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("J.csv"), "0,1,1\n1,2,-0.5\n2,3,0.75\n0,3,-1\n0,2,0.25\n1,0.3\n3,-0.2\n").unwrap();
    let strengths = [(0, 1, 1.0), (1, 2, -0.5), (2, 3, 0.75), (0, 3, -1.0), (0, 2, 0.25)];
    let couplings = strengths.map(|(i, j, strength)| Coupling { i, j, strength });
    let law = probabilities(&SiteFields::new(4, &couplings, &[(1, 0.3), (3, -0.2)], 1.3).unwrap());
    done(path, "sample --couplings J.csv --temperature 1.3 --count 50000 --out exact.npy");
    let p = fit(&rows(&path.join("exact.npy")), &law);
    assert!(p > 1e-6, "{p}");
    // Chains remember for a while: every eighth row is nearly independent.
    done(path, "sample --couplings J.csv --temperature 1.3 --count 160000 --sampler chains --out chains.npy");
    let chains = rows(&path.join("chains.npy"));
    let p = fit(&chains.select(&(0..chains.len()).step_by(8).collect::<Vec<_>>()), &law);
    assert!(p > 1e-6, "{p}");
}

/// The gradient of --moments against central differences of kl_from_data.
#[test]
fn the_gradient_is_that_of_the_divergence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let about = About::new(Vec::new());
    write_machine(&System, &path.join("m.st"), &machine(), &about).unwrap();
    done(path, "sample ring:6 --temperature 2 --count 50 --out data.txt");
    let kl = |name: &str| {
        let text = done(path, &format!("evaluate {name} --data data.txt"));
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["kl_from_data"].as_f64().unwrap()
    };
    done(path, "evaluate m.st --data data.txt --moments moments.st");
    // The file holds gradients of W, b and c as the tensors of a machine do.
    let bytes = std::fs::read(path.join("moments.st")).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let tensor = |name: &str| -> Vec<f64> {
        let ends = header[name]["data_offsets"].as_array().unwrap();
        let [from, to] = [0, 1].map(|k| 8 + length + ends[k].as_u64().unwrap() as usize);
        bytes[from..to].chunks(8).map(|x| f64::from_le_bytes(x.try_into().unwrap())).collect()
    };
    let gradient =
        [tensor("gradient_weights"), tensor("gradient_visible_bias"), tensor("gradient_hidden_bias")].concat();
    assert_eq!((gradient.len(), tensor("data_v").len(), tensor("model_vh").len()), (34, 6, 24));
    for index in [0, 7, 23, 24, 29, 30, 33] {
        let moved = |by: f64| {
            let mut moved = machine();
            moved.parameters_mut()[index] += by;
            write_machine(&System, &path.join("moved.st"), &moved, &about).unwrap();
            kl("moved.st")
        };
        let expected = (moved(1e-4) - moved(-1e-4)) / 2e-4;
        assert!((gradient[index] - expected).abs() < 1e-7, "{index}: {} {expected}", gradient[index]);
    }
}

/// The likelihood of --data, the divergence from a law and the observables against sums over all states; both sides of ln Z
/// about the exact one.
#[test]
fn what_evaluate_tells_is_what_sums_over_states_tell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_machine(&System, &path.join("m.st"), &machine(), &About::new(Vec::new())).unwrap();
    done(path, "sample ring:6 --temperature 2 --count 50 --out data.txt");
    let json = |words: &str| serde_json::from_str::<serde_json::Value>(&done(path, words)).unwrap();
    let told = json("evaluate m.st --data data.txt --target ring:6 --temperature 2");
    let model = log_probabilities(&machine()).unwrap();
    let data = rows(&path.join("data.txt"));
    let close = |name: &str, expected: f64| {
        let found = told[name].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{name}: {found}, {expected}");
    };
    let likelihood = (0..50).map(|s| model[data.row(s)[0] as usize]).sum::<f64>() / 50.0;
    close("mean_log_likelihood", likelihood);
    let mut frequency = [0.0_f64; 64];
    (0..50).for_each(|s| frequency[data.row(s)[0] as usize] += 0.02);
    let entropy = -frequency.iter().filter(|p| **p > 0.0).map(|p| p * p.ln()).sum::<f64>();
    close("entropy_of_data", entropy);
    close("kl_from_data", -entropy - likelihood);
    let ising = gibbsite::targets::ising::Ising::on_lattice("ring:6".parse().unwrap(), 1.0, 0.0, 2.0).unwrap();
    let law = log_probabilities(&ising).unwrap();
    close("kl_from_law", law.iter().zip(&model).map(|(p, q)| p.exp() * (p - q)).sum());
    let energy = |log: &[f64]| (0..64).map(|x| log[x as usize].exp() * ising.energy(&[x])).sum::<f64>() / 6.0;
    let observable = &told["observables"][0];
    assert_eq!(observable["name"], "energy");
    assert!((observable["law"].as_f64().unwrap() - energy(&law)).abs() < 1e-9);
    assert!((observable["machine"].as_f64().unwrap() - energy(&model)).abs() < 1e-9);
    let both = json("evaluate m.st --data data.txt --target ring:6 --temperature 2 --ais --ais-temperatures 200");
    let number = |name: &str| both[name].as_f64().unwrap();
    let z =
        (number("log_partition") - told["log_partition"].as_f64().unwrap()) / number("log_partition_standard_error");
    for name in ["mean_log_likelihood", "kl_from_law"] {
        let (lower, upper) = (number(&format!("{name}_lower")), number(&format!("{name}_upper")));
        assert!(lower < number(name) && number(name) < upper, "{name}: {lower} {upper}");
    }
    assert!(z.abs() < 4.9 && both["trusted"] == true, "{z}");
    assert!(
        number("log_partition_lower") <= number("log_partition")
            && number("log_partition") <= number("log_partition_upper")
    );
}

/// Couplings of a ring come back within their errors, in a table that `sample` reads.
#[test]
fn couplings_come_back_within_their_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    done(path, "sample ring:6 --temperature 2 --field 0.4 --count 20000 --out data.txt");
    for criterion in ["likelihood", "pseudo-likelihood"] {
        done(path, &format!("couplings --data data.txt --criterion {criterion} --out {criterion}.csv"));
        let text = std::fs::read_to_string(path.join(format!("{criterion}.csv"))).unwrap();
        let mut squares = Vec::new();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split(',').collect();
            let (i, value, error) = (words[0].parse::<usize>().unwrap(), number(words[2]), number(words[3]));
            let truth = match words[1].parse::<usize>() {
                Ok(j) if j == i + 1 || (i, j) == (0, 5) => 0.5,
                Ok(_) => 0.0,
                Err(_) => 0.2,
            };
            squares.push(((value - truth) / error).powi(2));
        }
        // Fifteen pairs and six fields; the sum is about chi-squared with 21 degrees of freedom: beyond 70 once in a million.
        let sum: f64 = squares.iter().sum();
        assert!(squares.len() == 21 && sum < 70.0 && sum > 3.0, "{criterion}: {sum}");
        done(path, &format!("sample --couplings {criterion}.csv --count 10 --out again.txt"));
    }
}

fn number(word: &str) -> f64 {
    word.parse().unwrap()
}

/// Formats, spins and weights through pipes.
#[test]
fn everything_composes_in_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    done(path, "sample ring:9 --count 100 --out a.txt");
    let text = std::fs::read(path.join("a.txt")).unwrap();
    let piped = |words: &str, input: &[u8]| {
        let mut child =
            gibbsite(path, words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(told(&output).0, 0, "{words}: {}", told(&output).2);
        output.stdout
    };
    let npy = piped("convert - - --format npy --as spins", &text);
    let csv = piped("convert - - --spins --format csv", &npy);
    assert_eq!(piped("convert - -", &csv), text);
    assert_eq!(piped("sample ring:9 --count 100", b""), text);
    // Weights: rows drawn twice count twice.
    let weighted = b"1 0 1 2\n0 0 1 6\n";
    let back = piped("convert - - --weights last", weighted);
    assert_eq!(back, b"1 0 1 0.25\n0 0 1 0.75\n");
    done(path, "train --data a.txt --hidden 2 --epochs 1 --out m.st --quiet");
    let one = piped("evaluate m.st --data -", &text);
    let two = piped("evaluate m.st --data -", &[&text[..], &text].concat());
    let likelihood = |json: &[u8]| {
        serde_json::from_slice::<serde_json::Value>(json).unwrap()["mean_log_likelihood"].as_f64().unwrap()
    };
    assert!((likelihood(&one) - likelihood(&two)).abs() < 1e-12);
}

/// A whole law by weights: a machine learns three states with probabilities 1/2, 1/3 and 1/6.
#[test]
fn weighted_data_are_learned_as_a_law() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("law.csv"), "a,b,c,count\n1,0,1,3\n0,1,1,2\n0,0,0,1\n").unwrap();
    let options = "--hidden 4 --estimator exact --epochs 3000 --learning-rate 0.5 --momentum 0.9 --quiet";
    done(path, &format!("train --data law.csv --weights count {options} --initial-weights gaussian:0.3 --out m.st"));
    let told = done(path, "evaluate m.st --data law.csv --weights count");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["kl_from_data"].as_f64().unwrap() < 0.02, "{told}");
}

/// A machine that is converted keeps what its file says of it.
#[test]
fn a_converted_machine_keeps_its_history() {
    let folder = tempfile::tempdir().unwrap();
    common::spins(folder.path(), "square:3x3", 50);
    done(folder.path(), "train --data spins.txt --hidden 2 --epochs 3 --out m.safetensors --quiet");
    done(folder.path(), "convert m.safetensors n.safetensors");
    let read = |name: &str| gibbsite_files::model::read_machine(&folder.path().join(name)).unwrap();
    let (before, after) = (read("m.safetensors"), read("n.safetensors"));
    assert_eq!(before.about.as_ref().unwrap().history.len(), 1);
    assert_eq!((before.about, before.machine.parameters()), (after.about, after.machine.parameters()));
}

/// Couplings of a list are J/T already: without a word they are drawn at T = 1.
#[test]
fn a_list_of_couplings_is_at_temperature_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("J.csv"), "0,1,0.8\n1,2,-0.5\n2,0.3\n").unwrap();
    let draw = |more: &str| {
        done(folder.path(), &format!("sample --couplings J.csv --count 200 --out rows.txt {more}"));
        std::fs::read(folder.path().join("rows.txt")).unwrap()
    };
    assert_eq!(draw(""), draw("--temperature 1"));
    assert_ne!(draw(""), draw("--temperature 2.269"));
}
