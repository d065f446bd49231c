//! Ids of tool calls that a client's dialect does not take, such as `functions.get_weather:0`: the
//! client gets another one, from which the vendor's own is read when it comes back.
//!
//! It has a part that no other call has, because some vendors count anew in every answer, and a
//! mark of whose it is: others get the replacement.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::codec::digest::digest;

const PREFIX: &str = "toolu_own_";
const UNIQUE: usize = 9;
const OWNER: usize = 3;
/// What every dialect takes.
const LONGEST: usize = 64;

/// A call as its vendor names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VendorCall<'c> {
    pub id: &'c str,
    /// The tool as the caller knows it.
    pub name: &'c str,
    /// Whose it is.
    pub owner: &'c str,
}

/// An id that every dialect takes; `None` if the vendor's own is too long to be kept in one.
/// `unique` is something that no other call has.
pub(crate) fn shown(call: VendorCall<'_>, unique: &str) -> Option<String> {
    let counted = call.id.strip_prefix("functions.").and_then(|rest| {
        let count = rest.strip_prefix(call.name)?.strip_prefix(':')?;
        (!count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit())).then_some(count)
    });
    // the name stands in the call: what is left is the number
    let kept = match counted {
        Some(count) => format!("f{count}"),
        None => format!("b{}", URL_SAFE_NO_PAD.encode(call.id)),
    };
    let (unique, owner) = (digest(unique, 0, UNIQUE), digest(call.owner, 0, OWNER));
    let shown = format!("{PREFIX}{unique}{owner}{kept}");
    (shown.len() <= LONGEST).then_some(shown)
}

/// The vendor's own id of a call that comes back to it; `None` if it is another one's, or has no
/// other id. `call` has the id that the client gives back.
pub(crate) fn restored(call: VendorCall<'_>) -> Option<String> {
    let rest = call.id.strip_prefix(PREFIX)?;
    let (owner, kept) = rest.get(UNIQUE..)?.split_at_checked(OWNER)?;
    if owner != digest(call.owner, 0, OWNER) {
        return None;
    }
    if let Some(count) = kept.strip_prefix('f') {
        return Some(format!("functions.{}:{count}", call.name));
    }
    let written = URL_SAFE_NO_PAD.decode(kept.strip_prefix('b')?).ok()?;
    String::from_utf8(written).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendors_id_is_read_from_the_one_that_the_client_has() {
        let name = "mcp__a_long_server_name__a_long_name_of_a_tool";
        let long = format!("functions.{name}:12");
        for id in ["functions.get_weather:0", "call:1/ä", "0", &long] {
            let call = VendorCall { id, name, owner: "moonshotai" };
            let shown = shown(call, "seed0").unwrap();
            let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            assert!(shown.len() <= 64 && shown.bytes().all(is_legal), "{shown}");
            let back = VendorCall { id: &shown, ..call };
            assert_eq!(restored(back).as_deref(), Some(id));
            assert_eq!(restored(VendorCall { owner: "z-ai", ..back }), None);
            assert_ne!(super::shown(call, "seed1").unwrap(), shown);
        }
        let too_long = "x:".repeat(40);
        assert_eq!(shown(VendorCall { id: &too_long, name, owner: "o" }, "s"), None);
        for others in ["toolu_01A09q90qw90lq917835lq9", "toolu_own_", "toolu_own_123456789abcZ"] {
            assert_eq!(restored(VendorCall { id: others, name, owner: "o" }), None);
        }
    }
}
