//! Drawing a [`Figure`] with plotters, as PNG with an embedded font and as SVG.

use super::figure::{Axis, Figure, Mark, Panel, Point, Series, tick_labels};
use super::look::Look;
use crate::error::{Error, Result};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
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
        let height = panel.1 * rows(self) as u32 + TITLE + Legend::of(self).height + 2 * MARGIN;
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

/// The width of a line of text of this size, where it is known; a browser's own fonts may be a little wider.
pub(super) fn width_of(line: &str, size: u32) -> u32 {
    let measured = text(size).font.box_size(line).map(|(width, _)| width / SCALE);
    measured.map_or(7 * line.chars().count() as u32, |width| width + width / 20)
}

/// The largest size up to `size` at which a line of text fits into `width`. A letter is a tenth wider when bold.
fn fitting_size(line: &str, size: u32, width: u32) -> u32 {
    (6..=size).rev().find(|size| 11 * width_of(line, *size) <= 10 * width).unwrap_or(6)
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
    let (middle, _) = rest.split_vertically(panels_height);
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
    draw_legend(figure, &rest)?;
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
        builder.caption(&panel.title, bold(fitting_size(&panel.title, 12, PANEL.0 - 70)));
    }
    let ticks = |axis: &Axis, span| Ticks { span, at: axis.tick_positions(span) };
    let (x_range, y_range) = (ticks(x_axis, x_span), ticks(y_axis, y_span));
    let label = |ticks: &Ticks, axis: &Axis| {
        let (at, labels) = (ticks.at.clone(), tick_labels(axis, &ticks.at));
        move |position: &f64| {
            let place = at.iter().position(|tick| (tick - position).abs() < 1e-9);
            place.map_or(String::new(), |place| labels[place].clone())
        }
    };
    let (x_label, y_label) = (label(&x_range, x_axis), label(&y_range, y_axis));
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
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label)
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
        match series.mark {
            Mark::Dots => {
                let thin = color(series).mix(0.35).stroke_width(SCALE);
                let bar = |p: &Point| PathElement::new([at(p.x, p.low), at(p.x, p.high)], thin);
                chart.draw_series(series.points.iter().map(bar))?;
                let dot = color(series).mix(0.7).filled();
                chart.draw_series(line.map(|position| Circle::new(position, 2 * SCALE, dot)))?;
                continue;
            }
            Mark::Guide => {
                chart.draw_series(DashedLineSeries::new(line, 3 * SCALE, 3 * SCALE, GRAY.stroke_width(SCALE)))?;
                continue;
            }
            Mark::Open => {
                let (shape, color) = (series.look.shape, color(series));
                for position in line {
                    chart.draw_series([EmptyElement::at(position) + marker(shape, color) + hole(shape)])?;
                }
                continue;
            }
            Mark::Band | Mark::Bars => {
                chart.draw_series(LineSeries::new(line.clone(), style))?;
            }
            Mark::Points => {}
        }
        if matches!(series.mark, Mark::Bars | Mark::Points) {
            let bar = |p: &Point| PathElement::new([at(p.x, p.low), at(p.x, p.high)], style);
            chart.draw_series(series.points.iter().filter(|p| p.low < p.high).map(bar))?;
            for position in line {
                chart.draw_series([EmptyElement::at(position) + marker(series.look.shape, color(series))])?;
            }
        }
    }
    let (left, bottom) =
        (chart.plotting_area().get_pixel_range().0.start, chart.plotting_area().get_pixel_range().1.end);
    let (corner_x, corner_y) = area.get_base_pixel();
    for (line, (note, look)) in panel.notes.iter().rev().enumerate() {
        let below = (line as i32 + 1) * (13 * SCALE) as i32;
        let place = (left - corner_x + (5 * SCALE) as i32, bottom - corner_y - below - (2 * SCALE) as i32);
        area.draw(&Text::new(note.clone(), place, text(9).color(&rgb(*look))))?;
    }
    Ok(())
}

fn color(series: &Series) -> RGBColor {
    rgb(series.look)
}

pub(super) fn rgb(look: Look) -> RGBColor {
    let (red, green, blue) = look.color;
    RGBColor(red, green, blue)
}

