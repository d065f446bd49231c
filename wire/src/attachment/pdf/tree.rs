//! The pages that a file's page tree leads to.

use std::collections::HashSet;

use crate::attachment::pdf::objects::{Object, Objects};
use crate::attachment::pdf::value::Value;

/// More pages than any vendor reads.
const MOST_PAGES: u64 = 10_000;

/// The pages of a file.
#[derive(Debug, Default)]
pub(super) struct Pages {
    /// As many as there are, or as many as the file says that there are.
    pub count: u64,
    /// The objects that are pages. One may be missing.
    pub leaves: Vec<u32>,
}

/// `None` where the tree cannot be followed: a branch that hangs in it twice, a count below zero.
pub(super) fn pages(objects: &Objects<'_>) -> Option<Pages> {
    let mut roots = HashSet::new();
    for object in objects.all() {
        object.value.each_dictionary(&mut |dictionary| {
            roots.extend(dictionary.members("Pages").filter_map(as_reference));
        });
    }
    // a catalogue that an update replaced may lead to the same tree
    let mut walk = Walk { objects, seen: HashSet::new(), pages: Pages::default() };
    let mut roots: Vec<u32> = roots.into_iter().collect();
    roots.sort_unstable();
    for root in roots {
        walk.branch(root)?;
    }
    let mut pages = walk.pages;
    pages.count = pages.count.max(pages.leaves.len() as u64);
    (pages.count <= MOST_PAGES).then_some(pages)
}

struct Walk<'a, 'f> {
    objects: &'a Objects<'f>,
    seen: HashSet<u32>,
    pages: Pages,
}

impl Walk<'_, '_> {
    fn branch(&mut self, root: u32) -> Option<()> {
        let mut open = vec![root];
        while let Some(number) = open.pop() {
            if !self.seen.insert(number) || self.seen.len() as u64 > 2 * MOST_PAGES {
                return None;
            }
            let definitions = self.objects.of(number);
            let mut children = HashSet::new();
            for object in definitions {
                self.count(object)?;
                children.extend(self.children(object)?);
            }
            open.extend(&children);
            let is_branch = |object: &Object| object.value.has("Kids");
            if definitions.is_empty() || !definitions.iter().all(is_branch) {
                self.pages.leaves.push(number);
            }
        }
        Some(())
    }

    fn count(&mut self, object: &Object) -> Option<()> {
        for said in object.value.members("Count") {
            for count in self.objects.wholes(said) {
                self.pages.count = self.pages.count.max(u64::try_from(count).ok()?);
            }
        }
        Some(())
    }

    /// Of one definition, in which each may stand once.
    fn children(&self, object: &Object) -> Option<HashSet<u32>> {
        let mut children = HashSet::new();
        let mut lists: Vec<&Value> = Vec::new();
        for kids in object.value.members("Kids") {
            match kids {
                Value::Reference(number) => {
                    lists.extend(self.objects.of(*number).iter().map(|object| &object.value))
                }
                other => lists.push(other),
            }
        }
        for list in lists {
            let Value::List(list) = list else { return None };
            for child in list {
                if !children.insert(as_reference(child)?) {
                    return None;
                }
            }
        }
        Some(children)
    }
}

fn as_reference(value: &Value) -> Option<u32> {
    if let Value::Reference(number) = value { Some(*number) } else { None }
}
