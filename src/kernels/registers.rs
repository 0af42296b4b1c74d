//! Sixteen numbers at a time: the few vector operations that the hot kernels are written in.
//!
//! The compiler vectorises simple loops by itself, but not table look-ups, shifts of a generator's state or
//! a comparison whose result is a word of bits. Every level computes the same bits: an operation rounds
//! once, `fused` included, whatever the width of the registers.

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

/// The state of eight generators xoshiro256++, word by word.
pub type NoiseState = [[u64; 8]; 4];

/// The vector operations of one [`super::level::Level`].
pub trait Registers: Copy + Send + Sync {
    /// Sixteen single-precision numbers.
    type Floats: Copy;
    /// Eight double-precision numbers.
    type Doubles: Copy;

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
    /// Sixteen uniform numbers (k + 1/2) 2^-23, k = 0 .. 2^23 - 1, from the next 32 random bits a lane
    /// (xoshiro256++, Blackman and Vigna 2021).
    fn uniform(self, state: &mut NoiseState) -> Self::Floats;

    /// From memory.
    fn load_doubles(self, from: &Eight) -> Self::Doubles;
    /// To memory.
    fn store_doubles(self, x: Self::Doubles, to: &mut Eight);
    /// Eight times `x`.
    fn splat_double(self, x: f64) -> Self::Doubles;
    /// a b.
    fn multiply_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// a / b.
    fn divide_doubles(self, a: Self::Doubles, b: Self::Doubles) -> Self::Doubles;
    /// a b + c, rounded once.
    fn fused_doubles(self, a: Self::Doubles, b: Self::Doubles, c: Self::Doubles) -> Self::Doubles;
}

/// 1 with the exponent's bits only, and what centres a uniform number in its cell.
const ONE: u32 = 1.0_f32.to_bits();
const CENTRE: f32 = 1.0 - 0.5 / 8_388_608.0;

/// What any processor does; with arrays, which the compiler turns into whatever registers there are.
#[derive(Clone, Copy)]
pub struct Plain;

#[inline(always)]
fn each<const N: usize, T: Copy>(f: impl Fn(usize) -> T) -> [T; N] {
    std::array::from_fn(f)
}

impl Registers for Plain {
    type Floats = [f32; LANES];
    type Doubles = [f64; 8];

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
        let [a, b, c, d] = *state;
        let words: [u64; 8] = each(|k| {
            let sum = a[k].wrapping_add(d[k]);
            sum.rotate_left(23).wrapping_add(a[k])
        });
        let (c, d): ([u64; 8], [u64; 8]) = (each(|k| c[k] ^ a[k]), each(|k| d[k] ^ b[k]));
        *state = [
            each(|k| a[k] ^ d[k]),
            each(|k| b[k] ^ c[k]),
            each(|k| c[k] ^ b[k] << 17),
            each(|k| d[k].rotate_left(45)),
        ];
        each(|l| {
            let bits = (words[l / 2] >> (32 * (l % 2))) as u32;
            f32::from_bits(bits >> 9 | ONE) - CENTRE
        })
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
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{CENTRE, Eight, LANES, NoiseState, ONE, Registers, Sixteen};
    use pulp::cast;
    use pulp::x86::{V3, V4};
    use std::arch::x86_64::{
        __m128, __m256, __m256d, __m256i, __m512, __m512d, __m512i, _CMP_LT_OQ,
    };

    impl Registers for V4 {
        type Floats = __m512;
        type Doubles = __m512d;

