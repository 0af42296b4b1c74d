//! The laboratory: what every experiment of gibbsite shares.
//!
//! An experiment is a struct of options that implements [`experiment::Experiment`]: its cells, what is measured in each, and
//! the figures and tables that answer its question. Everything else follows: the command line with presets and --help, a
//! sweep in parallel whose finished cells are kept, rows.csv with documented columns, run.json, progress with time left.
//!
//! To add one: write `experiments/NAME/main.rs` (`gradient_bias` is a short example) with `laboratory::main!(Name);` at its end,
//! which is its main function and the test of its contract; give it a `[[bin]]` in `experiments/Cargo.toml`, a page
//! `experiments/NAME/README.md` with the table that `--columns` prints, and an entry in the README's gallery; and keep what its
//! quick run finds ([`digest`]).
//!
//! | module | what is there |
//! |---|---|
//! | [`experiment`] | the trait, and the main function |
//! | [`contract`] | what every experiment must keep, tested by the macro `main!` |
//! | [`groups`] | options that several experiments share: target, training |
//! | [`learning`] | all of them together, for machines that learn Ising models |
//! | [`options`], [`list`], [`value`], [`choices`] | common options, presets, lists, numbers with their bounds, names (`choice!`) |
//! | [`digest`], [`plan`] | what small runs find, and what runs would do, kept so that a change is seen |
//! | [`record`] | structs as columns of tables |
//! | [`sweep`], [`lab`], [`progress`] | cells on disk; seeds, shared things and further tables for one cell; time left |
//! | [`rows`], [`plot`], [`looks`], [`table`] | rows by key functions: groups, figures with their colours, tables |
//! | [`lock`] | one run at a time in one place |
//! | [`publication`] | the files of a run, put in place together |
//! | [`report`] | drawing, files |
//! | [`error`] | what can go wrong |

#![warn(missing_docs)]

pub mod choices;
pub mod contract;
pub mod digest;
pub mod error;
pub mod experiment;
pub mod groups;
pub mod lab;
pub mod learning;
pub mod list;
pub mod lock;
pub mod looks;
pub mod options;
pub mod plan;
pub mod plot;
pub mod prelude;
pub mod progress;
pub mod publication;
pub mod record;
pub mod report;
pub mod rows;
pub mod sweep;
pub mod table;
#[cfg(test)]
mod toy;
pub mod value;
