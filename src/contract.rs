//! What every implementation of a trait must keep; its own tests call these checks.
//!
//! A check says in words what is broken. Statistical checks have a false-alarm level of 1e-6 and use
//! a fixed seed, so a failure is a bug.

use crate::catalogue::Target;
use crate::configuration::{Configurations, set_bit};
use crate::enumerate;
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::log_partition::{LogPartition, LogPartitionEstimator, Side};
use crate::model::Model;
use crate::model::rbm::Rbm;
use crate::model::rbm_path::RbmPath;
use crate::path::Path;
use crate::random::Seed;
use crate::row_sampler::RowSampler;
use crate::statistics::fit::{chi_square_p_value, student_t, student_threshold};
use crate::training::batch::Batch;
use crate::training::course::Course;
use crate::training::gradient::{Estimated, GradientEstimator};
use crate::training::trainer::{Training, train};
use rand::RngExt;
use rayon::prelude::*;

/// The probability that a check fails although all is well.
pub const FALSE_ALARM: f64 = 1e-6;

fn close(ours: f64, truth: f64, tolerance: f64) -> bool {
    // An infinite truth has no neighbourhood; a NaN is close to nothing.
    ours == truth || (truth.is_finite() && (ours - truth).abs() <= tolerance * (1.0 + truth.abs()))
}

/// A law of at most 20 sites: weights are finite or, if the law says so, zero; changes equal
/// recomputation, at every border between allowed and forbidden states too; blocks of weights equal
/// single ones, a smaller law has the same Z, and a closed form of ln Z equals enumeration.
pub fn law(law: &dyn Law, seed: u64) -> Result<(), String> {
    let sites = law.sites();
    let mut generator = Seed::root(seed).child("contract", 0).generator();
    let mut weights = vec![0.0; 1 << sites];
    law.log_weights(0, &mut weights);
    if let Some(state) = weights.iter().position(|weight| weight.is_nan() || *weight == f64::INFINITY) {
        return Err(format!("{state:#b} has no finite weight"));
    }
    for _ in 0..1000 {
        let state: u64 = generator.random_range(0..1 << sites);
        let site = generator.random_range(0..sites);
        weight_and_change(law, &weights, state, site)?;
    }

    let allowed = |state: &u64| weights[*state as usize] > f64::NEG_INFINITY;
    let allowed: Vec<u64> = (0..1 << sites).filter(allowed).collect();
    if allowed.is_empty() {
        return Err("every state is forbidden".to_string());
    }
    let forbidden = weights.len() - allowed.len();
    if law.has_forbidden_states() != (forbidden > 0) {
        return Err(format!(
            "has_forbidden_states is {}, but {forbidden} states are forbidden",
            law.has_forbidden_states()
        ));
    }
    if law.has_forbidden_states() {
        // Chance rarely finds the few allowed states: all of them, out of each and back into it.
        for state in allowed {
            for site in 0..sites {
                weight_and_change(law, &weights, state, site)?;
                weight_and_change(law, &weights, state ^ 1 << site, site)?;
            }
        }
    }

    let enumerated = crate::numerics::log_sum_exp(&weights);
    let mut partitions = vec![enumerate::log_partition(law).map_err(|error| error.to_string())?];
    partitions.extend(law.log_partition());
    if let Some(smaller) = law.smaller() {
        if smaller.sites() >= sites {
            return Err("the smaller law is not smaller".to_string());
        }
        let mut weights = vec![0.0; 1 << smaller.sites()];
        smaller.log_weights(0, &mut weights);
        partitions.push(crate::numerics::log_sum_exp(&weights));
    }
    match partitions.iter().find(|ln_z| !close(**ln_z, enumerated, 1e-11)) {
        Some(ln_z) => Err(format!("ln Z = {ln_z}, enumeration gives {enumerated}")),
        None => Ok(()),
    }
}

/// The patterns of a law of at most 20 sites: each allowed state once, weighted by its probability.
pub fn patterns(law: &dyn Law, patterns: &Configurations) -> Result<(), String> {
    let log_probabilities = enumerate::log_probabilities(law).map_err(|error| error.to_string())?;
    let allowed = log_probabilities.iter().filter(|p| **p > f64::NEG_INFINITY).count();
    if patterns.len() != allowed || patterns.distinct().len() != allowed {
        return Err(format!("{} patterns are listed of {allowed} that the law allows", patterns.len()));
    }
    for s in 0..patterns.len() {
        let state = patterns.row(s)[0];
        let (listed, probability) = (patterns.weight(s), log_probabilities[state as usize].exp());
        if !close(listed, probability, 1e-12) {
            return Err(format!("{state:#b} is listed with weight {listed}, and has probability {probability}"));
        }
    }
    Ok(())
}

