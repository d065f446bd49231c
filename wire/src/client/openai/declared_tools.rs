//! The tools of an OpenAI client as it declared them, and the names that the typed request has for
//! them: there every tool is a function with a name of its own, and each call comes back as what
//! the client declared.

use bytestring::ByteString;

use crate::codec::digest::digest;

/// What a client declared as a tool that it runs itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolKind {
    Function,
    /// It takes any text.
    Custom,
    LocalShell,
    Shell,
    ApplyPatch,
    /// Takes several actions at once.
    Computer,
    ComputerPreview,
    ToolSearch,
}

impl ToolKind {
    /// The kinds that have no name but their type.
    const OWN_TYPES: [(&'static str, ToolKind); 8] = [
        ("local_shell", ToolKind::LocalShell),
        ("shell", ToolKind::Shell),
        ("apply_patch", ToolKind::ApplyPatch),
        ("computer", ToolKind::Computer),
        ("computer_use", ToolKind::Computer),
        ("computer_use_preview", ToolKind::ComputerPreview),
        ("computer-use-preview", ToolKind::ComputerPreview),
        ("tool_search", ToolKind::ToolSearch),
    ];

    /// The kind of a tool that the client runs and that has no name but its type.
    pub fn of_own_type(kind: &str) -> Option<Self> {
        Self::OWN_TYPES.iter().find(|(known, _)| *known == kind).map(|(_, kind)| *kind)
    }

    /// What such a tool is called.
    pub fn own_name(self) -> Option<&'static str> {
        match self {
            ToolKind::ComputerPreview => Some("computer"),
            ToolKind::Function | ToolKind::Custom => None,
            kind => Self::OWN_TYPES.iter().find(|(_, known)| *known == kind).map(|(name, _)| *name),
        }
    }

    /// Is this `type` a word for tools of the kind?
    fn is_called(self, word: &str) -> bool {
        match self {
            ToolKind::Function => word == "function",
            ToolKind::Custom => word == "custom",
            kind => Self::of_own_type(word) == Some(kind),
        }
    }
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredTool {
    /// Its name in the typed request.
    pub flat: ByteString,
    pub kind: ToolKind,
    /// Its name at the client.
    pub name: ByteString,
    pub namespace: Option<ByteString>,
}

impl DeclaredTool {
    /// Does an entry of `allowed_tools`, or a choice, mean this tool? It has a type, and where
    /// tools of that type have names, a name.
    pub fn is_meant_by(&self, kind: &str, name: Option<&str>, namespace: Option<&str>) -> bool {
        if kind == "namespace" {
            return name.is_some() && name == self.namespace.as_deref();
        }
        match name {
            Some(name) => {
                *name == *self.name
                    && namespace
                        .is_none_or(|namespace| self.namespace.as_deref() == Some(namespace))
                    || namespace.is_none() && *name == *self.flat
            }
            None => self.kind.is_called(kind),
        }
    }
}

/// All tools of a call, those of its history too.
#[derive(Debug, Clone, Default)]
pub struct DeclaredTools(Vec<DeclaredTool>);

impl DeclaredTools {
    /// The name in the typed request of a tool that is declared, or was called. The same tool
    /// always has the same, and no other has it.
    pub fn flat(&mut self, kind: ToolKind, name: &str, namespace: Option<&str>) -> ByteString {
        let is_it = |known: &&DeclaredTool| {
            known.kind == kind && known.name == *name && known.namespace.as_deref() == namespace
        };
        if let Some(known) = self.0.iter().find(is_it) {
            return known.flat.clone();
        }
        let base = match namespace {
            None => name.to_owned(),
            Some(namespace) if namespace.ends_with("__") => format!("{namespace}{name}"),
            Some(namespace) => format!("{namespace}__{name}"),
        };
        let mut flat = base.clone();
        let mut salt = 0;
        while self.0.iter().any(|known| known.flat == *flat) {
            let whole = format!("{kind:?}\n{}\n{name}", namespace.unwrap_or_default());
            flat = format!("{base}_{}", digest(&whole, salt, 6));
            salt += 1;
        }
        let flat = ByteString::from(flat);
        self.0.push(DeclaredTool {
            flat: flat.clone(),
            kind,
            name: name.into(),
            namespace: namespace.map(ByteString::from),
        });
        flat
    }

    /// The same for a call in the history, which may be of a tool that is declared no more, or that
    /// had another kind when it was called.
    pub fn called(&mut self, kind: ToolKind, name: &str, namespace: Option<&str>) -> ByteString {
        let exact = |known: &&DeclaredTool| {
            known.kind == kind && known.name == *name && known.namespace.as_deref() == namespace
        };
        let alike = |known: &&DeclaredTool| {
            known.name == *name && known.namespace.as_deref() == namespace
                || namespace.is_none() && known.flat == *name
        };
        let known = self.0.iter().find(exact).or_else(|| self.0.iter().find(alike));
        match known {
            Some(known) => known.flat.clone(),
            None => self.flat(kind, name, namespace),
        }
    }

    /// What the client declared under this name of the typed request.
    pub fn of_flat(&self, flat: &str) -> Option<&DeclaredTool> {
        self.0.iter().find(|known| known.flat == *flat)
    }

    /// The same; a name that nobody declared is that of a function.
    pub fn declared(&self, flat: &str) -> DeclaredTool {
        self.of_flat(flat).cloned().unwrap_or_else(|| DeclaredTool {
            flat: flat.into(),
            kind: ToolKind::Function,
            name: flat.into(),
            namespace: None,
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = &DeclaredTool> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_become_the_same_stay_apart() {
        let mut tools = DeclaredTools::default();
        let declared = [
            (ToolKind::Function, "a__b", None),
            (ToolKind::Function, "b", Some("a__")),
            (ToolKind::Function, "b", Some("a")),
            (ToolKind::Custom, "a__b", None),
            (ToolKind::Shell, "shell", None),
            (ToolKind::Function, "shell", None),
        ];
        let flat = declared.map(|(kind, name, namespace)| tools.flat(kind, name, namespace));
        for (at, (kind, name, namespace)) in declared.into_iter().enumerate() {
            let found = tools.of_flat(&flat[at]).unwrap();
            assert_eq!(
                (found.kind, &*found.name, found.namespace.as_deref()),
                (kind, name, namespace)
            );
            assert_eq!(tools.called(kind, name, namespace), flat[at]);
        }
        assert_eq!(&*flat[0], "a__b");
    }

    #[test]
    fn a_namespace_stands_before_the_name() {
        let mut tools = DeclaredTools::default();
        let mut flat =
            |name, namespace| tools.flat(ToolKind::Function, name, namespace).to_string();
        assert_eq!(flat("create_event", Some("mcp__calendar__")), "mcp__calendar__create_event");
        assert_eq!(flat("list_open_orders", Some("crm")), "crm__list_open_orders");
        assert_eq!(flat("plain", None), "plain");
    }
}
