//! Training as it is published, and our own.

use super::digits::Binarisation;
use gibbsite::prelude::*;
use gibbsite::training::direction::Offsets;
use laboratory::prelude::*;

choice! {
    /// A way to train.
    pub Course { Small = "small", Best = "best", Lisa = "lisa", Salakhutdinov = "salakhutdinov", Centred = "centred" }
}

/// All that a way to train says.
pub struct Plan {
    /// Gradients, one machine each.
    pub estimators: Vec<Recipe>,
    /// Hidden units.
    pub hidden: usize,
    /// Whether ten label units stand beside the pixels.
    pub labels: bool,
    /// Digits to learn from.
    pub digits: usize,
    /// How they become binary.
    pub binarisation: Binarisation,
    /// The settings of the trainer.
    pub training: Training,
    /// Whether k rises from 1 to that of the estimator, in equal parts of the epochs.
    pub rising: bool,
    /// The first weights.
    pub weights: InitialWeights,
    /// Whether the biases of the visible units start from the data's frequencies, and not from 0.
    pub bias_from_data: bool,
}

/// A recipe that is written here.
fn recipe(name: EstimatorName, gibbs_steps: usize) -> Recipe {
    Recipe::new(name, Some(gibbs_steps), HiddenStatistics::default())
}

/// The same with a centred gradient.
fn with_offsets(mut recipe: Recipe, offsets: Offsets) -> Recipe {
    recipe.centred = offsets;
    recipe
}

impl Course {
    /// Its plan.
    pub fn plan(self) -> Plan {
        let pcd = |k| recipe(EstimatorName::Pcd, k);
        match self {
            // Small but real: minutes.
            Course::Small => Plan {
                estimators: vec![with_offsets(pcd(1), Offsets::Mean)],
                hidden: 500,
                labels: true,
                digits: 60_000,
                binarisation: Binarisation::Stochastic,
                training: Training {
                    epochs: 20,
                    batch: 100,
                    learning_rate: 0.05,
                    decay: Decay::Exponential(4000.0),
                    discriminative: 10.0,
                    ..Training::default()
                },
                rising: false,
                weights: InitialWeights::Gaussian(0.01),
                bias_from_data: true,
            },
            Course::Best => {
                let small = Course::Small.plan();
                let training =
                    Training { epochs: 400, decay: Decay::Exponential(50_000.0), average: 3000, ..small.training };
                Plan { training, ..small }
            }
            // The Deep Learning Tutorial's rbm.py; its inputs are the grey values themselves.
            Course::Lisa => Plan {
                estimators: vec![pcd(15)],
                hidden: 500,
                labels: false,
                digits: 50_000,
                binarisation: Binarisation::Stochastic,
                training: Training { epochs: 15, batch: 20, learning_rate: 0.1, ..Training::default() },
                rising: false,
                weights: InitialWeights::Uniform,
                bias_from_data: false,
            },
            // Salakhutdinov and Murray 2008: CD1, CD3, and CD25 by a k that rises.
            Course::Salakhutdinov => Plan {
                estimators: [1, 3, 25].map(|k| recipe(EstimatorName::Cd, k)).to_vec(),
                hidden: 500,
                labels: false,
                digits: 60_000,
                binarisation: Binarisation::Stochastic,
                training: Training {
                    epochs: 250,
                    batch: 100,
                    learning_rate: 0.05,
                    decay: Decay::Inverse(20_000.0),
                    ..Training::default()
                },
                rising: true,
                weights: InitialWeights::Gaussian(0.01),
                bias_from_data: true,
            },
            // Melchior, Fischer and Wiskott 2016, section 6: the plain gradient, and the centred one.
            Course::Centred => Plan {
                estimators: [Offsets::None, Offsets::Mean].map(|offsets| with_offsets(pcd(1), offsets)).to_vec(),
                hidden: 16,
                labels: false,
                digits: 60_000,
                binarisation: Binarisation::Threshold,
                training: Training { epochs: 50, batch: 100, learning_rate: 0.01, ..Training::default() },
                rising: false,
                weights: InitialWeights::Gaussian(0.01),
                bias_from_data: true,
            },
        }
    }
}

impl Plan {
    /// k of an epoch, counted from 0, of an estimator with this k.
    pub fn gibbs_steps(&self, k: usize, epoch: usize) -> usize {
        if self.rising { (1 + k * epoch / self.training.epochs.max(1)).min(k) } else { k }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_rise_in_equal_parts() {
        let plan =
            Plan { rising: true, training: Training { epochs: 10, ..Training::default() }, ..Course::Lisa.plan() };
        let steps: Vec<usize> = (0..10).map(|epoch| plan.gibbs_steps(5, epoch)).collect();
        assert_eq!(steps, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
        assert_eq!(Course::Lisa.plan().gibbs_steps(15, 0), 15);
    }
}
