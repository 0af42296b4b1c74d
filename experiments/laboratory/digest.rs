//! What small runs find, in a few lines that are kept beside the experiment: whoever changes a number, a table or a figure
//! sees which, and says so by keeping the new lines.
//!
//! `digests.txt` has a heading for each run, `# ` and its options: the quick one, and others for what that does not reach;
//! before them stands the [`plan`]. Below a heading is a line for every column, table and figure: a hash of its words, and
//! two sums of its numbers, as logarithms, of which one weighs them by their places. Sums are held within rounding, since
//! libraries of mathematics differ in last digits.

use crate::contract::parsed;
use crate::experiment::{Experiment, conduct};
use crate::plan::plan;
use crate::publication::Publication;
use crate::record::{self, texts};
use crate::rows::Rows;
use crate::sweep;
use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Where this is set, tests keep what small runs find, and end.
pub const KEEP: &str = "GIBBSITE_KEEP_DIGESTS";

/// How far sums may differ, relative to the sum of sizes.
pub const ROUNDING: f64 = 1e-8;

/// The same for drawings, in which a last digit may move a point by a pixel.
pub const PIXELS: f64 = 1e-6;

/// Numbers of this size and below count as they are, larger ones by their logarithms.
const SMALLEST: f64 = 1e-6;

/// Where an experiment keeps what small runs find.
fn path<E: Experiment>() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(E::NAME).join("digests.txt")
}

/// The heading of what needs no run.
const PLAN: &str = "the plan";

/// The headings that every experiment has.
const USUAL: [&str; 2] = [PLAN, "--quick"];

/// The digests that a file keeps, by their names, under each of its headings; the `usual` ones, where it has none of them yet,
/// stand first.
fn kept(path: &Path, usual: &[&str]) -> Vec<(String, HashMap<String, Digest>)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut all: Vec<(String, HashMap<String, Digest>)> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            all.push((heading.to_string(), HashMap::new()));
        } else if let (Some(own), Some((name, digest))) = (all.last_mut(), line.rsplit_once(": ")) {
            own.1.extend(Digest::read(digest).map(|digest| (name.to_string(), digest)));
        }
    }
    for (place, heading) in usual.iter().enumerate() {
        if all.iter().all(|(other, _)| other != heading) {
            all.insert(place, (heading.to_string(), HashMap::new()));
        }
    }
    all
}

/// Panics where the texts that `found` finds for a heading, by their names, are other than those whose digests a file keeps
/// under it; keeps them where that is asked.
pub fn hold(path: &Path, usual: &[&str], mut found: impl FnMut(&str) -> Vec<(String, String)>) {
    let (keep, mut now) = (std::env::var_os(KEEP).is_some(), String::new());
    for (heading, kept) in kept(path, usual) {
        let found: Vec<(String, Digest)> =
            found(&heading).into_iter().map(|(name, text)| (name, Digest::of(&text))).collect();
        now += &format!("# {heading}\n");
        found.iter().for_each(|(name, digest)| now += &format!("{name}: {}\n", digest.line()));
        let agrees = |(name, digest): &&(String, Digest)| {
            let rounding = if name.ends_with(".svg") { PIXELS } else { ROUNDING };
            kept.get(name).is_some_and(|kept| kept.agrees(digest, rounding))
        };
        let changed: Vec<&str> = found.iter().filter(|one| !agrees(one)).map(|(name, _)| &**name).collect();
        assert!(
            keep || changed.is_empty() && kept.len() == found.len(),
            "{heading}: other things are found than {} has kept: {changed:?}; where that is meant, test again with {KEEP}=1, \
             and say why in the commit",
            path.display()
        );
    }
    if keep {
        fs::write(path, now).expect("digests");
    }
}

/// Holds the plan and the small runs of an experiment, or keeps them.
pub fn hold_runs<E: Experiment>() {
    hold(&path::<E>(), &USUAL, |heading| if heading == PLAN { plan::<E>() } else { of_run::<E>(heading) });
}

/// The options of the last small run, which reaches what the quick one does not, if there is such a run.
pub fn last_run<E: Experiment>() -> Vec<String> {
    let options = kept(&path::<E>(), &USUAL).pop().map(|(options, _)| options).unwrap_or_default();
    options.split_whitespace().map(str::to_string).collect()
}

