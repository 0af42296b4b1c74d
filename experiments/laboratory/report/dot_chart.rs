//! Numbers on one logarithmic axis, each with its name, its range and its text.

use super::canvas::{self, Draw, Drawing, GRAY, MARGIN, SCALE, TITLE, bold, draw_head, rgb, text};
use super::figure::{Axis, tick_labels};
use super::look::Look;
use crate::error::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Dots, a line each.
#[derive(Clone, Debug)]
pub struct DotChart {
    /// What the chart shows, in a line.
    pub title: String,
    /// How to read it, in a smaller line below.
    pub subtitle: String,
    /// The axis.
    pub axis: Axis,
    /// Where a dashed line stands, to compare with.
    pub baseline: Option<f64>,
    /// The dots, from the top.
    pub dots: Vec<Dot>,
}

/// A positive number with its range.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// Its name.
    pub label: String,
    /// The number.
    pub value: f64,
    /// Lower end of its range.
    pub low: f64,
    /// Upper end of its range.
    pub high: f64,
    /// What stands beside it.
    pub text: String,
}

const LINE: u32 = 20;
const NAMES: u32 = 220;
const DOTS: u32 = 360;
const TEXTS: u32 = 260;
const AXIS: u32 = 46;

impl DotChart {
    /// Draws `NAME.png` and `NAME.svg` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        canvas::write(self, folder, name)
    }

    fn height(&self) -> u32 {
        self.dots.len() as u32 * LINE
    }
}

impl Drawing for DotChart {
    fn size(&self) -> (u32, u32) {
        let height = TITLE + self.height() + AXIS + 2 * MARGIN;
        ((NAMES + DOTS + TEXTS + 2 * MARGIN) * SCALE, height * SCALE)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Draw<()>
    where
        DB::ErrorType: 'static,
    {
        let area = draw_head(root, &self.title, &self.subtitle, NAMES + DOTS + TEXTS)?;
        let scaled = |x: u32| (x * SCALE) as i32;
        let middle = |style: TextStyle<'static>, side: HPos| style.pos(Pos::new(side, VPos::Center));
        let values = self.dots.iter().flat_map(|dot| [dot.low, dot.value, dot.high]).chain(self.baseline);
        let span = self.axis.span(values.collect::<Vec<_>>().into_iter());
        let x = |position: f64| {
            let share = (position - span.0) / (span.1 - span.0);
            scaled(NAMES) + (share * f64::from(DOTS * SCALE)).round() as i32
        };
        let bottom = scaled(self.height());
        let ticks = self.axis.tick_positions(span);
        for (position, label) in ticks.iter().zip(tick_labels(&self.axis, &ticks)) {
            let ends = [(x(*position), 0), (x(*position), bottom)];
            area.draw(&PathElement::new(ends, BLACK.mix(0.1).stroke_width(SCALE)))?;
            let place = (x(*position), bottom + scaled(10));
            area.draw(&Text::new(label, place, middle(text(11), HPos::Center)))?;
        }
        let edge = [(scaled(NAMES), bottom), (scaled(NAMES + DOTS), bottom)];
        area.draw(&PathElement::new(edge, BLACK.mix(0.6).stroke_width(SCALE)))?;
        let place = (scaled(NAMES + DOTS / 2), bottom + scaled(30));
        area.draw(&Text::new(self.axis.label.clone(), place, middle(text(12), HPos::Center)))?;
        for from in (0..bottom).step_by((8 * SCALE) as usize).filter(|_| self.baseline.is_some()) {
            let at = x(self.axis.position(self.baseline.unwrap_or(1.0)));
            let ends = [(at, from), (at, from + scaled(5))];
            area.draw(&PathElement::new(ends, GRAY.stroke_width(2 * SCALE)))?;
        }
        let color = rgb(Look::numbered(5));
        for (line, dot) in self.dots.iter().enumerate() {
            let y = scaled(line as u32 * LINE + LINE / 2);
            let place = (scaled(NAMES - 10), y);
            area.draw(&Text::new(dot.label.clone(), place, middle(text(11), HPos::Right)))?;
            let at = |value: f64| (x(self.axis.position(value)), y);
            area.draw(&PathElement::new([at(dot.low), at(dot.high)], color.stroke_width(2 * SCALE)))?;
            area.draw(&Circle::new(at(dot.value), (4 * SCALE) as i32, color.filled()))?;
            let place = (scaled(NAMES + DOTS + 12), y);
            let (value, rest) = dot.text.split_once('\t').unwrap_or(("", &dot.text));
            area.draw(&Text::new(value.to_string(), place, middle(bold(11), HPos::Left)))?;
            let place = (place.0 + if value.is_empty() { 0 } else { scaled(46) }, y);
            area.draw(&Text::new(rest.to_string(), place, middle(text(11).color(&GRAY), HPos::Left)))?;
        }
        root.present()?;
        Ok(())
    }
}
