//! Metropolis sampling of spins with equal couplings, 512 at a time: one bit each of a register.
//!
//! A register holds the same site of many chains, and where chains are few also sites of the same chain that are far
//! apart, a strip of the lattice each. Whether a flip costs energy is counted with logic operations on whole
//! registers, and so is the comparison of a random number with its probability, bit by bit. Most comparisons are
//! settled by the first few bits, so every site draws only [`PRIVATE`] bits a chain. What those leave open (one chain
//! in 2^PRIVATE) takes a bit from a store of decisions made beforehand to full precision; no chain takes the same bit
//! of the store twice, and when one asks again the store is made anew.

use super::level::{Level, VectorKernel};
use super::noise::Noise;
use super::registers::{Bits512, Registers};
use crate::configuration::{copy_bits, words_for};
use crate::law::{Chains, Clamp, Kernel};

/// Bits of a random number that every site draws for itself.
const PRIVATE: usize = 8;
/// Bits to which a probability is resolved.
const RESOLUTION: usize = 40;
/// Stores that are made together, so that the making of one does not wait for itself.
const BATCH: usize = 4;
/// Words of a register.
const WORDS: usize = 8;
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
pub struct MultiSpin {
    sites: usize,
    /// |J| / T.
    strength: f64,
    /// Ways to lay chains out, the most strips first; the last has one strip.
    layouts: Vec<Layout>,
}

/// Which sites share a word.
struct Layout {
    /// Strips of a chain: bit k of a chain's field in word p is site k sites / strips + p.
    strips: usize,
    /// Neighbours of every position, one after another.
    ends: Vec<End>,
    /// Positions with equally many neighbours that follow each other: (neighbours, positions, first end).
    runs: Vec<(usize, std::ops::Range<usize>, usize)>,
    /// Whether no neighbour is on another strip and no coupling is negative.
    plain: bool,
}

/// A neighbour.
#[derive(Clone, Copy)]
struct End {
    position: u32,
    /// How many strips further on it is.
    turn: u32,
    /// In which strips the coupling is negative.
    negative: u64,
}

impl Layout {
    /// `None` unless `neighbours` look the same from every strip, and no two sites of a position are neighbours.
    fn new(neighbours: &[Vec<(usize, bool)>], strips: usize) -> Option<Self> {
        let positions = neighbours.len() / strips;
        if !neighbours.len().is_multiple_of(strips) {
            return None;
        }
        let replicas = 64 / strips;
        let (mut ends, mut runs) = (
            Vec::new(),
            Vec::<(usize, std::ops::Range<usize>, usize)>::new(),
        );
        for position in 0..positions {
            // (position, turn, negative) of the neighbours seen from each strip.
            let seen = |strip: usize| {
                let site = strip * positions + position;
                let mut seen: Vec<(usize, usize, bool)> = neighbours[site]
                    .iter()
                    .map(|&(other, positive)| {
                        let turn = (other / positions + strips - strip) % strips;
                        (other % positions, turn, !positive)
                    })
                    .collect();
                seen.sort_unstable();
                seen
            };
            let first = ends.len();
            for (k, &(other, turn, _)) in seen(0).iter().enumerate() {
                if other == position {
                    return None;
                }
                let mut negative = 0;
                for strip in 0..strips {
                    let theirs = seen(strip);
                    let same = theirs.get(k).filter(|end| (end.0, end.1) == (other, turn));
                    let field = (0..replicas).fold(0, |bits, r| bits | 1 << (r * strips + strip));
                    negative |= if same?.2 { field } else { 0 };
                    if theirs.len() != seen(0).len() {
                        return None;
                    }
                }
                ends.push(End {
                    position: other as u32,
                    turn: turn as u32,
                    negative,
                });
            }
            let degree = ends.len() - first;
            match runs.last_mut() {
                Some((last, range, _)) if *last == degree => range.end += 1,
                _ => runs.push((degree, position..position + 1, first)),
            }
        }
        let plain = ends.iter().all(|end| end.turn == 0 && end.negative == 0);
        Some(Self {
            strips,
            ends,
            runs,
            plain,
        })
    }

    /// Chains that fit a register.
    fn chains(&self) -> usize {
        WORDS * (64 / self.strips)
    }
}

