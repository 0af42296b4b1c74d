//! Drawing a [`Figure`] with plotters, as PNG with an embedded font and as SVG.

use super::figure::{Axis, Figure, Mark, Panel, Point, Series, tick_label};
use crate::error::{Error, Result};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use std::path::Path;
use std::sync::OnceLock;

type DrawError = Box<dyn std::error::Error>;
pub(super) type Draw<T> = std::result::Result<T, DrawError>;

/// Everything is drawn at this scale, so that a PNG is sharp on any screen.
pub(super) const SCALE: u32 = 2;
const PANEL: (u32, u32) = (330, 300);
const ALONE: (u32, u32) = (620, 400);
pub(super) const MARGIN: u32 = 12;
pub(super) const TITLE: u32 = 52;
const LEGEND_LINE: u32 = 22;

const FONT: &str = "sans-serif";

/// Okabe and Ito 2008, told apart by colour-blind readers too; in place of the yellow, which is too
/// pale for lines, a dark brown.
pub(super) const COLORS: [RGBColor; 8] = [
    RGBColor(0, 0, 0),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(204, 121, 167),
    RGBColor(112, 72, 40),
];
pub(super) const GRAY: RGBColor = RGBColor(110, 110, 110);

/// Something that can be drawn.
pub(super) trait Drawing {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);

    /// Draws it; the fonts are there.
    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Draw<()>
    where
        DB::ErrorType: 'static;
}

/// Writes `NAME.png`.
pub(super) fn write_picture(drawing: &impl Drawing, folder: &Path, name: &str) -> Result<()> {
    let png = folder.join(format!("{name}.png"));
    write_png(drawing, folder, &png).map_err(|reason| refuse(&png, &*reason))
}

/// Writes `NAME.png` and `NAME.svg`.
pub(super) fn write(drawing: &impl Drawing, folder: &Path, name: &str) -> Result<()> {
    write_picture(drawing, folder, name)?;
    let svg = folder.join(format!("{name}.svg"));
    let text = svg_text(drawing).map_err(|reason| refuse(&svg, &*reason))?;
    super::file::write(&svg, text.as_bytes())
}

fn refuse(path: &Path, reason: &dyn std::error::Error) -> Error {
    Error::Figure { path: path.to_path_buf(), reason: reason.to_string() }
}

fn write_png(drawing: &impl Drawing, folder: &Path, path: &Path) -> Draw<()> {
    // Drawn beside its place, so that nothing half-written is ever there.
    let scratch = tempfile::tempdir_in(folder)?;
    let unfinished = scratch.path().join("figure.png");
    register_fonts()?;
    drawing.draw(&BitMapBackend::new(&unfinished, drawing.size()).into_drawing_area())?;
    std::fs::rename(&unfinished, path)?;
    Ok(())
}

fn svg_text(drawing: &impl Drawing) -> Draw<String> {
    let mut text = String::new();
    register_fonts()?;
    drawing.draw(&SVGBackend::with_string(&mut text, drawing.size()).into_drawing_area())?;
    Ok(text)
}

impl Drawing for Figure {
    fn size(&self) -> (u32, u32) {
        let panel = panel_size(self);
        let width = panel.0 * self.columns as u32 + 2 * MARGIN;
        let height = panel.1 * rows(self) as u32 + TITLE + legend_height(self) + 2 * MARGIN;
        (width * SCALE, height * SCALE)
    }

    fn draw<DB: DrawingBackend>(&self, root: &DrawingArea<DB, Shift>) -> Draw<()>
    where
        DB::ErrorType: 'static,
    {
        draw(self, root)
    }
}

fn rows(figure: &Figure) -> usize {
    figure.panels.len().div_ceil(figure.columns)
}

fn panel_size(figure: &Figure) -> (u32, u32) {
    if figure.panels.len() == 1 { ALONE } else { PANEL }
}

