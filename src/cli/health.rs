//! `palisade health`: asks `/readyz` of the gate that the same configuration starts.

use super::{complain, exit};
use crate::config;
use crate::fault;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// A health check that hangs is a bad one.
const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn run(path: &Path) -> ExitCode {
    let resolved = match config::load(path) {
        Ok(resolved) => resolved,
        Err(faults) => {
            complain(&fault::render(&faults));
            return ExitCode::from(exit::INVALID);
        }
    };
    match ready(reachable(resolved.admin.metrics)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            complain("palisade: not ready\n");
            ExitCode::from(exit::FAILED)
        }
        Err(error) => {
            complain(&format!(
                "palisade: no answer from {}: {error}\n",
                resolved.admin.metrics
            ));
            ExitCode::from(exit::FAILED)
        }
    }
}

/// A listener on all addresses is asked on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn ready(address: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    )?;
    let mut reply = [0; 12];
    stream.read_exact(&mut reply)?;
    Ok(&reply == b"HTTP/1.1 200")
}
