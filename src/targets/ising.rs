//! The Ising model on any list of couplings.

use super::lattice::Lattice;
use super::square_lattice::SquareLattice;
use crate::configuration::{bit, set_bit, set_sites, used_bits, words_for};
use crate::error::{Error, Result};
use crate::law::Law;
use crate::random::Seed;
use nalgebra::Matrix2;
use rand::RngExt;
use std::cmp::Ordering;

/// A coupled pair of sites.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coupling {
    /// One site.
    pub i: usize,
    /// The other site.
    pub j: usize,
    /// J_ij, in units of J like the temperature: positive couplings align.
    pub strength: f64,
}

/// E(s) = - sum_{couplings} J_ij s_i s_j - h sum_i s_i with spins +-1 (bit 1 = up), each coupling
/// counted once; the law has weight f(s) = e^{-E(s)/T}, with k_B = 1.
#[derive(Clone, Debug)]
pub struct Ising {
    /// (neighbour, J) of every site, each neighbour once.
    neighbours: Vec<Vec<(usize, f64)>>,
    /// The same couplings by distance, where that is short.
    distances: Vec<Distance>,
    field: f64,
    temperature: f64,
    log_partition: Option<f64>,
}

/// All couplings of one strength between a site i and the site i + `distance`: an energy then takes a few operations on
/// whole words, since a lattice has few distances.
#[derive(Clone, Debug)]
struct Distance {
    distance: usize,
    strength: f64,
    /// The sites i, as bits.
    sites: Vec<u64>,
    couplings: usize,
}

impl Distance {
    /// All of them, or none where they are so many that site by site is as fast.
    fn all(sites: usize, couplings: &[Coupling]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for &Coupling { i, j, strength } in couplings {
            let (first, distance) = (i.min(j), i.abs_diff(j));
            let same =
                |known: &Self| (known.distance, known.strength) == (distance, strength) && !bit(&known.sites, first);
            let place = all.iter().position(same).unwrap_or(all.len());
            if place == 16 {
                return Vec::new();
            }
            if place == all.len() {
                all.push(Self { distance, strength, sites: vec![0; words_for(sites)], couplings: 0 });
            }
            let found = &mut all[place];
            set_bit(&mut found.sites, first, true);
            found.couplings += 1;
        }
        all
    }

    /// sum J s_i s_{i + distance}.
    fn sum(&self, state: &[u64]) -> f64 {
        let (words, bits) = (self.distance / 64, self.distance % 64);
        let word = |k: usize| state.get(k).copied().unwrap_or(0);
        let mut broken = 0;
        for (k, sites) in self.sites.iter().enumerate() {
            let low = word(k + words) >> bits;
            let high = if bits == 0 { 0 } else { word(k + words + 1) << (64 - bits) };
            broken += ((state[k] ^ (low | high)) & sites).count_ones();
        }
        self.strength * (self.couplings as f64 - 2.0 * f64::from(broken))
    }
}

/// The spin of site `i`: +1 where the bit is set, else -1.
pub fn spin(state: &[u64], i: usize) -> f64 {
    if bit(state, i) { 1.0 } else { -1.0 }
}

/// The phase of a configuration: 1 where more than half of its sites are up, -1 where fewer are, else 0.
pub fn phase(state: &[u64], sites: usize) -> f64 {
    let ups = set_sites(state, sites).count();
    match (2 * ups).cmp(&sites) {
        Ordering::Less => -1.0,
        Ordering::Equal => 0.0,
        Ordering::Greater => 1.0,
    }
}