/// A target of at most 20 sites: a law, whose patterns are listed where it has them, whose data are itself, and whose draws
/// follow it.
pub fn target(target: &dyn Target, seed: u64) -> Result<(), String> {
    const DRAWS: usize = 20_000;
    let text = |error: crate::error::Error| error.to_string();
    law(target, seed)?;
    if let Some(listed) = target.patterns() {
        patterns(target, &listed)?;
    }
    let log_probabilities = enumerate::log_probabilities(target).map_err(text)?;
    let probabilities: Vec<f64> = log_probabilities.iter().map(|p| p.exp()).collect();
    let data = target.data().map_err(text)?;
    let mut left = probabilities.clone();
    (0..data.len()).for_each(|s| left[data.row(s)[0] as usize] -= data.weight(s));
    if let Some(state) = left.iter().position(|p| !close(*p, 0.0, 1e-12)) {
        return Err(format!("the data and the law differ by {} at {state:#b}", left[state]));
    }
    let drawn = target.draw(DRAWS, Seed::root(seed).child("contract", 3)).map_err(text)?;
    if drawn.len() != DRAWS || drawn.weights().is_some() {
        return Err(format!("{} rows are drawn where {DRAWS} were asked for, or they have weights", drawn.len()));
    }
    let mut counts = vec![0; probabilities.len()];
    (0..DRAWS).for_each(|s| counts[drawn.row(s)[0] as usize] += 1);
    let p_value = chi_square_p_value(&counts, &probabilities);
    // A NaN is a failure too.
    if p_value.is_nan() || p_value < FALSE_ALARM {
        return Err(format!("its draws do not follow its law: p-value {p_value:e}"));
    }
    Ok(())
}

/// The weight of `state` equals its entry in `weights`, and its change with `site` flipped is the
/// difference of two weights: from a forbidden state, +inf to an allowed one and 0 to a forbidden one.
fn weight_and_change(law: &dyn Law, weights: &[f64], state: u64, site: usize) -> Result<(), String> {
    let before = law.log_weight(&[state]);
    if !close(weights[state as usize], before, 1e-12) {
        return Err(format!("log_weights differs from log_weight at {state:#b}"));
    }
    let after = law.log_weight(&[state ^ 1 << site]);
    let forbidden = f64::NEG_INFINITY;
    let expected = match (before == forbidden, after == forbidden) {
        (true, true) => 0.0,
        (true, false) => f64::INFINITY,
        (false, true) => forbidden,
        (false, false) => after - before,
    };
    let change = law.log_weight_change(&[state], site);
    if !close(change, expected, 1e-11) {
        return Err(format!("log_weight_change({state:#b}, {site}) is {change}, not {expected}"));
    }
    Ok(())
}

/// A kernel over at most 20 units: the law over complete rows (`probabilities[k]` of the row with the
/// bits of k) is unchanged by one step from exact starts and reached from all-zero rows within `steps`
/// steps; clamped visible units stay, and the hidden ones reach their law given them. Each by `draws`
/// independent chains.
pub fn kernel(
    kernel: &dyn Kernel,
    beta: f64,
    probabilities: &[f64],
    visible: usize,
    steps: usize,
    draws: usize,
    seed: u64,
) -> Result<(), String> {
    let seed = Seed::root(seed).child("contract", 1);
    let units = kernel.units();
    let table = Configurations::whole_law(units, probabilities.to_vec());
    let sampler = RowSampler::new(&table).map_err(|error| error.to_string())?;
    let exact = sampler.draw(draws, seed.child("start", 0));
    let p_value = |chains: &Chains| {
        let mut counts = vec![0; 1 << units];
        for s in 0..draws {
            counts[chains.states().row(s)[0] as usize] += 1;
        }
        chi_square_p_value(&counts, probabilities)
    };
    let judge = |what: &str, chains: &Chains| {
        let p_value = p_value(chains);
        // A NaN is a failure too.
        if p_value.is_nan() || p_value < FALSE_ALARM / 3.0 {
            return Err(format!("{what}: p-value {p_value:e}"));
        }
        Ok(())
    };

    let mut chains = Chains::new(exact.clone(), seed.child("stationary", 0));
    kernel.advance(&mut chains, beta, 1, Clamp::Nothing);
    judge("one step changes the law", &chains)?;

    let zeros = Configurations::zeros(units, draws);
    let mut chains = Chains::new(zeros, seed.child("reached", 0));
    kernel.advance(&mut chains, beta, steps, Clamp::Nothing);
    judge("the law is not reached from all zeros", &chains)?;

    // Exact visible units with all hidden ones at zero.
    let visible_bits = crate::configuration::used_bits(visible, 0);
    let mut starts = exact;
    starts.bits_mut().iter_mut().for_each(|row| *row &= visible_bits);
    let mut chains = Chains::new(starts.clone(), seed.child("clamped", 0));
    kernel.advance(&mut chains, beta, steps, Clamp::Visible);
    let moved = |s: usize| (starts.row(s)[0] ^ chains.states().row(s)[0]) & visible_bits != 0;
    if (0..draws).any(moved) {
        return Err("a clamped visible unit moved".to_string());
    }
    judge("clamped, the hidden units do not reach their law", &chains)
}

