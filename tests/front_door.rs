//! What a program on this library begins with: rows, a likelihood, draws, machines on paper.

use gibbsite::contract::FALSE_ALARM;
use gibbsite::enumerate;
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, layered_graph};
use gibbsite::monitor::likelihood::EXACT_UNITS;
use gibbsite::prelude::*;
use gibbsite::statistics::fit::chi_square_p_value;

fn random_machine(visible: usize, hidden: usize, deviation: f64, seed: u64) -> Rbm {
    let mut machine = Rbm::new(visible, hidden).unwrap();
    machine.initialize(InitialWeights::Gaussian(deviation), Seed::root(seed)).unwrap();
    let couplings = machine.couplings();
    let biases = &mut machine.parameters_mut()[couplings..];
    biases.iter_mut().enumerate().for_each(|(k, bias)| *bias = 0.3 * (k % 3) as f64 - 0.4);
    machine
}

/// Against enumeration: exact where a layer is small, within 4.9 errors and between both ends, of fresh machines, where it
/// is not; and no more than rounding away from -n ln 2 for the uniform law.
#[test]
fn the_likelihood_of_rows_is_that_of_enumeration() {
    let rows = uniform_configurations(24, 300, Seed::root(1));
    let exact = |machine: &Rbm| enumerate::mean_log_weight(machine, &rows) - log_partition(machine).unwrap();
    let small = random_machine(24, 5, 0.6, 2);
    let found = log_likelihood(&small, &rows, Seed::root(3)).unwrap();
    assert!((found.value - exact(&small)).abs() < 1e-10 && found.trusted && found.standard_error == Some(0.0));
    assert_eq!((found.lower, found.upper, found.lower_is_bound), (found.value, found.value, true));
    for seed in 4..8 {
        let machine = random_machine(24, EXACT_UNITS + 1, 0.4, seed);
        let (found, exact) = (log_likelihood(&machine, &rows, Seed::root(seed)).unwrap(), exact(&machine));
        let error = found.standard_error.unwrap();
        assert!(found.trusted, "{}", found.doubts);
        assert!(error > 0.0 && (found.value - exact).abs() < 4.9 * error, "{found:?}, exactly {exact}");
        assert!(found.lower <= found.value && found.value <= found.upper && found.lower < found.upper);
        assert!((found.value + found.log_partition - enumerate::mean_log_weight(&machine, &rows)).abs() < 1e-9);
    }
    let mut broken = random_machine(24, 5, 0.6, 2);
    broken.parameters_mut()[7] = f64::NAN;
    assert!(log_likelihood(&broken, &rows, Seed::root(1)).unwrap_err().to_string().contains("W[1,2]"));
    let narrow = uniform_configurations(23, 3, Seed::root(1));
    assert!(log_likelihood(&small, &narrow, Seed::root(1)).unwrap_err().to_string().contains("23 sites"));
    assert!(log_likelihood(&small, &Configurations::zeros(24, 0), Seed::root(1)).is_err());
}

/// Against the enumerated law: chi-square of independent draws of a restricted and of a deep machine after enough steps, and
/// the starts themselves after none.
#[test]
fn draws_follow_the_law_of_the_machine() {
    const DRAWS: usize = 50_000;
    let restricted = random_machine(4, 3, 0.8, 9);
    let mut deep = BoltzmannMachine::new(4, 5, &layered_graph(&[4, 3, 2])).unwrap();
    deep.initialize(0.8, Seed::root(10)).unwrap();
    let models: [&dyn Model; 2] = [&restricted, &deep];
    for model in models {
        let starts = Configurations::zeros(4, DRAWS);
        let drawn = draw_from_machine(model, &starts, 60, Seed::root(11)).unwrap();
        let mut counts = vec![0; 16];
        (0..DRAWS).for_each(|s| counts[drawn.row(s)[0] as usize] += 1);
        let law = log_probabilities(&*model.marginal().unwrap()).unwrap();
        let p_value = chi_square_p_value(&counts, &law.iter().map(|log_p| log_p.exp()).collect::<Vec<_>>());
        assert!(p_value > FALSE_ALARM / 2.0, "p-value {p_value:e}");
        let starts = uniform_configurations(4, 100, Seed::root(12));
        assert_eq!(draw_from_machine(model, &starts, 0, Seed::root(13)).unwrap(), starts);
        assert!(draw_from_machine(model, &uniform_configurations(3, 5, Seed::root(1)), 1, Seed::root(1)).is_err());
    }
}

