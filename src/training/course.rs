//! What a training run does to a machine, update by update.

use super::batch::Batch;
use super::direction::{Centring, Direction, Discriminative, Update};
use super::gradient::{Estimated, GradientEstimator};
use super::settings::Training;
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::kernels::descent::{Descent, largest_magnitude};
use crate::model::{Model, Slope, check_count};
use crate::random::Seed;
use crate::row_sampler::{RowSampler, Weighted, weighted};
use crate::state::State;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// All of a training run but its machine, its gradient and its data: settings, counters, velocity.
pub(crate) struct Course {
    settings: Training,
    weighted: Arc<Weighted>,
    directions: Vec<Box<dyn Direction>>,
    gradient: Vec<f64>,
    pub(crate) memory: Memory,
}

/// What changes along the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    seed: Seed,
    /// The rows of the data, as this epoch takes them.
    order: Vec<usize>,
    /// How many of them it has taken.
    taken: usize,
    /// Empty where no momentum keeps it.
    velocity: Vec<f64>,
    /// Averaged parameters; empty where none are asked for.
    pub(crate) average: Vec<f64>,
    bounds: Bounds,
    pub(crate) updates: u64,
    pub(crate) gibbs_updates: u64,
    pub(crate) epochs: usize,
}

/// Magnitude below which no product or sum of an update leaves the real numbers.
const HARMLESS: f64 = 1e100;

impl Course {
    /// Before the first update.
    pub(crate) fn new(model: &dyn Model, data: &Configurations, settings: &Training, seed: Seed) -> Result<Self> {
        if data.sites() != model.visible() {
            return Err(Error::invalid(
                "training data",
                format!("{} sites for a model of {} visible units", data.sites(), model.visible()),
                "give the model as many visible units as the data have sites",
            ));
        }
        settings.check()?;
        let parameters = model.parameters();
        let centring = Centring::new(settings.centred).map(|centring| Box::new(centring) as Box<dyn Direction>);
        let share = settings.discriminative;
        let discriminative = (share > 0.0).then(|| Box::new(Discriminative { share }) as Box<dyn Direction>);
        let memory = Memory {
            seed,
            order: (0..data.len()).collect(),
            taken: 0,
            velocity: vec![0.0; if settings.momentum == 0.0 { 0 } else { parameters.len() }],
            average: if settings.average > 0 { parameters.to_vec() } else { Vec::new() },
            bounds: Bounds { parameter: f64::INFINITY, velocity: f64::INFINITY },
            updates: 0,
            gibbs_updates: 0,
            epochs: 0,
        };
        Ok(Self {
            weighted: Arc::new(weighted(data)?),
            directions: centring.into_iter().chain(discriminative).chain(settings.step.direction()).collect(),
            gradient: vec![0.0; parameters.len()],
            settings: *settings,
            memory,
        })
    }

    /// Takes the data once, or what is left of an epoch that has been begun.
    pub(crate) fn epoch(
        &mut self,
        model: &mut dyn Model,
        estimator: &mut dyn GradientEstimator,
        data: &Configurations,
    ) -> Result<()> {
        let epoch = self.memory.epochs;
        while self.memory.epochs == epoch {
            self.update(model, estimator, data)?;
        }
        Ok(())
    }

    /// Takes the next mini-batch, or the whole law.
    pub(crate) fn update(
        &mut self,
        model: &mut dyn Model,
        estimator: &mut dyn GradientEstimator,
        data: &Configurations,
    ) -> Result<()> {
        let (memory, chains) = (&mut self.memory, self.settings.batch);
        if data.weights().is_some() {
            let weighted = Arc::clone(&self.weighted);
            let sampler = RowSampler::with(data, &weighted);
            self.learn(model, estimator, &Batch::Law { law: data, sampler: &sampler, chains })?;
            self.memory.epochs += 1;
            return Ok(());
        }
        if memory.taken == 0 {
            let seed = memory.seed.child("shuffle", memory.epochs as u64 + 1);
            memory.order.shuffle(&mut seed.generator());
        }
        let end = (memory.taken + chains).min(memory.order.len());
        let batch = Batch::Rows(data.select(&memory.order[memory.taken..end]));
        memory.taken = if end == memory.order.len() { 0 } else { end };
        memory.epochs += usize::from(memory.taken == 0);
        self.learn(model, estimator, &batch)
    }

