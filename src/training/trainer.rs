//! Gradient descent with momentum: one loop for every model and every estimator.

use super::batch::Batch;
use super::direction::{Centring, Direction, Offsets, Step, Update};
use super::gradient::{Estimated, GradientEstimator};
use super::schedule::Decay;
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::kernels::descent::{Descent, largest_magnitude};
use crate::model::{Model, Slope};
use crate::random::Seed;
use crate::row_sampler::RowSampler;
use rand::seq::SliceRandom;
use std::borrow::Cow;

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
    /// What is subtracted from the units in the gradient.
    pub centred: Offsets,
    /// What an update goes along.
    pub step: Step,
    /// So many updates back parameters are averaged for whoever looks at the machine, and for what it is in the end: a running
    /// mean, mean = mean + (theta - mean) / (average + 1), and the plain mean before there were as many. 0 for none.
    pub average: u64,
}

impl Training {
    /// Refuses a natural gradient of a centred one: the natural gradient is the same in centred parameters, and F belongs to
    /// the plain ones.
    pub fn check(&self) -> Result<()> {
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
            step: Step::Gradient,
            average: 0,
        }
    }
}

/// Called before the first epoch and after each: epochs done, updates done, the model.
pub type Observe<'a> = dyn FnMut(usize, u64, &dyn Model) -> Result<()> + 'a;

/// Trains `model` on `data`, to its end, with someone looking on.
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
    let mut trainer = Trainer::new(model, estimator, data, settings, seed)?;
    observe(0, 0, trainer.model())?;
    while trainer.epochs() < settings.epochs {
        trainer.epoch()?;
        observe(trainer.epochs(), trainer.updates(), trainer.model())?;
    }
    trainer.finish();
    Ok(())
}

/// A training run that is taken an epoch at a time.
pub struct Trainer<'a> {
    model: &'a mut dyn Model,
    estimator: &'a mut dyn GradientEstimator,
    data: &'a Configurations,
    sampler: RowSampler<'a>,
    settings: Training,
    seed: Seed,
    order: Vec<usize>,
    directions: Vec<Box<dyn Direction>>,
    /// The machine with averaged parameters, where they are averaged.
    average: Option<Box<dyn Model>>,
    /// Empty where no momentum keeps it.
    velocity: Vec<f64>,
    gradient: Vec<f64>,
    bounds: Bounds,
    updates: u64,
    gibbs_updates: u64,
    epochs: usize,
}

/// Magnitude below which no product or sum of an update leaves the real numbers.
const HARMLESS: f64 = 1e100;

impl<'a> Trainer<'a> {
    /// Before the first update.
    pub fn new(
        model: &'a mut dyn Model,
        estimator: &'a mut dyn GradientEstimator,
        data: &'a Configurations,
        settings: &Training,
        seed: Seed,
    ) -> Result<Self> {
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
        settings.check()?;
        let parameters = model.parameters().len();
        let centring = Centring::new(settings.centred).map(|centring| Box::new(centring) as Box<dyn Direction>);
        let average = (settings.average > 0).then(|| model.boxed());
        Ok(Self {
            sampler: RowSampler::new(data)?,
            order: (0..data.len()).collect(),
            directions: centring.into_iter().chain(settings.step.direction()).collect(),
            average,
            velocity: vec![0.0; if settings.momentum == 0.0 { 0 } else { parameters }],
            gradient: vec![0.0; parameters],
            bounds: Bounds { parameter: f64::INFINITY, velocity: f64::INFINITY },
            updates: 0,
            gibbs_updates: 0,
            epochs: 0,
            settings: *settings,
            model,
            estimator,
            data,
            seed,
        })
    }

    /// The machine, with averaged parameters where they are averaged.
    pub fn model(&self) -> &dyn Model {
        self.average.as_deref().unwrap_or(&*self.model)
    }

    /// The estimator, to be asked how its chains mix.
    pub fn estimator(&mut self) -> &mut dyn GradientEstimator {
        self.estimator
    }

    /// Epochs so far.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// Updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Units drawn so far, probabilities in closed form counted as draws: see [`GradientEstimator::gibbs_updates`].
    pub fn gibbs_updates(&self) -> u64 {
        self.gibbs_updates
    }

