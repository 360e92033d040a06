//! Certificates of every kind, read.

use super::{BadIdentity, Error, Identity, Said, spiffe};
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, SanType, string::Ia5String,
};

fn der(edit: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    edit(&mut params);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

fn uri(text: &str) -> SanType {
    SanType::URI(Ia5String::try_from(text).unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(Ia5String::try_from(text).unwrap())
}

fn identity(edit: impl FnOnce(&mut CertificateParams)) -> Result<Identity, BadIdentity> {
    Identity::read(&der(edit))
}

const WEB: &str = "spiffe://example.org/ns/prod/sa/web";

#[test]
fn a_workload_is_its_one_spiffe_id() {
    let read = identity(|params| params.subject_alt_names = vec![uri(WEB), dns("Web.example.org")]);
    let read = read.unwrap();
    assert_eq!(read.spiffe.as_deref(), Some(WEB));
    assert_eq!(&*read.dns[0], "web.example.org");
    let both = format!("{WEB}, web.example.org");
    assert_eq!(read.shown.as_deref(), Some(&*both));
}

#[test]
fn a_host_is_its_names_and_nobody_is_none() {
    let names = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![dns("b.test"), dns("a.test"), uri("https://a.test/")];
    };
    let read = identity(names).unwrap();
    assert_eq!(read.spiffe, None);
    assert_eq!(read.shown.as_deref(), Some("a.test, b.test"));
    let nobody = identity(|_| {}).unwrap();
    assert_eq!(nobody.shown, None);
}

#[test]
fn two_identities_in_one_certificate_are_none() {
    let two = identity(|params| {
        params.subject_alt_names = vec![uri(WEB), uri("spiffe://example.org/other")];
    });
    assert_eq!(two, Err(BadIdentity::Uris(2)));
    let beside = identity(|params| params.subject_alt_names = vec![uri(WEB), uri("urn:x")]);
    assert_eq!(beside, Err(BadIdentity::Uris(2)));
}

#[test]
fn what_may_issue_certificates_is_no_workload() {
    let issuer = identity(|params| {
        params.subject_alt_names = vec![uri(WEB)];
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    assert_eq!(issuer, Err(BadIdentity::Usage));
    let signs = identity(|params| {
        params.subject_alt_names = vec![uri(WEB)];
        params.key_usages.push(KeyUsagePurpose::CrlSign);
    });
    assert_eq!(signs, Err(BadIdentity::Usage));
    let silent = identity(|params| {
        params.subject_alt_names = vec![uri(WEB)];
        params.key_usages.clear();
    });
    assert_eq!(silent, Err(BadIdentity::Usage));
}

#[test]
fn names_that_are_no_hosts_or_too_many_are_refused() {
    let star = identity(|params| params.subject_alt_names = vec![dns("*.example.org")]);
    assert_eq!(star.unwrap().shown, None, "a wildcard is nobody's name");
    let comma = identity(|params| params.subject_alt_names = vec![dns("a.test, b.test")]);
    assert!(matches!(comma, Err(BadIdentity::Name(_))), "{comma:?}");
    let many = identity(|params| {
        params.subject_alt_names = (0..9).map(|n| dns(&format!("h{n}.test"))).collect();
    });
    assert_eq!(many, Err(BadIdentity::Names(9)));
}

#[test]
fn a_spiffe_id_has_one_spelling() {
    for id in [WEB, "spiffe://a-b.c_d/x", "spiffe://1/A.b-c_d/..."] {
        assert!(spiffe::is_workload(id), "`{id}`");
    }
    for other in [
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe:///web",
        "spiffe://Example.org/web",
        "SPIFFE://example.org/web",
        "spiffe://example.org/web/",
        "spiffe://example.org//web",
        "spiffe://example.org/./web",
        "spiffe://example.org/../web",
        "spiffe://example.org:443/web",
        "spiffe://me@example.org/web",
        "spiffe://example.org/web?a=b",
        "spiffe://example.org/web#a",
        "spiffe://example.org/w%65b",
        "spiffe://example.org/w\u{e4}b",
    ] {
        assert!(!spiffe::is_workload(other), "`{other}`");
        let read = identity(|params| {
            if let Ok(text) = Ia5String::try_from(other) {
                params.subject_alt_names = vec![SanType::URI(text)];
            }
        });
        let taken = read.is_ok_and(|read| read.spiffe.is_some());
        assert!(!taken, "`{other}`");
    }
}

#[test]
fn what_is_no_certificate_is_said_to_be_none() {
    assert!(matches!(Said::read(b"MII"), Err(Error::Form(_))));
    let mut behind = der(|_| {});
    behind.push(0);
    assert_eq!(Said::read(&behind), Err(Error::Trailing));
}
