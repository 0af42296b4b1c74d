//! Runs that figures and table put together.

use super::Row;
use super::options::Options;
use super::subjects::{FAMILIES, Family, Subject};

/// The runs of one family with the same settings.
pub struct Group<'a> {
    pub family: Family,
    pub estimator: &'a str,
    pub schedule: &'a str,
    pub temperatures: usize,
    pub rows: Vec<&'a Row>,
}

/// What runs with the same settings share: estimator, schedule, temperatures, chains and steps of all chains together.
pub fn settings(row: &Row) -> (&str, &str, usize, usize, u64) {
    (&row.estimator, &row.schedule, row.temperatures, row.chains, row.steps())
}

/// Whether a run is of an estimator and, unless that is empty, a schedule.
pub fn is(row: &Row, estimator: &str, schedule: &str) -> bool {
    row.estimator == estimator && (schedule.is_empty() || row.schedule == schedule)
}

/// Rows by family and settings, in order of the rows.
pub fn groups<'a>(options: &Options, rows: &'a [Row]) -> Vec<Group<'a>> {
    let sides: Vec<usize> = options.sides.iter().map(|side| side.0).collect();
    let mut groups: Vec<Group> = Vec::new();
    for family in FAMILIES.map(|(family, _)| family) {
        let names: Vec<String> = Subject::of(family, &sides).iter().map(Subject::name).collect();
        for row in rows.iter().filter(|row| names.contains(&row.model)) {
            let key = settings(row);
            let same = |group: &&mut Group| {
                // Every size of the spins has runs of its own.
                let sizes = family != Family::Spins || group.rows[0].visible == row.visible;
                group.family == family && settings(group.rows[0]) == key && sizes
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.rows.push(row),
                None => groups.push(Group {
                    family,
                    estimator: &row.estimator,
                    schedule: &row.schedule,
                    temperatures: row.temperatures,
                    rows: vec![row],
                }),
            }
        }
    }
    groups
}

impl Group<'_> {
    /// Gibbs updates of every unit: steps of all chains together.
    pub fn work(&self) -> f64 {
        self.rows[0].steps() as f64
    }

    /// A quantile of |error|.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut errors: Vec<f64> = self.rows.iter().map(|row| row.error().abs()).collect();
        errors.sort_by(f64::total_cmp);
        errors[((errors.len() - 1) as f64 * share).round() as usize]
    }
}
