//! How far a piece of JSON has come, without reading it.

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    depth: u32,
    begun: bool,
    place: Place,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Between,
    InString,
    AfterBackslash,
}

impl Nesting {
    pub(super) fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            self.place = match (self.place, byte) {
                (Place::Between, b'"') => Place::InString,
                (Place::Between, b'{' | b'[') => {
                    self.depth += 1;
                    self.begun = true;
                    Place::Between
                }
                (Place::Between, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    Place::Between
                }
                (Place::InString, b'\\') => Place::AfterBackslash,
                (Place::InString, b'"') => Place::Between,
                (Place::AfterBackslash, _) => Place::InString,
                (place, _) => place,
            };
        }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) fn is_complete(&self) -> bool {
        self.begun && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_inside_of_a_text_end_nothing() {
        let mut nesting = Nesting::default();
        for (piece, complete) in
            [("", false), ("{\"x", false), ("\\\"}\": [\"]\"", false), ("]", false), ("}", true)]
        {
            nesting.read(piece);
            assert_eq!(nesting.is_complete(), complete, "{piece}");
        }
    }
}
