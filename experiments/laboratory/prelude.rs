//! What an experiment needs of the laboratory.

pub use crate::choice;
pub use crate::error::{Error, Result};
pub use crate::experiment::Experiment;
pub use crate::groups::*;
pub use crate::lab::Lab;
pub use crate::learning::*;
pub use crate::list::List;
pub use crate::looks::look_of;
pub use crate::options::{CommonOptions, Preset, check_at_most};
pub use crate::plot::Over;
pub use crate::publication::Publication;
pub use crate::record::identity;
pub use crate::report::figure::{Axis, Figure, Level, Mark, Panel, Point, Series, grouped};
pub use crate::report::look::Look;
pub use crate::rows::{Group, Rows};
pub use crate::table::{Table, digits, known, or_empty, per_cent, yes_or_no};
pub use crate::value::*;
pub use clap::Parser;
pub use documented::DocumentedFields;
pub use itertools::iproduct;
pub use serde::{Deserialize, Serialize};
pub use std::process::ExitCode;
