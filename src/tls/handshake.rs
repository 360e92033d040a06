//! How a handshake ends: one of few words, whatever the library says.

use rustls::{CertificateError, Error, PeerIncompatible};
use std::io;

/// Why a client got no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It took too long.
    Late,
    /// It went away.
    Closed,
    /// What it sent is not TLS: plain HTTP, mostly.
    NotTls,
    /// It speaks older versions only.
    Version,
    /// No cipher, curve or signature is known to both.
    Parameters,
    /// It wants another protocol than HTTP (ALPN).
    Protocol,
    /// It asks for a name that no certificate has (SNI).
    UnknownName,
    /// It does not take our certificate, or gives up for reasons of its own.
    RefusedByClient,
    /// It shows no certificate, and has to.
    CertificateMissing,
    /// No authority of ours has issued its certificate.
    CertificateUnknown,
    /// Its certificate is past, or not yet.
    CertificateExpired,
    /// Its certificate was taken back.
    CertificateRevoked,
    /// Nothing says whether its certificate was taken back.
    RevocationUnknown,
    /// Its certificate is wrong in another way.
    CertificateBad,
    /// Its certificate is nobody's, or more than one's.
    Identity,
    /// It breaks the protocol in another way.
    Other,
}

impl Failure {
    /// All of them, in the order of the metric's series.
    pub const ALL: [Self; 16] = [
        Self::Late,
        Self::Closed,
        Self::NotTls,
        Self::Version,
        Self::Parameters,
        Self::Protocol,
        Self::UnknownName,
        Self::RefusedByClient,
        Self::CertificateMissing,
        Self::CertificateUnknown,
        Self::CertificateExpired,
        Self::CertificateRevoked,
        Self::RevocationUnknown,
        Self::CertificateBad,
        Self::Identity,
        Self::Other,
    ];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Closed => "closed",
            Self::NotTls => "not_tls",
            Self::Version => "version",
            Self::Parameters => "parameters",
            Self::Protocol => "protocol",
            Self::UnknownName => "unknown_name",
            Self::RefusedByClient => "refused_by_client",
            Self::CertificateMissing => "certificate_missing",
            Self::CertificateUnknown => "certificate_unknown",
            Self::CertificateExpired => "certificate_expired",
            Self::CertificateRevoked => "certificate_revoked",
            Self::RevocationUnknown => "revocation_unknown",
            Self::CertificateBad => "certificate_bad",
            Self::Identity => "identity",
            Self::Other => "other",
        }
    }

    /// What the library said, or the connection below it.
    pub fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        inner.map_or(Self::Closed, Self::of_tls)
    }

    pub(super) fn of_tls(error: &Error) -> Self {
        match error {
            Error::InvalidMessage(_) => Self::NotTls,
            Error::PeerIncompatible(why) => Self::of_incompatible(why),
            Error::NoApplicationProtocol => Self::Protocol,
            // The only one of its kind: a resolver that has no certificate.
            Error::General(_) => Self::UnknownName,
            Error::AlertReceived(_) => Self::RefusedByClient,
            Error::NoCertificatesPresented => Self::CertificateMissing,
            Error::InvalidCertificate(why) => Self::of_certificate(why),
            _ => Self::Other,
        }
    }

    fn of_incompatible(why: &PeerIncompatible) -> Self {
        match why {
            // Older versions do not have that extension, and it is looked for first.
            PeerIncompatible::SignatureAlgorithmsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
            | PeerIncompatible::SupportedVersionsExtensionRequired => Self::Version,
            _ => Self::Parameters,
        }
    }

    fn of_certificate(why: &CertificateError) -> Self {
        match why {
            CertificateError::UnknownIssuer => Self::CertificateUnknown,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::CertificateExpired,
            CertificateError::Revoked => Self::CertificateRevoked,
            CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => Self::RevocationUnknown,
            _ => Self::CertificateBad,
        }
    }
}
