//! Bennett's acceptance ratio: the difference of two ln Z from draws of both laws.

use crate::numerics::sigmoid;
use crate::statistics::jackknife::left_out_error;

/// sum_{x ~ b} sigmoid(C - d) - sum_{x ~ a} sigmoid(d - C), and its derivative: the first rises with C, and vanishes at
/// Bennett's.
pub fn imbalance(onward: &[f64], back: &[f64], c: f64) -> [f64; 2] {
    let (mut value, mut slope) = (0.0, 0.0);
    for d in onward {
        let p = sigmoid(d - c);
        value -= p;
        slope += p * (1.0 - p);
    }
    for d in back {
        let p = sigmoid(c - d);
        value += p;
        slope += p * (1.0 - p);
    }
    [value, slope]
}

/// Where a rising function that gives its value and its slope is 0, by Newton's method from `start`, kept between `low` and
/// `high`. Of a sum of sigmoids the second derivative is never larger than the first, so that the error after a step of
/// length h is at most about h^2.
pub fn balance(imbalance: impl Fn(f64) -> [f64; 2], start: f64, mut low: f64, mut high: f64) -> f64 {
    let mut c = start.max(low).min(high);
    for _ in 0..200 {
        let [value, slope] = imbalance(c);
        if value > 0.0 {
            high = c;
        } else {
            low = c;
        }
        let newton = c - value / slope;
        let inside = newton > low && newton < high;
        let next = if inside { newton } else { 0.5 * (low + high) };
        let step = (next - c).abs();
        c = next;
        if step <= 1e-13 * (1.0 + c.abs()) || (inside && step <= 1e-7) {
            break;
        }
    }
    c
}

/// The smallest and the largest of all numbers.
pub fn range<'a>(numbers: impl Iterator<Item = &'a f64>) -> (f64, f64) {
    numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), d| (low.min(*d), high.max(*d)))
}

/// ln Z from the log weights of annealing both ways.
pub struct FromBothSides {
    /// ln Z.
    pub value: f64,
    /// Its jackknife error over the forward and over the reverse chains; `None` with fewer than two of either.
    pub standard_error: Option<f64>,
    /// Draws that both sides share.
    pub shared: f64,
}

