//! Where an issuer's keys come from, and the way there.

use super::jwks::{JWKS_BYTES_MAX, Jwks};
use super::settings::{IssuerSettings, KeySource};
use super::store::FetchError;
use crate::document::json;
use crate::fetch::{self, Fetcher, Url};
use serde_json::Value;
use std::time::Duration;

/// From the look-up of the name to the last byte.
const FETCH_TOTAL: Duration = Duration::from_secs(5);

/// Where keys come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A file: they change with the configuration only.
    Fixed,
    /// Another server.
    Remote {
        /// The JWKS, or the discovery document.
        url: Url,
        /// The exact `issuer` that a discovery document must name; `None`: `url` is the JWKS.
        discovers: Option<String>,
        /// Whether `http` is good enough for the JWKS that discovery names.
        allow_local: bool,
        /// How to get it.
        fetcher: Fetcher,
    },
}

/// Why a source cannot be used: the key of the setting and the complaint.
pub(super) type Complaint = (&'static str, String);

impl Source {
    /// The source of those settings, and the keys of a file.
    pub(super) fn open(settings: &IssuerSettings) -> Result<(Self, Option<Jwks>), Complaint> {
        let (key, text, discovers) = match &settings.keys {
            KeySource::File { file, text } => {
                let set = Jwks::clean(text.as_bytes())
                    .map_err(|error| ("jwks.file", format!("`{file}`: {error}")))?;
                return Ok((Self::Fixed, Some(set)));
            }
            KeySource::Url { url } => ("jwks.url", url, None),
            KeySource::Discovery { url } => ("jwks.discovery", url, Some(settings.issuer.clone())),
        };
        let url = parse(text, settings.allow_local).map_err(|why| (key, why))?;
        let tls = crate::tls::client(settings.roots.as_deref())
            .map_err(|error| ("roots", error.to_string()))?;
        let bounds = fetch::Settings {
            total: FETCH_TOTAL,
            body_bytes_max: JWKS_BYTES_MAX,
            allow_local: settings.allow_local,
        };
        let source = Self::Remote {
            url,
            discovers,
            allow_local: settings.allow_local,
            fetcher: Fetcher::new(bounds, tls),
        };
        Ok((source, None))
    }

    /// Fetches the keys.
    pub(super) async fn fetch(&self) -> Result<Jwks, FetchError> {
        let Self::Remote {
            url,
            discovers,
            allow_local,
            fetcher,
        } = self
        else {
            return Err(FetchError::Discovery("is a file"));
        };
        let body = match discovers {
            None => fetcher.get(url).await?,
            Some(issuer) => {
                let document = fetcher.get(url).await?;
                let keys = discover(&document, issuer, *allow_local)?;
                fetcher.get(&keys).await?
            }
        };
        Ok(Jwks::clean(&body)?)
    }
}

/// Keys decide who everybody is: they come over TLS, unless the configuration says otherwise.
fn parse(text: &str, allow_local: bool) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a key URL: {error}"))?;
    if url.secure() || allow_local {
        Ok(url)
    } else {
        Err(format!("`{text}` would fetch keys over plain `http`"))
    }
}

/// The JWKS that a discovery document names, if the document is the issuer's.
fn discover(document: &[u8], issuer: &str, allow_local: bool) -> Result<Url, FetchError> {
    let document = json::read_object(document)
        .map_err(|_| FetchError::Discovery("is not a JSON object without doubled names"))?;
    if document.get("issuer").and_then(Value::as_str) != Some(issuer) {
        return Err(FetchError::Discovery("names another `issuer`"));
    }
    document
        .get("jwks_uri")
        .and_then(Value::as_str)
        .and_then(|text| parse(text, allow_local).ok())
        .ok_or(FetchError::Discovery("has no `jwks_uri` that may be asked"))
}
