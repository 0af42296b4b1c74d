//! Lattices: which pairs of sites are neighbours.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// A lattice by name: `chain:N`, `ring:N`, `square:LxM`, `triangular:LxM` and `cubic:LxMxN` (periodic),
/// `square-open:LxM`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lattice {
    /// N sites in a row, N - 1 bonds.
    Chain(usize),
    /// N >= 3 sites in a circle, N bonds.
    Ring(usize),
    /// L rows of M sites, both sides periodic and at least 3, 2 L M bonds.
    Square(usize, usize),
    /// L rows of M sites with open borders, 2 L M - L - M bonds.
    SquareOpen(usize, usize),
    /// L rows of M sites, periodic: a square lattice with one diagonal, (row, column) to (row + 1, column + 1);
    /// 3 L M bonds.
    Triangular(usize, usize),
    /// L layers of M rows of N sites, periodic, 3 L M N bonds.
    Cubic(usize, usize, usize),
}

impl Lattice {
    /// Number of sites.
    pub fn sites(self) -> usize {
        match self {
            Lattice::Chain(n) | Lattice::Ring(n) => n,
            Lattice::Square(rows, columns)
            | Lattice::SquareOpen(rows, columns)
            | Lattice::Triangular(rows, columns) => rows * columns,
            Lattice::Cubic(layers, rows, columns) => layers * rows * columns,
        }
    }

    /// Refuses sides on which a lattice is none: periodic ones below 3, and more sites than can be counted or none to couple.
    pub fn check(self) -> Result<()> {
        let refuse = |problem: &str, mend: &str| Err(Error::invalid(format!("lattice {self}"), problem, mend));
        let (sides, periodic) = match self {
            Lattice::Chain(n) => (vec![n], false),
            Lattice::Ring(n) => (vec![n], true),
            Lattice::SquareOpen(rows, columns) => (vec![rows, columns], false),
            Lattice::Square(rows, columns) | Lattice::Triangular(rows, columns) => (vec![rows, columns], true),
            Lattice::Cubic(layers, rows, columns) => (vec![layers, rows, columns], true),
        };
        if periodic && sides.iter().any(|&side| side < 3) {
            return refuse(
                "a periodic side below 3 would couple a pair of sites twice",
                "take sides of at least 3, or open borders",
            );
        }
        let too_many = sides.iter().try_fold(1_usize, |sites, &side| sites.checked_mul(side));
        if too_many.is_none_or(|sites| !(2..=1 << 24).contains(&sites)) {
            return refuse("it has no bond or too many sites", "take 2 to 16,777,216 sites in all");
        }
        Ok(())
    }

    /// The lattice in words, for titles: `periodic 3x3 square lattice`.
    pub fn description(self) -> String {
        match self {
            Lattice::Chain(n) => format!("open chain of {n}"),
            Lattice::Ring(n) => format!("ring of {n}"),
            Lattice::Square(rows, columns) => format!("periodic {rows}x{columns} square lattice"),
            Lattice::SquareOpen(rows, columns) => format!("open {rows}x{columns} square lattice"),
            Lattice::Triangular(rows, columns) => {
                format!("periodic {rows}x{columns} triangular lattice")
            }
            Lattice::Cubic(layers, rows, columns) => {
                format!("periodic {layers}x{rows}x{columns} cubic lattice")
            }
        }
    }

    /// Every bond once. Site (row, column) of a square lattice has number row M + column; the first coordinate
    /// always varies slowest.
    pub fn bonds(self) -> Vec<(usize, usize)> {
        match self {
            Lattice::Chain(n) => (1..n).map(|i| (i - 1, i)).collect(),
            Lattice::Ring(n) => (0..n).map(|i| (i, (i + 1) % n)).collect(),
            Lattice::Square(rows, columns) => square_bonds(rows, columns, true),
            Lattice::SquareOpen(rows, columns) => square_bonds(rows, columns, false),
            Lattice::Triangular(rows, columns) => {
                let mut bonds = square_bonds(rows, columns, true);
                bonds.extend((0..rows * columns).map(|site| {
                    let (row, column) = (site / columns, site % columns);
                    (site, (row + 1) % rows * columns + (column + 1) % columns)
                }));
                bonds
            }
            Lattice::Cubic(layers, rows, columns) => {
                let area = rows * columns;
                let mut bonds = Vec::new();
                for layer in 0..layers {
                    let within = square_bonds(rows, columns, true).into_iter();
                    bonds.extend(within.map(|(i, j)| (layer * area + i, layer * area + j)));
                    let next = (layer + 1) % layers * area;
                    bonds.extend((0..area).map(|site| (layer * area + site, next + site)));
                }
                bonds
            }
        }
    }
}

fn square_bonds(rows: usize, columns: usize, periodic: bool) -> Vec<(usize, usize)> {
    let mut bonds = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let site = row * columns + column;
            if periodic || column + 1 < columns {
                bonds.push((site, row * columns + (column + 1) % columns));
            }
            if periodic || row + 1 < rows {
                bonds.push((site, (row + 1) % rows * columns + column));
            }
        }
    }
    bonds
}

