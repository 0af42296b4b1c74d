//! Persistent contrastive divergence with fast weights.

use super::{Estimated, GradientEstimator, PersistentContrastiveDivergence};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::random::Seed;
use crate::state::State;
use crate::training::batch::Batch;
use crate::training::mixing::Mixing;

/// FPCD (Tieleman and Hinton 2009): the chains of PCD move under theta + fast, where
/// fast = decay x fast - rate x gradient is learned quickly and forgotten quickly. It lifts the energy where the chains are,
/// and so drives them on; the law that they are drawn from is no longer the model's. With a rate of 0 this is PCD.
#[derive(Debug)]
pub struct FastPersistentContrastiveDivergence {
    pcd: PersistentContrastiveDivergence,
    rate: f64,
    decay: f64,
    /// Empty before the first update.
    fast: Vec<f64>,
}

impl FastPersistentContrastiveDivergence {
    /// From PCD, a learning rate of the fast weights, and the share of them that an update keeps, below 1.
    pub fn new(pcd: PersistentContrastiveDivergence, rate: f64, decay: f64) -> Result<Self> {
        if rate >= 0.0 && rate.is_finite() && (0.0..1.0).contains(&decay) {
            return Ok(Self { pcd, rate, decay, fast: Vec::new() });
        }
        Err(Error::invalid(
            "fast weights",
            format!("a rate of {rate} or a decay of {decay} lets them grow without end"),
            "take a rate of 0 or more, and a decay of 0 or more, below 1",
        ))
    }
}

impl GradientEstimator for FastPersistentContrastiveDivergence {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        batch: &'a Batch,
        seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        self.fast.resize(gradient.len(), 0.0);
        let mut driven = model.boxed();
        driven.parameters_mut().iter_mut().zip(&self.fast).for_each(|(theta, fast)| *theta += fast);
        self.pcd.advance(&*driven);
        self.pcd.difference(model, batch, seed, gradient)?.write(model, gradient)?;
        self.fast.iter_mut().zip(&*gradient).for_each(|(fast, g)| *fast = self.decay * *fast - self.rate * g);
        Ok(Estimated::Written)
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        self.pcd.gibbs_updates(model, batch)
    }

    fn state(&self) -> Result<State> {
        State::of(&(self.pcd.state()?, &self.fast))
    }

    fn set_state(&mut self, state: &State, model: &dyn Model) -> Result<()> {
        let (pcd, fast): (State, Vec<f64>) = state.read()?;
        self.pcd.set_state(&pcd, model)?;
        self.fast = fast;
        Ok(())
    }

    fn mixing(&mut self) -> Option<Mixing> {
        self.pcd.mixing()
    }
}
