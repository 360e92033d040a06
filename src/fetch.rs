//! A bounded GET: how Palisade reads a document from another server.
//!
//! Every fetch has a total time, a largest body and no redirects. The address is checked after the
//! name was resolved and the connection is made to that very address, so that a name which changes
//! its mind in between leads nowhere (RULES 43).

mod address;
mod url;

#[cfg(test)]
mod tests;

pub use url::{BadUrl, Url};

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Bounds of a fetch.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From the look-up of the name to the last byte of the body.
    pub total: Duration,
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// Whether loopback and link-local addresses may be asked. Off: a name that resolves to one is
    /// refused.
    pub allow_local: bool,
}

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The name does not resolve.
    #[error("`{host}` does not resolve: {cause}")]
    Name {
        /// The name.
        host: String,
        /// What the resolver says.
        cause: String,
    },
    /// The name leads to an address that must not be asked.
    #[error("`{host}` resolves to `{address}`, which may not be asked")]
    Address {
        /// The name.
        host: String,
        /// The first address that is refused.
        address: std::net::IpAddr,
    },
    /// Nothing accepts the connection.
    #[error("`{host}` cannot be reached: {cause}")]
    Connect {
        /// The name.
        host: String,
        /// What the system says.
        cause: String,
    },
    /// No trusted TLS session.
    #[error("no trusted TLS with `{host}`: {cause}")]
    Tls {
        /// The name.
        host: String,
        /// What the library says.
        cause: String,
    },
    /// What came back is not an HTTP response.
    #[error("not an HTTP response: {0}")]
    Http(String),
    /// Any status but 200, redirects included.
    #[error("the status is {0}, not 200")]
    Status(u16),
    /// The body is coded, which nobody asked for.
    #[error("the body has a content coding")]
    Coded,
    /// The body is too long.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// It took too long.
    #[error("no complete response within {0:?}")]
    Timeout(Duration),
}

/// Fetches documents. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    settings: Settings,
    tls: Arc<ClientConfig>,
}

impl Fetcher {
    /// A fetcher within `settings`, trusting what `tls` trusts.
    pub fn new(settings: Settings, tls: Arc<ClientConfig>) -> Self {
        Self { settings, tls }
    }

    /// The body of a 200 response to one GET on a connection of its own.
    pub async fn get(&self, url: &Url) -> Result<Bytes, Error> {
        let total = self.settings.total;
        tokio::time::timeout(total, self.get_untimed(url))
            .await
            .unwrap_or(Err(Error::Timeout(total)))
    }

    async fn get_untimed(&self, url: &Url) -> Result<Bytes, Error> {
        let stream = self.connect(url).await?;
        if !url.secure() {
            return self.exchange(url, stream).await;
        }
        let refused = |cause: String| Error::Tls {
            host: url.host().to_owned(),
            cause,
        };
        let name = ServerName::try_from(url.host().to_owned())
            .map_err(|error| refused(error.to_string()))?;
        let stream = tokio_rustls::TlsConnector::from(Arc::clone(&self.tls))
            .connect(name, stream)
            .await
            .map_err(|error| refused(error.to_string()))?;
        self.exchange(url, stream).await
    }

    async fn connect(&self, url: &Url) -> Result<TcpStream, Error> {
        let addresses = self.resolve(url).await?;
        let mut cause = "no address".to_owned();
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => cause = error.to_string(),
            }
        }
        Err(Error::Connect {
            host: url.host().to_owned(),
            cause,
        })
    }

    /// All of a name's addresses must be fit to be asked: a name that mixes ours with its own is
    /// somebody's attempt.
    async fn resolve(&self, url: &Url) -> Result<Vec<SocketAddr>, Error> {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((url.host(), url.port()))
            .await
            .map_err(|error| Error::Name {
                host: url.host().to_owned(),
                cause: error.to_string(),
            })?
            .take(ADDRESSES_MAX)
            .collect();
        let refused = addresses
            .iter()
            .find(|address| !address::may_ask(address.ip(), self.settings.allow_local));
        match refused {
            Some(address) => Err(Error::Address {
                host: url.host().to_owned(),
                address: address.ip(),
            }),
            None => Ok(addresses),
        }
    }

    async fn exchange<S>(&self, url: &Url, stream: S) -> Result<Bytes, Error>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| Error::Http(error.to_string()))?;
        let mut connection = pin!(connection);
        let mut answer = pin!(async {
            let response = sender
                .send_request(request(url)?)
                .await
                .map_err(|error| Error::Http(error.to_string()))?;
            self.read(response).await
        });
        // The connection is driven here and dies with this future: nothing outlives the time limit.
        tokio::select! {
            answer = &mut answer => answer,
            _ = &mut connection => answer.await,
        }
    }

    async fn read(&self, response: http::Response<hyper::body::Incoming>) -> Result<Bytes, Error> {
        if response.status() != StatusCode::OK {
            return Err(Error::Status(response.status().as_u16()));
        }
        if response.headers().contains_key(header::CONTENT_ENCODING) {
            return Err(Error::Coded);
        }
        let limit = self.settings.body_bytes_max;
        let body = Limited::new(response.into_body(), limit).collect().await;
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Error::TooLong(limit)),
            Err(error) => Err(Error::Http(error.to_string())),
        }
    }
}

fn request(url: &Url) -> Result<Request<Empty<Bytes>>, Error> {
    let host = HeaderValue::from_str(url.authority()).map_err(|e| Error::Http(e.to_string()))?;
    Request::get(url.path())
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, "palisade")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| Error::Http(error.to_string()))
}
