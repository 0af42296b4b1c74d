//! Estimators of the gradient, and the updates that follow it.

pub mod batch;
pub mod direction;
pub mod gradient;
pub mod mixing;
pub mod recipe;
pub mod schedule;
pub mod trainer;
