//! Files that a run leaves: tidy rows, figures, and the run's manifest. Knows records, not models.

pub mod bar_chart;
pub mod figure;
pub mod file;
pub mod manifest;
pub mod stacked_bars;

mod canvas;
