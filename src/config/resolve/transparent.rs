//! `listen.transparent`: addresses of its own, and ports that are nobody's of ours.

use super::listen::{address, own};
use crate::config::file::{Config, Transparent as Shape};
use crate::config::findings::Findings;
use crate::document::child;
use crate::listener::Transparent;
use std::net::SocketAddr;

const AT: &str = "/listen/transparent";

/// Where the kernel leads connections. `None`: nowhere, or it makes no sense.
pub(super) fn resolve(config: &Config, findings: &mut Findings<'_>) -> Option<Transparent> {
    let shape = config.listen.transparent.as_ref()?;
    let own: Vec<u16> = own(config).map(|(_, own)| own.port()).collect();
    ports(shape, &own, findings);
    Some(Transparent {
        addresses: addresses(shape, findings),
        ports: shape.ports.clone(),
    })
}

/// Every address that is one, as text and with its place.
pub(super) fn texts(shape: Option<&Shape>) -> impl Iterator<Item = (String, &String)> {
    let addresses = shape.into_iter().flat_map(|shape| &shape.addresses);
    let place = |at: usize| child(&child(AT, "addresses"), &at.to_string());
    addresses
        .enumerate()
        .map(move |(at, text)| (place(at), text))
}

fn addresses(shape: &Shape, findings: &mut Findings<'_>) -> Vec<SocketAddr> {
    let mut read = Vec::new();
    for (pointer, text) in texts(Some(shape)) {
        let Some(own) = address(findings, &pointer, text) else {
            continue;
        };
        if own.port() == 0 {
            let message = format!("`{text}` picks a port that no rule of iptables can name");
            let help = "write it like `0.0.0.0:15001` or `[::]:15001`";
            findings.error(&pointer, "config_value", message, help);
        }
        read.push(own);
    }
    read
}

/// A connection that was going to one of our own ports would come back to us, or pass by what that port
/// asks of its clients.
fn ports(shape: &Shape, own: &[u16], findings: &mut Findings<'_>) {
    for (at, port) in shape.ports.iter().enumerate() {
        let pointer = child(&child(AT, "ports"), &at.to_string());
        if *port == 0 {
            let message = "`0` is no port";
            findings.error(&pointer, "config_value", message, "write it like `80`");
        } else if own.contains(port) {
            let message = format!("`{port}` is a port of Palisade itself");
            let help = "list the ports of the service whose clients are redirected";
            findings.error(&pointer, "config_value", message, help);
        }
    }
}
