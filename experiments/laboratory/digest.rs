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

/// Numbers of this size and below count as they are, larger ones by their logarithms.
const SMALLEST: f64 = 1e-6;

/// The same for drawings, in which a last digit may move a point by a pixel.
pub const PIXELS: f64 = 1e-6;

/// Where an experiment keeps what small runs find.
fn path<E: Experiment>() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(E::NAME).join("digests.txt")
}

/// The heading of what needs no run.
const PLAN: &str = "the plan";

/// What is kept: the options of each run, and its digests by name. The quick run alone where there is no file yet; the plan
/// is always there.
fn kept<E: Experiment>() -> Vec<(String, HashMap<String, Digest>)> {
    let text = fs::read_to_string(path::<E>()).unwrap_or_default();
    let mut runs: Vec<(String, HashMap<String, Digest>)> = Vec::new();
    for line in text.lines() {
        if let Some(options) = line.strip_prefix("# ") {
            runs.push((options.to_string(), HashMap::new()));
        } else if let (Some(run), Some((name, digest))) = (runs.last_mut(), line.split_once(": ")) {
            run.1.extend(Digest::read(digest).map(|digest| (name.to_string(), digest)));
        }
    }
    // Times are not kept.
    let headings = if E::REPEATABLE { &[PLAN, "--quick"][..] } else { &[PLAN] };
    for (place, heading) in headings.iter().enumerate() {
        if runs.iter().all(|(options, _)| options != heading) {
            runs.insert(place, (heading.to_string(), HashMap::new()));
        }
    }
    runs
}

/// The options of the last small run, which reaches what the quick one does not, if there is such a run.
pub fn last_run<E: Experiment>() -> Vec<String> {
    let options = kept::<E>().pop().map(|(options, _)| options).unwrap_or_default();
    options.split_whitespace().map(str::to_string).collect()
}

/// Every column, further table, drawing and printed table of a run, or every part of the plan, by its name.
fn found<E: Experiment>(heading: &str) -> Vec<(String, Digest)> {
    let texts = if heading == PLAN { plan::<E>() } else { of_run::<E>(heading) };
    texts.into_iter().map(|(name, text)| (name, Digest::of(&text))).collect()
}

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

/// Keeps what small runs find.
pub fn keep<E: Experiment>() {
    let mut text = String::new();
    for (options, _) in kept::<E>() {
        text += &format!("# {options}\n");
        found::<E>(&options).iter().for_each(|(name, digest)| text += &format!("{name}: {}\n", digest.line()));
    }
    fs::write(path::<E>(), text).expect("the digests of small runs");
}

/// Panics where small runs find other things than what is kept.
pub fn check<E: Experiment>() {
    for (options, kept) in kept::<E>() {
        let found = found::<E>(&options);
        let agrees = |(name, digest): &&(String, Digest)| {
            let rounding = if name.ends_with(".svg") { PIXELS } else { ROUNDING };
            kept.get(name).is_some_and(|kept| kept.agrees(digest, rounding))
        };
        let changed: Vec<&str> = found.iter().filter(|one| !agrees(one)).map(|(name, _)| &**name).collect();
        assert!(
            changed.is_empty() && kept.len() == found.len(),
            "{options}: other things are found than {} has kept: {changed:?}; where that is meant, test again with {KEEP}=1, \
             and say why in the commit",
            path::<E>().display()
        );
    }
}

/// Panics where texts are other than those whose digests a file keeps; keeps them where that is asked.
pub fn hold(path: &Path, texts: &[(String, String)]) {
    if std::env::var_os(KEEP).is_some() {
        let line = |(name, text): &(String, String)| format!("{name}: {}\n", Digest::of(text).line());
        fs::write(path, texts.iter().map(line).collect::<String>()).expect("the digests");
    }
    let kept = fs::read_to_string(path).expect("digests that are kept");
    let digest = |line: &str| line.rsplit_once(": ").map(|(name, line)| (name.to_string(), Digest::read(line)));
    let kept: HashMap<String, Option<Digest>> = kept.lines().filter_map(digest).collect();
    let agrees = |(name, text): &&(String, String)| {
        kept.get(name).and_then(Option::as_ref).is_some_and(|kept| kept.agrees(&Digest::of(text), ROUNDING))
    };
    let changed: Vec<&str> = texts.iter().filter(|text| !agrees(text)).map(|(name, _)| &**name).collect();
    assert!(
        changed.is_empty() && kept.len() == texts.len(),
        "not as {} has kept it: {changed:?}; where that is meant, test again with {KEEP}=1, and say why in the commit",
        path.display()
    );
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