impl Ising {
    /// From a list of couplings; a pair that is listed twice has the sum of both strengths.
    pub fn new(sites: usize, couplings: &[Coupling], field: f64, temperature: f64) -> Result<Self> {
        if !(temperature > 0.0 && temperature.is_finite()) {
            return Err(Error::invalid(
                "temperature",
                format!("{temperature} is not a positive number"),
                "take T > 0 (the square lattice is critical at 2.269)",
            ));
        }
        if !field.is_finite() {
            let problem = format!("{field} is not a finite number");
            return Err(Error::invalid("field", problem, "take a finite h"));
        }
        let mut neighbours = vec![Vec::new(); sites];
        for &Coupling { i, j, strength } in couplings {
            if i == j || i.max(j) >= sites || !strength.is_finite() {
                return Err(Error::invalid(
                    format!("coupling ({i}, {j})"),
                    format!("{strength} between these sites of {sites} is not a coupling"),
                    "couple two different sites below the number of sites with a finite strength",
                ));
            }
            neighbours[i].push((j, strength));
            neighbours[j].push((i, strength));
        }
        for ends in &mut neighbours {
            let mut others: Vec<usize> = ends.iter().map(|(other, _)| *other).collect();
            others.sort_unstable();
            others.dedup();
            if others.len() < ends.len() {
                let sum = |other| ends.iter().filter(|end| end.0 == other).map(|end| end.1).sum();
                *ends = others.into_iter().map(|other| (other, sum(other))).collect();
            }
        }
        Ok(Self { neighbours, distances: Distance::all(sites, couplings), field, temperature, log_partition: None })
    }

    /// The same strength on every bond of a lattice; ln Z in closed form for a chain, a ring, and a periodic square
    /// lattice without field.
    pub fn on_lattice(lattice: Lattice, strength: f64, field: f64, temperature: f64) -> Result<Self> {
        lattice.check()?;
        let couplings: Vec<Coupling> = lattice.bonds().into_iter().map(|(i, j)| Coupling { i, j, strength }).collect();
        let mut ising = Self::new(lattice.sites(), &couplings, field, temperature)?;
        let (k, b) = (strength / temperature, field / temperature);
        ising.log_partition = match lattice {
            Lattice::Chain(n) => Some(chain_log_partition(n, k, b)),
            Lattice::Ring(n) => Some(ring_log_partition(n, k, b)),
            Lattice::Square(rows, columns) => SquareLattice::new(rows, columns, k, b).map(|exact| exact.log_partition),
            _ => None,
        };
        Ok(ising)
    }

    /// The Edwards-Anderson model with +-J couplings (Edwards and Anderson 1975; Toulouse 1977): every bond has
    /// strength +J or -J with probability 1/2 each, as the seed says.
    pub fn spin_glass(lattice: Lattice, strength: f64, temperature: f64, seed: Seed) -> Result<Self> {
        lattice.check()?;
        let mut generator = seed.generator();
        let couplings: Vec<Coupling> = lattice
            .bonds()
            .into_iter()
            .map(|(i, j)| {
                let sign = if generator.random::<bool>() { 1.0 } else { -1.0 };
                Coupling { i, j, strength: sign * strength }
            })
            .collect();
        Self::new(lattice.sites(), &couplings, 0.0, temperature)
    }

    /// E(s), in the units of J.
    pub fn energy(&self, state: &[u64]) -> f64 {
        let couplings: f64 = if self.distances.is_empty() {
            // Half the local fields, since each coupling is seen from both its sites.
            let sites = 0..self.neighbours.len();
            sites.map(|i| 0.5 * spin(state, i) * self.local_coupling(state, i)).sum()
        } else {
            self.distances.iter().map(|distance| distance.sum(state)).sum()
        };
        -couplings - self.field * self.magnetization(state)
    }

    /// M(s) = sum_i s_i.
    pub fn magnetization(&self, state: &[u64]) -> f64 {
        let sites = self.neighbours.len();
        let up = |(word, bits): (usize, &u64)| (bits & used_bits(sites, word)).count_ones();
        let up: u32 = state[..words_for(sites)].iter().enumerate().map(up).sum();
        2.0 * f64::from(up) - sites as f64
    }

    /// h.
    pub fn field(&self) -> f64 {
        self.field
    }

    /// T.
    pub fn temperature(&self) -> f64 {
        self.temperature
    }

