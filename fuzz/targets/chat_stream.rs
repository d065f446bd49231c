#![no_main]
//! Any bytes as the stream of a Chat Completions provider.

use ainfera_fidelity::check;
use ainfera_schema::ProviderKind;

const KIND: ProviderKind = ProviderKind::OpenaiCompatible;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::stream(KIND, data).unwrap());