impl MultiSpin {
    /// `neighbours` of every site with the sign of the coupling (true: positive), each pair seen from both its sites;
    /// `strength` is |J| / T.
    pub fn new(neighbours: &[Vec<(usize, bool)>], strength: f64) -> Self {
        let limit = DEGREE_LIMIT;
        assert!(
            neighbours.iter().all(|ends| ends.len() <= limit),
            "no site has more neighbours"
        );
        // A strip for every power of two: chains fill a register, or half of it at least.
        let layouts = [64, 32, 16, 8, 4, 2, 1].into_iter();
        Self {
            sites: neighbours.len(),
            strength,
            layouts: layouts
                .filter_map(|strips| Layout::new(neighbours, strips))
                .collect(),
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

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    In,
    Out,
}

/// Copies chains between their rows and registers: 64 strips at a time, by transposing blocks of 64 x 64 bits.
fn exchange(
    layout: &Layout,
    sites: usize,
    rows: &mut [u64],
    spins: &mut [Bits512],
    direction: Direction,
) {
    let (strips, words) = (layout.strips, words_for(sites));
    let positions = sites / strips;
    let chains_of_word = 64 / strips;
    for (word, rows) in rows.chunks_mut(words * chains_of_word).enumerate() {
        for first in (0..positions).step_by(64) {
            let count = (positions - first).min(64);
            let mut block = [0_u64; 64];
            if direction == Direction::Out {
                for (target, spins) in block.iter_mut().zip(&spins[first..first + count]) {
                    *target = spins.0[word];
                }
                transpose(&mut block);
            }
            for (chain, row) in rows.chunks_exact_mut(words).enumerate() {
                for strip in 0..strips {
                    let (start, bits) = (
                        strip * positions + first,
                        &mut block[chain * strips + strip..][..1],
                    );
                    match direction {
                        Direction::In => copy_bits(row, start, count, bits, 0),
                        Direction::Out => copy_bits(bits, 0, count, row, start),
                    }
                }
            }
            if direction == Direction::In {
                transpose(&mut block);
                for (source, spins) in block.iter().zip(&mut spins[first..first + count]) {
                    spins.0[word] = *source;
                }
            }
        }
    }
}

/// Exchanges bit j of word i with bit i of word j (Warren 2013, section 7-3).
fn transpose(block: &mut [u64; 64]) {
    let (mut width, mut mask) = (32, u64::MAX >> 32);
    while width > 0 {
        let mut k = 0;
        while k < 64 {
            let swap = (block[k] >> width ^ block[k + width]) & mask;
            block[k] ^= swap << width;
            block[k + width] ^= swap;
            k = (k + width + 1) & !width;
        }
        width /= 2;
        mask ^= mask << width;
    }
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

/// Decisions with the probabilities that the private bits leave open, for each cost of a flip.
type Decisions = [Bits512; COSTS];

/// Stores made beforehand, for sites with so many neighbours.
struct Stock {
    degree: usize,
    stores: [Decisions; BATCH],
    left: usize,
}

/// The store in use. Each bit of `fresh` says that a chain has not taken its bits yet.
struct Store<R: Registers> {
    decisions: [R::Bits; COSTS],
    fresh: R::Bits,
}

/// The thresholds of the costs that a flip may have, most costly first.
fn costs(degree: usize, thresholds: &[u64; DEGREE_LIMIT + 1]) -> [u64; COSTS] {
    std::array::from_fn(|n| {
        if 2 * n < degree {
            thresholds[degree - 2 * n]
        } else {
            0
        }
    })
}

impl Sweeps<'_> {
    /// One pass over the positions of a run, whose sites have `Z` neighbours each. `PLAIN` where no neighbour is on
    /// another strip and no coupling is negative.
    #[inline(always)]
    fn run<R: Registers, const Z: usize, const PLAIN: bool>(&mut self, registers: R, run: usize) {
        let thresholds = costs(Z, &self.thresholds);
        // For each private bit, the costs whose threshold has it set.
        let sets: [usize; PRIVATE] = std::array::from_fn(|bit| {
            (0..COSTS).fold(0, |set, n| {
                set | ((thresholds[n] >> (RESOLUTION - 1 - bit) & 1) as usize) << n
            })
        });
        let mut noise = self.noise.clone();
        let mut stock = std::mem::replace(&mut self.stock, Stock::EMPTY);
        let mut store = stock.take::<R, Z>(registers, &thresholds, &mut noise);
        let (_, positions, first) = &self.layout.runs[run];
        let (positions, ends) = (positions.clone(), &self.layout.ends[*first..]);
        for k in 0..positions.len() {
            let (position, ends) = (positions.start + k, &ends[k * Z..(k + 1) * Z]);
            let costs = (&thresholds, &sets);
            self.update::<R, Z, PLAIN>(
                registers, position, ends, costs, &mut store, &mut stock, &mut noise,
            );
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
        (thresholds, sets): (&[u64; COSTS], &[usize; PRIVATE]),
        store: &mut Store<R>,
        stock: &mut Stock,
        noise: &mut Noise,
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
        let mut costly = zero;
        let mut decision = zero;
        for n in 0..COSTS {
            costly = registers.or(costly, of_cost[n]);
            decision = registers.or(decision, registers.and(of_cost[n], store.decisions[n]));
        }
        // The threshold's bit is 1 in the chains whose cost is in a set.
        let mut in_set = [zero; 1 << COSTS];
        for set in 1_usize..1 << COSTS {
            let lowest = set & set.wrapping_neg();
            in_set[set] = registers.or(
                in_set[set ^ lowest],
                of_cost[lowest.trailing_zeros() as usize],
            );
        }
        // u < threshold from the lowest private bit up: where the bits differ they decide, else what is below them.
        let mut open = costly;
        let mut random = zero;
        for bit in (0..PRIVATE).rev() {
            random = noise.bits(registers);
            let threshold = in_set[sets[bit]];
            decision = registers.less_bits(random, threshold, decision);
            open = registers.and_equal(open, random, threshold);
        }
        let again = registers.and_not(open, store.fresh);
        if registers.any(again) {
            *store = stock.take::<R, Z>(registers, thresholds, noise);
            let mut anew = zero;
            for n in 0..COSTS {
                anew = registers.or(anew, registers.and(of_cost[n], store.decisions[n]));
            }
            decision = registers.select(again, anew, decision);
            store.fresh = registers.and_not(store.fresh, again);
        } else {
            store.fresh = registers.and_not(store.fresh, open);
        }
        // A tie has no use for its private bits, so that one of them decides it. A decision is 0 where nothing is
        // asked, since every threshold is.
        let kept = registers.or(costly, registers.and_not(tie, random));
        let flips = registers.or(decision, registers.and_not(registers.splat_bits(!0), kept));
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
        let pair = registers.or(
            registers.and(others[0], others[1]),
            registers.and(others[2], registers.or(others[0], others[1])),
        );
        let carry = registers.and(odd, others[3]);
        let digits = [
            registers.xor(odd, others[3]),
            registers.xor(pair, carry),
            registers.and(pair, carry),
        ];
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
        (0..3).fold(registers.splat_bits(!0), |bits, digit| {
            match n >> digit & 1 {
                1 => registers.and(bits, digits[digit]),
                _ => registers.and_not(bits, digits[digit]),
            }
        })
    };
    for n in 0..COSTS {
        if 2 * n < Z {
            of_cost[n] = exactly(n);
        }
    }
    (of_cost, if Z % 2 == 0 { exactly(Z / 2) } else { zero })
}

impl Stock {
    const EMPTY: Self = Self {
        degree: 0,
        stores: [[Bits512::ZERO; COSTS]; BATCH],
        left: 0,
    };

    /// A store that nobody has used.
    #[inline(always)]
    fn take<R: Registers, const Z: usize>(
        &mut self,
        registers: R,
        thresholds: &[u64; COSTS],
        noise: &mut Noise,
    ) -> Store<R> {
        if self.left == 0 || self.degree != Z {
            self.fill::<R, Z>(registers, thresholds, noise);
        }
        self.left -= 1;
        let store = &self.stores[self.left];
        let mut decisions = [registers.splat_bits(0); COSTS];
        for n in 0..COSTS {
            decisions[n] = registers.load_bits(&store[n]);
        }
        Store {
            decisions,
            fresh: registers.splat_bits(!0),
        }
    }

    /// Decisions `u < threshold`, where u and the threshold begin below the private bits: from the highest bit down
    /// until all chains are decided.
    #[inline(always)]
    fn fill<R: Registers, const Z: usize>(
        &mut self,
        registers: R,
        thresholds: &[u64; COSTS],
        noise: &mut Noise,
    ) {
        let zero = registers.splat_bits(0);
        let mut decisions = [[zero; COSTS]; BATCH];
        let mut open = [[registers.splat_bits(!0); COSTS]; BATCH];
        for bit in (0..RESOLUTION - PRIVATE).rev() {
            let mut any = zero;
            let mut random = [zero; BATCH];
            for random in &mut random {
                *random = noise.bits(registers);
            }
            for n in 0..COSTS {
                if 2 * n < Z {
                    let threshold = registers.splat_bits((thresholds[n] >> bit & 1).wrapping_neg());
                    for k in 0..BATCH {
                        // Where the bits differ they decide.
                        let accepted =
                            registers.and_not(registers.and(open[k][n], threshold), random[k]);
                        decisions[k][n] = registers.or(decisions[k][n], accepted);
                        open[k][n] = registers.and_equal(open[k][n], random[k], threshold);
                        any = registers.or(any, open[k][n]);
                    }
                }
            }
            if !registers.any(any) {
                break;
            }
        }
        for (store, decisions) in self.stores.iter_mut().zip(decisions) {
            for n in 0..COSTS {
                registers.store_bits(decisions[n], &mut store[n]);
            }
        }
        (self.degree, self.left) = (Z, BATCH);
    }
}

/// Brings the spin `by` strips further on to every strip of each chain.
#[inline(always)]
fn turn<R: Registers>(registers: R, bits: R::Bits, by: u32, strips: usize) -> R::Bits {
    let field = u64::MAX >> (64 - strips);
    let low = field >> by;
    // The same in every field of the word.
    let repeat = u64::MAX / field;
    let near = registers.and(
        registers.shift_right(bits, by),
        registers.splat_bits(low * repeat),
    );
    let high = (field & !low).wrapping_mul(repeat);
    let around = registers.shift_left(bits, strips as u32 - by);
    registers.or(near, registers.and(around, registers.splat_bits(high)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_block_has_rows_for_columns() {
        let mut block: [u64; 64] =
            std::array::from_fn(|k| (k as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let before = block;
        transpose(&mut block);
        for i in 0..64 {
            for j in 0..64 {
                assert_eq!(block[i] >> j & 1, before[j] >> i & 1);
            }
        }
    }
}
