//! An Ising model with a field of its own on every site.

use super::ising::{Coupling, Ising};
use crate::configuration::{Configurations, bit, set_bit, used_bits, words_for};
use crate::error::{Error, Result};
use crate::law::Law;
use crate::monte_carlo::ising_sample::draw_configurations;
use crate::random::Seed;

/// E(s) = - sum_{couplings} J_ij s_i s_j - sum_i h_i s_i, with weight e^{-E(s)/T}.
///
/// A field is a coupling to one more spin, the ghost, that is always up (Suzuki 1965); the model with a ghost that is free has
/// no field, and its samplers serve.
#[derive(Clone, Debug)]
pub struct SiteFields {
    sites: usize,
    /// With the ghost as the last site.
    with_ghost: Ising,
}

impl SiteFields {
    /// From a list of couplings, and of fields (i, h_i); a site that is not listed has none.
    pub fn new(sites: usize, couplings: &[Coupling], fields: &[(usize, f64)], temperature: f64) -> Result<Self> {
        if let Some((i, h)) = fields.iter().find(|(i, h)| *i >= sites || !h.is_finite()) {
            return Err(Error::invalid(
                format!("field {h} at site {i}"),
                format!("it is not a field of one of {sites} sites"),
                "give finite fields to sites below the number of sites",
            ));
        }
        let of_ghost = fields.iter().map(|&(i, strength)| Coupling { i, j: sites, strength });
        let all: Vec<Coupling> = couplings.iter().copied().chain(of_ghost).collect();
        if let Some(coupling) = couplings.iter().find(|coupling| coupling.i.max(coupling.j) >= sites) {
            // Of the sites alone, so that nobody couples to the ghost.
            Ising::new(sites, std::slice::from_ref(coupling), 0.0, temperature)?;
        }
        Ok(Self { sites, with_ghost: Ising::new(sites + 1, &all, 0.0, temperature)? })
    }

    /// The state with the ghost up.
    fn with_ghost(&self, state: &[u64]) -> Vec<u64> {
        let mut row = state[..words_for(self.sites)].to_vec();
        row.resize(words_for(self.sites + 1), 0);
        set_bit(&mut row, self.sites, true);
        row
    }

    /// E(s), in the units of J.
    pub fn energy(&self, state: &[u64]) -> f64 {
        self.with_ghost.energy(&self.with_ghost(state))
    }

    /// `count` configurations, as [`draw_configurations`] draws them with the ghost: all spins of a row in which it is down are
    /// turned.
    pub fn draw(&self, count: usize, seed: Seed) -> Result<Configurations> {
        let drawn = draw_configurations(&self.with_ghost, count, seed)?.configurations;
        let mut rows = Configurations::zeros(self.sites, drawn.len());
        for s in 0..drawn.len() {
            let turn = if bit(drawn.row(s), self.sites) { 0 } else { u64::MAX };
            for (word, bits) in rows.row_mut(s).iter_mut().enumerate() {
                *bits = (drawn.row(s)[word] ^ turn) & used_bits(self.sites, word);
            }
        }
        Ok(rows)
    }
}

impl Law for SiteFields {
    fn sites(&self) -> usize {
        self.sites
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        self.with_ghost.log_weight(&self.with_ghost(state))
    }

    fn log_weight_change(&self, state: &[u64], site: usize) -> f64 {
        self.with_ghost.log_weight_change(&self.with_ghost(state), site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;
    use crate::enumerate::log_probabilities;
    use crate::statistics::fit::chi_square_p_value;

    fn model(sites: usize) -> SiteFields {
        let couplings: Vec<Coupling> = (1..sites)
            .flat_map(|i| [(i - 1, i, 0.5), (i / 2, i, -0.25)])
            .filter(|(i, j, _)| i != j)
            .map(|(i, j, strength)| Coupling { i, j, strength })
            .collect();
        let fields: Vec<(usize, f64)> = (0..sites).step_by(2).map(|i| (i, 0.3 - i as f64 / 10.0)).collect();
        SiteFields::new(sites, &couplings, &fields, 1.5).unwrap()
    }

    #[test]
    fn it_keeps_the_contract_of_a_law() {
        contract::law(&model(6), 3).unwrap();
    }

    /// A uniform field is that of the plain model.
    #[test]
    fn equal_fields_are_one_field() {
        let couplings = [Coupling { i: 0, j: 1, strength: 1.0 }, Coupling { i: 1, j: 2, strength: -0.5 }];
        let fields = [(0, 0.25), (1, 0.25), (2, 0.25)];
        let own = SiteFields::new(3, &couplings, &fields, 2.0).unwrap();
        let plain = Ising::new(3, &couplings, 0.25, 2.0).unwrap();
        for state in 0..8 {
            assert!((own.log_weight(&[state]) - plain.log_weight(&[state])).abs() < 1e-14);
        }
        assert!(SiteFields::new(3, &couplings, &[(3, 1.0)], 2.0).is_err());
        assert!(SiteFields::new(2, &couplings, &[], 2.0).is_err());
    }

    /// Frequencies against enumeration. Rows follow at two tau, so that every eighth is nearly independent.
    #[test]
    fn draws_follow_the_law() {
        let law = model(5);
        let rows = law.draw(160_000, Seed::root(5)).unwrap();
        let mut counts = vec![0_u64; 32];
        (0..rows.len()).step_by(8).for_each(|s| counts[rows.row(s)[0] as usize] += 1);
        let probabilities: Vec<f64> = log_probabilities(&law).unwrap().iter().map(|x| x.exp()).collect();
        let p = chi_square_p_value(&counts, &probabilities);
        assert!(p > 1e-6, "p = {p}");
    }
}
