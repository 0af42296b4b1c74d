//! Figures: panels of series over shared axes, with one legend outside them.

use super::canvas;
use super::look::Look;
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
    /// Lines of text in its lower left corner, in the colours of what they are about.
    pub notes: Vec<(String, Look)>,
}

/// An axis.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Quantity and unit.
    pub label: String,
    /// How values become positions.
    pub scale: Scale,
    /// Where ticks stand; computed where empty.
    pub ticks: Vec<f64>,
}

/// How values become positions on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// A value is its position.
    Linear,
    /// Decades; what is not positive has no position.
    Log,
    /// Decades of the size of a value on both sides of 0, and linear within this size, which takes as much room as a decade.
    Symlog(f64),
}

/// A line through points.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend; the same name has the same look in every panel.
    pub label: String,
    /// Colour and shape of its points.
    pub look: Look,
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
    /// Open versions of the points of another series, over them: what is not to be trusted.
    Open,
    /// A thin dashed line, to compare slopes with.
    Guide,
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

impl Point {
    /// A value without a range.
    pub fn at(x: f64, y: f64) -> Self {
        Self { x, y, low: y, high: y }
    }

    /// A value with its error.
    pub fn with_error(x: f64, y: f64, error: f64) -> Self {
        Self { x, y, low: y - error, high: y + error }
    }
}