        #[inline(always)]
        fn load(self, from: &Sixteen) -> __m512 {
            cast(from.0)
        }
        #[inline(always)]
        fn store(self, x: __m512, to: &mut Sixteen) {
            to.0 = cast(x);
        }
        #[inline(always)]
        fn splat(self, x: f32) -> __m512 {
            self.avx512f._mm512_set1_ps(x)
        }
        #[inline(always)]
        fn add(self, a: __m512, b: __m512) -> __m512 {
            self.avx512f._mm512_add_ps(a, b)
        }
        #[inline(always)]
        fn subtract(self, a: __m512, b: __m512) -> __m512 {
            self.avx512f._mm512_sub_ps(a, b)
        }
        #[inline(always)]
        fn multiply(self, a: __m512, b: __m512) -> __m512 {
            self.avx512f._mm512_mul_ps(a, b)
        }
        #[inline(always)]
        fn divide(self, a: __m512, b: __m512) -> __m512 {
            self.avx512f._mm512_div_ps(a, b)
        }
        #[inline(always)]
        fn fused(self, a: __m512, b: __m512, c: __m512) -> __m512 {
            self.avx512f._mm512_fmadd_ps(a, b, c)
        }
        #[inline(always)]
        fn clamp(self, x: __m512, bound: f32) -> __m512 {
            let features = self.avx512f;
            let x = features._mm512_max_ps(x, features._mm512_set1_ps(-bound));
            features._mm512_min_ps(x, features._mm512_set1_ps(bound))
        }
        #[inline(always)]
        fn scale_by_power(self, x: __m512, shifted: __m512) -> __m512 {
            let power = self.avx512f._mm512_slli_epi32::<23>(cast(shifted));
            cast(self.avx512f._mm512_add_epi32(cast(x), power))
        }
        #[inline(always)]
        fn widen(self, x: __m512, to: &mut [f64; LANES]) {
            let [low, high]: [__m256; 2] = cast(x);
            let features = self.avx512f;
            *to = cast([
                features._mm512_cvtps_pd(low),
                features._mm512_cvtps_pd(high),
            ]);
        }
        #[inline(always)]
        fn less(self, a: __m512, b: __m512) -> u16 {
            self.avx512f._mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b)
        }
        #[inline(always)]
        fn indicator(self, a: __m512, b: __m512) -> __m512 {
            self.avx512f
                ._mm512_maskz_mov_ps(self.less(a, b), self.splat(1.0))
        }
        #[inline(always)]
        fn uniform(self, state: &mut NoiseState) -> __m512 {
            let features = self.avx512f;
            let xor = |a, b| features._mm512_xor_si512(a, b);
            let [a, b, c, d]: [__m512i; 4] = cast(*state);
            let sum = features._mm512_add_epi64(a, d);
            let words = features._mm512_add_epi64(features._mm512_rol_epi64::<23>(sum), a);
            let (c, d) = (xor(c, a), xor(d, b));
            let c_next = xor(c, features._mm512_slli_epi64::<17>(b));
            let d_next = features._mm512_rol_epi64::<45>(d);
            *state = cast([xor(a, d), xor(b, c), c_next, d_next]);
            let one = features._mm512_set1_epi32(ONE as i32);
            let bits = features._mm512_or_si512(features._mm512_srli_epi32::<9>(words), one);
            features._mm512_sub_ps(cast(bits), features._mm512_set1_ps(CENTRE))
        }

