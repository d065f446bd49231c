//! The same through a gateway of its own process: recordings are served by a provider, calls are
//! made over HTTP.

pub mod http;
pub mod process;
pub mod provider_server;

use std::io;
use std::path::Path;

use ainfera_wire::client::ClientDialect;
use serde_json::Value;

use crate::accumulate::{self, Understood};
use crate::answer::{Answer, Ending, text};
use crate::caller;
use crate::recording::Form;
use process::Process;
use provider_server::ProviderServer;

/// A gateway before a provider that says what it is told to say.
pub struct Gateway {
    provider: ProviderServer,
    process: Process,
}

impl Gateway {
    /// Starts the program at `binary`.
    pub fn start(binary: &Path) -> io::Result<Self> {
        let provider = ProviderServer::start()?;
        let process = Process::start(binary, provider.address())?;
        Ok(Self { provider, process })
    }

    /// What a client of this dialect makes of `body`, said by the provider of this vendor; asked
    /// for as a stream and as a whole, which must be the same.
    pub fn understood(
        &self,
        vendor: &str,
        dialect: ClientDialect,
        form: Form,
        body: &[u8],
    ) -> io::Result<Understood> {
        self.provider.say(form, body.to_vec());
        let (path, request) = caller::request(dialect);
        let model = process::model(vendor, form);
        let (path, request) =
            (path.replace(caller::MODEL, &model), request.replace(caller::MODEL, &model));
        let (status, streamed) =
            http::post(self.process.address, &path, &self.process.key, &request)?;
        let mut understood = match (dialect, status) {
            (ClientDialect::Inference, 200) => {
                let answer = accumulate::whole(
                    dialect,
                    &serde_json::from_slice(&streamed).unwrap_or_default(),
                );
                return Ok(Understood { answer, ..Understood::default() });
            }
            (_, 200) => accumulate::stream(dialect, &streamed),
            _ => refused(dialect, status, &streamed),
        };
        let request = request
            .replace("\"stream\":true,", "")
            .replace("\"stream_options\":{\"include_usage\":true},", "");
        let path = path.replace(":streamGenerateContent?alt=sse", ":generateContent");
        let (status, whole) = http::post(self.process.address, &path, &self.process.key, &request)?;
        let whole = if status == 200 {
            accumulate::whole(dialect, &serde_json::from_slice(&whole).unwrap_or_default())
        } else {
            refused(dialect, status, &whole).answer
        };
        let both_failed = matches!(
            (&whole.ending, &understood.answer.ending),
            (Ending::Failed(_), Ending::Failed(_))
        );
        if !both_failed && without_ids(&whole) != without_ids(&understood.answer) {
            understood
                .complaints
                .push(format!("the whole answer is another: {whole:?} / {:?}", understood.answer));
        }
        Ok(understood)
    }
}

/// Two calls have two answers: ids that the gateway makes are made twice.
fn without_ids(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    for call in &mut answer.calls {
        call.id.clear();
    }
    for block in
        answer.blocks.iter_mut().flatten().filter(|block| text(block, "/type") == "tool_use")
    {
        block["id"] = Value::Null;
    }
    answer
}

fn refused(dialect: ClientDialect, status: u16, body: &[u8]) -> Understood {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let place = if dialect == ClientDialect::Inference { "/message" } else { "/error/message" };
    let mut understood = Understood {
        answer: Answer {
            ending: Ending::Failed(text(&body, place).to_owned()),
            ..Answer::default()
        },
        ..Understood::default()
    };
    if text(&body, place).is_empty() {
        understood.complaints.push(format!("status {status} without a message: {body}"));
    }
    understood
}
