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
    section.field("ca_file").and_then(|field| read_file(&field)).map_or(Trust::Platform, |file| Trust::File(Arc::new(file)))
}

fn read_file(field: &Field<'_>) -> Option<CaFile> {
    let path = PathBuf::from(field.text()?);
    let refuse = |reason: String| field.refuse(format!("the file {} {reason}", path.display()));
    let text = std::fs::read(&path).map_err(|error| refuse(format!("cannot be read: {error}"))).ok()?;
    let read: Result<Vec<Vec<u8>>, _> =
        CertificateDer::pem_slice_iter(&text).map(|certificate| certificate.map(|certificate| certificate.to_vec())).collect();
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
