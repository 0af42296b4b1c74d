//! Estimators of the gradient, and the updates that follow it.

pub mod batch;
pub(crate) mod course;
pub mod direction;
pub mod gradient;
pub mod mixing;
pub mod recipe;
pub mod schedule;
mod settings;
pub mod trainer;
