//! `GET /v1/models`, in the dialect of the client: Anthropic's clients send `anthropic-version`,
//! OpenAI's say so in `user-agent` or are asked for with `?format=openai`; every other client gets
//! the bare array with what we know.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_routing::{CatalogueEntry, PolicySettings, ROUTING_TARGET};
use ainfera_schema::RequestId;
use ainfera_schema::provider::KEY_SEPARATOR;
use ainfera_wire::client::ClientDialect;
use serde_json::{Value, json};

use super::error::ApiError;
use super::query::Parameters;
use super::state::Shared;
use crate::model_status::{cleared_floors, status};
use crate::server::parts::Parts;

/// When the time is not known, both dialects give the epoch.
const UNKNOWN_TIME: &str = "1970-01-01T00:00:00Z";
const DEFAULT_LIMIT: usize = 20;
const HIGHEST_LIMIT: usize = 1000;

/// Whose list it is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Anthropic,
    OpenAi,
    Bare,
    Google,
}

/// `GET /v1/models`
pub async fn list(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let list = authenticated(&request, &shared).await.and_then(|()| {
        let query = Parameters::of(&request)?;
        listed(shape(&request, &query)?, &query, &shared.parts())
    });
    respond(&request, list)
}

/// `GET /v1/models/{slug}`
pub async fn one(request: HttpRequest, slug: Path<String>, shared: Data<Shared>) -> HttpResponse {
    let found = authenticated(&request, &shared).await.and_then(|()| {
        let parts = shared.parts();
        let model =
            all(&parts).find(|model| model.slug == *slug).ok_or(ApiError::NotFound("model"))?;
        Ok(model.shown(shape(&request, &Parameters::of(&request)?)?))
    });
    respond(&request, found)
}

async fn authenticated(request: &HttpRequest, shared: &Shared) -> Result<(), ApiError> {
    shared.keys.authenticate(request, &shared.reader).await.map(|_| ())
}

fn listed(shape: Shape, query: &Parameters, parts: &Parts) -> Result<Value, ApiError> {
    let models: Vec<Listed<'_>> = all(parts).collect();
    Ok(match shape {
        Shape::Bare => models.iter().map(|model| model.shown(shape)).collect(),
        // all of it is one page
        Shape::Google => {
            json!({"models": models.iter().map(|model| model.shown(shape)).collect::<Vec<_>>()})
        }
        Shape::OpenAi => {
            json!({"object": "list", "data": models.iter().map(|model| model.shown(shape)).collect::<Vec<_>>()})
        }
        Shape::Anthropic => {
            let limit = query.whole("limit", 1..=HIGHEST_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
            let (after_id, before_id) = (query.text("after_id"), query.text("before_id"));
            let slugs: Vec<&str> = models.iter().map(|model| model.slug).collect();
            let range = window(&slugs, after_id, before_id, limit);
            let has_more =
                if before_id.is_some() { range.start > 0 } else { range.end < models.len() };
            let shown = models.get(range).unwrap_or_default();
            json!({
                "data": shown.iter().map(|model| model.shown(shape)).collect::<Vec<_>>(), "has_more": has_more,
                "first_id": shown.first().map(|model| model.slug), "last_id": shown.last().map(|model| model.slug),
            })
        }
    })
}

/// The places of one page. An id that is not there is before everything.
fn window(
    slugs: &[&str],
    after: Option<&str>,
    before: Option<&str>,
    limit: usize,
) -> std::ops::Range<usize> {
    let place = |id: &str| slugs.iter().position(|slug| *slug == id);
    match (after, before) {
        (Some(after), _) => {
            let start = place(after).map_or(0, |at| at + 1);
            start..(start + limit).min(slugs.len())
        }
        (None, Some(before)) => {
            let end = place(before).unwrap_or(0);
            end.saturating_sub(limit)..end
        }
        (None, None) => 0..limit.min(slugs.len()),
    }
}

fn shape(request: &HttpRequest, query: &Parameters) -> Result<Shape, ApiError> {
    let words = [
        ("anthropic", Shape::Anthropic),
        ("openai", Shape::OpenAi),
        ("ainfera", Shape::Bare),
        ("google", Shape::Google),
    ];
    if let Some(asked) = query.one_of("format", &words)? {
        return Ok(asked);
    }
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    if ClientDialect::of_path(request.path()) == ClientDialect::Gemini
        || !header("x-goog-api-key").is_empty()
    {
        return Ok(Shape::Google);
    }
    let is_anthropic = !header("anthropic-version").is_empty();
    let is_openai =
        header("user-agent").contains("openai") || !header("openai-organization").is_empty();
    if is_anthropic {
        Ok(Shape::Anthropic)
    } else if is_openai || !header("x-stainless-lang").is_empty() {
        Ok(Shape::OpenAi)
    } else {
        Ok(Shape::Bare)
    }
}

/// A line of the list: a model, or the router itself.
struct Listed<'a> {
    slug: &'a str,
    entry: Option<&'a CatalogueEntry>,
    policy: &'a PolicySettings,
}

