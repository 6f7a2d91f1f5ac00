//! Whom we trust: the machine's certificate authorities, and one more file when the relay has its own.

use std::{path::Path, sync::Arc};

use thiserror::Error;
use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Why no TLS settings could be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TlsError {
    /// The extra file.
    #[error("mail.ca_file {file}: {problem}; give a PEM file with one or more certificates")]
    CaFile {
        /// Its path.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// No trusted certificate at all: no server could prove who it is.
    #[error("this machine has no trusted certificates; install the package `ca-certificates` or set mail.ca_file")]
    NoRoots,
    /// The library refuses its own defaults.
    #[error("TLS can't be set up: {0}")]
    Setup(String),
}

/// Settings that trust the machine's authorities and those of `ca_file`. Read once, shared by all connections.
pub fn tls_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let refuse = |problem: String| TlsError::CaFile { file: path.display().to_string(), problem };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
        let before = roots.len();
        for certificate in certificates {
            let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
            roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(refuse("it has no certificate".to_owned()));
        }
    }
    if roots.is_empty() {
        return Err(TlsError::NoRoots);
    }
    let setup = |error: rustls::Error| TlsError::Setup(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
    Ok(Arc::new(builder.map_err(setup)?.with_root_certificates(roots).with_no_client_auth()))
}
