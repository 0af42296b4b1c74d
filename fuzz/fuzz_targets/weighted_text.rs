#![no_main]
//! Text of configurations with a column of weights.

use gibbsite_files::data::{Column, Reading, read_bytes};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    for weights in [Column::Last, Column::Number(1), Column::Name("n".to_string())] {
        let _ = read_bytes(Path::new("x"), bytes, &Reading { weights: Some(weights), ..Reading::default() });
    }
});
