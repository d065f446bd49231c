//! Nothing is lost silently: every documented field of a request, through every client dialect and
//! every vendor, arrives at the provider, is named among the coercions, or is refused by its name.
//!
//! A field arrives if what it says is found in the provider's request or, where what it says is no
//! text of its own, if the provider's request is another one without it. A field that is named as
//! dropped must not arrive: a disclosure that is wrong is no better than none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "pairs/chat.rs"]
mod chat;
#[path = "pairs/edit.rs"]
mod edit;
#[path = "pairs/fate.rs"]
mod fate;
#[path = "pairs/gemini.rs"]
mod gemini;
#[path = "pairs/messages.rs"]
mod messages;
#[path = "pairs/responses.rs"]
mod responses;

use ainfera_fidelity::caller;
use ainfera_fidelity::provider::Upstream;
use ainfera_schema::ProviderKind;
use ainfera_wire::client::ClientDialect;
use edit::{Documented, Field};
use proptest::prelude::*;

fn documented(dialect: ClientDialect) -> Documented {
    match dialect {
        ClientDialect::Messages => messages::documented(),
        ClientDialect::Chat => chat::documented(),
        ClientDialect::Inference => chat::flat(),
        ClientDialect::Gemini => gemini::documented(),
        ClientDialect::Responses => responses::documented(),
    }
}

/// What is wrong with these fields, said together in one request, through every vendor.
fn lost(dialect: ClientDialect, documented: &Documented, fields: &[&Field]) -> Vec<String> {
    let mut lost = Vec::new();
    for kind in ProviderKind::ALL {
        let upstream = Upstream::of(kind);
        for field in fields {
            if let Err(why) = fate::of(dialect, &upstream, documented, fields, field) {
                let others: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
                lost.push(format!(
                    "{} → {}: {} {why} (in {others:?})",
                    caller::name(dialect),
                    kind.as_str(),
                    field.path
                ));
            }
        }
    }
    lost
}

#[test]
fn no_field_has_left_its_table() {
    let counts = caller::DIALECTS.map(|dialect| documented(dialect).fields.len());
    assert_eq!(counts, [111, 86, 81, 83, 66]);
}

#[test]
fn every_field_arrives_or_is_named() {
    let mut all_lost = Vec::new();
    for dialect in caller::DIALECTS {
        let documented = documented(dialect);
        for field in &documented.fields {
            let needed = documented.needed(field);
            all_lost.extend(lost(dialect, &documented, &needed));
        }
    }
    all_lost.sort();
    all_lost.dedup();
    assert!(all_lost.is_empty(), "{} lost:\n{}", all_lost.len(), all_lost.join("\n"));
}

fn settings() -> ProptestConfig {
    ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn every_field_arrives_or_is_named_in_any_company(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 2..7),
    ) {
        for dialect in caller::DIALECTS {
            let documented = documented(dialect);
            let mut fields: Vec<&Field> = Vec::new();
            for pick in &picks {
                let field = pick.get(&documented.fields);
                for needed in documented.needed(field) {
                    // a field can be said once
                    if !fields.iter().any(|known| known.excludes(needed)) {
                        fields.push(needed);
                    }
                }
            }
            fields.sort_by_key(|field| field.path.clone());
            let lost = lost(dialect, &documented, &fields);
            prop_assert!(lost.is_empty(), "{}", lost.join("\n"));
        }
    }
}
