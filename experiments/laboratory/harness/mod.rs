//! What every experiment shares: common options, presets, a resumable sweep, exit codes.

pub mod expectation;
pub mod options;
pub mod sweep;
