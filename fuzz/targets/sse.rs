#![no_main]
//! The stream format, in any reads.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::codec(data).unwrap());
