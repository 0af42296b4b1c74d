//! An experiment without a question, to try the laboratory on.

use crate::error::Result;
use crate::experiment::Experiment;
use crate::lab::Lab;
use crate::options::{CommonOptions, Preset};
use crate::publication::Publication;
use crate::rows::Rows;
use documented::DocumentedFields;
use serde::{Deserialize, Serialize};

/// No question.
#[derive(Clone, Debug, clap::Parser, Serialize)]
pub struct Toy {
    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

/// A place.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
pub struct Place {
    /// Its name.
    pub name: String,
}

/// What is measured there.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
pub struct Number {
    /// A number.
    pub value: f64,
    /// Whether it is doubtful.
    pub doubtful: bool,
}

/// Rows in one place after another.
pub fn pairs(places: &[(&str, &[(f64, bool)])]) -> Vec<(Place, Number)> {
    let rows = places.iter().flat_map(|(name, numbers)| numbers.iter().map(move |number| (name, number)));
    rows.map(|(name, &(value, doubtful))| (Place { name: name.to_string() }, Number { value, doubtful })).collect()
}

impl Experiment for Toy {
    type Cell = Place;
    type Row = Number;
    const NAME: &'static str = "toy";
    const AXES: &'static [&'static str] = &[];
    const QUICK: Preset = "";
    const PAPER: Preset = "";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn cells(&self) -> Result<Vec<Place>> {
        Ok(vec![Place { name: "here".to_string() }])
    }

    /// A file, and a row that tells what an earlier run has kept.
    fn run(&self, _: &Place, lab: &Lab) -> Result<Vec<Number>> {
        lab.file("note", b"a note")?;
        let value = lab.kept().unwrap_or(0.0);
        Ok(vec![Number { value, doubtful: false }])
    }

    fn show(&self, _: &Rows<Self>, _: &mut Publication) -> Result<()> {
        Ok(())
    }
}
