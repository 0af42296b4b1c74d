//! Error bars of means on series that were built to fool them: whatever is called converged is right.
//!
//! Shares are over 400 runs: one of 1/200 seldom shows more than 8 times (probability 1e-3 at 2 expected; bounds below
//! are for probabilities of 1e-6).

mod common;

use common::assert_binomial;
use gibbsite::contract::FALSE_ALARM;
use gibbsite::random::{Generator, Seed, uniform};
use gibbsite::statistics::chains::{ChainMean, judge, judge_law};
use gibbsite::statistics::doubt::Doubt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, FisherSnedecor};

const RUNS: u64 = 400;
const CHAINS: usize = 16;
const LENGTH: usize = 2000;

fn normal(generator: &mut Generator) -> f64 {
    StandardNormal.sample(generator)
}

/// Runs of `CHAINS` chains, the first half of which start in places of kind 0.
fn runs(name: &str, length: usize, chain: impl Fn(usize, &mut Generator) -> Vec<f64> + Sync) -> Vec<ChainMean> {
    let starts: Vec<usize> = (0..CHAINS).map(|c| 2 * c / CHAINS).collect();
    (0..RUNS)
        .into_par_iter()
        .map(|run| {
            let seed = Seed::root(70).child(name, run);
            let chains: Vec<Vec<f64>> =
                (0..CHAINS).map(|c| chain(c, &mut seed.child("chain", c as u64).generator())).collect();
            assert!(chains.iter().all(|chain| chain.len() == length));
            let views: Vec<&[f64]> = chains.iter().map(|chain| &chain[..]).collect();
            let found = judge(&views, &starts);
            assert_eq!(found.doubt.is_none(), found.standard_error.is_some());
            found
        })
        .collect()
}

/// Of `runs`: the share that has an error, and of those the share within 2 errors of the truth and the number beyond 4.
fn shares(runs: &[ChainMean], truth: f64) -> (f64, f64, usize) {
    let z: Vec<f64> =
        runs.iter().filter_map(|found| Some(((found.mean - truth) / found.standard_error?).abs())).collect();
    let known = z.len() as f64;
    let within = z.iter().filter(|z| **z < 2.0).count() as f64;
    let beyond = z.iter().filter(|z| **z > 4.0).count();
    (known / runs.len() as f64, within / known, beyond)
}

fn count(runs: &[ChainMean], doubt: Doubt) -> usize {
    runs.iter().filter(|found| found.doubt == Some(doubt)).count()
}

/// A chain that changes sides between -a and a, up with weight 4/5, under noise of 1; it starts up with probability `up`; `rate` is the inverse of the time
/// that it remembers its side.
fn switching(a: f64, rate: f64, up: f64, length: usize, generator: &mut Generator) -> Vec<f64> {
    let mut side = uniform(generator) < up;
    (0..length)
        .map(|_| {
            let leaves = rate * if side { 0.2 } else { 0.8 };
            if uniform(generator) < leaves {
                side = !side;
            }
            normal(generator) + if side { a } else { -a }
        })
        .collect()
}

/// Stuck at +-a, half of the chains in each, where the truth is 80:20. They were all called converged, and 71, 92 and
/// 98 % of them were beyond 4 errors.
#[test]
fn chains_that_are_stuck_have_no_error() {
    for a in [0.05, 0.1, 0.4, 2.0] {
        let found = runs(&format!("stuck {a}"), LENGTH, |_, generator| switching(a, 0.0, 0.5, LENGTH, generator));
        let (known, _, beyond) = shares(&found, 0.6 * a);
        // Chance fails to tell the closest ones apart in a few of a hundred runs.
        let most = if a < 0.1 { 0.05 } else { 0.0 };
        assert!(known <= most && beyond <= 2, "{a}: {known}, {beyond}");
        let apart = count(&found, Doubt::DisagreeingChains) + count(&found, Doubt::DisagreeingStarts);
        assert!(apart as f64 >= (1.0 - most) * RUNS as f64, "{a}: {apart}");
    }
    // Closer still they cannot all be told apart, and the error holds what they differ by.
    for a in [0.01, 0.02, 0.03] {
        let found = runs(&format!("close {a}"), LENGTH, |c, generator| {
            // From data, where the weights are right, and from anywhere.
            let up = if 2 * c < CHAINS { 0.5 } else { 0.8 };
            switching(a, 0.0, up, LENGTH, generator)
        });
        let (known, within, beyond) = shares(&found, 0.6 * a);
        assert!(within > 0.85 && beyond <= 4, "{a}: {known} {within} {beyond}");
    }
}

