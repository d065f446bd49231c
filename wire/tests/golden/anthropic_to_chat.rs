//! An Anthropic request as each vendor of the Chat Completions dialect hears it.
//!
//! An input names the vendors that it is for, the model as they call it, and the request; the output has body and coercions for each, or why it was refused.

use ainfera_schema::{Model, ProviderKind};
use ainfera_wire::Call;
use ainfera_wire::call::ClientHeaders;
use ainfera_wire::upstream::Dialect;
use serde_json::{Map, Value, json};

#[test]
fn anthropic_requests_as_chat_vendors_hear_them() {
    super::compare("anthropic_to_chat", ("json", "json"), |_, input| {
        let case: Value = serde_json::from_slice(input).unwrap();
        let vendors = case["vendors"].as_array().unwrap().iter().map(|vendor| vendor.as_str().unwrap());
        let heard = vendors.map(|vendor| (vendor.to_owned(), heard_by(vendor, &case))).collect::<Map<_, _>>();
        super::pretty(&Value::Object(heard))
    });
}

fn heard_by(vendor: &str, case: &Value) -> Value {
    let kind: ProviderKind = serde_json::from_value(json!(vendor)).unwrap();
    let max_output_tokens = case["max_output_tokens"].as_u64();
    let model = Model { max_output_tokens, ..super::model(case["model"].as_str().unwrap_or("their-model")) };
    let body = serde_json::to_vec(&case["request"]).unwrap();
    let call = match Call::from_messages(body.into(), ClientHeaders::default(), &|text| text.len() as u64 / 4) {
        Ok(call) => call,
        Err(bad) => return json!({"refused": bad.to_string()}),
    };
    match Dialect::of(kind).request(&call, &super::provider(kind), &model) {
        Ok(request) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            json!({"url": request.url, "body": body, "coercions": request.coercions.texts()})
        }
        Err(bad) => json!({"refused": bad.to_string()}),
    }
}
