//! Tables for a terminal.

use crate::experiment::Experiment;
use crate::rows::Rows;
use comfy_table::{CellAlignment, Table as Grid, presets};
use std::fmt::Display;

/// A table with a headline: words on the left, numbers on the right.
pub struct Table {
    headline: String,
    header: Vec<String>,
    lines: Vec<Vec<String>>,
}

impl Table {
    /// A table without a line.
    pub fn new(headline: impl Into<String>, header: &[&str]) -> Self {
        Self {
            headline: headline.into(),
            header: header.iter().map(|name| name.to_string()).collect(),
            lines: Vec::new(),
        }
    }

    /// Adds a line; one cell a column.
    pub fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        self.lines.push(cells.into_iter().collect());
    }

    /// The table as text, `None` where it has no line.
    pub fn text(&self) -> Option<String> {
        if self.lines.is_empty() {
            return None;
        }
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING);
        grid.set_header(&self.header);
        grid.add_rows(&self.lines);
        for (place, column) in grid.column_iter_mut().enumerate() {
            let is_number = |line: &Vec<String>| {
                let text = line.get(place).map_or("", String::as_str);
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

/// A column of words, by the first row of a line.
pub type Words<E> = (&'static str, fn(&<E as Experiment>::Cell) -> String);

/// A column of numbers.
pub type Numbers<E> = (&'static str, fn(&<E as Experiment>::Row) -> f64);

impl Table {
    /// A line for every combination of words, and medians of numbers over its rows; a missing number (NaN) is left out.
    pub fn of_medians<E: Experiment>(
        headline: impl Into<String>,
        rows: &Rows<E>,
        words: &[Words<E>],
        numbers: &[Numbers<E>],
    ) -> Self {
        let header: Vec<&str> =
            words.iter().map(|(name, _)| *name).chain(numbers.iter().map(|(name, _)| *name)).collect();
        let mut table = Self::new(headline, &header);
        let lines = rows.group_by(|cell, _| words.iter().map(|(_, of)| of(cell)).collect::<Vec<String>>());
        for (mut line, own) in lines {
            line.extend(numbers.iter().map(|(_, of)| {
                let median = own.summary(|_, row| of(row)).median;
                if median.is_nan() { String::new() } else { digits(median) }
            }));
            table.line(line);
        }
        table
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

/// A value as it is displayed, or nothing.
pub fn or_empty<T: Display>(value: Option<T>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::{Toy, pairs};

    /// Of 1, 2 and 9 the median is 2; a missing number is left out, so that 1 and 3 are left, and nothing leaves a gap.
    #[test]
    fn medians_leave_missing_numbers_out() {
        let of = |numbers: [f64; 3]| numbers.map(|number| (number, false));
        let none = f64::NAN;
        let rows = pairs(&[("all", &of([9.0, 1.0, 2.0])), ("some", &of([1.0, none, 3.0])), ("none", &of([none; 3]))]);
        let rows = Rows::<Toy>::of_pairs(&rows);
        let table = Table::of_medians("", &rows, &[("place", |cell| cell.name.clone())], &[("x", |row| row.value)]);
        let text = table.text().unwrap();
        let lines: Vec<Vec<&str>> = text.lines().skip(3).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines, [vec!["all", "2.000"], vec!["some", "2.000"], vec!["none"]]);
    }

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new("Final KL:", &["name", "KL"]);
        assert_eq!(table.text(), None);
        table.line(["cd".to_string(), digits(0.5)]);
        table.line(["exact".to_string(), digits(12345.0)]);
        let expected = "Final KL:\n\nname       KL\ncd     0.5000\nexact   12345";
        assert_eq!(table.text().unwrap(), expected);
    }

    #[test]
    fn numbers_have_four_digits() {
        let texts = [0.0, 0.012_345, 1.0, -12.345_67, 9999.9, 5e-5, 2e7].map(digits);
        let expected = ["0", "0.01235", "1.000", "-12.35", "10000", "5.00e-5", "2.00e7"];
        assert_eq!(texts, expected);
        assert_eq!((known(None), per_cent(1, 3), per_cent(0, 0)), ("?".into(), "33.3 %".into(), "-".into()));
    }
}
