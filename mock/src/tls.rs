//! TLS as the scripted provider speaks it: 1.2 and 1.3, HTTP/1.1 inside.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("the certificate file cannot be read: {0}")]
    Certificate(pem::Error),
    #[error("the certificate file has no certificate")]
    NoCertificate,
    #[error("the key file cannot be read: {0}")]
    Key(pem::Error),
    #[error("certificate and key do not work: {0}")]
    Pair(#[from] rustls::Error),
}

/// What a listener needs: a chain, its own certificate first, and the key of that certificate, both
/// as PEM.
pub fn tls_from_pem(certificates: &[u8], key: &[u8]) -> Result<Arc<ServerConfig>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(TlsError::Certificate)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(TlsError::Key)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        assert!(matches!(tls_from_pem(b"", b""), Err(TlsError::NoCertificate)));
        let certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(tls_from_pem(certificate, b"no key"), Err(TlsError::Key(_))));
        let key = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(tls_from_pem(certificate, key), Err(TlsError::Pair(_))));
    }
}