/// A side that is remembered for 1,000 steps of 2,000, for 500 (tau of the series is 26), for 330 and for 100, from
/// anywhere and from data. Such series were called converged with a tau of 1.3.
#[test]
fn slow_switching_is_seen() {
    let (mut all, mut wrong) = (0.0, 0);
    for (memory, least, most) in [(1000.0, 0.0, 0.1), (500.0, 0.0, 0.4), (330.0, 0.2, 0.7), (100.0, 0.9, 1.0)] {
        let found = runs(&format!("switching {memory}"), LENGTH, |c, generator| {
            let up = if 2 * c < CHAINS { 0.5 } else { 0.8 };
            switching(0.2, 1.0 / memory, up, LENGTH, generator)
        });
        let (known, within, beyond) = shares(&found, 0.12);
        assert!((least..=most).contains(&known), "{memory}: {known}");
        // 0.9 less 5 deviations of a share of 400 or of 40.
        let chance = 5.0 * (0.09 / (known * RUNS as f64)).sqrt();
        assert!(within > 0.9 - chance, "{memory}: {within} of {known}");
        all += known * RUNS as f64;
        wrong += beyond;
    }
    // One in two hundred of some 600 is 3; more than 13 has a probability of 1e-6.
    assert!(wrong <= 13, "{wrong} of {all}");
}

/// Autoregressive series keep their errors, from white noise to a tau of 199, and lose them where a chain is not ten of
/// them long.
#[test]
fn autoregressive_series_keep_their_errors() {
    for (phi, length, least) in [(0.0, 200, 0.97), (0.5, 500, 0.97), (0.9, 2000, 0.97), (0.99, 5000, 0.95)] {
        let found = runs(&format!("autoregressive {phi}"), length, |_, generator| {
            let mut x = normal(generator);
            (0..length)
                .map(|_| {
                    x = phi * x + (1.0_f64 - phi * phi).sqrt() * normal(generator);
                    x
                })
                .collect()
        });
        let (known, within, beyond) = shares(&found, 0.0);
        assert!(known > least && within > 0.92 && beyond <= 2, "{phi}: {known} {within} {beyond}");
        // Errors are at most a third too large in the mean of their squares.
        let z: Vec<f64> = found.iter().filter_map(|f| Some(f.mean / f.standard_error?)).collect();
        let squares = z.iter().map(|z| z * z).sum::<f64>() / z.len() as f64;
        assert!((0.6..1.25).contains(&squares), "{phi}: {squares}");
    }
    let slow = runs("slow", 1000, |_, generator| {
        let mut x = normal(generator);
        (0..1000)
            .map(|_| {
                x = 0.99 * x + (1.0_f64 - 0.99 * 0.99).sqrt() * normal(generator);
                x
            })
            .collect()
    });
    let (known, _, beyond) = shares(&slow, 0.0);
    assert!(known < 0.05 && beyond == 0, "{known}");
    assert!(count(&slow, Doubt::SlowChains) > 200);
}

/// Still on the way to equilibrium, from 3 down to 0 within a third of the run.
#[test]
fn a_drift_is_seen() {
    let found = runs("drift", LENGTH, |_, generator| {
        (0..LENGTH).map(|t| normal(generator) + 0.3 * (-3.0 * t as f64 / LENGTH as f64).exp()).collect()
    });
    assert_eq!(shares(&found, 0.0).0, 0.0);
    assert_eq!(count(&found, Doubt::Drifting), RUNS as usize);
}

