//! Tables for a terminal.

use crate::experiment::Experiment;
use crate::rows::Group;
use comfy_table::{CellAlignment, Table as Grid, presets};
use std::fmt::Display;

/// A table with a headline and a line for each of some things: words on the left, numbers on the right.
pub struct Table<T> {
    headline: String,
    header: Vec<String>,
    lines: Vec<(T, Vec<String>)>,
}

impl<T> Table<T> {
    /// A table without a column.
    pub fn of(headline: impl Into<String>, lines: impl IntoIterator<Item = T>) -> Self {
        let lines = lines.into_iter().map(|line| (line, Vec::new())).collect();
        Self { headline: headline.into(), header: Vec::new(), lines }
    }

    /// The same with one more column, at the right.
    #[must_use]
    pub fn column<D: Display>(mut self, name: impl Into<String>, value: impl Fn(&T) -> D) -> Self {
        self.header.push(name.into());
        self.lines.iter_mut().for_each(|(line, cells)| cells.push(value(line).to_string()));
        self
    }

    /// The table as text, `None` where it has no line.
    pub fn text(&self) -> Option<String> {
        if self.lines.is_empty() {
            return None;
        }
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING);
        grid.set_header(&self.header);
        grid.add_rows(self.lines.iter().map(|(_, cells)| cells));
        for (place, column) in grid.column_iter_mut().enumerate() {
            let is_number = |(_, cells): &(T, Vec<String>)| {
                let text = cells.get(place).map_or("", String::as_str);
                text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit() || "+-?.<>".contains(c))
            };
            if self.lines.iter().all(is_number) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            column.set_padding((0, 2));
        }
        let lines = grid.lines().map(|line| line.trim_end().to_string());
        Some(format!("{}\n\n{}", self.headline, lines.collect::<Vec<_>>().join("\n")))
    }
}

impl<E: Experiment> Table<Group<'_, E>> {
    /// The same with the medians of a number; a missing one (NaN) is left out.
    #[must_use]
    pub fn median(self, name: impl Into<String>, number: impl Fn(&E::Row) -> f64) -> Self {
        self.column(name, |own| {
            let median = own.rows.summary(|_, row| number(row)).median;
            if median.is_nan() { String::new() } else { digits(median) }
        })
    }
}

/// Four significant digits; very small and very large numbers as powers of ten.
pub fn digits(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 || (1e-3..1e6).contains(&size) {
        let places = if x == 0.0 { 0 } else { (3.0 - size.log10().floor()).max(0.0) as usize };
        format!("{x:.places$}")
    } else {
        format!("{x:.2e}")
    }
}

/// A number that may be missing: a question mark then.
pub fn known(x: Option<f64>) -> String {
    x.map_or("?".to_string(), digits)
}

/// A share in per cent; of nothing a dash.
pub fn per_cent(part: usize, whole: usize) -> String {
    match whole {
        0 => "-".to_string(),
        _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}

/// `yes` or `no`.
pub fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

/// A value as it is displayed, or nothing.
pub fn or_empty<T: Display>(value: Option<T>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Rows;
    use crate::toy::{Toy, pairs};

    /// Of 1, 2 and 9 the median is 2; a missing number is left out, so that 1 and 3 are left, and nothing leaves a gap.
    #[test]
    fn medians_leave_missing_numbers_out() {
        let of = |numbers: [f64; 3]| numbers.map(|number| (number, false));
        let none = f64::NAN;
        let rows = pairs(&[("all", &of([9.0, 1.0, 2.0])), ("some", &of([1.0, none, 3.0])), ("none", &of([none; 3]))]);
        let rows = Rows::<Toy>::of_pairs(&rows);
        let table = Table::of("", rows.groups(|cell, _| cell.name.clone()));
        let table = table.column("place", |own| own.cell.name.clone()).median("x", |row| row.value);
        let text = table.text().unwrap();
        let lines: Vec<Vec<&str>> = text.lines().skip(3).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines, [vec!["all", "2.000"], vec!["some", "2.000"], vec!["none"]]);
    }

    #[test]
    fn words_stand_left_and_numbers_right() {
        let table = |lines: &[(&'static str, f64)]| {
            Table::of("Final KL:", lines.to_vec())
                .column("name", |line| line.0)
                .column("KL", |line| digits(line.1))
                .text()
        };
        assert_eq!(table(&[]), None);
        let expected = "Final KL:\n\nname       KL\ncd     0.5000\nexact   12345";
        assert_eq!(table(&[("cd", 0.5), ("exact", 12345.0)]).unwrap(), expected);
    }

    #[test]
    fn numbers_have_four_digits() {
        let texts = [0.0, 0.012_345, 1.0, -12.345_67, 9999.9, 5e-5, 2e7].map(digits);
        let expected = ["0", "0.01235", "1.000", "-12.35", "10000", "5.00e-5", "2.00e7"];
        assert_eq!(texts, expected);
        assert_eq!((known(None), per_cent(1, 3), per_cent(0, 0)), ("?".into(), "33.3 %".into(), "-".into()));
    }
}
