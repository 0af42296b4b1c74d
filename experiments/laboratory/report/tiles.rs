//! Small pictures in rows and columns.

use super::canvas::{self, Draw, Drawing, GRAY, MARGIN, SCALE, TITLE, bold, draw_head, text};
use super::look::Look;
use crate::error::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Pictures side by side.
#[derive(Clone, Debug)]
pub struct Tiles {
    /// What they show, in a line.
    pub title: String,
    /// How to read them, in a smaller line below.
    pub subtitle: String,
    /// What stands above the columns; nothing where there are no words.
    pub columns: Vec<String>,
    /// The rows, from the top, with what stands before each.
    pub rows: Vec<(String, Vec<Tile>)>,
    /// Points that a pixel is wide and high.
    pub zoom: u32,
}

/// One picture.
#[derive(Clone, Debug)]
pub struct Tile {
    /// Pixels from left to right.
    pub width: usize,
    /// Values from -1 (orange) over 0 (white) to 1 (black), row by row.
    pub pixels: Vec<f64>,
    /// What stands in its middle.
    pub text: String,
}

const GAP: u32 = 3;
const NAME: u32 = 15;
/// Points that a letter is wide, at most.
const LETTER: u32 = 8;

impl Tile {
    fn height(&self) -> usize {
        self.pixels.len().div_ceil(self.width.max(1))
    }
}

/// White to black, and white to orange below 0.
fn color(value: f64) -> RGBColor {
    let to = Look::numbered(if value < 0.0 { 4 } else { 0 }).color;
    let share = value.abs().min(1.0);
    let mix = |to: u8| (255.0 + share * (f64::from(to) - 255.0)).round() as u8;
    RGBColor(mix(to.0), mix(to.1), mix(to.2))
}

impl Tiles {
    /// Draws `NAME.png` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        canvas::write_picture(self, folder, name)
    }

    fn all(&self) -> impl Iterator<Item = &Tile> {
        self.rows.iter().flat_map(|(_, tiles)| tiles)
    }

    /// Width and height of the largest tile, in points.
    fn tile(&self) -> (u32, u32) {
        let largest = |size: fn(&Tile) -> usize| self.all().map(size).max().unwrap_or(1) as u32 * self.zoom;
        (largest(|tile| tile.width), largest(Tile::height))
    }

    fn names(&self) -> u32 {
        let letters = self.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) as u32;
        if letters == 0 { 0 } else { letters * LETTER + 6 }
    }

    fn above(&self) -> u32 {
        if self.columns.is_empty() { 0 } else { NAME + 4 }
    }

    fn width(&self) -> u32 {
        let columns = self.rows.iter().map(|(_, tiles)| tiles.len()).max().unwrap_or(1) as u32;
        // A title has room to be read.
        (self.names() + columns * (self.tile().0 + GAP)).max(560)
    }
}

impl Drawing for Tiles {
    fn size(&self) -> (u32, u32) {
        let height = TITLE + self.above() + self.rows.len() as u32 * (self.tile().1 + GAP);
        ((self.width() + 2 * MARGIN) * SCALE, (height + 2 * MARGIN) * SCALE)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Draw<()>
    where
        DB::ErrorType: 'static,
    {
        let area = draw_head(root, &self.title, &self.subtitle, self.width())?;
        let scaled = |x: u32| (x * SCALE) as i32;
        let (width, height) = self.tile();
        let left = |column: usize| scaled(self.names() + column as u32 * (width + GAP));
        let (size, middle) = ((self.zoom * SCALE) as i32, |x: u32| scaled(x) / 2);
        for (column, name) in self.columns.iter().enumerate() {
            let style = bold(11).pos(Pos::new(HPos::Center, VPos::Top));
            area.draw(&Text::new(name.clone(), (left(column) + middle(width), 0), style))?;
        }
        for (row, (name, tiles)) in self.rows.iter().enumerate() {
            let top = scaled(self.above() + row as u32 * (height + GAP));
            let style = bold(11).pos(Pos::new(HPos::Left, VPos::Center));
            area.draw(&Text::new(name.clone(), (0, top + middle(height)), style))?;
            for (column, tile) in tiles.iter().enumerate() {
                let left = left(column);
                for (number, value) in tile.pixels.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                    let x = left + (number % tile.width) as i32 * size;
                    let y = top + (number / tile.width) as i32 * size;
                    let corners = [(x, y), (x + size, y + size)];
                    area.draw(&Rectangle::new(corners, color(*value).filled()))?;
                }
                let corners = [(left - 1, top - 1), (left + scaled(width), top + scaled(height))];
                area.draw(&Rectangle::new(corners, GRAY.mix(0.5).stroke_width(1)))?;
                if !tile.text.is_empty() {
                    let dark = tile.pixels.iter().sum::<f64>() > 0.5 * tile.pixels.len() as f64;
                    let color = if dark { WHITE } else { BLACK };
                    let style = text(10).color(&color).pos(Pos::new(HPos::Center, VPos::Center));
                    area.draw(&Text::new(tile.text.clone(), (left + middle(width), top + middle(height)), style))?;
                }
            }
        }
        root.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ink_of_two_colours() {
        assert_eq!([0.0, 1.0, 7.0, -1.0].map(color), [WHITE, BLACK, BLACK, RGBColor(213, 94, 0)]);
        assert_eq!(color(0.5), RGBColor(128, 128, 128));
    }
}
