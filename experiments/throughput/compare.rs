//! Times beside those of other programs.

use super::cases::{Kernel, Row};
use laboratory::prelude::*;
use laboratory::report::bar_chart::{Bar, BarChart, Group};

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
fn rivals<'a>(threads: usize, row: &Row, peers: &'a [PeerRow]) -> impl Iterator<Item = &'a PeerRow> {
    let row = row.clone();
    peers.iter().filter(move |peer| {
        (peer.kernel.as_str(), peer.visible, peer.hidden) == (&*row.kernel.to_string(), row.visible, row.hidden)
            && (peer.batch, peer.gibbs_steps, peer.threads) == (row.batch, row.gibbs_steps, threads)
    })
}

fn fastest<'a>(threads: usize, row: &Row, peers: &'a [PeerRow]) -> Option<&'a PeerRow> {
    rivals(threads, row, peers).min_by(|a, b| a.microseconds.total_cmp(&b.microseconds))
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
pub fn table(threads: usize, rows: &[&Row], peers: &[PeerRow]) -> Table {
    let mut header = vec!["work", "time", "of"];
    if !peers.is_empty() {
        header.extend(["fastest peer", "its time", "ratio"]);
    }
    let mut table = Table::new(format!("Median time on {threads} thread(s):"), &header);
    for row in rows {
        let mut line = vec![name(row), time(row.microseconds), each(row)];
        if let Some(peer) = fastest(threads, row, peers) {
            let ratio = peer.microseconds / row.microseconds;
            line.extend([peer.peer.clone(), time(peer.microseconds), format!("{ratio:.1}")]);
        }
        table.line(line);
    }
    table
}

/// The bar chart: one group a row, this program first.
pub fn chart(threads: usize, rows: &[&Row], peers: &[PeerRow]) -> BarChart {
    let mut names: Vec<&str> = peers.iter().map(|peer| peer.peer.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let group = |row: &&Row| {
        let own = Bar {
            label: "gibbsite".to_string(),
            value: row.microseconds,
            text: format!("{} {}", time(row.microseconds), each(row)),
            look: 5,
        };
        let others = rivals(threads, row, peers).map(|peer| Bar {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The fastest of the peers that did the same work, and how many times as long it took.
    #[test]
    fn ratios_are_of_the_fastest_peer() {
        let row = Row {
            kernel: Kernel::Cd,
            visible: 16,
            hidden: Some(16),
            batch: Some(100),
            gibbs_steps: Some(10),
            unit: "sample".to_string(),
            microseconds: 2.0,
        };
        let peer = |peer: &str, threads, microseconds| PeerRow {
            peer: peer.to_string(),
            kernel: "cd".to_string(),
            visible: 16,
            hidden: Some(16),
            batch: Some(100),
            gibbs_steps: Some(10),
            threads,
            microseconds,
        };
        let peers = [peer("slow", 2, 9.0), peer("fast", 2, 5.0), peer("other threads", 1, 1.0)];
        let text = table(2, &[&row], &peers).text().unwrap();
        let words: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(
            words,
            ["CD-10,", "16x16,", "batch", "100", "2.00", "µs", "a", "sample", "fast", "5.00", "µs", "2.5"]
        );
    }
}
