//! Gradient descent with momentum: one loop for every model and every estimator.

use super::batch::{Batch, RowSampler};
use super::gradient::GradientEstimator;
use super::schedule::Decay;
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::random::Seed;
use rand::seq::SliceRandom;

/// velocity = momentum x velocity - learning_rate x (gradient + weight_decay x couplings);
/// theta = theta + velocity.
#[derive(Clone, Copy, Debug, PartialEq)]
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
        }
    }
}

/// Called before the first epoch and after each: epochs done, updates done, the model.
pub type Observe<'a> = dyn FnMut(usize, u64, &dyn Model) -> Result<()> + 'a;

/// Trains `model` on `data`.
///
/// A mini-batch is `settings.batch` rows (the last of an epoch may be smaller), shuffled anew each
/// epoch, so that an epoch is ceil(rows / batch) updates. A weighted data set is a whole law: an epoch
/// is one update. Stops with [`Error::NotFinite`] before an update would leave the real numbers; the
/// model then holds the last good parameters.
pub fn train(
    model: &mut dyn Model,
    estimator: &mut dyn GradientEstimator,
    data: &Configurations,
    settings: &Training,
    seed: Seed,
    observe: &mut Observe,
) -> Result<()> {
    if data.sites() != model.visible() {
        return Err(Error::invalid(
            "training data",
            format!(
                "{} sites for a model of {} visible units",
                data.sites(),
                model.visible()
            ),
            "give the model as many visible units as the data have sites",
        ));
    }
    if settings.batch == 0 {
        return Err(Error::invalid("batch", "0 is empty", "take 1 or more"));
    }
    let sampler = RowSampler::new(data)?;
    let mut descent = Descent {
        velocity: vec![0.0; model.parameters().len()],
        gradient: vec![0.0; model.parameters().len()],
        updates: 0,
        settings,
        seed,
    };
    let mut order: Vec<usize> = (0..data.len()).collect();
    observe(0, 0, model)?;
    for epoch in 1..=settings.epochs {
        if data.weights().is_some() {
            let batch = Batch::Law {
                law: data,
                sampler: &sampler,
                chains: settings.batch,
            };
            descent.update(model, estimator, &batch)?;
        } else {
            order.shuffle(&mut seed.child("shuffle", epoch as u64).generator());
            for rows in order.chunks(settings.batch) {
                let batch = Batch::Rows(data.select(rows));
                descent.update(model, estimator, &batch)?;
            }
        }
        observe(epoch, descent.updates, model)?;
    }
    Ok(())
}

struct Descent<'a> {
    velocity: Vec<f64>,
    gradient: Vec<f64>,
    updates: u64,
    settings: &'a Training,
    seed: Seed,
}

impl Descent<'_> {
    fn update(
        &mut self,
        model: &mut dyn Model,
        estimator: &mut dyn GradientEstimator,
        batch: &Batch,
    ) -> Result<()> {
        let seed = self.seed.child("update", self.updates);
        estimator.estimate(model, batch, seed, &mut self.gradient)?;
        let Training {
            learning_rate,
            decay,
            momentum,
            weight_decay,
            ..
        } = *self.settings;
        let rate = learning_rate * decay.factor(self.updates);
        let couplings = model.couplings();
        for (gradient, weight) in self.gradient[..couplings]
            .iter_mut()
            .zip(model.parameters())
        {
            *gradient += weight_decay * weight;
        }
        for (velocity, gradient) in self.velocity.iter_mut().zip(&self.gradient) {
            *velocity = momentum * *velocity - rate * gradient;
        }
        self.check_finite(model)?;
        for (parameter, velocity) in model.parameters_mut().iter_mut().zip(&self.velocity) {
            *parameter += velocity;
        }
        self.updates += 1;
        Ok(())
    }

    fn check_finite(&self, model: &dyn Model) -> Result<()> {
        let mut next = model
            .parameters()
            .iter()
            .zip(&self.velocity)
            .map(|(x, v)| x + v);
        match next.position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(index) => Err(Error::NotFinite {
                update: self.updates + 1,
                parameter: model.parameter_name(index),
                value: model.parameters()[index] + self.velocity[index],
                last_good: self.updates,
            }),
        }
    }
}
