//! Adam.

use super::{Direction, Update};
use crate::error::Result;
use crate::model::Model;
use crate::state::State;

/// Adam (Kingma and Ba 2015): g becomes m / (sqrt(v) + 1e-8) with running means m of g and v of g^2, their start at 0
/// divided out, beta_1 = 0.9 and beta_2 = 0.999. Every entry moves by about the learning rate, whatever its scale. Weight
/// decay is not part of g (Loshchilov and Hutter 2019).
#[derive(Clone, Debug, Default)]
pub struct Adam {
    first: Vec<f64>,
    second: Vec<f64>,
    updates: i32,
}

const KEPT: [f64; 2] = [0.9, 0.999];

impl Direction for Adam {
    fn turn(&mut self, _: &Update, gradient: &mut [f64]) -> Result<()> {
        self.first.resize(gradient.len(), 0.0);
        self.second.resize(gradient.len(), 0.0);
        self.updates = self.updates.saturating_add(1);
        let [first, second] = KEPT.map(|kept| 1.0 - kept.powi(self.updates));
        for ((g, m), v) in gradient.iter_mut().zip(&mut self.first).zip(&mut self.second) {
            *m = KEPT[0] * *m + (1.0 - KEPT[0]) * *g;
            *v = KEPT[1] * *v + (1.0 - KEPT[1]) * *g * *g;
            *g = (*m / first) / ((*v / second).sqrt() + 1e-8);
        }
        Ok(())
    }

    fn state(&self) -> Result<State> {
        State::of(&(&self.first, &self.second, self.updates))
    }

    fn set_state(&mut self, state: &State, _model: &dyn Model) -> Result<()> {
        (self.first, self.second, self.updates) = state.read()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configurations;
    use crate::model::rbm::Rbm;

    /// By hand: two steps along g = 2 and then g = -1 from the definition.
    #[test]
    fn two_steps_are_those_of_the_definition() {
        let (model, data) = (Rbm::new(1, 1).unwrap(), Configurations::zeros(1, 1));
        let update = Update { model: &model, data: &data, chains: None };
        let mut adam = Adam::default();
        let mut g = [2.0, -1e-3, 0.0];
        adam.turn(&update, &mut g).unwrap();
        // The first step is the sign of the gradient.
        assert!((g[0] - 1.0).abs() < 1e-7 && (g[1] + 1.0).abs() < 1e-4 && g[2] == 0.0, "{g:?}");
        let mut g = [-1.0, -1e-3, 0.0];
        adam.turn(&update, &mut g).unwrap();
        let m = (0.9 * 0.1 * 2.0 - 0.1) / (1.0 - 0.81);
        let v: f64 = (0.999 * 0.001 * 4.0 + 0.001) / (1.0 - 0.998001);
        assert!((g[0] - m / (v.sqrt() + 1e-8)).abs() < 1e-9, "{g:?}");
    }
}
