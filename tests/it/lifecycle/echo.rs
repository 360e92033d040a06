//! An upstream that answers each request with the target it was asked for, so that a reply can be told
//! from every other.

use crate::support::wire::{Side, Wire};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What is held back until somebody lets go.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    waiting: Mutex<usize>,
}

/// Answers with targets.
pub(crate) struct Echo {
    address: SocketAddr,
    gate: Arc<Gate>,
}

impl Echo {
    /// Listens. A target that ends with `hold` is answered after [`Echo::release`] only.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let gate = Arc::<Gate>::default();
        let shared = Arc::clone(&gate);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let gate = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &gate));
            }
        });
        Self { address, gate }
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests are held back.
    pub(crate) fn holds(&self) -> usize {
        *self.gate.waiting.lock().unwrap()
    }

    /// Answers what is held back, now and later.
    pub(crate) fn release(&self) {
        *self.gate.open.lock().unwrap() = true;
        self.gate.opened.notify_all();
    }
}

fn serve(stream: TcpStream, gate: &Gate) {
    // A reply in two packets would wait for the acknowledgement of the first.
    stream.set_nodelay(true).expect("a socket can be tuned");
    let mut wire = Wire::new(stream);
    while let Ok(Some(mut message)) = wire.head() {
        if wire.body(&mut message, Side::Request).is_err() {
            return;
        }
        let target = message.start.split(' ').nth(1).unwrap_or_default();
        if target.ends_with("hold") {
            *gate.waiting.lock().unwrap() += 1;
            let open = gate.open.lock().unwrap();
            drop(gate.opened.wait_while(open, |open| !*open).unwrap());
        }
        let length = target.len();
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{target}");
        if wire.stream().write_all(reply.as_bytes()).is_err() {
            return;
        }
    }
}
