//! Tables as diesel sees them; a test compares them with both databases. Integers are 64 bits, instants microseconds, states words.

mod delegated;
mod duty;
mod factors;
mod imported;
mod invited;
mod log;
mod records;
mod remedied;
mod rules;
mod self_recalled;
mod taking_part;

pub use delegated::delegations;
use diesel::{allow_tables_to_appear_in_same_query, joinable};
pub use duty::{duty_shifts, ratifications, recall_orders};
pub use factors::{passkeys, recovery_codes};
pub use imported::imports;
pub use invited::invitations;
pub use log::{
    log_checkpoints, log_cosignatures, log_events, log_head, log_keys, log_parts, log_pending, log_purges, log_search, log_tiles, part_keys,
    revocation_lists, timestamps, witnesses,
};
pub use records::{
    alert_rules, alerts, attachments, audit_packs, audit_questions, audits, broadcasts, bundles, calls, connections, counters, decisions,
    departments, devices, exports, holds, idempotency, jobs, mail_addresses, messages, notices, recalls, recipients, searches, sessions, settings,
    streams, tokens, user_roles, users,
};
pub use remedied::remediation_steps;
pub use rules::policies;
pub use self_recalled::self_recalls;
pub use taking_part::recall_entries;

joinable!(broadcasts -> connections (connection_id));
joinable!(recalls -> broadcasts (broadcast_id));
joinable!(decisions -> recalls (recall_id));
joinable!(user_roles -> users (user_id));
joinable!(sessions -> users (user_id));

allow_tables_to_appear_in_same_query!(
    settings,
    delegations,
    counters,
    departments,
    users,
    user_roles,
    invitations,
    sessions,
    devices,
    tokens,
    idempotency,
    connections,
    broadcasts,
    messages,
    recipients,
    attachments,
    recalls,
    decisions,
    calls,
    bundles,
    timestamps,
    revocation_lists,
    jobs,
    log_keys,
    log_head,
    log_events,
    log_pending,
    log_parts,
    part_keys,
    log_tiles,
    log_checkpoints,
    log_search,
    holds,
    log_purges,
    witnesses,
    log_cosignatures,
    mail_addresses,
    exports,
    searches,
    passkeys,
    recovery_codes,
    notices,
    recall_entries,
    remediation_steps,
    self_recalls,
    audits,
    audit_packs,
    audit_questions,
    alert_rules,
    alerts,
    streams,
    policies,
    imports,
    duty_shifts,
    recall_orders,
    ratifications
);
