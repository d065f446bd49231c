//! The Merkle tree over chain heads: leaves sorted by agent, `leaf = SHA-256(0x00 || …)`, `node =
//! SHA-256(0x01 || left || right)`, an odd last node goes up unchanged. That is the tree of RFC
//! 6962.
//!
//! One changed head costs one path, not the whole tree: a verifier replays many checkpoints over
//! many agents.

use sha2::{Digest, Sha256};

use crate::checkpoint::ChainHead;

/// A SHA-256.
pub type Node = [u8; 32];

/// The newest known head of every chain.
#[derive(Debug, Default, Clone)]
pub struct HeadTree {
    /// Sorted.
    agents: Vec<String>,
    /// The leaves, then each level above; the last one is the root alone.
    levels: Vec<Vec<Node>>,
    /// A leaf came between others, so every level above has moved.
    stale: bool,
}

impl HeadTree {
    /// How many chains there are.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Takes the newest head of a chain.
    pub fn set(&mut self, head: &ChainHead) {
        let leaf = leaf_of(head);
        if self.levels.is_empty() {
            self.levels.push(Vec::new());
        }
        match self.agents.binary_search(&head.agent_id) {
            Ok(position) => {
                self.levels[0][position] = leaf;
                self.climb(position);
            }
            Err(position) => {
                self.stale |= position < self.agents.len();
                self.agents.insert(position, head.agent_id.clone());
                self.levels[0].insert(position, leaf);
                self.climb(position);
            }
        }
    }

    /// The root; that of an empty tree is the SHA-256 of nothing.
    pub fn root(&mut self) -> Node {
        if self.stale {
            self.levels.truncate(1);
            self.stale = false;
            for level in 0.. {
                let width = self.levels[level].len();
                if width <= 1 {
                    break;
                }
                let above =
                    (0..width.div_ceil(2)).map(|position| self.above(level, position)).collect();
                self.levels.push(above);
            }
        }
        self.levels
            .last()
            .and_then(|top| top.first())
            .copied()
            .unwrap_or_else(|| Sha256::digest([]).into())
    }

    fn climb(&mut self, mut position: usize) {
        if self.stale {
            return;
        }
        let mut level = 0;
        while self.levels[level].len() > 1 {
            position /= 2;
            let node = self.above(level, position);
            level += 1;
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            if position < row.len() {
                row[position] = node;
            } else {
                row.push(node);
            }
        }
    }

    /// The node at `position` of the level above `level`.
    fn above(&self, level: usize, position: usize) -> Node {
        let row = &self.levels[level];
        match row.get(position * 2 + 1) {
            Some(right) => node_of(&row[position * 2], right),
            None => row[position * 2],
        }
    }
}

/// `SHA-256(0x00 || canonical JSON of {agent_id, event_hash, seq})`.
pub fn leaf_of(head: &ChainHead) -> Node {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(head.canonical_json().as_bytes());
    hasher.finalize().into()
}

fn node_of(left: &Node, right: &Node) -> Node {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962, by recursion.
    fn by_definition(leaves: &[Node]) -> Node {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let split = leaves.len().next_power_of_two() / 2;
                node_of(&by_definition(&leaves[..split]), &by_definition(&leaves[split..]))
            }
        }
    }

    fn head(agent: usize, seq: i64) -> ChainHead {
        ChainHead { agent_id: format!("{agent:04}"), seq, event_hash: "00".repeat(32) }
    }

    #[test]
    fn the_root_is_that_of_the_definition_however_the_heads_came() {
        for order in [1_usize, 7, 11] {
            let mut tree = HeadTree::default();
            assert_eq!(tree.root(), by_definition(&[]));
            let mut known: std::collections::BTreeMap<usize, i64> =
                std::collections::BTreeMap::new();
            for step in 0..70_usize {
                let agent = (step * order) % 37;
                known.insert(agent, step as i64);
                tree.set(&head(agent, step as i64));
                let leaves: Vec<Node> =
                    known.iter().map(|(agent, seq)| leaf_of(&head(*agent, *seq))).collect();
                assert_eq!(tree.root(), by_definition(&leaves), "order {order} step {step}");
                assert_eq!(tree.len(), known.len());
            }
        }
    }
}
