//! Names of things. Random ids are UUIDs; ids that we mint over time are version 7, so that they
//! sort by time.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id, ordered by time (UUID version 7, RFC 9562).
            pub fn mint() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

uuid_id!(
    /// One HTTP call on an inference endpoint. The primary key of everything that the call leaves
    /// behind.
    RequestId
);
uuid_id!(
    /// The answer to a call for which at least one provider attempt was made.
    InferenceId
);
uuid_id!(
    /// What the caller can show for a charge.
    ReceiptId
);
uuid_id!(
    /// Who calls: owns keys, a wallet and an audit chain.
    AgentId
);
uuid_id!(
    /// Who owns agents.
    TenantId
);
uuid_id!(
    /// One life of one gateway process.
    BootId
);

impl RequestId {
    /// The form that clients see in the `request-id` header: `req_` and 32 hex digits.
    pub fn header_value(&self) -> String {
        format!("req_{}", self.0.simple())
    }

    /// From that form, or from that of the tables: a UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::parse_str(text.strip_prefix("req_").unwrap_or(text)).ok().map(Self)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text_id!(
    /// The public name of a model, such as `claude-opus-4-7`. Never the provider's own name for it.
    ModelSlug
);
text_id!(
    /// A provider as the configuration names it.
    ProviderId
);
