//! # The files of gibbsite
//!
//! Machines, configurations and checkpoints on disk, in formats that other programs read. What is read is checked before it is
//! believed: nothing is allocated on a header's word, and what is wrong is named with its file, its place and the mend.
//!
//! | module | what is there |
//! |---|---|
//! | [`error`] | what can be wrong with a file |
//! | [`idx`] | images and labels, as the MNIST database has them |

#![warn(missing_docs, missing_debug_implementations)]

pub mod error;
pub mod idx;
