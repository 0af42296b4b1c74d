//! Figures of rows: which panel a row is in, which series, where it stands, and what becomes of rows in one place.

use crate::experiment::Experiment;
use crate::looks::look_of;
use crate::report::figure::{Axis, Figure, Level, Mark, Panel, Point, Scale, Series};
use crate::report::look::Look;
use crate::rows::Rows;
use gibbsite::statistics::summary::Summary;
use indexmap::IndexSet;

/// What becomes of rows that stand in one place: replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The median, with the range.
    Range,
    /// The median, with quartiles.
    Quartiles,
    /// The mean, with its standard error where there are two or more.
    Mean,
}

impl Over {
    /// The point that some values make.
    pub fn point(self, x: f64, mut values: Vec<f64>) -> Option<Point> {
        values.retain(|y| !y.is_nan());
        if values.is_empty() {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let count = values.len() as f64;
        let at = |share: f64| values[((count - 1.0) * share).round() as usize];
        Some(match self {
            Over::Range => {
                let Summary { median, smallest, largest } = Summary::of(values);
                Point { x, y: median, low: smallest, high: largest }
            }
            Over::Quartiles => Point { x, y: Summary::of(values.clone()).median, low: at(0.25), high: at(0.75) },
            Over::Mean => {
                let y = values.iter().sum::<f64>() / count;
                let squares: f64 = values.iter().map(|value| (value - y).powi(2)).sum();
                let error = if count > 1.0 { (squares / (count - 1.0) / count).sqrt() } else { 0.0 };
                Point { x, y, low: y - error, high: y + error }
            }
        })
    }
}

/// A function of a row.
type Of<'a, E, T> = Box<dyn Fn(&<E as Experiment>::Cell, &<E as Experiment>::Row) -> T + 'a>;

/// Exact values of a panel, from its rows.
type Levels<'a, E> = Box<dyn Fn(&Rows<E>) -> Vec<Level> + 'a>;

/// The point at x that rows in one place make.
type Points<'a, E> = Box<dyn Fn(f64, &Rows<E>) -> Option<Point> + 'a>;

/// A figure of rows. Rows without a number (NaN) are left out.
pub struct Plot<'a, E: Experiment> {
    rows: Rows<'a, E>,
    title: String,
    subtitle: String,
    panel: Of<'a, E, String>,
    series: Of<'a, E, String>,
    x: (Axis, Of<'a, E, f64>),
    y: (Axis, Of<'a, E, f64>),
    over: Over,
    points: Option<Points<'a, E>>,
    mark: Mark,
    columns: usize,
    levels: Levels<'a, E>,
    doubtful: Option<(String, Of<'a, E, bool>)>,
    dots: Option<Of<'a, E, f64>>,
}

impl<'a, E: Experiment> Rows<'a, E> {
    /// A figure of y against x: one panel, one series, medians and ranges.
    pub fn plot(
        &self,
        (x_axis, x): (Axis, impl Fn(&E::Cell, &E::Row) -> f64 + 'a),
        (y_axis, y): (Axis, impl Fn(&E::Cell, &E::Row) -> f64 + 'a),
    ) -> Plot<'a, E> {
        Plot {
            rows: self.clone(),
            title: String::new(),
            subtitle: String::new(),
            panel: Box::new(|_, _| String::new()),
            series: Box::new(|_, _| String::new()),
            x: (x_axis, Box::new(x)),
            y: (y_axis, Box::new(y)),
            over: Over::Range,
            points: None,
            mark: Mark::Band,
            columns: 3,
            levels: Box::new(|_| Vec::new()),
            doubtful: None,
            dots: None,
        }
    }
}

impl<'a, E: Experiment> Plot<'a, E> {
    /// What the figure shows, in a line, and how to read it, in a smaller one.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>, subtitle: impl Into<String>) -> Self {
        (self.title, self.subtitle) = (title.into(), subtitle.into());
        self
    }

    /// The title of the panel that a row is in.
    #[must_use]
    pub fn panel(mut self, key: impl Fn(&E::Cell, &E::Row) -> String + 'a) -> Self {
        self.panel = Box::new(key);
        self
    }

    /// The series that a row belongs to, as the legend names it; the same name has the same look in every panel.
    #[must_use]
    pub fn series(mut self, key: impl Fn(&E::Cell, &E::Row) -> String + 'a) -> Self {
        self.series = Box::new(key);
        self
    }

    /// What becomes of rows in one place.
    #[must_use]
    pub fn over(mut self, over: Over) -> Self {
        self.over = over;
        self
    }

    /// The point that rows in one place make, where no summary of y does.
    #[must_use]
    pub fn points(mut self, point: impl Fn(f64, &Rows<E>) -> Option<Point> + 'a) -> Self {
        self.points = Some(Box::new(point));
        self
    }

    /// How points are shown.
    #[must_use]
    pub fn mark(mut self, mark: Mark) -> Self {
        self.mark = mark;
        self
    }

    /// Panels a row, at most.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns;
        self
    }

    /// Exact values of a panel, from its rows.
    #[must_use]
    pub fn levels(mut self, levels: impl Fn(&Rows<E>) -> Vec<Level> + 'a) -> Self {
        self.levels = Box::new(levels);
        self
    }

    /// The same with dots for a second number, whose name the subtitle tells.
    #[must_use]
    pub fn dots(mut self, second: impl Fn(&E::Cell, &E::Row) -> f64 + 'a) -> Self {
        self.dots = Some(Box::new(second));
        self
    }

    /// Points of which a row is doubtful are open ones, which the legend calls so.
    #[must_use]
    pub fn doubtful(mut self, name: &str, is: impl Fn(&E::Cell, &E::Row) -> bool + 'a) -> Self {
        self.doubtful = Some((name.to_string(), Box::new(is)));
        self
    }

    /// The figure.
    pub fn figure(self) -> Figure {
        let names: IndexSet<String> = self.rows.iter().map(|(cell, row)| (self.series)(cell, row)).collect();
        let panels = self.rows.group_by(&self.panel);
        let panels: Vec<Panel> = panels.into_iter().map(|(title, rows)| self.draw(title, &rows, &names)).collect();
        Figure {
            title: self.title,
            subtitle: self.subtitle,
            columns: panels.len().clamp(1, self.columns),
            panels,
            x: self.x.0,
            y: self.y.0,
        }
    }

    /// So much is the series of this place of `count` moved sideways where bars would hide each other: on an axis of a few
    /// sizes, whose ticks say which they are. Elsewhere points stand where they are.
    fn aside(&self, place: usize, count: usize) -> f64 {
        let sizes = self.x.0.scale == Scale::Log && !self.x.0.ticks.is_empty();
        let middle = (count as f64 - 1.0) / 2.0;
        if sizes && self.mark == Mark::Bars { 1.035_f64.powf(place as f64 - middle) } else { 1.0 }
    }

    fn draw(&self, title: String, rows: &Rows<'a, E>, names: &IndexSet<String>) -> Panel {
        let (mut series, mut open) = (Vec::new(), Vec::new());
        // In the same order everywhere.
        let mut all: Vec<_> = rows.group_by(&self.series).into_iter().collect();
        all.sort_by_key(|(label, _)| names.get_index_of(label));
        for (label, own) in all {
            let place = names.get_index_of(&label).unwrap_or(0);
            let (look, aside) = (look_of(&label).unwrap_or(Look::numbered(place)), self.aside(place, names.len()));
            let (mut points, mut dots, mut unsure): (Vec<Point>, Vec<Point>, Vec<Point>) = Default::default();
            // Equal numbers have equal bits, but for the zeros.
            for own in own.group_by(|cell, row| ((self.x.1)(cell, row) + 0.0).to_bits()).values() {
                let Some((cell, row)) = own.iter().next() else {
                    continue;
                };
                let x = (self.x.1)(cell, row) * aside;
                if !self.x.0.can_show(x) {
                    continue;
                }
                let point = match &self.points {
                    Some(point) => point(x, own),
                    None => self.over.point(x, own.values(&self.y.1)),
                };
                let Some(point) = point else {
                    continue;
                };
                points.push(point);
                let second = self.dots.as_ref().and_then(|second| self.over.point(x, own.values(second)));
                dots.extend(second.map(|point| Point { low: point.y, high: point.y, ..point }));
                let doubtful = |is: &Of<E, bool>| own.iter().any(|(cell, row)| is(cell, row));
                if self.doubtful.as_ref().is_some_and(|(_, is)| doubtful(is)) {
                    unsure.push(point);
                }
            }
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            if let Some((name, _)) = self.doubtful.as_ref().filter(|_| !unsure.is_empty()) {
                open.push(Series { label: format!("open: {name}"), look, mark: Mark::Open, points: unsure });
            }
            if !points.is_empty() {
                series.push(Series { label: label.clone(), look, mark: self.mark, points });
            }
            if !dots.is_empty() {
                series.push(Series { label, look, mark: Mark::Dots, points: dots });
            }
        }
        series.extend(open);
        Panel { title, series, levels: (self.levels)(rows), ..Panel::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::{Toy, pairs};

    /// A point is doubtful where one of its rows is, be it one of several, and not where none is.
    #[test]
    fn one_doubtful_row_makes_a_doubtful_point() {
        let rows = pairs(&[("a", &[(1.0, false), (3.0, true)]), ("bb", &[(5.0, false), (7.0, false)])]);
        let rows = Rows::<Toy>::of_pairs(&rows);
        let x = (Axis::linear("x"), |cell: &crate::toy::Place, _: &_| cell.name.len() as f64);
        let y = (Axis::linear("y"), |_: &_, row: &crate::toy::Number| row.value);
        let figure = rows.plot(x, y).doubtful("not trusted", |_, row| row.doubtful).figure();
        let series = &figure.panels[0].series;
        let of = |series: &Series| series.points.iter().map(|point| (point.x, point.y)).collect::<Vec<_>>();
        assert_eq!(series.len(), 2);
        assert_eq!(of(&series[0]), [(1.0, 2.0), (2.0, 6.0)]);
        assert_eq!((&*series[1].label, of(&series[1])), ("open: not trusted", vec![(1.0, 2.0)]));
        assert_eq!((series[1].mark, series[1].look), (Mark::Open, series[0].look));
    }

    /// Points stand where they are, but on an axis of sizes: there the first of two series is 1.035^(1/2) to the left. On a
    /// logarithmic axis what is not positive is left out.
    #[test]
    fn only_sizes_are_moved_aside() {
        let rows = pairs(&[("a", &[(0.0, false), (2.0, false)]), ("b", &[(2.0, false)])]);
        let rows = Rows::<Toy>::of_pairs(&rows);
        let x_of = |axis: Axis| {
            let x = (axis, |_: &crate::toy::Place, row: &crate::toy::Number| row.value);
            let plot = rows.plot(x, (Axis::linear("y"), |_, _| 1.0)).series(|cell, _| cell.name.clone());
            let panel = plot.mark(Mark::Bars).figure().panels.remove(0);
            panel.series.iter().map(|series| series.points.iter().map(|p| p.x).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        assert_eq!(x_of(Axis::linear("x")), [vec![0.0, 2.0], vec![2.0]]);
        assert_eq!(x_of(Axis::log("x")), [[2.0], [2.0]]);
        let sizes = x_of(Axis::log("x").with_ticks(vec![2.0]));
        let aside = 1.035_f64.sqrt();
        assert!((sizes[0][0] - 2.0 / aside).abs() < 1e-12 && (sizes[1][0] - 2.0 * aside).abs() < 1e-12);
    }

    /// Of 1, 2, 4 and 8, found by hand; a missing value is left out, and nothing makes no point.
    #[test]
    fn points_of_replicas() {
        let of = |over: Over| over.point(3.0, vec![8.0, 1.0, f64::NAN, 4.0, 2.0]).unwrap();
        assert_eq!(of(Over::Range), Point { x: 3.0, y: 3.0, low: 1.0, high: 8.0 });
        assert_eq!(of(Over::Quartiles), Point { x: 3.0, y: 3.0, low: 2.0, high: 4.0 });
        // The variance of the mean is 28.75 / 3 / 4.
        let (mean, error) = (of(Over::Mean), (28.75_f64 / 12.0).sqrt());
        assert_eq!(mean.y, 3.75);
        assert!((mean.high - 3.75 - error).abs() < 1e-12 && (3.75 - mean.low - error).abs() < 1e-12);
        assert_eq!(Over::Mean.point(0.0, vec![5.0]), Some(Point { x: 0.0, y: 5.0, low: 5.0, high: 5.0 }));
        assert_eq!(Over::Range.point(0.0, vec![f64::NAN]), None);
    }
}
