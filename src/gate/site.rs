//! Requests that another site made a browser send: its cookies come along, its user's wish does not
//! (RULES 22).

use super::refusal::Refusal;
use crate::head::{Credential, Head};
use crate::operation::Access;
use crate::reason::Reason;
use crate::route::Route;
use http::HeaderMap;
use http::header;

/// Lets a token in a cookie change something only where a page of a known site asks for it.
pub(super) fn admit(route: &Route, head: &Head, headers: &HeaderMap) -> Result<(), Refusal> {
    let Credential::Cookie(cookie) = &head.credential else {
        return Ok(());
    };
    let reads = head.method.is_safe()
        && route.operation.access == Access::Read
        && head.websocket.is_none()
        && !headers.contains_key(header::UPGRADE);
    if reads || cookie.own_site || is_listed(route, headers) {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::CrossSite,
        "the token is a cookie's, and no known origin asks for the change",
    ))
}

/// An origin whose pages may send credentials to the route.
fn is_listed(route: &Route, headers: &HeaderMap) -> bool {
    let cors = route.set.cors.as_ref().filter(|cors| cors.credentials);
    let origin = headers.get(header::ORIGIN);
    let (Some(cors), Some(origin)) = (cors, origin) else {
        return false;
    };
    let mut origins = cors.origins.iter();
    origins.any(|one| one.as_bytes() == origin.as_bytes())
}
