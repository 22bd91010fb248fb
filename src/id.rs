//! Ids: UUIDv7 as lower-case text (RFC 9562), one type a concept, so that a case's id cannot stand where a person's is wanted.

/// Declares an id type: a UUIDv7 as text.
macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// A fresh id: time-ordered, random in its lower bits.
            pub fn fresh() -> Self {
                Self(uuid::Uuid::now_v7().to_string())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    )*};
}

text_id! {
    /// An audit event.
    EventId;
    /// A person's account.
    UserId;
    DepartmentId;
    /// A signed-in browser.
    SessionId;
    /// A personal or service token.
    TokenId;
    /// A platform connection.
    ConnectionId;
    /// A mass message.
    BroadcastId;
    /// One platform message of a broadcast.
    MessageId;
    /// A recall case.
    RecallId;
    DecisionId;
    /// A time on the duty roster.
    ShiftId;
    /// An order to recall first.
    OrderId;
    RatificationId;
    /// One call to a platform.
    CallId;
    JobId;
    BundleId;
    /// What one authority said about one thing.
    TimestampId;
    AttachmentId;
    /// What a sender took back by themselves, as filed.
    SelfRecallId;
    /// What a reviewer handed to somebody.
    DelegationId;
    /// A legal hold.
    HoldId;
    /// A stream of the audit trail to another system.
    StreamId;
    /// A mail to somebody whom a case concerns.
    NoticeId;
    /// What an auditor looks at.
    AuditId;
    /// A file that an auditor takes along.
    AuditPackId;
    /// What an auditor asked somebody.
    QuestionId;
    AlertId;
}

/// A fresh UUIDv7 as text, where no type of its own exists.
pub fn fresh() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The `n`th of the ids that belong to what was begun with `id`, which is the first: the same whenever it is asked for. What is no UUID has
/// fresh ones.
pub fn nth(id: &str, n: usize) -> String {
    match uuid::Uuid::parse_str(id) {
        Ok(first) => uuid::Uuid::from_u128(first.as_u128() ^ n as u128).to_string(),
        Err(_) => fresh(),
    }
}