fn all(parts: &Parts) -> impl Iterator<Item = Listed<'_>> {
    let policy = &parts.brain.policy;
    let router = Listed { slug: ROUTING_TARGET, entry: None, policy };
    let models = parts.catalogue.entries().iter().map(move |entry| Listed {
        slug: entry.model.slug.as_str(),
        entry: Some(entry),
        policy,
    });
    std::iter::once(router).chain(models)
}

impl Listed<'_> {
    fn shown(&self, shape: Shape) -> Value {
        match shape {
            Shape::Anthropic => {
                let mut shown = json!({"type": "model", "id": self.slug, "display_name": self.display_name(), "created_at": UNKNOWN_TIME});
                if let Some(model) = self.entry.map(|entry| &entry.model) {
                    shown["max_input_tokens"] = json!(model.context_window);
                    shown["max_tokens"] = json!(model.max_output_tokens);
                }
                shown
            }
            Shape::OpenAi => {
                json!({"id": self.slug, "object": "model", "created": 0, "owned_by": self.provider()})
            }
            Shape::Google => self.googles(),
            Shape::Bare => self.bare(),
        }
    }

    fn googles(&self) -> Value {
        let model = self.entry.map(|entry| &entry.model);
        let mut shown = json!({
            "name": format!("models/{}", self.slug), "baseModelId": self.slug, "version": "1",
            "displayName": self.display_name(),
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        });
        if let Some(model) = model {
            let limits = [
                ("inputTokenLimit", model.context_window),
                ("outputTokenLimit", model.max_output_tokens),
            ];
            for (name, limit) in limits {
                if let Some(limit) = limit {
                    shown[name] = json!(limit);
                }
            }
        }
        shown
    }

    fn display_name(&self) -> &str {
        if self.entry.is_some() { self.slug } else { "Ainfera router" }
    }

    fn provider(&self) -> &str {
        // Callers do not learn which of a provider's keys was used.
        let id = self.entry.map_or("ainfera", |entry| entry.model.provider.as_str());
        id.split(KEY_SEPARATOR).next().unwrap_or(id)
    }

    fn bare(&self) -> Value {
        let Some(model) = self.entry.map(|entry| &entry.model) else {
            return json!({
                "slug": self.slug, "display_name": self.display_name(), "provider": self.provider(), "type": "router",
                "input_cost_per_million_usd": null, "output_cost_per_million_usd": null, "context_window": null,
                "capabilities": ["tools"], "routable_status": "routable",
            });
        };
        json!({
            "slug": self.slug, "display_name": self.display_name(), "provider": self.provider(), "type": "model",
            "input_cost_per_million_usd": model.price.as_ref().map(|sheet| sheet.base.input),
            "output_cost_per_million_usd": model.price.as_ref().map(|sheet| sheet.base.output),
            "context_window": model.context_window,
            "capabilities": if model.supports_tools { json!(["tools"]) } else { json!([]) },
            "routable_status": status(model), "quality_floors": cleared_floors(model, self.policy),
            "vendor": model.maker, "max_output_tokens": model.max_output_tokens,
        })
    }
}

fn respond(request: &HttpRequest, result: Result<Value, ApiError>) -> HttpResponse {
    match result {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => error.response_to(request, RequestId::mint()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn p082_a_list_is_in_the_dialect_of_who_asks() {
        let of = |request: TestRequest| {
            let request = request.to_http_request();
            shape(&request, &Parameters::of(&request).unwrap())
        };
        let asked = |header: (&'static str, &'static str)| {
            of(TestRequest::get().insert_header(header)).unwrap()
        };
        assert_eq!(asked(("anthropic-version", "2023-06-01")), Shape::Anthropic);
        assert_eq!(asked(("user-agent", "OpenAI/Python 3.54.0")), Shape::OpenAi);
        assert_eq!(asked(("user-agent", "curl/8")), Shape::Bare);
        assert_eq!(of(TestRequest::with_uri("/?format=openai")).unwrap(), Shape::OpenAi);
        assert!(
            of(TestRequest::with_uri("/?format=open"))
                .is_err_and(|error| error.to_string().starts_with("format: must be one of"))
        );
    }

    #[test]
    fn pages_follow_one_another() {
        let slugs = ["a", "b", "c", "d", "e"];
        assert_eq!(window(&slugs, None, None, 2), 0..2);
        assert_eq!(window(&slugs, Some("b"), None, 2), 2..4);
        assert_eq!(window(&slugs, Some("d"), None, 2), 4..5);
        assert_eq!(window(&slugs, Some("e"), None, 2), 5..5);
        assert_eq!(window(&slugs, None, Some("d"), 2), 1..3);
        assert_eq!(window(&slugs, None, Some("b"), 2), 0..1);
    }
}
