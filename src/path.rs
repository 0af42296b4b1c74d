//! Paths: families of laws from a base whose Z is known to the law that is wanted.

use crate::configuration::{Configurations, used_bits};
use crate::enumerate::whole_law;
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::random::Seed;
use rayon::prelude::*;

/// A family of unnormalised laws f_beta, 0 <= beta <= 1, with f_1 the wanted law and f_0 a base whose ln Z is known
/// and which can be drawn from, and moves that leave each unchanged: all that annealed importance sampling,
/// Bennett's acceptance ratio, tempering and thermodynamic integration need.
///
/// The rows of its chains may be longer than a configuration of the law: hidden units that ln f_beta does not depend on.
pub trait Path: Sync {
    /// The wanted law, over the first bits of a row.
    fn law(&self) -> &dyn Law;

    /// Bits of a chain's row.
    fn units(&self) -> usize;

    /// ln Z of the base.
    fn base_log_partition(&self) -> f64;

    /// Independent draws from the base.
    fn draw_base(&self, count: usize, seed: Seed) -> Configurations;

    /// Independent exact draws from the wanted law, where it, or a layer of it, can be enumerated.
    fn draw_target(&self, count: usize, seed: Seed) -> Result<Configurations>;

    /// ln f_beta of a row.
    fn log_weight(&self, row: &[u64], beta: f64) -> f64;

    /// d/d beta and d^2/d beta^2 of ln f_beta of a row.
    fn slopes(&self, row: &[u64], beta: f64) -> [f64; 2];

    /// Moves every chain by `steps` steps that leave f_beta unchanged.
    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize);

    /// ln f_beta of every row at every beta, row after row. A faster way than row by row may work in single
    /// precision up to the inputs of the units.
    fn log_weights(&self, states: &Configurations, betas: &[f64]) -> Vec<f64> {
        (0..states.len()).flat_map(|s| betas.iter().map(move |beta| self.log_weight(states.row(s), *beta))).collect()
    }

    /// For each beta and the next: adds ln f_next - ln f_beta of every chain's row to its entry of `log_ratios`, then
    /// moves the chains by one step at the next beta (or leaves them where that is 0).
    fn anneal(&self, chains: &mut Chains, betas: &[f64], log_ratios: &mut [f64]) {
        for pair in betas.windows(2) {
            let weights = self.log_weights(chains.states(), pair);
            for (sum, pair) in log_ratios.iter_mut().zip(weights.chunks_exact(2)) {
                *sum += pair[1] - pair[0];
            }
            if pair[1] > 0.0 {
                self.advance(chains, pair[1], 1);
            }
        }
    }
}

/// The geometric path f^beta of any law, from the uniform law, with the moves of a kernel of that law. For a machine
/// whose hidden units cannot be summed the law is the joint one.
pub struct GeometricPath<'a> {
    law: Box<dyn Law + 'a>,
    kernel: Box<dyn Kernel + 'a>,
}

impl<'a> GeometricPath<'a> {
    /// From a law without forbidden states and a kernel that leaves f^beta unchanged, both over the same units.
    pub fn new(law: impl Law + 'a, kernel: impl Kernel + 'a) -> Result<Self> {
        let refuse = |problem: String, mend: &str| Err(Error::invalid("a path", problem, mend));
        if law.sites() != kernel.units() {
            let problem = format!("the law has {} sites and its kernel {}", law.sites(), kernel.units());
            return refuse(problem, "take a kernel over the law's sites");
        }
        if law.has_forbidden_states() {
            let problem = "f^beta of a law that forbids states has no uniform base".to_string();
            return refuse(problem, "take a law without forbidden states");
        }
        if !law.log_weight(&vec![0; law.sites().div_ceil(64)]).is_finite() {
            let problem = "the law's ln f is not a finite number where every site is 0".to_string();
            return refuse(problem, "give finite couplings and fields");
        }
        Ok(Self { law: Box::new(law), kernel: Box::new(kernel) })
    }
}

/// Configurations whose sites are 0 or 1 with probability 1/2 each.
pub fn uniform_configurations(sites: usize, count: usize, seed: Seed) -> Configurations {
    let mut words = seed.words();
    let mut rows = Configurations::zeros(sites, count);
    for s in 0..count {
        for (number, word) in rows.row_mut(s).iter_mut().enumerate() {
            *word = words.next_word() & used_bits(sites, number);
        }
    }
    rows
}

impl Path for GeometricPath<'_> {
    fn law(&self) -> &dyn Law {
        &*self.law
    }

    fn units(&self) -> usize {
        self.kernel.units()
    }

    fn base_log_partition(&self) -> f64 {
        self.law.sites() as f64 * std::f64::consts::LN_2
    }

    fn draw_base(&self, count: usize, seed: Seed) -> Configurations {
        uniform_configurations(self.units(), count, seed)
    }

    fn draw_target(&self, count: usize, seed: Seed) -> Result<Configurations> {
        Ok(crate::row_sampler::RowSampler::new(&whole_law(&*self.law)?)?.draw(count, seed))
    }

    fn log_weight(&self, row: &[u64], beta: f64) -> f64 {
        beta * self.law.log_weight(row)
    }

    fn slopes(&self, row: &[u64], _: f64) -> [f64; 2] {
        [self.law.log_weight(row), 0.0]
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize) {
        self.kernel.advance(chains, beta, steps, Clamp::Nothing);
    }

    /// ln f once for all betas, rows in parallel.
    fn log_weights(&self, states: &Configurations, betas: &[f64]) -> Vec<f64> {
        let mut all = vec![0.0; states.len() * betas.len()];
        let words = states.words();
        all.par_chunks_mut(64 * betas.len()).zip(states.bits().par_chunks(64 * words)).for_each(|(out, rows)| {
            for (out, row) in out.chunks_exact_mut(betas.len()).zip(rows.chunks_exact(words)) {
                let log_weight = self.law.log_weight(row);
                out.iter_mut().zip(betas).for_each(|(out, beta)| *out = beta * log_weight);
            }
        });
        all
    }
}