fn register_fonts() -> Draw<()> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let registered = *REGISTERED.get_or_init(|| {
        register_font(FONT, FontStyle::Normal, dejavu::sans::regular()).is_ok()
            && register_font(FONT, FontStyle::Bold, dejavu::sans::bold()).is_ok()
    });
    if registered { Ok(()) } else { Err("the embedded font cannot be read".into()) }
}

pub(super) fn text(size: u32) -> TextStyle<'static> {
    (FONT, (size * SCALE) as i32).into_text_style(&(1, 1)).color(&BLACK)
}

pub(super) fn bold(size: u32) -> TextStyle<'static> {
    (FONT, (size * SCALE) as i32, FontStyle::Bold).into_text_style(&(1, 1)).color(&BLACK)
}

/// The largest size up to `size` at which a line of text fits into `width`.
fn fitting_size(line: &str, size: u32, width: u32) -> u32 {
    // A letter of this font is about 0.68 times as wide as high when bold, less when not.
    (size..=size)
        .chain((6..size).rev())
        .find(|size| 68 * size * line.chars().count() as u32 <= 100 * width)
        .unwrap_or(6)
}

/// Draws title and subtitle within `width` and returns the area below them.
pub(super) fn draw_head<DB: DrawingBackend>(
    root: &DrawingArea<DB, Shift>,
    title: &str,
    subtitle: &str,
    width: u32,
) -> Draw<DrawingArea<DB, Shift>>
where
    DB::ErrorType: 'static,
{
    root.fill(&WHITE)?;
    let margin = MARGIN * SCALE;
    let inside = root.margin(margin, margin, margin, margin);
    let (head, rest) = inside.split_vertically(TITLE * SCALE);
    let style = bold(fitting_size(title, 15, width));
    head.draw(&Text::new(title.to_string(), (0, 0), style))?;
    let second_line = (0, (22 * SCALE) as i32);
    let style = text(fitting_size(subtitle, 12, width)).color(&GRAY);
    head.draw(&Text::new(subtitle.to_string(), second_line, style))?;
    Ok(rest)
}

fn draw<DB: DrawingBackend>(figure: &Figure, root: &DrawingArea<DB, Shift>) -> Draw<()>
where
    DB::ErrorType: 'static,
{
    let width = panel_size(figure).0 * figure.columns as u32;
    let rest = draw_head(root, &figure.title, &figure.subtitle, width)?;
    let panels_height = panel_size(figure).1 * rows(figure) as u32 * SCALE;
    let (middle, foot) = rest.split_vertically(panels_height);
    let x_values = figure.panels.iter().flat_map(|panel| {
        let points = panel.series.iter().flat_map(|series| series.points.iter());
        points.map(|point| point.x)
    });
    let shared = figure.panels.iter().filter(|panel| panel.y.is_none());
    let x_span = figure.x.span(x_values);
    let y_span = figure.y.span(shared.flat_map(y_values));
    let areas = middle.split_evenly((rows(figure), figure.columns));
    for (panel, area) in figure.panels.iter().zip(&areas) {
        let own = panel.y.as_ref().map(|axis| (axis, axis.span(y_values(panel))));
        let (y_axis, y_span) = own.unwrap_or((&figure.y, y_span));
        draw_panel(panel, (&figure.x, x_span), (y_axis, y_span), area)?;
    }
    draw_legend(figure, &foot)?;
    root.present()?;
    Ok(())
}

/// Every value that a panel shows.
fn y_values(panel: &Panel) -> impl Iterator<Item = f64> + Clone {
    let points = panel.series.iter().flat_map(|series| series.points.iter());
    let levels = panel.levels.iter().map(|level| level.y);
    points.flat_map(|point| [point.low, point.y, point.high]).chain(levels)
}

type Span = (f64, f64);

/// A linear coordinate whose ticks we choose.
struct Ticks {
    span: Span,
    at: Vec<f64>,
}

impl Ranged for Ticks {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, position: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (position - self.span.0) / (self.span.1 - self.span.0);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.at.clone() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.span.0..self.span.1
    }
}

