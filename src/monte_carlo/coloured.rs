//! Samplers of Ising models that move many spins at a time, none of which are neighbours.

use crate::error::{Error, Result};
use crate::kernels::graph_gibbs::GraphGibbs;
use crate::kernels::multi_spin::{DEGREE_LIMIT, MultiSpin};
use crate::law::Law;
use crate::targets::ising::Ising;

/// Metropolis sampling of couplings +-J without field, for any number of chains, but best for hundreds: one bit of a
/// register each. A step is a sweep over the sites in order, ties are accepted with probability 1/2, and probabilities
/// are resolved to 2^-40. Chains are laid over a lattice in strips where they are few, so that the spins which move
/// together are never neighbours, whatever the sides of the lattice.
///
/// Refused with a field, with couplings of different strengths, and where a site has more than six neighbours.
pub fn multi_spin_metropolis(ising: &Ising) -> Result<MultiSpin> {
    let refuse = |problem: String| {
        Err(Error::invalid(
            "the multi-spin Metropolis sampler",
            problem,
            "take coloured_heat_bath, or the samplers of single_site, which know every Ising model",
        ))
    };
    if ising.field() != 0.0 {
        return refuse(format!("the field is {}, not 0", ising.field()));
    }
    let mut strength = None;
    let mut neighbours = Vec::with_capacity(ising.sites());
    for site in 0..ising.sites() {
        let ends = ising.neighbours(site);
        if ends.len() > DEGREE_LIMIT {
            return refuse(format!("site {site} has {} neighbours", ends.len()));
        }
        if ends.iter().any(|(_, j)| j.abs() != *strength.get_or_insert(j.abs())) {
            return refuse("the couplings differ in strength".to_string());
        }
        neighbours.push(ends.iter().map(|(other, j)| (*other, *j >= 0.0)).collect());
    }
    let strength = strength.unwrap_or(0.0) / ising.temperature();
    Ok(MultiSpin::new(&neighbours, strength))
}

/// Heat-bath sampling of any Ising model, colour by colour: sites are coloured so that no two neighbours share a colour
/// (two colours for a lattice of even sides, more where it must be), and a step is a sweep over the colours. In units
/// x = (1 + s) / 2 the law is ln f = sum d_i x_i + sum W_ij x_i x_j with W = 4 J / T and
/// d_i = (2 h - 2 sum_j J_ij) / T. Probabilities are resolved to 2^-24; 16 chains move together.
pub fn coloured_heat_bath(ising: &Ising) -> GraphGibbs {
    let temperature = ising.temperature();
    let (mut edges, mut weights, mut biases) = (Vec::new(), Vec::new(), Vec::new());
    for site in 0..ising.sites() {
        let ends = ising.neighbours(site);
        let local: f64 = ends.iter().map(|(_, strength)| strength).sum();
        biases.push(2.0 * (ising.field() - local) / temperature);
        for &(other, strength) in ends.iter().filter(|(other, _)| *other > site) {
            edges.push((site, other));
            weights.push(4.0 * strength / temperature);
        }
    }
    GraphGibbs::new(ising.sites(), &edges, &weights, &biases)
}