impl Level {
    /// A line across the panel.
    pub fn across(label: impl Into<String>, y: f64) -> Self {
        Self { label: label.into(), y, span: None }
    }
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
        Self { label: label.into(), scale: Scale::Linear, ticks: Vec::new() }
    }

    /// A logarithmic axis.
    pub fn log(label: impl Into<String>) -> Self {
        Self { scale: Scale::Log, ..Self::linear(label) }
    }

    /// An axis for errors around 0: decades on both sides of it, linear within `linear`, a power of ten.
    pub fn symlog(label: impl Into<String>, linear: f64) -> Self {
        Self { scale: Scale::Symlog(linear), ..Self::linear(label) }
    }

    /// The same axis with ticks at these values.
    #[must_use]
    pub fn with_ticks(mut self, ticks: Vec<f64>) -> Self {
        self.ticks = ticks;
        self
    }

    /// The position of a value; on a logarithmic axis in decades.
    pub(super) fn position(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log => value.log10(),
            Scale::Symlog(linear) => match value.abs() / linear {
                size if size <= 1.0 => value / linear,
                size => value.signum() * (1.0 + size.log10()),
            },
        }
    }

    /// The value at a position.
    pub(super) fn value(&self, position: f64) -> f64 {
        match self.scale {
            Scale::Linear => position,
            Scale::Log => 10_f64.powf(position),
            Scale::Symlog(linear) if position.abs() <= 1.0 => position * linear,
            Scale::Symlog(linear) => position.signum() * linear * 10_f64.powf(position.abs() - 1.0),
        }
    }

    /// Whether a value has a position.
    pub fn can_show(&self, value: f64) -> bool {
        value.is_finite() && (self.scale != Scale::Log || value > 0.0)
    }

    /// The positions that the axis spans, so that all `values` fit with a margin. A logarithmic
    /// axis shows eight decades at most; what lies below (or is not positive) is drawn on its edge.
    pub(super) fn span(&self, values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
        let drawable = values.filter(|value| self.can_show(*value));
        let largest = drawable.clone().fold(f64::NEG_INFINITY, f64::max);
        let smallest = drawable.fold(f64::INFINITY, f64::min);
        if largest < smallest {
            return (0.0, 1.0);
        }
        let smallest = if self.scale == Scale::Log { smallest.max(largest * 1e-8) } else { smallest };
        let (low, high) = (self.position(smallest), self.position(largest));
        let margin = if high > low { 0.04 * (high - low) } else { 0.5 };
        (low - margin, high + margin)
    }

    /// The positions of the ticks within a span.
    pub(super) fn tick_positions(&self, (low, high): (f64, f64)) -> Vec<f64> {
        let candidates: Vec<f64> = if !self.ticks.is_empty() {
            self.ticks.iter().map(|value| self.position(*value)).collect()
        } else if let Scale::Symlog(_) = self.scale {
            // 0 and decades on both sides, of which every second or third is named where there are many.
            let (first, last) = (low.ceil() as i32, high.floor() as i32);
            let step = 1 + (last - first).max(0) / 9;
            (first..=last).filter(|place| place % step == 0).map(f64::from).collect()
        } else if self.scale == Scale::Log {
            // Decades, and their halves and fifths where few decades show.
            let decades = (low.floor() as i32)..=(high.ceil() as i32);
            let steps: &[f64] = match high - low {
                // Powers of ten take more room.
                width if width < 1.0 && low > -3.0 && high < 4.0 => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
                width if width < 2.5 => &[1.0, 2.0, 5.0],
                _ => &[1.0],
            };
            let tick = |decade: i32, step: &f64| f64::from(decade) + step.log10();
            decades.flat_map(|decade| steps.iter().map(move |step| tick(decade, step))).collect()
        } else {
            let rough = (high - low) / 6.0;
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

/// Labels of the ticks of one axis, which agree: on a logarithmic one all are powers of ten as soon as one needs to be, on a
/// linear one all have as many decimals.
pub(super) fn tick_labels(axis: &Axis, positions: &[f64]) -> Vec<String> {
    let values: Vec<f64> = positions.iter().map(|position| axis.value(*position)).collect();
    let sizes = || values.iter().map(|value| value.abs()).filter(|size| *size > 1e-300);
    let largest = sizes().fold(0.0, f64::max);
    let powers = match axis.scale {
        Scale::Linear => !(0.999e-3..0.999e6).contains(&largest),
        _ => sizes().any(|size| !(0.999e-3..0.999e4).contains(&size)),
    };
    let decimals = values.iter().map(|value| decimals(*value)).max().unwrap_or(0);
    let label = |value: f64| match axis.scale {
        _ if value == 0.0 => "0".to_string(),
        _ if powers => power_of_ten(value),
        Scale::Linear => with_sign(value, decimals),
        _ => with_sign(value, self::decimals(value)),
    };
    // Where steps of a sum miss 0 by rounding.
    let rounded = |value: f64| if value.abs() < 1e-9 * largest { 0.0 } else { value };
    values.into_iter().map(|value| label(rounded(value))).collect()
}

/// Decimals that a tick needs, four at most.
fn decimals(value: f64) -> usize {
    let needed = |places: &usize| {
        let scaled = value * 10_f64.powi(*places as i32);
        (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1.0)
    };
    (0..4).find(needed).unwrap_or(4)
}

/// With a minus sign that is as wide as a plus.
fn with_sign(value: f64, decimals: usize) -> String {
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{}", grouped(format!("{:.decimals$}", value.abs())))
}

/// A number with commas between thousands: 20,000.
pub fn grouped(number: impl ToString) -> String {
    let text = number.to_string();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(end);
    let comma = |place: usize| place > 0 && (whole.len() - place).is_multiple_of(3);
    let digits = whole.chars().enumerate();
    let whole: String =
        digits.flat_map(|(place, digit)| comma(place).then_some(',').into_iter().chain([digit])).collect();
    whole + rest
}

fn power_of_ten(value: f64) -> String {
    let exponent = (value.abs().log10() + 1e-9).floor();
    let factor = (value.abs() / 10_f64.powf(exponent) * 100.0).round() / 100.0;
    let power: String = format!("{exponent}").chars().map(superscript).collect();
    let sign = if value < 0.0 { "−" } else { "" };
    if factor == 1.0 { format!("{sign}10{power}") } else { format!("{sign}{factor}·10{power}") }
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

    fn labels(axis: &Axis, values: &[f64]) -> Vec<String> {
        tick_labels(axis, &values.iter().map(|value| axis.position(*value)).collect::<Vec<_>>())
    }

    /// One label that needs a power of ten makes all of them powers; without one all are plain.
    #[test]
    fn labels_of_one_axis_agree() {
        let log = Axis::log("");
        assert_eq!(labels(&log, &[1.0, 10.0, 1000.0]), ["1", "10", "1,000"]);
        assert_eq!(labels(&log, &[100.0, 1e3, 1e4]), ["10²", "10³", "10⁴"]);
        assert_eq!(labels(&log, &[1e-4, 1e-2, 1.0, 10.0]), ["10⁻⁴", "10⁻²", "10⁰", "10¹"]);
        assert_eq!(labels(&log, &[0.001, 0.02, 0.5]), ["0.001", "0.02", "0.5"]);
        assert_eq!(labels(&log, &[2e5, 5e5]), ["2·10⁵", "5·10⁵"]);
        let linear = Axis::linear("");
        assert_eq!(labels(&linear, &[-0.5, 0.0, 0.5, 1.0]), ["−0.5", "0", "0.5", "1.0"]);
        assert_eq!(labels(&linear, &[0.0, 4000.0, 20_000.0]), ["0", "4,000", "20,000"]);
        assert_eq!(labels(&linear, &[-2e-4, 2e-4]), ["−2·10⁻⁴", "2·10⁻⁴"]);
        assert_eq!(labels(&Axis::symlog("", 0.01), &[-10.0, -0.01, 0.0, 1.0]), ["−10", "−0.01", "0", "1"]);
        assert_eq!(
            ["7", "999", "1000", "20000", "1234567.25"].map(grouped),
            ["7", "999", "1,000", "20,000", "1,234,567.25"]
        );
    }

    /// Linear within 0.1, a decade for every power of ten beyond, on both sides alike, and back.
    #[test]
    fn errors_around_zero_have_positions_on_both_sides() {
        let axis = Axis::symlog("", 0.1);
        let positions = [-10.0, -0.1, -0.05, 0.0, 0.025, 0.1, 1.0, 20.0].map(|value| axis.position(value));
        let expected = [-3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.0, 3.0 + 2_f64.log10()];
        for (position, expected) in positions.into_iter().zip(expected) {
            assert!((position - expected).abs() < 1e-12, "{position} for {expected}");
            assert!((axis.position(axis.value(position)) - position).abs() < 1e-12);
        }
        assert_eq!(axis.tick_positions((-2.2, 1.1)), [-2.0, -1.0, 0.0, 1.0]);
        let (low, high) = axis.span([-1.0, 0.1].into_iter());
        assert!((low + 2.12).abs() < 1e-12 && (high - 1.12).abs() < 1e-12);
    }

    #[test]
    fn axes_span_what_they_can_draw() {
        let log = Axis::log("KL");
        let (low, high) = log.span([1e-12, 0.0, -1.0, 1e-2, f64::NAN].into_iter());
        assert!(low < -10.0 && low > -10.5 && high > -2.0 && high < -1.5, "{low} {high}");
        let ticks = log.tick_positions((-2.1, 0.1));
        assert_eq!(tick_labels(&log, &ticks), ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"]);
        let linear = Axis::linear("epoch");
        assert_eq!(linear.tick_positions((0.0, 100.0)), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(Axis::linear("").span(std::iter::empty()), (0.0, 1.0));
    }
}