/// A kernel that holds units, over at most 20: whichever are held, every second, a random half or all but one, they stay
/// where exact draws have put them, and the others, from zeros, reach their law given them within `steps` steps.
pub fn holding(
    kernel: &dyn Kernel,
    beta: f64,
    probabilities: &[f64],
    steps: usize,
    draws: usize,
    seed: u64,
) -> Result<(), String> {
    let seed = Seed::root(seed).child("contract", 4);
    let text = |error: crate::error::Error| error.to_string();
    let units = kernel.units();
    let table = Configurations::whole_law(units, probabilities.to_vec());
    let exact = RowSampler::new(&table).map_err(text)?.draw(draws, seed.child("start", 0));
    let used = crate::configuration::used_bits(units, 0);
    let mut random = seed.words();
    let subsets = [0, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa, random.next_word(), random.next_word(), !1, !2];
    for (number, held) in subsets.into_iter().map(|held: u64| held & used).enumerate() {
        let mut starts = exact.clone();
        starts.bits_mut().iter_mut().for_each(|row| *row &= held);
        let mut chains = Chains::new(starts.clone(), seed.child("held", number as u64));
        kernel.advance_holding(&mut chains, beta, steps, &[held]).map_err(text)?;
        let moved = |s: usize| (starts.row(s)[0] ^ chains.states().row(s)[0]) & held != 0;
        if (0..draws).any(moved) {
            return Err(format!("a unit of {held:#b} was held and moved"));
        }
        let mut counts = vec![0; 1 << units];
        (0..draws).for_each(|s| counts[chains.states().row(s)[0] as usize] += 1);
        let p_value = chi_square_p_value(&counts, probabilities);
        // A NaN is a failure too.
        if p_value.is_nan() || p_value < FALSE_ALARM / subsets.len() as f64 {
            return Err(format!("with {held:#b} held, the others do not reach their law: p-value {p_value:e}"));
        }
    }
    Ok(())
}

/// An estimator of ln Z: within 4.9 of its standard errors of the enumerated value on `path`, whose law must be within
/// reach of enumeration, with an error that is not 0; and exact to rounding, with an error of rounding's size, where the
/// base is the wanted law already; errors that are honest over many seeds, and work that is counted.
pub fn log_partition(estimator: &dyn LogPartitionEstimator, path: &dyn Path, seed: u64) -> Result<(), String> {
    let seed = Seed::root(seed).child("contract", 3);
    let text = |error: crate::error::Error| error.to_string();
    let run = |path: &dyn Path| {
        let found = estimator.estimate(path, seed, &mut |_, _| ()).map_err(text)?;
        let exact = enumerate::log_partition(path.law()).map_err(text)?;
        Ok::<_, String>((found.value - exact, found.standard_error, found))
    };
    let (error, standard_error, found) = run(path)?;
    let within = match standard_error {
        Some(standard_error) => standard_error > 0.0 && error.abs() <= 4.9 * standard_error,
        None => error.abs() <= 1e-11,
    };
    if !within {
        return Err(format!("{found:?} is {error} off"));
    }
    let mut machine = Rbm::new(5, 3).map_err(text)?;
    let bias = [0.3, -1.0, 2.0, 0.0, -0.2];
    machine.parameters_mut()[15..20].copy_from_slice(&bias);
    let (error, standard_error, found) = run(&RbmPath::from_bias(&machine, &bias).map_err(text)?)?;
    if error.abs() > 1e-9 || standard_error.is_some_and(|error| error > 1e-9) {
        return Err(format!("where base and law are the same, {found:?} is {error} off"));
    }
    honest_errors(estimator, path, seed.child("repeated", 0))
}

