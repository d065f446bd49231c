//! Where each conversation was served last. It forgets those that have not been heard of for the
//! longest; then their hash says where they go.

use std::collections::HashMap;

use ainfera_schema::ProviderId;

/// So many are known at least, and twice as many at most: a few MiB.
const KEPT: usize = 50_000;

/// See the module.
#[derive(Debug, Default)]
pub struct Conversations {
    recent: HashMap<u64, ProviderId>,
    earlier: HashMap<u64, ProviderId>,
}

impl Conversations {
    pub fn provider_of(&self, fingerprint: u64) -> Option<&ProviderId> {
        self.recent.get(&fingerprint).or_else(|| self.earlier.get(&fingerprint))
    }

    pub fn served_by(&mut self, fingerprint: u64, provider: ProviderId) {
        if self.recent.len() >= KEPT && !self.recent.contains_key(&fingerprint) {
            self.earlier = std::mem::take(&mut self.recent);
        }
        self.recent.insert(fingerprint, provider);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_provider_counts_and_the_oldest_are_forgotten() {
        let mut conversations = Conversations::default();
        conversations.served_by(0, ProviderId::new("a"));
        conversations.served_by(0, ProviderId::new("b"));
        assert_eq!(conversations.provider_of(0), Some(&ProviderId::new("b")));
        for fingerprint in 1..=KEPT as u64 {
            conversations.served_by(fingerprint, ProviderId::new("c"));
        }
        assert_eq!(
            conversations.provider_of(0),
            Some(&ProviderId::new("b")),
            "it is among the earlier ones"
        );
        for fingerprint in KEPT as u64..3 * KEPT as u64 {
            conversations.served_by(fingerprint, ProviderId::new("c"));
        }
        assert_eq!(conversations.provider_of(0), None);
        assert!(conversations.recent.len() + conversations.earlier.len() <= 2 * KEPT);
    }
}
