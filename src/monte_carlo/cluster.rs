//! Cluster moves of Ising models.
//!
//! A field is a bond of strength |h| from every site to a ghost spin that points along it and never flips (Griffiths 1967;
//! Coniglio, de Liberto, Monroy and Peruggi 1989): a site along the field is bound to the ghost with probability
//! 1 - e^{-2 beta |h| / T}, and what is bound to it stays. Without a field no random number is drawn for it.

use crate::configuration::{bit, flip_bit, set_bit};
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::random::{Generator, uniform};
use crate::targets::ising::Ising;
use rand::RngExt;

/// Wolff's single-cluster move (Wolff 1989, Phys. Rev. Lett. 62, 361): from a site at random, a cluster grows over each
/// satisfied bond (J s s' > 0) with probability 1 - e^{-2 beta |J| / T}, and is flipped unless it holds the ghost. One step is
/// one cluster.
#[derive(Debug)]
pub struct Wolff<'a> {
    bonds: Bonds<'a>,
}

/// Swendsen and Wang's move (1987, Phys. Rev. Lett. 58, 86): all clusters at once, by the same bonds, each flipped with
/// probability 1/2, but for those that hold the ghost. One step is one such sweep.
#[derive(Debug)]
pub struct SwendsenWang<'a> {
    bonds: Bonds<'a>,
}

/// What a move needs to remember.
#[derive(Default)]
struct Scratch {
    /// Sites on the border of a cluster, or the parent of every site.
    sites: Vec<u32>,
    /// The cluster, or the roots of those that hold the ghost, as bits.
    members: Vec<u64>,
}

/// The couplings of a model, each size of coupling listed once.
#[derive(Debug)]
struct Bonds<'a> {
    ising: &'a Ising,
    sizes: Vec<f64>,
    /// (other site, whether J > 0, place of |J| in `sizes`) of every site.
    ends: Vec<Vec<(u32, bool, u32)>>,
}

impl<'a> Bonds<'a> {
    fn new(ising: &'a Ising) -> Self {
        let mut sizes: Vec<f64> = Vec::new();
        let mut end = |&(other, strength): &(usize, f64)| {
            let size = strength.abs();
            let known = sizes.iter().position(|known| *known == size);
            let place = known.unwrap_or_else(|| {
                sizes.push(size);
                sizes.len() - 1
            });
            (other as u32, strength > 0.0, place as u32)
        };
        let sites = 0..ising.sites();
        let ends = sites.map(|site| ising.neighbours(site).iter().map(&mut end).collect()).collect();
        Self { ising, sizes, ends }
    }

    /// 1 - e^{-2 beta |h| / T}.
    fn ghost_probability(&self, beta: f64) -> f64 {
        -(-2.0 * beta * self.ising.field().abs() / self.ising.temperature()).exp_m1()
    }

    /// Whether a site is bound to the ghost.
    fn holds_ghost(&self, row: &[u64], site: u32, probability: f64, generator: &mut Generator) -> bool {
        probability > 0.0 && bit(row, site as usize) == (self.ising.field() > 0.0) && uniform(generator) < probability
    }

    /// 1 - e^{-2 beta |J| / T} of every size.
    fn probabilities(&self, beta: f64) -> Vec<f64> {
        let exponent = |size: &f64| -2.0 * beta * size / self.ising.temperature();
        self.sizes.iter().map(|size| -exponent(size).exp_m1()).collect()
    }

    /// Calls `step(row, generator, scratch)` `steps` times on every chain.
    fn advance(
        &self,
        chains: &mut Chains,
        steps: usize,
        clamp: Clamp,
        step: impl Fn(&mut [u64], &mut Generator, &mut Scratch) + Sync,
    ) {
        assert_eq!(chains.states().sites(), self.ising.sites(), "rows hold the sites");
        if clamp == Clamp::Visible {
            return;
        }
        let words = chains.states().words();
        chains.for_each_block(10 * steps * self.ising.sites(), |rows, seed| {
            let (mut generator, mut scratch) = (seed.generator(), Scratch::default());
            for row in rows.chunks_exact_mut(words) {
                for _ in 0..steps {
                    step(row, &mut generator, &mut scratch);
                }
            }
        });
    }
}

