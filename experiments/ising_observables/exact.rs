//! The exact observables of the target, as far as they are known for its lattice.

use gibbsite::enumerate::VISIBLE_LIMIT;
use gibbsite::error::Result;
use gibbsite::monitor::observables::enumerated_moments;
use gibbsite::targets::density_of_states::{DensityOfStates, SIDE_LIMIT};
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::Observable;
use gibbsite::targets::square_lattice::SquareLattice;
use std::sync::{Arc, Mutex};

/// What is known of a lattice with J = 1.
pub struct Exact {
    lattice: Lattice,
    /// Of small square lattices.
    density: Option<Arc<DensityOfStates>>,
}

/// Densities of states that this program has made: some seconds each at 8x8, whoever asks.
static MADE: Mutex<Vec<(Lattice, Arc<DensityOfStates>)>> = Mutex::new(Vec::new());

/// The density of states, made where it has not been. Nobody waits for another who makes it: both make it.
fn density_of_states(lattice: Lattice, rows: usize, columns: usize) -> Result<Arc<DensityOfStates>> {
    let made = || MADE.lock().unwrap_or_else(|error| error.into_inner());
    let found = made().iter().find(|(known, _)| *known == lattice).map(|(_, density)| density.clone());
    if let Some(density) = found {
        return Ok(density);
    }
    let density = Arc::new(DensityOfStates::new(rows, columns)?);
    made().push((lattice, density.clone()));
    Ok(density)
}

impl Exact {
    /// The most that is known of a lattice.
    pub fn of(lattice: Lattice) -> Result<Self> {
        let density = match lattice {
            Lattice::Square(rows, columns) if rows.max(columns) <= SIDE_LIMIT => {
                Some(density_of_states(lattice, rows, columns)?)
            }
            _ => None,
        };
        Ok(Self { lattice, density })
    }

    /// The observables at a temperature: all of them by the density of states or by a sum over all states, energy and
    /// specific heat by Kaufman's solution, or none.
    pub fn observables(&self, temperature: f64) -> Result<Vec<(Observable, f64)>> {
        let all = |value: &dyn Fn(Observable) -> f64| Observable::ALL.map(|which| (which, value(which))).to_vec();
        Ok(match (&self.density, self.lattice) {
            (Some(density), _) => all(&|observable| density.observable(observable, temperature)),
            (None, lattice) if lattice.sites() <= VISIBLE_LIMIT => {
                let ising = Ising::on_lattice(lattice, 1.0, 0.0, temperature)?;
                let expectations = enumerated_moments(&ising, &ising)?;
                all(&|observable| observable.exactly(&expectations, lattice.sites(), temperature))
            }
            (None, Lattice::Square(rows, columns)) => {
                let kaufman = SquareLattice::new(rows, columns, 1.0 / temperature, 0.0);
                let known = |exact: SquareLattice| {
                    vec![(Observable::Energy, exact.energy), (Observable::SpecificHeat, exact.specific_heat)]
                };
                kaufman.map_or(Vec::new(), known)
            }
            _ => Vec::new(),
        })
    }

    /// (T, an observable) from one temperature to another, where that does not cost a sum over all states for each.
    pub fn line(&self, observable: Observable, (low, high): (f64, f64)) -> Result<Vec<(f64, f64)>> {
        let mut line = Vec::new();
        if matches!(self.lattice, Lattice::Square(..)) && high > low {
            for k in 0..=160 {
                let temperature = low + (high - low) * f64::from(k) / 160.0;
                let all = self.observables(temperature)?.into_iter();
                line.extend(all.filter(|(which, _)| *which == observable).map(|(_, value)| (temperature, value)));
            }
        }
        Ok(line)
    }

    /// (E, P(E)) at a temperature, where it is known.
    pub fn energy_law(&self, temperature: f64) -> Vec<(f64, f64)> {
        self.density.as_ref().map_or(Vec::new(), |density| density.energy_law(temperature))
    }
}
