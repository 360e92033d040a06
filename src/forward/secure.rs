//! TLS to an upstream: who it has to be, and in plain words why a handshake failed.

use crate::tls::Ends;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, ClientConfig, Error};
use std::fmt;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const HTTP1: &[u8] = b"http/1.1";

/// How an upstream is spoken to under TLS.
#[derive(Clone)]
pub struct Tls {
    /// What it is asked for, and what its certificate has to be for.
    pub name: ServerName<'static>,
    /// Whom to trust, and what to show.
    pub client: Arc<ClientConfig>,
    /// Of everything that `client` is made of: two with the same are the same.
    pub digest: [u8; 32],
    /// When the certificate that it is shown ends, if it is shown one.
    pub ends: Option<Ends>,
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.digest == other.digest
    }
}

impl Eq for Tls {}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The session on `stream`, for HTTP/1.1 alone if asked so; or what is wrong, for the audit record.
pub(super) async fn handshake(
    tls: &Tls,
    stream: TcpStream,
    alone: bool,
) -> Result<TlsStream<TcpStream>, String> {
    let connector = TlsConnector::from(Arc::clone(&tls.client));
    let offered = if alone {
        vec![HTTP1.to_vec()]
    } else {
        tls.client.alpn_protocols.clone()
    };
    let http1 = offered.iter().any(|one| one == HTTP1);
    let connector = connector.with_alpn(offered);
    let connected = connector.connect(tls.name.clone(), stream).await;
    let stream = connected.map_err(|error| {
        let cause = error
            .get_ref()
            .and_then(|cause| cause.downcast_ref::<Error>());
        cause.map_or_else(|| error.to_string(), |cause| explain(cause, tls))
    })?;
    let agreed = stream.get_ref().1.alpn_protocol();
    // A server without ALPN speaks HTTP/1.1, and only that.
    if agreed.is_none() && !http1 {
        return Err("it does not speak HTTP/2 (no protocol was agreed on by ALPN)".to_owned());
    }
    Ok(stream)
}

/// Whether HTTP/2 was agreed on.
pub(super) fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

fn explain(error: &Error, tls: &Tls) -> String {
    use CertificateError as Bad;
    let name = tls.name.to_str();
    match error {
        Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer => {
                "its certificate is signed by no authority that is trusted (`tls.ca`)".to_owned()
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                format!("its certificate is not for `{name}` (`tls.name`): {bad}")
            }
            Bad::Expired | Bad::ExpiredContext { .. } => {
                format!("its certificate has expired: {bad}")
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                format!("its certificate is not valid yet: {bad}")
            }
            other => format!("its certificate cannot be used: {other}"),
        },
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::InvalidMessage(_) => format!("it does not speak TLS: {error}"),
        other => other.to_string(),
    }
}

fn of_alert(alert: AlertDescription) -> String {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired => "it wants a client certificate (`tls.cert`)".to_owned(),
        Alert::UnknownCA
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::AccessDenied => {
            format!("it refuses our client certificate (`tls.cert`): {alert:?}")
        }
        Alert::NoApplicationProtocol => {
            "it speaks none of the protocols offered (`protocol`)".to_owned()
        }
        Alert::UnrecognisedName => "it does not know the name asked for (`tls.name`)".to_owned(),
        other => format!("it ended the handshake: {other:?}"),
    }
}