impl fmt::Display for Lattice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lattice::Chain(n) => write!(f, "chain:{n}"),
            Lattice::Ring(n) => write!(f, "ring:{n}"),
            Lattice::Square(rows, columns) => write!(f, "square:{rows}x{columns}"),
            Lattice::SquareOpen(rows, columns) => write!(f, "square-open:{rows}x{columns}"),
            Lattice::Triangular(rows, columns) => write!(f, "triangular:{rows}x{columns}"),
            Lattice::Cubic(layers, rows, columns) => write!(f, "cubic:{layers}x{rows}x{columns}"),
        }
    }
}

impl FromStr for Lattice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem: &str, mend: &str| Err(Error::invalid(format!("lattice {text}"), problem, mend));
        let forms = "write chain:N, ring:N, square:LxM, square-open:LxM, triangular:LxM or cubic:LxMxN";
        let (kind, size) = text.split_once(':').unwrap_or((text, ""));
        let Ok(sides) = size.split('x').map(str::parse).collect::<std::result::Result<Vec<usize>, _>>() else {
            return refuse("its size is not a number", forms);
        };
        let lattice = match (kind, &sides[..]) {
            ("chain", &[n]) => Lattice::Chain(n),
            ("ring", &[n]) => Lattice::Ring(n),
            ("square", &[rows, columns]) => Lattice::Square(rows, columns),
            ("square-open", &[rows, columns]) => Lattice::SquareOpen(rows, columns),
            ("triangular", &[rows, columns]) => Lattice::Triangular(rows, columns),
            ("cubic", &[layers, rows, columns]) => Lattice::Cubic(layers, rows, columns),
            _ => return refuse("there is no such lattice", forms),
        };
        lattice.check()?;
        Ok(lattice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::ising::Ising;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in ["chain:6", "ring:3", "square:3x4", "square-open:2x5", "triangular:3x5", "cubic:3x4x5"] {
            assert_eq!(name.parse::<Lattice>().unwrap().to_string(), name);
        }
    }

    /// A periodic triangular lattice has three bonds a site, looks alike from every site, and has its diagonals on one side.
    #[test]
    fn triangular_lattices_look_alike_from_every_site() {
        for (rows, columns) in [(3, 4), (5, 3)] {
            let bonds = |down: usize, right: usize| {
                let moved = |site: usize| (site / columns + down) % rows * columns + (site % columns + right) % columns;
                let all = Lattice::Triangular(rows, columns).bonds().into_iter().map(|(i, j)| (moved(i), moved(j)));
                let mut all: Vec<_> = all.map(|(i, j)| (i.min(j), i.max(j))).collect();
                all.sort_unstable();
                all
            };
            assert_eq!(bonds(0, 0).len(), 3 * rows * columns);
            assert!(bonds(0, 0) == bonds(1, 0) && bonds(0, 0) == bonds(0, 1));
            assert!(bonds(0, 0).contains(&(0, columns + 1)) && bonds(0, 0).contains(&(0, rows * columns - 1)));
        }
    }

    #[test]
    fn what_cannot_be_a_lattice_is_refused_with_a_mend() {
        for name in [
            "",
            "ring",
            "ring:",
            "ring:2",
            "ring:x",
            "square:3",
            "square:2x3",
            "square:3x3x3",
            "chain:1",
            "chain:0",
            "square-open:1x1",
            "torus:3x3",
            "ring:-3",
            "chain:99999999999",
            "cubic:9999999999x9999999999x3",
            "cubic:3x3x2",
            "triangular:2x3",
            "cubic:3x3",
        ] {
            let message = name.parse::<Lattice>().unwrap_err().to_string();
            assert!(message.contains("; ") && message.contains("lattice"), "{message}");
        }
        // Made by hand they are refused where a model is made of them.
        for lattice in [Lattice::Square(2, 3), Lattice::Ring(0), Lattice::Chain(1), Lattice::SquareOpen(usize::MAX, 2)]
        {
            let message = Ising::on_lattice(lattice, 1.0, 0.0, 2.0).unwrap_err().to_string();
            assert!(message.contains("; ") && message.contains("lattice"), "{message}");
        }
    }

    #[test]
    fn every_site_of_a_torus_has_four_different_neighbours() {
        let mut neighbours = vec![std::collections::BTreeSet::new(); 12];
        for (i, j) in Lattice::Square(3, 4).bonds() {
            assert!(neighbours[i].insert(j) && neighbours[j].insert(i));
        }
        assert!(neighbours.iter().all(|sites| sites.len() == 4));
        for lattice in [Lattice::Triangular(3, 4), Lattice::Cubic(3, 4, 3)] {
            let mut neighbours = vec![std::collections::BTreeSet::new(); lattice.sites()];
            for (i, j) in lattice.bonds() {
                assert!(i != j && neighbours[i].insert(j) && neighbours[j].insert(i));
            }
            assert!(neighbours.iter().all(|sites| sites.len() == 6));
        }
        assert_eq!(Lattice::SquareOpen(3, 4).bonds().len(), 2 * 12 - 7);
        assert_eq!(Lattice::SquareOpen(1, 5).bonds(), Lattice::Chain(5).bonds());
    }
}
