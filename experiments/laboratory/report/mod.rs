//! Files that a run leaves, and how figures are drawn. Knows records, not models.

pub mod dot_chart;
pub mod figure;
pub mod file;
pub mod look;
pub mod matrices;
pub mod stacked_bars;
pub mod tiles;

mod canvas;
