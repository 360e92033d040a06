//! The address of a document, in the one form that is fetched.

use http::Uri;
use std::fmt;

/// An `http` or `https` URL without user information and fragment.
#[derive(Clone, PartialEq, Eq)]
pub struct Url {
    text: String,
    secure: bool,
    host: String,
    authority: String,
    port: u16,
    path: String,
}

/// The text is not such a URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL at all.
    #[error("not an absolute URL")]
    Syntax,
    /// Another scheme than `http` or `https`.
    #[error("the scheme is neither `https` nor `http`")]
    Scheme,
    /// A name or password in front of the host.
    #[error("user information in front of the host")]
    UserInfo,
    /// A `#fragment`, which is never sent.
    #[error("a fragment")]
    Fragment,
}

impl Url {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, BadUrl> {
        if text.contains('#') {
            return Err(BadUrl::Fragment);
        }
        let uri: Uri = text.parse().map_err(|_| BadUrl::Syntax)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(BadUrl::Scheme),
            None => return Err(BadUrl::Syntax),
        };
        let authority = uri.authority().ok_or(BadUrl::Syntax)?;
        if authority.as_str().contains('@') {
            return Err(BadUrl::UserInfo);
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if host.is_empty() {
            return Err(BadUrl::Syntax);
        }
        // A port that is no port must not become the scheme's own.
        let port = match authority.port_u16() {
            None if authority.as_str() == authority.host() => {
                if secure {
                    443
                } else {
                    80
                }
            }
            None | Some(0) => return Err(BadUrl::Syntax),
            Some(port) => port,
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            text: text.to_owned(),
            secure,
            host: host.to_owned(),
            authority: authority.as_str().to_owned(),
            port,
            path: path.to_owned(),
        })
    }

    /// Whether it is `https`.
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// The host, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none is named.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
