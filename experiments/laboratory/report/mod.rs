//! Files that a run leaves, and how figures are drawn. Knows records, not models.

pub mod bar_chart;
pub mod figure;
pub mod file;
pub mod stacked_bars;
pub mod tiles;

mod canvas;