impl<'a> Wolff<'a> {
    /// Of any Ising model; without frustration it moves fast, with it clusters seldom are of use.
    pub fn new(ising: &'a Ising) -> Self {
        Self { bonds: Bonds::new(ising) }
    }
}

impl Kernel for Wolff<'_> {
    fn units(&self) -> usize {
        self.bonds.ising.sites()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        let (sites, probabilities) = (self.units() as u32, self.bonds.probabilities(beta));
        let ghost = self.bonds.ghost_probability(beta);
        self.bonds.advance(chains, steps, clamp, |row, generator, scratch| {
            let first = generator.random_range(0..sites);
            let Scratch { sites: front, members } = scratch;
            front.clear();
            front.push(first);
            members.clear();
            members.resize(row.len(), 0);
            flip_bit(members, first as usize);
            while let Some(site) = front.pop() {
                if self.bonds.holds_ghost(row, site, ghost, generator) {
                    return;
                }
                for &(other, positive, size) in &self.bonds.ends[site as usize] {
                    // Members are flipped at the end, so that every bond is judged as it was.
                    let satisfied = (bit(row, other as usize) == bit(row, site as usize)) == positive;
                    if satisfied && !bit(members, other as usize) && uniform(generator) < probabilities[size as usize] {
                        flip_bit(members, other as usize);
                        front.push(other);
                    }
                }
            }
            for (word, members) in row.iter_mut().zip(members) {
                *word ^= *members;
            }
        });
    }
}

impl<'a> SwendsenWang<'a> {
    /// Of any Ising model; without frustration it moves fast, with it clusters seldom are of use.
    pub fn new(ising: &'a Ising) -> Self {
        Self { bonds: Bonds::new(ising) }
    }
}

impl Kernel for SwendsenWang<'_> {
    fn units(&self) -> usize {
        self.bonds.ising.sites()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        let probabilities = self.bonds.probabilities(beta);
        let ghost = self.bonds.ghost_probability(beta);
        self.bonds.advance(chains, steps, clamp, |row, generator, scratch| {
            let Scratch { sites: parent, members: bound } = scratch;
            bound.clear();
            bound.resize(row.len(), 0);
            parent.clear();
            parent.extend(0..self.units() as u32);
            for (site, ends) in self.bonds.ends.iter().enumerate() {
                for &(other, positive, size) in ends.iter().filter(|end| end.0 as usize > site) {
                    let satisfied = (bit(row, other as usize) == bit(row, site)) == positive;
                    if satisfied && uniform(generator) < probabilities[size as usize] {
                        let (a, b) = (root(parent, site as u32), root(parent, other));
                        // The smaller number is the root, so that it is met first below.
                        parent[a.max(b) as usize] = a.min(b);
                    }
                }
            }
            for site in 0..self.units() as u32 {
                if self.bonds.holds_ghost(row, site, ghost, generator) {
                    set_bit(bound, root(parent, site) as usize, true);
                }
            }
            const FLIPPED: u32 = 1 << 31;
            for site in 0..self.units() {
                // A parent has a smaller number, and knows already whether it is flipped.
                let up = parent[site];
                let flip = if up as usize == site {
                    !bit(bound, site) && generator.random::<bool>()
                } else {
                    parent[up as usize] & FLIPPED != 0
                };
                parent[site] = if flip { FLIPPED } else { 0 };
                if flip {
                    flip_bit(row, site);
                }
            }
        });
    }
}

/// The root of a site's tree, whose path is halved on the way.
fn root(parent: &mut [u32], mut site: u32) -> u32 {
    while parent[site as usize] != site {
        parent[site as usize] = parent[parent[site as usize] as usize];
        site = parent[site as usize];
    }
    site
}
