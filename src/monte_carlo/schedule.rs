//! Kernels in turn.

use crate::law::{Chains, Clamp, Kernel};

/// A schedule of kernels of the same law: one step makes so many steps of each, in order. One Wolff cluster and N sweeps
/// of Metropolis is that of Morningstar and Melko (2018, JMLR 18, 163).
pub struct Schedule<'a> {
    parts: Vec<(Box<dyn Kernel + 'a>, usize)>,
}

impl<'a> Schedule<'a> {
    /// From kernels with their steps; all over the same units.
    pub fn new(parts: Vec<(Box<dyn Kernel + 'a>, usize)>) -> Self {
        assert!(!parts.is_empty(), "a schedule has a part");
        let same = parts.iter().all(|(kernel, _)| kernel.units() == parts[0].0.units());
        assert!(same, "the parts move the same units");
        Self { parts }
    }
}

impl Kernel for Schedule<'_> {
    fn units(&self) -> usize {
        self.parts[0].0.units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        for _ in 0..steps {
            for (kernel, part) in &self.parts {
                kernel.advance(chains, beta, *part, clamp);
            }
        }
    }
}
