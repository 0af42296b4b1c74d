//! What an experiment would do, without doing it: the options and cells of its presets, what a cell costs beside the others,
//! and how far every option goes. Kept with the digests of small runs, so that none of them changes unseen.

use crate::contract::{option, words};
use crate::experiment::Experiment;
use crate::options;
use crate::record::texts;
use serde_json::Value;

/// Every part of the plan by its name.
pub fn plan<E: Experiment>() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for preset in ["defaults", "--quick", "--paper"] {
        let arguments: &[&str] = if preset == "defaults" { &[] } else { &[preset] };
        let experiment: E = options::parse(&words(arguments)).expect("a preset");
        let settings = options::settings(&experiment).expect("options are serialised");
        let cells = experiment.cells().expect("presets have cells");
        let work: Vec<f64> = cells.iter().map(|cell| experiment.work(cell)).collect();
        let whole: f64 = work.iter().sum();
        let cell = |(cell, work)| format!("{} {}\n", texts(cell).join(" "), work / whole);
        all.push((format!("options of {preset}"), Value::Object(settings).to_string()));
        all.push((format!("cells of {preset}, and what they cost"), cells.iter().zip(&work).map(cell).collect()));
    }
    let experiment: E = options::parse(&words(&["--quick"])).expect("a preset");
    for (name, value) in options::settings(&experiment).expect("options are serialised") {
        if !value.is_boolean() && name != "seed" {
            // A line is one word, of which a digest holds every letter: no number here is rounded.
            let word = |c: char| if c == '\n' || c.is_alphanumeric() { c } else { '_' };
            let text = reach::<E>(&option(&name)).chars().map(word).collect();
            all.push((format!("how far {} goes", option(&name)), text));
        }
    }
    all
}

/// What a quick run says to a value of an option: nothing where it takes it.
fn refusal<E: Experiment>(option: &str, value: &str) -> Option<String> {
    let said = match options::parse::<E>(&words(&["--quick", option, value])) {
        Err(error) => Some(error.to_string()),
        Ok(experiment) => experiment.check().err().map(|error| error.to_string()),
    };
    said.map(|text| text.lines().next().unwrap_or_default().to_string())
}

/// Values by a number: sizes, and what has a size in its name.
const FORMS: [&str; 7] = ["N", "square:NxN", "chain:N", "bars:NxN", "labelled_shifter:N", "cd:N", "gaussian:N"];

/// Values with nothing between them.
const VALUES: [&str; 12] =
    ["-1", "1e-320", "0.5", "0.999", "1.5", "1e308", "inf", "none", "exact", "exponential:0", "analytic", "ring:2"];

/// Which numbers an option takes, and what it says to those beside them.
fn reach<E: Experiment>(option: &str) -> String {
    let said = |value: &str| refusal::<E>(option, value).unwrap_or_else(|| format!("{value} is taken"));
    let mut text: String = VALUES.map(said).join("\n");
    for form in FORMS {
        let value = |n: usize| form.replace('N', &n.to_string());
        let takes = |n: usize| refusal::<E>(option, &value(n)).is_none();
        // Lattices of more than a million sites are not tried: none would be made in time.
        let largest = if form == "N" { 40 } else { 10 };
        let tried: Vec<usize> = std::iter::once(0).chain((0..=largest).map(|power| 1 << power)).collect();
        let (Some(first), Some(last)) = (tried.iter().position(|n| takes(*n)), tried.iter().rposition(|n| takes(*n)))
        else {
            continue;
        };
        if let Some(below) = first.checked_sub(1) {
            let smallest = between(tried[below], tried[first], &takes);
            text += &format!("\n{} from {smallest}: {}", form, said(&value(smallest - 1)));
        }
        if let Some(above) = tried.get(last + 1) {
            let refused = between(tried[last], *above, &|n| !takes(n));
            text += &format!("\n{} to {}: {}", form, refused - 1, said(&value(refused)));
        }
    }
    text
}

/// The least number that is one of a kind, where the first is none and the last is one.
fn between(mut other: usize, mut one: usize, is: &dyn Fn(usize) -> bool) -> usize {
    while one - other > 1 {
        let middle = other + (one - other) / 2;
        *if is(middle) { &mut one } else { &mut other } = middle;
    }
    one
}
