//! TLS to a receiver: whom we believe and what we show. Verified always; there is no switch to turn that off.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer},
};

/// Certificates in a PEM text.
fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = rustls_pemfile::certs(&mut pem.as_bytes()).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    if found.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(found) }
}

fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, String> {
    rustls_pemfile::private_key(&mut pem.as_bytes()).map_err(|e| e.to_string())?.ok_or_else(|| "no private key in it".to_owned())
}

/// Whom we believe: the authorities of `ca` (PEM) alone, or those of the system where it is empty; a system without any believes those of
/// Mozilla.
fn roots(ca: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if ca.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        return Ok(roots);
    }
    for certificate in certificates(ca)? {
        roots.add(certificate).map_err(|e| e.to_string())?;
    }
    Ok(roots)
}

/// The client's side: TLS 1.2 or newer, the other side's name and certificate verified, `certificate` (PEM) shown if it is not empty.
pub(super) fn client(ca: &str, certificate: &str, key: &str) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots(ca)?);
    if certificate.is_empty() {
        return Ok(builder.with_no_client_auth());
    }
    builder.with_client_auth_cert(certificates(certificate)?, private_key(key)?).map_err(|e| e.to_string())
}

/// What is wrong with authorities, certificate and key: field and kind of the error.
pub(super) fn check(ca: &str, certificate: &str, key: &str) -> Vec<(&'static str, &'static str)> {
    let mut wrong = Vec::new();
    if !ca.is_empty() && roots(ca).is_err() {
        wrong.push(("ca", "pem-certificate"));
    }
    match (certificate.is_empty(), key.is_empty()) {
        (true, true) => {}
        (true, false) => wrong.push(("certificate", "required")),
        (false, true) => wrong.push(("client_key_secret", "required")),
        (false, false) if certificates(certificate).is_err() => wrong.push(("certificate", "pem-certificate")),
        (false, false) if private_key(key).is_err() => wrong.push(("client_key_secret", "pem-key")),
        (false, false) if wrong.is_empty() && client(ca, certificate, key).is_err() => wrong.push(("client_key_secret", "pem-pair")),
        (false, false) => {}
    }
    wrong
}
