//! Estimators of the gradient, and the updates that follow it.

pub mod batch;
pub mod gradient;
pub mod recipe;
pub mod schedule;
pub mod trainer;
