#![no_main]
//! What Gemini may say.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::stream(ainfera_schema::ProviderKind::Gemini, data).unwrap());
