//! Certificates made on the spot: right, by a stranger's authority, for another host, expired.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a stand-in that can't be made must fail the test loudly")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};

/// A server's certificate, and the authority that signed it.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub(crate) config: Arc<ServerConfig>,
    /// The authority's certificate, for the client to trust.
    pub ca_pem: String,
}

impl Certificate {
    /// A certificate for this name by an authority of its own; an expired one when asked for.
    pub fn issue(name: &str, expired: bool) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).expect("no names are fine");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().expect("a key");
        let ca_pem = authority.self_signed(&authority_key).expect("a self-signed certificate").pem();
        let issuer = Issuer::new(authority, authority_key);
        let mut server = CertificateParams::new(vec![name.to_owned()]).expect("a usable name");
        if expired {
            server.not_before = date_time_ymd(2020, 1, 1);
            server.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let certificate = server.signed_by(&key, &issuer).expect("a signed certificate");
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key in PKCS#8");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows the usual versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("key and certificate fit");
        Self { config: Arc::new(config), ca_pem }
    }

    /// Writes the authority's certificate into a folder; returns the file.
    pub fn write_ca(&self, folder: &Path) -> PathBuf {
        let path = folder.join("ca.pem");
        std::fs::write(&path, &self.ca_pem).expect("a writable folder");
        path
    }
}
