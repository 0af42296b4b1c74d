//! Sixteen numbers at a time: the few vector operations that the hot kernels are written in.
//!
//! The compiler vectorises simple loops by itself, but not table look-ups, shifts of a generator's state or
//! a comparison whose result is a word of bits. Every level computes the same bits: an operation rounds
//! once, `fused` included, whatever the width of the registers.

#[cfg(target_arch = "x86_64")]
mod x86;

/// Single-precision numbers that are worked on together: a register of 512 bits.
pub const LANES: usize = 16;

/// Sixteen numbers in memory, aligned so that no load crosses a cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Sixteen(pub [f32; LANES]);

impl Sixteen {
    /// Sixteen zeros.
    pub const ZERO: Self = Self([0.0; LANES]);
}

/// Eight double-precision numbers in memory.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Eight(pub [f64; 8]);

impl Eight {
    /// Eight zeros.
    pub const ZERO: Self = Self([0.0; 8]);
}

/// 512 bits in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Bits512(pub [u64; 8]);

impl Bits512 {
    /// All bits 0.
    pub const ZERO: Self = Self([0; 8]);
}

/// The state of eight generators xoshiro256++, word by word.
pub type NoiseState = [[u64; 8]; 4];

/// The vector operations of one [`super::level::Level`].
pub trait Registers: Copy + Send + Sync {
    /// Sixteen single-precision numbers.
    type Floats: Copy;
    /// Eight double-precision numbers.
    type Doubles: Copy;
    /// 512 bits, as eight words of 64.
    type Bits: Copy;

