//! Training configurations of an Ising model: equilibrated, spaced, and without a preferred sign.

use super::cluster::Wolff;
use super::schedule::Schedule;
use super::single_site::Metropolis;
use crate::configuration::Configurations;
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::random::Seed;
use crate::statistics::autocorrelation::autocorrelation_time;
use crate::target::ising::Ising;
use rand::RngExt;

/// Configurations drawn from an Ising model, and how.
#[derive(Clone, Debug)]
pub struct IsingSample {
    /// The configurations, equally weighted.
    pub configurations: Configurations,
    /// The longest autocorrelation time among energy, |magnetisation| and (with a field)
    /// magnetisation, in steps.
    pub tau: f64,
    /// Steps between configurations: at least 2 tau.
    pub spacing: usize,
    /// Steps before the first configuration: at least 100 tau.
    pub equilibration: usize,
}

/// A pilot run counts as equilibrated and its tau as known when it is this many tau long.
const PILOT_TAUS: f64 = 500.0;

/// Draws `count` configurations from a single chain. A step is a sweep of random-site Metropolis, and without a field
/// one Wolff cluster before it, so that neither the critical point nor the two signs below it slow the chain.
///
/// A pilot run from all spins along the field is doubled until it is 500 of its own tau long; then
/// configurations follow every 2 tau. Without a field each is multiplied by a random sign, since E(s) = E(-s).
///
/// Limits: a chain cannot see a well that it never leaves. Frustrated couplings at low
/// temperature, or a field so weak that both signs matter although the chain never changes its own,
/// need [`super::tempering`].
pub fn draw_configurations(ising: &Ising, count: usize, seed: Seed) -> IsingSample {
    let metropolis = Metropolis::new(ising).expect("an Ising model forbids no state");
    let mut parts: Vec<(Box<dyn Kernel>, usize)> = vec![(Box::new(metropolis), 1)];
    if let Ok(wolff) = Wolff::new(ising) {
        parts.insert(0, (Box::new(wolff), 1));
    }
    let kernel = Schedule::new(parts);
    let sites = ising.sites();
    let mut start = Configurations::zeros(sites, 1);
    if ising.field() >= 0.0 {
        (0..sites).for_each(|i| crate::configuration::set_bit(start.row_mut(0), i, true));
    }
    let mut chain = Chains::new(start, seed.child("chain", 0));

    let mut series: [Vec<f64>; 3] = Default::default();
    let mut length = 1024;
    let tau = loop {
        while series[0].len() < length {
            kernel.advance(&mut chain, 1.0, 1, Clamp::Nothing);
            let state = chain.states().row(0);
            let magnetization = ising.magnetization(state);
            series[0].push(ising.energy(state));
            series[1].push(magnetization.abs());
            if ising.field() != 0.0 {
                series[2].push(magnetization);
            }
        }
        let tau = series
            .iter()
            .filter(|series| !series.is_empty())
            // The first fifth may not be equilibrated yet.
            .map(|series| autocorrelation_time(&series[length / 5..]))
            .fold(1.0, f64::max);
        if length as f64 >= PILOT_TAUS * tau {
            break tau;
        }
        length *= 2;
    };

    let spacing = (2.0 * tau).ceil() as usize;
    let mut configurations = Configurations::zeros(sites, count);
    let mut signs = seed.child("sign", 0).generator();
    for s in 0..count {
        kernel.advance(&mut chain, 1.0, spacing, Clamp::Nothing);
        let row = configurations.row_mut(s);
        row.copy_from_slice(chain.states().row(0));
        if ising.field() == 0.0 && signs.random::<bool>() {
            for (word, bits) in row.iter_mut().enumerate() {
                *bits ^= crate::configuration::used_bits(sites, word);
            }
        }
    }
    IsingSample {
        configurations,
        tau,
        spacing,
        equilibration: length,
    }
}
