//! Metropolis sampling of spins with equal couplings, 512 at a time: one bit each of a register.
//!
//! A register holds the same site of many chains, and where chains are few also sites of the same chain that are far
//! apart, a strip of the lattice each. Whether a flip costs energy is counted with logic operations on whole
//! registers, and so is the comparison of a random number with its probability, bit by bit. Most comparisons are
//! settled by the first few bits, so every site draws only eight bits a chain. What those leave open (one chain in
//! 256) takes a bit from a store of decisions made beforehand to full precision; no chain takes the same bit
//! of the store twice, and when one asks again the store is made anew.

mod layout;
mod store;

use super::level::{Level, VectorKernel};
use super::noise::Noise;
use super::registers::{Bits512, Registers};
use crate::law::{Chains, Clamp, Kernel};
use layout::{Direction, End, Layout, exchange, turn};
use store::{Decider, Stock};

/// Bits to which a probability is resolved.
const RESOLUTION: usize = 40;
/// Most neighbours that a site may have.
pub const DEGREE_LIMIT: usize = 6;
/// Most energies that a flip may cost: 2, 4 and 6 couplings times 2, or 1, 3 and 5.
const COSTS: usize = DEGREE_LIMIT / 2;

/// Metropolis sampling with ties at probability 1/2, of spins s_i = +-1 with energy -sum J_ij s_i s_j, where all |J_ij|
/// are equal and no site has more than six neighbours.
///
/// A step is a sweep over the sites in order. A flip that costs the energy d > 0 is accepted with probability
/// e^{-beta d / T}, one that gains energy always, and one that costs nothing with probability 1/2: were ties always
/// accepted, sweeps in order would not reach every state of a small lattice.
#[derive(Debug)]
pub struct MultiSpin {
    sites: usize,
    /// |J| / T.
    strength: f64,
    /// Ways to lay chains out, the most strips first; the last has one strip.
    layouts: Vec<Layout>,
}

impl MultiSpin {
    /// `neighbours` of every site with the sign of the coupling (true: positive), each pair seen from both its sites;
    /// `strength` is |J| / T.
    pub fn new(neighbours: &[Vec<(usize, bool)>], strength: f64) -> Self {
        let limit = DEGREE_LIMIT;
        assert!(neighbours.iter().all(|ends| ends.len() <= limit), "no site has more neighbours");
        // A strip for every power of two: chains fill a register, or half of it at least.
        let layouts = [64, 32, 16, 8, 4, 2, 1].into_iter();
        Self {
            sites: neighbours.len(),
            strength,
            layouts: layouts.filter_map(|strips| Layout::new(neighbours, strips)).collect(),
        }
    }

    /// The layout that fills a register best with so many chains.
    fn layout(&self, chains: usize) -> &Layout {
        let fits = self.layouts.iter().find(|layout| layout.chains() >= chains);
        fits.unwrap_or(&self.layouts[self.layouts.len() - 1])
    }
}

impl Kernel for MultiSpin {
    fn units(&self) -> usize {
        self.sites
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        assert_eq!(chains.states().sites(), self.sites, "rows hold the sites");
        if clamp == Clamp::Visible {
            return;
        }
        let layout = self.layout(chains.states().len());
        let operations = 1 + self.sites * (1 + steps) / 8;
        chains.for_each_block_of(layout.chains(), operations, |rows, seed| {
            let mut spins = vec![Bits512::ZERO; self.sites / layout.strips];
            exchange(layout, self.sites, rows, &mut spins, Direction::In);
            Level::get().run_with(Sweeps {
                layout,
                spins: &mut spins,
                thresholds: thresholds(beta * self.strength),
                noise: Noise::new(seed),
                stock: Stock::EMPTY,
                sweeps: steps,
            });
            exchange(layout, self.sites, rows, &mut spins, Direction::Out);
        });
    }
}

/// e^{-2 d K} in units of 2^-RESOLUTION for d = 0, 1, .., 6.
fn thresholds(strength: f64) -> [u64; DEGREE_LIMIT + 1] {
    let scale = (1_u64 << RESOLUTION) as f64;
    std::array::from_fn(|d| {
        let p = (-2.0 * d as f64 * strength).exp();
        ((p * scale).round() as u64).min((1 << RESOLUTION) - 1)
    })
}

/// Sweeps over the spins of as many chains as fit a register.
struct Sweeps<'a> {
    layout: &'a Layout,
    spins: &'a mut [Bits512],
    thresholds: [u64; DEGREE_LIMIT + 1],
    noise: Noise,
    stock: Stock,
    sweeps: usize,
}

