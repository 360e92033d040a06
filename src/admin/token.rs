//! The secret that opens the control listener.

use aws_lc_rs::{constant_time, digest, rand};
use std::fmt;

/// Shorter ones can be guessed.
const TOKEN_BYTES_MIN: usize = 16;

/// What [`ControlToken::random`] takes from the system's generator.
const RANDOM_BYTES: usize = 24;

/// A bearer token. It shows in no log.
#[derive(Clone)]
pub struct ControlToken {
    text: String,
    digest: digest::Digest,
}

/// The text cannot be a control token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It can be guessed.
    #[error("a control token has at least {TOKEN_BYTES_MIN} characters")]
    Short,
    /// It does not fit into an `Authorization` header.
    #[error("a control token is visible ASCII without spaces")]
    Characters,
    /// The system has no randomness to give.
    #[error("the system's random generator failed")]
    Random,
}

impl ControlToken {
    /// Takes the content of a token file, without the line feed at its end.
    pub fn new(text: &str) -> Result<Self, BadToken> {
        let text = text.trim_end_matches(['\r', '\n']);
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadToken::Characters);
        }
        if text.len() < TOKEN_BYTES_MIN {
            return Err(BadToken::Short);
        }
        Ok(Self {
            text: text.to_owned(),
            digest: digest::digest(&digest::SHA256, text.as_bytes()),
        })
    }

    /// A new one.
    pub fn random() -> Result<Self, BadToken> {
        use base64::Engine as _;
        let mut bytes = [0; RANDOM_BYTES];
        rand::fill(&mut bytes).map_err(|_| BadToken::Random)?;
        Self::new(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The secret itself, for whoever has to print it.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// Whether `sent` is the token. Takes equally long for every wrong one: digests are compared,
    /// so not even the length is told.
    pub(super) fn is(&self, sent: &[u8]) -> bool {
        let sent = digest::digest(&digest::SHA256, sent);
        constant_time::verify_slices_are_equal(self.digest.as_ref(), sent.as_ref()).is_ok()
    }
}

impl fmt::Debug for ControlToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_token_is_long_visible_and_hidden() {
        assert_eq!(ControlToken::new("short").unwrap_err(), BadToken::Short);
        assert_eq!(ControlToken::new("").unwrap_err(), BadToken::Short);
        let spaced = ControlToken::new("a token with spaces in it");
        assert_eq!(spaced.unwrap_err(), BadToken::Characters);
        let token = ControlToken::new("0123456789abcdef\n").unwrap();
        assert_eq!(token.reveal(), "0123456789abcdef");
        assert_eq!(format!("{token:?}"), "ControlToken(..)");
        let (one, two) = (
            ControlToken::random().unwrap(),
            ControlToken::random().unwrap(),
        );
        assert_ne!(one.reveal(), two.reveal());
    }
}
