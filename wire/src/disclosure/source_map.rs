//! Where the parts of a translated request come from, so that what is lost on the second half of
//! the way is named as the caller named it.
//!
//! A call in another dialect than Anthropic's is first said in Anthropic's form, which names the
//! most, and then in the provider's.

use crate::disclosure::coercion::{Change, Coercion};
use crate::error::bad_request::BadRequest;

/// Paths of the Anthropic form, and the caller's own for each. A path that is not listed has none:
/// nobody said it, so nobody misses it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceMap(Vec<(String, String)>);

impl SourceMap {
    pub fn add(&mut self, path: impl Into<String>, callers: impl Into<String>) {
        self.0.push((path.into(), callers.into()));
    }

    /// What was listed at `path` stands at another one.
    pub fn move_to(&mut self, path: &str, other: &str) {
        for (listed, _) in self.0.iter_mut().filter(|(listed, _)| listed == path) {
            *listed = other.to_owned();
        }
    }

    /// The caller's path for one of the Anthropic form: by the longest path listed that leads to
    /// it.
    pub fn source_of(&self, path: &str) -> Option<String> {
        let leads = |listed: &str| {
            path.strip_prefix(listed).filter(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let (_, callers, rest) = self
            .0
            .iter()
            .filter_map(|(listed, callers)| Some((listed.len(), callers, leads(listed)?)))
            .max_by_key(|(length, _, _)| *length)?;
        Some(format!("{callers}{rest}"))
    }

    /// A change of the Anthropic form as changes of what the caller sent. None if the caller never
    /// said it, or if it arrives under the caller's own name after all; several if what was dropped
    /// as one was several fields there.
    pub fn to_source_paths(&self, coercion: Coercion) -> Vec<Coercion> {
        let inside = || {
            self.0.iter().filter(|(listed, _)| {
                listed.strip_prefix(&coercion.field).is_some_and(|rest| rest.starts_with('.'))
            })
        };
        let fields = match self.source_of(&coercion.field) {
            Some(field) => vec![field],
            // what happens to all of a kind has no place of its own
            None if coercion.field.contains(".*") => vec![self.source_of_all(&coercion.field)],
            None if matches!(coercion.change, Change::Dropped(_)) => {
                inside().map(|(_, callers)| callers.clone()).collect()
            }
            None => Vec::new(),
        };
        let came_back =
            |field: &String| matches!(&coercion.change, Change::Renamed(name) if field == name);
        fields
            .into_iter()
            .filter(|field| !came_back(field))
            .map(|field| Coercion { field, change: coercion.change.clone() })
            .collect()
    }

    /// The list in which something happened to all of a kind, as the caller calls it.
    fn source_of_all(&self, path: &str) -> String {
        let (list, rest) = path.split_once(".*").unwrap_or((path, ""));
        let inside =
            |listed: &str| listed.strip_prefix(list).is_some_and(|rest| rest.starts_with('.'));
        let first = self.0.iter().find(|(listed, _)| inside(listed));
        let callers = first.and_then(|(_, callers)| callers.split('.').next()).unwrap_or(list);
        format!("{callers}.*{rest}")
    }

    /// A mistake under the caller's name for the field, where it has one.
    pub fn at_source_path(&self, bad: BadRequest) -> BadRequest {
        match self.source_of(&bad.field) {
            Some(field) => BadRequest { field, ..bad },
            None => bad,
        }
    }

    /// Members of the body that the translation renamed, as (the caller's name, the new name). What
    /// is inside a member differs by its form only, and is left out.
    pub fn renamed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter(|(path, callers)| !path.contains('.') && path != callers)
            .map(|(path, callers)| (callers.as_str(), path.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source_map() -> SourceMap {
        let mut source_map = SourceMap::default();
        source_map.add("max_tokens", "max_completion_tokens");
        source_map.add("temperature", "temperature");
        source_map.add("messages.0", "messages.1");
        source_map.add("messages.0.content.1", "messages.1.content.0.image_url");
        source_map
    }

    #[test]
    fn the_longest_path_names_the_origin() {
        assert_eq!(
            source_map().source_of("messages.0.content.1.cache_control").unwrap(),
            "messages.1.content.0.image_url.cache_control"
        );
        assert_eq!(source_map().source_of("messages.0.content.0").unwrap(), "messages.1.content.0");
        assert_eq!(source_map().source_of("messages.01"), None);
    }

    #[test]
    fn what_the_caller_never_said_or_gets_back_is_no_loss() {
        let coercion = |field: &str, change| Coercion { field: field.to_owned(), change };
        assert_eq!(
            source_map().to_source_paths(coercion(
                "top_k",
                Change::Dropped(crate::disclosure::coercion::Reason::NoEquivalent)
            )),
            []
        );
        assert_eq!(
            source_map().to_source_paths(coercion(
                "max_tokens",
                Change::Renamed("max_completion_tokens".to_owned())
            )),
            []
        );
        let renamed = source_map()
            .to_source_paths(coercion("max_tokens", Change::Renamed("maxOutputTokens".to_owned())));
        assert_eq!(renamed[0].to_string(), "max_completion_tokens=renamed:maxOutputTokens");
        assert_eq!(
            source_map().renamed().collect::<Vec<_>>(),
            [("max_completion_tokens", "max_tokens")]
        );
    }

    #[test]
    fn what_is_dropped_as_one_is_named_as_all_that_it_was() {
        let mut source_map = source_map();
        source_map.add("metadata.user_id", "user");
        let dropped = |field: &str| Coercion {
            field: field.to_owned(),
            change: Change::Dropped(crate::disclosure::coercion::Reason::NoEquivalent),
        };
        assert_eq!(source_map.to_source_paths(dropped("metadata")), [dropped("user")]);
        assert_eq!(
            source_map.to_source_paths(dropped("messages.*.tool_use.id")),
            [dropped("messages.*.tool_use.id")]
        );
        let mut items = SourceMap::default();
        items.add("messages.0.content.0", "input.3");
        assert_eq!(
            items.to_source_paths(dropped("messages.*.tool_use.id")),
            [dropped("input.*.tool_use.id")]
        );
    }
}
