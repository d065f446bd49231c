//! TLS to providers: whose certificates are trusted, and what is offered.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ainfera_schema::{CaFile, Trust};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, Error, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// The TLS settings of a process. They are made when they are first asked for and then shared, and
/// with them the sessions that can be resumed.
#[derive(Debug, Default)]
pub struct TlsSettings {
    platform: OnceLock<Result<Arc<ClientConfig>, Error>>,
    files: Mutex<Vec<(Arc<CaFile>, Arc<ClientConfig>)>>,
}

impl TlsSettings {
    /// The settings for a provider. Fails where the platform has no certificates, or a file's
    /// cannot be used.
    pub fn of(&self, trust: &Trust) -> Result<Arc<ClientConfig>, Error> {
        match trust {
            Trust::Platform => self.platform.get_or_init(platform).clone(),
            Trust::File(file) => self.of_file(file),
        }
    }

    fn of_file(&self, file: &Arc<CaFile>) -> Result<Arc<ClientConfig>, Error> {
        // what a panic leaves behind is still a list
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, made)) = files.iter().find(|(known, _)| known == file) {
            return Ok(Arc::clone(made));
        }
        let made = from_file(file)?;
        files.push((Arc::clone(file), Arc::clone(&made)));
        Ok(made)
    }
}

/// The platform's certificates, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
fn platform() -> Result<Arc<ClientConfig>, Error> {
    Ok(finished(builder()?.with_platform_verifier()?.with_no_client_auth()))
}

fn from_file(file: &CaFile) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in &file.certificates {
        roots.add(CertificateDer::from(certificate.clone()))?;
    }
    Ok(finished(builder()?.with_root_certificates(roots).with_no_client_auth()))
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

fn finished(mut config: ClientConfig) -> Arc<ClientConfig> {
    // never offer h2: one socket per stream, so that a drop is a close
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
