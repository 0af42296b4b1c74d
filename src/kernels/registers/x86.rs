//! The vector operations of x86-64 processors.

use super::{Bits512, CENTRE, Eight, LANES, NoiseState, ONE, Registers, Sixteen};
use pulp::cast;
use pulp::x86::{V3, V4};
use std::arch::x86_64::{__m128, __m256, __m256d, __m256i, __m512, __m512d, __m512i, _CMP_LT_OQ};

impl Registers for V4 {
    type Floats = __m512;
    type Doubles = __m512d;
    type Bits = __m512i;

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
        *to = cast([features._mm512_cvtps_pd(low), features._mm512_cvtps_pd(high)]);
    }
    #[inline(always)]
    fn less(self, a: __m512, b: __m512) -> u16 {
        self.avx512f._mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b)
    }
    #[inline(always)]
    fn indicator(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_maskz_mov_ps(self.less(a, b), self.splat(1.0))
    }
    #[inline(always)]
    fn uniform(self, state: &mut NoiseState) -> __m512 {
        let features = self.avx512f;
        let words = self.random_bits(state);
        let one = features._mm512_set1_epi32(ONE as i32);
        let bits = features._mm512_or_si512(features._mm512_srli_epi32::<9>(words), one);
        features._mm512_sub_ps(cast(bits), features._mm512_set1_ps(CENTRE))
    }

    #[inline(always)]
    fn doubles(self, x: __m512) -> [__m512d; 2] {
        let [low, high]: [__m256; 2] = cast(x);
        [low, high].map(|half| self.avx512f._mm512_cvtps_pd(half))
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
    fn add_doubles(self, a: __m512d, b: __m512d) -> __m512d {
        self.avx512f._mm512_add_pd(a, b)
    }
    #[inline(always)]
    fn subtract_doubles(self, a: __m512d, b: __m512d) -> __m512d {
        self.avx512f._mm512_sub_pd(a, b)
    }
    #[inline(always)]
    fn larger_double(self, a: __m512d, b: __m512d) -> __m512d {
        self.avx512f._mm512_max_pd(a, b)
    }
    #[inline(always)]
    fn scale_double_by_power(self, x: __m512d, shifted: __m512d) -> __m512d {
        let power = self.avx512f._mm512_slli_epi64::<52>(cast(shifted));
        cast(self.avx512f._mm512_add_epi64(cast(x), power))
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

    #[inline(always)]
    fn load_bits(self, from: &Bits512) -> __m512i {
        cast(from.0)
    }
    #[inline(always)]
    fn store_bits(self, x: __m512i, to: &mut Bits512) {
        to.0 = cast(x);
    }
    #[inline(always)]
    fn splat_bits(self, word: u64) -> __m512i {
        self.avx512f._mm512_set1_epi64(word as i64)
    }
    #[inline(always)]
    fn and(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_and_si512(a, b)
    }
    #[inline(always)]
    fn and_not(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_andnot_si512(b, a)
    }
    #[inline(always)]
    fn or(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_or_si512(a, b)
    }
    #[inline(always)]
    fn xor(self, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_xor_si512(a, b)
    }
    #[inline(always)]
    fn select(self, which: __m512i, a: __m512i, b: __m512i) -> __m512i {
        self.avx512f._mm512_ternarylogic_epi64::<0xca>(which, a, b)
    }
    #[inline(always)]
    fn less_bits(self, random: __m512i, threshold: __m512i, lower: __m512i) -> __m512i {
        self.avx512f._mm512_ternarylogic_epi64::<0x8e>(random, threshold, lower)
    }
    #[inline(always)]
    fn and_equal(self, a: __m512i, b: __m512i, c: __m512i) -> __m512i {
        self.avx512f._mm512_ternarylogic_epi64::<0x90>(a, b, c)
    }
    #[inline(always)]
    fn shift_right(self, x: __m512i, by: u32) -> __m512i {
        self.avx512f._mm512_srl_epi64(x, self.sse2._mm_cvtsi32_si128(by as i32))
    }
    #[inline(always)]
    fn shift_left(self, x: __m512i, by: u32) -> __m512i {
        self.avx512f._mm512_sll_epi64(x, self.sse2._mm_cvtsi32_si128(by as i32))
    }
    #[inline(always)]
    fn any(self, x: __m512i) -> bool {
        self.avx512f._mm512_test_epi64_mask(x, x) != 0
    }
    #[inline(always)]
    fn random_bits(self, state: &mut NoiseState) -> __m512i {
        let features = self.avx512f;
        let [a, b, c, d]: [__m512i; 4] = cast(*state);
        let sum = features._mm512_add_epi64(a, d);
        let words = features._mm512_add_epi64(features._mm512_rol_epi64::<23>(sum), a);
        let shifted = features._mm512_slli_epi64::<17>(b);
        // Sums of three by one operation.
        let xor = |a, b, c| features._mm512_ternarylogic_epi64::<0x96>(a, b, c);
        let last = features._mm512_rol_epi64::<45>(features._mm512_xor_si512(d, b));
        *state = cast([xor(a, d, b), xor(b, c, a), xor(c, a, shifted), last]);
        words
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
    type Bits = [__m256i; 2];

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
        [self.fma._mm256_fmadd_ps(a[0], b[0], c[0]), self.fma._mm256_fmadd_ps(a[1], b[1], c[1])]
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
        let [low, high] = both(a, b, |a, b| self.avx._mm256_movemask_ps(self.avx._mm256_cmp_ps::<_CMP_LT_OQ>(a, b)));
        (low | high << 8) as u16
    }
    #[inline(always)]
    fn indicator(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        let one = self.avx._mm256_set1_ps(1.0);
        both(a, b, |a, b| self.avx._mm256_and_ps(self.avx._mm256_cmp_ps::<_CMP_LT_OQ>(a, b), one))
    }
    #[inline(always)]
    fn uniform(self, state: &mut NoiseState) -> [__m256; 2] {
        let words = self.random_bits(state);
        let features = self.avx2;
        let one = self.avx._mm256_set1_epi32(ONE as i32);
        let centre = self.avx._mm256_set1_ps(CENTRE);
        let uniform = |words| {
            let bits = features._mm256_or_si256(features._mm256_srli_epi32::<9>(words), one);
            self.avx._mm256_sub_ps(cast(bits), centre)
        };
        [uniform(words[0]), uniform(words[1])]
    }

    #[inline(always)]
    fn doubles(self, x: [__m256; 2]) -> [[__m256d; 2]; 2] {
        let quarters: [[__m128; 2]; 2] = cast(x);
        quarters.map(|pair| pair.map(|quarter| self.avx._mm256_cvtps_pd(quarter)))
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
    fn add_doubles(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
        both(a, b, |a, b| self.avx._mm256_add_pd(a, b))
    }
    #[inline(always)]
    fn subtract_doubles(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
        both(a, b, |a, b| self.avx._mm256_sub_pd(a, b))
    }
    #[inline(always)]
    fn larger_double(self, a: [__m256d; 2], b: [__m256d; 2]) -> [__m256d; 2] {
        both(a, b, |a, b| self.avx._mm256_max_pd(a, b))
    }
    #[inline(always)]
    fn scale_double_by_power(self, x: [__m256d; 2], shifted: [__m256d; 2]) -> [__m256d; 2] {
        both(x, shifted, |x, shifted| {
            let power = self.avx2._mm256_slli_epi64::<52>(cast(shifted));
            cast(self.avx2._mm256_add_epi64(cast(x), power))
        })
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
        [self.fma._mm256_fmadd_pd(a[0], b[0], c[0]), self.fma._mm256_fmadd_pd(a[1], b[1], c[1])]
    }

    #[inline(always)]
    fn load_bits(self, from: &Bits512) -> [__m256i; 2] {
        cast(from.0)
    }
    #[inline(always)]
    fn store_bits(self, x: [__m256i; 2], to: &mut Bits512) {
        to.0 = cast(x);
    }
    #[inline(always)]
    fn splat_bits(self, word: u64) -> [__m256i; 2] {
        [self.avx._mm256_set1_epi64x(word as i64); 2]
    }
    #[inline(always)]
    fn and(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        both(a, b, |a, b| self.avx2._mm256_and_si256(a, b))
    }
    #[inline(always)]
    fn and_not(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        both(a, b, |a, b| self.avx2._mm256_andnot_si256(b, a))
    }
    #[inline(always)]
    fn or(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        both(a, b, |a, b| self.avx2._mm256_or_si256(a, b))
    }
    #[inline(always)]
    fn xor(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        both(a, b, |a, b| self.avx2._mm256_xor_si256(a, b))
    }
    #[inline(always)]
    fn select(self, which: [__m256i; 2], a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        self.or(self.and(which, a), self.and_not(b, which))
    }
    #[inline(always)]
    fn less_bits(self, random: [__m256i; 2], threshold: [__m256i; 2], lower: [__m256i; 2]) -> [__m256i; 2] {
        self.select(self.xor(random, threshold), threshold, lower)
    }
    #[inline(always)]
    fn and_equal(self, a: [__m256i; 2], b: [__m256i; 2], c: [__m256i; 2]) -> [__m256i; 2] {
        self.and_not(a, self.xor(b, c))
    }
    #[inline(always)]
    fn shift_right(self, x: [__m256i; 2], by: u32) -> [__m256i; 2] {
        let count = self.sse2._mm_cvtsi32_si128(by as i32);
        both(x, x, |x, _| self.avx2._mm256_srl_epi64(x, count))
    }
    #[inline(always)]
    fn shift_left(self, x: [__m256i; 2], by: u32) -> [__m256i; 2] {
        let count = self.sse2._mm_cvtsi32_si128(by as i32);
        both(x, x, |x, _| self.avx2._mm256_sll_epi64(x, count))
    }
    #[inline(always)]
    fn any(self, x: [__m256i; 2]) -> bool {
        let both = self.avx2._mm256_or_si256(x[0], x[1]);
        self.avx._mm256_testz_si256(both, both) == 0
    }
    #[inline(always)]
    fn random_bits(self, state: &mut NoiseState) -> [__m256i; 2] {
        let features = self.avx2;
        let rotate = |x, left, right| {
            features._mm256_or_si256(features._mm256_sll_epi64(x, left), features._mm256_srl_epi64(x, right))
        };
        let count = |bits| self.sse2._mm_cvtsi32_si128(bits);
        let xor = |a, b| features._mm256_xor_si256(a, b);
        let mut state_of: [[__m256i; 2]; 4] = cast(*state);
        let mut words = [self.avx._mm256_setzero_si256(); 2];
        for half in 0..2 {
            let [a, b, c, d] = [0, 1, 2, 3].map(|word: usize| state_of[word][half]);
            let sum = features._mm256_add_epi64(a, d);
            words[half] = features._mm256_add_epi64(rotate(sum, count(23), count(41)), a);
            let (c, d) = (xor(c, a), xor(d, b));
            state_of[0][half] = xor(a, d);
            state_of[1][half] = xor(b, c);
            state_of[2][half] = xor(c, features._mm256_slli_epi64::<17>(b));
            state_of[3][half] = rotate(d, count(45), count(19));
        }
        *state = cast(state_of);
        words
    }
}
