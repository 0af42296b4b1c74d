//! The settings of a training run.

use super::direction::{Offsets, Step};
use super::schedule::Decay;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// velocity = momentum x velocity - learning_rate x (gradient + weight_decay x couplings);
/// theta = theta + velocity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Passes over the data; with a weighted law each is one update.
    pub epochs: usize,
    /// Configurations a mini-batch, or chains that CD starts from a weighted law.
    pub batch: usize,
    /// The step along the gradient, which is a mean per configuration.
    pub learning_rate: f64,
    /// How the learning rate falls.
    pub decay: Decay,
    /// The share of the velocity that is kept, in [0, 1).
    pub momentum: f64,
    /// The strength of the penalty (weight_decay / 2) |couplings|^2; biases are free.
    pub weight_decay: f64,
    /// What is subtracted from the units in the gradient.
    pub centred: Offsets,
    /// alpha of the cost -mean ln p(v, l) - alpha mean ln p(l | v) of a machine with labels; 0 for the likelihood alone.
    pub discriminative: f64,
    /// What an update goes along.
    pub step: Step,
    /// So many updates back parameters are averaged for whoever looks at the machine, and for what it is in the end: a running
    /// mean, mean = mean + (theta - mean) / (average + 1), and the plain mean before there were as many. 0 for none.
    pub average: u64,
}

impl Training {
    /// Refuses empty mini-batches, and a natural gradient of a centred one: the natural gradient is the same in centred
    /// parameters, and F belongs to the plain ones.
    pub fn check(&self) -> Result<()> {
        if self.batch == 0 {
            return Err(Error::invalid("batch", "0 is empty", "take 1 or more"));
        }
        if !(self.discriminative >= 0.0 && self.discriminative.is_finite()) {
            let problem = format!("{} is no number from 0 on", self.discriminative);
            return Err(Error::invalid("the discriminative part of the cost", problem, "take 0, or a share such as 1"));
        }
        match (self.step, self.centred) {
            (_, Offsets::None) | (Step::Gradient | Step::Adam, _) => Ok(()),
            _ => Err(Error::invalid(
                "the natural gradient",
                "it does not depend on offsets, and its matrix is that of the plain gradient",
                "leave the gradient plain",
            )),
        }
    }
}

impl Default for Training {
    /// Torlai and Melko 2016: mini-batches of 50, learning rate 0.01, 2000 epochs, plain descent.
    fn default() -> Self {
        Self {
            epochs: 2000,
            batch: 50,
            learning_rate: 0.01,
            decay: Decay::None,
            momentum: 0.0,
            weight_decay: 0.0,
            centred: Offsets::None,
            discriminative: 0.0,
            step: Step::Gradient,
            average: 0,
        }
    }
}
