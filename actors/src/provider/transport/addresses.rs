//! The addresses of a name, in the order in which they are to be tried (RFC 8305).

use std::net::SocketAddr;

/// Addresses of the two families in turn, beginning with the family that the system put first. The
/// order within a family stays as the system gave it.
pub fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else { return addresses };
    let first_is_ipv6 = first.is_ipv6();
    let (preferred, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let mut ordered = Vec::with_capacity(preferred.len() + other.len());
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    loop {
        match (preferred.next(), other.next()) {
            (None, None) => return ordered,
            (one, two) => ordered.extend(one.into_iter().chain(two)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(texts: &[&str]) -> Vec<String> {
        let addresses = texts.iter().map(|text| text.parse().unwrap()).collect();
        in_turn(addresses).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_families_take_turns_and_the_systems_first_choice_begins() {
        assert_eq!(
            ordered(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"]),
            ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]
        );
        assert_eq!(
            ordered(&["10.0.0.1:1", "[::1]:1", "10.0.0.2:1"]),
            ["10.0.0.1:1", "[::1]:1", "10.0.0.2:1"]
        );
        assert!(ordered(&[]).is_empty());
    }
}
