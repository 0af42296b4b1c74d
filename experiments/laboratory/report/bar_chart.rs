//! Horizontal bars over a logarithmic axis, each with its name and value.

use super::canvas::{self, COLORS, Draw, Drawing, GRAY, MARGIN, SCALE, TITLE, bold, draw_head, text};
use crate::error::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

/// Bars in groups.
#[derive(Clone, Debug)]
pub struct BarChart {
    /// What the chart shows, in a line.
    pub title: String,
    /// How to read it, in a smaller line below.
    pub subtitle: String,
    /// The groups, from the top.
    pub groups: Vec<Group>,
}

/// Bars that are to be compared.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they have in common.
    pub label: String,
    /// The bars, from the top.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Its name.
    pub label: String,
    /// Its length, a positive number.
    pub value: f64,
    /// What stands at its end.
    pub text: String,
    /// Which colour.
    pub look: usize,
}

const LINE: u32 = 17;
const GAP: u32 = 9;
const NAMES: u32 = 250;
const BARS: u32 = 330;
const TEXTS: u32 = 190;

impl BarChart {
    /// Draws `NAME.png` and `NAME.svg` into `folder`.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        canvas::write(self, folder, name)
    }

    /// The decades that hold every value.
    fn decades(&self) -> (f64, f64) {
        let values = self.groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value.log10());
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        (low.floor() - 0.2, high.max(low.floor() + 1.0))
    }
}

impl Drawing for BarChart {
    fn size(&self) -> (u32, u32) {
        let lines: usize = self.groups.iter().map(|group| group.bars.len()).sum();
        let height = TITLE + lines as u32 * LINE + self.groups.len() as u32 * GAP + 2 * MARGIN;
        ((NAMES + BARS + TEXTS + 2 * MARGIN) * SCALE, height * SCALE)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Draw<()>
    where
        DB::ErrorType: 'static,
    {
        let area = draw_head(root, &self.title, &self.subtitle, NAMES + BARS + TEXTS)?;
        let (low, high) = self.decades();
        let scaled = |x: u32| (x * SCALE) as i32;
        let middle = |style: TextStyle<'static>, side: HPos| style.pos(Pos::new(side, VPos::Center));
        let mut y = 0;
        for group in &self.groups {
            for (line, bar) in group.bars.iter().enumerate() {
                let centre = scaled(y + LINE / 2);
                if line == 0 {
                    let style = middle(bold(11), HPos::Left);
                    area.draw(&Text::new(group.label.clone(), (0, centre), style))?;
                }
                let style = middle(text(11).color(&GRAY), HPos::Right);
                let end = scaled(NAMES - 8);
                area.draw(&Text::new(bar.label.clone(), (end, centre), style))?;
                let share = (bar.value.log10() - low) / (high - low);
                let right = scaled(NAMES) + (share * f64::from(BARS * SCALE)) as i32;
                let corners = [(scaled(NAMES), scaled(y + 2)), (right, scaled(y + LINE - 2))];
                let color = COLORS[bar.look % COLORS.len()];
                area.draw(&Rectangle::new(corners, color.filled()))?;
                let style = middle(text(11), HPos::Left);
                let after = (right + scaled(6), centre);
                area.draw(&Text::new(bar.text.clone(), after, style))?;
                y += LINE;
            }
            y += GAP;
        }
        root.present()?;
        Ok(())
    }
}
