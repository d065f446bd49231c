//! A body of another dialect than Anthropic's on its way to the typed request: what is read so far,
//! where it comes from, what gets lost.

use ainfera_schema::policy::RoutingPreference;
use serde_json::Value;

use crate::codec::node::{Object, Path};
use crate::codec::parse::parse_value;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::disclosure::source_map::SourceMap;
use crate::disclosure::translation::Translation;
use crate::error::bad_request::BadRequest;
use crate::request::content::Source;
use crate::request::setting::{Setting, SettingKind};
use crate::request::{Member, Request};

/// The way of one body.
#[derive(Debug, Default)]
pub(crate) struct RequestTranslation {
    pub request: Request,
    pub lost: Coercions,
    pub source_map: SourceMap,
    /// What only a provider of this dialect can be asked.
    pub native_only: Option<BadRequest>,
    /// That of it which refers to what one provider keeps: the router cannot know which.
    pub kept: Option<BadRequest>,
    /// What stands beside the routing hint, which may say it too.
    preference: Option<RoutingPreference>,
}

impl RequestTranslation {
    /// A member of the request, under its name in Anthropic's form, is said.
    pub(crate) fn member(&mut self, name: &str) {
        self.request.members.push(Member {
            name: name.into(),
            unread: Vec::new(),
            as_text: Vec::new(),
        });
    }

    /// The same, where it has one place in the caller's body.
    pub(crate) fn said(&mut self, name: &str, callers: &str) {
        self.member(name);
        self.source_map.add(name, callers);
    }

    pub(crate) fn drop(&mut self, field: impl Into<String>, reason: Reason) {
        self.lost.add(field, Change::Dropped(reason));
    }

    /// Names what nobody read of an object.
    pub(crate) fn drop_left(&mut self, object: &Object<'_>, reason: Reason) {
        object.left().for_each(|name| self.drop(object.at(name), reason));
    }

    /// A setting that stands at `callers`.
    pub(crate) fn set(&mut self, kind: SettingKind, value: Value, callers: impl Into<String>) {
        self.request.settings.push(Setting { kind, value });
        self.source_map.add(kind.path(), callers);
    }

    pub(crate) fn only_natively(&mut self, field: impl Into<String>, why: &str) {
        self.native_only.get_or_insert_with(|| BadRequest::new(field, why));
    }

    /// A reference to what a provider keeps.
    pub(crate) fn only_by_its_keeper(&mut self, field: impl Into<String>, why: &str) {
        let field = field.into();
        self.kept.get_or_insert_with(|| BadRequest::new(field.as_str(), why));
        self.only_natively(field, why);
    }

    /// One of the members that the router reads itself.
    pub(crate) fn routing_member(&mut self, name: &str, value: Value) -> Result<(), BadRequest> {
        let extras = &mut self.request.extras;
        match name {
            "routing_hint" => extras.hint = parse_value(value, name)?,
            "task_type" => extras.task_type = parse_value(value, name)?,
            "agent_id" => extras.agent = parse_value(value, name)?,
            _ => self.preference = parse_value(value, name)?,
        }
        self.said(name, name);
        Ok(())
    }

    /// The typed request, and what is to be known of the way to it.
    pub(crate) fn done(self) -> Result<(Request, Translation), BadRequest> {
        let Self { mut request, lost, source_map, native_only, kept, preference } = self;
        let hint = &mut request.extras.hint;
        hint.routing_preference = hint.routing_preference.or(preference);
        request.check().map_err(|bad| source_map.at_source_path(bad))?;
        Ok((request, Translation { lost, source_map, native_only, kept }))
    }
}

/// What stands behind a URL, or the bytes that a data URL is made of.
pub(crate) fn source(url: &str, path: Path<'_>) -> Result<Source, BadRequest> {
    let Some(data) = url.strip_prefix("data:") else { return Ok(Source::Url(url.into())) };
    let (head, data) = data.split_once(',').ok_or_else(|| path.mistake("data URL without data"))?;
    let media_type =
        head.strip_suffix(";base64").ok_or_else(|| path.mistake("data URLs must be base64"))?;
    let media_type = media_type.split(';').next().unwrap_or_default();
    Ok(Source::Base64 { media_type: media_type.into(), data: data.into() })
}
