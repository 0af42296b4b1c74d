//! # The files of gibbsite
//!
//! Machines, configurations and checkpoints on disk, in formats that other programs read. What is read is checked before it is
//! believed: nothing is allocated on a header's word, and what is wrong is named with its file, its place and the mend. What is
//! written is whole or absent, whatever stops the writer.
//!
//! | module | what is there |
//! |---|---|
//! | [`model`] | machines: safetensors with `weights`, `visible_bias`, `hidden_bias` |
//! | [`data`] | configurations: text, .npy, read in one pass into bits |
//! | [`numbers`] | tables of real numbers: .npy |
//! | [`couplings`] | Ising models as lists of couplings and fields |
//! | [`checkpoint`] | what a run has become, with a checksum; the one before is kept |
//! | [`write`](mod@write) | every operation on disk that changes something, so that each can be made to fail |
//! | [`source`] | files and standard input |
//! | [`error`] | what can be wrong with a file |
//! | [`idx`] | images and labels, as the MNIST database has them |

#![warn(missing_docs, missing_debug_implementations)]

pub mod checkpoint;
pub mod couplings;
pub mod data;
pub mod error;
pub mod idx;
pub mod model;
pub mod numbers;
pub mod source;
pub mod write;
