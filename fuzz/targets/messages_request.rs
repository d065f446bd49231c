#![no_main]
//! Bodies of Messages calls.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::request(ainfera_wire::ClientDialect::Messages, data).unwrap());
