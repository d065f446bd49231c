//! How strictly the certificate of a database server is checked, where that is not what a browser
//! would do.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Checks what a certificate is asked for; signatures of the handshake are checked in any case.
#[derive(Debug)]
pub(super) struct Certificates {
    algorithms: WebPkiSupportedAlgorithms,
    asked: Asked,
}

#[derive(Debug)]
enum Asked {
    /// The connection is encrypted, and nothing is known of who answers.
    Nothing,
    Issuer {
        issuers: Arc<dyn ServerCertVerifier>,
        /// These are trusted as they are, self-signed ones of a server included.
        trusted: Vec<CertificateDer<'static>>,
        name: Name,
    },
}

/// Whether the certificate must be that of the host in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Checked,
    Any,
}

impl Certificates {
    /// Takes every certificate.
    pub(super) fn unchecked(provider: &CryptoProvider) -> Self {
        Self { algorithms: provider.signature_verification_algorithms, asked: Asked::Nothing }
    }

    /// Trusts whom `issuers` trusts.
    pub(super) fn issued_by(
        issuers: Arc<dyn ServerCertVerifier>,
        name: Name,
        provider: &CryptoProvider,
    ) -> Self {
        let asked = Asked::Issuer { issuers, trusted: Vec::new(), name };
        Self { algorithms: provider.signature_verification_algorithms, asked }
    }

    /// Trusts the certificates of a file: as issuers, and a self-signed one of a server as it is.
    pub(super) fn of_file(
        trusted: Vec<CertificateDer<'static>>,
        name: Name,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots.add(certificate.clone())?;
        }
        let roots = Arc::new(roots);
        let issuers = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider));
        let issuers = issuers.build().map_err(|error| Error::General(error.to_string()))?;
        let asked = Asked::Issuer { issuers, trusted, name };
        Ok(Self { algorithms: provider.signature_verification_algorithms, asked })
    }
}

impl ServerCertVerifier for Certificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Asked::Issuer { issuers, trusted, name } = &self.asked else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = if trusted.iter().any(|trusted| trusted == end_entity) {
            rustls::client::verify_server_name(
                &ParsedCertificate::try_from(end_entity)?,
                server_name,
            )
            .map(|()| ServerCertVerified::assertion())
        } else {
            issuers.verify_server_cert(end_entity, intermediates, server_name, ocsp, now)
        };
        match verified {
            // the name is looked at last: whoever fails by it alone has a trusted issuer
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if *name == Name::Any => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