impl VectorKernel for Sweeps<'_> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(mut self, registers: R) {
        for _ in 0..self.sweeps {
            for k in 0..self.layout.runs.len() {
                match (self.layout.runs[k].0, self.layout.plain) {
                    (1, _) => self.run::<R, 1, false>(registers, k),
                    (2, false) => self.run::<R, 2, false>(registers, k),
                    (2, true) => self.run::<R, 2, true>(registers, k),
                    (3, _) => self.run::<R, 3, false>(registers, k),
                    (4, false) => self.run::<R, 4, false>(registers, k),
                    (4, true) => self.run::<R, 4, true>(registers, k),
                    (5, _) => self.run::<R, 5, false>(registers, k),
                    (6, false) => self.run::<R, 6, false>(registers, k),
                    (6, true) => self.run::<R, 6, true>(registers, k),
                    _ => self.run::<R, 0, false>(registers, k),
                }
            }
        }
    }
}

impl Sweeps<'_> {
    /// One pass over the positions of a run, whose sites have `Z` neighbours each. `PLAIN` where no neighbour is on
    /// another strip and no coupling is negative.
    #[inline(always)]
    fn run<R: Registers, const Z: usize, const PLAIN: bool>(&mut self, registers: R, run: usize) {
        // Copies that stay in registers.
        let mut noise = self.noise.clone();
        let mut stock = std::mem::replace(&mut self.stock, Stock::EMPTY);
        let mut decider = Decider::new::<Z>(registers, &self.thresholds, &mut stock, &mut noise);
        let (_, positions, first) = &self.layout.runs[run];
        let (positions, ends) = (positions.clone(), &self.layout.ends[*first..]);
        for k in 0..positions.len() {
            let (position, ends) = (positions.start + k, &ends[k * Z..(k + 1) * Z]);
            let randomness = (&mut decider, &mut stock, &mut noise);
            self.update::<R, Z, PLAIN>(registers, position, ends, randomness);
        }
        (self.noise, self.stock) = (noise, stock);
    }

    /// Offers every chain to flip its spin of one position.
    #[inline(always)]
    fn update<R: Registers, const Z: usize, const PLAIN: bool>(
        &mut self,
        registers: R,
        position: usize,
        ends: &[End],
        (decider, stock, noise): (&mut Decider<R>, &mut Stock, &mut Noise),
    ) {
        let zero = registers.splat_bits(0);
        let spins = registers.load_bits(&self.spins[position]);
        let mut others = [zero; Z];
        for (other, end) in others.iter_mut().zip(&ends[..Z]) {
            *other = registers.load_bits(&self.spins[end.position as usize]);
            if !PLAIN {
                if end.turn != 0 {
                    *other = turn(registers, *other, end.turn, self.layout.strips);
                }
                *other = registers.xor(*other, registers.splat_bits(end.negative));
            }
        }
        let (of_cost, tie) = count(registers, spins, &others);
        let (accepted, coin) = decider.decide::<Z>(registers, &of_cost, stock, noise);
        let costly = of_cost.iter().fold(zero, |sum, x| registers.or(sum, *x));
        // Kept: what costs energy, and ties by a coin; then what is accepted all the same.
        let kept = registers.or(costly, registers.and_not(tie, coin));
        let flips = registers.or(accepted, registers.and_not(registers.splat_bits(!0), kept));
        registers.store_bits(registers.xor(spins, flips), &mut self.spins[position]);
    }
}

/// The chains where 0, 1, .. (fewer than half) of a site's bonds are broken, and those where just half are.
#[inline(always)]
fn count<R: Registers, const Z: usize>(
    registers: R,
    spins: R::Bits,
    others: &[R::Bits; Z],
) -> ([R::Bits; COSTS], R::Bits) {
    let zero = registers.splat_bits(0);
    let mut of_cost = [zero; COSTS];
    if Z == 4 {
        // Neighbours up, as a number of three bits: with four neighbours, few operations tell the cases.
        let odd = registers.xor(registers.xor(others[0], others[1]), others[2]);
        let pair = registers
            .or(registers.and(others[0], others[1]), registers.and(others[2], registers.or(others[0], others[1])));
        let carry = registers.and(odd, others[3]);
        let digits = [registers.xor(odd, others[3]), registers.xor(pair, carry), registers.and(pair, carry)];
        let some = registers.or(registers.or(digits[0], digits[1]), digits[2]);
        let none = registers.and_not(registers.splat_bits(!0), some);
        of_cost[0] = registers.select(spins, digits[2], none);
        of_cost[1] = registers.and_equal(digits[0], digits[1], spins);
        return (of_cost, registers.and_not(digits[1], digits[0]));
    }
    // Broken bonds, as a number of three bits.
    let mut digits = [zero; 3];
    for other in others {
        let mut carry = registers.xor(spins, *other);
        for digit in &mut digits {
            let next = registers.and(*digit, carry);
            *digit = registers.xor(*digit, carry);
            carry = next;
        }
    }
    let exactly = |n: usize| {
        (0..3).fold(registers.splat_bits(!0), |bits, digit| match n >> digit & 1 {
            1 => registers.and(bits, digits[digit]),
            _ => registers.and_not(bits, digits[digit]),
        })
    };
    for (n, of_cost) in of_cost.iter_mut().enumerate() {
        if 2 * n < Z {
            *of_cost = exactly(n);
        }
    }
    let tie = if Z.is_multiple_of(2) { exactly(Z / 2) } else { zero };
    (of_cost, tie)
}
