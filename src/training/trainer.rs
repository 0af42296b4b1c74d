//! Gradient descent with momentum: one loop for every model and every estimator.

use super::course::{Course, Memory};
use super::gradient::GradientEstimator;
pub use super::settings::Training;
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::model::{Model, check_count};
use crate::random::Seed;
use crate::state::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

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
    let mut course = Course::new(model, data, settings, seed)?;
    // The machine with averaged parameters, where they are averaged.
    let mut averaged = (settings.average > 0).then(|| model.boxed());
    observe(0, 0, model)?;
    while course.memory.epochs < settings.epochs {
        course.epoch(model, estimator, data)?;
        let Memory { epochs, updates, ref average, .. } = course.memory;
        match &mut averaged {
            Some(averaged) => {
                averaged.parameters_mut().copy_from_slice(average);
                observe(epochs, updates, &**averaged)?;
            }
            None => observe(epochs, updates, model)?,
        }
    }
    if let Some(averaged) = &averaged {
        model.parameters_mut().copy_from_slice(averaged.parameters());
    }
    Ok(())
}

/// A training run that owns all it needs, and is taken as far as one likes: by updates, by epochs, or to another place.
///
/// ```
/// use gibbsite::prelude::*;
///
/// # fn main() -> gibbsite::error::Result<()> {
/// let data = whole_law(&Ising::on_lattice(Lattice::Ring(6), 1.0, 0.0, 2.0)?)?;
/// let settings = Training { learning_rate: 0.5, ..Training::default() };
/// let mut machine = Rbm::new(6, 4)?;
/// machine.initialize(InitialWeights::Gaussian(0.1), Seed::root(1))?;
/// let cd: Recipe = "cd:5".parse()?;
/// let estimator = || cd.estimator(&data, settings.batch, 4, Seed::root(2));
/// let mut trainer = Trainer::new(machine.clone(), estimator()?, data.clone(), &settings, Seed::root(3))?;
/// trainer.train(100)?;
/// // Another one goes on from there, and ends at the same numbers.
/// let state = trainer.state()?;
/// let mut other = Trainer::new(machine, estimator()?, data.clone(), &settings, Seed::root(0))?;
/// other.set_state(&state)?;
/// trainer.train(100)?;
/// other.train(100)?;
/// assert_eq!(trainer.model(), other.model());
/// # Ok(())
/// # }
/// ```
pub struct Trainer<M> {
    model: M,
    /// With averaged parameters, where they are averaged.
    averaged: Option<M>,
    estimator: Box<dyn GradientEstimator>,
    data: Arc<Configurations>,
    course: Course,
}

/// All that a training run has become since it was begun: what [`Trainer::new`] makes from the same settings, the same data and
/// a machine of the same size goes on from it, to the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    parameters: Vec<f64>,
    memory: Memory,
    directions: Vec<State>,
    estimator: State,
}

impl<M: std::fmt::Debug> std::fmt::Debug for Trainer<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Memory { epochs, updates, .. } = &self.course.memory;
        let mut shown = f.debug_struct("Trainer");
        shown.field("model", &self.model).field("epochs", epochs).field("updates", updates).finish_non_exhaustive()
    }
}

impl<M: Model + Clone> Trainer<M> {
    /// Before the first update.
    pub fn new(
        model: M,
        estimator: Box<dyn GradientEstimator>,
        data: impl Into<Arc<Configurations>>,
        settings: &Training,
        seed: Seed,
    ) -> Result<Self> {
        let data = data.into();
        let course = Course::new(&model, &data, settings, seed)?;
        let averaged = (settings.average > 0).then(|| model.clone());
        Ok(Self { model, averaged, estimator, data, course })
    }

    /// The machine, with averaged parameters where they are averaged.
    pub fn model(&self) -> &M {
        self.averaged.as_ref().unwrap_or(&self.model)
    }

    /// The machine, taken out.
    pub fn into_model(self) -> M {
        self.averaged.unwrap_or(self.model)
    }

    /// The estimator, to be asked how its chains mix.
    pub fn estimator(&mut self) -> &mut dyn GradientEstimator {
        &mut *self.estimator
    }

    /// Epochs that have been ended.
    pub fn epochs(&self) -> usize {
        self.course.memory.epochs
    }

    /// Updates so far.
    pub fn updates(&self) -> u64 {
        self.course.memory.updates
    }

    /// Units drawn so far, probabilities in closed form counted as draws: see [`GradientEstimator::gibbs_updates`].
    pub fn gibbs_updates(&self) -> u64 {
        self.course.memory.gibbs_updates
    }

    /// Takes other rows from here on, as many of them: data that are drawn anew for every epoch, such as pictures from their
    /// grey values.
    pub fn set_data(&mut self, data: impl Into<Arc<Configurations>>) -> Result<()> {
        let data = data.into();
        let alike = |data: &Configurations| (data.sites(), data.len(), data.weights().is_none());
        if alike(&data) == alike(&self.data) && data.weights().is_none() {
            self.data = data;
            return Ok(());
        }
        Err(Error::invalid(
            "new rows for a training run",
            format!("they are {} of {} sites, or have weights", data.len(), data.sites()),
            format!("give {} of {} sites, equally weighted", self.data.len(), self.data.sites()),
        ))
    }

    /// Takes the next mini-batch, or the whole law.
    pub fn update(&mut self) -> Result<()> {
        let done = self.course.update(&mut self.model, &mut *self.estimator, &self.data);
        self.show_average();
        done
    }

    /// Takes the data once, or what is left of an epoch that has been begun.
    pub fn epoch(&mut self) -> Result<()> {
        let done = self.course.epoch(&mut self.model, &mut *self.estimator, &self.data);
        self.show_average();
        done
    }

    /// Takes the data so many times.
    pub fn train(&mut self, epochs: usize) -> Result<()> {
        (0..epochs).try_for_each(|_| self.epoch())
    }

    fn show_average(&mut self) {
        if let Some(averaged) = &mut self.averaged {
            averaged.parameters_mut().copy_from_slice(&self.course.memory.average);
        }
    }

    /// All that the run has become: parameters, velocity, averages, counters, the order of the rows, chains.
    pub fn state(&self) -> Result<TrainerState> {
        Ok(TrainerState {
            parameters: self.model.parameters().to_vec(),
            memory: self.course.memory.clone(),
            directions: self.course.directions()?,
            estimator: self.estimator.state()?,
        })
    }

    /// Goes on from there. A state of other settings, other data or a machine of another size is refused; what has been
    /// refused leaves a run that is of no use.
    pub fn set_state(&mut self, state: &TrainerState) -> Result<()> {
        check_count("the state of a training run", &state.parameters, &self.model)?;
        self.course.go_on(&state.memory, &state.directions, &self.model)?;
        self.estimator.set_state(&state.estimator, &self.model)?;
        self.model.parameters_mut().copy_from_slice(&state.parameters);
        self.show_average();
        Ok(())
    }
}
