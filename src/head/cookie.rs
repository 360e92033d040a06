//! A token in a cookie (RULES 22): found where every reader finds it, or not at all.
//!
//! Readers of `Cookie` differ: some split at `,`, some take `;` in quotes for a part of the value, some
//! compare names in any case. A head in which one of them could see another token than we do is refused.

use super::{Error, fold, folds_to, single};
use http::Version;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use std::sync::Arc;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which cookies are tokens, and which sites may use them. The default: none.
#[derive(Clone, Debug, Default)]
pub struct TokenCookies {
    /// As sent, and folded.
    names: Vec<(Arc<str>, String)>,
    origins: Vec<String>,
}

/// A token that a browser sent by itself, whoever made it send the request.
#[derive(Clone)]
pub struct CookieToken {
    name: Arc<str>,
    pub(super) token: Arc<str>,
    /// An origin that the configuration lists for token cookies, or the browser itself, says that the
    /// request comes from a site of ours.
    pub own_site: bool,
}

/// What stands in the one token cookie.
pub(super) struct Found<'a> {
    name: &'a Arc<str>,
    value: &'a [u8],
}

impl TokenCookies {
    /// Cookies of these names, used by pages of these origins. `None`: two of the names fold to one.
    pub fn new(names: &[String], origins: &[String]) -> Option<Self> {
        let mut known: Vec<(Arc<str>, String)> = Vec::new();
        for name in names {
            let folded = fold(name).into_owned();
            if known.iter().any(|(_, other)| *other == folded) {
                return None;
            }
            known.push((name.as_str().into(), folded));
        }
        Some(Self {
            names: known,
            origins: origins.to_vec(),
        })
    }

    /// The one token cookie of a request.
    pub(super) fn find<'a>(&'a self, parts: &'a Parts) -> Result<Option<Found<'a>>, Error> {
        if self.names.is_empty() {
            return Ok(None);
        }
        let lines = parts.headers.get_all(header::COOKIE);
        // HTTP/2 may cut the list into several fields; in HTTP/1.1 one reader takes the first line and
        // another the last.
        if parts.version < Version::HTTP_2 && lines.iter().nth(1).is_some() {
            return Err(Error::HeaderRepeated(header::COOKIE));
        }
        let mut found = None;
        let mut spellings = 0;
        for line in lines {
            spellings += self.spellings(line.as_bytes());
            for (name, value) in pairs(line.as_bytes()) {
                if name.first() == Some(&b'$') {
                    return Err(Error::CookieAttribute);
                }
                let known = self
                    .names
                    .iter()
                    .find(|(known, _)| known.as_bytes() == name);
                if let Some((name, _)) = known {
                    found = Some(Found { name, value });
                }
            }
        }
        // Two of them, or one that is spelt or placed so that only some readers see it.
        if spellings > 1 || spellings != usize::from(found.is_some()) {
            return Err(Error::CookieAmbiguous);
        }
        Ok(found)
    }

    /// How many tokens the most lenient readers would see between them.
    fn spellings(&self, line: &[u8]) -> usize {
        let separates = |byte: &u8| matches!(byte, b';' | b',' | b'"');
        let names = line.split(separates).filter_map(|piece| {
            let end = piece.iter().position(|byte| *byte == b'=')?;
            let (name, _) = piece.split_at_checked(end)?;
            std::str::from_utf8(name.trim_ascii()).ok()
        });
        let is_known = |name: &&str| self.names.iter().any(|(_, known)| folds_to(name, known));
        names.filter(is_known).count()
    }

    /// The token of a cookie that was found. `None`: its value cannot be one.
    pub(super) fn token(
        &self,
        found: &Found<'_>,
        headers: &HeaderMap,
    ) -> Result<Option<CookieToken>, Error> {
        let origin = single(headers, &header::ORIGIN)?;
        let site = single(headers, &SEC_FETCH_SITE)?;
        let text = std::str::from_utf8(found.value).ok();
        let listed = |origin: &HeaderValue| {
            let mut origins = self.origins.iter();
            origins.any(|one| one.as_bytes() == origin.as_bytes())
        };
        Ok(text
            .filter(|text| super::read::is_token68(text))
            .map(|text| CookieToken {
                name: Arc::clone(found.name),
                token: text.into(),
                own_site: site.is_some_and(|site| site == "same-origin")
                    || origin.is_some_and(listed),
            }))
    }
}

impl CookieToken {
    /// Takes the token out of a request's cookies; every other cookie stays as it was sent.
    pub fn remove_from(&self, headers: &mut HeaderMap) {
        let lines = headers.get_all(header::COOKIE).iter();
        let kept: Vec<HeaderValue> = lines.filter_map(|line| self.without(line)).collect();
        headers.remove(header::COOKIE);
        for line in kept {
            headers.append(header::COOKIE, line);
        }
    }

    /// The line without the token; `None`: nothing is left of it.
    fn without(&self, line: &HeaderValue) -> Option<HeaderValue> {
        let is_token =
            |piece: &[u8]| pair(piece).is_some_and(|(name, _)| name == self.name.as_bytes());
        let pieces = line.as_bytes().split(|byte| *byte == b';');
        let kept: Vec<&[u8]> = pieces.filter(|piece| !is_token(piece)).collect();
        let kept = kept.join(&b';');
        let kept = kept.trim_ascii_start();
        if kept.is_empty() {
            return None;
        }
        HeaderValue::from_bytes(kept).ok()
    }
}

/// RFC 6265, section 4.2.1: pairs, each after `;` and a blank.
fn pairs(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|byte| *byte == b';').filter_map(pair)
}

fn pair(piece: &[u8]) -> Option<(&[u8], &[u8])> {
    let piece = piece.trim_ascii();
    let end = piece.iter().position(|byte| *byte == b'=')?;
    let (name, value) = piece.split_at_checked(end)?;
    Some((name, value.strip_prefix(b"=")?))
}
