//! Who issues the certificates of this run: an authority of its own, made once for each test
//! program.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use ainfera_mock::tls::tls_from_pem;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;

/// A certificate and its key, as PEM.
pub struct Leaf {
    pub certificate: String,
    pub key: String,
}

pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
    /// For a server on this machine.
    local: Arc<ServerConfig>,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("authority-{}.pem", std::process::id()));
        std::fs::write(&file, issuer.pem()).unwrap();
        let leaf = issue(&issuer, &["localhost", "127.0.0.1"]);
        let local = tls_from_pem(leaf.certificate.as_bytes(), leaf.key.as_bytes()).unwrap();
        Self { issuer, file, local }
    }
}

/// The authority's own certificate, for `ca_file`.
pub fn file() -> &'static Path {
    &AUTHORITY.file
}

/// TLS of a server on `localhost`.
pub fn local_server() -> Arc<ServerConfig> {
    Arc::clone(&AUTHORITY.local)
}

/// A certificate for names and addresses of a test's choice.
pub fn leaf(names: &[&str]) -> Leaf {
    issue(&AUTHORITY.issuer, names)
}

fn issue(issuer: &CertifiedIssuer<'static, KeyPair>, names: &[&str]) -> Leaf {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, issuer).unwrap();
    Leaf { certificate: certificate.pem(), key: key.serialize_pem() }
}
