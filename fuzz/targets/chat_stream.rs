#![no_main]
//! What a Chat Completions provider may say.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::stream(ainfera_schema::ProviderKind::OpenaiCompatible, data).unwrap());