        #[inline(always)]
        fn load_doubles(self, from: &Eight) -> __m512d {
            cast(from.0)
        }
        #[inline(always)]
        fn store_doubles(self, x: __m512d, to: &mut Eight) {
            to.0 = cast(x);
        }
        #[inline(always)]
        fn splat_double(self, x: f64) -> __m512d {
            self.avx512f._mm512_set1_pd(x)
        }
        #[inline(always)]
        fn multiply_doubles(self, a: __m512d, b: __m512d) -> __m512d {
            self.avx512f._mm512_mul_pd(a, b)
        }
        #[inline(always)]
        fn divide_doubles(self, a: __m512d, b: __m512d) -> __m512d {
            self.avx512f._mm512_div_pd(a, b)
        }
        #[inline(always)]
        fn fused_doubles(self, a: __m512d, b: __m512d, c: __m512d) -> __m512d {
            self.avx512f._mm512_fmadd_pd(a, b, c)
        }
    }

    /// Two registers of 256 bits.
    #[inline(always)]
    fn both<T: Copy, U>(a: [T; 2], b: [T; 2], f: impl Fn(T, T) -> U) -> [U; 2] {
        [f(a[0], b[0]), f(a[1], b[1])]
    }

    impl Registers for V3 {
        type Floats = [__m256; 2];
        type Doubles = [__m256d; 2];

        #[inline(always)]
        fn load(self, from: &Sixteen) -> [__m256; 2] {
            cast(from.0)
        }
        #[inline(always)]
        fn store(self, x: [__m256; 2], to: &mut Sixteen) {
            to.0 = cast(x);
        }
        #[inline(always)]
        fn splat(self, x: f32) -> [__m256; 2] {
            [self.avx._mm256_set1_ps(x); 2]
        }
        #[inline(always)]
        fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            both(a, b, |a, b| self.avx._mm256_add_ps(a, b))
        }
        #[inline(always)]
        fn subtract(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            both(a, b, |a, b| self.avx._mm256_sub_ps(a, b))
        }
        #[inline(always)]
        fn multiply(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            both(a, b, |a, b| self.avx._mm256_mul_ps(a, b))
        }
        #[inline(always)]
        fn divide(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            both(a, b, |a, b| self.avx._mm256_div_ps(a, b))
        }
        #[inline(always)]
        fn fused(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
            [
                self.fma._mm256_fmadd_ps(a[0], b[0], c[0]),
                self.fma._mm256_fmadd_ps(a[1], b[1], c[1]),
            ]
        }
        #[inline(always)]
        fn clamp(self, x: [__m256; 2], bound: f32) -> [__m256; 2] {
            let low = both(x, self.splat(-bound), |x, b| self.avx._mm256_max_ps(x, b));
            both(low, self.splat(bound), |x, b| self.avx._mm256_min_ps(x, b))
        }
        #[inline(always)]
        fn scale_by_power(self, x: [__m256; 2], shifted: [__m256; 2]) -> [__m256; 2] {
            both(x, shifted, |x, shifted| {
                let power = self.avx2._mm256_slli_epi32::<23>(cast(shifted));
                cast(self.avx2._mm256_add_epi32(cast(x), power))
            })
        }
        #[inline(always)]
        fn widen(self, x: [__m256; 2], to: &mut [f64; LANES]) {
            let [a, b, c, d]: [__m128; 4] = cast(x);
            let wide = |x| self.avx._mm256_cvtps_pd(x);
            *to = cast([wide(a), wide(b), wide(c), wide(d)]);
        }
        #[inline(always)]
        fn less(self, a: [__m256; 2], b: [__m256; 2]) -> u16 {
            let [low, high] = both(a, b, |a, b| {
                self.avx
                    ._mm256_movemask_ps(self.avx._mm256_cmp_ps::<_CMP_LT_OQ>(a, b))
            });
            (low | high << 8) as u16
        }
        #[inline(always)]
        fn indicator(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            let one = self.avx._mm256_set1_ps(1.0);
            both(a, b, |a, b| {
                self.avx
                    ._mm256_and_ps(self.avx._mm256_cmp_ps::<_CMP_LT_OQ>(a, b), one)
            })
        }
        #[inline(always)]
        fn uniform(self, state: &mut NoiseState) -> [__m256; 2] {
            let features = self.avx2;
            let rotate = |x, left, right| {
                features._mm256_or_si256(
                    features._mm256_sll_epi64(x, left),
                    features._mm256_srl_epi64(x, right),
                )
            };
            let count = |bits| self.sse2._mm_cvtsi32_si128(bits);
            let xor = |a, b| features._mm256_xor_si256(a, b);
            let mut state_of: [[__m256i; 2]; 4] = cast(*state);
            let mut uniforms = [self.avx._mm256_setzero_ps(); 2];
            for half in 0..2 {
                let [a, b, c, d] = [0, 1, 2, 3].map(|word: usize| state_of[word][half]);
                let sum = features._mm256_add_epi64(a, d);
                let words = features._mm256_add_epi64(rotate(sum, count(23), count(41)), a);
                let (c, d) = (xor(c, a), xor(d, b));
                state_of[0][half] = xor(a, d);
                state_of[1][half] = xor(b, c);
                state_of[2][half] = xor(c, features._mm256_slli_epi64::<17>(b));
                state_of[3][half] = rotate(d, count(45), count(19));
                let one = self.avx._mm256_set1_epi32(ONE as i32);
                let bits = features._mm256_or_si256(features._mm256_srli_epi32::<9>(words), one);
                let centre = self.avx._mm256_set1_ps(CENTRE);
                uniforms[half] = self.avx._mm256_sub_ps(cast(bits), centre);
            }
            *state = cast(state_of);
            uniforms
        }

        #[inline(always)]
        fn load_doubles(self, from: &Eight) -> [__m256d; 2] {
            cast(from.0)
        }
        #[inline(always)]
        fn store_doubles(self, x: [__m256d; 2], to: &mut Eight) {
            to.0 = cast(x);
        }
        #[inline(always)]
        fn splat_double(self, x: f64) -> [__m256d; 2] {
            [self.avx._mm256_set1_pd(x); 2]
        }
        #[inline(always)]
        fn multiply_doubles(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
            both(a, b, |a, b| self.avx._mm256_mul_pd(a, b))
        }
        #[inline(always)]
        fn divide_doubles(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
            both(a, b, |a, b| self.avx._mm256_div_pd(a, b))
        }
        #[inline(always)]
        fn fused_doubles(self, a: [__m256d; 2], b: [__m256d; 2], c: [__m256d; 2]) -> [__m256d; 2] {
            [
                self.fma._mm256_fmadd_pd(a[0], b[0], c[0]),
                self.fma._mm256_fmadd_pd(a[1], b[1], c[1]),
            ]
        }
    }
}
