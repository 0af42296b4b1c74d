//! The exact observables of the target, as far as they are known for its lattice.

use gibbsite::enumerate::VISIBLE_LIMIT;
use gibbsite::monitor::observables::enumerated_moments;
use gibbsite::targets::density_of_states::{DensityOfStates, SIDE_LIMIT};
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::Observable;
use gibbsite::targets::square_lattice::SquareLattice;
use laboratory::error::Result;

/// What is known.
pub enum Exact {
    /// Everything, at any temperature.
    Density(DensityOfStates),
    /// Everything, by a sum over all states for each temperature.
    Enumeration(Lattice),
    /// Energy and specific heat, at any temperature.
    Kaufman(usize, usize),
    /// Nothing.
    Unknown,
}

impl Exact {
    /// The most that is known of a lattice with J = 1.
    pub fn of(lattice: Lattice) -> Result<Self> {
        Ok(match lattice {
            Lattice::Square(rows, columns) if rows.max(columns) <= SIDE_LIMIT => {
                Self::Density(DensityOfStates::new(rows, columns)?)
            }
            _ if lattice.sites() <= VISIBLE_LIMIT => Self::Enumeration(lattice),
            Lattice::Square(rows, columns) => Self::Kaufman(rows, columns),
            _ => Self::Unknown,
        })
    }

    /// How many observables are known of a lattice.
    pub fn count(lattice: Lattice) -> usize {
        match lattice {
            _ if lattice.sites() <= VISIBLE_LIMIT => Observable::ALL.len(),
            Lattice::Square(rows, columns) if rows.max(columns) <= SIDE_LIMIT => Observable::ALL.len(),
            Lattice::Square(..) => 2,
            _ => 0,
        }
    }

    /// The observables at a temperature.
    pub fn observables(&self, temperature: f64) -> Result<Vec<(Observable, f64)>> {
        Ok(match self {
            Self::Density(density) => {
                Observable::ALL.map(|observable| (observable, density.observable(observable, temperature))).to_vec()
            }
            Self::Enumeration(lattice) => {
                let ising = Ising::on_lattice(*lattice, 1.0, 0.0, temperature)?;
                let expectations = enumerated_moments(&ising, &ising)?;
                Observable::ALL
                    .map(|observable| (observable, observable.exactly(&expectations, lattice.sites(), temperature)))
                    .to_vec()
            }
            Self::Kaufman(rows, columns) => SquareLattice::new(*rows, *columns, 1.0 / temperature, 0.0)
                .map_or(Vec::new(), |exact| {
                    vec![(Observable::Energy, exact.energy), (Observable::SpecificHeat, exact.specific_heat)]
                }),
            Self::Unknown => Vec::new(),
        })
    }

    /// Temperatures of a smooth line between two; none where each costs a sum over all states.
    pub fn line(&self, (low, high): (f64, f64)) -> Vec<f64> {
        match self {
            Self::Density(_) | Self::Kaufman(..) if high > low => {
                (0..=160).map(|k| low + (high - low) * f64::from(k) / 160.0).collect()
            }
            _ => Vec::new(),
        }
    }

    /// (E, P(E)) at a temperature, where it is known.
    pub fn energy_law(&self, temperature: f64) -> Vec<(f64, f64)> {
        match self {
            Self::Density(density) => density.energy_law(temperature),
            _ => Vec::new(),
        }
    }
}
