//! How the learning rate falls with the updates.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// The factor that the learning rate has after t updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decay {
    /// 1.
    None,
    /// e^{-t/T}.
    Exponential(f64),
    /// 1 / (1 + t/T) (Robbins and Monro 1951).
    Inverse(f64),
}

impl Decay {
    /// The factor after `updates` updates.
    pub fn factor(self, updates: u64) -> f64 {
        let t = updates as f64;
        match self {
            Decay::None => 1.0,
            Decay::Exponential(constant) => (-t / constant).exp(),
            Decay::Inverse(constant) => 1.0 / (1.0 + t / constant),
        }
    }
}

impl fmt::Display for Decay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decay::None => write!(f, "none"),
            Decay::Exponential(constant) => write!(f, "exponential:{constant}"),
            Decay::Inverse(constant) => write!(f, "inverse:{constant}"),
        }
    }
}

impl FromStr for Decay {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, constant) = text.split_once(':').unwrap_or((text, ""));
        let positive = || constant.parse().ok().filter(|t: &f64| *t > 0.0 && t.is_finite());
        match (kind, positive()) {
            ("none", _) if constant.is_empty() => Ok(Decay::None),
            ("exponential", Some(constant)) => Ok(Decay::Exponential(constant)),
            ("inverse", Some(constant)) => Ok(Decay::Inverse(constant)),
            _ => Err(Error::invalid(
                format!("decay {text}"),
                "there is no such decay",
                "write none, exponential:T or inverse:T with T > 0 in updates",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_follow_their_formulas() {
        let factor = |text: &str, t| text.parse::<Decay>().unwrap().factor(t);
        assert_eq!(factor("none", 1000), 1.0);
        assert!((factor("exponential:50", 100) - 0.135_335_283_236_612_7).abs() < 1e-15);
        assert_eq!(factor("inverse:50", 100), 1.0 / 3.0);
        for text in ["exponential", "inverse:0", "inverse:-1", "none:3", "linear:2", "exponential:nan"] {
            assert!(text.parse::<Decay>().is_err(), "{text}");
        }
    }
}
