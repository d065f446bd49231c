#![no_main]
//! Any bytes as the stream of Gemini.

use ainfera_fidelity::check;
use ainfera_schema::ProviderKind;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::stream(ProviderKind::Gemini, data).unwrap());
