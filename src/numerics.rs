//! The three functions that every formula here needs, safe at any argument.

/// ln(1 + e^x), without overflow for large x or lost digits for small x.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// 1 / (1 + e^-x), to full relative precision in both tails.
pub fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// ln sum_k e^{x_k}; -inf for an empty sum or one of -inf alone, +inf where any term is +inf.
pub fn log_sum_exp(x: &[f64]) -> f64 {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest.is_infinite() {
        return largest;
    }
    largest + x.iter().map(|x| (x - largest).exp()).sum::<f64>().ln()
}
