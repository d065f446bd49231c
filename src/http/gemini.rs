//! Google's endpoints: the model and what is asked of it stand in the path,
//! `/v1beta/models/{model}:generateContent`.

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::dispatch::count_tokens::TokenCount;
use ainfera_routing::estimate_tokens;
use ainfera_schema::RequestId;
use ainfera_wire::client::{Call, GeminiForm, GeminiTarget};
use serde_json::json;

use super::calls::answer_call;
use super::count_tokens::count;
use super::error::ApiError;
use super::query::Parameters;
use super::state::Shared;
use crate::server::serving::ServingSlot;

pub use super::models::{list, one};

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Answer(GeminiTarget),
    Count { model: String },
}

/// `POST /v1beta/models/{model}:{method}`
pub async fn call(
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> HttpResponse {
    match asked(&request, &path) {
        Ok(Asked::Answer(target)) => {
            let parse = move |body, headers, estimate: &dyn Fn(&str) -> u64| {
                Call::from_gemini(body, target.clone(), headers, estimate)
            };
            answer_call(&parse, request, payload, &shared, &slot).await
        }
        Ok(Asked::Count { model }) => counted(model, request, payload, &shared, &slot).await,
        Err(error) => error.response_to(&request, RequestId::mint()),
    }
}

fn asked(request: &HttpRequest, path: &str) -> Result<Asked, ApiError> {
    let unknown = || ApiError::UnknownPath(request.path().to_owned());
    let (model, method) = path.rsplit_once(':').ok_or_else(unknown)?;
    let model = model.to_owned();
    let form = match method {
        "countTokens" => return Ok(Asked::Count { model }),
        "generateContent" => GeminiForm::Whole,
        "streamGenerateContent" => {
            let words = [("sse", GeminiForm::Events), ("json", GeminiForm::Array)];
            Parameters::of(request)?.one_of("alt", &words)?.unwrap_or(GeminiForm::Array)
        }
        _ => return Err(unknown()),
    };
    Ok(Asked::Answer(GeminiTarget { model, form }))
}

async fn counted(
    model: String,
    request: HttpRequest,
    payload: Payload,
    shared: &Shared,
    slot: &ServingSlot,
) -> HttpResponse {
    let request_id = RequestId::mint();
    let parse = |body: &[u8], headers| {
        Call::from_uncounted_gemini(body, model.clone(), headers, &estimate_tokens)
    };
    match count(request_id, &parse, &request, payload, shared, slot).await {
        Ok(count) => {
            let total = match count {
                TokenCount::Provider(counted) => counted["input_tokens"].clone(),
                TokenCount::Estimate(tokens) => json!(tokens),
            };
            HttpResponse::Ok()
                .insert_header(("request-id", request_id.header_value()))
                .json(json!({"totalTokens": total}))
        }
        Err(error) => error.response_to(&request, request_id),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_path_says_the_model_and_the_form_of_the_answer() {
        let of = |query: &str, path: &str| {
            let request = TestRequest::with_uri(&format!("/v1beta/models/m?{query}"));
            asked(&request.to_http_request(), path)
        };
        let answer =
            |model: &str, form| Asked::Answer(GeminiTarget { model: model.to_owned(), form });
        assert_eq!(of("", "m:generateContent").unwrap(), answer("m", GeminiForm::Whole));
        let streamed = "a/b:free:streamGenerateContent";
        assert_eq!(of("alt=sse", streamed).unwrap(), answer("a/b:free", GeminiForm::Events));
        assert_eq!(of("key=x", streamed).unwrap(), answer("a/b:free", GeminiForm::Array));
        assert_eq!(of("", "m:countTokens").unwrap(), Asked::Count { model: "m".to_owned() });
        assert!(of("alt=proto", streamed).unwrap_err().to_string().starts_with("alt: "));
        assert!(of("", "m:embedContent").unwrap_err().to_string().starts_with("no such path"));
    }
}
