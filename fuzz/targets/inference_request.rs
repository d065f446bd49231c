#![no_main]
//! Any bytes as the body of a request to the flat `/v1/inference`.

use ainfera_fidelity::check;
use ainfera_wire::client::ClientDialect;

libfuzzer_sys::fuzz_target!(|data: &[u8]| check::request(ClientDialect::Inference, data).unwrap());
