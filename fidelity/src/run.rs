//! A folder of recordings through every client dialect.

use std::io;
use std::path::Path;

use ainfera_schema::ProviderKind;
use ainfera_wire::{BadRequest, ClientDialect};

use crate::accumulate::Understood;
use crate::answer::Answer;
use crate::compare::{differences, same_reasoning};
use crate::provider::Upstream;
use crate::recording::{Form, Recording, recordings};
use crate::report::{Reasoning, Report};
use crate::{caller, expectation, replay};

/// See the module.
pub fn over(folder: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    for recording in recordings(folder)? {
        let Some(kind) = kind_of(&recording.vendor) else {
            report.skip(&recording.vendor, "no provider speaks this dialect");
            continue;
        };
        if recording.form != Form::Streamed {
            report.skip(&recording.vendor, "not a stream");
            continue;
        }
        let expected = expectation::of_each_body(&recording);
        if expected.is_empty() {
            report.skip(&recording.vendor, "nothing is known of what it says");
        }
        for dialect in caller::DIALECTS.into_iter().filter(|_| !expected.is_empty()) {
            through(&recording, kind, dialect, &expected, &mut report);
        }
    }
    Ok(report)
}

fn through(recording: &Recording, kind: ProviderKind, dialect: ClientDialect, expected: &[Answer], report: &mut Report) {
    let name = caller::name(dialect);
    let heard = match heard(recording, kind, dialect) {
        Ok(heard) => heard,
        Err(error) => return report.add(&recording.vendor, name, &recording.name, &[error.to_string()], Reasoning::Absent),
    };
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
    report.add(&recording.vendor, name, &recording.name, &found, reasoning);
}

fn heard(recording: &Recording, kind: ProviderKind, dialect: ClientDialect) -> Result<Vec<Understood>, BadRequest> {
    let call = caller::call(dialect)?;
    let upstream = Upstream::of(kind);
    recording.bodies.iter().map(|body| replay::understood(&call, &upstream, body)).collect()
}

/// Which provider a folder's recordings come from.
fn kind_of(vendor: &str) -> Option<ProviderKind> {
    match vendor {
        "anthropic" => Some(ProviderKind::Anthropic),
        "openai_chat" => Some(ProviderKind::OpenaiCompatible),
        "openai_responses" | "xai_responses" => Some(ProviderKind::OpenaiResponses),
        "gemini" => Some(ProviderKind::Gemini),
        "groq" => Some(ProviderKind::Groq),
        "mistral" => Some(ProviderKind::Mistral),
        "together" => Some(ProviderKind::Together),
        "xai" => Some(ProviderKind::Xai),
        _ => None,
    }
}
