//! The table that answers the question.

use super::measure::{GIBBS, LOG_PARTITION, SAMPLED};
use super::options::Options;
use super::{Outcome, Row, Said};
use gibbsite::battery::Family;
use laboratory::harness::options::preset_line;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// How many numbers did how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub runs: usize,
    /// Those that are called converged or trusted, or in which a single run has no doubt.
    pub yes: usize,
    /// Of these, those within two standard errors.
    pub within: usize,
    /// Of these, those beyond four.
    pub beyond: usize,
    /// Those that are refused although they are within two.
    pub refused_though_within: usize,
}

impl Tally {
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut tally = Self::default();
        for row in rows {
            tally.runs += 1;
            tally.yes += usize::from(row.said == Said::Yes);
            match row.outcome() {
                Outcome::Within => tally.within += 1,
                Outcome::Beyond => tally.beyond += 1,
                Outcome::RefusedThoughWithin => tally.refused_though_within += 1,
                Outcome::Between | Outcome::Refused => (),
            }
        }
        tally
    }

    pub fn refused(&self) -> usize {
        self.runs - self.yes
    }
}

/// Whether an estimator calls its numbers converged or trusted: a single run only doubts.
fn claims(row: &Row) -> bool {
    let claiming = ["both_sides", "both_sides_tempered", GIBBS, SAMPLED];
    claiming.contains(&row.estimator.as_str())
}

/// A share in per cent, of nothing a dash.
fn percent(part: usize, whole: usize) -> String {
    match whole {
        0 => "-".to_string(),
        _ => format!("{:.1} %", 100.0 * part as f64 / whole as f64),
    }
}

/// What the program prints at its end.
pub fn text(options: &Options, rows: &[Row], out: &Path, time: Duration) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    if let Some(line) = preset_line(options) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "Wrote rows.csv, calibration (.png, .svg) and run.json to {} in {:.0} s.\n",
        out.display(),
        time.as_secs_f64(),
    );
    text.push_str(&table(rows));
    text
}

/// A line a family and estimator, and the totals.
fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<14} {:<26} {:>6} {:>6} {:>9} {:>16} {:>8} {:>20}",
        "family", "estimator", "runs", "yes", "within 2", "beyond 4", "refused", "though within 2"
    );
    let estimators = LOG_PARTITION.into_iter().chain([GIBBS, SAMPLED]);
    for family in Family::ALL.map(Family::name) {
        for estimator in estimators.clone() {
            let of = |row: &&Row| row.family == family && row.estimator == estimator;
            let tally = Tally::of(rows.iter().filter(of));
            if tally.runs == 0 {
                continue;
            }
            let beyond = format!("{} ({})", tally.beyond, percent(tally.beyond, tally.yes));
            let _ = writeln!(
                text,
                "{family:<14} {estimator:<26} {:>6} {:>6} {:>9} {beyond:>16} {:>8} {:>20}",
                tally.runs,
                tally.yes,
                percent(tally.within, tally.yes),
                tally.refused(),
                tally.refused_though_within,
            );
        }
    }
    let undoubted = Tally::of(rows.iter().filter(|row| !claims(row)));
    let called = Tally::of(rows.iter().filter(|row| claims(row)));
    let easy = |row: &&Row| claims(row) && row.family == Family::Easy.name();
    let easy = Tally::of(rows.iter().filter(easy));
    let _ = writeln!(
        text,
        "\nOf {} single runs without a doubt, {} ({}) are beyond four standard errors; {} within two.\n\
         Of {} numbers called converged or trusted, {} ({}) are beyond four standard errors; {} within two; of the easy \
         machines {} are called so.",
        undoubted.yes,
        undoubted.beyond,
        percent(undoubted.beyond, undoubted.yes),
        percent(undoubted.within, undoubted.yes),
        called.yes,
        called.beyond,
        percent(called.beyond, called.yes),
        percent(called.within, called.yes),
        percent(easy.yes, easy.runs),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that is so many standard errors of 0.5 off.
    fn row(family: Family, estimator: &str, errors: Option<f64>, said: Said) -> Row {
        Row {
            family: family.to_string(),
            machine: String::new(),
            visible: 1,
            hidden: 1,
            quantity: "log_partition".to_string(),
            estimator: estimator.to_string(),
            replica: 0,
            value: 7.0 - 0.5 * errors.unwrap_or(9.0),
            standard_error: errors.map(|_| 0.5),
            exact: 7.0,
            said,
            doubts: String::new(),
        }
    }

    /// Five are called so: three within two errors of which one is exact, one at 3 and one at -5; three are refused, one of
    /// which is right and one beyond four.
    fn rows() -> Vec<Row> {
        let (yes, no) = (Said::Yes, Said::No);
        let both = |errors, said| row(Family::Easy, "both_sides", errors, said);
        vec![
            both(Some(0.0), yes),
            both(Some(1.9), yes),
            both(Some(-1.9), yes),
            both(Some(3.0), yes),
            both(Some(-5.0), yes),
            both(Some(1.0), no),
            both(Some(6.0), no),
            both(None, no),
            row(Family::Narrow, "gibbs", Some(0.1), yes),
            row(Family::Narrow, "gibbs", None, no),
            row(Family::Narrow, "forward_ais", Some(8.0), yes),
            row(Family::Narrow, "forward_ais", Some(0.5), yes),
        ]
    }

    #[test]
    fn outcomes_end_at_two_and_four_errors() {
        let outcome = |errors, said| row(Family::Cold, "gibbs", errors, said).outcome();
        for (errors, expected) in [
            (Some(2.0), Outcome::Within),
            (Some(-2.1), Outcome::Between),
            (Some(4.0), Outcome::Between),
            (Some(-4.1), Outcome::Beyond),
            (None, Outcome::Beyond),
        ] {
            assert_eq!(outcome(errors, Said::Yes), expected, "{errors:?}");
        }
        assert_eq!(outcome(Some(2.0), Said::No), Outcome::RefusedThoughWithin);
        assert_eq!(outcome(Some(2.1), Said::No), Outcome::Refused);
        assert_eq!(outcome(None, Said::No), Outcome::Refused);
    }

    #[test]
    fn a_tally_is_of_what_is_called_right() {
        let rows = rows();
        let tally = Tally::of(rows.iter().filter(|row| row.estimator == "both_sides"));
        let expected = Tally { runs: 8, yes: 5, within: 3, beyond: 1, refused_though_within: 1 };
        assert_eq!((tally, tally.refused()), (expected, 3));
    }

    #[test]
    fn the_table_says_so() {
        let text = table(&rows());
        let words = |start: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.starts_with(start)).unwrap();
            line.split_whitespace().map(str::to_string).collect()
        };
        let expected = ["easy", "both_sides", "8", "5", "60.0", "%", "1", "(20.0", "%)", "3", "1"];
        assert_eq!(words("easy"), expected);
        // The single runs of the narrow mode come before its observables.
        let narrow = words("narrow");
        assert_eq!(narrow[1..8], ["forward_ais", "2", "2", "50.0", "%", "1", "(50.0"]);
        let totals = "Of 2 single runs without a doubt, 1 (50.0 %) are beyond four standard errors; 50.0 % within two.\n\
                      Of 6 numbers called converged or trusted, 1 (16.7 %) are beyond four standard errors; 66.7 % within \
                      two; of the easy machines 62.5 % are called so.\n";
        assert!(text.ends_with(totals), "{text}");
    }
}
