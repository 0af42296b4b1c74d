//! Matrices as coloured squares, in panels over one scale.

use super::canvas::{self, Draw, Drawing, GRAY, MARGIN, SCALE, TITLE, bold, draw_head, text};
use crate::error::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Matrices that share their colours.
#[derive(Clone, Debug)]
pub struct Matrices {
    /// What the figure shows, in a line.
    pub title: String,
    /// How to read it, in a smaller line below.
    pub subtitle: String,
    /// What the colours stand for.
    pub label: String,
    /// The matrices, row by row.
    pub panels: Vec<Matrix>,
    /// Panels a row.
    pub columns: usize,
}

/// One matrix.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// What stands above it.
    pub title: String,
    /// Entries a line.
    pub width: usize,
    /// Line after line; what is missing stays white.
    pub values: Vec<Option<f64>>,
}

/// A figure is about as wide as this, whatever the number of panels.
const WIDTH: u32 = 640;
const CAPTION: u32 = 24;
const GAP: u32 = 8;
const BAR: u32 = 44;

/// Ends of the colours and their middle: told apart by colour-blind readers, and white where nothing is.
const LOW: RGBColor = RGBColor(0, 114, 178);
const HIGH: RGBColor = RGBColor(213, 94, 0);

/// The colour of a share in [-1, 1] of the largest magnitude.
fn color(share: f64) -> RGBColor {
    let end = if share < 0.0 { LOW } else { HIGH };
    let strength = share.abs().min(1.0);
    let mix = |channel: u8| (255.0 + strength * (f64::from(channel) - 255.0)).round() as u8;
    RGBColor(mix(end.0), mix(end.1), mix(end.2))
}

impl Matrices {
    /// Draws `NAME.png` and `NAME.svg` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        canvas::write(self, folder, name)
    }

    /// The largest magnitude; 1 where nothing is.
    fn scale(&self) -> f64 {
        let values = self.panels.iter().flat_map(|panel| panel.values.iter().flatten());
        match values.fold(0.0, |largest: f64, x| largest.max(x.abs())) {
            0.0 => 1.0,
            largest => largest,
        }
    }

    fn columns(&self) -> usize {
        self.columns.clamp(1, self.panels.len().max(1))
    }

    /// The width of a panel, and its height without caption.
    fn panel(&self) -> (u32, u32) {
        let width = WIDTH / self.columns() as u32 - GAP;
        let ratio = |panel: &Matrix| panel.values.len().div_ceil(panel.width.max(1)) as f64 / panel.width.max(1) as f64;
        let tallest = self.panels.iter().map(ratio).fold(0.0, f64::max);
        (width, (f64::from(width) * tallest.min(4.0)).ceil() as u32)
    }
}

