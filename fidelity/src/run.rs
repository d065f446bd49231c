//! A folder of recordings through every client dialect.

use std::io;
use std::path::Path;

use ainfera_schema::ProviderKind;
use ainfera_wire::client::ClientDialect;
use serde_json::Value;

use crate::accumulate::{self, Understood};
use crate::answer::{Answer, text};
use crate::compare::{differences, same_reasoning};
use crate::gateway::Gateway;
use crate::provider::Upstream;
use crate::recording::{Form, Recording, recordings};
use crate::report::{Reasoning, Report};
use crate::{caller, expectation, refusal, replay};

/// The folders whose recordings come from a provider of one kind.
pub const VENDORS: [(&str, ProviderKind); 10] = [
    ("anthropic", ProviderKind::Anthropic),
    ("gemini", ProviderKind::Gemini),
    ("gemini_compat", ProviderKind::GeminiCompatible),
    ("groq", ProviderKind::Groq),
    ("mistral", ProviderKind::Mistral),
    ("openai_chat", ProviderKind::OpenaiCompatible),
    ("openai_responses", ProviderKind::OpenaiResponses),
    ("together", ProviderKind::Together),
    ("xai", ProviderKind::Xai),
    ("xai_responses", ProviderKind::OpenaiResponses),
];

/// What stands between the provider and the client.
pub enum Way {
    /// The wire crate alone.
    Wire,
    Gateway(Gateway),
}

/// See the module.
pub fn over(folder: &Path, way: &Way) -> io::Result<Report> {
    let mut report = Report::default();
    for recording in recordings(folder)? {
        if let Form::Refusal(status) = recording.form {
            for dialect in caller::DIALECTS {
                let found = refusal::differences(&recording, status, dialect);
                report.add(
                    &recording.vendor,
                    caller::name(dialect),
                    &recording.name,
                    &found,
                    Reasoning::Absent,
                );
            }
            continue;
        }
        let expected = expectation::of_each_body(&recording);
        match vendor(&recording) {
            Some((vendor, kind)) if !expected.is_empty() => {
                for dialect in caller::DIALECTS {
                    let heard = heard(&recording, vendor, kind, dialect, way)?;
                    note(&recording, dialect, &expected, heard, &mut report);
                }
            }
            _ => report.skip(
                &recording.vendor,
                &format!("{}: nothing is known of what it says", recording.name),
            ),
        }
    }
    Ok(report)
}

/// Where it comes from: by its folder, or else by what it looks like.
fn vendor(recording: &Recording) -> Option<(&'static str, ProviderKind)> {
    let of = |name: &str| VENDORS.into_iter().find(|(vendor, _)| *vendor == name);
    // a vendor may speak two dialects
    let by_name = of(if recording.name.contains("openai_compat") { "gemini_compat" } else { "" });
    by_name.or_else(|| of(&recording.vendor)).or_else(|| {
        let body: Value = serde_json::from_slice(recording.bodies.first()?).ok()?;
        let members =
            [("choices", "openai_chat"), ("output", "openai_responses"), ("candidates", "gemini")];
        let by_member = || {
            members
                .into_iter()
                .find(|(member, _)| body.get(member).is_some())
                .and_then(|(_, vendor)| of(vendor))
        };
        if text(&body, "/type") == "message" { of("anthropic") } else { by_member() }
    })
}

fn heard(
    recording: &Recording,
    vendor: &str,
    kind: ProviderKind,
    dialect: ClientDialect,
    way: &Way,
) -> io::Result<Vec<Understood>> {
    let upstream = Upstream::of(kind);
    let each = |body: &Vec<u8>| {
        let mut understood = match way {
            Way::Gateway(gateway) => gateway.understood(vendor, dialect, recording.form, body)?,
            Way::Wire => {
                let call = caller::call(dialect).map_err(io::Error::other)?;
                replay::understood(&call, &upstream, body).map_err(io::Error::other)?
            }
        };
        if upstream.dialect.is_native_to(dialect) && recording.form == Form::Streamed {
            // what the provider's own clients would stumble over goes through as it came
            let own = accumulate::stream(dialect, body);
            understood.complaints.retain(|complaint| !own.complaints.contains(complaint));
            // content that stands in the start is said again in events of its own
            if dialect == ClientDialect::Messages
                && !own.content.is_empty()
                && own.content != understood.content
            {
                understood.complaints.push("content is not byte for byte what came".to_owned());
            }
        }
        Ok(understood)
    };
    recording.bodies.iter().map(each).collect()
}

fn note(
    recording: &Recording,
    dialect: ClientDialect,
    expected: &[Answer],
    heard: Vec<Understood>,
    report: &mut Report,
) {
    let mut found = Vec::new();
    let mut reasoning = Reasoning::Absent;
    for (expected, heard) in expected.iter().zip(heard) {
        found.extend(differences(expected, &heard.answer, dialect));
        found.extend(heard.complaints);
        reasoning = match reasoning {
            Reasoning::Lost => Reasoning::Lost,
            earlier if expected.reasoning.is_empty() => earlier,
            _ if same_reasoning(expected, &heard.answer) => Reasoning::Same,
            _ => Reasoning::Lost,
        };
    }
    report.add(&recording.vendor, caller::name(dialect), &recording.name, &found, reasoning);
}
