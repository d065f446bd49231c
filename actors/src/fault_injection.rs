//! Panics on demand, for the tests that show that a panic leaves its row too. Without the feature
//! `fault-injection` this is nothing.

#[cfg(feature = "fault-injection")]
pub use armed::{arm, maybe_panic, maybe_panic_over};
#[cfg(not(feature = "fault-injection"))]
pub use unarmed::{arm, maybe_panic, maybe_panic_over};

#[cfg(feature = "fault-injection")]
#[expect(clippy::panic, reason = "that is what it is for")]
mod armed {
    use std::collections::HashSet;
    use std::sync::{Mutex, PoisonError};

    use ainfera_schema::RequestId;

    /// Places where a call asked for a panic, by actors that never see its prompt.
    static ARMED: Mutex<Option<HashSet<(String, RequestId)>>> = Mutex::new(None);

    /// Panics if the prompt says `[[panic <place>]]`.
    pub fn maybe_panic(place: &str, body: &[u8]) {
        let marker = format!("[[panic {place}]]");
        if body.windows(marker.len()).any(|window| window == marker.as_bytes()) {
            panic!("injected panic in {place}");
        }
    }

    /// Notes where the prompt asks for a panic over its call.
    pub fn arm(request_id: RequestId, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let places = text
            .split("[[panic ")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("]]")?.0.to_owned()));
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        armed.get_or_insert_default().extend(places.map(|place| (place, request_id)));
    }

    /// Panics once if the prompt of this call asked for it.
    pub fn maybe_panic_over(place: &str, request_id: RequestId) {
        let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
        let found =
            armed.as_mut().is_some_and(|armed| armed.remove(&(place.to_owned(), request_id)));
        drop(armed);
        if found {
            panic!("injected panic in {place}");
        }
    }
}

#[cfg(not(feature = "fault-injection"))]
mod unarmed {
    use ainfera_schema::RequestId;

    #[inline(always)]
    pub fn maybe_panic(_: &str, _: &[u8]) {}

    #[inline(always)]
    pub fn arm(_: RequestId, _: &[u8]) {}

    #[inline(always)]
    pub fn maybe_panic_over(_: &str, _: RequestId) {}
}