/// The corners of a shape about the origin, so that series differ without colour too; a disc has none.
fn corners(shape: usize) -> Vec<(i32, i32)> {
    let r = (4 * SCALE) as i32;
    match shape % 5 {
        0 => Vec::new(),
        1 => vec![(-r, -r), (r, -r), (r, r), (-r, r)],
        2 => vec![(-r, r), (r, r), (0, -r)],
        3 => vec![(-r, 0), (0, -r), (r, 0), (0, r)],
        _ => vec![(-r, -r), (r, -r), (0, r)],
    }
}

/// A full shape.
fn marker<DB: DrawingBackend>(shape: usize, color: RGBColor) -> DynElement<'static, DB, (i32, i32)>
where
    DB::ErrorType: 'static,
{
    filled(corners(shape), (4 * SCALE) as i32, color)
}

/// What makes an open shape of a full one.
fn hole<DB: DrawingBackend>(shape: usize) -> DynElement<'static, DB, (i32, i32)>
where
    DB::ErrorType: 'static,
{
    // Half as large, about the middle of the inscribed circle.
    let middle = [0, 0, SCALE as i32, 0, -(SCALE as i32)][shape % 5];
    let corners = corners(shape).into_iter().map(|(x, y)| (x / 2, (y + middle) / 2)).collect();
    filled(corners, (2 * SCALE) as i32 + 1, WHITE)
}

