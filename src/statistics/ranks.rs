//! Rank normalisation: any quantity made as if normal.

use statrs::distribution::{ContinuousCDF, Normal};

/// Each value's rank r of S, ties sharing their mean, as the normal quantile of (r - 3/8) / (S + 1/4) (Blom 1958; Vehtari,
/// Gelman, Simpson, Carpenter and Buerkner 2021, equation 14). Quantities without mean or variance can then be
/// compared like others. All values are 0 where all are equal.
pub fn rank_normalized(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
    let total = values.len() as f64;
    let normal = Normal::standard();
    let mut scores = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let value = values[order[first] as usize];
        let tied = order[first..].iter().take_while(|s| values[**s as usize] == value).count();
        // Ranks first + 1 to first + tied.
        let rank = first as f64 + 0.5 * (tied as f64 + 1.0);
        // A value that equals nothing, not even itself, is a tie of its own.
        let tied = tied.max(1);
        let score = normal.inverse_cdf((rank - 0.375) / (total + 0.25));
        for s in &order[first..first + tied] {
            scores[*s as usize] = score;
        }
        first += tied;
    }
    scores
}

/// |x - median|: chains that agree in their middle and not in their width differ in it (Vehtari et al. 2021, section 4).
pub fn folded(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    let middle = sorted.len() / 2;
    if sorted.is_empty() {
        return sorted;
    }
    let (_, median, _) = sorted.select_nth_unstable_by(middle, f64::total_cmp);
    let median = *median;
    values.iter().map(|x| (x - median).abs()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_become_normal_quantiles() {
        let scores = rank_normalized(&[3.0, -1e300, 1e9, 3.0]);
        // (r - 3/8) / 4.25 for r = 1, 2.5, 2.5, 4; quantiles from a table: Phi(-1.0491) = 0.14706.
        assert!((scores[1] + 1.049_131_397).abs() < 1e-6, "{scores:?}");
        assert!((scores[1] + scores[2]).abs() < 1e-12 && scores[0].abs() < 1e-12);
        assert_eq!(scores[0], scores[3]);
        assert!(rank_normalized(&[2.0; 5]).iter().all(|x| x.abs() < 1e-12));
        assert_eq!(rank_normalized(&[]), [0.0; 0]);
        assert_eq!(folded(&[1.0, 5.0, 2.0]), [1.0, 3.0, 0.0]);
        assert_eq!(folded(&[]), [0.0; 0]);
    }
}