/// Every column, further table, drawing and printed table of a run, by its name.
fn of_run<E: Experiment>(options: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = options.split_whitespace().collect();
    let parent = tempfile::tempdir().expect("a folder");
    let out = parent.path().to_str().expect("a plain path");
    let experiment = parsed::<E>(&[&words[..], &["--out", out]].concat());
    conduct(&experiment).unwrap_or_else(|error| panic!("{options}: {error}"));
    let finished = sweep::finished_earlier::<E>(parent.path()).expect("rows");
    let scratch = tempfile::tempdir().expect("a folder");
    let mut publication = Publication::begin(scratch.path(), E::NAME).expect("a folder");
    experiment.show(&Rows::of(&finished), &mut publication).unwrap_or_else(|error| panic!("{error}"));
    let rows: Vec<Vec<String>> = finished.rows.iter().map(|(cell, row)| [texts(cell), texts(row)].concat()).collect();
    let columns = record::columns::<E::Cell>().chain(record::columns::<E::Row>()).enumerate();
    let column = |(place, (name, _)): (usize, (&str, _))| {
        let values = rows.iter().map(|row| if row[place].is_empty() { "none" } else { &*row[place] });
        (format!("column {name}"), values.collect::<Vec<_>>().join("\n"))
    };
    columns.map(column).chain(publication.contents()).collect()
}

/// Words, and sums of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digest {
    words: u64,
    numbers: usize,
    sum: f64,
    by_place: f64,
    sizes: f64,
}

impl Digest {
    /// Of a text: what reads as a number is one, the rest are words.
    pub fn of(text: &str) -> Self {
        let (mut hash, mut digest) = (DefaultHasher::new(), Self::default());
        let is_part = |c: char| c.is_ascii_alphanumeric() || ".+-_".contains(c);
        for word in text.split(|c| !is_part(c)).filter(|word| !word.is_empty()) {
            match word.parse::<f64>().ok().filter(|x| x.is_finite()) {
                Some(x) => {
                    digest.numbers += 1;
                    // Small numbers beside large ones count by their digits, and places come again: none outweighs the others.
                    let (x, place) = ((x / SMALLEST).asinh(), 1.0 + (digest.numbers % 97) as f64 / 97.0);
                    (digest.sum, digest.by_place) = (digest.sum + x, digest.by_place + place * x);
                    digest.sizes += x.abs();
                }
                None => word.hash(&mut hash),
            }
        }
        digest.words = hash.finish();
        digest
    }

    /// A line for a file.
    pub fn line(&self) -> String {
        let Self { words, numbers, sum, by_place, sizes } = self;
        format!("{words:016x} {numbers} {sum:?} {by_place:?} {sizes:?}")
    }

    /// Reads a line; nothing where it is none.
    pub fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let hash = u64::from_str_radix(words.next()?, 16).ok()?;
        let numbers = words.next()?.parse().ok()?;
        let mut number = || words.next()?.parse().ok();
        Some(Self { words: hash, numbers, sum: number()?, by_place: number()?, sizes: number()? })
    }

    /// Whether two are of the same words and numbers, up to `rounding`.
    pub fn agrees(&self, other: &Self, rounding: f64) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= rounding * (self.sizes + other.sizes);
        (self.words, self.numbers) == (other.words, other.numbers)
            && close(self.sum, other.sum)
            && close(self.by_place, other.by_place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A digest sees a number, a word and an order that has changed, and not the last digits.
    #[test]
    fn a_digest_sees_what_has_changed() {
        let text = "kl: 0.25, 1e-3 nats (12 rows)";
        let digest = Digest::of(text);
        assert_eq!(Digest::read(&digest.line()), Some(digest.clone()));
        assert!(digest.agrees(&Digest::of("kl: 0.2500000000001, 1e-3 nats (12 rows)"), ROUNDING));
        for other in ["kl: 0.26, 1e-3 nats (12 rows)", "kl: 0.25, 1e-3 bits (12 rows)", "kl: 1e-3, 0.25 nats (12 rows)"]
        {
            assert!(!digest.agrees(&Digest::of(other), ROUNDING), "{other}");
        }
        assert!(!digest.agrees(&Digest::of("kl: 0.25, 1e-3 nats (12 rows) 0"), ROUNDING));
        // A small number beside a large one.
        let of = |error| Digest::of(&format!("1e12 units, {error}"));
        assert!(!of(0.01).agrees(&of(0.010_01), ROUNDING) && of(0.01).agrees(&of(0.01 + 1e-17), ROUNDING));
    }
}