fn draw_panel<DB: DrawingBackend>(
    panel: &Panel,
    (x_axis, x_span): (&Axis, Span),
    (y_axis, y_span): (&Axis, Span),
    area: &DrawingArea<DB, Shift>,
) -> Draw<()>
where
    DB::ErrorType: 'static,
{
    let mut builder = ChartBuilder::on(area);
    builder
        .margin(6 * SCALE)
        .set_label_area_size(LabelAreaPosition::Left, 62 * SCALE)
        .set_label_area_size(LabelAreaPosition::Bottom, 42 * SCALE);
    if !panel.title.is_empty() {
        builder.caption(&panel.title, bold(12));
    }
    let ticks = |axis: &Axis, span| Ticks { span, at: axis.tick_positions(span) };
    let (x_range, y_range) = (ticks(x_axis, x_span), ticks(y_axis, y_span));
    let mut chart = builder.build_cartesian_2d(x_range, y_range)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.1).stroke_width(SCALE))
        .axis_style(BLACK.mix(0.6).stroke_width(SCALE))
        .label_style(text(11))
        .axis_desc_style(text(12))
        .x_desc(&x_axis.label)
        .y_desc(&y_axis.label)
        .x_labels(50)
        .y_labels(50)
        .x_label_formatter(&|position| tick_label(x_axis.value(*position)))
        .y_label_formatter(&|position| tick_label(y_axis.value(*position)))
        .draw()?;

    // What a logarithmic axis cannot show stands on its lower edge.
    let at_y = |value: f64| match y_axis.position(value) {
        position if position >= y_span.0 => position,
        _ => y_span.0,
    };
    let at = |x: f64, y: f64| (x_axis.position(x), at_y(y));

    for level in &panel.levels {
        let (from, to) = match level.span {
            Some((from, to)) => (x_axis.position(from), x_axis.position(to)),
            None => x_span,
        };
        let ends = [(from.max(x_span.0), at_y(level.y)), (to.min(x_span.1), at_y(level.y))];
        let style = GRAY.stroke_width(2 * SCALE);
        chart.draw_series(DashedLineSeries::new(ends, 5 * SCALE, 3 * SCALE, style))?;
    }
    // Bands first, so that no line is hidden.
    for series in panel.series.iter().filter(|series| series.mark == Mark::Band) {
        let upper = series.points.iter().map(|p| at(p.x, p.high));
        let lower = series.points.iter().rev().map(|p| at(p.x, p.low));
        let outline: Vec<(f64, f64)> = upper.chain(lower).collect();
        chart.draw_series([Polygon::new(outline, color(series).mix(0.18).filled())])?;
    }
    for series in &panel.series {
        let style = color(series).stroke_width(2 * SCALE);
        let line = series.points.iter().map(|p| at(p.x, p.y));
        if series.mark == Mark::Dots {
            let thin = color(series).mix(0.35).stroke_width(SCALE);
            let bar = |p: &Point| PathElement::new([at(p.x, p.low), at(p.x, p.high)], thin);
            chart.draw_series(series.points.iter().map(bar))?;
            let dot = color(series).mix(0.7).filled();
            chart.draw_series(line.map(|position| Circle::new(position, 2 * SCALE, dot)))?;
            continue;
        }
        if series.mark != Mark::Points {
            chart.draw_series(LineSeries::new(line.clone(), style))?;
        }
        if matches!(series.mark, Mark::Bars | Mark::Points) {
            let bar = |p: &Point| PathElement::new([at(p.x, p.low), at(p.x, p.high)], style);
            chart.draw_series(series.points.iter().map(bar))?;
            for position in line {
                chart.draw_series([EmptyElement::at(position) + marker(series.look, color(series))])?;
            }
        }
    }
    Ok(())
}

fn color(series: &Series) -> RGBColor {
    COLORS[series.look % COLORS.len()]
}

