#![no_main]
//! Machines.

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    let _ = gibbsite_files::model::machine_of_bytes(Path::new("x"), bytes);
});