/// Over 30 seeds the mean of (error / standard error)^2 is that of 30 normal numbers but once in 1e6, and work is counted;
/// a value without an error is exact and draws nothing.
fn honest_errors(estimator: &dyn LogPartitionEstimator, path: &dyn Path, seed: Seed) -> Result<(), String> {
    const RUNS: u64 = 30;
    // chi-square of 30 degrees of freedom, a probability of 5e-7 on each side, and room for errors known to 10 per cent.
    const BOUNDS: std::ops::Range<f64> = 0.19..3.0;
    let text = |error: crate::error::Error| error.to_string();
    let exact = enumerate::log_partition(path.law()).map_err(text)?;
    let run = |run| estimator.estimate(path, seed.child("run", run), &mut |_, _| ()).map_err(text);
    let found = (0..RUNS).into_par_iter().map(run).collect::<Result<Vec<_>, String>>()?;
    if found.iter().all(|found| found.standard_error.is_none()) {
        let free = found.iter().all(|found| found.side == Side::Exact && found.gibbs_updates == 0);
        return if free { Ok(()) } else { Err("a value without an error is not called exact".to_string()) };
    }
    if found.iter().any(|found| found.gibbs_updates == 0) {
        return Err("its work is not counted".to_string());
    }
    let z = |found: &LogPartition| found.standard_error.map(|error| ((found.value - exact) / error).powi(2));
    let squares: Option<Vec<f64>> = found.iter().map(z).collect();
    let squares = squares.ok_or("some runs have an error and others none")?;
    let mean = squares.iter().sum::<f64>() / RUNS as f64;
    if !BOUNDS.contains(&mean) {
        return Err(format!("the mean of (error / standard error)^2 over {RUNS} runs is {mean}"));
    }
    Ok(())
}

/// The sums that a model may make faster than by the definition: differences of expectations, means of units and centred
/// gradients, over rows with and without weights, wider than the visible layer, few and more than a thousand.
pub fn sums(model: &dyn Model, seed: u64) -> Result<(), String> {
    let seed = Seed::root(seed).child("contract", 4);
    let (n, couplings, count) = (model.visible(), model.couplings(), model.parameters().len());
    let draw = |rows: usize, number: u64| {
        let mut generator = seed.child("rows", number).generator();
        let (mut drawn, mut weights) = (Configurations::zeros(n + 3, rows), Vec::new());
        for s in 0..rows {
            (0..n + 3).for_each(|site| set_bit(drawn.row_mut(s), site, generator.random::<f64>() < 0.4));
            weights.push(generator.random::<f64>() / rows as f64);
        }
        (drawn.clone(), Configurations::with_any_weights(n + 3, drawn.bits().to_vec(), weights))
    };
    let expected = |rows: &Configurations| {
        let mut sums = vec![0.0; count];
        model.add_expected_statistics(rows, &mut sums).map(|()| sums).map_err(|error| error.to_string())
    };
    let compare = |what: &str, found: &[f64], wanted: &[f64], tolerance: f64| match found
        .iter()
        .zip(wanted)
        .position(|(found, wanted)| !close(*found, *wanted, tolerance))
    {
        Some(k) => Err(format!("{what}: entry {k} is {} and not {}", found[k], wanted[k])),
        None => Ok(()),
    };
    let text = |error: crate::error::Error| error.to_string();
    let mut plain = Vec::new();
    for (number, (chains, data)) in [(3, 40), (1500, 7), (0, 5)].into_iter().enumerate() {
        let (chains, (_, data)) = (draw(chains, 2 * number as u64).0, draw(data, 2 * number as u64 + 1));
        let (of_chains, of_data) = (expected(&chains)?, expected(&data)?);
        plain = of_chains.iter().zip(&of_data).map(|(chains, data)| chains - data).collect();
        // What was there before is not to matter.
        let mut found = vec![7.0; count];
        model.set_difference_of_expectations(&chains, &data, &mut found).map_err(text)?;
        compare("set_difference_of_expectations", &found, &plain, 1e-5)?;
        for (rows, wanted) in [(&chains, of_chains), (&data, of_data)] {
            let mut means = vec![7.0; count - couplings];
            model.set_expected_units(rows, &mut means).map_err(text)?;
            compare("set_expected_units", &means, &wanted[couplings..], 1e-5)?;
        }
    }
    let mu: Vec<f64> = (0..count - couplings).map(|unit| 0.3 + 0.4 * (unit as f64).sin()).collect();
    let mut found = plain.clone();
    model.centre(&mu, &mut found);
    let (pairs, biases) = plain.split_at_mut(couplings);
    let old = biases.to_vec();
    for (coupling, g) in pairs.iter_mut().enumerate() {
        let (a, b) = model.pair(coupling);
        *g -= mu[a] * old[b] + mu[b] * old[a];
        biases[a] -= mu[b] * *g;
        biases[b] -= mu[a] * *g;
    }
    compare("centre", &found, &plain, 1e-12)
}

