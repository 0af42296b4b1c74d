//! Option values: numbers that are refused with their mend.

use serde::Serializer;
use std::fmt;
use std::str::FromStr;

/// A count of 1 or more, in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positive(pub usize);

impl fmt::Display for Positive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Positive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        at_least_one(text).map(Positive)
    }
}

/// A number above 0, in a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PositiveNumber(pub f64);

impl fmt::Display for PositiveNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PositiveNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        positive(text).map(PositiveNumber)
    }
}

/// A whole number of 1 or more.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (1..=1_000_000_000).contains(&number) => Ok(number),
        _ => Err("take a whole number from 1 to 1,000,000,000".to_string()),
    }
}

/// A whole number of 2 or more: one alone has no variance.
pub fn at_least_two(text: &str) -> Result<usize, String> {
    match at_least_one(text) {
        Ok(number) if number > 1 => Ok(number),
        _ => Err("take a whole number from 2 to 1,000,000,000".to_string()),
    }
}

fn number(text: &str, fits: impl Fn(f64) -> bool, mend: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(x) if f64::is_finite(x) && fits(x) => Ok(x),
        _ => Err(mend.to_string()),
    }
}

/// A number above 0.
pub fn positive(text: &str) -> Result<f64, String> {
    number(text, |x| x > 0.0, "take a number above 0")
}

/// A number of 0 or more.
pub fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |x| x >= 0.0, "take 0 or a number above it")
}

/// A finite number.
pub fn finite(text: &str) -> Result<f64, String> {
    // Adding 0 makes -0 a 0, which names the same model.
    number(text, |_| true, "take a finite number").map(|x| x + 0.0)
}

/// A number of 0 or more, below 1.
pub fn share(text: &str) -> Result<f64, String> {
    number(text, |x| (0.0..1.0).contains(&x), "take 0 or more, below 1")
}

/// Serialises a value as it is displayed.
pub fn as_text<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// A field that is serialised as it is displayed and read by parsing: `#[serde(with = "text")]`.
pub mod text {
    pub use super::as_text as serialize;
    use serde::{Deserialize, Deserializer, de::Error};
    use std::fmt::Display;
    use std::str::FromStr;

    /// Parses the text of a value.
    pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
