//! Bars and stripes, a law with forbidden states, against counts and bounds computed elsewhere.

mod common;

use common::*;
use gibbsite::contract::{self, FALSE_ALARM};
use gibbsite::enumerate;
use gibbsite::law::Law;
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::monitor::{ExactTarget, entropy};
use gibbsite::monte_carlo::single_site::{HeatBath, Metropolis};
use gibbsite::random::Seed;
use gibbsite::statistics::fit::chi_square_p_value;
use gibbsite::targets::bars_and_stripes::BarsAndStripes;
use gibbsite::training::gradient::Exact;
use gibbsite::training::trainer::{Training, train};

fn named(name: &str) -> BarsAndStripes {
    name.parse().unwrap()
}

/// Fails unless the numbers agree to 1e-12, relative to the truth.
fn assert_relative(what: &str, ours: f64, truth: f64) {
    assert!((ours - truth).abs() <= 1e-12 * truth.abs(), "{what}: {ours} instead of {truth}");
}

/// Against datasets_bounds.json: how many patterns there are and how often each comes, ln Z, entropies
/// and the largest attainable log-likelihoods, for every bars-and-stripes set of the file (up to 25
/// sites, the limit of enumeration) and both conventions.
#[test]
fn counts_entropies_and_bounds_agree() {
    let file = reference("datasets_bounds");
    let mut seen = 0;
    for set in list(&file["sets"]) {
        let name = set["name"].as_str().unwrap();
        let Some(size) = name.strip_prefix("bars_and_stripes_") else {
            continue;
        };
        let distinct = number(&set["distinct_patterns"]);
        for (kind, entry, generated) in [
            ("bars", "with_multiplicity", &set["generated_patterns"]),
            ("bars-distinct", "uniform_over_distinct", &set["distinct_patterns"]),
        ] {
            let law = named(&format!("{kind}:{size}"));
            let table = enumerate::log_probabilities(&law).unwrap();
            let (mut patterns, mut times, mut repeated, mut bound) = (0.0, 0.0, 0.0, 0.0);
            for (state, log_p) in (0..).zip(&table).filter(|(_, log_p)| log_p.is_finite()) {
                let multiplicity = law.log_weight(&[state]).exp();
                patterns += 1.0;
                times += multiplicity;
                repeated += f64::from(u8::from(multiplicity > 1.5));
                bound += multiplicity * log_p;
            }
            let generated = number(generated);
            assert_eq!(patterns, distinct, "{law}");
            assert_relative(&format!("{law}, patterns generated"), times, generated);
            let ln_z = law.log_partition().unwrap();
            assert_relative(&format!("{law}, ln Z"), ln_z, generated.ln());
            let truth = if kind == "bars" { number(&set["multiplicities"]["2"]) } else { 0.0 };
            assert_eq!(repeated, truth, "{law}, patterns that come twice");

            let truth = &set[entry];
            let ours = entropy(&table);
            assert_relative(&format!("{law}, H"), ours, number(&truth["entropy_nats"]));
            let total = number(&truth["total_log_likelihood_bound"]);
            assert_relative(&format!("{law}, bound"), bound, total);
            if let Some(mean) = truth.get("mean_log_likelihood_bound") {
                assert_relative(&format!("{law}, mean"), bound / generated, number(mean));
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 10, "five sets, two conventions");
}

/// Against a list of the patterns: as a data set the law has a row for each, with its share.
#[test]
fn the_law_as_a_data_set_has_only_the_patterns() {
    let data = enumerate::whole_law(&named("bars:3x3")).unwrap();
    let bars = [0, 0o007, 0o070, 0o077, 0o700, 0o707, 0o770, 0o777];
    let stripes = [0, 0o111, 0o222, 0o333, 0o444, 0o555, 0o666, 0o777];
    let mut patterns = [bars, stripes].concat();
    patterns.sort_unstable();
    patterns.dedup();
    assert_eq!(as_numbers(&data), patterns);
    for (s, pattern) in patterns.into_iter().enumerate() {
        let times = bars.iter().chain(&stripes).filter(|p| **p == pattern);
        assert_close("weight", data.weight(s), times.count() as f64 / 16.0, 1e-14);
    }

    let data = enumerate::whole_law(&named("bars-distinct:3x3")).unwrap();
    assert_eq!(data.len(), 14);
    assert_all_close("weights", data.weights().unwrap(), &[1.0 / 14.0; 14], 1e-14);
}

/// Against the enumerated law: the law's own sampler, with and without repeats, on grids that are square
/// and that are not.
#[test]
fn drawn_patterns_follow_the_law() {
    let names = [
        "bars:2x2",
        "bars:3x3",
        "bars:2x4",
        "bars:4x3",
        "bars-distinct:2x2",
        "bars-distinct:3x3",
        "bars-distinct:2x4",
        "bars-distinct:4x3",
    ];
    for name in names {
        let law = named(name);
        let drawn = law.draw(100_000, Seed::root(71));
        assert_eq!(drawn, law.draw(100_000, Seed::root(71)));
        assert!(drawn.weights().is_none() && drawn.sites() == law.sites());
        let table = enumerate::log_probabilities(&law).unwrap();
        let probabilities: Vec<f64> = table.iter().map(|log_p| log_p.exp()).collect();
        let mut counts = vec![0; probabilities.len()];
        for state in as_numbers(&drawn) {
            counts[state] += 1;
        }
        let p_value = chi_square_p_value(&counts, &probabilities);
        assert!(p_value > FALSE_ALARM / names.len() as f64, "{name}: p-value {p_value:e}");
    }
}

/// Against the contract of `Law::has_forbidden_states`: both samplers refuse, and say what to use.
#[test]
fn single_site_samplers_refuse_the_law() {
    let law = named("bars:3x3");
    for refusal in [Metropolis::new(&law).err(), HeatBath::new(&law).err()] {
        let message = refusal.expect("a refusal").to_string();
        assert!(message.contains("; use the sampler"), "{message}");
    }
}

/// Against a direct sum over the patterns with a machine written out: the divergence of a machine from
/// a law with forbidden states, and the likelihood of the data.
#[test]
fn the_divergence_of_a_machine_is_the_sum_over_the_patterns() {
    for name in ["bars:3x3", "bars-distinct:2x4", "bars:4x3"] {
        let law = named(name);
        let mut rbm = Rbm::new(law.sites(), 5).unwrap();
        rbm.initialize(InitialWeights::Gaussian(0.7), Seed::root(72)).unwrap();
        let naive = NaiveMachine::new(law.sites(), 5, rbm.parameters());
        let data = enumerate::whole_law(&law).unwrap();
        let (mut divergence, mut likelihood) = (0.0, 0.0);
        for (s, pattern) in as_numbers(&data).into_iter().enumerate() {
            let log_p = -naive.free_energy(pattern) - naive.log_partition();
            divergence += data.weight(s) * (data.weight(s).ln() - log_p);
            likelihood += data.weight(s) * log_p;
        }
        let target = ExactTarget::new(&law).unwrap();
        let record = target.measure(&rbm, None).unwrap();
        assert_close(name, record.kl, divergence, 1e-12);
        assert_close(name, record.log_likelihood, likelihood, 1e-12);
        let record = target.measure(&rbm, Some(&data)).unwrap();
        assert_close(name, record.log_likelihood, likelihood, 1e-12);
        // The other way round the machine gives weight to what the law forbids.
        let table = enumerate::log_probabilities(&rbm).unwrap();
        let ln_z = enumerate::log_partition(&law).unwrap();
        assert_eq!(enumerate::kl_divergence(&table, &law, ln_z), f64::INFINITY);
    }
}

/// Against descent: a machine learns the patterns from the exact gradient.
#[test]
fn a_machine_learns_the_patterns() {
    let law = named("bars:2x2");
    let target = ExactTarget::new(&law).unwrap();
    let mut rbm = Rbm::new(4, 6).unwrap();
    rbm.initialize(InitialWeights::Gaussian(0.3), Seed::root(73)).unwrap();
    let before = target.measure(&rbm, None).unwrap().kl;
    let settings = Training { learning_rate: 0.2, momentum: 0.9, ..Training::default() };
    let data = enumerate::whole_law(&law).unwrap();
    let seed = Seed::root(74);
    train(&mut rbm, &mut Exact, &data, &settings, seed, &mut |_, _, _| Ok(())).unwrap();
    let after = target.measure(&rbm, None).unwrap().kl;
    assert!(after > 0.0 && after < 0.1 * before, "{before} to {after}");
}

/// What a wrong law with forbidden states gets wrong.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// ln f differences as they come: NaN between forbidden states.
    Difference,
    /// A finite penalty instead of a ban.
    Penalty,
    /// No way back from a forbidden state to an allowed one.
    NoReturn,
    /// Blocks of weights that allow one state more.
    Block,
    /// Forbidden states that are not declared.
    Undeclared,
    LogPartition,
}

struct WrongLaw {
    right: BarsAndStripes,
    fault: Fault,
}

impl Law for WrongLaw {
    fn sites(&self) -> usize {
        self.right.sites()
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        self.right.log_weight(state)
    }

    fn log_weight_change(&self, state: &[u64], site: usize) -> f64 {
        let right = self.right.log_weight_change(state, site);
        match self.fault {
            Fault::Difference if right == 0.0 => f64::NAN,
            Fault::Penalty if right == f64::NEG_INFINITY => -1e300,
            Fault::NoReturn if right == f64::INFINITY => 0.0,
            _ => right,
        }
    }

    fn log_weights(&self, first: u64, out: &mut [f64]) {
        self.right.log_weights(first, out);
        if self.fault == Fault::Block {
            out[1] = 0.0;
        }
    }

    fn log_partition(&self) -> Option<f64> {
        let excess = if self.fault == Fault::LogPartition { 1e-6 } else { 0.0 };
        self.right.log_partition().map(|ln_z| ln_z + excess)
    }

    fn has_forbidden_states(&self) -> bool {
        self.fault != Fault::Undeclared
    }
}

/// Against impostors: the contract sees every fault at the border of what is allowed.
#[test]
fn law_contract_refuses_wrong_laws_with_forbidden_states() {
    let check = |fault| {
        let right = named("bars:4x3");
        contract::law(&WrongLaw { right, fault }, 75)
    };
    check(Fault::None).unwrap();
    for (fault, word) in [
        (Fault::Difference, "log_weight_change"),
        (Fault::Penalty, "log_weight_change"),
        (Fault::NoReturn, "log_weight_change"),
        (Fault::Block, "log_weights differs"),
        (Fault::Undeclared, "has_forbidden_states"),
        (Fault::LogPartition, "ln Z"),
    ] {
        let problem = check(fault).unwrap_err();
        assert!(problem.contains(word), "{problem}");
    }
}