/// Half of the chains start in one place and stay 0.05 aside, too little for chains without names.
#[test]
fn starts_that_differ_are_seen() {
    let found = runs("starts", LENGTH, |c, generator| {
        let aside = if 2 * c < CHAINS { 0.05 } else { 0.0 };
        (0..LENGTH).map(|_| normal(generator) + aside).collect()
    });
    let (known, _, _) = shares(&found, 0.0);
    assert!(known < 0.5, "{known}");
    let by = [Doubt::DisagreeingStarts, Doubt::DisagreeingChains].map(|doubt| count(&found, doubt));
    assert!(by[0] > 200 && by[1] < 100, "{by:?}");
}

/// |x|^{-1/1.5}: infinite variance. And a tail with a variance, e^x of half a deviation, that keeps its error.
#[test]
fn heavy_tails_are_seen() {
    let truth = 1.0 / (1.0 - 1.0 / 1.5);
    let heavy = runs("heavy", LENGTH, |_, generator| {
        (0..LENGTH).map(|_| (1.0 - uniform(generator)).powf(-1.0 / 1.5)).collect()
    });
    let (known, _, beyond) = shares(&heavy, truth);
    assert!(known < 0.1 && beyond <= 2, "{known} {beyond}");
    assert!(count(&heavy, Doubt::HeavyTail) > 350);
    // The same downward.
    let down = runs("heavy", LENGTH, |_, generator| {
        (0..LENGTH).map(|_| -(1.0 - uniform(generator)).powf(-1.0 / 1.5)).collect()
    });
    assert!(count(&down, Doubt::HeavyTail) > 350);
    let light = runs("light", LENGTH, |_, generator| (0..LENGTH).map(|_| (0.5 * normal(generator)).exp()).collect());
    let (known, within, beyond) = shares(&light, 0.125_f64.exp());
    assert!(known > 0.95 && within > 0.9 && beyond <= 2, "{known} {within} {beyond}");
}

/// Cauchy's law, whose mean says nothing, about places 1 apart on half of the chains: ranks see it, and nothing else does.
#[test]
fn ranks_see_what_means_cannot() {
    let cauchy = |place: f64, seed: u64| -> Vec<f64> {
        let mut generator = Seed::root(72).child("cauchy", seed).generator();
        let angle = |u: f64| std::f64::consts::PI * (u - 0.5);
        (0..LENGTH).map(|_| place + angle(uniform(&mut generator)).tan()).collect()
    };
    let doubts = |apart: f64| -> Vec<Option<Doubt>> {
        (0..20)
            .map(|run| {
                let chains: Vec<Vec<f64>> =
                    (0..CHAINS).map(|c| cauchy(apart * (c % 2) as f64, 100 * run + c as u64)).collect();
                let views: Vec<&[f64]> = chains.iter().map(|chain| &chain[..]).collect();
                judge_law(&views, &[0; CHAINS])
            })
            .collect()
    };
    assert!(doubts(1.0).iter().all(|doubt| *doubt == Some(Doubt::DisagreeingChains)));
    assert_eq!(doubts(0.0).iter().flatten().count(), 0);
}

/// What only one doubt catches where the others see nothing.
#[test]
fn few_short_and_constant_series_have_no_error() {
    let mut generator = Seed::root(71).generator();
    let mut noise = |length: usize| -> Vec<f64> { (0..length).map(|_| normal(&mut generator)).collect() };
    let series: Vec<Vec<f64>> = (0..16).map(|_| noise(1000)).collect();
    let views = |count: usize, length: usize| -> Vec<&[f64]> { series[..count].iter().map(|x| &x[..length]).collect() };
    let doubt = |count: usize, length: usize| judge(&views(count, length), &vec![0; count]).doubt;
    assert_eq!(doubt(16, 1000), None);
    assert_eq!(doubt(4, 1000), None);
    assert_eq!(doubt(3, 1000), Some(Doubt::FewChains));
    assert_eq!(doubt(4, 20), Some(Doubt::TooShort));
    assert_eq!(doubt(4, 1), Some(Doubt::TooShort));
    let constant = [1.5; 100];
    assert_eq!(judge(&[&constant[..]; 8], &[0; 8]).doubt, Some(Doubt::Constant));
    // Each in a place of its own, for ever: no movement to compare with.
    let places: Vec<Vec<f64>> = (0..8).map(|c| vec![f64::from(c); 100]).collect();
    let places: Vec<&[f64]> = places.iter().map(|x| &x[..]).collect();
    assert_eq!(judge(&places, &[0; 8]).doubt, Some(Doubt::DisagreeingChains));
    assert_eq!(judge(&[&[f64::NAN; 100][..]; 8], &[0; 8]).doubt, Some(Doubt::TooShort));
}

