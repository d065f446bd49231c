//! How many calls a test makes, and many at once.

use std::future::Future;

use futures_util::stream::{self, StreamExt};

/// `short` calls as part of all tests, `whole` when the figures are wanted.
#[expect(
    clippy::disallowed_methods,
    reason = "it sizes the test, and no configuration of the gateway"
)]
pub fn calls(short: usize, whole: usize) -> usize {
    if std::env::var("AINFERA_WORLD").is_ok_and(|size| size == "whole") { whole } else { short }
}

/// Makes `count` calls, `at_once` of them at the same time; the results are in order of their ends.
pub async fn spread<T, F: Future<Output = T>>(
    count: usize,
    at_once: usize,
    call: impl FnMut(usize) -> F,
) -> Vec<T> {
    stream::iter(0..count).map(call).buffer_unordered(at_once).collect().await
}