    /// (neighbour, J) of a site.
    pub fn neighbours(&self, site: usize) -> &[(usize, f64)] {
        &self.neighbours[site]
    }

    fn local_coupling(&self, state: &[u64], i: usize) -> f64 {
        self.neighbours[i].iter().map(|&(j, strength)| strength * spin(state, j)).sum()
    }
}

impl Law for Ising {
    fn sites(&self) -> usize {
        self.neighbours.len()
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        -self.energy(state) / self.temperature
    }

    fn log_weight_change(&self, state: &[u64], site: usize) -> f64 {
        let local = self.local_coupling(state, site) + self.field;
        -2.0 * spin(state, site) * local / self.temperature
    }

    fn log_partition(&self) -> Option<f64> {
        self.log_partition
    }
}

/// The transfer matrix V(s, s') = exp(K s s' + B (s + s')/2), K = J/T, B = h/T, divided by its
/// largest entry, with the logarithm of that entry.
fn transfer_matrix(k: f64, b: f64) -> (Matrix2<f64>, f64) {
    let log = Matrix2::new(k + b, -k, -k, k - b);
    let largest = log.max();
    (log.map(|x| (x - largest).exp()), largest)
}

/// ln Z of an open chain: u' V^{N-1} u with u(s) = e^{B s/2}. All terms are positive, so nothing
/// cancels.
fn chain_log_partition(n: usize, k: f64, b: f64) -> f64 {
    let (matrix, scale) = transfer_matrix(k, b);
    let ends = nalgebra::Vector2::new((b - b.abs()) / 2.0, (-b - b.abs()) / 2.0).map(f64::exp);
    let mut vector = ends;
    let mut log = b.abs() + (n - 1) as f64 * scale;
    for _ in 1..n {
        vector = matrix * vector;
        let sum = vector.sum();
        vector /= sum;
        log += sum.ln();
    }
    log + ends.dot(&vector).ln()
}

