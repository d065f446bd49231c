#![no_main]
//! Any bytes as the body of a Chat Completions request.

use ainfera_fidelity::check;
use ainfera_wire::client::ClientDialect;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::request(ClientDialect::Chat, data).unwrap());
