//! Gradient descent with momentum: one loop for every model and every estimator.

use super::batch::Batch;
use super::gradient::{Estimated, GradientEstimator};
use super::schedule::Decay;
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::kernels::descent::{Descent, largest_magnitude};
use crate::model::{Model, Slope};
use crate::random::Seed;
use crate::row_sampler::RowSampler;
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
        Self { epochs: 2000, batch: 50, learning_rate: 0.01, decay: Decay::None, momentum: 0.0, weight_decay: 0.0 }
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
            format!("{} sites for a model of {} visible units", data.sites(), model.visible()),
            "give the model as many visible units as the data have sites",
        ));
    }
    if settings.batch == 0 {
        return Err(Error::invalid("batch", "0 is empty", "take 1 or more"));
    }
    let sampler = RowSampler::new(data)?;
    let parameters = model.parameters().len();
    let mut run = Run {
        velocity: vec![0.0; if settings.momentum == 0.0 { 0 } else { parameters }],
        gradient: vec![0.0; parameters],
        bounds: Bounds { parameter: f64::INFINITY, velocity: f64::INFINITY },
        updates: 0,
        settings,
        seed,
    };
    let mut order: Vec<usize> = (0..data.len()).collect();
    observe(0, 0, model)?;
    for epoch in 1..=settings.epochs {
        if data.weights().is_some() {
            let batch = Batch::Law { law: data, sampler: &sampler, chains: settings.batch };
            run.update(model, estimator, &batch)?;
        } else {
            order.shuffle(&mut seed.child("shuffle", epoch as u64).generator());
            for rows in order.chunks(settings.batch) {
                let batch = Batch::Rows(data.select(rows));
                run.update(model, estimator, &batch)?;
            }
        }
        observe(epoch, run.updates, model)?;
    }
    Ok(())
}

struct Run<'a> {
    /// Empty where no momentum keeps it.
    velocity: Vec<f64>,
    gradient: Vec<f64>,
    bounds: Bounds,
    updates: u64,
    settings: &'a Training,
    seed: Seed,
}

/// Magnitude below which no product or sum of an update leaves the real numbers.
const HARMLESS: f64 = 1e100;

impl Run<'_> {
    fn update(&mut self, model: &mut dyn Model, estimator: &mut dyn GradientEstimator, batch: &Batch) -> Result<()> {
        let seed = self.seed.child("update", self.updates);
        let descent = Descent {
            rate: self.settings.learning_rate * self.settings.decay.factor(self.updates),
            momentum: self.settings.momentum,
            weight_decay: self.settings.weight_decay,
        };
        // No statistic leaves [0, 1], so that a difference of means is at most 1.
        let next = self.bounds.after(&descent, 1.0);
        match estimator.estimate(model, batch, seed, &mut self.gradient)? {
            Estimated::Phases { chains, data } if next.are_harmless() => {
                let slope = Slope::Phases { chains: &chains, data: &data, memory: &mut self.gradient };
                model.descend(&descent, slope, &mut self.velocity)?;
                self.bounds = next;
            }
            estimated => {
                estimated.write(model, &mut self.gradient)?;
                self.check_finite(model, &descent)?;
                model.descend(&descent, Slope::Written(&self.gradient), &mut self.velocity)?;
            }
        }
        self.updates += 1;
        Ok(())
    }

    /// Refuses the step if a parameter would not be finite after it. What bounds the parameters so far bounds
    /// the next ones, so that they are looked at only where the bounds grow out of hand.
    fn check_finite(&mut self, model: &dyn Model, descent: &Descent) -> Result<()> {
        let slope = largest_magnitude(&self.gradient);
        let next = self.bounds.after(descent, slope);
        if next.are_harmless() {
            self.bounds = next;
            return Ok(());
        }
        let bounds =
            Bounds { parameter: largest_magnitude(model.parameters()), velocity: largest_magnitude(&self.velocity) };
        self.bounds = bounds.after(descent, slope);
        if !self.bounds.are_harmless() {
            let (theta, velocity) = (model.parameters(), &self.velocity);
            for (index, (theta, gradient)) in theta.iter().zip(&self.gradient).enumerate() {
                let decay = if index < model.couplings() { descent.weight_decay } else { 0.0 };
                let kept = velocity.get(index).map_or(0.0, |v| descent.momentum * v);
                let value = theta + (kept - descent.rate * (gradient + decay * theta));
                if !value.is_finite() {
                    return Err(Error::NotFinite {
                        update: self.updates + 1,
                        parameter: model.parameter_name(index),
                        value,
                        last_good: self.updates,
                    });
                }
            }
        }
        Ok(())
    }
}

/// Magnitudes that no parameter and no velocity exceeds.
struct Bounds {
    parameter: f64,
    velocity: f64,
}

impl Bounds {
    /// The bounds after a step along a gradient whose largest entry is `slope`.
    fn after(&self, descent: &Descent, slope: f64) -> Self {
        let force = slope + descent.weight_decay.abs() * self.parameter;
        let velocity = descent.momentum.abs() * self.velocity + descent.rate.abs() * force;
        Self { parameter: self.parameter + velocity, velocity }
    }

    fn are_harmless(&self) -> bool {
        self.parameter < HARMLESS && self.velocity < HARMLESS
    }
}