/// C = ln Z solves sum_{forward} sigmoid(ln w - C - M) = sum_{reverse} sigmoid(C + M - ln w'), M = ln(N_F / N_R), for
/// which Crooks's relation P_R(w) / P_F(w) = w / Z between the laws of the weights is enough (Crooks 2000, Bennett 1976;
/// it is the likeliest value: Shirts, Bair, Hooker and Pande 2003, equation 8).
///
/// Shared draws are 2 sum_{forward} sigmoid(ln w - C - M): 2 / (1 / N_F + 1 / N_R) where no weight varies, N of N each, and
/// none where the weights of both ways do not overlap.
///
/// The jackknife takes one step of Newton's without each chain in turn, with M as it is then, so that weights which do not
/// vary leave no error.
pub fn from_both_sides(forward: &[f64], reverse: &[f64]) -> FromBothSides {
    let (f, r) = (forward.len() as f64, reverse.len() as f64);
    let unequal = (f / r).ln();
    let (low, high) = range(forward.iter().chain(reverse));
    let (low, high) = (low - unequal.abs(), high + unequal.abs());
    let shifted = balance(|c| imbalance(forward, reverse, c), 0.5 * (low + high), low, high);
    let value = shifted - unequal;
    // So much less is ln Z without a chain whose part of the imbalance and its slope is given.
    let without = |all: [f64; 2], part: [f64; 2]| {
        let slope = all[1] - part[1];
        if slope > 0.0 { (all[0] - part[0]) / slope } else { 0.0 }
    };
    let c = shifted + ((f - 1.0) / f).ln();
    let all = imbalance(forward, reverse, c);
    let forward_error =
        left_out_error(&forward.iter().map(|d| without(all, imbalance(&[*d], &[], c))).collect::<Vec<f64>>());
    let c = shifted - ((r - 1.0) / r).ln();
    let all = imbalance(forward, reverse, c);
    let reverse_error =
        left_out_error(&reverse.iter().map(|d| without(all, imbalance(&[], &[*d], c))).collect::<Vec<f64>>());
    let share = |d: &f64| sigmoid(d - shifted);
    FromBothSides {
        value,
        standard_error: forward_error.zip(reverse_error).map(|(forward, reverse)| forward.hypot(reverse)),
        shared: 2.0 * forward.iter().map(share).sum::<f64>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use rand_distr::{Distribution, Normal};

    /// Normal log weights that keep Crooks's relation: N(-s^2/2, s^2) forward and N(s^2/2, s^2) reverse have ln Z = 0.
    /// For every pair of numbers the mean square of value / error is 1 over 2,000 repetitions, and 0 is the mean.
    #[test]
    fn normal_weights_give_their_ln_z_with_an_honest_error() {
        for (f, r, s) in [(100, 100, 1.0), (40, 160, 0.5), (200, 50, 1.5)] {
            let mut generator = Seed::root(1).child("weights", f).generator();
            let mut draw = |count: u64, mean: f64| -> Vec<f64> {
                let law = Normal::new(7.0 + mean, s).unwrap();
                (0..count).map(|_| law.sample(&mut generator)).collect()
            };
            let z: Vec<f64> = (0..2000)
                .map(|_| {
                    let (forward, reverse) = (draw(f, -s * s / 2.0), draw(r, s * s / 2.0));
                    let found = from_both_sides(&forward, &reverse);
                    (found.value - 7.0) / found.standard_error.unwrap()
                })
                .collect();
            let mean = z.iter().sum::<f64>() / 2000.0;
            let squares = z.iter().map(|z| z * z).sum::<f64>() / 2000.0;
            assert!(mean.abs() < 4.9 / 2000_f64.sqrt(), "{f}, {r}: {mean}");
            // The mean square of 2,000 is known to 3 per cent, and a jackknife of 50 chains to a few.
            assert!((squares - 1.0).abs() < 0.18, "{f}, {r}: {squares}");
        }
    }

    #[test]
    fn weights_that_do_not_vary_leave_no_error_and_share_half_of_all_draws() {
        for (f, r) in [(100, 100), (30, 70)] {
            let found = from_both_sides(&vec![5.0; f], &vec![5.0; r]);
            assert!((found.value - 5.0).abs() < 1e-12);
            assert!(found.standard_error.unwrap() < 1e-12);
            let shared = 2.0 / (1.0 / f as f64 + 1.0 / r as f64);
            assert!((found.shared - shared).abs() < 1e-9, "{}", found.shared);
        }
        // Far apart: nothing is shared, and the value lies between.
        let far = from_both_sides(&[-50.0; 10], &[50.0; 10]);
        assert!(far.shared < 1e-9 && far.value.abs() <= 50.0);
        assert_eq!(from_both_sides(&[1.0], &[1.0, 2.0]).standard_error, None);
    }

    /// A tenth of the reverse chains come from where no forward chain gets: ln Z = ln(10/9), with the error of a share of
    /// 10 in 100, sqrt(0.1 x 0.9 / 100) / 0.9.
    #[test]
    fn what_only_the_reverse_chains_have_seen_counts() {
        let mut reverse = vec![0.0; 90];
        reverse.extend([60.0; 10]);
        let found = from_both_sides(&[0.0; 100], &reverse);
        assert!((found.value - (10.0_f64 / 9.0).ln()).abs() < 1e-12);
        let error = found.standard_error.unwrap();
        assert!((error / (0.03 / 0.9) - 1.0).abs() < 0.02, "{error}");
    }

    /// Against leaving a chain out and solving anew with the numbers of chains that are left: the errors of 101 sets of
    /// two and eight chains, eight and two, and four and four have a median deviation below 2 %. With the numbers of
    /// all chains, from which the balance of one of two is far, it would be 7 % where they are unequal.
    #[test]
    fn the_jackknife_is_what_is_left_without_each_chain() {
        let without = |rows: &[f64], value: &dyn Fn(&[f64]) -> f64| {
            let left = (0..rows.len()).map(|k| value(&[&rows[..k], &rows[k + 1..]].concat()));
            left_out_error(&left.collect::<Vec<f64>>()).unwrap()
        };
        for (f, r) in [(2, 8), (8, 2), (4, 4)] {
            let mut generator = Seed::root(2).child("few", f).generator();
            let mut draw = |count: u64, mean: f64| -> Vec<f64> {
                let law = Normal::new(mean, 0.5).unwrap();
                (0..count).map(|_| law.sample(&mut generator)).collect()
            };
            let mut deviations: Vec<f64> = (0..101)
                .map(|_| {
                    let (forward, reverse) = (draw(f, -0.125), draw(r, 0.125));
                    let first = without(&forward, &|rest| from_both_sides(rest, &reverse).value);
                    let second = without(&reverse, &|rest| from_both_sides(&forward, rest).value);
                    let error = from_both_sides(&forward, &reverse).standard_error.unwrap();
                    (error / first.hypot(second) - 1.0).abs()
                })
                .collect();
            deviations.sort_unstable_by(f64::total_cmp);
            assert!(deviations[50] < 0.02, "{f}, {r}: {}", deviations[50]);
        }
    }
}
