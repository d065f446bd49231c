//! Tools that stand together under one entry of a caller's list. Other dialects hear of each by a
//! name of its own, and its calls come back as calls of the toolset.

use bytestring::ByteString;

/// One tool of a toolset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolsetMember {
    /// Its name in the typed request.
    pub flat: ByteString,
    pub name: &'static str,
    pub toolset: &'static str,
}

/// All of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Toolsets(Vec<ToolsetMember>);

impl Toolsets {
    pub(crate) fn add(&mut self, member: ToolsetMember) {
        self.0.push(member);
    }

    /// The name in the typed request of a tool of a toolset.
    pub(crate) fn flat(&self, toolset: &str, name: &str) -> Option<&ByteString> {
        let member = self.0.iter().find(|known| known.toolset == toolset && known.name == name);
        member.map(|known| &known.flat)
    }

    pub(crate) fn has(&self, toolset: &str) -> bool {
        self.0.iter().any(|known| known.toolset == toolset)
    }

    pub(crate) fn of_flat(&self, flat: &str) -> Option<&ToolsetMember> {
        self.0.iter().find(|known| known.flat == *flat)
    }
}
