#![no_main]
//! Lists of couplings.

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let _ = gibbsite_files::couplings::of_bytes(Path::new("x"), bytes);
});
