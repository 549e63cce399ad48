//! TLS as sources use it: ring, the system's certificate authorities, and what the settings add.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use super::SourceError;
use super::settings::HttpSettings;

/// Makes ring the cryptography of everything in this process that does not choose by itself. May be
/// called often; the first call counts.
pub fn install_provider() {
    // An error only says that a provider is there already.
    let _ = ring::default_provider().install_default();
}

/// A client's TLS configuration, without ALPN. Reads files: not for the threads of the runtime.
///
/// # Errors
/// [`SourceError::Misconfigured`] with the file that could not be used.
pub fn client_config(settings: &HttpSettings) -> Result<ClientConfig, SourceError> {
    install_provider();
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| SourceError::Misconfigured(format!("TLS cannot be used here: {e}")))?;
    let builder = if settings.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(NoVerification(algorithms)))
    } else {
        builder.with_root_certificates(roots(settings.ca_file.as_deref())?)
    };
    match &settings.client_cert {
        None => Ok(builder.with_no_client_auth()),
        Some(path) => {
            let (chain, key) = identity(path)?;
            builder.with_client_auth_cert(chain, key).map_err(|e| {
                unusable(path, "client certificate", &format!("its key does not fit: {e}"))
            })
        }
    }
}

/// The system's authorities, or the bundled ones where the system has none, and those of `extra`.
pub fn roots(extra: Option<&Path>) -> Result<RootCertStore, SourceError> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if store.is_empty() {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = extra {
        let what = "certificate authority";
        let pem = std::fs::read(path).map_err(|e| unusable(path, what, &e.to_string()))?;
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|e| unusable(path, what, &e.to_string()))?;
            store.add(certificate).map_err(|e| unusable(path, what, &e.to_string()))?;
            found = true;
        }
        if !found {
            return Err(unusable(path, what, "it has no PEM certificate"));
        }
    }
    Ok(store)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(path: &Path) -> Result<Identity, SourceError> {
    let wrong = |reason: &str| unusable(path, "client certificate", reason);
    let pem = std::fs::read(path).map_err(|e| wrong(&e.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| wrong(&e.to_string()))?;
    if chain.is_empty() {
        return Err(wrong("it has no PEM certificate"));
    }
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| wrong("it has no PEM private key beside the certificate"))?;
    Ok((chain, key))
}

fn unusable(path: &Path, what: &str, reason: &str) -> SourceError {
    SourceError::Misconfigured(format!(
        "the {what} file {} is not usable: {reason}; it must be PEM",
        path.display()
    ))
}

/// What a failed handshake means, and what helps.
pub fn explain(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => {
                "TLS failed: the server does not speak TLS on this port; is it http:// instead of \
                 https://?"
                    .to_owned()
            }
            rustls::Error::AlertReceived(alert) => format!(
                "TLS failed: the server ended it ({alert:?}); does it want a client certificate \
                 (client_cert)?"
            ),
            other => format!("TLS failed: {other}"),
        };
    };
    match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired: renew it on the server".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: check the clocks of both machines".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name: use the name that it was issued for".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "its certificate is signed by an unknown authority: name that authority's PEM file as \
             ca_file"
                .to_owned()
        }
        other => format!("its certificate is not acceptable: {other}"),
    }
}

/// For `insecure_skip_verify`: any certificate will do, as long as the server holds its key.
#[derive(Debug)]
struct NoVerification(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for NoVerification {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "not PEM").unwrap();
        let path = Some(file.path().to_owned());
        for settings in [
            HttpSettings { ca_file: path.clone(), ..HttpSettings::default() },
            HttpSettings { client_cert: path.clone(), ..HttpSettings::default() },
        ] {
            let error = client_config(&settings).unwrap_err().to_string();
            assert!(error.contains(&file.path().display().to_string()), "{error}");
            assert!(error.contains("PEM"), "{error}");
        }
    }

    #[test]
    fn default_settings_trust_some_authority() {
        assert!(!roots(None).unwrap().is_empty());
        assert!(client_config(&HttpSettings::default()).is_ok());
    }
}
