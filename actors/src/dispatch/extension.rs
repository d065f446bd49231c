//! Asks the store for a larger reservation.

use ainfera_store::{Extended, Extension as StoreExtension};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::machine::effect::Extension;
use super::machine::input::ExtensionAnswer;
use super::{CallFailure, DispatchActor};
use crate::capture::extend::Extend;

impl DispatchActor {
    pub(super) fn ask_for(
        &self,
        extension: Extension,
    ) -> impl Future<Output = ExtensionAnswer> + 'static {
        let (reply, answer) = oneshot::channel();
        let (request_id, agent_id) = (self.setup.request_id, self.setup.agent.agent_id);
        self.setup.worker.capture.do_send(Extend {
            extension: StoreExtension { request_id, agent_id, reservation: extension.grant.amount },
            reply,
        });
        let answer = timeout(self.setup.worker.deadlines.admission, answer);
        async move {
            match answer.await {
                Ok(Ok(Ok(Extended::Held))) => ExtensionAnswer::Reserved,
                Ok(Ok(Ok(Extended::Refused(refusal)))) => {
                    ExtensionAnswer::Denied(CallFailure::Refused(refusal, None))
                }
                // somebody has closed it as lost
                Ok(Ok(Ok(Extended::NotOpen))) => ExtensionAnswer::Denied(CallFailure::Internal),
                Ok(Ok(Err(error))) => {
                    tracing::warn!(
                        request_id = request_id.header_value(),
                        %error,
                        "reservation could not be extended"
                    );
                    ExtensionAnswer::Unknown
                }
                Ok(Err(_)) | Err(_) => ExtensionAnswer::Unknown,
            }
        }
    }
}
