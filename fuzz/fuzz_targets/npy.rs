#![no_main]
//! NumPy's arrays, behind their magic.

use gibbsite_files::data::{Reading, read_bytes};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let bytes = [b"\x93NUMPY", bytes].concat();
    let _ = read_bytes(Path::new("x"), &bytes, &Reading::default());
});
