//! Times beside those of other programs.

use super::cases::{Kernel, Row};
use laboratory::report::bar_chart::{Bar, BarChart, Group};
use serde::Deserialize;
use std::fmt::Write;

/// A row of the file that benches/peers/peers.py writes.
#[derive(Clone, Debug, Deserialize)]
pub struct PeerRow {
    pub peer: String,
    pub kernel: String,
    pub visible: usize,
    pub hidden: Option<usize>,
    pub batch: Option<usize>,
    pub gibbs_steps: Option<usize>,
    pub threads: usize,
    pub microseconds: f64,
}

/// The rows of other programs that did the same work with the same number of threads.
fn rivals<'a>(row: &Row, peers: &'a [PeerRow]) -> impl Iterator<Item = &'a PeerRow> {
    let row = row.clone();
    peers.iter().filter(move |peer| {
        (peer.kernel.as_str(), peer.visible, peer.hidden) == (&*row.kernel.to_string(), row.visible, row.hidden)
            && (peer.batch, peer.gibbs_steps, peer.threads) == (row.batch, row.gibbs_steps, row.threads)
    })
}

fn fastest<'a>(row: &Row, peers: &'a [PeerRow]) -> Option<&'a PeerRow> {
    rivals(row, peers).min_by(|a, b| a.microseconds.total_cmp(&b.microseconds))
}

fn name(row: &Row) -> String {
    let size = match row.hidden {
        Some(hidden) => format!("{}x{hidden}", row.visible),
        None => row.visible.to_string(),
    };
    match (row.kernel, row.gibbs_steps, row.batch) {
        (Kernel::Metropolis, _, Some(1)) => format!("Metropolis, {size} spins, 1 chain"),
        (Kernel::Metropolis, _, Some(batch)) => {
            format!("Metropolis, {size} spins, {batch} chains")
        }
        (Kernel::Cd, Some(k), Some(batch)) => format!("CD-{k}, {size}, batch {batch}"),
        (Kernel::Pcd, Some(k), Some(batch)) => format!("PCD-{k}, {size}, batch {batch}"),
        (Kernel::Ais, _, Some(batch)) => format!("AIS, {size}, {batch} chains"),
        (Kernel::LogPartition, ..) => format!("exact ln Z, {size}"),
        _ => format!("exact gradient, {size}"),
    }
}

/// What the time is for: `a state`, `an update`.
fn each(row: &Row) -> String {
    let article = if row.unit.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {}", row.unit)
}

/// A time with its unit, three digits.
fn time(microseconds: f64) -> String {
    let (value, unit) = match microseconds {
        x if x < 1.0 => (x * 1e3, "ns"),
        x if x < 1e3 => (x, "µs"),
        x => (x * 1e-3, "ms"),
    };
    let digits = (2.0 - value.log10().floor()).clamp(0.0, 3.0) as usize;
    format!("{value:.digits$} {unit}")
}

/// The table for the end of the run.
pub fn text(rows: &[Row], peers: &[PeerRow]) -> String {
    let mut text = String::new();
    let threads = rows.first().map_or(0, |row| row.threads);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "Median time on {threads} thread(s):\n");
    for row in rows {
        let _ = write!(text, "  {:35} {:>9} {:9}", name(row), time(row.microseconds), each(row));
        if let Some(peer) = fastest(row, peers) {
            let ratio = peer.microseconds / row.microseconds;
            let _ = write!(text, "  {:>9} {:7} {ratio:6.1} times", time(peer.microseconds), peer.peer);
        }
        text.push('\n');
    }
    if peers.is_empty() {
        text += "\nbenches/peers/peers.py measures numpy and torch; --peers FILE holds these times against theirs.\n";
    }
    text
}

/// The bar chart: one group a row, this program first.
pub fn chart(rows: &[Row], peers: &[PeerRow]) -> BarChart {
    let threads = rows.first().map_or(0, |row| row.threads);
    let mut names: Vec<&str> = peers.iter().map(|peer| peer.peer.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let group = |row: &Row| {
        let own = Bar {
            label: "gibbsite".to_string(),
            value: row.microseconds,
            text: format!("{} {}", time(row.microseconds), each(row)),
            look: 5,
        };
        let others = rivals(row, peers).map(|peer| Bar {
            label: peer.peer.clone(),
            value: peer.microseconds,
            text: format!("{}, {:.1} times as long", time(peer.microseconds), peer.microseconds / row.microseconds),
            look: 1 + names.iter().position(|name| *name == peer.peer).unwrap_or(0) % 3,
        });
        Group { label: name(row), bars: std::iter::once(own).chain(others).collect() }
    };
    BarChart {
        title: format!("Time of one unit of work on {threads} thread(s)"),
        subtitle: "Medians; the scale is logarithmic. Whole updates are measured, parameters included.".to_string(),
        groups: rows.iter().map(group).collect(),
    }
}
