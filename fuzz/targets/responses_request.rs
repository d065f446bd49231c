#![no_main]
//! Bodies of Responses calls.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::request(ainfera_wire::ClientDialect::Responses, data).unwrap());
