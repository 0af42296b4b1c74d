#![no_main]
//! Text of configurations, of 0 and 1 and of spins.

use gibbsite_files::data::{Reading, read_bytes};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    for spins in [false, true] {
        let _ = read_bytes(Path::new("x"), bytes, &Reading { spins, ..Reading::default() });
    }
});
