//! The three parts of a compact JWS, in strict base64url, and its header.

use super::algorithm::Algorithm;
use super::error::Error;
use crate::document::json;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// The longest token that is looked at, in bytes.
pub(super) const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// No padding, and unused bits must be zero: one signature has one spelling.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(false),
);

/// A token taken apart; nothing of it is verified.
pub(super) struct Compact<'a> {
    /// What is signed: header and payload as sent.
    pub(super) message: &'a str,
    /// The signature as sent, known to be strict base64url.
    pub(super) signature: &'a str,
    payload: &'a str,
    header: &'a str,
}

/// What of a header matters.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
}

impl<'a> Compact<'a> {
    /// Takes `token` apart.
    pub(super) fn split(token: &'a str) -> Result<Self, Error> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Error::TooLong(token.len()));
        }
        let parts = Error::Shape("it has not three parts");
        let (message, signature) = token.rsplit_once('.').ok_or_else(|| parts.clone())?;
        let (header, payload) = message.split_once('.').ok_or_else(|| parts.clone())?;
        if payload.contains('.') {
            return Err(parts);
        }
        if signature.is_empty() {
            return Err(Error::Shape("it is not signed"));
        }
        decode(signature)?;
        Ok(Self {
            message,
            signature,
            payload,
            header,
        })
    }

    /// Reads the header.
    pub(super) fn header(&self) -> Result<Header, Error> {
        let header = object("header", self.header)?;
        // `crit` asks for what we do not know, `b64` changes what is signed, `zip` and `enc` mean
        // another kind of object, and a key that a token brings along proves nothing.
        for (name, complaint) in [
            ("crit", "`crit` is set"),
            ("b64", "`b64` is set"),
            ("zip", "`zip` is set"),
            ("enc", "`enc` is set"),
            ("jwk", "it brings its own key"),
        ] {
            if header.contains_key(name) {
                return Err(Error::Header(complaint));
            }
        }
        let algorithm = match header.get("alg") {
            Some(Value::String(name)) => {
                Algorithm::parse(name).ok_or_else(|| Error::Algorithm(cut(name)))?
            }
            Some(_) => return Err(Error::Header("`alg` is not a string")),
            None => return Err(Error::Header("`alg` is missing")),
        };
        Ok(Header {
            algorithm,
            kid: string(&header, "kid", "`kid` is not a string")?,
            typ: string(&header, "typ", "`typ` is not a string")?,
        })
    }

    /// Reads the claims.
    pub(super) fn claims(&self) -> Result<Map<String, Value>, Error> {
        object("claims", self.payload)
    }
}

/// Strict base64url.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, Error> {
    BASE64URL
        .decode(text)
        .map_err(|_| Error::Shape("a part is not strict base64url"))
}

/// The start of a text of the client's, for messages.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

fn object(part: &'static str, text: &str) -> Result<Map<String, Value>, Error> {
    json::read_object(&decode(text)?).map_err(|error| Error::Json {
        part,
        // The library's message may quote the input; its position is enough to find it.
        cause: format!("{:?} at column {}", error.classify(), error.column()),
    })
}

fn string(
    header: &Map<String, Value>,
    name: &str,
    complaint: &'static str,
) -> Result<Option<String>, Error> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Error::Header(complaint)),
    }
}
