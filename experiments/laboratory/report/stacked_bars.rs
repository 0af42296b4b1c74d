//! Horizontal bars of shares that add up to 1, in panels side by side.

use super::canvas::{self, Draw, Drawing, GRAY, MARGIN, SCALE, TITLE, bold, draw_head, rgb, text, width_of};
use super::look::Look;
use crate::error::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Panels with the same bars, whose names stand once a row of panels, at its left.
#[derive(Clone, Debug)]
pub struct StackedBars {
    /// What the figure shows, in a line.
    pub title: String,
    /// How to read it, in a smaller line below.
    pub subtitle: String,
    /// What the shares are shares of.
    pub axis: String,
    /// The parts of a bar, from the left.
    pub shares: Vec<Share>,
    /// The names of the bars in groups, from the top.
    pub groups: Vec<BarGroup>,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// Panels a row.
    pub columns: usize,
}

/// A part of every bar.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its name in the legend.
    pub label: String,
    /// Which colour; a pale gray where there is none.
    pub look: Option<Look>,
}

/// Names of bars that are to be compared.
#[derive(Clone, Debug)]
pub struct BarGroup {
    /// What they have in common.
    pub label: String,
    /// The bars' names, from the top.
    pub bars: Vec<String>,
}

/// One set of bars.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What is special about it.
    pub title: String,
    /// The bars of all groups, in order.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// How much each share has, of what they have together; a dash stands for a bar without any.
    pub shares: Vec<f64>,
    /// What stands at its end.
    pub text: String,
}

const LINE: u32 = 17;
const HEADING: u32 = 18;
const NAMES: u32 = 180;
const BARS: u32 = 190;
const TEXTS: u32 = 36;
const CAPTION: u32 = 22;
const AXIS: u32 = 52;
const LEGEND: u32 = 24;
const PALE: RGBColor = RGBColor(221, 221, 221);

impl StackedBars {
    /// Draws `NAME.png` and `NAME.svg` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        canvas::write(self, folder, name)
    }

    /// Height of the bars of a panel, with the headings of their groups.
    fn bars_height(&self) -> u32 {
        let lines: usize = self.groups.iter().map(|group| group.bars.len()).sum();
        lines as u32 * LINE + self.groups.len() as u32 * HEADING
    }

    fn row_height(&self) -> u32 {
        CAPTION + self.bars_height() + AXIS
    }

    fn width(&self) -> u32 {
        NAMES + self.columns as u32 * (BARS + TEXTS)
    }

    fn rows(&self) -> u32 {
        self.panels.len().div_ceil(self.columns) as u32
    }

    /// The top of every bar below the caption, and those of the headings.
    fn tops(&self) -> (Vec<u32>, Vec<u32>) {
        let (mut bars, mut headings, mut y) = (Vec::new(), Vec::new(), CAPTION);
        for group in &self.groups {
            headings.push(y);
            y += HEADING;
            for _ in &group.bars {
                bars.push(y);
                y += LINE;
            }
        }
        (bars, headings)
    }

    /// Line and place of every entry of the legend, by the letters of those before it.
    fn legend(&self) -> Vec<(u32, u32)> {
        let (mut line, mut x) = (0, 0);
        let mut places = Vec::new();
        for share in &self.shares {
            let width = 46 + width_of(&share.label, 11);
            // The space after the last entry of a line may be cut.
            if x > 0 && x + width - 18 > self.width() {
                (line, x) = (line + 1, 0);
            }
            places.push((line, x));
            x += width;
        }
        places
    }

    fn color(share: &Share) -> RGBColor {
        share.look.map_or(PALE, rgb)
    }
}

fn scaled(x: u32) -> i32 {
    (x * SCALE) as i32
}

