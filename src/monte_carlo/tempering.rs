//! Parallel tempering: chains at several temperatures that exchange their places.

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::random::{Seed, uniform};

/// Parallel tempering, or replica exchange (Swendsen and Wang 1986; Geyer 1991; Hukushima and Nemoto 1996).
///
/// Ladders of chains, one chain a beta, each moved by a kernel that leaves f^beta unchanged. After every step neighbours
/// on a ladder, in turn the pairs (0,1), (2,3), .. and (1,2), (3,4), .., exchange their states x and y with probability
/// min(1, e^{(beta - beta') (ln f(y) - ln f(x))}), which leaves the product of all laws unchanged.
pub struct ParallelTempering<'a> {
    law: &'a dyn Law,
    kernel: &'a dyn Kernel,
    betas: Vec<f64>,
    /// One chain a ladder, for every beta.
    chains: Vec<Chains>,
    seed: Seed,
    rounds: u64,
    /// Exchanges accepted and offered, for every pair of neighbours.
    exchanges: Vec<(u64, u64)>,
}

impl<'a> ParallelTempering<'a> {
    /// All ladders start from the rows of `states`, every beta of a ladder from the same row. `law` is over all the
    /// kernel's units, and `betas` (relative to the law's own temperature) are distinct and in order, rising or
    /// falling.
    pub fn new(
        law: &'a dyn Law,
        kernel: &'a dyn Kernel,
        betas: &[f64],
        states: &Configurations,
        seed: Seed,
    ) -> Result<Self> {
        let refuse =
            |problem: &str, mend: &str| Err(Error::invalid("parallel tempering", problem, mend));
        if law.sites() != kernel.units() || states.sites() != law.sites() {
            return refuse(
                "law, kernel and states differ in their sites",
                "give all of them the same",
            );
        }
        let steps: Vec<f64> = betas.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let ordered = steps.iter().all(|step| *step > 0.0) || steps.iter().all(|step| *step < 0.0);
        if betas.is_empty() || !betas.iter().all(|beta| beta.is_finite()) || !ordered {
            return refuse(
                "its betas are not in order",
                "give finite values that rise, or fall, throughout",
            );
        }
        if states.is_empty() {
            return refuse(
                "there is no ladder",
                "give at least one state to start from",
            );
        }
        let rung = |k: usize| Chains::new(states.clone(), seed.child("rung", k as u64));
        Ok(Self {
            law,
            kernel,
            betas: betas.to_vec(),
            chains: (0..betas.len()).map(rung).collect(),
            seed,
            rounds: 0,
            exchanges: vec![(0, 0); betas.len().saturating_sub(1)],
        })
    }

    /// Moves every chain by `steps` of the kernel's steps and then offers one exchange to every other pair.
    pub fn advance(&mut self, steps: usize) {
        for (chains, beta) in self.chains.iter_mut().zip(&self.betas) {
            self.kernel.advance(chains, *beta, steps, Clamp::Nothing);
        }
        let mut generator = self.seed.child("exchange", self.rounds).generator();
        for lower in ((self.rounds % 2) as usize..self.exchanges.len()).step_by(2) {
            let difference = self.betas[lower] - self.betas[lower + 1];
            let (left, right) = self.chains.split_at_mut(lower + 1);
            let (a, b) = (&mut left[lower], &mut right[0]);
            for ladder in 0..a.states().len() {
                let weight = |chains: &Chains| self.law.log_weight(chains.states().row(ladder));
                let log_ratio = difference * (weight(b) - weight(a));
                self.exchanges[lower].1 += 1;
                if log_ratio >= 0.0 || uniform(&mut generator) < log_ratio.exp() {
                    a.exchange(b, ladder);
                    self.exchanges[lower].0 += 1;
                }
            }
        }
        self.rounds += 1;
    }

    /// The chains at the beta of this number, one a ladder.
    pub fn chains(&self, rung: usize) -> &Chains {
        &self.chains[rung]
    }

    /// The share of exchanges accepted between each beta and the next; `None` where none was offered yet. Where it is
    /// below about 0.2 the betas are too far apart.
    pub fn acceptance(&self) -> Vec<Option<f64>> {
        let share = |(accepted, offered): &(u64, u64)| {
            (*offered > 0).then(|| *accepted as f64 / *offered as f64)
        };
        self.exchanges.iter().map(share).collect()
    }
}
