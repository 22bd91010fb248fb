//! Passwords: argon2id, 19 MiB, t=2, p=1 (OWASP's minimum), as PHC strings. About 25 ms each: call it off the async workers.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};

fn hasher() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("the parameters are within argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// The PHC string of `password` under a fresh salt.
pub fn hash(password: &str) -> String {
    let salt = SaltString::encode_b64(&super::random::<16>()).expect("16 bytes are a valid salt");
    hasher().hash_password(password.as_bytes(), &salt).expect("argon2id hashes any text").to_string()
}

/// Whether `password` is the one behind `phc`. With `None` (no such account) the same work is done and the answer is no,
/// so that the time taken does not tell whether an account exists.
pub fn verify(password: &str, phc: Option<&str>) -> bool {
    static DECOY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let known = phc.is_some();
    let phc = phc.unwrap_or_else(|| DECOY.get_or_init(|| hash("decoy")));
    let Ok(parsed) = PasswordHash::new(phc) else { return false };
    hasher().verify_password(password.as_bytes(), &parsed).is_ok() && known
}

/// Whether `phc` was made with weaker parameters than today's and should be made anew at the next sign-in.
pub fn outdated(phc: &str) -> bool {
    PasswordHash::new(phc).ok().and_then(|p| Params::try_from(&p).ok()).is_none_or(|p| p.m_cost() < 19 * 1024 || p.t_cost() < 2)
}

#[cfg(test)]
mod tests {
    #[test]
    fn right_wrong_and_absent() {
        let phc = super::hash("correct horse");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(super::verify("correct horse", Some(&phc)));
        assert!(!super::verify("wrong", Some(&phc)));
        assert!(!super::verify("decoy", None));
        assert!(!super::outdated(&phc));
    }
}
