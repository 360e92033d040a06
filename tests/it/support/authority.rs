//! Authorities that issue certificates as told, good and bad, and take them back.

use palisade::clock::Clock;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
    next: AtomicU64,
}

/// A certificate with its key.
#[derive(Clone)]
pub(crate) struct Pair {
    /// The certificate.
    pub(crate) cert: String,
    /// Its private key.
    pub(crate) key: String,
    serial: SerialNumber,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let own = params.self_signed(&key).expect("a certificate");
        Self {
            pem: own.pem(),
            issuer: Issuer::new(params, key),
            next: AtomicU64::new(1),
        }
    }

    /// An authority whose own certificate is of this one, and ends `seconds` from now.
    pub(crate) fn between(&self, name: &str, seconds: i64) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.not_after = date_time_ymd(1970, 1, 1) + until_in(seconds);
        let key = KeyPair::generate().expect("a key");
        let own = params.signed_by(&key, &self.issuer).expect("a certificate");
        Self {
            pem: own.pem(),
            issuer: Issuer::new(params, key),
            next: AtomicU64::new(1),
        }
    }

    /// A certificate of a workload that ends `seconds` from now.
    pub(crate) fn brief(&self, id: &str, seconds: i64) -> Pair {
        self.issue(|params| {
            params.subject_alt_names = vec![uri(id)];
            params.not_after = date_time_ymd(1970, 1, 1) + until_in(seconds);
        })
    }

    /// A certificate for names of hosts.
    pub(crate) fn host(&self, names: &[&str]) -> Pair {
        self.issue(|params| params.subject_alt_names = names.iter().map(|name| dns(name)).collect())
    }

    /// A certificate of a workload.
    pub(crate) fn workload(&self, id: &str) -> Pair {
        self.issue(|params| params.subject_alt_names = vec![uri(id)])
    }

    /// A certificate that ends on that day.
    pub(crate) fn until(&self, name: &str, (year, month, day): (i32, u8, u8)) -> Pair {
        self.issue(|params| {
            params.subject_alt_names = vec![dns(name)];
            params.not_after = date_time_ymd(year, month, day);
        })
    }

    /// Any certificate.
    pub(crate) fn issue(&self, edit: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::default();
        let serial = self.next.fetch_add(1, Ordering::SeqCst);
        let serial = SerialNumber::from_slice(&serial.to_be_bytes());
        params.serial_number = Some(serial.clone());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        edit(&mut params);
        let key = KeyPair::generate().expect("a key");
        let made = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair {
            cert: made.pem(),
            key: key.serialize_pem(),
            serial,
        }
    }

    /// A list that takes `revoked` back, and ends in that year.
    pub(crate) fn revoke(&self, revoked: &[&Pair], year: i32) -> String {
        let one = |pair: &&Pair| RevokedCertParams {
            serial_number: pair.serial.clone(),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(one).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).expect("a list");
        list.pem().expect("a list is PEM")
    }
}

/// From 1970 to `seconds` from now, in whole seconds as certificates have it.
fn until_in(seconds: i64) -> Duration {
    let now = Clock::system().now().millis() / 1000;
    Duration::from_secs(u64::try_from(now + seconds).expect("after 1970"))
}

pub(crate) fn dns(name: &str) -> SanType {
    SanType::DnsName(Ia5String::try_from(name).expect("a name is ASCII"))
}

pub(crate) fn uri(uri: &str) -> SanType {
    SanType::URI(Ia5String::try_from(uri).expect("a URI is ASCII"))
}
