//! What a TLS server shows of itself, also when it is not to be trusted: that is when one wants to
//! know.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};

use crate::domain::health::State;
use crate::domain::text;
use crate::domain::time::Instant;
use crate::sources::settings::HttpSettings;
use crate::sources::{SourceError, tls};

/// More certificates of a chain are not looked at.
const MAX_CHAIN: usize = 8;

/// What is known of a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it names, for people.
    pub subject: String,
    /// When the first certificate of the chain ends.
    pub ends: Instant,
    /// Why it is not to be trusted.
    pub problem: Option<String>,
}

impl Certificate {
    /// Days of life left; negative once it has ended.
    pub fn days_left(&self, now: Instant) -> f64 {
        (self.ends - now).num_seconds() as f64 / 86_400.0
    }

    /// How good it is, and why, with `(warn, crit)` days of life. `lenient`: who does not ask to
    /// verify only wants to be reminded.
    pub fn judge(&self, now: Instant, (warn, crit): (u32, u32), lenient: bool) -> (State, String) {
        let left = self.ends - now;
        let days = self.days_left(now);
        let Self { subject, problem, .. } = self;
        if left < TimeDelta::zero() {
            let ago = text::duration(-left);
            (State::Critical, format!("the certificate of {subject} expired {ago} ago; renew it"))
        } else if let Some(problem) = problem {
            let state = if lenient { State::Warning } else { State::Critical };
            (state, format!("{subject}: {problem}"))
        } else {
            let state = match days {
                d if d < f64::from(crit) => State::Critical,
                d if d < f64::from(warn) => State::Warning,
                _ => State::Ok,
            };
            let end = self.ends.format("%Y-%m-%d");
            (state, format!("{subject}, until {end} ({})", text::duration(left)))
        }
    }
}

/// TLS settings that let every handshake succeed, and tell what the verifier would have said.
pub struct Recorder {
    config: Arc<ClientConfig>,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Recorder {
    /// Reads the certificate authorities: blocks.
    pub fn new(settings: &HttpSettings) -> Result<Self, SourceError> {
        let misconfigured = |e: String| SourceError::Misconfigured(format!("TLS: {e}"));
        let config = Arc::new(tls::client_config(settings)?);
        let roots = Arc::new(tls::roots(settings.ca_file.as_deref())?);
        let provider = Arc::clone(config.crypto_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider)
            .build()
            .map_err(|e| misconfigured(e.to_string()))?;
        Ok(Self { config, verifier })
    }

    /// Settings for one handshake, and where its verdict will be.
    pub fn tape(&self) -> (Arc<ClientConfig>, Arc<Tape>) {
        let tape =
            Arc::new(Tape { verifier: Arc::clone(&self.verifier), certificate: Mutex::default() });
        let mut config = ClientConfig::clone(&self.config);
        // A resumed session shows no certificate.
        config.resumption = rustls::client::Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.dangerous().set_certificate_verifier(Arc::clone(&tape) as _);
        (Arc::new(config), tape)
    }
}

/// The verifier of one handshake.
#[derive(Debug)]
pub struct Tape {
    verifier: Arc<WebPkiServerVerifier>,
    certificate: Mutex<Option<Certificate>>,
}

impl Tape {
    /// What was seen.
    pub fn certificate(&self) -> Option<Certificate> {
        self.certificate.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Tape {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let problem = verdict.err().map(|e| text::clean(&tls::explain(&e), 300));
        let seen = read(end_entity, intermediates, problem);
        *self.certificate.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn read(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    problem: Option<String>,
) -> Certificate {
    let chain = std::iter::once(end_entity).chain(intermediates).take(MAX_CHAIN);
    let ends = chain.filter_map(|der| {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
    });
    let ends = ends.min();
    let unreadable = || "it cannot be read".to_owned();
    Certificate {
        subject: subject(end_entity).unwrap_or_else(|| "an unnamed server".to_owned()),
        problem: problem.or_else(|| ends.is_none().then(unreadable)),
        // One that says nothing of its end has no end that anybody could wait for.
        ends: ends.unwrap_or(Instant::MAX_UTC),
    }
}

/// Its common name, else the first name that it is for.
fn subject(der: &CertificateDer<'_>) -> Option<String> {
    use x509_parser::extensions::GeneralName;
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let common = certificate.subject().iter_common_name().find_map(|n| n.as_str().ok());
    let names = certificate.subject_alternative_name().ok().flatten();
    let other = names.and_then(|n| {
        n.value.general_names.iter().find_map(|n| match n {
            GeneralName::DNSName(name) => Some(*name),
            _ => None,
        })
    });
    let name = text::clean(common.or(other)?, 100);
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(-1, None, State::Critical, "expired 1d ago")]
    #[case(-1, Some("its issuer is unknown"), State::Critical, "expired 1d ago")]
    #[case(3, None, State::Critical, "until 2026-11-27 (3d)")]
    #[case(10, None, State::Warning, "until 2026-12-04 (10d)")]
    #[case(60, None, State::Ok, "shop.example, until 2027-01-23 (60d)")]
    #[case(60, Some("its issuer is unknown"), State::Critical, "shop.example: its issuer")]
    fn a_certificate_is_judged_by_trust_and_by_days(
        #[case] days: i64,
        #[case] problem: Option<&str>,
        #[case] state: State,
        #[case] says: &str,
    ) {
        let now: Instant = "2026-11-24T14:00:00Z".parse().unwrap();
        let certificate = Certificate {
            subject: "shop.example".to_owned(),
            ends: now + TimeDelta::days(days),
            problem: problem.map(str::to_owned),
        };
        let (found, why) = certificate.judge(now, (14, 5), false);
        assert_eq!(found, state);
        assert!(why.contains(says), "{why}");
    }

    #[test]
    fn garbage_is_no_certificate_and_no_panic() {
        let seen = read(&CertificateDer::from(vec![0x30, 0x82, 1, 2, 3]), &[], None);
        assert_eq!(seen.problem.as_deref(), Some("it cannot be read"));
    }
}