/// The usual start: small weights, and visible units that are independent with the frequencies of the data.
#[test]
fn a_machine_for_data_begins_with_their_frequencies() {
    let data = Configurations::from_rows(&[[1_u8, 0, 1, 1], [1, 0, 0, 1], [1, 1, 0, 0], [1, 0, 0, 1]]).unwrap();
    let machine = Rbm::for_data(&data, 3, Seed::root(14)).unwrap();
    let weights = machine.weights();
    assert!(weights.iter().all(|w| w.abs() < 0.06) && weights.iter().any(|w| w.abs() > 0.003));
    let logit = |q: f64| (q / (1.0 - q)).ln();
    for (bias, q) in machine.visible_bias().iter().zip([0.999, 0.25, 0.25, 0.75]) {
        assert!((bias - logit(q)).abs() < 1e-12, "{bias} for {q}");
    }
    assert!(machine.hidden_bias().iter().all(|c| *c == 0.0));
}

/// Machines and the settings of a training run come back from JSON as they were; what does not fit together is refused, and
/// nothing is allocated on the word of a size.
#[test]
fn machines_and_settings_are_read_as_they_were_written() {
    let rbm = random_machine(5, 3, 0.8, 15);
    let text = serde_json::to_string(&rbm).unwrap();
    assert_eq!(serde_json::from_str::<Rbm>(&text).unwrap(), rbm);
    let mut deep = BoltzmannMachine::new(4, 5, &layered_graph(&[4, 3, 2])).unwrap();
    deep.initialize(0.8, Seed::root(16)).unwrap();
    let text = serde_json::to_string(&deep).unwrap();
    assert_eq!(serde_json::from_str::<BoltzmannMachine>(&text).unwrap(), deep);
    let settings = Training { momentum: 0.5, average: 7, ..Training::default() };
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Training>(&text).unwrap(), settings);
    for wrong in [
        r#"{"visible":2,"hidden":1,"parameters":[0,0,0,0]}"#,
        r#"{"visible":0,"hidden":1,"parameters":[0]}"#,
        r#"{"visible":18446744073709551615,"hidden":2,"parameters":[0]}"#,
    ] {
        assert!(serde_json::from_str::<Rbm>(wrong).is_err(), "{wrong}");
    }
    for wrong in [
        r#"{"visible":2,"hidden":0,"edges":[[0,1]],"parameters":[0,0]}"#,
        r#"{"visible":2,"hidden":0,"edges":[[0,2]],"parameters":[0,0,0]}"#,
        r#"{"visible":18446744073709551615,"hidden":1,"edges":[],"parameters":[]}"#,
    ] {
        assert!(serde_json::from_str::<BoltzmannMachine>(wrong).is_err(), "{wrong}");
    }
}

/// Rows that are too long or too short are refused, whichever comes first.
#[test]
fn rows_of_several_lengths_are_refused() {
    for rows in [[vec![0_u8, 1], vec![0]], [vec![0], vec![0, 1]], [vec![1, 1, 0], vec![]]] {
        assert!(Configurations::from_rows(&rows).unwrap_err().to_string().contains("; "), "{rows:?}");
    }
    assert_eq!(Configurations::from_rows(&[vec![0_u8, 1], vec![1, 0]]).unwrap().len(), 2);
}
