//! The exponential over slices, in loops that vectorise, and the draw of a layer's bits.

use std::f64::consts::LOG2_E;

/// 1/n! for n = 13 down to 0: Taylor's series leaves 4e-18 on |r| <= ln 2 / 2.
const INVERSE_FACTORIALS: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// The upper bits of ln 2, so that k times it is exact for |k| < 2^11, and what they leave.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fefa_3800);
const LN_2_LOW: f64 = 5.497_923_018_708_371e-14;

/// e^x for x <= 0, relative error below 4e-16; 0 below -708 (where e^x < 4e-308).
#[inline(always)]
pub fn exp_of_negative(x: f64) -> f64 {
    // Adding 1.5 2^52 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let clamped = x.max(-708.0);
    let shifted = clamped * LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (clamped - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut series = INVERSE_FACTORIALS[0];
    for coefficient in &INVERSE_FACTORIALS[1..] {
        series = series * r + coefficient;
    }
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    // Not a branch: a multiplication by 0 or 1.
    let keep = f64::from(u8::from(x >= -708.0));
    series * power * keep
}

/// e^x in single precision for |x| <= 87, relative error below 3e-7.
#[inline(always)]
pub fn exp_f32(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let mut series = 1.0 / 5_040.0_f32;
    for coefficient in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        series = series * r + coefficient;
    }
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    series * power
}

/// Replaces every input x by its sigmoid 1 / (1 + e^-x), relative error below 1e-15.
#[inline(always)]
pub fn sigmoid_in_place(inputs: &mut [f64]) {
    for x in inputs {
        let e = exp_of_negative(-x.abs());
        let numerator = if *x >= 0.0 { 1.0 } else { e };
        *x = numerator / (1.0 + e);
    }
}

/// Single-precision numbers that are worked on together: a register of 512 bits.
pub const LANES: usize = 16;

/// Whether a unit with input x is 1, given a uniform number: u < sigmoid(x), written
/// u (1 + e^-x) < 1, which needs no division.
#[inline(always)]
pub fn draw(x: f32, u: f32) -> bool {
    u * (1.0 + exp_f32((-x).clamp(-87.0, 87.0))) < 1.0
}

/// Draws unit j with `P(1) = sigmoid(inputs[j])`: bit j of `out`. Both slices have the same length, a
/// multiple of [`LANES`]; what the padding draws is for the caller to mask.
#[inline(always)]
pub fn draw_bits(inputs: &[f32], uniforms: &[f32], out: &mut [u64]) {
    out.fill(0);
    let groups = inputs.chunks_exact(LANES).zip(uniforms.chunks_exact(LANES));
    for (group, (inputs, uniforms)) in groups.enumerate() {
        let mut bits = 0_u32;
        for (j, (x, u)) in inputs.iter().zip(uniforms).enumerate() {
            bits |= u32::from(draw(*x, *u)) << j;
        }
        out[group * LANES / 64] |= u64::from(bits) << (group * LANES % 64);
    }
}

/// `a[s + 2^i] = a[s] + steps[i]`: the sums over the set bits of s = 0 .. 2^steps.len() - 1,
/// starting from `base` at s = 0.
#[inline(always)]
pub fn sums_over_set_bits(base: f64, steps: impl Iterator<Item = f64>, out: &mut [f64]) {
    out[0] = base;
    let mut filled = 1;
    for step in steps {
        let (known, new) = out[..2 * filled].split_at_mut(filled);
        for (new, known) in new.iter_mut().zip(known) {
            *new = *known + step;
        }
        filled *= 2;
    }
}

/// The total of `y` (2^bits values), and for each bit i the sum of the `y[s]` with bit i of s set,
/// passed to `add(i, sum)`. `y` is folded in place and lost.
#[inline(always)]
pub fn fold_over_set_bits(y: &mut [f64], mut add: impl FnMut(usize, f64)) -> f64 {
    let mut length = y.len();
    while length > 1 {
        length /= 2;
        let (lower, upper) = y[..2 * length].split_at_mut(length);
        let mut sum = 0.0;
        for (lower, upper) in lower.iter_mut().zip(upper) {
            sum += *upper;
            *lower += *upper;
        }
        add(length.trailing_zeros() as usize, sum);
    }
    y[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_agree_with_the_library() {
        for k in 0..2_000_000 {
            let x = -f64::from(k) * 3.6e-4;
            let exact = x.exp();
            assert!(
                (exp_of_negative(x) - exact).abs() <= 4e-16 * exact + 1e-307,
                "x = {x}"
            );
            let x = (f64::from(k) * 8.7e-5 - 87.0) as f32;
            let exact = f64::from(x).exp();
            assert!(
                (f64::from(exp_f32(x)) - exact).abs() <= 3e-7 * exact,
                "x = {x}"
            );
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert_eq!(exp_of_negative(-1e308), 0.0);
        assert_eq!(exp_of_negative(f64::NEG_INFINITY), 0.0);
        assert!((LN_2_HIGH + LN_2_LOW - std::f64::consts::LN_2).abs() < 1e-30);
    }

    #[test]
    fn draws_at_extreme_inputs_never_disobey() {
        let mut uniforms = vec![0.0_f32; 128];
        crate::random::fill_uniform_f32(
            &mut crate::random::Seed::root(2).generator(),
            &mut uniforms,
        );
        uniforms[0] = 0.5 / 8_388_608.0;
        uniforms[1] = 1.0 - 0.5 / 8_388_608.0;
        for (x, expected) in [
            (1e30_f32, u64::MAX),
            (-1e30, 0),
            (88.0, u64::MAX),
            (-88.0, 0),
        ] {
            let mut out = [7; 2];
            draw_bits(&[x; 128], &uniforms, &mut out);
            assert_eq!(out, [expected; 2], "x = {x}");
        }
    }

    #[test]
    fn sums_over_set_bits_are_what_they_say() {
        let steps = [0.5, -2.0, 8.0, 3.25];
        let sum = |s: usize| -> f64 { (0..4).filter(|i| s >> i & 1 == 1).map(|i| steps[i]).sum() };
        let mut out = [0.0; 16];
        sums_over_set_bits(100.0, steps.into_iter(), &mut out);
        let mut y = out;
        let mut folded = [0.0; 4];
        let total = fold_over_set_bits(&mut y, |i, sum| folded[i] = sum);
        for (s, x) in out.iter().enumerate() {
            assert_eq!(*x, 100.0 + sum(s));
        }
        assert_eq!(total, out.iter().sum::<f64>());
        for (i, folded) in folded.iter().enumerate() {
            let expected: f64 = (0..16).filter(|s| s >> i & 1 == 1).map(|s| out[s]).sum();
            assert_eq!(*folded, expected);
        }
    }
}
