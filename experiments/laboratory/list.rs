//! Comma-separated lists as option values.

use serde::{Serialize, Serializer};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// A list such as `1,4,16`: not empty, no value twice.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(Vec<T>);

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: FromStr + PartialEq> FromStr for List<T>
where
    T::Err: fmt::Display,
{
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut list = Vec::new();
        for word in text.split(',').map(str::trim) {
            if word.is_empty() {
                return Err("an entry of the list is empty; write values with commas between".into());
            }
            let value = word.parse().map_err(|reason| format!("`{word}`: {reason}"))?;
            if list.contains(&value) {
                return Err(format!("`{word}` stands there twice; name each value once"));
            }
            list.push(value);
        }
        Ok(Self(list))
    }
}

impl<T: fmt::Display> fmt::Display for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(T::to_string).collect();
        f.write_str(&words.join(","))
    }
}

impl<T: fmt::Display> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_written() {
        let list: List<usize> = "1, 4,16".parse().unwrap();
        assert_eq!(&list[..], [1, 4, 16]);
        assert_eq!(list.to_string(), "1,4,16");
        for text in ["", ",", "1,", "1,x", "1,1", "-1", "1;2"] {
            assert!(text.parse::<List<usize>>().is_err(), "{text}");
        }
    }
}