/// ln Z of a ring: ln tr V^N (Kramers and Wannier 1941), by multiplication of positive matrices, so
/// that nothing cancels where the second eigenvalue is negative.
fn ring_log_partition(n: usize, k: f64, b: f64) -> f64 {
    let (matrix, scale) = transfer_matrix(k, b);
    let mut power = Matrix2::<f64>::identity();
    let mut log = n as f64 * scale;
    for _ in 0..n {
        power *= matrix;
        let sum = power.sum();
        power /= sum;
        log += sum.ln();
    }
    log + power.trace().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[test]
    fn lattices_keep_the_contract_of_a_law() {
        for lattice in [
            "chain:5",
            "ring:6",
            "ring:7",
            "square:3x3",
            "square-open:2x4",
            "square:3x4",
            "square:4x3",
            "triangular:3x3",
            "chain:2",
        ] {
            for (strength, field, temperature) in
                [(1.0, 0.0, 1.0), (1.0, 0.3, 2.269), (-1.0, 0.0, 0.4), (-0.7, -0.5, 0.9), (0.0, 1.0, 1.0)]
            {
                let lattice = lattice.parse().unwrap();
                let ising = Ising::on_lattice(lattice, strength, field, temperature).unwrap();
                contract::law(&ising, 1).unwrap();
            }
        }
    }

    #[test]
    fn any_couplings_keep_the_contract_of_a_law() {
        let couplings: Vec<Coupling> = (0..7)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| Coupling { i, j, strength: ((3 * i + 5 * j) % 7) as f64 / 4.0 - 0.7 })
            .collect();
        contract::law(&Ising::new(7, &couplings, 0.2, 1.3).unwrap(), 2).unwrap();
    }

    #[test]
    fn the_ground_state_counts_each_bond_once() {
        let ising = Ising::on_lattice(Lattice::Square(4, 4), 1.0, 0.5, 1.0).unwrap();
        assert_eq!(ising.energy(&[0xffff]), -32.0 - 8.0);
        assert_eq!(ising.energy(&[0]), -32.0 + 8.0);
        assert_eq!(ising.magnetization(&[0xff]), 0.0);
    }

    /// Against the magnetisation's sign, beyond one word too; bits of other units do not count.
    #[test]
    fn the_phase_is_the_sign_of_the_magnetisation() {
        let ring = Ising::on_lattice(Lattice::Ring(66), 1.0, 0.0, 1.0).unwrap();
        for (state, expected) in
            [([0, 0], -1.0), ([u64::MAX, 3], 1.0), ([(1 << 33) - 1, 0], 0.0), ([(1 << 33) - 1, 1], 1.0)]
        {
            let row = [state[0], state[1] | 0b11100];
            assert_eq!(phase(&row, 66), expected, "{state:?}");
            let m = ring.magnetization(&row);
            assert_eq!(if m == 0.0 { 0.0 } else { m.signum() }, expected);
        }
    }

    /// Word by word, against bond by bond, across the borders of words, with a listed pair twice and signs mixed.
    #[test]
    fn energies_are_sums_over_couplings() {
        let mut couplings: Vec<Coupling> = Lattice::Cubic(5, 6, 7)
            .bonds()
            .iter()
            .map(|&(i, j)| Coupling { i, j, strength: if (i * j) % 3 == 0 { 1.0 } else { -0.5 } })
            .collect();
        couplings.push(couplings[17]);
        let ising = Ising::new(210, &couplings, 0.25, 1.0).unwrap();
        assert!((7..16).contains(&ising.distances.len()), "{}", ising.distances.len());
        let mut generator = Seed::root(4).generator();
        for _ in 0..50 {
            // Bits past the last site mean nothing.
            let state: [u64; 5] = std::array::from_fn(|_| generator.random());
            let pairs: f64 = couplings.iter().map(|c| c.strength * spin(&state, c.i) * spin(&state, c.j)).sum();
            let m: f64 = (0..210).map(|i| spin(&state, i)).sum();
            assert_eq!(ising.magnetization(&state), m);
            assert!((ising.energy(&state) - (-pairs - 0.25 * m)).abs() < 1e-10);
        }
    }

    #[test]
    fn what_is_not_an_ising_model_is_refused() {
        let pair = |i, j, strength| [Coupling { i, j, strength }];
        for t in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Ising::new(3, &pair(0, 1, 1.0), 0.0, t).is_err());
        }
        assert!(Ising::new(3, &pair(1, 1, 1.0), 0.0, 1.0).is_err());
        assert!(Ising::new(3, &pair(1, 3, 1.0), 0.0, 1.0).is_err());
        assert!(Ising::new(3, &pair(1, 2, f64::NAN), 0.0, 1.0).is_err());
        assert!(Ising::new(3, &pair(1, 2, 1.0), f64::INFINITY, 1.0).is_err());
    }

    /// Against unequal signs: of the 19,200 bonds of 100 glasses of 4 x 4 x 4 sites half are positive, within 4.9
    /// standard errors, and no two glasses are the same.
    #[test]
    fn bonds_of_a_glass_are_positive_as_often_as_negative() {
        let mut positive = 0;
        let mut first = Vec::new();
        for number in 0..100 {
            let glass = Ising::spin_glass(Lattice::Cubic(4, 4, 4), 1.5, 1.0, Seed::root(number)).unwrap();
            let ends: Vec<f64> = (0..64).flat_map(|i| glass.neighbours(i)).map(|(_, strength)| *strength).collect();
            assert_eq!(ends.len(), 2 * 192);
            assert!(ends.iter().all(|strength| strength.abs() == 1.5));
            positive += ends.iter().filter(|strength| **strength > 0.0).count() / 2;
            first.push(ends);
        }
        let z = (positive as f64 - 9600.0) / (19_200_f64 / 4.0).sqrt();
        assert!(z.abs() < 4.9, "{positive} of 19,200");
        assert!((1..100).all(|k| !first[..k].contains(&first[k])));
    }
}
