//! What a read-only account (the auditor) may post: one list, here and nowhere else. Everything that is not on it is refused by the
//! session's middleware before any handler runs.

/// Routes, or beginnings of routes that end with `/`: sign-out, one's own security settings, audits and
/// their packs, questions, verification, audited exports, one message opened with a reason,
/// searches of one's own.
const ALLOWED: [&str; 27] = [
    "/sessions",
    "/sessions/verification",
    "/sessions/enrolment",
    "/sessions/passkeys",
    "/sessions/current/closures",
    "/account/password",
    "/account/second-factor",
    "/account/preferences",
    "/account/passkeys",
    "/account/passkeys/removals",
    "/account/recovery-codes",
    "/account/sessions/",
    "/questions",
    "/audits",
    "/audits/{id}/packs",
    "/audits/{id}/packs/{pack}/downloads",
    "/audit/exports",
    "/audit/searches",
    "/audit/searches/{id}/removals",
    "/recalls/exports",
    "/broadcasts/exports",
    "/broadcasts/{id}/unmaskings",
    "/views",
    "/views/{id}/removals",
    "/evidence/exports",
    "/evidence/{number}/downloads",
    "/evidence/verification",
];

/// Whether a post to `route` (the pattern, not the path) is one that a read-only account may make.
pub fn allows(route: &str) -> bool {
    ALLOWED.iter().any(|allowed| if allowed.ends_with('/') { route.starts_with(allowed) } else { route == *allowed })
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn an_auditor_changes_nothing_but_their_own_security() {
        for route in [
            "/sessions/current/closures",
            "/account/password",
            "/account/sessions/{id}/revocations",
            "/evidence/exports",
            "/audit/exports",
            "/evidence/{number}/downloads",
            "/audits",
            "/audits/{id}/packs",
            "/questions",
        ] {
            assert!(allows(route), "{route}");
        }
        for route in [
            "/sessions/{id}/revocations",
            "/recalls",
            "/recalls/{id}/decisions",
            "/account/tokens",
            "/users",
            "/account",
            "/accounts/password",
            "/evidence/exports/x",
            "/questions/{id}/answers",
            "/",
        ] {
            assert!(!allows(route), "{route}");
        }
    }
}
