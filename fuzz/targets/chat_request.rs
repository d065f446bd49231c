#![no_main]
//! Bodies of Chat Completions calls.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::request(ainfera_wire::ClientDialect::Chat, data).unwrap());
