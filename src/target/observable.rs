//! What physicists measure of a lattice of spins.

use super::ising::Ising;
use std::fmt;

/// What an observable is made of: the means of E, E^2, |M|, M^2 and M^4 over a law.
pub type Moments = [f64; 5];

/// E, E^2, |M|, M^2 and M^4 of one state.
pub fn moments(ising: &Ising, state: &[u64]) -> Moments {
    moments_of(ising.energy(state), ising.magnetization(state))
}

/// E, E^2, |M|, M^2 and M^4.
pub fn moments_of(energy: f64, magnetization: f64) -> Moments {
    let square = magnetization * magnetization;
    [
        energy,
        energy * energy,
        magnetization.abs(),
        square,
        square * square,
    ]
}

/// An observable per spin, in units of J with k_B = 1; E is the energy, M = sum_i s_i, m = M/N.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observable {
    /// `<E> / N`.
    Energy,
    /// `(<E^2> - <E>^2) / (N T^2)`.
    SpecificHeat,
    /// `<|m|>`.
    Magnetization,
    /// `N (<m^2> - <|m|>^2) / T`.
    Susceptibility,
    /// `N <m^2> / T`: the susceptibility where the law has both signs of m.
    SusceptibilityFull,
    /// `1 - <m^4> / (3 <m^2>^2)` (Binder 1981).
    Binder,
}

impl Observable {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Energy,
        Self::SpecificHeat,
        Self::Magnetization,
        Self::Susceptibility,
        Self::SusceptibilityFull,
        Self::Binder,
    ];

    /// The observable of N sites at temperature T, from its moments.
    pub fn of(self, moments: &[f64], sites: usize, temperature: f64) -> f64 {
        let n = sites as f64;
        let [e, e_squared, m, m_squared, m_fourth] = match moments {
            [a, b, c, d, e] => [*a, *b, *c, *d, *e],
            _ => [f64::NAN; 5],
        };
        match self {
            Self::Energy => e / n,
            Self::SpecificHeat => (e_squared - e * e) / (n * temperature * temperature),
            Self::Magnetization => m / n,
            Self::Susceptibility => (m_squared - m * m) / (n * temperature),
            Self::SusceptibilityFull => m_squared / (n * temperature),
            Self::Binder => 1.0 - m_fourth / (3.0 * m_squared * m_squared),
        }
    }

    /// The name in tables: `specific_heat`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::SpecificHeat => "specific_heat",
            Self::Magnetization => "magnetization",
            Self::Susceptibility => "susceptibility",
            Self::SusceptibilityFull => "susceptibility_full",
            Self::Binder => "binder",
        }
    }
}

impl fmt::Display for Observable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
