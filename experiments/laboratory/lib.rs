//! The laboratory: what every experiment of gibbsite shares.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod error;
pub mod harness;
pub mod report;
