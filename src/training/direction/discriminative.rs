//! Learning to tell labels.

use super::{Direction, Update};
use crate::error::Result;

/// The discriminative part of the cost -mean ln p(v, l) - alpha mean ln p(l | v) of a machine with labels (Larochelle and
/// Bengio 2008, equation 8, hybrid training): adds alpha times the gradient of -mean ln p(l | v) over the rows of the positive
/// phase, exact but for rounding, from [`crate::model::Model::add_label_gradient`].
#[derive(Debug)]
pub struct Discriminative {
    /// alpha.
    pub share: f64,
}

impl Direction for Discriminative {
    fn turn(&mut self, update: &Update, gradient: &mut [f64]) -> Result<()> {
        update.model.add_label_gradient(update.data, self.share, gradient)
    }
}
