//! An upstream that breaks HTTP as a test likes: what it does with each connection is a function.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// The upstream.
pub(crate) struct Script {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

/// One connection to it.
pub(crate) struct Line {
    stream: TcpStream,
    /// The head that was read last.
    head: String,
}

impl Script {
    /// Plays `play` on each connection, once a request's head was read.
    pub(crate) fn start(play: impl Fn(&mut Line) + Send + Sync + 'static) -> Self {
        Self::start_on([127, 0, 0, 1], play)
    }

    /// The same, on another address.
    pub(crate) fn start_on(
        address: [u8; 4],
        play: impl Fn(&mut Line) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(SocketAddr::from((address, 0)));
        let listener = listener.expect("the address has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, play) = (Arc::clone(&connections), Arc::new(play));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::Relaxed);
                let play = Arc::clone(&play);
                thread::spawn(move || {
                    let mut line = Line {
                        stream,
                        head: String::new(),
                    };
                    line.head();
                    play(&mut line);
                });
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// `http://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were ever made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Line {
    /// Reads to the end of the next head. `false`: there is none.
    pub(crate) fn head(&mut self) -> bool {
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(1) => seen.extend(byte),
                _ => return false,
            }
        }
        self.head = String::from_utf8_lossy(&seen).into_owned();
        true
    }

    /// The value of a field of that head, which has to be there.
    pub(crate) fn said(&self, name: &str) -> String {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let field = fields.find(|(one, _)| one.eq_ignore_ascii_case(name));
        field.expect("the field is there").1.to_owned()
    }

    /// Reads so many bytes. `None`: they did not come.
    pub(crate) fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// Reads so many bytes of a body and forgets them. `false`: they did not come.
    pub(crate) fn take(&mut self, bytes: u64) -> bool {
        let mut body = Read::take(&self.stream, bytes);
        std::io::copy(&mut body, &mut std::io::sink()).is_ok_and(|taken| taken == bytes)
    }

    /// Sends. `false`: nobody takes it any more.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends the same again and again, each after a pause, until nobody takes it.
    pub(crate) fn repeat(&mut self, bytes: &str, pause: Duration) {
        while self.send(bytes) {
            thread::sleep(pause);
        }
    }

    /// Waits until the other side closes.
    pub(crate) fn wait(&mut self) {
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }

    /// Sends nothing more; reads on.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// Closes without a word: the other side is told by a reset.
    pub(crate) fn reset(&mut self) {
        let stream = socket2::SockRef::from(&self.stream);
        let _ = stream.set_linger(Some(Duration::ZERO));
        let _ = stream.shutdown(std::net::Shutdown::Read);
    }
}
