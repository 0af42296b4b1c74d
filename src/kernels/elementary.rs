//! Exponentials, sigmoids and draws.

use super::registers::Registers;
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

/// Coefficients of f^0 .. f^5: the polynomial nearest to 2^f on |f| <= 1/2 in relative error, 7.5e-8.
const POWER_OF_TWO: [f32; 6] = [1.000_000_1, 0.693_146_94, 0.240_221_2, 0.055_507_13, 0.009_675_541, 0.001_327_647_2];

/// 2^t in single precision, t brought into [-126, 126]; relative error below 3e-7.
#[inline(always)]
pub fn power_of_two<R: Registers>(registers: R, t: R::Floats) -> R::Floats {
    // Adding 1.5 2^23 rounds to the nearest integer and leaves it in the low bits.
    let round = registers.splat(12_582_912.0);
    let t = registers.clamp(t, 126.0);
    let shifted = registers.add(t, round);
    let f = registers.subtract(t, registers.subtract(shifted, round));
    let mut series = registers.splat(POWER_OF_TWO[5]);
    for coefficient in POWER_OF_TWO[..5].iter().rev() {
        series = registers.fused(series, f, registers.splat(*coefficient));
    }
    registers.scale_by_power(series, shifted)
}

/// Coefficients of f^0 .. f^11 in 2^f, (ln 2)^n / n!: what they leave is 6e-15 on |f| <= 1/2.
const POWER_OF_TWO_DOUBLE: [f64; 12] = {
    let mut series = [1.0; 12];
    let mut n = 1;
    while n < 12 {
        series[n] = series[n - 1] * std::f64::consts::LN_2 / n as f64;
        n += 1;
    }
    series
};

/// 2^t in double precision for t <= 0, t brought to at least -1000; relative error below 1e-14 + 1e-16 |t|.
#[inline(always)]
pub fn power_of_two_double<R: Registers>(registers: R, t: R::Doubles) -> R::Doubles {
    // Adding 1.5 2^52 rounds to the nearest integer and leaves it in the low bits.
    let round = registers.splat_double(6_755_399_441_055_744.0);
    let t = registers.larger_double(t, registers.splat_double(-1000.0));
    let shifted = registers.add_doubles(t, round);
    let f = registers.subtract_doubles(t, registers.subtract_doubles(shifted, round));
    let mut series = registers.splat_double(POWER_OF_TWO_DOUBLE[11]);
    for coefficient in POWER_OF_TWO_DOUBLE[..11].iter().rev() {
        series = registers.fused_doubles(series, f, registers.splat_double(*coefficient));
    }
    registers.scale_double_by_power(series, shifted)
}

/// What an input is multiplied by on its way to [`draw`] and [`sigmoid`]: -beta log2(e).
pub fn input_scale(beta: f64) -> f32 {
    (-beta * LOG2_E) as f32
}

/// For a unit with input x: a number that is below 1 with probability sigmoid(beta x), u uniform. It is
/// u (1 + e^{-beta x}), so that no division is needed.
#[inline(always)]
pub fn draw<R: Registers>(registers: R, x: R::Floats, scale: f32, u: R::Floats) -> R::Floats {
    let t = registers.multiply(x, registers.splat(scale));
    registers.fused(u, power_of_two(registers, t), u)
}

