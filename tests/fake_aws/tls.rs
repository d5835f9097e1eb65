//! A certificate authority for one test, and a server certificate of it.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use time::{Duration, OffsetDateTime};

use super::sigv4::hex;

/// How to serve TLS.
pub(super) struct Identity {
    pub config: Arc<ServerConfig>,
    pub ca_pem: String,
}

impl Identity {
    /// A certificate for these DNS names and IP addresses.
    pub fn new(names: &[&str], expired: bool) -> Result<Self, Box<dyn std::error::Error>> {
        let now = OffsetDateTime::now_utc();
        let (from, to) = (now - Duration::days(30), now + Duration::days(30));

        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        // A name of its own, so that another fake's authority is unknown, not merely wrong.
        let own = hex(&ca_key.public_key_raw()[1..9]);
        ca.distinguished_name
            .push(DnType::CommonName, format!("Fake AWS test authority {own}"));
        (ca.not_before, ca.not_after) = (from, to);
        let ca_pem = ca.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca, ca_key);

        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name
            .push(DnType::CommonName, "Fake AWS test server");
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.not_before = from;
        leaf.not_after = if expired { now - Duration::days(1) } else { to };
        let certificate = leaf.signed_by(&key, &issuer)?;

        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            config: Arc::new(config),
            ca_pem,
        })
    }
}
