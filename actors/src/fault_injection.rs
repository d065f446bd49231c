//! Panics on demand, for the tests that show that a panic leaves its row too. Without the feature `fault-injection` this is nothing.

/// Panics if the prompt says `[[panic <place>]]`.
#[cfg(feature = "fault-injection")]
#[expect(clippy::panic, reason = "that is what it is for")]
pub fn maybe_panic(place: &str, body: &[u8]) {
    let marker = format!("[[panic {place}]]");
    if body.windows(marker.len()).any(|window| window == marker.as_bytes()) {
        panic!("injected panic in {place}");
    }
}

#[cfg(not(feature = "fault-injection"))]
#[inline(always)]
pub fn maybe_panic(_: &str, _: &[u8]) {}
