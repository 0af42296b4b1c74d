//! Records: structs whose fields are the columns of a table, and whose comments document them.

use crate::error::{Error, Result};
use documented::DocumentedFields;
use serde::{Serialize, de::DeserializeOwned};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// Some columns of a table. Derive Serialize, Deserialize and DocumentedFields, and write a comment on every field.
pub trait Record: Serialize + DeserializeOwned + DocumentedFields + Clone + Send + Sync {}

impl<T: Serialize + DeserializeOwned + DocumentedFields + Clone + Send + Sync> Record for T {}

/// A column's name and what it holds.
pub fn columns<T: DocumentedFields>() -> impl Iterator<Item = (&'static str, &'static str)> {
    let names = T::FIELD_NAMES.iter().copied();
    names.zip(T::FIELD_DOCS.iter().copied())
}

/// The values of a record as a table has them.
pub fn texts<T: Serialize>(record: &T) -> Vec<String> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    // Writing to memory cannot fail, and a record is flat.
    let written = writer.serialize(record).is_ok();
    let bytes = writer.into_inner().unwrap_or_default();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
    match reader.records().next() {
        Some(Ok(values)) if written => values.iter().map(str::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Letters that a name may have.
const LONGEST: usize = 160;

/// A name fit for a file, of the record's own values: `square-3x3_cd_gibbs_steps-10_replica-2`. Numbers have the names of
/// their columns before them; what is missing is left out.
pub fn identity<T: Record>(record: &T) -> String {
    let values = texts(record);
    let named = T::FIELD_NAMES.iter().zip(&values);
    let words = named.filter(|(_, value)| !value.is_empty()).map(|(name, value)| {
        let value: String =
            value.chars().map(|c| if c.is_alphanumeric() || ".-_+=".contains(c) { c } else { '-' }).collect();
        match value.parse::<f64>() {
            Ok(_) => format!("{name}-{value}"),
            Err(_) => value,
        }
    });
    let name = words.collect::<Vec<_>>().join("_");
    if name.len() <= LONGEST {
        return name;
    }
    // File names have an end; a hash of the rest tells such names apart.
    let (mut hash, start) = (DefaultHasher::new(), name.chars().take(LONGEST).collect::<String>());
    name.hash(&mut hash);
    format!("{start}-{:016x}", hash.finish())
}

/// Pairs of records as a table: the columns of the first, then those of the second. A missing value is empty.
pub fn to_csv<'a, A: Record + 'a, B: Record + 'a>(rows: impl Iterator<Item = (&'a A, &'a B)>) -> csv::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    writer.write_record(A::FIELD_NAMES.iter().chain(B::FIELD_NAMES))?;
    for pair in rows {
        writer.serialize(pair)?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// Reads what [`to_csv`] wrote, in whichever order its columns stand; lines that begin with # are comments.
pub fn read_csv<A: Record, B: Record>(path: &Path) -> Result<Vec<(A, B)>> {
    let refuse = |source| Error::Table { path: path.to_path_buf(), source };
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.comment(Some(b'#')).from_path(path).map_err(refuse)?;
    let header = reader.headers().map_err(refuse)?;
    let other = |problem: String| {
        let problem = format!("its columns are not those of this program: {problem}");
        refuse(csv::Error::from(std::io::Error::other(problem)))
    };
    let expected: Vec<&str> = A::FIELD_NAMES.iter().chain(B::FIELD_NAMES).copied().collect();
    if let Some(name) = header.iter().find(|name| !expected.contains(name)) {
        return Err(other(format!("there is no `{name}` any more")));
    }
    let place = |name: &&str| {
        let found = header.iter().position(|column| column == *name);
        found.ok_or_else(|| other(format!("`{name}` is missing")))
    };
    let places = expected.iter().map(place).collect::<Result<Vec<usize>>>()?;
    let read = |record: csv::Result<csv::StringRecord>| {
        let record = record?;
        let ordered: csv::StringRecord = places.iter().filter_map(|place| record.get(*place)).collect();
        ordered.deserialize(None)
    };
    reader.records().map(|record| read(record).map_err(refuse)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DocumentedFields)]
    struct Cell {
        /// What is learned.
        target: String,
        /// k.
        gibbs_steps: Option<usize>,
        /// T.
        temperature: f64,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DocumentedFields)]
    struct Row {
        /// In nats.
        kl: f64,
        /// Missing where it cannot be told.
        error: Option<f64>,
        /// In words.
        doubts: String,
    }

    #[test]
    fn pairs_of_records_are_read_as_they_were_written() {
        let cell = |gibbs_steps| Cell { target: "square:3x3".to_string(), gibbs_steps, temperature: 0.1 + 0.2 };
        let row = |kl, error| Row { kl, error, doubts: "slow, \"very\"; few".to_string() };
        let rows = [(cell(None), row(1e-300, None)), (cell(Some(10)), row(f64::INFINITY, Some(0.25)))];
        let bytes = to_csv(rows.iter().map(|(a, b)| (a, b))).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_csv::<Cell, Row>(&path).unwrap(), rows);
        // Columns in another order are the same columns.
        let other_way: Vec<(Row, Cell)> = rows.iter().map(|(cell, row)| (row.clone(), cell.clone())).collect();
        assert_eq!(read_csv::<Row, Cell>(&path).unwrap(), other_way);
        let refused = |from: &str, to: &str| {
            let text = String::from_utf8(bytes.clone()).unwrap().replacen(from, to, 1);
            std::fs::write(&path, text).unwrap();
            read_csv::<Cell, Row>(&path).unwrap_err().to_string()
        };
        assert!(refused("gibbs_steps", "k").contains("there is no `k` any more"));
        assert!(refused(",doubts", "").contains("`doubts` is missing"));
        assert_eq!(identity(&rows[0].0), "square-3x3_temperature-0.30000000000000004");
        let ten = "square-3x3_gibbs_steps-10_temperature-0.30000000000000004";
        assert_eq!(identity(&rows[1].0), ten);
        let long = |target: &str| identity(&Cell { target: target.to_string(), ..cell(None) });
        let (one, two) = (long(&"x".repeat(400)), long(&"x".repeat(401)));
        assert!(one.len() < 200 && one != two);
        let names: Vec<_> = columns::<Row>().collect();
        assert_eq!(names[1], ("error", "Missing where it cannot be told."));
    }
}
