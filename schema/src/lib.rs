//! What things are: the words that every other crate speaks. No I/O, no async, no actix.
//!
//! Reading order: [`id`], [`money`], [`usage`], [`task`], [`policy`], [`model`], [`price_sheet`],
//! [`provider`], [`deadline`], [`agent`], [`failure_cause`], [`outcome`], [`audit`], [`merkle`],
//! [`checkpoint`], [`audit_break`].

// `pub` means that another crate may use it
#![cfg_attr(not(test), deny(unreachable_pub))]

pub mod agent;
pub mod attachment;
pub mod audit;
pub mod audit_break;
pub mod checkpoint;
pub mod deadline;
pub mod failure_cause;
pub mod id;
pub mod merkle;
pub mod model;
pub mod model_takes;
pub mod money;
pub mod network;
pub mod outcome;
pub mod policy;
pub mod price_sheet;
pub mod provider;
pub mod server_tool;
pub mod service;
pub mod task;
pub mod unsaid;
pub mod usage;

pub use agent::{Agent, AgentStatus, Funding};
pub use attachment::{Attachment, DocumentExtent, PixelSize, Unmeasured};
pub use deadline::{Deadlines, OwnDeadlines, Patience};
pub use failure_cause::{FailureCause, Lack, UnreachableBy};
pub use id::{AgentId, BootId, InferenceId, ModelSlug, ProviderId, ReceiptId, RequestId, TenantId};
pub use model::{Model, Price, Reasoning};
pub use model_takes::{EFFORT_WORDS, ModelTakes, Sampling, Taken, ToolsOver};
pub use money::{MoneyError, Usd};
pub use network::{
    ApiVersion, CaFile, HeaderText, Network, ProviderHeader, Proxy, ProxySecurity, Trust,
};
pub use outcome::{Attempt, AttemptResult, CallKind, OutcomeStatus, RoutingOutcome};
pub use price_sheet::{Bill, Bounds, Hours, Multipliers, PriceError, PriceSheet, PriceTier};
pub use provider::{OnDisconnect, Provider, ProviderKind, Secret, StreamMode};
pub use server_tool::{ServerTool, ToolUses};
pub use service::{RequestedService, RequestedTier, Served, ServiceTier};
pub use task::{TaskType, TaskTypeSource};
pub use unsaid::{TOOL_USES_UNLESS_SAID, Unsaid, UnsaidTier};
pub use usage::{TokenUsage, UsageBasis};