    /// From memory.
    fn load(self, from: &Sixteen) -> Self::Floats;
    /// To memory.
    fn store(self, x: Self::Floats, to: &mut Sixteen);
    /// Sixteen times `x`.
    fn splat(self, x: f32) -> Self::Floats;
    /// a + b.
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// a - b.
    fn subtract(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// a b.
    fn multiply(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// a / b.
    fn divide(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// a b + c, rounded once.
    fn fused(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// `x` brought into [-bound, bound].
    fn clamp(self, x: Self::Floats, bound: f32) -> Self::Floats;
    /// x 2^k, where k stands in the low bits of `shifted`'s representation; the result must be normal.
    fn scale_by_power(self, x: Self::Floats, shifted: Self::Floats) -> Self::Floats;
    /// To memory in double precision.
    fn widen(self, x: Self::Floats, to: &mut [f64; LANES]);
    /// Bit l is set where a < b in lane l.
    fn less(self, a: Self::Floats, b: Self::Floats) -> u16;
    /// 1 where a < b, else 0.
    fn indicator(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// Sixteen uniform numbers (k + 1/2) 2^-23, k = 0 .. 2^23 - 1, from [`Self::random_bits`], 32 a lane.
    fn uniform(self, state: &mut NoiseState) -> Self::Floats;

    /// In double precision: lanes 0 .. 7 and 8 .. 15.
    fn doubles(self, x: Self::Floats) -> [Self::Doubles; 2];
    /// From memory.
    fn load_doubles(self, from: &Eight) -> Self::Doubles;
    /// To memory.
    fn store_doubles(self, x: Self::Doubles, to: &mut Eight);
    /// Eight times `x`.
    fn splat_double(self, x: f64) -> Self::Doubles;
    /// a + b.
    fn add_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// a - b.
    fn subtract_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// The larger of a and b, which are numbers.
    fn larger_double(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// x 2^k, where k stands in the low bits of `shifted`'s representation; the result must be normal.
    fn scale_double_by_power(self, x: Self::Doubles, shifted: Self::Doubles) -> Self::Doubles;
    /// a b.
    fn multiply_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// a / b.
    fn divide_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// a b + c, rounded once.
    fn fused_doubles(self, a: Self::Doubles, b: Self::Doubles, c: Self::Doubles) -> Self::Doubles;

    /// From memory.
    fn load_bits(self, from: &Bits512) -> Self::Bits;
    /// To memory.
    fn store_bits(self, x: Self::Bits, to: &mut Bits512);
    /// Eight times `word`.
    fn splat_bits(self, word: u64) -> Self::Bits;
    /// a and b.
    fn and(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// a and not b.
    fn and_not(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// a or b.
    fn or(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// Either a or b.
    fn xor(self, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// a where `which` is 1, else b.
    fn select(self, which: Self::Bits, a: Self::Bits, b: Self::Bits) -> Self::Bits;
    /// One step of the comparison `random < threshold` from the lowest bit up: where the bits differ they decide, else
    /// what is below them, `lower`.
    fn less_bits(self, random: Self::Bits, threshold: Self::Bits, lower: Self::Bits) -> Self::Bits;
    /// a where b and c are equal, else 0.
    fn and_equal(self, a: Self::Bits, b: Self::Bits, c: Self::Bits) -> Self::Bits;
    /// Every word moved towards its low end.
    fn shift_right(self, x: Self::Bits, by: u32) -> Self::Bits;
    /// Every word moved towards its high end.
    fn shift_left(self, x: Self::Bits, by: u32) -> Self::Bits;
    /// Whether any bit is 1.
    fn any(self, x: Self::Bits) -> bool;
    /// The next 64 random bits of every generator (xoshiro256++, Blackman and Vigna 2021).
    fn random_bits(self, state: &mut NoiseState) -> Self::Bits;
}

/// 1 with the exponent's bits only, and what centres a uniform number in its cell.
const ONE: u32 = 1.0_f32.to_bits();
const CENTRE: f32 = 1.0 - 0.5 / 8_388_608.0;

/// What any processor does; with arrays, which the compiler turns into whatever registers there are.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

#[inline(always)]
fn each<const N: usize, T: Copy>(f: impl Fn(usize) -> T) -> [T; N] {
    std::array::from_fn(f)
}

impl Registers for Plain {
    type Floats = [f32; LANES];
    type Doubles = [f64; 8];
    type Bits = [u64; 8];

    #[inline(always)]
    fn load(self, from: &Sixteen) -> Self::Floats {
        from.0
    }
    #[inline(always)]
    fn store(self, x: Self::Floats, to: &mut Sixteen) {
        to.0 = x;
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::Floats {
        [x; LANES]
    }
    #[inline(always)]
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        each(|l| a[l] + b[l])
    }
    #[inline(always)]
    fn subtract(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        each(|l| a[l] - b[l])
    }
    #[inline(always)]
    fn multiply(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        each(|l| a[l] * b[l])
    }
    #[inline(always)]
    fn divide(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        each(|l| a[l] / b[l])
    }
    #[inline(always)]
    fn fused(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        each(|l| a[l].mul_add(b[l], c[l]))
    }
    #[inline(always)]
    fn clamp(self, x: Self::Floats, bound: f32) -> Self::Floats {
        each(|l| x[l].clamp(-bound, bound))
    }
    #[inline(always)]
    fn scale_by_power(self, x: Self::Floats, shifted: Self::Floats) -> Self::Floats {
        each(|l| f32::from_bits(x[l].to_bits().wrapping_add(shifted[l].to_bits() << 23)))
    }
    #[inline(always)]
    fn widen(self, x: Self::Floats, to: &mut [f64; LANES]) {
        *to = each(|l| f64::from(x[l]));
    }
    #[inline(always)]
    fn less(self, a: Self::Floats, b: Self::Floats) -> u16 {
        (0..LANES).fold(0, |bits, l| bits | u16::from(a[l] < b[l]) << l)
    }
    #[inline(always)]
    fn indicator(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        each(|l| f32::from(u8::from(a[l] < b[l])))
    }
    #[inline(always)]
    fn uniform(self, state: &mut NoiseState) -> Self::Floats {
        let words = self.random_bits(state);
        each(|l| {
            let bits = (words[l / 2] >> (32 * (l % 2))) as u32;
            f32::from_bits(bits >> 9 | ONE) - CENTRE
        })
    }

    #[inline(always)]
    fn doubles(self, x: Self::Floats) -> [Self::Doubles; 2] {
        [each(|l| f64::from(x[l])), each(|l| f64::from(x[l + 8]))]
    }
    #[inline(always)]
    fn load_doubles(self, from: &Eight) -> Self::Doubles {
        from.0
    }
    #[inline(always)]
    fn store_doubles(self, x: Self::Doubles, to: &mut Eight) {
        to.0 = x;
    }
    #[inline(always)]
    fn splat_double(self, x: f64) -> Self::Doubles {
        [x; 8]
    }
    #[inline(always)]
    fn add_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles {
        each(|l| a[l] + b[l])
    }
    #[inline(always)]
    fn subtract_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles {
        each(|l| a[l] - b[l])
    }
    #[inline(always)]
    fn larger_double(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles {
        each(|l| if a[l] > b[l] { a[l] } else { b[l] })
    }
    #[inline(always)]
    fn scale_double_by_power(self, x: Self::Doubles, shifted: Self::Doubles) -> Self::Doubles {
        each(|l| f64::from_bits(x[l].to_bits().wrapping_add(shifted[l].to_bits() << 52)))
    }
    #[inline(always)]
    fn multiply_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles {
        each(|l| a[l] * b[l])
    }
    #[inline(always)]
    fn divide_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles {
        each(|l| a[l] / b[l])
    }
    #[inline(always)]
    fn fused_doubles(self, a: Self::Doubles, b: Self::Doubles, c: Self::Doubles) -> Self::Doubles {
        each(|l| a[l].mul_add(b[l], c[l]))
    }

    #[inline(always)]
    fn load_bits(self, from: &Bits512) -> [u64; 8] {
        from.0
    }
    #[inline(always)]
    fn store_bits(self, x: [u64; 8], to: &mut Bits512) {
        to.0 = x;
    }
    #[inline(always)]
    fn splat_bits(self, word: u64) -> [u64; 8] {
        [word; 8]
    }
    #[inline(always)]
    fn and(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each(|k| a[k] & b[k])
    }
    #[inline(always)]
    fn and_not(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each(|k| a[k] & !b[k])
    }
    #[inline(always)]
    fn or(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each(|k| a[k] | b[k])
    }
    #[inline(always)]
    fn xor(self, a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each(|k| a[k] ^ b[k])
    }
    #[inline(always)]
    fn select(self, which: [u64; 8], a: [u64; 8], b: [u64; 8]) -> [u64; 8] {
        each(|k| b[k] ^ which[k] & (a[k] ^ b[k]))
    }
    #[inline(always)]
    fn less_bits(self, random: [u64; 8], threshold: [u64; 8], lower: [u64; 8]) -> [u64; 8] {
        each(|k| threshold[k] & !random[k] | lower[k] & !(random[k] ^ threshold[k]))
    }
    #[inline(always)]
    fn and_equal(self, a: [u64; 8], b: [u64; 8], c: [u64; 8]) -> [u64; 8] {
        each(|k| a[k] & !(b[k] ^ c[k]))
    }
    #[inline(always)]
    fn shift_right(self, x: [u64; 8], by: u32) -> [u64; 8] {
        each(|k| x[k] >> by)
    }
    #[inline(always)]
    fn shift_left(self, x: [u64; 8], by: u32) -> [u64; 8] {
        each(|k| x[k] << by)
    }
    #[inline(always)]
    fn any(self, x: [u64; 8]) -> bool {
        x != [0; 8]
    }
    #[inline(always)]
    fn random_bits(self, state: &mut NoiseState) -> [u64; 8] {
        let [a, b, c, d] = *state;
        let words: [u64; 8] = each(|k| {
            let sum = a[k].wrapping_add(d[k]);
            sum.rotate_left(23).wrapping_add(a[k])
        });
        let (c, d): ([u64; 8], [u64; 8]) = (each(|k| c[k] ^ a[k]), each(|k| d[k] ^ b[k]));
        *state =
            [each(|k| a[k] ^ d[k]), each(|k| b[k] ^ c[k]), each(|k| c[k] ^ b[k] << 17), each(|k| d[k].rotate_left(45))];
        words
    }
}