/// Makes an estimator whose persistent chains, if it has any, start from the given rows.
pub type MakeEstimator<'a> = dyn Fn(&Configurations, Seed) -> Box<dyn GradientEstimator> + 'a;

/// An estimator, set to so many Gibbs steps that chains forget their starts: its mean gradient
/// vanishes where the data are the model's own law (after any number of steps), and equals central
/// differences of D_KL(target || model) elsewhere; and several updates are the same by both roads of the trainer.
pub fn estimator(make: &MakeEstimator, model: &mut dyn Model, target: &dyn Law, seed: u64) -> Result<(), String> {
    let seed = Seed::root(seed).child("contract", 2);
    let text = |error: crate::error::Error| error.to_string();

    let own = model.marginal().and_then(|law| enumerate::whole_law(&*law)).map_err(text)?;
    let zeros = vec![0.0; model.parameters().len()];
    mean_gradient(make, model, &own, &zeros, seed.child("own", 0))
        .map_err(|problem| format!("where the data are the model's law, {problem}"))?;

    let table = enumerate::log_probabilities(target).map_err(text)?;
    let mut kl = |index: usize, step: f64| -> Result<f64, String> {
        let theta = model.parameters()[index];
        model.parameters_mut()[index] = theta + step;
        let kl = {
            let law = model.marginal().map_err(text)?;
            let ln_z = enumerate::log_partition(&*law).map_err(text)?;
            enumerate::kl_divergence(&table, &*law, ln_z)
        };
        model.parameters_mut()[index] = theta;
        Ok(kl)
    };
    let mut differences = Vec::with_capacity(zeros.len());
    for index in 0..zeros.len() {
        // The five-point formula: its error is of order step^4.
        let (a, b) = (kl(index, 1e-3)? - kl(index, -1e-3)?, kl(index, 2e-3)? - kl(index, -2e-3)?);
        differences.push((8.0 * a - b) / 12e-3);
    }
    let data = enumerate::whole_law(target).map_err(text)?;
    mean_gradient(make, model, &data, &differences, seed.child("target", 0))
        .map_err(|problem| format!("in equilibrium, {problem}"))?;
    both_roads(make, model, &data, seed.child("roads", 0))?;
    goes_on(make, model, &data, seed.child("state", 0)).map_err(text)?
}

/// Updates before a run is taken elsewhere, and after it: more than the 100 after which ladders change their rungs, and no
/// multiple of 20, which others count by.
const UPDATES: usize = 130;

/// A run that is taken to another estimator, made from other rows and another seed and given the state of the first, tells the
/// same mixing at once and ends at the same bits; the model is as it was in the end.
fn goes_on(
    make: &MakeEstimator,
    model: &mut dyn Model,
    data: &Configurations,
    seed: Seed,
) -> crate::error::Result<Result<(), String>> {
    let start = model.parameters().to_vec();
    let settings = Training { batch: 20, learning_rate: 0.3, momentum: 0.5, ..Training::default() };
    let sampler = RowSampler::new(data)?;
    let made = |which| make(&sampler.draw(20, seed.child("starts", which)), seed.child("chains", which));
    let learn = |course: &mut Course, model: &mut dyn Model, estimator: &mut dyn GradientEstimator| {
        (0..UPDATES).try_for_each(|_| course.update(model, estimator, data))
    };
    let (mut here, mut estimator) = (Course::new(model, data, &settings, seed)?, made(0));
    learn(&mut here, model, &mut *estimator)?;
    let (state, half, memory) = (estimator.state()?, model.parameters().to_vec(), here.memory.clone());
    let at_once = estimator.mixing();
    learn(&mut here, model, &mut *estimator)?;
    let (end, mixing) = (model.parameters().to_vec(), [at_once, estimator.mixing()]);

    model.parameters_mut().copy_from_slice(&half);
    let (mut there, mut estimator) = (Course::new(model, data, &settings, seed)?, made(1));
    there.go_on(&memory, &[], model)?;
    estimator.set_state(&state, model)?;
    let at_once = estimator.mixing();
    learn(&mut there, model, &mut *estimator)?;
    let same = model.parameters() == end;
    model.parameters_mut().copy_from_slice(&start);
    Ok(match (same, [at_once, estimator.mixing()] == mixing) {
        (true, true) => Ok(()),
        (false, _) => {
            Err("a run that goes on from its state ends elsewhere: something is remembered that state() leaves out")
        }
        (true, false) => Err("a run that goes on from its state tells another mixing()"),
    }
    .map_err(str::to_string))
}