/// Against chains of which two kinds have one each: under white noise the means of five chains, of kinds 0, 1, 2, 3 and
/// 3, and of eight of two kinds, follow Fisher and Snedecor's law exactly, and 1 of 1,000 runs is called a disagreement
/// of starts, counted over 20,000 and 60,000.
#[test]
fn chains_that_agree_disagree_by_their_starts_as_seldom_as_chance_allows() {
    for (kinds, runs) in [(&[0, 1, 2, 3, 3][..], 20_000), (&[0, 0, 0, 0, 1, 1, 1, 1], 60_000)] {
        let disagree = |run: &u64| {
            let mut generator = Seed::root(71).child("freedom", *run).generator();
            let chains: Vec<Vec<f64>> =
                kinds.iter().map(|_| (0..16).map(|_| normal(&mut generator)).collect()).collect();
            let views: Vec<&[f64]> = chains.iter().map(|chain| &chain[..]).collect();
            judge(&views, kinds).doubt == Some(Doubt::DisagreeingStarts)
        };
        let count = (0..runs).into_par_iter().filter(disagree).count();
        assert_binomial(&format!("{kinds:?}"), count as u64, runs, 1e-3, FALSE_ALARM);
    }
}

/// Against an error that leaves out what four chains disagree by: where the ratio F of the variance V of their means to
/// what the movement within them makes of it exceeds what chance gives three times in four, the square of the error is
/// V / 4 at least, and V - F_q V_0 at least, and otherwise what the time of all chains says.
#[test]
fn errors_hold_what_chains_disagree_by() {
    let usual = FisherSnedecor::new(3.0, 28.0).unwrap().inverse_cdf(0.75);
    let mut by = [0; 3];
    for run in 0..400 {
        let mut generator = Seed::root(72).child("floor", run).generator();
        let chains: Vec<Vec<f64>> = (0..4).map(|_| (0..400).map(|_| normal(&mut generator)).collect()).collect();
        let views: Vec<&[f64]> = chains.iter().map(|chain| &chain[..]).collect();
        let found = judge(&views, &[0; 4]);
        let (Some(error), Some(tau)) = (found.standard_error, found.tau) else {
            continue;
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let squares = |values: &[f64], mean: f64| values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let variance = |values: &[f64]| squares(values, mean(values)) / (values.len() - 1) as f64;
        let between = variance(&chains.iter().map(|chain| mean(chain)).collect::<Vec<_>>());
        let eighths = |chain: &Vec<f64>| variance(&chain.chunks(50).map(mean).collect::<Vec<_>>()) / 8.0;
        let within = mean(&chains.iter().map(eighths).collect::<Vec<_>>());
        // With the variance that the mean of all takes from the measurements, of order tau / 1600.
        let plain = squares(&chains.concat(), found.mean) / 1600.0 * (1.0 + tau / 1600.0) * tau / 1600.0;
        let disagreement = [between / 4.0, between - usual * within];
        let expected = if between > usual * within { disagreement.iter().fold(plain, |a, b| a.max(*b)) } else { plain };
        assert!((error.powi(2) / expected - 1.0).abs() < 1e-9, "{run}: {} instead of {expected}", error.powi(2));
        let which = [plain, disagreement[0], disagreement[1]].iter().position(|x| *x == expected);
        by[which.unwrap()] += 1;
    }
    assert!(by.iter().all(|count| *count > 10), "{by:?}");
}