fn at(style: TextStyle<'static>, side: HPos) -> TextStyle<'static> {
    style.pos(Pos::new(side, VPos::Center))
}

impl Drawing for StackedBars {
    fn size(&self) -> (u32, u32) {
        let legend = self.legend().last().map_or(0, |place| place.0 + 1) * LEGEND;
        let height = TITLE + legend + self.rows() * self.row_height() + 2 * MARGIN;
        ((self.width() + 2 * MARGIN) * SCALE, height * SCALE)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Draw<()>
    where
        DB::ErrorType: 'static,
    {
        let area = draw_head(root, &self.title, &self.subtitle, self.width())?;
        let legend = self.legend();
        for (share, (line, x)) in self.shares.iter().zip(&legend) {
            let y = line * LEGEND + 3;
            let corners = [(scaled(*x), scaled(y)), (scaled(x + 22), scaled(y + 12))];
            area.draw(&Rectangle::new(corners, Self::color(share).filled()))?;
            let place = (scaled(x + 28), scaled(y + 6));
            let style = at(text(11), HPos::Left);
            area.draw(&Text::new(share.label.clone(), place, style))?;
        }
        let top = legend.last().map_or(0, |place| place.0 + 1) * LEGEND;
        for row in 0..self.rows() {
            self.draw_names(&area, top + row * self.row_height())?;
        }
        for (number, panel) in self.panels.iter().enumerate() {
            let (row, column) = (number / self.columns, number % self.columns);
            let left = NAMES + column as u32 * (BARS + TEXTS);
            let top = top + row as u32 * self.row_height();
            self.draw_panel(panel, &area, (left, top))?;
        }
        root.present()?;
        Ok(())
    }
}

impl StackedBars {
    fn draw_names<DB: DrawingBackend>(&self, area: &DrawingArea<DB, Shift>, top: u32) -> Draw<()>
    where
        DB::ErrorType: 'static,
    {
        let (bars, headings) = self.tops();
        for (group, y) in self.groups.iter().zip(headings) {
            let place = (0, scaled(top + y + HEADING / 2 + 1));
            let style = at(bold(11), HPos::Left);
            area.draw(&Text::new(group.label.clone(), place, style))?;
        }
        let names = self.groups.iter().flat_map(|group| &group.bars);
        for (name, y) in names.zip(bars) {
            let place = (scaled(NAMES - 8), scaled(top + y + LINE / 2));
            let style = at(text(11).color(&GRAY), HPos::Right);
            area.draw(&Text::new(name.clone(), place, style))?;
        }
        Ok(())
    }

    fn draw_panel<DB: DrawingBackend>(
        &self,
        panel: &Panel,
        area: &DrawingArea<DB, Shift>,
        (left, top): (u32, u32),
    ) -> Draw<()>
    where
        DB::ErrorType: 'static,
    {
        let place = (scaled(left + BARS / 2), scaled(top + CAPTION / 2));
        let style = at(bold(12), HPos::Center);
        area.draw(&Text::new(panel.title.clone(), place, style))?;
        for (bar, y) in panel.bars.iter().zip(self.tops().0) {
            let (high, low) = (scaled(top + y + 2), scaled(top + y + LINE - 2));
            let middle = scaled(top + y + LINE / 2);
            let total: f64 = bar.shares.iter().sum();
            if total <= 0.0 {
                let style = at(text(11).color(&GRAY), HPos::Center);
                let place = (scaled(left + BARS / 2), middle);
                area.draw(&Text::new("–".to_string(), place, style))?;
                continue;
            }
            let x = |sum: f64| scaled(left) + (sum / total * f64::from(BARS * SCALE)).round() as i32;
            let mut sum = 0.0;
            for (share, amount) in self.shares.iter().zip(&bar.shares) {
                let corners = [(x(sum), high), (x(sum + amount), low)];
                if *amount > 0.0 {
                    area.draw(&Rectangle::new(corners, Self::color(share).filled()))?;
                }
                sum += amount;
            }
            let place = (scaled(left + BARS + 4), middle);
            let style = at(text(11), HPos::Left);
            area.draw(&Text::new(bar.text.clone(), place, style))?;
        }
        let bottom = top + CAPTION + self.bars_height() + 4;
        let line = BLACK.mix(0.6).stroke_width(SCALE);
        let ends = [(scaled(left), scaled(bottom)), (scaled(left + BARS), scaled(bottom))];
        area.draw(&PathElement::new(ends, line))?;
        for (share, label) in [(0.0, "0"), (0.25, ""), (0.5, "0.5"), (0.75, ""), (1.0, "1")] {
            let x = scaled(left) + (share * f64::from(BARS * SCALE)) as i32;
            let ends = [(x, scaled(bottom)), (x, scaled(bottom + 4))];
            area.draw(&PathElement::new(ends, line))?;
            let style = at(text(11), HPos::Center);
            let place = (x, scaled(bottom + 12));
            area.draw(&Text::new(label.to_string(), place, style))?;
        }
        let place = (scaled(left + BARS / 2), scaled(bottom + 28));
        let style = at(text(11).color(&GRAY), HPos::Center);
        area.draw(&Text::new(self.axis.clone(), place, style))?;
        Ok(())
    }
}