fn filled<DB: DrawingBackend>(
    corners: Vec<(i32, i32)>,
    radius: i32,
    color: RGBColor,
) -> DynElement<'static, DB, (i32, i32)>
where
    DB::ErrorType: 'static,
{
    match corners.is_empty() {
        true => Circle::new((0, 0), radius, color.filled()).into_dyn(),
        false => Polygon::new(corners, color.filled()).into_dyn(),
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

/// Where the legend stands: in the hole that panels leave in the last row, else below them, in as few lines as it takes.
struct Legend<'a> {
    entries: Vec<(String, Option<&'a Series>)>,
    /// The left end and the middle of each entry, from the corner of the panels.
    places: Vec<(u32, u32)>,
    /// What it takes below the panels.
    height: u32,
}

impl<'a> Legend<'a> {
    fn of(figure: &'a Figure) -> Self {
        let (entries, panel) = (legend(figure), panel_size(figure));
        let widths: Vec<u32> =
            entries.iter().map(|(label, series)| sample_width(*series) + 18 + width_of(label, 12)).collect();
        let (last, panels) = (figure.panels.len() % figure.columns, panel.1 * rows(figure) as u32);
        let widest = widths.iter().copied().max().unwrap_or(0);
        let hole = (panel.0 * (figure.columns - last) as u32, panel.1);
        let lines = entries.len() as u32 * LEGEND_LINE;
        if last > 0 && widest + 40 <= hole.0 && lines + 60 <= hole.1 {
            let (x, y) = (panel.0 * last as u32 + 40, panels - panel.1 + 30 + LEGEND_LINE / 2);
            let places = (0..entries.len() as u32).map(|line| (x, y + line * LEGEND_LINE)).collect();
            return Self { entries, places, height: 0 };
        }
        let (mut line, mut x, mut places) = (0, 0, Vec::new());
        for width in widths {
            // The space after the last entry of a line may be cut.
            if x > 0 && x + width - 18 > panel.0 * figure.columns as u32 {
                (line, x) = (line + 1, 0);
            }
            places.push((x, panels + line * LEGEND_LINE + LEGEND_LINE / 2));
            x += width;
        }
        let height = if entries.is_empty() { 0 } else { (line + 1) * LEGEND_LINE + 6 };
        Self { entries, places, height }
    }
}

/// The room of a line or a point before its name.
fn sample_width(series: Option<&Series>) -> u32 {
    let is_point = series.is_some_and(|series| matches!(series.mark, Mark::Points | Mark::Dots | Mark::Open));
    if is_point { 18 } else { 34 }
}

fn draw_legend<DB: DrawingBackend>(figure: &Figure, area: &DrawingArea<DB, Shift>) -> Draw<()>
where
    DB::ErrorType: 'static,
{
    let (scale, legend) = (SCALE as i32, Legend::of(figure));
    for ((label, series), (x, y)) in legend.entries.into_iter().zip(legend.places) {
        let (x, y) = (x as i32 * scale, y as i32 * scale);
        let text_at = x + sample_width(series) as i32 * scale;
        let (ends, center) = ([(x, y), (x + 28 * scale, y)], ((x + text_at) / 2 - 3 * scale, y));
        let dashes = |length: i32, width: u32| {
            let dash = move |from: i32| [(x + from * scale, y), (x + (from + length) * scale, y)];
            [0, 8, 16, 24].map(|from| PathElement::new(dash(from), GRAY.stroke_width(width)))
        };
        match series {
            Some(series) => match series.mark {
                Mark::Dots => area.draw(&Circle::new(center, 3 * scale, color(series).filled()))?,
                Mark::Open => area.draw(&(EmptyElement::at(center) + marker(0, GRAY) + hole(0)))?,
                Mark::Guide => dashes(3, SCALE).iter().try_for_each(|dash| area.draw(dash))?,
                Mark::Band | Mark::Bars | Mark::Points => {
                    if series.mark != Mark::Points {
                        area.draw(&PathElement::new(ends, color(series).stroke_width(2 * SCALE)))?;
                    }
                    if series.mark != Mark::Band {
                        area.draw(&(EmptyElement::at(center) + marker(series.look.shape, color(series))))?;
                    }
                }
            },
            None => dashes(5, 2 * SCALE).iter().try_for_each(|dash| area.draw(dash))?,
        }
        let style = text(12).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(label, (text_at, y), style))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::figure::Level;
    use super::*;

    /// Panels of one series of each mark, over two columns.
    fn figure(panels: usize, marks: &[Mark]) -> Figure {
        let point = Point::at(1.0, 2.0);
        let series = |mark: &Mark| Series {
            label: format!("{mark:?}"),
            look: Look { color: (1, 2, 3), shape: 1 },
            mark: *mark,
            points: vec![point],
        };
        let panel = Panel { series: marks.iter().map(series).collect(), ..Panel::default() };
        Figure {
            title: String::new(),
            subtitle: String::new(),
            panels: vec![panel; panels],
            columns: 2,
            x: Axis::linear(""),
            y: Axis::linear(""),
        }
    }

    /// An axis has room for the ends of bars, and for exact values.
    #[test]
    fn a_panel_shows_its_bars_whole() {
        let mut figure = figure(1, &[Mark::Bars]);
        figure.panels[0].series[0].points = vec![Point { x: 1.0, y: 2.0, low: -3.0, high: 9.0 }];
        figure.panels[0].levels = vec![Level::across("exact", 11.0)];
        let mut values: Vec<f64> = y_values(&figure.panels[0]).collect();
        values.sort_by(f64::total_cmp);
        assert_eq!(values, [-3.0, 2.0, 9.0, 11.0]);
    }

    /// The hole of three panels takes the legend, which stands below four of them, in one line.
    #[test]
    fn the_legend_takes_the_hole_that_panels_leave() {
        register_fonts().unwrap();
        let marks = [Mark::Points, Mark::Bars, Mark::Band];
        let (three, four) = (figure(3, &marks), figure(4, &marks));
        let (hole, below) = (Legend::of(&three), Legend::of(&four));
        assert_eq!(hole.height, 0);
        assert!(
            hole.places.iter().all(|(x, y)| *x > PANEL.0 && (PANEL.1..2 * PANEL.1).contains(y)),
            "{:?}",
            hole.places
        );
        assert_eq!(below.height, LEGEND_LINE + 6);
        assert!(below.places.iter().all(|(_, y)| *y > 2 * PANEL.1) && below.places[0].0 < below.places[1].0);
        assert_eq!(three.size(), (four.size().0, four.size().1 - (LEGEND_LINE + 6) * SCALE));
    }

    /// An open point is a shape of its series' colour with a white one inside, a full one has none.
    #[test]
    fn open_points_are_white_inside() {
        let drawn = |mark| {
            let text = svg_text(&figure(1, &[mark])).unwrap();
            let polygons: Vec<&str> = text.lines().filter(|line| line.starts_with("<polygon")).collect();
            ["#010203", "#FFFFFF"].map(|color| polygons.iter().filter(|line| line.contains(color)).count())
        };
        // The legend shows a full point beside its name.
        assert_eq!(drawn(Mark::Points), [2, 0]);
        assert_eq!(drawn(Mark::Open), [1, 1]);
    }
}
