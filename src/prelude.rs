//! What most programs on this library need.

pub use crate::catalogue::{Target, TargetName};
pub use crate::configuration::Configurations;
pub use crate::enumerate::{log_partition, log_probabilities, whole_law};
pub use crate::law::{Chains, Clamp, Kernel, Law};
pub use crate::model::Model;
pub use crate::model::rbm::{InitialWeights, Rbm};
pub use crate::monitor::ExactTarget;
pub use crate::monitor::likelihood::{Likelihood, log_likelihood};
pub use crate::monte_carlo::ising_sample::draw_configurations;
pub use crate::monte_carlo::machine_sample::draw_from_machine;
pub use crate::path::uniform_configurations;
pub use crate::random::Seed;
pub use crate::row_sampler::RowSampler;
pub use crate::targets::ising::{Coupling, Ising};
pub use crate::targets::lattice::Lattice;
pub use crate::training::batch::Batch;
pub use crate::training::gradient::{Estimated, Exact, GradientEstimator, HiddenStatistics};
pub use crate::training::recipe::{EstimatorName, Recipe};
pub use crate::training::schedule::Decay;
pub use crate::training::trainer::{Trainer, Training, train};