/// sigmoid(beta x), relative error below 1e-6.
#[inline(always)]
pub fn sigmoid<R: Registers>(registers: R, x: R::Floats, scale: f32) -> R::Floats {
    let one = registers.splat(1.0);
    let t = registers.multiply(x, registers.splat(scale));
    registers.divide(one, registers.add(one, power_of_two(registers, t)))
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
    use crate::kernels::level::{Level, VectorKernel};
    use crate::kernels::registers::{Eight, Sixteen};

    #[test]
    fn exponentials_agree_with_the_library() {
        for k in 0..2_000_000 {
            let x = -f64::from(k) * 3.6e-4;
            let exact = x.exp();
            assert!((exp_of_negative(x) - exact).abs() <= 4e-16 * exact + 1e-307, "x = {x}");
        }
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert_eq!(exp_of_negative(-1e308), 0.0);
        assert_eq!(exp_of_negative(f64::NEG_INFINITY), 0.0);
        assert!((LN_2_HIGH + LN_2_LOW - std::f64::consts::LN_2).abs() < 1e-30);
    }

    /// Sigmoids, and where the draw changes its mind, against the library: at 16 inputs in turn, with the
    /// uniform number just below and just above the probability.
    struct Check(Vec<Sixteen>);

    impl VectorKernel for Check {
        type Output = ();

        #[inline(always)]
        fn call<R: Registers>(self, registers: R) {
            for inputs in &self.0 {
                let scale = input_scale(1.0);
                let mut found = Sixteen::ZERO;
                let x = registers.load(inputs);
                registers.store(sigmoid(registers, x, scale), &mut found);
                let exact = inputs.0.map(|x| 1.0 / (1.0 + (-f64::from(x)).exp()));
                for ((x, found), exact) in inputs.0.iter().zip(found.0).zip(exact) {
                    let error = f64::from(found) - exact;
                    // Rounding x log2(e) moves the exponential by up to 2^-24 |x|.
                    let allowed = (4e-7 + 6e-8 * f64::from(x.abs())) * exact;
                    assert!(x.abs() > 87.0 || error.abs() <= allowed, "x = {x}: {found}");
                }
                for (factor, expected) in [(1.0 - 2e-6, u16::MAX), (1.0 + 2e-6, 0)] {
                    let u = Sixteen(exact.map(|p| (p * factor) as f32));
                    let score = draw(registers, x, scale, registers.load(&u));
                    let drawn = registers.less(score, registers.splat(1.0));
                    assert_eq!(drawn, expected, "{inputs:?}");
                    let mut ones = Sixteen::ZERO;
                    let indicator = registers.indicator(score, registers.splat(1.0));
                    registers.store(indicator, &mut ones);
                    assert_eq!(ones.0, [f32::from(u8::from(expected != 0)); 16]);
                }
            }
        }
    }

    #[test]
    fn sigmoids_and_draws_agree_with_the_library() {
        let input = |k: usize| Sixteen(std::array::from_fn(|l| (16 * k + l) as f32 * 1e-4 - 20.0));
        Level::get().run_with(Check((0..20_000).map(input).collect()));
    }

    struct Powers(Vec<[f64; 8]>);

    impl VectorKernel for Powers {
        type Output = ();

        #[inline(always)]
        fn call<R: Registers>(self, registers: R) {
            for t in self.0 {
                let mut found = Eight::ZERO;
                let x = registers.load_doubles(&Eight(t));
                registers.store_doubles(power_of_two_double(registers, x), &mut found);
                for (t, found) in t.iter().zip(found.0) {
                    let exact = t.max(-1000.0).exp2();
                    assert!((found / exact - 1.0).abs() < 2e-14, "2^{t} is {exact}, not {found}");
                }
            }
        }
    }

    #[test]
    fn powers_of_two_agree_with_the_library() {
        let at = |k: usize| std::array::from_fn(|l| -((8 * k + l) as f64) * 5.3e-3);
        Level::get().run_with(Powers((0..30_000).map(at).collect()));
    }

    struct Extremes;

    impl VectorKernel for Extremes {
        type Output = ();

        #[inline(always)]
        fn call<R: Registers>(self, registers: R) {
            let least = 0.5 / 8_388_608.0;
            for (x, expected) in [(1e30, u16::MAX), (-1e30, 0), (88.0, u16::MAX), (-88.0, 0)] {
                for u in [least, 0.5, 1.0 - least] {
                    let (x, u) = (registers.splat(x), registers.splat(u));
                    let score = draw(registers, x, input_scale(1.0), u);
                    assert_eq!(registers.less(score, registers.splat(1.0)), expected);
                }
            }
        }
    }

    #[test]
    fn draws_at_extreme_inputs_never_disobey() {
        Level::get().run_with(Extremes);
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
