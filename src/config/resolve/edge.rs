//! Who a client is: token cookies, and the header that names hops.

use super::route::is_origin;
use crate::config::file::{ClientAddress, TokenCookies as Shape};
use crate::config::findings::Findings;
use crate::head::{HopHeader, TokenCookies};

/// Cookies that are tokens.
pub(super) fn token_cookies(shape: Option<&Shape>, findings: &mut Findings<'_>) -> TokenCookies {
    let Some(shape) = shape else {
        return TokenCookies::default();
    };
    for (at, origin) in shape.origins.iter().enumerate() {
        if !is_origin(origin) {
            let message = format!("`{origin}` is not an origin");
            let help = "write it like `https://app.example.com`: no path, no slash at the end";
            let pointer = format!("/listen/token_cookies/origins/{at}");
            findings.error(&pointer, "config_value", message, help);
        }
    }
    TokenCookies::new(&shape.names, &shape.origins).unwrap_or_else(|| {
        let message = "two of the names are one to readers that ignore case and punctuation";
        let help = "keep one of them";
        findings.error("/listen/token_cookies/names", "config_value", message, help);
        TokenCookies::default()
    })
}

/// The header that trusted proxies name hops in.
pub(super) fn hops(shape: ClientAddress) -> HopHeader {
    match shape {
        ClientAddress::XForwardedFor => HopHeader::ForwardedFor,
        ClientAddress::Forwarded => HopHeader::Forwarded,
    }
}
