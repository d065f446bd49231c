#![no_main]
//! Any bytes as the stream of an Anthropic provider.

use ainfera_fidelity::check;
use ainfera_schema::ProviderKind;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::stream(ProviderKind::Anthropic, data).unwrap());
