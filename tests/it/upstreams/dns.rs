//! A name server that says what it is told.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What each name leads to. Names that are not here do not exist.
type Zone = Arc<Mutex<HashMap<String, Vec<Ipv4Addr>>>>;

/// A name server on loopback, by UDP.
pub(super) struct Dns {
    address: SocketAddr,
    zone: Zone,
    silent: Arc<AtomicBool>,
}

/// How long its answers hold, in seconds.
const TTL: u32 = 1;

impl Dns {
    pub(super) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = socket.local_addr().expect("a bound socket has an address");
        let zone = Zone::default();
        let silent = Arc::new(AtomicBool::new(false));
        let (known, about_ipv6) = (Arc::clone(&zone), Arc::clone(&silent));
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                let answer = answer(&packet[..length], &known);
                let heard = |(is_a, _): &(bool, _)| *is_a || !about_ipv6.load(Ordering::Relaxed);
                if let Some((_, answer)) = answer.filter(heard) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self {
            address,
            zone,
            silent,
        }
    }

    /// From now on it does not answer who asks for addresses of IPv6.
    pub(super) fn is_silent_about_ipv6(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on `name` leads to `addresses`.
    pub(super) fn says(&self, name: &str, addresses: &[Ipv4Addr]) {
        let mut zone = self.zone.lock().unwrap();
        zone.insert(name.to_owned(), addresses.to_vec());
    }

    /// From now on there is no `name`.
    pub(super) fn forgets(&self, name: &str) {
        self.zone.lock().unwrap().remove(name);
    }
}

/// RFC 1035, section 4: the head, the question as it came, and its records; and whether it asked for IPv4.
fn answer(packet: &[u8], zone: &Zone) -> Option<(bool, Vec<u8>)> {
    let mut at = 12;
    let mut labels = Vec::new();
    while let Some(length) = packet.get(at).copied().filter(|length| *length > 0) {
        let end = at + 1 + usize::from(length);
        labels.push(String::from_utf8_lossy(packet.get(at + 1..end)?).to_lowercase());
        at = end;
    }
    let question = packet.get(12..at + 5)?;
    let is_a = packet.get(at + 1..at + 3)? == [0, 1];
    let found = zone.lock().unwrap().get(&labels.join(".")).cloned();
    let code = if found.is_some() { 0 } else { 3 };
    let records = found.filter(|_| is_a).unwrap_or_default();
    let mut answer = packet.get(..2)?.to_vec();
    answer.extend([
        0x81,
        0x80 | code,
        0,
        1,
        0,
        u8::try_from(records.len()).ok()?,
        0,
        0,
        0,
        0,
    ]);
    answer.extend(question);
    for address in records {
        answer.extend([0xc0, 12, 0, 1, 0, 1]);
        answer.extend(TTL.to_be_bytes());
        answer.extend([0, 4]);
        answer.extend(address.octets());
    }
    Some((is_a, answer))
}