/// An estimator whose gradient is always written out.
struct WrittenOut(Box<dyn GradientEstimator>);

impl GradientEstimator for WrittenOut {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> crate::error::Result<Estimated<'a>> {
        self.0.estimate(model, batch, seed, gradient)?.write(model, gradient)?;
        Ok(Estimated::Written)
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        self.0.gibbs_updates(model, batch)
    }
}

/// Several updates of a model that moves end at the same parameters whether the gradient is written out or the model
/// descends along what the estimator hands over, and elsewhere than they began; the model is as it was in the end.
fn both_roads(make: &MakeEstimator, model: &mut dyn Model, data: &Configurations, seed: Seed) -> Result<(), String> {
    let start = model.parameters().to_vec();
    let settings = Training { epochs: 6, batch: 100, learning_rate: 0.3, momentum: 0.5, ..Training::default() };
    let sampler = RowSampler::new(data).map_err(|error| error.to_string())?;
    let starts = sampler.draw(100, seed.child("persistent", 0));
    let mut walk = |mut estimator: Box<dyn GradientEstimator>| -> Result<Vec<f64>, String> {
        model.parameters_mut().copy_from_slice(&start);
        let done = train(model, &mut *estimator, data, &settings, seed, &mut |_, _, _| Ok(()));
        let end = model.parameters().to_vec();
        model.parameters_mut().copy_from_slice(&start);
        done.map(|()| end).map_err(|error| error.to_string())
    };
    let fast = walk(make(&starts, seed.child("chains", 0)))?;
    let written = walk(Box::new(WrittenOut(make(&starts, seed.child("chains", 0)))))?;
    let apart = fast.iter().zip(&written).position(|(a, b)| !close(*a, *b, 1e-9));
    if let Some(index) = apart {
        let name = model.parameter_name(index);
        let (fast, written) = (fast[index], written[index]);
        return Err(format!("after six updates {name} is {fast}, and {written} where the gradient is written out"));
    }
    if fast.iter().zip(&start).all(|(a, b)| close(*a, *b, 1e-6)) {
        return Err("six updates leave the parameters where they were".to_string());
    }
    Ok(())
}

/// Compares the mean over independent estimates with `expected`, component by component.
fn mean_gradient(
    make: &MakeEstimator,
    model: &dyn Model,
    data: &Configurations,
    expected: &[f64],
    seed: Seed,
) -> Result<(), String> {
    const ESTIMATES: usize = 256;
    let sampler = RowSampler::new(data).map_err(|error| error.to_string())?;
    let mut gradients = vec![Vec::with_capacity(ESTIMATES); expected.len()];
    let mut gradient = vec![0.0; expected.len()];
    for run in 0..ESTIMATES as u64 {
        let seed = seed.child("run", run);
        let batch = Batch::Law { law: data, sampler: &sampler, chains: 100 };
        let starts = sampler.draw(100, seed.child("persistent", 0));
        make(&starts, seed.child("chains", 0))
            .estimate(model, &batch, seed, &mut gradient)
            .and_then(|estimated| estimated.write(model, &mut gradient))
            .map_err(|error| error.to_string())?;
        for (values, x) in gradients.iter_mut().zip(&gradient) {
            values.push(*x);
        }
    }
    let threshold = student_threshold(ESTIMATES, expected.len(), FALSE_ALARM / 2.0);
    for (index, (values, expected)) in gradients.iter().zip(expected).enumerate() {
        let t = student_t(values, *expected, 1.0);
        // A NaN is a failure too.
        if t.is_nan() || t.abs() > threshold {
            let mean = values.iter().sum::<f64>() / ESTIMATES as f64;
            let name = model.parameter_name(index);
            return Err(format!("d/d{name} is {mean}, not {expected}: t = {t:.2}"));
        }
    }
    Ok(())
}
