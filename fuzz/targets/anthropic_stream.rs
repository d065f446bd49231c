#![no_main]
//! What an Anthropic provider may say.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::stream(ainfera_schema::ProviderKind::Anthropic, data).unwrap());
