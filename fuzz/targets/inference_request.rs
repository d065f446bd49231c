#![no_main]
//! Bodies of flat calls.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::request(ainfera_wire::ClientDialect::Inference, data).unwrap());