    /// Takes the data once.
    pub fn epoch(&mut self) -> Result<()> {
        self.epochs += 1;
        let size = self.settings.batch;
        if self.data.weights().is_some() {
            return self.update(None);
        }
        let mut order = std::mem::take(&mut self.order);
        order.shuffle(&mut self.seed.child("shuffle", self.epochs as u64).generator());
        let done = order.chunks(size).try_for_each(|rows| self.update(Some(rows)));
        self.order = order;
        done
    }

    /// Leaves the model with the parameters that [`Self::model`] shows.
    pub fn finish(self) {
        if let Some(average) = &self.average {
            self.model.parameters_mut().copy_from_slice(average.parameters());
        }
    }

    /// From these rows, or the whole law.
    fn update(&mut self, rows: Option<&[usize]>) -> Result<()> {
        let seed = self.seed.child("update", self.updates);
        let descent = Descent {
            rate: self.settings.learning_rate * self.settings.decay.factor(self.updates),
            momentum: self.settings.momentum,
            weight_decay: self.settings.weight_decay,
        };
        // No statistic leaves [0, 1], so that a difference of means is at most 1.
        let next = self.bounds.after(&descent, 1.0);
        let batch = match rows {
            Some(rows) => Batch::Rows(self.data.select(rows)),
            None => Batch::Law { law: self.data, sampler: &self.sampler, chains: self.settings.batch },
        };
        self.gibbs_updates += self.estimator.gibbs_updates(&*self.model, &batch);
        let estimated = self.estimator.estimate(&*self.model, &batch, seed, &mut self.gradient)?;
        match estimated {
            Estimated::Phases { chains, data } if next.are_harmless() && self.directions.is_empty() => {
                let slope = Slope::Phases { chains: &chains, data: &data, memory: &mut self.gradient };
                self.model.descend(&descent, slope, &mut self.velocity)?;
                self.bounds = next;
            }
            estimated => {
                let (chains, data) = match estimated {
                    Estimated::Written => (None, Cow::Borrowed(batch.data())),
                    Estimated::Phases { chains, data } => {
                        self.model.set_difference_of_expectations(&chains, &data, &mut self.gradient)?;
                        (Some(chains), data)
                    }
                };
                let update = Update { model: &*self.model, data: &data, chains: chains.as_ref() };
                for direction in &mut self.directions {
                    direction.turn(&update, &mut self.gradient)?;
                }
                let (model, updates) = (&*self.model, self.updates);
                self.bounds.check_finite(model, &self.gradient, &self.velocity, &descent, updates)?;
                self.model.descend(&descent, Slope::Written(&self.gradient), &mut self.velocity)?;
            }
        }
        self.updates += 1;
        if let Some(average) = &mut self.average {
            let share = 1.0 / self.updates.min(self.settings.average.saturating_add(1)) as f64;
            let parameters = average.parameters_mut().iter_mut().zip(self.model.parameters());
            parameters.for_each(|(mean, theta)| *mean += share * (theta - *mean));
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
    /// Refuses the step if a parameter would not be finite after it. What bounds the parameters so far bounds
    /// the next ones, so that they are looked at only where the bounds grow out of hand.
    fn check_finite(
        &mut self,
        model: &dyn Model,
        gradient: &[f64],
        velocity: &[f64],
        descent: &Descent,
        updates: u64,
    ) -> Result<()> {
        let slope = largest_magnitude(gradient);
        let next = self.after(descent, slope);
        if next.are_harmless() {
            *self = next;
            return Ok(());
        }
        let bounds = Self { parameter: largest_magnitude(model.parameters()), velocity: largest_magnitude(velocity) };
        *self = bounds.after(descent, slope);
        if !self.are_harmless() {
            for (index, (theta, gradient)) in model.parameters().iter().zip(gradient).enumerate() {
                let decay = if index < model.couplings() { descent.weight_decay } else { 0.0 };
                let kept = velocity.get(index).map_or(0.0, |v| descent.momentum * v);
                let value = theta + (kept - descent.rate * (gradient + decay * theta));
                if !value.is_finite() {
                    return Err(Error::NotFinite {
                        update: updates + 1,
                        parameter: model.parameter_name(index),
                        value,
                        last_good: updates,
                    });
                }
            }
        }
        Ok(())
    }

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