/// A disc, square, diamond or triangle about the origin, so that series differ without colour too.
fn marker<DB: DrawingBackend>(look: usize, color: RGBColor) -> DynElement<'static, DB, (i32, i32)>
where
    DB::ErrorType: 'static,
{
    let r = (4 * SCALE) as i32;
    let style = color.filled();
    match look % 5 {
        0 => Circle::new((0, 0), r, style).into_dyn(),
        1 => Polygon::new([(-r, -r), (r, -r), (r, r), (-r, r)], style).into_dyn(),
        2 => Polygon::new([(-r, r), (r, r), (0, -r)], style).into_dyn(),
        3 => Polygon::new([(-r, 0), (0, -r), (r, 0), (0, r)], style).into_dyn(),
        _ => Polygon::new([(-r, -r), (r, -r), (0, r)], style).into_dyn(),
    }
}

/// What the legend says: every name once, in order of appearance.
fn legend(figure: &Figure) -> Vec<(String, Option<&Series>)> {
    let mut entries: Vec<(String, Option<&Series>)> = Vec::new();
    let series = figure.panels.iter().flat_map(|panel| &panel.series);
    let levels = figure.panels.iter().flat_map(|panel| &panel.levels);
    let named = series
        .map(|series| (series.label.clone(), Some(series)))
        .chain(levels.map(|level| (level.label.clone(), None)));
    for (label, series) in named {
        if !label.is_empty() && !entries.iter().any(|(known, _)| *known == label) {
            entries.push((label, series));
        }
    }
    entries
}

/// The width of an entry. Estimated from its letters, so that the size of a figure is known before
/// it is drawn.
fn entry_width(label: &str) -> u32 {
    48 + 8 * label.chars().count() as u32
}

/// The line and the place of every entry, and the number of lines.
fn place_entries(figure: &Figure) -> (Vec<(u32, u32)>, u32) {
    let width = panel_size(figure).0 * figure.columns as u32;
    let (mut line, mut x) = (0, 0);
    let mut places = Vec::new();
    for (label, _) in legend(figure) {
        if x > 0 && x + entry_width(&label) > width {
            (line, x) = (line + 1, 0);
        }
        places.push((line, x));
        x += entry_width(&label);
    }
    (places, line + 1)
}

fn legend_height(figure: &Figure) -> u32 {
    place_entries(figure).1 * LEGEND_LINE + 6
}

fn draw_legend<DB: DrawingBackend>(figure: &Figure, area: &DrawingArea<DB, Shift>) -> Draw<()>
where
    DB::ErrorType: 'static,
{
    let scale = SCALE as i32;
    for ((label, series), (line, x)) in legend(figure).into_iter().zip(place_entries(figure).0) {
        let (x, y) = (x as i32 * scale, (line * LEGEND_LINE + LEGEND_LINE / 2) as i32 * scale);
        let ends = [(x, y), (x + 28 * scale, y)];
        match series {
            Some(series) => {
                let style = color(series).stroke_width(2 * SCALE);
                let center = (x + 14 * scale, y);
                match series.mark {
                    Mark::Dots => {
                        area.draw(&Circle::new(center, 3 * scale, color(series).filled()))?;
                    }
                    Mark::Points => {}
                    Mark::Band | Mark::Bars => area.draw(&PathElement::new(ends, style))?,
                }
                if matches!(series.mark, Mark::Bars | Mark::Points) {
                    area.draw(&(EmptyElement::at(center) + marker(series.look, color(series))))?;
                }
            }
            None => {
                for dash in 0..4 {
                    let from = x + 8 * dash * scale;
                    let ends = [(from, y), (from + 5 * scale, y)];
                    area.draw(&PathElement::new(ends, GRAY.stroke_width(2 * SCALE)))?;
                }
            }
        }
        area.draw(&Text::new(label, (x + 34 * scale, y - 7 * scale), text(12)))?;
    }
    Ok(())
}
