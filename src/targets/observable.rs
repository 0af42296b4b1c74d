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
    [energy, energy * energy, magnetization.abs(), square, square * square]
}

/// What an exact observable is made of. The variances stand for themselves, since in the cold they are far smaller than
/// the last digits of `<E^2>` and `<M^2>`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expectations {
    /// `<E>`.
    pub energy: f64,
    /// `<(E - <E>)^2>`.
    pub energy_variance: f64,
    /// `<|M|>`.
    pub magnetization: f64,
    /// `<(|M| - <|M|>)^2>`.
    pub magnetization_variance: f64,
    /// `<M^2>`.
    pub square: f64,
    /// `<M^4>`.
    pub fourth: f64,
}

impl Expectations {
    /// Of one state.
    pub fn of_state(energy: f64, magnetization: f64) -> Self {
        let square = magnetization * magnetization;
        Self {
            energy,
            energy_variance: 0.0,
            magnetization: magnetization.abs(),
            magnetization_variance: 0.0,
            square,
            fourth: square * square,
        }
    }

    /// Of a law that is a mixture of others, with weights that need not sum to 1: a variance is
    /// `sum_k p_k (variance_k + (mean_k - mean)^2)` (the law of total variance). Means are taken from that of the heaviest
    /// part, near which a law of small variance is. NaN where no weight is positive.
    pub fn mixture(parts: &[(f64, Self)]) -> Self {
        let heaviest = parts.iter().max_by(|a, b| a.0.total_cmp(&b.0));
        let (about_energy, about_magnetization) =
            heaviest.map_or((0.0, 0.0), |(_, part)| (part.energy, part.magnetization));
        let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
        let mean = |of: &dyn Fn(&Self) -> f64| parts.iter().map(|(p, part)| p * of(part)).sum::<f64>() / total;
        let energy = mean(&|part| part.energy - about_energy);
        let magnetization = mean(&|part| part.magnetization - about_magnetization);
        Self {
            energy: about_energy + energy,
            energy_variance: mean(&|part| part.energy_variance + (part.energy - about_energy - energy).powi(2)),
            magnetization: about_magnetization + magnetization,
            magnetization_variance: mean(&|part| {
                part.magnetization_variance + (part.magnetization - about_magnetization - magnetization).powi(2)
            }),
            square: mean(&|part| part.square),
            fourth: mean(&|part| part.fourth),
        }
    }
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

    /// The observable of N sites at temperature T, from its moments, as samples give them.
    pub fn of(self, moments: &[f64], sites: usize, temperature: f64) -> f64 {
        let [e, e_squared, m, m_squared, m_fourth] = match moments {
            [a, b, c, d, e] => [*a, *b, *c, *d, *e],
            _ => [f64::NAN; 5],
        };
        let expectations = Expectations {
            energy: e,
            energy_variance: e_squared - e * e,
            magnetization: m,
            magnetization_variance: m_squared - m * m,
            square: m_squared,
            fourth: m_fourth,
        };
        self.exactly(&expectations, sites, temperature)
    }

    /// The observable of N sites at temperature T, from exact expectations.
    pub fn exactly(self, law: &Expectations, sites: usize, temperature: f64) -> f64 {
        let n = sites as f64;
        match self {
            Self::Energy => law.energy / n,
            Self::SpecificHeat => law.energy_variance / (n * temperature * temperature),
            Self::Magnetization => law.magnetization / n,
            Self::Susceptibility => law.magnetization_variance / (n * temperature),
            Self::SusceptibilityFull => law.square / (n * temperature),
            Self::Binder => 1.0 - law.fourth / (3.0 * law.square * law.square),
        }
    }

    /// The name in tables: `specific_heat`.
    pub const fn name(self) -> &'static str {
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
