//! Inverse temperatures along a path.

use crate::error::{Error, Result};
use crate::law::Chains;
use crate::path::Path;
use crate::random::Seed;

/// How beta goes from 0 to 1. So many temperatures are so many transitions: one beta more.
#[derive(Clone, Debug, PartialEq)]
pub enum Betas {
    /// Equal steps.
    Linear(usize),
    /// 0, then beta_min r^k up to 1.
    Geometric {
        /// Transitions.
        temperatures: usize,
        /// beta_min.
        first: f64,
    },
    /// Steps of 1e-3 up to 0.5, of 1e-4 up to 0.9 and of 1e-5 up to 1: 14,500 transitions (Salakhutdinov and Murray
    /// 2008).
    SalakhutdinovMurray,
    /// Steps whose weights have the same variance, and so the same effective sample size, between all neighbours:
    /// d beta in inverse proportion to the standard deviation of d ln f_beta / d beta, as a short pilot run finds it
    /// (the path's thermodynamic length in equal parts: Crooks 2007). The pilot is over before
    /// the betas are used, so that an estimate stays unbiased.
    Adaptive(usize),
    /// As they stand.
    Given(Vec<f64>),
}

/// Betas with what finding them has cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// From 0 to 1.
    pub betas: Vec<f64>,
    /// Units drawn by a pilot run.
    pub gibbs_updates: u64,
}

/// Least first beta: the inputs of a base, which it divides, are single-precision numbers.
const LEAST_FIRST: f64 = 1e-20;

/// Chains of a pilot run.
const PILOT_CHAINS: usize = 100;

/// Least speed of a pilot, as a share of its mean: where it saw no variance at all there may be some.
const LEAST_SPEED: f64 = 0.05;

impl Betas {
    /// Transitions.
    pub fn temperatures(&self) -> usize {
        match self {
            Betas::Linear(temperatures) | Betas::Geometric { temperatures, .. } | Betas::Adaptive(temperatures) => {
                *temperatures
            }
            Betas::SalakhutdinovMurray => 14_500,
            Betas::Given(betas) => betas.len().saturating_sub(1),
        }
    }

    /// Its name without the number of temperatures, as tables have it.
    pub fn name(&self) -> &'static str {
        match self {
            Betas::Linear(_) => "linear",
            Betas::Geometric { .. } => "geometric",
            Betas::SalakhutdinovMurray => "salakhutdinov-murray",
            Betas::Adaptive(_) => "adaptive",
            Betas::Given(_) => "given",
        }
    }

    /// The betas on a path, refused unless they rise from 0 to 1.
    pub fn resolve(&self, path: &dyn Path, seed: Seed) -> Result<Resolved> {
        let count = self.temperatures();
        let part = |k: usize| k as f64 / count as f64;
        let mut gibbs_updates = 0;
        let betas = match self {
            _ if count == 0 => Vec::new(),
            Betas::Linear(_) => (0..=count).map(part).collect(),
            Betas::Geometric { first, .. } => {
                let last = (count - 1).max(1) as f64;
                let beta = |k: usize| first.powf(1.0 - k as f64 / last);
                // The last is 1 and not nearly so.
                let rest = (0..count - 1).map(beta).chain([1.0]);
                [0.0].into_iter().chain(rest).collect()
            }
            Betas::SalakhutdinovMurray => salakhutdinov_murray(),
            Betas::Adaptive(_) => {
                let pilot = (count / 10).clamp(20, 500);
                gibbs_updates = (pilot * PILOT_CHAINS * path.units()) as u64;
                equal_parts(&speeds(path, pilot, seed), count)
            }
            Betas::Given(betas) => betas.clone(),
        };
        check(&betas)?;
        Ok(Resolved { betas, gibbs_updates })
    }
}

fn salakhutdinov_murray() -> Vec<f64> {
    let first = (0..500).map(|k| f64::from(k) / 1000.0);
    let second = (5000..9000).map(|k| f64::from(k) / 10_000.0);
    let third = (90_000..=100_000).map(|k| f64::from(k) / 100_000.0);
    first.chain(second).chain(third).collect()
}

/// Refuses what is no way from 0 to 1.
fn check(betas: &[f64]) -> Result<()> {
    let refuse = |problem: String| {
        Err(Error::invalid(
            "inverse temperatures",
            problem,
            "give at least one transition, from 0 to 1, each beta above the last",
        ))
    };
    match betas {
        [] | [_] => refuse("there is no transition".to_string()),
        [first, ..] if *first != 0.0 => refuse(format!("they start at {first}")),
        [_, second, ..] if *second > 0.0 && *second < LEAST_FIRST => {
            refuse(format!("the first step, to {second}, is below {LEAST_FIRST}"))
        }
        [.., last] if *last != 1.0 => refuse(format!("they end at {last}")),
        _ => {
            let rises = |pair: &&[f64]| pair[1] > pair[0];
            match betas.windows(2).find(|pair| !rises(pair)) {
                Some(pair) => refuse(format!("{} follows {}", pair[1], pair[0])),
                None => Ok(()),
            }
        }
    }
}

/// The standard deviation of d ln f / d beta in each of `count` equal parts of the path, by a short annealing run.
fn speeds(path: &dyn Path, count: usize, seed: Seed) -> Vec<f64> {
    let starts = path.draw_base(PILOT_CHAINS, seed.child("base", 0));
    let mut chains = Chains::new(starts, seed.child("chains", 0));
    let beta = |k: usize| k as f64 / count as f64;
    (0..count)
        .map(|k| {
            let mut ratios = vec![0.0; PILOT_CHAINS];
            path.anneal(&mut chains, &[beta(k), beta(k + 1)], &mut ratios);
            let mean = ratios.iter().sum::<f64>() / PILOT_CHAINS as f64;
            let squares = ratios.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
            (squares / (PILOT_CHAINS - 1) as f64).sqrt() * count as f64
        })
        .collect()
}

/// `count` steps of equal length along a path whose speed is constant in each of equal parts.
fn equal_parts(speeds: &[f64], count: usize) -> Vec<f64> {
    let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
    let least = if mean > 0.0 { LEAST_SPEED * mean } else { 1.0 };
    let lengths: Vec<f64> = speeds.iter().map(|speed| speed.max(least)).collect();
    let total: f64 = lengths.iter().sum();
    let (mut part, mut passed) = (0, 0.0);
    let mut betas: Vec<f64> = (0..count)
        .map(|k| {
            let wanted = total * k as f64 / count as f64;
            while passed + lengths[part] < wanted {
                passed += lengths[part];
                part += 1;
            }
            (part as f64 + (wanted - passed) / lengths[part]) / lengths.len() as f64
        })
        .collect();
    betas.push(1.0);
    betas
}
