//! Times beside those of other programs.

use super::cases::{Kernel, Row};
use gibbsite::statistics::summary::Summary;
use laboratory::prelude::*;
use laboratory::report::dot_chart::{Dot, DotChart};

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

/// A row of the files that benches/peers/sittings.py writes: this program and the fastest peer, one after the other.
#[derive(Clone, Debug, Deserialize)]
pub struct Sitting {
    pub kernel: String,
    pub visible: usize,
    pub hidden: Option<usize>,
    pub batch: Option<usize>,
    pub gibbs_steps: Option<usize>,
    pub best_peer: String,
    pub ratio: f64,
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
        None => grouped(row.visible),
    };
    match (row.kernel, row.gibbs_steps, row.batch) {
        (Kernel::Metropolis, _, Some(1)) => format!("Metropolis, {size} spins, 1 chain"),
        (Kernel::Metropolis, _, Some(batch)) => {
            format!("Metropolis, {size} spins, {} chains", grouped(batch))
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
pub fn table<'a>(threads: usize, rows: &[&'a Row], peers: &[PeerRow]) -> Table<&'a Row> {
    let table = Table::of(format!("Median time on {threads} thread(s):"), rows.iter().copied())
        .column("work", |row| name(row))
        .column("time", |row| time(row.microseconds))
        .column("of", |row| each(row));
    if peers.is_empty() {
        return table;
    }
    let peer = |row: &Row| fastest(threads, row, peers);
    table
        .column("fastest peer", |row| or_empty(peer(row).map(|peer| peer.peer.clone())))
        .column("its time", |row| or_empty(peer(row).map(|peer| time(peer.microseconds))))
        .column("ratio", |row| or_empty(peer(row).map(|peer| format!("{:.1}", peer.microseconds / row.microseconds))))
}

/// How many times as long the fastest peer takes, with the range of sittings where there are any; without peers, times.
pub fn chart(threads: usize, rows: &[&Row], peers: &[PeerRow], sittings: &[Sitting]) -> DotChart {
    if peers.is_empty() && sittings.is_empty() {
        let dot = |row: &&Row| {
            let (value, text) = (row.microseconds, format!("{}\t {}", time(row.microseconds), each(row)));
            Dot { label: name(row), value, low: value, high: value, text }
        };
        return DotChart {
            title: format!("Time of one unit of work: {}", threads_in_words(threads)),
            subtitle: "medians over the rounds; whole updates are measured, parameters included".to_string(),
            axis: Axis::log("microseconds"),
            baseline: None,
            dots: rows.iter().map(dot).collect(),
        };
    }
    DotChart {
        title: format!("How many times as fast as the fastest of other programs? {}", threads_in_words(threads)),
        subtitle:
            "time of the fastest peer over that of gibbsite: the median of sittings of both in turn, and their range; \
                   of one run where there are none"
                .to_string(),
        axis: Axis::log("ratio of times"),
        baseline: Some(1.0),
        dots: rows.iter().filter_map(|row| ratio(threads, row, peers, sittings)).collect(),
    }
}

fn threads_in_words(threads: usize) -> String {
    if threads == 1 { "one thread".to_string() } else { format!("{threads} threads") }
}

/// The ratio of one kind of work; `None` where no peer does it.
fn ratio(threads: usize, row: &Row, peers: &[PeerRow], sittings: &[Sitting]) -> Option<Dot> {
    let same = sittings.iter().filter(|sitting| {
        (sitting.kernel.as_str(), sitting.visible, sitting.hidden)
            == (&*row.kernel.to_string(), row.visible, row.hidden)
            && (sitting.batch, sitting.gibbs_steps) == (row.batch, row.gibbs_steps)
    });
    let (ratios, mut names): (Vec<f64>, Vec<&str>) =
        same.map(|sitting| (sitting.ratio, sitting.best_peer.as_str())).unzip();
    if ratios.is_empty() {
        let peer = fastest(threads, row, peers)?;
        let value = peer.microseconds / row.microseconds;
        let text = format!("{}\t{}, one run", short(value), peer.peer);
        return Some(Dot { label: name(row), value, low: value, high: value, text });
    }
    names.sort_unstable();
    names.dedup();
    let (count, Summary { median, smallest, largest }) = (ratios.len(), Summary::of(ratios));
    let (value, range) = (short(median), format!("{} to {}", short(smallest), short(largest)));
    let text = format!("{value}\t{range} in {count} sittings, {}", names.join(" or "));
    Some(Dot { label: name(row), value: median, low: smallest, high: largest, text })
}

/// Two digits or more.
fn short(ratio: f64) -> String {
    if ratio < 20.0 { format!("{ratio:.1}") } else { format!("{ratio:.0}") }
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
        let of = |sittings: &[Sitting]| chart(2, &[&row], &peers, sittings).dots[0].clone();
        let one = Dot {
            label: "CD-10, 16x16, batch 100".to_string(),
            value: 2.5,
            low: 2.5,
            high: 2.5,
            text: "2.5\tfast, one run".to_string(),
        };
        assert_eq!(of(&[]), one);
        // Of three sittings the middle one, and a fourth is of other work.
        let sitting = |best_peer: &str, ratio, gibbs_steps| Sitting {
            kernel: "cd".to_string(),
            visible: 16,
            hidden: Some(16),
            batch: Some(100),
            gibbs_steps: Some(gibbs_steps),
            best_peer: best_peer.to_string(),
            ratio,
        };
        let sittings = [("fast", 9.0, 10), ("slow", 4.0, 10), ("fast", 3.0, 10), ("fast", 99.0, 1)];
        let text = "4.0\t3.0 to 9.0 in 3 sittings, fast or slow".to_string();
        let expected = Dot { value: 4.0, low: 3.0, high: 9.0, text, ..one };
        let sittings = sittings.map(|(peer, ratio, k)| sitting(peer, ratio, k));
        assert_eq!(of(&sittings), expected);
        // Sittings alone are enough.
        let alone = chart(2, &[&row], &[], &sittings);
        assert_eq!((alone.baseline, &alone.dots[..]), (Some(1.0), &[expected][..]));
        assert_eq!(chart(2, &[&row], &[], &[]).dots[0].value, 2.0);
        let text = table(2, &[&row], &peers).text().unwrap();
        let words: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(
            words,
            ["CD-10,", "16x16,", "batch", "100", "2.00", "µs", "a", "sample", "fast", "5.00", "µs", "2.5"]
        );
    }
}