    /// One step down the gradient that the batch gives.
    fn learn(&mut self, model: &mut dyn Model, estimator: &mut dyn GradientEstimator, batch: &Batch) -> Result<()> {
        let (settings, memory) = (&self.settings, &mut self.memory);
        let seed = memory.seed.child("update", memory.updates);
        let descent = Descent {
            rate: settings.learning_rate * settings.decay.factor(memory.updates),
            momentum: settings.momentum,
            weight_decay: settings.weight_decay,
        };
        // No statistic leaves [0, 1], so that a difference of means is at most 1.
        let next = memory.bounds.after(&descent, 1.0);
        memory.gibbs_updates += estimator.gibbs_updates(model, batch);
        match estimator.estimate(model, batch, seed, &mut self.gradient)? {
            Estimated::Phases { chains, data } if next.are_harmless() && self.directions.is_empty() => {
                let slope = Slope::Phases { chains: &chains, data: &data, memory: &mut self.gradient };
                model.descend(&descent, slope, &mut memory.velocity)?;
                memory.bounds = next;
            }
            estimated => {
                let (chains, data) = match estimated {
                    Estimated::Written => (None, Cow::Borrowed(batch.data())),
                    Estimated::Phases { chains, data } => {
                        model.set_difference_of_expectations(&chains, &data, &mut self.gradient)?;
                        (Some(chains), data)
                    }
                };
                let update = Update { model, data: &data, chains: chains.as_ref() };
                for direction in &mut self.directions {
                    direction.turn(&update, &mut self.gradient)?;
                }
                let updates = memory.updates;
                memory.bounds.check_finite(model, &self.gradient, &memory.velocity, &descent, updates)?;
                model.descend(&descent, Slope::Written(&self.gradient), &mut memory.velocity)?;
            }
        }
        memory.updates += 1;
        let share = 1.0 / memory.updates.min(settings.average.saturating_add(1)) as f64;
        let parameters = memory.average.iter_mut().zip(model.parameters());
        parameters.for_each(|(mean, theta)| *mean += share * (theta - *mean));
        Ok(())
    }

    /// What the directions remember.
    pub(crate) fn directions(&self) -> Result<Vec<State>> {
        self.directions.iter().map(|direction| direction.state()).collect()
    }

    /// Goes on from another moment of a run with the same settings on as many rows.
    pub(crate) fn go_on(&mut self, memory: &Memory, directions: &[State], model: &dyn Model) -> Result<()> {
        let refuse = |problem: &str| {
            let mend = "take the settings and the data that the run was begun with";
            Err(Error::invalid("the state of a training run", problem, mend))
        };
        let (own, mut order) = (&self.memory, memory.order.clone());
        order.sort_unstable();
        if order.len() != own.order.len() || memory.taken >= order.len().max(1) {
            return refuse("it comes from other data");
        }
        if !order.iter().copied().eq(0..order.len()) {
            return refuse("its rows are not each once");
        }
        for (what, numbers, own) in
            [("velocity", &memory.velocity, &own.velocity), ("average", &memory.average, &own.average)]
        {
            if numbers.is_empty() != own.is_empty() {
                return refuse(&format!("the {what} is missing, or not asked for"));
            }
            if !numbers.is_empty() {
                check_count(what, numbers, model)?;
            }
        }
        if directions.len() != self.directions.len() {
            return refuse("it goes in other directions");
        }
        let mut pairs = self.directions.iter_mut().zip(directions);
        pairs.try_for_each(|(direction, state)| direction.set_state(state, model))?;
        self.memory = memory.clone();
        Ok(())
    }
}

/// Magnitudes that no parameter and no velocity exceeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
