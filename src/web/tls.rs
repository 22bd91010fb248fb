//! TLS on our own listener: certificate chain and key from PEM files, through rustls with ring.

use std::{fs::File, io::BufReader, path::Path, sync::Arc};

use crate::config::Config;

/// Which file does not do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{path}: {source}")]
    Read { path: String, source: std::io::Error },
    #[error("{0}: no private key in it")]
    NoKey(String),
    #[error("certificate and key do not fit: {0}")]
    Pair(rustls::Error),
}

/// The listener's settings; `None` without `tls_cert`.
pub fn config(config: &Config) -> Result<Option<rustls::ServerConfig>, TlsError> {
    let (Some(cert), Some(key)) = (&config.tls_cert, &config.tls_key) else { return Ok(None) };
    let read = |path: &Path| File::open(path).map(BufReader::new).map_err(|source| TlsError::Read { path: path.display().to_string(), source });
    let chain = rustls_pemfile::certs(&mut read(cert)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Read { path: cert.display().to_string(), source })?;
    let private = rustls_pemfile::private_key(&mut read(key)?)
        .map_err(|source| TlsError::Read { path: key.display().to_string(), source })?
        .ok_or_else(|| TlsError::NoKey(key.display().to_string()))?;
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(TlsError::Pair)?;
    Ok(Some(server))
}
