//! How a connection to PostgreSQL is encrypted: `sslmode`, `sslrootcert`, `sslcert` and `sslkey` of
//! the URL, as libpq has them.

use std::path::PathBuf;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::certificates::{Certificates, Name};
use crate::StoreError;

/// What the URL asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Encryption {
    pub mode: Mode,
    roots: Roots,
    own: Option<OwnCertificate>,
}

/// `allow` is treated as `prefer`: TLS where the server has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// Which issuers are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Roots {
    /// Those of the operating system.
    System,
    File(PathBuf),
}

/// The certificate that this client shows, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OwnCertificate {
    certificate: PathBuf,
    key: PathBuf,
}

impl Encryption {
    /// Takes the parameters of TLS out of the URL, and returns what is left of it.
    pub(super) fn take_from(url: &str) -> Result<(Self, String), StoreError> {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut certificate, mut key) = (None, None, None, None);
        let mut left = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => mode = Some(Mode::parse(&value)?),
                "sslrootcert" => roots = Some(value),
                "sslcert" => certificate = Some(PathBuf::from(value)),
                "sslkey" => key = Some(PathBuf::from(value)),
                _ => left.push(pair),
            }
        }
        let own = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(OwnCertificate { certificate, key }),
            (Some(_), None) => return Err(refused("sslcert needs sslkey beside it")),
            (None, Some(_)) => return Err(refused("sslkey needs sslcert beside it")),
        };
        let (mode, roots) = strictness(mode, roots)?;
        let left =
            if left.is_empty() { place.to_owned() } else { format!("{place}?{}", left.join("&")) };
        Ok((Self { mode, roots, own }, left))
    }

    /// What the driver calls it.
    pub(super) fn ssl_mode(&self) -> SslMode {
        match self.mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        }
    }

    /// Reads the files that the URL names.
    pub(super) fn connector(&self) -> Result<MakeRustlsConnect, StoreError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| refused(&error.to_string()))?;
        let builder =
            builder.dangerous().with_custom_certificate_verifier(self.verifier(&provider)?);
        let config = match &self.own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = certificates(&own.certificate, "sslcert")?;
                let key = PrivateKeyDer::from_pem_file(&own.key)
                    .map_err(|error| refused(&format!("sslkey {}: {error}", own.key.display())))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| refused(&format!("sslcert and sslkey: {error}")))?
            }
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, StoreError> {
        let name = match self.mode {
            Mode::Disable | Mode::Prefer | Mode::Require => {
                return Ok(Arc::new(Certificates::unchecked(provider)));
            }
            Mode::VerifyCa => Name::Any,
            Mode::VerifyFull => Name::Checked,
        };
        let checked = match &self.roots {
            Roots::System => {
                let system = Verifier::new(Arc::clone(provider));
                let system = system.map_err(|error| refused(&error.to_string()))?;
                Certificates::issued_by(Arc::new(system), name, provider)
            }
            Roots::File(path) => {
                let trusted = certificates(path, "sslrootcert")?;
                let of_file = Certificates::of_file(trusted, name, provider);
                of_file
                    .map_err(|error| refused(&format!("sslrootcert {}: {error}", path.display())))?
            }
        };
        Ok(Arc::new(checked))
    }
}

impl Mode {
    fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "disable" => Ok(Mode::Disable),
            "allow" | "prefer" => Ok(Mode::Prefer),
            "require" => Ok(Mode::Require),
            "verify-ca" => Ok(Mode::VerifyCa),
            "verify-full" => Ok(Mode::VerifyFull),
            _ => Err(refused(
                "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full",
            )),
        }
    }
}

/// The rules of libpq: `prefer` unless said, `sslrootcert=system` means `verify-full`, and a file
/// of roots makes `require` verify the issuer.
fn strictness(mode: Option<Mode>, roots: Option<String>) -> Result<(Mode, Roots), StoreError> {
    match roots.as_deref() {
        None => Ok((mode.unwrap_or(Mode::Prefer), Roots::System)),
        Some("system") => match mode {
            None | Some(Mode::VerifyFull) => Ok((Mode::VerifyFull, Roots::System)),
            Some(_) => Err(refused(
                "sslrootcert=system needs sslmode=verify-full: anybody has a certificate of a public issuer",
            )),
        },
        Some("") => Err(refused("sslrootcert names no file")),
        Some(path) => {
            let mode = match mode.unwrap_or(Mode::Prefer) {
                Mode::Require => Mode::VerifyCa,
                other => other,
            };
            Ok((mode, Roots::File(PathBuf::from(path))))
        }
    }
}

fn certificates(
    path: &PathBuf,
    parameter: &str,
) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let unreadable = |error: rustls::pki_types::pem::Error| {
        refused(&format!("{parameter} {}: {error}", path.display()))
    };
    let found = CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    if found.is_empty() {
        return Err(refused(&format!("{parameter} {}: holds no certificate", path.display())));
    }
    Ok(found)
}

fn refused(reason: &str) -> StoreError {
    StoreError::Refused(format!("database url: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(query: &str) -> Mode {
        Encryption::take_from(&format!("postgres://h/d{query}")).unwrap().0.mode
    }

    #[test]
    fn modes_are_those_of_libpq() {
        assert_eq!(mode(""), Mode::Prefer);
        assert_eq!(mode("?sslmode=allow"), Mode::Prefer);
        assert_eq!(mode("?sslmode=disable"), Mode::Disable);
        assert_eq!(mode("?sslmode=require"), Mode::Require);
        assert_eq!(mode("?sslmode=require&sslrootcert=/a.pem"), Mode::VerifyCa);
        assert_eq!(mode("?sslmode=verify-ca&sslrootcert=/a.pem"), Mode::VerifyCa);
        assert_eq!(mode("?sslmode=verify-full&sslrootcert=%2Fa%20b.pem"), Mode::VerifyFull);
        assert_eq!(mode("?sslrootcert=system"), Mode::VerifyFull);
    }

    #[test]
    fn what_is_not_about_tls_stays_in_the_url() {
        let (_, left) = Encryption::take_from(
            "postgres://h/d?application_name=x&sslmode=require&options=-c%20a%3Db",
        )
        .unwrap();
        assert_eq!(left, "postgres://h/d?application_name=x&options=-c%20a%3Db");
        assert_eq!(
            Encryption::take_from("postgres://h/d?sslmode=require").unwrap().1,
            "postgres://h/d"
        );
    }

    #[test]
    fn mistakes_are_named_without_the_password() {
        let cases = [
            ("sslmode=sometimes", "sslmode must be"),
            ("sslmode=require&sslrootcert=system", "verify-full"),
            ("sslcert=/a", "sslkey"),
            ("sslkey=/a", "sslcert"),
            ("sslrootcert=", "names no file"),
        ];
        for (query, named) in cases {
            let error = Encryption::take_from(&format!("postgres://user:secret@h/d?{query}"))
                .unwrap_err()
                .to_string();
            assert!(error.contains(named) && !error.contains("secret"), "{error}");
        }
        let (missing, _) =
            Encryption::take_from("postgres://h/d?sslmode=verify-full&sslrootcert=/no/such.pem")
                .unwrap();
        let error = missing.connector().err().unwrap().to_string();
        assert!(error.contains("/no/such.pem"), "{error}");
    }
}
