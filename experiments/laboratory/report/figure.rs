//! Figures: panels of series over shared axes, with one legend outside them.

use super::canvas;
use crate::error::Result;
use std::path::Path;

/// A figure of equal panels.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What the figure shows, in a line.
    pub title: String,
    /// How to read it, in a smaller line below.
    pub subtitle: String,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// Panels a row.
    pub columns: usize,
    /// The horizontal axis, the same for all panels.
    pub x: Axis,
    /// The vertical axis, the same for all panels that have none of their own.
    pub y: Axis,
}

/// One set of axes.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    /// What is special about this panel.
    pub title: String,
    /// Estimates.
    pub series: Vec<Series>,
    /// Exact values: horizontal lines.
    pub levels: Vec<Level>,
    /// A vertical axis of its own, for panels that show different quantities.
    pub y: Option<Axis>,
}

/// An axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// Whether it is logarithmic.
    pub log: bool,
    /// Where ticks stand; computed where empty.
    pub ticks: Vec<f64>,
}

/// A line through points.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend; the same name has the same look in every panel.
    pub label: String,
    /// Which colour and marker.
    pub look: usize,
    /// How the points are shown.
    pub mark: Mark,
    /// The points, in order.
    pub points: Vec<Point>,
}

/// How a series' points and their ranges are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A line, with a band from `low` to `high`.
    Band,
    /// A line with markers, and bars from `low` to `high`.
    Bars,
    /// Markers with bars from `low` to `high`, and no line.
    Points,
    /// Small markers with bars, and no line: a cloud of estimates.
    Dots,
}

/// A value with its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Position on the horizontal axis.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// Lower end of its range.
    pub low: f64,
    /// Upper end of its range.
    pub high: f64,
}

/// An exact value, drawn as a dashed line between two positions of the horizontal axis.
#[derive(Clone, Debug)]
pub struct Level {
    /// Its name in the legend.
    pub label: String,
    /// The value.
    pub y: f64,
    /// Where the line begins and ends; across the panel where `None`.
    pub span: Option<(f64, f64)>,
}

impl Figure {
    /// Draws `NAME.png` and `NAME.svg` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        canvas::write(self, folder, name)
    }
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), log: false, ticks: Vec::new() }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self { log: true, ..Self::linear(label) }
    }

    /// The same axis with ticks at these values.
    #[must_use]
    pub fn with_ticks(mut self, ticks: Vec<f64>) -> Self {
        self.ticks = ticks;
        self
    }

    /// The position of a value: itself, or its decimal logarithm.
    pub(super) fn position(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    /// The value at a position.
    pub(super) fn value(&self, position: f64) -> f64 {
        if self.log { 10_f64.powf(position) } else { position }
    }

    /// The positions that the axis spans, so that all `values` fit with a margin. A logarithmic
    /// axis shows eight decades at most; what lies below (or is not positive) is drawn on its edge.
    pub(super) fn span(&self, values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
        let drawable = values.filter(|v| v.is_finite() && (!self.log || *v > 0.0));
        let largest = drawable.clone().fold(f64::NEG_INFINITY, f64::max);
        let smallest = drawable.fold(f64::INFINITY, f64::min);
        if largest < smallest {
            return (0.0, 1.0);
        }
        let smallest = if self.log { smallest.max(largest * 1e-8) } else { smallest };
        let (low, high) = (self.position(smallest), self.position(largest));
        let margin = if high > low { 0.04 * (high - low) } else { 0.5 };
        (low - margin, high + margin)
    }

    /// The positions of the ticks within a span.
    pub(super) fn tick_positions(&self, (low, high): (f64, f64)) -> Vec<f64> {
        let candidates: Vec<f64> = if !self.ticks.is_empty() {
            self.ticks.iter().map(|value| self.position(*value)).collect()
        } else if self.log {
            // Decades, and their halves and fifths where few decades show.
            let decades = (low.floor() as i32)..=(high.ceil() as i32);
            let steps: &[f64] = match high - low {
                width if width < 1.0 => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
                width if width < 2.5 => &[1.0, 2.0, 5.0],
                _ => &[1.0],
            };
            let tick = |decade: i32, step: &f64| f64::from(decade) + step.log10();
            decades.flat_map(|decade| steps.iter().map(move |step| tick(decade, step))).collect()
        } else {
            let rough = (high - low) / 5.0;
            let power = 10_f64.powf(rough.log10().floor());
            let step = [1.0, 2.0, 5.0, 10.0]
                .map(|factor| factor * power)
                .into_iter()
                .find(|step| *step >= rough)
                .unwrap_or(rough);
            let first = (low / step).ceil() as i64;
            let last = (high / step).floor() as i64;
            (first..=last).map(|k| k as f64 * step).collect()
        };
        candidates.into_iter().filter(|p| *p >= low - 1e-9 && *p <= high + 1e-9).collect()
    }
}

/// A tick's label: plain where that is short, else a power of ten.
pub(super) fn tick_label(value: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    let size = value.abs().log10();
    if (-3.01..5.9).contains(&size) {
        let digits = (2.0 - size.floor()).clamp(0.0, 4.0) as usize;
        let text = format!("{value:.digits$}");
        return match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
            false => text,
        };
    }
    let exponent = (size + 1e-9).floor();
    let factor = value / 10_f64.powf(exponent);
    let power: String = format!("{exponent}").chars().map(superscript).collect();
    if (factor - 1.0).abs() < 1e-6 {
        format!("10{power}")
    } else {
        format!("{}·10{power}", (factor * 100.0).round() / 100.0)
    }
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_labelled_as_a_reader_expects() {
        let labels = |values: &[f64]| values.iter().map(|v| tick_label(*v)).collect::<Vec<_>>();
        assert_eq!(
            labels(&[0.0, 0.001, 0.05, 0.5, 1.0, 2.5, 40.0, 2000.0, 1e6, 1e-4, 2e-7]),
            ["0", "0.001", "0.05", "0.5", "1", "2.5", "40", "2000", "10⁶", "10⁻⁴", "2·10⁻⁷"]
        );
    }

    #[test]
    fn axes_span_what_they_can_draw() {
        let log = Axis::log("KL");
        let (low, high) = log.span([1e-12, 0.0, -1.0, 1e-2, f64::NAN].into_iter());
        assert!(low < -10.0 && low > -10.5 && high > -2.0 && high < -1.5, "{low} {high}");
        let ticks = log.tick_positions((-2.1, 0.1));
        let labels: Vec<String> = ticks.iter().map(|t| tick_label(log.value(*t))).collect();
        assert_eq!(labels, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        let linear = Axis::linear("epoch");
        assert_eq!(linear.tick_positions((0.0, 100.0)), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(Axis::linear("").span(std::iter::empty()), (0.0, 1.0));
    }
}