impl Drawing for Matrices {
    fn size(&self) -> (u32, u32) {
        let (_, height) = self.panel();
        let rows = self.panels.len().div_ceil(self.columns()) as u32;
        let height = TITLE + rows * (height + CAPTION + GAP) + BAR + 2 * MARGIN;
        ((WIDTH + 2 * MARGIN) * SCALE, height * SCALE)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Draw<()>
    where
        DB::ErrorType: 'static,
    {
        let area = draw_head(root, &self.title, &self.subtitle, WIDTH)?;
        let (width, height) = self.panel();
        let (scale, columns) = (self.scale(), self.columns());
        let scaled = |x: f64| (x * f64::from(SCALE)).round() as i32;
        let mut bottom = 0;
        for (number, panel) in self.panels.iter().enumerate() {
            let left = (number % columns) as u32 * (width + GAP);
            let top = (number / columns) as u32 * (height + CAPTION + GAP);
            bottom = top + height + CAPTION + GAP;
            let at = (scaled(f64::from(left)), scaled(f64::from(top) + 6.0));
            area.draw(&Text::new(panel.title.clone(), at, bold(10)))?;
            let lines = panel.values.len().div_ceil(panel.width.max(1));
            // Square entries, as large as both sides allow.
            let side = (f64::from(width) / panel.width.max(1) as f64).min(f64::from(height) / lines.max(1) as f64);
            let (left, top) = (f64::from(left), f64::from(top + CAPTION));
            for (k, value) in panel.values.iter().enumerate() {
                let (x, y) = (left + (k % panel.width) as f64 * side, top + (k / panel.width) as f64 * side);
                if let Some(value) = value {
                    let corners = [(scaled(x), scaled(y)), (scaled(x + side), scaled(y + side))];
                    area.draw(&Rectangle::new(corners, color(value / scale).filled()))?;
                }
            }
            let (right, below) = (left + panel.width as f64 * side, top + lines as f64 * side);
            let frame = [(scaled(left), scaled(top)), (scaled(right), scaled(below))];
            area.draw(&Rectangle::new(frame, GRAY.stroke_width(1)))?;
        }
        // The colours and what they stand for.
        let (top, steps) = (f64::from(bottom + 4), 64);
        let middle = |style: TextStyle<'static>, side| style.pos(Pos::new(side, VPos::Center));
        for step in 0..steps {
            let share = (f64::from(step) + 0.5) / f64::from(steps) * 2.0 - 1.0;
            let left = 200.0 + 200.0 * f64::from(step) / f64::from(steps);
            let corners = [(scaled(left), scaled(top)), (scaled(left + 200.0 / f64::from(steps)), scaled(top + 12.0))];
            area.draw(&Rectangle::new(corners, color(share).filled()))?;
        }
        for (x, value, side) in [(194.0, -scale, HPos::Right), (406.0, scale, HPos::Left)] {
            let style = middle(text(10), side);
            area.draw(&Text::new(format!("{value:.3}"), (scaled(x), scaled(top + 6.0)), style))?;
        }
        let style = middle(text(11).color(&GRAY), HPos::Center);
        area.draw(&Text::new(self.label.clone(), (scaled(300.0), scaled(top + 24.0)), style))?;
        root.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_from_one_end_over_white_to_the_other() {
        assert_eq!((color(-1.0), color(0.0), color(1.0)), (LOW, RGBColor(255, 255, 255), HIGH));
        assert_eq!(color(-7.0), LOW);
    }

    /// The colours end at the largest magnitude, whichever its sign.
    #[test]
    fn the_scale_is_the_largest_magnitude() {
        let matrix = |values: &[f64]| Matrix {
            title: String::new(),
            width: 2,
            values: values.iter().map(|value| Some(*value)).chain([None]).collect(),
        };
        let scale = |panels| {
            Matrices { title: String::new(), subtitle: String::new(), label: String::new(), panels, columns: 1 }.scale()
        };
        assert_eq!(scale(vec![matrix(&[0.1, -2.0]), matrix(&[1.5])]), 2.0);
        assert_eq!((scale(vec![matrix(&[0.0])]), scale(vec![])), (1.0, 1.0));
    }

    /// Of two rows and three columns the third entry stands in the first row, at the right.
    #[test]
    fn entries_stand_row_by_row() {
        let folder = tempfile::tempdir().unwrap();
        let values = [None, None, Some(1.0), None, None, None].to_vec();
        let panels = vec![Matrix { title: String::new(), width: 3, values }];
        let words = || String::new();
        Matrices { title: words(), subtitle: words(), label: words(), panels, columns: 1 }
            .write(folder.path(), "one")
            .unwrap();
        let text = std::fs::read_to_string(folder.path().join("one.svg")).unwrap();
        let rectangle = |line: &str| {
            let number = |name: &str| -> f64 {
                let value = line.split(&format!(" {name}=\"")).nth(1).unwrap();
                value.split('"').next().unwrap().parse().unwrap()
            };
            ["x", "y", "width", "height"].map(number)
        };
        let rectangles: Vec<&str> = text.lines().filter(|line| line.starts_with("<rect")).collect();
        let color = format!("#{:02X}{:02X}{:02X}", HIGH.0, HIGH.1, HIGH.2);
        let entry = rectangles.iter().find(|line| line.contains(&color)).map(|line| rectangle(line)).unwrap();
        let frame = rectangles.iter().find(|line| line.contains("fill=\"none\"")).map(|line| rectangle(line)).unwrap();
        let close = |a: f64, b: f64| (a - b).abs() < 3.0;
        assert!(close(entry[0], frame[0] + frame[2] / 1.5) && close(entry[1], frame[1]), "{entry:?} in {frame:?}");
        assert!(close(entry[2], frame[2] / 3.0) && close(entry[3], frame[3] / 2.0), "{entry:?} in {frame:?}");
    }

    #[test]
    fn a_figure_has_both_files_whatever_its_entries() {
        let folder = tempfile::tempdir().unwrap();
        let matrix = |values: Vec<Option<f64>>| Matrix { title: "one".to_string(), width: 3, values };
        let panels = vec![matrix(vec![Some(1.0), None, Some(-0.5), Some(0.0)]), matrix(vec![]), matrix(vec![None; 9])];
        let figure = Matrices {
            title: "A title".to_string(),
            subtitle: "and how to read it".to_string(),
            label: "J".to_string(),
            panels,
            columns: 2,
        };
        figure.write(folder.path(), "matrix").unwrap();
        for ending in ["png", "svg"] {
            assert!(folder.path().join(format!("matrix.{ending}")).metadata().unwrap().len() > 500);
        }
    }
}
