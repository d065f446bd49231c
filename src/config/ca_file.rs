//! `ca_file`: the certificates that a provider's certificate must come from.

use std::path::PathBuf;
use std::sync::Arc;

use ainfera_schema::{CaFile, Trust};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::document::Section;
use super::field::Field;

/// Without the key, the platform's certificates are trusted.
pub fn read(section: &Section<'_>) -> Trust {
    section
        .field("ca_file")
        .and_then(|field| read_file(&field))
        .map_or(Trust::Platform, |file| Trust::File(Arc::new(file)))
}

fn read_file(field: &Field<'_>) -> Option<CaFile> {
    let path = PathBuf::from(field.text()?);
    let refuse = |reason: String| field.refuse(format!("the file {} {reason}", path.display()));
    let text =
        std::fs::read(&path).map_err(|error| refuse(format!("cannot be read: {error}"))).ok()?;
    let read: Result<Vec<Vec<u8>>, _> = CertificateDer::pem_slice_iter(&text)
        .map(|certificate| certificate.map(|certificate| certificate.to_vec()))
        .collect();
    let certificates = read.map_err(|error| refuse(format!("is not a PEM file: {error}"))).ok()?;
    if certificates.is_empty() {
        refuse("holds no certificate in PEM form".to_owned());
        return None;
    }
    let mut roots = rustls::RootCertStore::empty();
    for certificate in &certificates {
        if let Err(error) = roots.add(CertificateDer::from(certificate.clone())) {
            refuse(format!("holds a certificate that cannot be used: {error}"));
            return None;
        }
    }
    Some(CaFile { path, certificates })
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(contents: &[u8]) -> Result<Trust, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), contents).unwrap();
        read_path(&file.path().display().to_string())
    }

    fn read_path(path: &str) -> Result<Trust, String> {
        read_document(&format!("ca_file = {path:?}\n"), |root| Some(read(root)))
            .map_err(|mistakes| mistakes[0].to_string().replace(path, "FILE"))
    }

    #[test]
    fn every_certificate_of_the_file_is_trusted() {
        let one = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let two = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let Ok(Trust::File(file)) =
            read_text(format!("{}\n{}", one.cert.pem(), two.cert.pem()).as_bytes())
        else {
            panic!()
        };
        assert_eq!(file.certificates, [one.cert.der().to_vec(), two.cert.der().to_vec()]);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_the_reason() {
        let refusal = |contents: &[u8]| read_text(contents).unwrap_err();
        assert_eq!(refusal(b""), "line 1: ca_file: the file FILE holds no certificate in PEM form");
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(
            refusal(key.as_bytes()),
            "line 1: ca_file: the file FILE holds no certificate in PEM form"
        );
        let damaged = b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        assert!(refusal(damaged).starts_with("line 1: ca_file: the file FILE is not a PEM file: "));
        let nonsense = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(refusal(nonsense).starts_with(
            "line 1: ca_file: the file FILE holds a certificate that cannot be used: "
        ));
        let missing = read_path("/nowhere/ca.pem").unwrap_err();
        assert!(
            missing.starts_with("line 1: ca_file: the file FILE cannot be read: "),
            "{missing}"
        );
    }
}
