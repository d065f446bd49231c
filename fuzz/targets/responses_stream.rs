#![no_main]
//! What a Responses provider may say.

libfuzzer_sys::fuzz_target!(|data: &[u8]| ainfera_fidelity::check::stream(ainfera_schema::ProviderKind::OpenaiResponses, data).unwrap());
